"""A real LiveKit agent that speaks through an avatar; run by tests with the interpreter that has livekit-agents.

    python livekit_agent.py URL TOKEN AVATAR_IDENTITY SCENARIO

A scenario is a list of steps, ``say:SECONDS``, ``started`` (wait until it is heard), ``wait`` (until everything is
said), ``sleep:SECONDS``, ``interrupt``, separated by commas. What the agent is told about its utterances is printed as
JSON lines.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice.avatar import DataStreamAudioOutput

RATE_HZ = 24_000


class ToneVoice(tts.TTS):
    """Says a number of seconds as a tone of that length, faster than real time."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE_HZ, num_channels=1)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _ToneStream(tts=self, input_text=text, conn_options=conn_options)


class _ToneStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=str(time.time()), sample_rate=RATE_HZ, num_channels=1, mime_type="audio/pcm"
        )
        samples = round(float(self._input_text.split()[0]) * RATE_HZ)
        pcm = (12_000 * np.sin(2 * np.pi * 300 * np.arange(samples) / RATE_HZ)).astype(np.int16)
        for start in range(0, samples, 4800):
            output_emitter.push(pcm[start : start + 4800].tobytes())
        output_emitter.flush()


def tell(event: str, **values: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


async def main(url: str, token: str, avatar: str, scenario: str) -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    room = rtc.Room()
    await room.connect(url, token)
    session = AgentSession(tts=ToneVoice())
    output = DataStreamAudioOutput(
        room, destination_identity=avatar, wait_remote_track=rtc.TrackKind.KIND_VIDEO, wait_playback_start=True
    )
    session.output.audio = output
    started = asyncio.Event()

    def on_started(event: object) -> None:
        tell("started")
        started.set()

    output.on("playback_started", on_started)
    output.on(
        "playback_finished",
        lambda event: tell("finished", position_s=event.playback_position, interrupted=event.interrupted),
    )
    await session.start(Agent(instructions="Say what you are told to."))
    tell("ready")
    handles = []
    for step in scenario.split(","):
        name, _, value = step.partition(":")
        if name == "say":
            started.clear()
            handles.append(session.say(f"{value} seconds"))
        elif name == "started":
            await started.wait()
        elif name == "wait":
            for handle in handles:
                await handle.wait_for_playout()
            handles.clear()
        elif name == "sleep":
            await asyncio.sleep(float(value))
        elif name == "interrupt":
            await session.interrupt()
        else:
            raise ValueError(step)
    await asyncio.sleep(1.0)  # an answer too many would come now
    tell("end")
    await session.aclose()
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    # A thread of the SDK that calls back into an interpreter on its way out aborts the process.
    os._exit(0)
