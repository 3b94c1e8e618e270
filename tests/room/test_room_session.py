"""An agent in a real room, as another participant sees and hears it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
from livekit import api, rtc
from numpy.typing import NDArray

from support.listener import AUDIBLE, listening, microphone, wait_until
from support.room_server import RoomServer, new_room
from visavis.avatar import Avatar
from visavis.face import INDEX
from visavis.media import read_audio
from visavis.performer import Performer
from visavis.room import SessionState, SpeechEnded, Stats, VideoConfig

pytestmark = pytest.mark.room


def pcm16(path: Path, rate_hz: int) -> np.ndarray:
    return np.clip(read_audio(path, rate_hz) * 32767, -32768, 32767).astype(np.int16)


async def test_picture_and_voice_arrive_as_asked_for(room_server: RoomServer, agent_in_room, speech_wav: Path) -> None:
    async with (
        agent_in_room(video=VideoConfig(width_px=320, height_px=240)) as agent,
        listening(room_server.url, room_server.token("ben", agent.room)) as ben,
    ):
        await wait_until(lambda: len(ben.frames) > 10, what="frames")
        assert ben.frames[-1].luma.shape == (240, 320)
        spoken = time.monotonic()
        agent.session.push(pcm16(speech_wav, 22_050), 22_050)
        agent.session.end_segment()
        await wait_until(lambda: ben.heard_at_s(spoken), what="the voice")
        ada = ben.room.remote_participants["ada"]
        sources = {publication.source for publication in ada.track_publications.values()}
        assert sources == {rtc.TrackSource.SOURCE_CAMERA, rtc.TrackSource.SOURCE_MICROPHONE}
        heard_s = ben.heard_at_s(spoken)
        assert heard_s is not None
        await wait_until(lambda: ben.frames[-1].at_s > heard_s + 1.2, what="frames of speech")
        assert 20 < sum(heard_s + 0.2 < frame.at_s < heard_s + 1.2 for frame in ben.frames) < 30
        await wait_until(lambda: any(isinstance(event, Stats) for event in agent.events), what="statistics")


async def test_lips_move_with_speech_and_rest_in_silence(
    room_server: RoomServer, agent_in_room, ada_avatar: Avatar, speech_wav: Path
) -> None:
    async with agent_in_room() as agent, listening(room_server.url, room_server.token("ben", agent.room)) as ben:
        await wait_until(lambda: len(ben.frames) > 10, what="frames")
        agent.session.push(pcm16(speech_wav, 48_000), 48_000)
        agent.session.end_segment()
        await wait_until(lambda: any(isinstance(event, SpeechEnded) for event in agent.events), what="the end")
        ended = time.monotonic()
        await wait_until(lambda: ben.frames[-1].at_s > ended + 2.5, what="silent frames")
        start = ben.heard_at_s(0.0)
        assert start is not None
        speaking = ben.mouth_motion(ada_avatar, start, start + 1.2)
        silent = ben.mouth_motion(ada_avatar, ended + 0.5, ended + 2.5)
        assert speaking > 5 * silent
        finished = next(event for event in agent.events if isinstance(event, SpeechEnded))
        assert not finished.interrupted
        assert finished.played_s == pytest.approx(len(read_audio(speech_wav, 48_000)) / 48_000, abs=0.01)


async def test_nothing_of_the_voice_is_lost(room_server: RoomServer, agent_in_room, small_video: VideoConfig) -> None:
    async with (
        agent_in_room(video=small_video) as agent,
        listening(room_server.url, room_server.token("ben", agent.room)) as ben,
    ):
        await wait_until(lambda: len(ben.sound) > 20, what="an audio track")
        before = await ben.repairs()
        tone = (np.sin(np.arange(3 * 48_000) * 2 * np.pi * 440 / 48_000) * 12_000).astype(np.int16)
        agent.session.push(tone, 48_000)
        agent.session.end_segment()
        await wait_until(lambda: any(isinstance(event, SpeechEnded) for event in agent.events), what="the end")
        await wait_until(lambda: ben.sound[-1][0] > ben.last_heard_s() + 0.5, what="silence")
        after = await ben.repairs()
        loud = [pcm for _, pcm in ben.sound if np.abs(pcm).max() > 6000]
        # a receiver on a busy machine stretches and conceals; all that was sent is in what it played
        stretched_s = after.stretched_s - before.stretched_s
        concealed_s = after.concealed_s - before.concealed_s
        assert len(loud) * 0.01 - stretched_s == pytest.approx(3.0 + concealed_s / 2, abs=0.06 + concealed_s / 2)


class LaboriousPerformer(Performer):
    """Takes two ticks' time to draw a frame, as on a machine with far too much to do."""

    def draw(self) -> NDArray[np.uint8]:
        time.sleep(2 / self.fps)
        return super().draw()


async def test_overload_costs_pictures_and_not_sound(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video, performer_kind=LaboriousPerformer) as agent,
        listening(room_server.url, room_server.token("ben", agent.room)) as ben,
    ):
        await wait_until(lambda: len(ben.sound) > 20, what="an audio track")
        tone = (np.sin(np.arange(4 * 48_000) * 2 * np.pi * 440 / 48_000) * 12_000).astype(np.int16)
        agent.session.push(tone, 48_000)
        agent.session.end_segment()
        start = await wait_until(lambda: ben.heard_at_s(0.0), what="the tone")
        await wait_until(lambda: any(isinstance(event, SpeechEnded) for event in agent.events), what="the end")
        await wait_until(lambda: ben.sound[-1][0] > ben.last_heard_s() + 0.5, what="silence")
        end = ben.last_heard_s()
        silent = [pcm for at_s, pcm in ben.sound if start < at_s < end and np.abs(pcm).max() < AUDIBLE]
        # Half of it would be missing if sound waited for frames; a little is the listener's, on the same two cores.
        assert len(silent) * 0.01 <= 0.5, "seconds of silence within the tone"
        seen = sum(start < frame.at_s < end for frame in ben.frames)
        assert 4 <= seen <= 80, "of a hundred frames some are given up, and some come all the same"


async def test_interruption_is_silence_at_once(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video) as agent,
        listening(room_server.url, room_server.token("ben", agent.room)) as ben,
    ):
        await wait_until(lambda: len(ben.sound) > 20, what="an audio track")
        tone = (np.sin(np.arange(5 * 48_000) * 2 * np.pi * 300 / 48_000) * 12_000).astype(np.int16)
        agent.session.push(tone, 48_000)
        await wait_until(lambda: ben.loudness_after(0.0) > 5000, what="the tone")
        agent.session.interrupt()
        interrupted = time.monotonic()
        ended = next(event for event in agent.events if isinstance(event, SpeechEnded))
        assert ended.interrupted
        assert 0 < ended.played_s < 2
        await wait_until(lambda: ben.sound[-1][0] > interrupted + 1.0, what="a second more")
        assert ben.last_heard_s() < interrupted + 0.5
        agent.session.push(tone[:24_000], 48_000)
        agent.session.end_segment()
        await wait_until(lambda: ben.heard_at_s(interrupted + 1.0), what="the next utterance")


async def test_a_microphone_moves_the_lips(
    room_server: RoomServer, agent_in_room, ada_avatar: Avatar, speech_wav: Path
) -> None:
    async with agent_in_room() as agent, listening(room_server.url, room_server.token("ben", agent.room)) as ben:
        await wait_until(lambda: len(ben.frames) > 10, what="frames")
        async with microphone(ben.room) as speak:
            await speak(np.zeros(24_000, np.int16))
            start = time.monotonic()
            await speak(pcm16(speech_wav, 48_000))
            end = time.monotonic()
            await speak(np.zeros(144_000, np.int16))
        speaking = ben.mouth_motion(ada_avatar, start + 0.3, end)
        silent = ben.mouth_motion(ada_avatar, end + 0.8, end + 2.8)
        assert speaking > 5 * silent
        assert ben.loudness_after(0.0) < 500, "the heard voice is not sent back unless asked for"
        heard = {event.listening_to for event in agent.events if isinstance(event, Stats)}
        assert "ben" in heard


def jaw_openings(avatar: Avatar, pcm: np.ndarray) -> np.ndarray:
    """How wide the jaw is open in every tick while ``pcm`` (48 kHz) is said."""
    performer = Performer(avatar)
    performer.push_audio(pcm, 48_000)
    performer.end_segment()
    openings = []
    while performer.queued_s > 0:
        performer.next_tick(render=len(openings) == 0)
        openings.append(float(performer.face[INDEX["jawOpen"]]))
    return np.array(openings)


async def test_a_relayed_voice_is_heard_in_step_with_the_lips(
    room_server: RoomServer, agent_in_room, ada_avatar: Avatar, speech_wav: Path
) -> None:
    pcm = pcm16(speech_wav, 48_000)
    async with (
        agent_in_room(relay_audio=True) as agent,
        listening(room_server.url, room_server.token("ben", agent.room)) as ben,
        microphone(ben.room) as speak,
    ):
        await wait_until(lambda: ben.sound and len(ben.frames) > 10, what="picture and sound")
        await speak(np.zeros(48_000, np.int16))
        await speak(pcm)
        await speak(np.zeros(48_000, np.int16))
    heard_s = ben.heard_at_s(0.0)
    assert heard_s is not None, "the voice is sent back"
    expected = jaw_openings(ada_avatar, pcm)
    begins_s = float(np.argmax(np.abs(pcm) > AUDIBLE)) / 48_000
    # how well the received lips fit the voice as it was heard, were they so much later than it
    lags_s = np.arange(-0.4, 0.41, 0.02)
    ticks_s = heard_s - begins_s + 0.04 * np.arange(len(expected))
    fits = [abs(np.corrcoef(expected, ben.mouth_brightness(ada_avatar, ticks_s + lag_s))[0, 1]) for lag_s in lags_s]
    best = int(np.argmax(fits))
    assert fits[best] > 0.5
    assert abs(lags_s[best]) <= 0.13, fits


async def test_other_agents_are_not_listened_to(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig, speech_wav: Path
) -> None:
    async with (
        agent_in_room(video=small_video) as agent,
        listening(room_server.url, room_server.token("robot", agent.room, kind="agent")) as robot,
        microphone(robot.room) as speak,
    ):
        await speak(pcm16(speech_wav, 48_000))
        await wait_until(lambda: any(isinstance(event, Stats) for event in agent.events), what="statistics")
        assert {event.listening_to for event in agent.events if isinstance(event, Stats)} == {None}


async def test_the_next_speaker_is_heard_when_one_leaves(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig, speech_wav: Path
) -> None:
    pcm = pcm16(speech_wav, 48_000)

    def heard() -> list[str | None]:
        return [event.listening_to for event in agent.events if isinstance(event, Stats)]

    async with agent_in_room(video=small_video) as agent:
        for name in ("ben", "carla"):
            async with (
                listening(room_server.url, room_server.token(name, agent.room)) as somebody,
                microphone(somebody.room) as speak,
            ):
                await speak(pcm)
                await wait_until(lambda name=name: name in heard(), what=name)
        await wait_until(lambda: heard()[-1] is None, what="nobody")


async def test_only_the_named_participant_is_listened_to(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig, speech_wav: Path
) -> None:
    async with (
        agent_in_room(listen_to="carla", video=small_video) as agent,
        listening(room_server.url, room_server.token("ben", agent.room)) as ben,
    ):
        async with microphone(ben.room) as speak:
            await speak(pcm16(speech_wav, 48_000))
        assert all(event.listening_to != "ben" for event in agent.events if isinstance(event, Stats))


async def test_the_name_is_set_where_the_token_allows_it(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    grants = {"can_update_own_metadata": True}
    async with agent_in_room(participant_name="Ada L.", grants=grants, video=small_video) as agent:
        assert agent.joined.warnings == ()
        async with listening(room_server.url, room_server.token("ben", agent.room)) as ben:
            await wait_until(lambda: ben.room.remote_participants["ada"].name == "Ada L.", what="the name")
    async with agent_in_room(participant_name="Ada L.", video=small_video) as agent:
        assert agent.joined.warnings == ("name_not_set",)


async def test_being_removed_ends_the_session(room_server: RoomServer, agent_in_room, small_video: VideoConfig) -> None:
    async with agent_in_room(video=small_video) as agent, room_server.api() as server:
        await server.room.remove_participant(api.RoomParticipantIdentity(room=agent.room, identity="ada"))
        end = await agent.running
        assert (end.state, end.reason) == (SessionState.LEFT, "removed")


async def test_the_end_of_the_room_ends_the_session(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with agent_in_room(video=small_video) as agent, room_server.api() as server:
        await server.room.delete_room(api.DeleteRoomRequest(room=agent.room))
        end = await agent.running
        assert (end.state, end.reason) == (SessionState.LEFT, "room_deleted")


async def test_another_with_its_identity_ends_the_session(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video) as agent,
        listening(room_server.url, room_server.token("ada", agent.room)),
    ):
        end = await agent.running
        assert (end.state, end.reason) == (SessionState.LEFT, "identity_taken")


async def test_nobody_to_talk_to_ends_the_session(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    room = new_room()
    # another agent is no company
    async with (
        agent_in_room(room=room, idle_timeout_s=1.5, video=small_video) as agent,
        listening(room_server.url, room_server.token("robot", room, kind="agent")),
    ):
        end = await agent.running
        assert (end.state, end.reason) == (SessionState.LEFT, "idle")


async def test_company_keeps_it_in_the_room(room_server: RoomServer, agent_in_room, small_video: VideoConfig) -> None:
    room = new_room()
    async with contextlib.AsyncExitStack() as company:
        # first: a server tells of somebody who publishes nothing up to three seconds late
        await company.enter_async_context(listening(room_server.url, room_server.token("ben", room)))
        async with agent_in_room(room=room, idle_timeout_s=1.0, video=small_video) as agent:
            await wait_until(lambda: sum(isinstance(event, Stats) for event in agent.events) >= 3, what="three seconds")
            assert not agent.running.done()
            await company.aclose()
            assert (await agent.running).reason == "idle"


async def test_leaving_leaves_nobody_behind(room_server: RoomServer, agent_in_room, small_video: VideoConfig) -> None:
    room = new_room()
    async with listening(room_server.url, room_server.token("ben", room)) as ben:
        async with agent_in_room(room=room, video=small_video) as agent:
            await wait_until(lambda: "ada" in ben.room.remote_participants, what="ada")
            agent.session.leave()
            assert (await agent.running).reason == "asked"
        await wait_until(lambda: "ada" not in ben.room.remote_participants, what="ada's absence")


async def test_with_nobody_to_look_at_it_hardly_anything_is_drawn(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with agent_in_room(video=small_video) as agent:

        def rates() -> list[float]:
            return [event.fps for event in agent.events if isinstance(event, Stats)]

        await wait_until(lambda: len(rates()) >= 3, what="measurements")
        assert rates()[-1] <= 2
        async with listening(room_server.url, room_server.token("robot", agent.room, kind="agent")):
            seen = len(rates())
            # who asks for the picture may be a person, until the server has said who it is
            await wait_until(lambda: len(rates()) >= seen + 2 and rates()[-1] <= 2, what="rest beside an agent")


async def test_a_silent_viewer_gets_a_moving_picture_at_once(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with agent_in_room(video=small_video) as agent:
        for name in ("ben", "carla"):
            async with listening(room_server.url, room_server.token(name, agent.room)) as viewer:
                await wait_until(lambda viewer=viewer: len(viewer.frames) > 10, what="frames")
                # the server tells of somebody who publishes nothing up to three seconds late
                gaps_s = np.diff([frame.at_s for frame in viewer.frames[:10]])
                assert np.median(gaps_s) < 0.5, "drawn once a second"


async def test_who_stays_but_does_not_look_costs_nothing_and_sees_again_at_once(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video) as agent,
        listening(room_server.url, room_server.token("ben", agent.room)) as ben,
    ):
        await wait_until(lambda: len(ben.frames) > 10, what="frames")
        [picture] = [
            publication
            for publication in ben.room.remote_participants["ada"].track_publications.values()
            if publication.kind == rtc.TrackKind.KIND_VIDEO
        ]

        def drawn() -> list[int]:
            return [event.frames_rendered for event in agent.events if isinstance(event, Stats)]

        picture.set_subscribed(False)
        await wait_until(lambda: len(drawn()) > 3 and drawn()[-1] - drawn()[-3] <= 1, 30, what="rest")
        drawn_before, seen_before = drawn()[-1], len(ben.frames)
        picture.set_subscribed(True)
        await wait_until(lambda: len(ben.frames) > seen_before + 5, what="frames again")
        await wait_until(lambda: drawn()[-1] > drawn_before + 5, what="drawing again")
