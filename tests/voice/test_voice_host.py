"""The voices' own process: started when needed, shared fairly, replaced when it dies, gone with its host."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import psutil
import pytest

from visavis.errors import ServiceError
from visavis.voice import MAX_TEXT_CHARS, AudioChunk, VoiceHost

LONG_TEXT = "This is one of very many sentences that are all alike. " * 80


@pytest.fixture
async def voices() -> AsyncIterator[VoiceHost]:
    async with VoiceHost() as host:
        yield host


async def spoken(voices: VoiceHost, text: str, language: str | None = None) -> list[AudioChunk]:
    return [chunk async for chunk in voices.speak(text, language=language)]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what sets no event here, such as the end of another process."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_speaks(voices: VoiceHost) -> None:
    chunks = await spoken(voices, "Good morning. How are you?")
    assert len(chunks) == 2
    assert sum(chunk.duration_s for chunk in chunks) > 1
    assert max(abs(int(sample)) for sample in chunks[0].pcm) > 1_000


async def test_the_first_sentence_comes_before_the_last_is_made(voices: VoiceHost) -> None:
    async with aclosing(voices.speak(LONG_TEXT)) as chunks:
        first = await anext(chunks)
    assert first.duration_s < 5


async def test_starts_its_worker_when_first_needed(voices: VoiceHost) -> None:
    assert voices.worker_pid is None
    await voices.warm_up()
    assert voices.worker_pid is not None
    assert is_running(voices.worker_pid)
    pid = voices.worker_pid
    await spoken(voices, "Hello.")
    await spoken(voices, "Hallo.", "de")
    assert voices.worker_pid == pid


async def test_a_short_text_does_not_wait_for_a_long_one(voices: VoiceHost) -> None:
    finished: list[str] = []

    async def say(name: str, text: str) -> None:
        await spoken(voices, text)
        finished.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(say("long", LONG_TEXT))
        group.create_task(say("short", "Only this."))
    assert finished == ["short", "long"]


async def test_every_request_gets_its_own_sound(voices: VoiceHost) -> None:
    texts = ["One.", "One, two, three, four, five.", " ".join(["twenty one"] * 12)]
    alone = [sum(chunk.duration_s for chunk in await spoken(voices, text)) for text in texts]
    together = await asyncio.gather(*(spoken(voices, text) for text in texts))
    assert [sum(chunk.duration_s for chunk in chunks) for chunks in together] == pytest.approx(alone, rel=0.1)
    assert alone == sorted(alone)


async def test_interrupting_stops_the_work(voices: VoiceHost) -> None:
    async with aclosing(voices.speak(LONG_TEXT)) as chunks:
        await anext(chunks)
    assert voices.worker_pid is not None
    worker = psutil.Process(voices.worker_pid)
    await spoken(voices, "Now this.")
    busy_s = sum(worker.cpu_times()[:2])
    await asyncio.sleep(0.5)
    assert sum(worker.cpu_times()[:2]) - busy_s < 0.1


async def test_cancelling_the_listener_is_an_interruption(voices: VoiceHost) -> None:
    task = asyncio.create_task(spoken(voices, LONG_TEXT))
    await until(lambda: voices.worker_pid is not None)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await spoken(voices, "Still here.")


async def test_a_crash_is_told_and_repaired(voices: VoiceHost) -> None:
    async with aclosing(voices.speak(LONG_TEXT)) as chunks:
        await anext(chunks)
        first_pid = voices.worker_pid
        assert first_pid is not None
        os.kill(first_pid, signal.SIGKILL)
        with pytest.raises(ServiceError) as caught:
            async for _ in chunks:
                pass
    assert caught.value.code == "voice_failed"
    assert await spoken(voices, "I am back.")
    assert voices.worker_pid not in (None, first_pid)


async def test_a_stuck_worker_is_replaced() -> None:
    async with VoiceHost(patience_s=5) as voices:
        await voices.warm_up()
        stuck_pid = voices.worker_pid
        assert stuck_pid is not None
        os.kill(stuck_pid, signal.SIGSTOP)
        with pytest.raises(ServiceError) as caught:
            await spoken(voices, "Anybody there?")
        assert caught.value.code == "voice_stuck"
        await until(lambda: voices.worker_pid != stuck_pid)
        assert await spoken(voices, "Here I am.")
        assert not is_running(stuck_pid)


@pytest.mark.parametrize(
    ("text", "language", "voice", "code"),
    [
        ("", None, None, "text_empty"),
        ("a" * (MAX_TEXT_CHARS + 1), None, None, "text_too_long"),
        ("Hello.", "xx", None, "voice_language_unknown"),
        ("Hello.", "en", "nobody", "voice_unknown"),
    ],
)
async def test_refusals_reach_the_caller(
    voices: VoiceHost, text: str, language: str | None, voice: str | None, code: str
) -> None:
    with pytest.raises(ServiceError) as caught:
        async for _ in voices.speak(text, language=language, voice=voice):
            pass
    assert caught.value.code == code
    assert 400 <= caught.value.status < 500
    assert await spoken(voices, "Fine again.")


async def test_closing_leaves_no_process() -> None:
    async with VoiceHost() as voices:
        await voices.warm_up()
        pid = voices.worker_pid
    assert pid is not None
    assert not is_running(pid)
    with pytest.raises(ServiceError) as caught:
        await spoken(voices, "Too late.")
    assert caught.value.code == "voice_closed"


async def test_closing_unused_is_fine() -> None:
    async with VoiceHost():
        pass


async def test_closing_in_the_middle_of_a_text_leaves_no_process() -> None:
    async with VoiceHost() as voices:
        chunks = voices.speak(LONG_TEXT)
        await anext(chunks)
        pid = voices.worker_pid
    with pytest.raises(ServiceError):
        async for _ in chunks:
            pass
    assert pid is not None
    assert not is_running(pid)


HOST_PROGRAM = """
import asyncio
from visavis.voice import VoiceHost

async def main():
    async with VoiceHost() as voices:
        await voices.warm_up()
        print(voices.worker_pid, flush=True)
        async for _ in voices.speak("One more sentence, and one more. " * 150):
            pass
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_killed_host_leaves_no_orphan() -> None:
    host = await asyncio.create_subprocess_exec(sys.executable, "-c", HOST_PROGRAM, stdout=subprocess.PIPE)
    assert host.stdout is not None
    pid = int(await host.stdout.readline())
    assert is_running(pid)
    host.kill()
    await host.wait()
    await until(lambda: not is_running(pid))
