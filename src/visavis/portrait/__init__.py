"""A portrait photo becomes an avatar, once per agent: :func:`visavis.portrait.build.build_avatar`."""
