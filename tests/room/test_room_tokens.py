"""When a token opens no room any more."""

from datetime import timedelta

import pytest
from livekit import api

from visavis.room.connection import TOKEN_LEEWAY_S, has_expired


@pytest.mark.parametrize(
    ("ttl_s", "expired"), [(600, False), (-TOKEN_LEEWAY_S / 2, False), (-TOKEN_LEEWAY_S - 5, True)]
)
def test_a_token_expires_with_the_leeway_of_the_server(ttl_s: float, expired: bool) -> None:
    token = (
        api.AccessToken("key", "s" * 40)
        .with_identity("ada")
        .with_ttl(timedelta(seconds=ttl_s))
        .with_grants(api.VideoGrants(room_join=True, room="hall"))
        .to_jwt()
    )
    assert has_expired(token) is expired
