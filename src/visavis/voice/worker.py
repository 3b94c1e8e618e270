"""The process that speaks: ``python -m visavis.voice.worker``, requests on stdin, sound on stdout.

It ends when its stdin does, so it never outlives its host, however that ended.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
from collections import OrderedDict
from collections.abc import Iterator
from threading import Thread
from typing import BinaryIO, Final, Protocol

import numpy as np

from visavis.errors import VisavisError
from visavis.logs import log_settings_of_environment, start_logging
from visavis.speech.phones import phone_values
from visavis.voice.catalogue import Catalogue
from visavis.voice.engine import AudioChunk, Voice
from visavis.voice.wire import Message, packed, read_message

logger = logging.getLogger(__name__)

NICENESS: Final = 5
"""Sessions that are talking come first: a sentence takes a whole core for as long as it takes."""


class _Output(Protocol):
    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> None: ...


class Worker:
    """Speaks for several at once, a sentence of each in turn."""

    def __init__(self, voice: Voice, output: _Output) -> None:
        self._voice = voice
        self._output = output
        self._speaking: OrderedDict[int, Iterator[AudioChunk]] = OrderedDict()

    @property
    def busy(self) -> bool:
        return bool(self._speaking)

    def obey(self, message: Message) -> None:
        """Take a request in; its sound follows by :meth:`step`."""
        request = message["id"]
        match message["do"]:
            case "speak":
                self._speaking[request] = self._voice.synthesise(
                    message["text"], language=message["language"], voice=message["voice"]
                )
            case "warm_up":
                self._speaking[request] = self._warm_up(message["language"])
            case "cancel":
                self._speaking.pop(request, None)

    def step(self) -> None:
        """Speak one sentence of the request whose turn it is."""
        request, chunks = self._speaking.popitem(last=False)
        try:
            chunk = next(chunks, None)
        except VisavisError as error:
            status = getattr(error, "status", 500)
            self._send({"is": "error", "id": request, "status": status, **error.as_dict()})
            return
        except Exception:
            logger.exception("an engine failed")
            self._send(
                {
                    "is": "error", "id": request, "status": 502, "code": "voice_failed",
                    "message": "The voice failed on this text.", "hint": "Try another text or voice.",
                }
            )  # fmt: skip
            return
        if chunk is None:
            self._send({"is": "end", "id": request})
            return
        self._speaking[request] = chunks
        samples = np.ascontiguousarray(chunk.pcm, "<i2").tobytes()
        phones = None if chunk.phones is None else phone_values(chunk.phones)
        self._send({"is": "chunk", "id": request, "sample_rate_hz": chunk.sample_rate_hz, "phones": phones}, samples)

    def _warm_up(self, language: str) -> Iterator[AudioChunk]:
        self._voice.warm_up(language)
        yield from ()

    def _send(self, message: Message, samples: bytes = b"") -> None:
        self._output.write(packed(message, samples))
        self._output.flush()


def serve(requests: BinaryIO, output: _Output) -> None:
    """Work until the requests end or nobody listens."""
    inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
    Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    worker = Worker(Catalogue(), output)
    while True:
        worker.obey(inbox.get())
        while worker.busy:
            while not inbox.empty():
                worker.obey(inbox.get())
            if worker.busy:
                worker.step()


def _listen(requests: BinaryIO, inbox: queue.SimpleQueue[Message]) -> None:
    while (message := read_message(requests)) is not None:
        inbox.put(message)
    # A sentence may be half spoken: nobody is left to hear the rest.
    os._exit(0)


def main() -> None:
    """Serve on stdin and stdout; whatever libraries print goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    start_logging(log_settings_of_environment(), worker="voice")
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, output)
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
