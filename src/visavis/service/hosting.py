"""The seams between the rules about sessions and what runs them: a host of sessions, a source of speech."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from visavis.store import Session


@dataclass(frozen=True, slots=True)
class JoinOrder:
    """What a host needs to bring an agent into a room."""

    session: Session
    """Where to, as whom, with which options."""
    room_token: str = field(repr=False)
    avatar_path: Path


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """Why a session ended."""

    code: str
    message: str | None
    is_failure: bool


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something a running session says; what is None is not said."""

    state: Literal["connected", "reconnecting"] | None = None
    stats: dict[str, Any] | None = None
    end: SessionEnd | None = None


class HostedSession(Protocol):
    """One session that has joined its room."""

    @property
    def participant_id(self) -> str:
        """LiveKit's id of the participant, ``PA_...``."""
        ...

    @property
    def warnings(self) -> Sequence[dict[str, str]]:
        """What did not go as asked: ``{"code", "message"}``."""
        ...

    def events(self) -> AsyncIterator[SessionEvent]:
        """What it says, until its end; one reader."""
        ...

    async def push_audio(self, pcm: NDArray[np.int16], sample_rate_hz: int) -> None:
        """Sound to speak: mono, faster than real time. Waits where too much is ahead."""
        ...

    async def end_segment(self) -> None:
        """The utterance is complete."""
        ...

    async def interrupt(self) -> float:
        """Fall silent; how much of the utterance was heard, in seconds."""
        ...

    async def leave(self, reason: str) -> None:
        """Leave the room; :meth:`events` ends."""
        ...


class SessionHost(Protocol):
    """Where sessions run."""

    async def start(self, order: JoinOrder) -> HostedSession:
        """A session that is in its room with its video published.

        Raises:
            RoomError: what joining met, or ``machine_full``.
        """
        ...


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of spoken text."""

    pcm: NDArray[np.int16]
    """``int16 [n]``, mono."""
    sample_rate_hz: int


class VoiceSource(Protocol):
    """Turns text into sound."""

    def say(self, text: str, *, language: str | None, voice: str | None) -> AsyncGenerator[SpeechChunk]:
        """The sound of ``text``, piece by piece as it is made.

        Raises:
            VisavisError: a voice or language there is none for, or an engine that failed.
        """
        ...
