"""What can go wrong."""


class VisavisException(Exception):  # noqa: N818 - the name that LiveKit's plugins use
    """What the server refused, in its own words."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code
        self.message = message
        self.hint = hint
