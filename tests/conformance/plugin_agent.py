"""An agent worker that gets its face by a plugin; run by tests with the interpreter that has livekit-agents.

    python plugin_agent.py start

``FACE`` is JSON: ``plugin`` (``visavis`` or ``bithuman``) and the arguments of its ``AvatarSession``. It says a tone
once in every room it is sent to; what happens is appended to the file ``EVENTS`` as JSON lines.
"""

from __future__ import annotations

import importlib
import json
import os
from typing import Any

from livekit.agents import Agent, AgentSession, JobContext, WorkerOptions, cli
from livekit_agent import ToneVoice


def tell(event: str, **values: object) -> None:
    with open(os.environ["EVENTS"], "a") as file:
        file.write(json.dumps({"event": event, **values}) + "\n")


async def act(avatar: Any) -> None:
    await avatar.show_emotion("happy", intensity=0.8, duration_s=5)
    await avatar.make_gesture("nod")
    try:
        await avatar.make_gesture("dance")
    except Exception as error:
        tell("refused", kind=type(error).__name__, message=str(error), code=getattr(error, "code", None))
    tools = {tool.info.name: tool for tool in avatar.tools()}
    tell("tools", names=sorted(tools), answer=await tools["show_emotion"]("sad", 0.5))
    tell("tools", names=sorted(tools), answer=await tools["make_gesture"]("dance"))


async def entrypoint(ctx: JobContext) -> None:
    await ctx.connect()
    face = json.loads(os.environ["FACE"])
    plugin = importlib.import_module(f"livekit.plugins.{face.pop('plugin')}")
    session: AgentSession = AgentSession(tts=ToneVoice())
    avatar = plugin.AvatarSession(**face)
    try:
        await avatar.start(session, room=ctx.room)
        await avatar.wait_for_join()
    except Exception as error:
        tell("failed", kind=type(error).__name__, message=str(error), code=getattr(error, "code", None))
        return
    tell("joined", identity=avatar.avatar_identity)
    output = session.output.audio
    assert output is not None
    output.on(
        "playback_finished",
        lambda event: tell("finished", position_s=event.playback_position, interrupted=event.interrupted),
    )
    await session.start(Agent(instructions="Say what you are told to."), room=ctx.room)
    await session.say("1.5 seconds").wait_for_playout()
    if hasattr(avatar, "make_gesture"):
        await act(avatar)
    tell("end")


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint, num_idle_processes=0))
