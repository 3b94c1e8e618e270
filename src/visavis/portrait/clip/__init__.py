"""A short clip of a person as portrait: the head moves as in the clip, the lips are ours.

:func:`visavis.portrait.clip.build.build_clip_avatar` makes the avatar; docs/video-portraits.md tells how.
"""
