"""An agent over a WebSocket: a real server, real processes, a real client."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import psutil
import pytest
import soundfile
from api_server import API_KEY, Serve, error_of, serve, until_built
from livekit import api
from numpy.typing import NDArray
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from support.listener import mouth_box
from support.stream_client import END, HEADER, KEY, SOUND, START, Received, StreamClient, stream_url, streaming
from visavis.api.routes import stream as route
from visavis.avatar import Avatar
from visavis.face import INDEX
from visavis.media import read_audio
from visavis.performer import Performer
from visavis.placement import streams
from visavis.placement.channel import Channel
from visavis.placement.streams import RunningStream
from visavis.stream import StreamConfig

RATE_HZ = 24_000
OUT_HZ = 48_000
SMALL = {"width": 128, "height": 128}
QUIET = 20
"""Rounding and filters leave so much, of 32768."""


@pytest.fixture(scope="module")
def built_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the agent ada is ready."""
    data_dir = tmp_path_factory.mktemp("visavis") / "data"

    async def build() -> None:
        async with serve(data_dir, demo_agents=True) as client:
            assert (await until_built(client, "ada"))["status"] == "ready"

    asyncio.run(build())
    return data_dir


@pytest.fixture
def with_ada(built_data_dir: Path, tmp_path: Path) -> Serve:
    data_dir = tmp_path / "data"
    shutil.copytree(built_data_dir, data_dir)
    return lambda **overrides: serve(data_dir, **overrides)


@pytest.fixture
async def http(with_ada: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with with_ada() as client:
        yield client


@pytest.fixture(scope="session")
def voice(speech_wav: Path) -> NDArray[np.int16]:
    """Two seconds of speech, trimmed to where the voice begins."""
    speech = read_audio(speech_wav, RATE_HZ)
    return np.asarray(speech[int(np.argmax(np.abs(speech) > 0.03)) :] * 32767, np.int16)


def tone(seconds: float, rate_hz: int = RATE_HZ) -> NDArray[np.int16]:
    return np.asarray(np.sin(np.arange(round(seconds * rate_hz)) * 2 * np.pi * 300 / rate_hz) * 12_000, np.int16)


def hello(**fields: Any) -> dict[str, Any]:
    return {"sample_rate": RATE_HZ, "video": SMALL} | fields


def sounding_s(client: StreamClient, segment: int) -> float:
    """How much of a segment came."""
    return sum(sound.duration for sound in client.sounds if sound.segment == segment) / OUT_HZ


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[psutil.Process]:
    """The processes of the streams that the test opens, as they come."""
    started: list[psutil.Process] = []
    begin = RunningStream.__init__

    def note(self: RunningStream, config: StreamConfig, channel: Channel, process: ForkServerProcess, *to: Any) -> None:
        started.append(psutil.Process(process.pid))
        begin(self, config, channel, process, *to)

    monkeypatch.setattr(RunningStream, "__init__", note)
    return started


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


async def until(holds: Callable[[], bool], what: str) -> None:
    for _ in range(1500):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"still waiting for {what}")


async def test_a_segment_is_played_whole_and_answered_once(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        (ready,) = await client.until_event("ready")
        assert ready | {"stream_id": ""} == {
            "type": "ready", "stream_id": "", "agent_id": "ada", "driver": "segments",
            "sample_rate": RATE_HZ, "channels": 1, "output_sample_rate": OUT_HZ,
            "video": {"format": "jpeg", "width": 128, "height": 128, "fps": 25},
        }  # fmt: skip
        said = tone(1.0)
        for start in range(0, len(said), 700):
            await client.push(said[start : start + 700])
        await client.say({"type": "end_segment"})
        (finished,) = await client.until_event("playback_finished")
        await client.until_event("stats", len(client.events("stats")) + 1)
        assert finished == {
            "type": "playback_finished", "segment": 1, "generation": 0, "interrupted": False,
            "playback_position": pytest.approx(1.0, abs=1e-3),
        }  # fmt: skip
        (started,) = client.events("playback_started")
        first = next(sound for sound in client.sounds if sound.segment == 1)
        assert (first.flags & START, first.pts) == (START, started["pts"])
        assert [sound.flags & END for sound in client.sounds if sound.segment == 1][-1] == END
        (loud,) = np.nonzero(np.abs(client.heard) > QUIET)
        assert loud[-1] - loud[0] == pytest.approx(OUT_HZ, rel=0.002)
        assert len(client.events("playback_finished")) == 1
        assert client.log.index(started) < client.log.index(first) < client.log.index(finished)


async def test_pictures_and_sound_share_one_clock(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        await client.until(lambda: len(client.pictures) > 25, what="pictures")
        assert len(client.heard) > 0, "without gaps"
        at = {sound.pts for sound in client.sounds}
        assert all(picture.pts in at and picture.duration == OUT_HZ // 25 for picture in client.pictures)
        assert all(picture.flags == KEY and picture.image.shape == (128, 128, 3) for picture in client.pictures)
        assert client.sounds[0].pts == 0


def picture_file(bgr: tuple[int, int, int]) -> bytes:
    return bytes(cv2.imencode(".png", np.full((90, 160, 3), bgr, np.uint8))[1])


async def corner(http: httpx.AsyncClient, **video: Any) -> NDArray[np.float64]:
    """The colour of the picture's upper left corner, BGR."""
    async with streaming(http.base_url, API_KEY, hello=hello(video=SMALL | video)) as client:
        await client.until(lambda: len(client.pictures) > 2, what="pictures")
        return np.asarray(client.pictures[-1].image[:8, :8].mean(axis=(0, 1)))


async def test_an_agent_stands_before_the_picture_it_was_given(http: httpx.AsyncClient) -> None:
    own = await corner(http)
    answer = await http.put("/v1/agents/ada/background", files={"picture": picture_file((20, 60, 220))})
    assert (answer.status_code, answer.json()["settings"]["video"]["background"]) == (200, "picture")
    assert np.abs(await corner(http) - (20, 60, 220)).max() < 12
    assert np.abs(await corner(http, background="#0000ff") - (255, 0, 0)).max() < 12
    answer = await http.delete("/v1/agents/ada/background")
    assert (answer.status_code, answer.json()["settings"].get("video")) == (200, None)
    assert np.abs(await corner(http) - own).max() < 12


async def test_a_picture_that_an_agent_does_not_have_is_missed(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello(video=SMALL | {"background": "picture"})) as client:
        await client.close_code()
        assert client.error["code"] == "background_missing"
        assert "/v1/agents/ada/background" in client.error["hint"]


@pytest.mark.parametrize(
    ("agent_id", "picture", "status", "code"),
    [
        ("ada", b"a beach", 422, "background_unreadable"),
        ("ada", b"x" * (8 * 1024 * 1024 + 1), 413, "background_too_large"),
        ("nobody", picture_file((0, 0, 0)), 404, "agent_not_found"),
    ],
)
async def test_what_is_no_background_is_refused(
    http: httpx.AsyncClient, agent_id: str, picture: bytes, status: int, code: str
) -> None:
    answer = await http.put(f"/v1/agents/{agent_id}/background", files={"picture": picture})
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


async def test_the_lips_move_in_step_with_the_sound(
    http: httpx.AsyncClient, ada_avatar: Avatar, voice: NDArray[np.int16]
) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello(video={"width": 512, "height": 512})) as client:
        await client.until(lambda: len(client.pictures) > 10, what="pictures")
        await client.push(voice, end=True)
        await client.until_event("playback_finished")
        begins_pts = client.events("playback_started")[0]["pts"]
        performer = Performer(ada_avatar, width_px=128, height_px=128)
        performer.push_audio(voice, RATE_HZ)
        performer.end_segment()
        expected = []
        while performer.queued_s > 0:
            performer.next_tick(render=False)
            expected.append(float(performer.face[INDEX["jawOpen"]]))
        x0, y0, x1, y1 = mouth_box(ada_avatar)
        levels = [float(picture.image[y0:y1, x0:x1].mean()) for picture in client.pictures]
        seen_s = np.array([picture.pts - begins_pts for picture in client.pictures]) / OUT_HZ
        # how well the pictures fit the sound that they came with, were they so much later than it
        lags_s = np.arange(-0.2, 0.21, 0.02)
        due_s = np.arange(len(expected)) / 25
        fits = [abs(np.corrcoef(expected, np.interp(due_s + lag_s, seen_s, levels))[0, 1]) for lag_s in lags_s]
        assert max(fits) > 0.6
        assert abs(lags_s[int(np.argmax(fits))]) <= 0.021, fits


async def test_segments_are_queued_and_each_is_answered_once_in_order(http: httpx.AsyncClient) -> None:
    lengths_s = [0.30, 0.05, 0.0, 0.42, 0.20]
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        for number, length_s in enumerate(lengths_s, 1):
            await client.push(tone(length_s), segment=10 * number, end=number % 2 == 0)
        await client.say({"type": "end_segment"})
        finished = await client.until_event("playback_finished", len(lengths_s))
        await client.until_event("stats", len(client.events("stats")) + 1)
        assert finished == client.events("playback_finished")
        assert [(event["segment"], event["interrupted"]) for event in finished] == [
            (10 * number, False) for number in range(1, 6)
        ]
        assert [event["playback_position"] for event in finished] == pytest.approx(lengths_s, abs=1e-3)
        assert [event["segment"] for event in client.events("playback_started")] == [10, 20, 30, 40, 50]
        assert client.events("stats")[-1]["segments_played"] == 5


async def test_an_interruption_is_silence_and_closed_lips_at_once(
    http: httpx.AsyncClient, ada_avatar: Avatar, voice: NDArray[np.int16]
) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello(video={"width": 512, "height": 512})) as client:
        await client.push(np.concatenate([voice] * 3), segment=1, end=True)
        await client.push(voice, segment=2, end=True)
        await client.push(voice, segment=3)
        await client.until(lambda: sounding_s(client, 1) > 0.8, what="a part of the first")
        await client.interrupt()
        await client.push(voice, segment=4, end=True)
        (interrupted,) = await client.until_event("interrupted")
        finished = await client.until_event("playback_finished", 4)
        assert interrupted["generation"] == 1
        assert [(event["segment"], event["generation"], event["interrupted"]) for event in finished] == [
            (1, 0, True), (2, 0, True), (3, 0, True), (4, 1, False)
        ]  # fmt: skip
        # what was heard of the first is what came of it before the silence, but for the tick that was being played
        assert sounding_s(client, 1) - 0.041 <= finished[0]["playback_position"] <= sounding_s(client, 1)
        assert [event["playback_position"] for event in finished[1:3]] == [0, 0]
        assert finished[3]["playback_position"] == pytest.approx(len(voice) / RATE_HZ, abs=1e-3)
        cut = client.log.index(interrupted)
        assert all(sound.generation == (client.log.index(sound) > cut) for sound in client.sounds)
        assert client.heard.any(), "one clock before and after"


async def test_lips_close_when_interrupted(
    http: httpx.AsyncClient, ada_avatar: Avatar, voice: NDArray[np.int16]
) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello(video={"width": 512, "height": 512})) as client:
        await client.until(lambda: len(client.pictures) > 12, what="a closed mouth")
        closed_until = client.pictures[-1].pts
        await client.push(np.concatenate([voice] * 3), end=True)
        await client.until(lambda: sounding_s(client, 1) > 1.2, what="speech")
        await client.interrupt()
        await client.until(
            lambda: (
                client.pictures[-1].generation == 1
                and client.pictures[-1].pts - next(s.pts for s in client.sounds if s.generation == 1) > OUT_HZ // 2
            ),
            what="half a second of silence",
        )
        silent_from = next(sound.pts for sound in client.sounds if sound.generation == 1)
        silence = np.concatenate([sound.pcm for sound in client.sounds if sound.generation == 1])
        assert np.abs(silence).max() == 0
        x0, y0, x1, y1 = mouth_box(ada_avatar)
        rest = cv2.cvtColor(client.pictures[0].image, cv2.COLOR_BGR2GRAY)[y0:y1, x0:x1]

        def unlike_rest(picture: Received) -> float:
            # wherever the head has moved meanwhile
            around = cv2.cvtColor(picture.image, cv2.COLOR_BGR2GRAY)[y0 - 30 : y1 + 30, x0 - 30 : x1 + 30]
            return 1 - float(cv2.matchTemplate(around, rest, cv2.TM_CCOEFF_NORMED).max())

        apart = {picture.pts: unlike_rest(picture) for picture in client.pictures}
        open_mouth = max(value for pts, value in apart.items() if closed_until < pts < silent_from)
        shut = max(value for pts, value in apart.items() if pts >= silent_from + 0.2 * OUT_HZ)
        assert shut < 0.3 * open_mouth, (shut, open_mouth)


async def test_a_client_that_buffers_says_what_it_had_played(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        await client.push(tone(5), end=True)
        (started,) = await client.until_event("playback_started")
        await client.until(lambda: sounding_s(client, 1) > 1.0, what="a second")
        await client.interrupt(played_pts=started["pts"] + round(0.3 * OUT_HZ))
        (finished,) = await client.until_event("playback_finished")
        assert (finished["interrupted"], finished["playback_position"]) == (True, pytest.approx(0.3, abs=1e-4))


async def test_sound_from_before_an_interruption_is_dropped(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        await client.interrupt()
        client.generation = 0
        await client.push(tone(1), end=True)
        client.generation = 1
        await client.push(tone(0.2), end=True)
        (finished,) = await client.until_event("playback_finished")
        assert (finished["segment"], finished["playback_position"]) == (1, pytest.approx(0.2, abs=1e-3))
        await client.until(lambda: any(s["pcm_dropped"] == 1 for s in client.events("stats")), what="the count")


@pytest.mark.parametrize(
    ("rate_hz", "channels", "out_hz"), [(8_000, 1, 16_000), (44_100, 2, 24_000), (48_000, 1, 44_100)]
)
async def test_any_rate_and_one_or_two_channels(
    http: httpx.AsyncClient, rate_hz: int, channels: int, out_hz: int
) -> None:
    asked = hello(sample_rate=rate_hz, channels=channels, output_sample_rate=out_hz, video=SMALL | {"fps": 30})
    async with streaming(http.base_url, API_KEY, hello=asked) as client:
        said = np.repeat(tone(0.7, rate_hz), channels)
        for start in range(0, len(said), 2222):
            await client.push(said[start : start + 2222], end=start + 2222 >= len(said))
        (finished,) = await client.until_event("playback_finished")
        assert finished["playback_position"] == pytest.approx(0.7, abs=2e-3)
        (loud,) = np.nonzero(np.abs(client.heard) > QUIET)
        middle = client.heard[loud[0] + out_hz // 4 :][: out_hz // 5]
        assert np.argmax(np.abs(np.fft.rfft(middle))) * 5 == 300


@pytest.mark.parametrize("name", ["h264", "vp8"])
async def test_encoded_video_with_a_key_frame_when_asked(http: httpx.AsyncClient, name: str) -> None:
    video = SMALL | {"format": name, "bitrate": 300_000}
    async with streaming(http.base_url, API_KEY, hello=hello(video=video)) as client:
        await client.until(lambda: len(client.pictures) >= 10, what="pictures")
        await client.say({"type": "key_frame"})
        await client.until(lambda: sum(p.flags & KEY for p in client.pictures) == 2, what="a key frame")
        later = len(client.pictures) + 5
        await client.until(lambda: len(client.pictures) >= later, what="more")
        pictures = client.pictures
        decoder = av.CodecContext.create(name, "r")
        shown = [frame for picture in pictures for frame in decoder.decode(av.Packet(picture.payload))]
        assert len(shown) >= len(pictures) - 1
        assert (shown[-1].width, shown[-1].height) == (128, 128)
        assert shown[-1].to_ndarray(format="gray").std() > 20


async def test_live_sound_is_followed_like_a_microphone(http: httpx.AsyncClient, voice: NDArray[np.int16]) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello(driver="live", look_ahead_ms=40)) as client:
        await client.until_event("ready")
        for start in range(0, len(voice), RATE_HZ // 50):
            await client.push(voice[start : start + RATE_HZ // 50])
            await asyncio.sleep(0.02)
        await client.until(lambda: np.abs(client.heard).max(initial=0) > 3000, what="the voice")
        await client.interrupt()
        await client.until(lambda: client.sounds[-1].generation == 1, what="the interruption")
        assert {sound.segment for sound in client.sounds} == {0}
        assert client.events("playback_started", "playback_finished", "error") == []


async def test_a_text_is_said_in_its_turn(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        await client.say({"type": "speak", "text": "Hello there."})
        await client.push(tone(0.3), end=True)
        await client.say({"type": "speak", "text": "nuqneH", "language": "klingon"})
        finished = await client.until_event("playback_finished", 3)
        assert [event["segment"] for event in finished] == [1, 2, 3]
        positions = [event["playback_position"] for event in finished]
        assert positions[0] > 0.4
        assert positions[1:] == [pytest.approx(0.3, abs=1e-3), 0]
        (told,) = client.events("error")
        assert (told["error"]["code"], told["fatal"]) == ("voice_language_unknown", False)

        await client.say({"type": "speak", "text": "A long sentence, which goes on and on. " * 5})
        await client.until(lambda: sounding_s(client, 4) > 0.2, what="the sentence")
        await client.interrupt()
        (*_, cut) = await client.until_event("playback_finished", 4)
        assert cut["interrupted"] and 0 < cut["playback_position"] < 3
        await client.say({"type": "speak", "text": "Yes."})
        (*_, last) = await client.until_event("playback_finished", 5)
        assert (last["segment"], last["interrupted"]) == (5, False)


async def test_the_documented_example_makes_a_film(http: httpx.AsyncClient, speech_wav: Path, tmp_path: Path) -> None:
    documentation = (Path(__file__).parents[2] / "docs" / "stream.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", documentation, re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    running = await asyncio.create_subprocess_exec(
        sys.executable, "example.py", str(speech_wav), "pcm", "jpegs",
        cwd=tmp_path, env={"V": str(http.base_url).rstrip("/"), "KEY": API_KEY},
    )  # fmt: skip
    assert await running.wait() == 0
    (film,) = re.findall(r"`(ffmpeg .*?)`", documentation)
    converting = await asyncio.create_subprocess_exec(*film.split(), "-v", "error", cwd=tmp_path)
    assert await converting.wait() == 0
    said_s = soundfile.info(speech_wav).duration
    beats = (tmp_path / "pcm").stat().st_size / 2 / (OUT_HZ // 25)
    assert said_s < beats / 25 < said_s + 1
    with av.open(str(tmp_path / "talk.mp4")) as film_file:
        assert sum(1 for _ in film_file.decode(video=0)) == pytest.approx(beats, abs=2), "a picture a beat"


GOOD_HELLO = json.dumps({"type": "hello", "sample_rate": RATE_HZ, "video": SMALL})
HEADER_ONLY = HEADER.pack(SOUND, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("messages", "code", "close_code", "said"),
    [
        ([b"\0\0"], "hello_missing", 1008, "binary"),
        (["hello"], "message_invalid", 1007, "JSON"),
        (['{"type": "hello"}'], "message_invalid", 1007, "sample_rate"),
        (['{"type": "hello", "sample_rate": 16000, "vidoe": {}}'], "message_invalid", 1007, "vidoe"),
        (['{"type": "hello", "sample_rate": 16000, "channels": 6}'], "message_invalid", 1007, "channels"),
        (['{"type": "hello", "sample_rate": 16000, "video": {"width": 131}}'], "message_invalid", 1007, "video.width"),
        ([GOOD_HELLO, "{"], "message_invalid", 1007, "JSON"),
        ([GOOD_HELLO, '{"type": "dance"}'], "message_invalid", 1007, "dance"),
        ([GOOD_HELLO, GOOD_HELLO], "message_invalid", 1007, "hello"),
        ([GOOD_HELLO, b""], "message_malformed", 1007, "header"),
        ([GOOD_HELLO, HEADER_ONLY + b"\1"], "pcm_odd", 1007, "1 bytes"),
        ([GOOD_HELLO, struct.pack("<BBHIIIQ", 2, 0, 0, 0, 0, 0, 0)], "message_kind", 1003, "kind 2"),
        ([GOOD_HELLO, HEADER.pack(SOUND, 0, 0, 5, 0, 0, 0)], "generation_unknown", 1008, "generation 5"),
        ([GOOD_HELLO, HEADER.pack(SOUND, 4, 0, 0, 3, 0, 0), HEADER.pack(SOUND, 0, 0, 0, 3, 0, 0)],
         "segment_closed", 1008, "Segment 3"),
        ([GOOD_HELLO, HEADER_ONLY + bytes(1 << 20)], "message_too_large", 1009, "1048"),
        ([GOOD_HELLO, '{"type": "speak", "text": "' + "a" * 5001 + '"}'], "message_invalid", 1007, "text"),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_told_and_closes(
    http: httpx.AsyncClient, messages: list[str | bytes], code: str, close_code: int, said: str
) -> None:
    async with streaming(http.base_url, API_KEY, hello={}) as client:
        for message in messages:
            await client.connection.send(message)
        assert await client.close_code() == close_code
        assert client.error["code"] == client.connection.close_reason == code
        assert said in client.error["message"]
        assert client.error["hint"]


async def test_who_sends_more_than_can_wait_is_told(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        piece = np.zeros(500_000, np.int16)
        sending = asyncio.create_task(_send_forever(client, piece))
        assert await client.close_code() == 1008
        assert client.error["code"] == "queue_full"
        await sending


async def _send_forever(client: StreamClient, piece: NDArray[np.int16]) -> None:
    while not client.closed.is_set():
        try:
            await client.push(piece)
        except ConnectionClosed:
            return


async def test_who_sends_nothing_is_let_go(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "HELLO_TIMEOUT_S", 0.2)
    async with streaming(http.base_url, API_KEY, hello={}) as client:
        assert (await client.close_code(), client.error["code"]) == (1008, "hello_missing")
    async with streaming(http.base_url, API_KEY, hello=hello(idle_timeout_s=1)) as client:
        await client.push(tone(1.5), end=True)
        assert (await client.close_code(), client.error["code"]) == (1000, "idle_timeout")
        assert len(client.events("playback_finished")) == 1, "saying something is not idling"


async def test_an_unknown_agent_is_named(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, "adda", hello=hello()) as client:
        assert (await client.close_code(), client.error["code"]) == (1008, "agent_not_found")
        assert "adda" in client.error["message"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "key_missing"), ({"Authorization": "Bearer wrong"}, "key_refused"), ({"api-secret": "wrong"}, "key_refused")],
)
async def test_without_the_key_there_is_no_connection(
    http: httpx.AsyncClient, headers: dict[str, str], code: str
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(stream_url(str(http.base_url)), additional_headers=headers):
            pass
    response = caught.value.response
    assert response.status_code == 401
    assert json.loads(response.body or b"")["error"]["code"] == code


def key_protocol(key: str) -> str:
    return "visavis.key." + base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


async def test_browsers_give_the_key_as_a_subprotocol(http: httpx.AsyncClient) -> None:
    url = stream_url(str(http.base_url))
    async with connect(url, subprotocols=["visavis.v1", key_protocol(API_KEY)]) as connection:  # type: ignore[list-item]
        assert connection.subprotocol == "visavis.v1"
        await connection.send(GOOD_HELLO)
        assert json.loads(await connection.recv())["type"] == "ready"
    for offered, code in ((["visavis.v1"], "key_missing"), (["visavis.v1", key_protocol("wrong")], "key_refused")):
        async with connect(url, subprotocols=offered) as connection:  # type: ignore[arg-type]
            assert json.loads(await connection.recv())["error"]["code"] == code
            await connection.wait_closed()
            assert (connection.close_code, connection.close_reason) == (1008, code)


async def test_the_other_headers_for_the_key_work_too(http: httpx.AsyncClient) -> None:
    async with connect(stream_url(str(http.base_url)), additional_headers={"api-secret": API_KEY}) as connection:
        await connection.send(GOOD_HELLO)
        assert json.loads(await connection.recv())["type"] == "ready"


async def test_streams_and_sessions_share_the_places_of_the_machine(with_ada: Serve) -> None:
    token = (
        api.AccessToken("key", "s" * 40)
        .with_identity("ada")
        .with_ttl(timedelta(minutes=5))
        .with_grants(api.VideoGrants(room_join=True, room="hall"))
        .to_jwt()
    )
    async with with_ada(max_sessions=1) as http:
        async with streaming(http.base_url, API_KEY, hello=hello()) as first:
            await first.until_event("ready")
            async with streaming(http.base_url, API_KEY, hello=hello()) as second:
                assert (await second.close_code(), second.error["code"]) == (1013, "machine_full")
            joining = {"room_url": "ws://127.0.0.1:1", "room_token": token}
            refused = await http.post("/v1/agents/ada/join-room", json=joining)
            assert (refused.status_code, error_of(refused)["code"]) == (503, "machine_full")
        async with streaming(http.base_url, API_KEY, hello=hello()) as third:
            await third.until_event("ready")


async def test_a_process_that_dies_is_told_and_is_that_streams_alone(
    http: httpx.AsyncClient, processes: list[psutil.Process]
) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as other:
        await other.until_event("ready")
        async with streaming(http.base_url, API_KEY, hello=hello()) as doomed:
            await doomed.until_event("ready")
            processes[1].kill()
            assert (await doomed.close_code(), doomed.error["code"]) == (1011, "stream_crashed")
        later = len(other.pictures) + 5
        await other.until(lambda: len(other.pictures) > later, what="the other's pictures")


async def test_a_process_that_hangs_is_told_and_ended(
    http: httpx.AsyncClient, processes: list[psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PATIENCE_S", 1.0)
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        await client.until_event("ready")
        processes[0].suspend()
        assert (await client.close_code(), client.error["code"]) == (1011, "stream_stuck")
        await until(lambda: are_gone(processes), "the end of its process")


@pytest.mark.parametrize(("pause_s", "catches_up"), [(0.4, True), (2.0, False)])
async def test_a_pause_of_the_machine_may_cost_pictures_and_no_sound(
    http: httpx.AsyncClient, processes: list[psutil.Process], pause_s: float, catches_up: bool
) -> None:
    """After more than a second the schedule starts anew, and nothing has to be left out."""
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        await client.push(tone(4), end=True)
        await client.until(lambda: sounding_s(client, 1) > 0.5, what="sound")
        processes[0].suspend()
        await asyncio.sleep(pause_s)
        processes[0].resume()
        (finished,) = await client.until_event("playback_finished")
        assert (finished["interrupted"], finished["playback_position"]) == (False, pytest.approx(4, abs=1e-3))
        (loud,) = np.nonzero(np.abs(client.heard) > QUIET)
        assert np.diff(loud).max() < OUT_HZ // 300, "no hole"
        assert not catches_up or len(client.pictures) < len(client.sounds)
        assert not catches_up or client.events("stats")[-1]["ticks_late"] > 0


async def test_a_client_that_vanishes_leaves_nothing_behind(
    http: httpx.AsyncClient, processes: list[psutil.Process]
) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        await client.push(tone(20))
        await client.say({"type": "speak", "text": "A long text. " * 300})
        await client.until(lambda: len(client.pictures) > 3, what="pictures")
        assert not are_gone(processes)
        client.connection.transport.abort()
        await until(lambda: are_gone(processes), "the end of its process")
    async with streaming(http.base_url, API_KEY, hello=hello()) as again:
        await again.until_event("ready")


async def test_stopping_the_server_ends_streams(with_ada: Serve, processes: list[psutil.Process]) -> None:
    async with with_ada() as http:
        connection = await connect(
            stream_url(str(http.base_url)), additional_headers={"Authorization": f"Bearer {API_KEY}"}
        )
        await connection.send(GOOD_HELLO)
        assert json.loads(await connection.recv())["type"] == "ready"
        reading = asyncio.create_task(_drain(connection))
    await reading
    assert connection.close_code == 1012
    assert len(processes) == 1 and are_gone(processes)


async def _drain(connection: Any) -> None:
    with suppress(ConnectionClosed):
        async for _ in connection:
            pass


async def test_deleting_the_agent_ends_its_streams(http: httpx.AsyncClient) -> None:
    async with streaming(http.base_url, API_KEY, hello=hello()) as client:
        await client.until_event("ready")
        assert (await http.delete("/v1/agents/ada")).status_code == 200
        assert (await client.close_code(), client.error["code"]) == (1001, "agent_deleted")


async def test_a_slow_reader_loses_pictures_and_never_sound(
    http: httpx.AsyncClient, processes: list[psutil.Process]
) -> None:
    big = {"width": 512, "height": 512, "quality": 95}
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with connect(stream_url(str(http.base_url)), additional_headers=headers, max_queue=2) as connection:
        client = StreamClient(connection)
        await client.say({"type": "hello", **hello(video=big)})
        for number in range(30):
            await client.push(tone(1), end=number == 29)
        reading = asyncio.create_task(client.read(bytes_per_s=350_000))
        await client.until(lambda: len(client.sounds) > 150, what="six seconds of sound")
        (process,) = processes
        grown_mb = process.memory_info().rss / 1e6
        await client.until(lambda: len(client.sounds) > 250, what="ten")
        assert process.memory_info().rss / 1e6 < grown_mb + 4
        assert len(client.heard) == client.sounds[-1].pts + client.sounds[-1].duration, "from the first sample on"
        assert len(client.pictures) < 0.7 * len(client.sounds)
        assert len(client.pictures) > 0.1 * len(client.sounds)
        assert client.events("stats")[-1]["pictures_left_out"] > 0
        await connection.close()
        await reading


async def test_a_slow_reader_that_says_what_it_has_received_is_not_left_behind(http: httpx.AsyncClient) -> None:
    big = {"width": 512, "height": 512, "quality": 95}
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with connect(stream_url(str(http.base_url)), additional_headers=headers, max_queue=2) as connection:
        client = StreamClient(connection)
        await client.say({"type": "hello", **hello(video=big)})
        for number in range(10):
            await client.push(tone(1), end=number == 9)
        reading = asyncio.create_task(client.read(bytes_per_s=350_000, acknowledges=True))
        await client.until(lambda: len(client.sounds) > 200, what="eight seconds of sound")
        behind_ms = [event["behind_ms"] for event in client.events("stats")[1:]]
        assert max(behind_ms) < 1000, behind_ms
        assert len(client.pictures) > 0.1 * len(client.sounds)
        await connection.close()
        await reading


async def test_a_reader_that_has_stopped_is_given_up(
    http: httpx.AsyncClient, processes: list[psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "SEND_TIMEOUT_S", 1.0)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with connect(stream_url(str(http.base_url)), additional_headers=headers, max_queue=1) as connection:
        await connection.send(
            json.dumps({"type": "hello", **hello(video={"width": 640, "height": 640, "quality": 95})})
        )
        await until(lambda: len(processes) == 1, "its process")
        await until(lambda: are_gone(processes), "the end of its process")
        connection.transport.abort()
