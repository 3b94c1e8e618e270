"""A participant that speaks through the avatar by byte streams, as LiveKit's agents do, where things go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from livekit.rtc._proto.room_pb2 import SimulateScenarioKind

from support.listener import listening, wait_until
from support.room_server import RoomServer
from support.speaker import AGENT, ON_BEHALF, TONE_HZ, speaker, tone
from visavis.room import RoomSession, VideoConfig

pytestmark = pytest.mark.room

INTERRUPTED = {"playback_position": 0.0, "interrupted": True, "synchronized_transcript": None}


def seen_by(session: RoomSession) -> Mapping[str, Any]:
    """Whom the server has told the avatar of: up to three seconds late, where they publish nothing."""
    room = session._agent_stream._room
    assert room is not None
    return room.remote_participants


def whole(duration_s: float) -> dict[str, Any]:
    """The answer to an utterance that is played to its end."""
    position = pytest.approx(duration_s, abs=0.05)
    return {"playback_position": position, "interrupted": False, "synchronized_transcript": None}


async def test_an_utterance_whose_end_is_lost_in_a_new_connection_is_answered_once(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
    ):
        writer = await agent.open()
        await writer.write(tone(1.0))
        await asyncio.sleep(0.5)
        republished = asyncio.Event()
        avatar_room = avatar.session._agent_stream._room
        avatar_room.on("local_track_republished", lambda *_: republished.set())
        await avatar_room.simulate_scenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
        await asyncio.wait_for(republished.wait(), 20)
        await wait_until(lambda: len(agent.finished) == 1, 8, "an answer long before a stalled stream is given up")
        assert agent.finished[0]["playback_position"] == pytest.approx(1.0, abs=0.05)

        await agent.say(0.5)
        await wait_until(lambda: len(agent.finished) == 2, 8, "the next answer")
        await asyncio.sleep(1)
        assert len(agent.finished) == 2
        assert agent.finished[1] == {
            "playback_position": pytest.approx(0.5, abs=0.05),
            "interrupted": False,
            "synchronized_transcript": None,
        }


@pytest.mark.parametrize(
    ("rate_hz", "channels"), [(8_000, 1), (22_050, 1), (44_100, 2), (48_000, 2)], ids=lambda value: str(value)
)
async def test_any_sample_rate_in_chunks_of_any_size(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig, rate_hz: int, channels: int
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        listening(room_server.url, room_server.token("ben", avatar.room)) as ben,
        speaker(room_server, avatar.room) as agent,
    ):
        await wait_until(lambda: len(ben.sound) > 20, what="an audio track")
        writer = await agent.open(sample_rate=str(rate_hz), num_channels=str(channels))
        data = tone(1.0, rate_hz, channels)
        sizes = cycle((1, 3, 4_801, 2, 15_001, 777))
        while data:
            size = next(sizes)
            await writer.write(data[:size])
            data = data[size:]
        await writer.aclose()
        await wait_until(lambda: agent.finished, what="the answer")
        await wait_until(lambda: ben.sound[-1][0] > ben.last_heard_s() + 0.5, what="silence")
        assert agent.finished == [whole(1.0)]
        heard = np.concatenate([pcm for _, pcm in ben.sound if abs(pcm).max() > 4_000])
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
        assert np.argmax(spectrum) * 48_000 / len(heard) == pytest.approx(TONE_HZ, abs=10)


@pytest.mark.parametrize("attributes", [{"sample_rate": "fast"}, {"sample_rate": "0"}, {"num_channels": "6"}])
async def test_a_stream_that_does_not_tell_what_it_is_is_answered_too(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig, attributes: dict[str, str]
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
    ):
        writer = await agent.open(**attributes)
        await writer.aclose()
        await wait_until(lambda: agent.finished, what="the answer")
        await agent.say(0.3)
        await wait_until(lambda: len(agent.finished) == 2, what="the answer to the next one")
        assert agent.finished == [INTERRUPTED, whole(0.3)]


async def test_a_stalled_stream_goes_on_where_it_stopped(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
    ):
        writer = await agent.open()
        await writer.write(tone(0.5))
        await asyncio.sleep(2.5)  # a text-to-speech that hangs
        assert (agent.started, agent.finished) == (1, [])
        await writer.write(tone(0.5))
        await writer.aclose()
        await wait_until(lambda: agent.finished, what="the answer")
        assert (agent.started, agent.finished) == (1, [whole(1.0)])


async def test_an_end_that_never_comes_is_given_up_when_the_next_utterance_waits(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
    ):
        endless = await agent.open()
        await endless.write(tone(0.4))
        await agent.say(0.8)
        await wait_until(lambda: len(agent.finished) == 2, what="both answers")
        assert agent.finished == [whole(0.4), whole(0.8)]
        await endless.aclose()  # late, and nobody cares
        await agent.say(0.3)
        await wait_until(lambda: len(agent.finished) == 3, what="the third answer")
        assert agent.finished[2:] == [whole(0.3)]


async def test_an_end_that_never_comes_is_given_up_in_the_long_run(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavis.room.agent_stream.STALLED_S", 1.5)
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
    ):
        endless = await agent.open()
        await endless.write(tone(2.5))  # all of which is played before anything is given up
        await wait_until(lambda: agent.finished, what="the answer")
        assert agent.finished == [whole(2.5)]


async def test_an_agent_that_vanishes_is_silent_and_told_when_it_is_back(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        listening(room_server.url, room_server.token("ben", avatar.room)) as ben,
    ):
        async with speaker(room_server, avatar.room) as agent:
            await wait_until(lambda: AGENT in seen_by(avatar.session), what="the agent")
            endless = await agent.open()
            await endless.write(tone(30))
            await wait_until(lambda: ben.loudness_after(0.0) > 4_000, what="the tone")
            # what has not arrived is lost with the agent, and what has might be over before that is noticed
            await wait_until(lambda: avatar.session._performer.queued_s > 20, 20, what="all of the tone")
        await wait_until(lambda: ben.sound[-1][0] > ben.last_heard_s() + 0.5, what="silence")
        async with speaker(room_server, avatar.room) as agent:
            await wait_until(lambda: agent.finished, what="the answer that was owed")
            assert agent.finished[0]["interrupted"]
            assert 0 < agent.finished[0]["playback_position"] < 30
            await agent.say(0.5)
            await wait_until(lambda: len(agent.finished) == 2, what="the next answer")
            assert agent.finished[1:] == [whole(0.5)]


async def test_an_agent_on_a_new_connection_is_answered_once(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
    ):
        await wait_until(lambda: AGENT in seen_by(avatar.session), what="the agent")
        await agent.say(2.0)
        await wait_until(lambda: agent.started, what="the tone")
        await agent.room.simulate_scenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
        await wait_until(lambda: agent.finished, what="the answer")
        await agent.say(0.5)
        await wait_until(lambda: len(agent.finished) == 2, what="the next answer")
        assert agent.finished == [whole(2.0), whole(0.5)]


async def test_a_second_agent_is_refused(room_server: RoomServer, agent_in_room, small_video: VideoConfig) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
        speaker(room_server, avatar.room, "another-agent") as other,
    ):
        await agent.say(1.5)
        await wait_until(lambda: agent.started, what="the tone")
        await other.say(5.0)
        assert await other.clear() == "reject"
        await wait_until(lambda: agent.finished, what="the answer")
        await agent.say(0.5)
        await wait_until(lambda: len(agent.finished) == 2, what="the next answer")
        assert agent.finished == [whole(1.5), whole(0.5)]
        assert (other.started, other.finished) == (0, [])


async def test_where_the_token_names_nobody_the_first_agent_has_the_avatar_until_it_leaves(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video) as avatar,
        speaker(room_server, avatar.room, "another-agent") as other,
    ):
        async with speaker(room_server, avatar.room) as agent:
            await agent.say(0.3)  # before the avatar has been told of it
            await wait_until(lambda: agent.finished, what="the answer")
            await wait_until(lambda: AGENT in seen_by(avatar.session), what="the agent")
            await other.say(0.3)
            assert await other.clear() == "reject"
        await wait_until(lambda: AGENT not in seen_by(avatar.session), what="its leave")
        await other.say(0.5)
        await wait_until(lambda: other.finished, what="the answer to its successor")
        assert agent.finished == [whole(0.3)]
        assert other.finished == [whole(0.5)]


async def test_somebody_who_is_no_agent_does_not_speak_through_the_avatar(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video) as avatar,
        speaker(room_server, avatar.room, "somebody", kind="") as somebody,
    ):
        await wait_until(lambda: "somebody" in seen_by(avatar.session), what="somebody")
        await somebody.say(0.5)
        assert await somebody.clear() == "reject"
        assert avatar.session.is_drained


async def test_an_avatar_that_returns_as_the_same_participant_owes_one_answer(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
    ):
        await agent.say(30)
        await wait_until(lambda: agent.started, what="the tone")
        async with agent_in_room(room=avatar.room, video=small_video, grants=ON_BEHALF, resumes=True):
            await wait_until(lambda: agent.finished, what="the answer that was owed")
            await agent.say(0.5)
            await wait_until(lambda: len(agent.finished) == 2, what="the next answer")
            assert agent.finished == [INTERRUPTED, whole(0.5)]
