"""The agents a fresh installation has: people who do not exist. Their photos' origin is stated beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo agent; its id is fixed, so that documentation can name it."""

    agent_id: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)

    def photo(self) -> bytes:
        """Its portrait, from the package."""
        return files("visavis.portrait").joinpath("demo", f"{self.agent_id}.png").read_bytes()


DEMOS: Final = (Demo("ada", "Ada"), Demo("ines", "Ines"), Demo("smile-flowers", "Flora"))
