"""A real network link to a network namespace of its own: made slow, lossy, late or cut off while it is used.

    this machine [near] <--- veth, or weather.py between two TUN devices ---> [far] namespace

Rates are limited by the kernel (``tc tbf``), outages made by ``ip link``, delay and loss by weather.py.
"""

from __future__ import annotations

import itertools
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_WEATHER: Final = Path(__file__).parent / "weather.py"
_numbers = itertools.count(os.getpid() % 200)
_QUEUE_MS: Final = 400
"""What a slow link lets wait: as much as home routers do."""


@dataclass(frozen=True, slots=True)
class Link:
    """Both ends, by name and address."""

    namespace: str
    near: str
    far: str
    near_address: str
    far_address: str

    def command(self, *command: str) -> list[str]:
        """What runs ``command`` at the far end."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def limit_up(self, rate_bps: int | None) -> None:
        """How much goes from the far end to this machine; None takes the limit away."""
        self._limit(self.command(), self.far, rate_bps)

    def limit_down(self, rate_bps: int | None) -> None:
        """How much goes from this machine to the far end."""
        self._limit([], self.near, rate_bps)

    def cut(self) -> None:
        """Nothing passes any more."""
        _run("ip", "link", "set", self.near, "down")

    def mend(self) -> None:
        """Everything passes again."""
        _run("ip", "link", "set", self.near, "up")

    def _limit(self, prefix: list[str], device: str, rate_bps: int | None) -> None:
        subprocess.run([*prefix, "tc", "qdisc", "del", "dev", device, "root"], capture_output=True, check=False)
        if rate_bps is not None:
            queue = ["rate", f"{rate_bps}bit", "burst", "5000", "latency", f"{_QUEUE_MS}ms"]
            _run(*prefix, "tc", "qdisc", "add", "dev", device, "root", "tbf", *queue)


@dataclass(frozen=True, slots=True)
class AiryLink(Link):
    """A link whose packets come late, unevenly, or not at all."""

    air: subprocess.Popen[bytes]

    def weather(self, *, delay_ms: float = 0.0, jitter_ms: float = 0.0, loss: float = 0.0) -> None:
        """What packets of both directions meet from now on: ``loss`` is the share that never arrives."""
        assert self.air.stdin is not None
        self.air.stdin.write(f"{delay_ms} {jitter_ms} {loss}\n".encode())
        self.air.stdin.flush()


@contextmanager
def open_link() -> Iterator[Link]:
    """Make a namespace and the link to it; needs the rights of root."""
    link = Link(*_names())
    with _namespace(link):
        _run("ip", "link", "add", link.near, "type", "veth", "peer", "name", link.far, "netns", link.namespace)
        _address(link)
        yield link


@contextmanager
def open_airy_link() -> Iterator[AiryLink]:
    """As open_link(), through the air of weather.py."""
    names = _names()
    command = [sys.executable, str(_WEATHER), names[1], names[2]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as air:
        link = AiryLink(*names, air)
        try:
            with _namespace(link):
                assert air.stdout is not None and air.stdout.readline() == b"ready\n"
                _run("ip", "link", "set", link.far, "netns", link.namespace)
                _address(link)
                yield link
        finally:
            air.kill()


def _names() -> tuple[str, str, str, str, str]:
    number = next(_numbers) % 250
    name = f"vv{secrets.token_hex(3)}"
    return name, f"{name}n", f"{name}f", f"10.77.{number}.1", f"10.77.{number}.2"


@contextmanager
def _namespace(link: Link) -> Iterator[None]:
    _run("ip", "netns", "add", link.namespace)
    try:
        yield
    finally:
        subprocess.run(["ip", "netns", "del", link.namespace], check=False)


def _address(link: Link) -> None:
    near, far = f"{link.near_address}/24", f"{link.far_address}/24"
    _run("ip", "addr", "add", near, "dev", link.near)
    _run("ip", "link", "set", link.near, "up")
    _run(*link.command("ip", "addr", "add", far, "dev", link.far))
    _run(*link.command("ip", "link", "set", link.far, "up"))
    _run(*link.command("ip", "link", "set", "lo", "up"))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
