"""An agent with a face that needs no cloud: it greets whoever comes, and repeats what is typed in the room's chat.

    export VISAVIS_API_KEY=... LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=... LIVEKIT_API_SECRET=...
    python agent.py dev

Its voice is espeak-ng's. Replace it by any TTS, and add an LLM and an STT, as in every LiveKit agent.
"""

from __future__ import annotations

import asyncio
import io
import wave

from livekit.agents import Agent, AgentSession, JobContext, WorkerOptions, cli, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.plugins import visavis

RATE_HZ = 22_050


class EspeakVoice(tts.TTS):
    """espeak-ng, one process per sentence."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE_HZ, num_channels=1)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Speak ``text``."""
        return _EspeakStream(tts=self, input_text=text, conn_options=conn_options)


class _EspeakStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        process = await asyncio.create_subprocess_exec(
            "espeak-ng", "--stdout", "--", self._input_text, stdout=asyncio.subprocess.PIPE
        )
        sound, _ = await process.communicate()
        output_emitter.initialize(request_id=str(id(self)), sample_rate=RATE_HZ, num_channels=1, mime_type="audio/pcm")
        with wave.open(io.BytesIO(sound)) as file:
            output_emitter.push(file.readframes(len(sound)))
        output_emitter.flush()


async def entrypoint(ctx: JobContext) -> None:
    """One room."""
    await ctx.connect()
    session = AgentSession(tts=EspeakVoice())
    avatar = visavis.AvatarSession(agent_id="ada")
    await avatar.start(session, room=ctx.room)
    await session.start(Agent(instructions="You repeat what you are told."), room=ctx.room)
    session.say("Hello! I am Ada. Type something, and I say it.")
    ctx.room.register_text_stream_handler("lk.chat", lambda reader, _: asyncio.ensure_future(_repeat(session, reader)))


async def _repeat(session: AgentSession, reader) -> None:  # type: ignore[no-untyped-def]
    session.say(await reader.read_all())


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
