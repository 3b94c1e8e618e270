"""The errors visavis raises on purpose.

Every one carries a stable ``code``, a ``message`` that says what is wrong and where, and a ``hint`` that says
what to do; the API, the command line and the logs show the same three.

    VisavisError
    ├── PortraitRefused      the photo cannot become an avatar
    ├── AvatarFileError      an .avatar file is damaged, too new, or no avatar
    ├── AudioError           sound that cannot be read
    ├── RoomError            joining or staying in a room failed
    └── ServiceError         an agent, session or request the service refuses
"""

from __future__ import annotations


class VisavisError(Exception):
    """Base of all errors with a code, a message and a hint."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        """Stable, snake_case: what programs test for."""
        self.message = message
        """What is wrong and where, for people."""
        self.hint = hint
        """What to do about it; may be empty."""

    def as_dict(self) -> dict[str, str]:
        """The ``error`` object of the API: ``{"code", "message", "hint"}``."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class PortraitRefused(VisavisError):
    """The photo cannot become an avatar; ``measured`` and ``limit`` say by how much, where it is a number."""

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        measured: float | None = None,
        limit: float | None = None,
    ) -> None:
        super().__init__(code, message, hint)
        self.measured = measured
        self.limit = limit


class AvatarFileError(VisavisError):
    """An ``.avatar`` file that cannot be loaded."""


class AudioError(VisavisError):
    """Sound that cannot be read."""


class RoomError(VisavisError):
    """Joining or staying in a room failed."""


class ServiceError(VisavisError):
    """A request the service refuses; ``status`` is the HTTP status that fits."""

    def __init__(self, code: str, message: str, hint: str = "", *, status: int = 400) -> None:
        super().__init__(code, message, hint)
        self.status = status
