"""The air between two network devices: a program that carries packets late, unevenly, or not at all.

``python weather.py NEAR FAR`` makes two TUN devices; what enters one leaves the other. The kernel's own ``netem``
is not to be had everywhere. Each line of the standard input, ``DELAY_MS JITTER_MS LOSS``, is the weather of both
directions from then on; ``ready`` is printed once the devices exist. It ends with its input.
"""

from __future__ import annotations

import fcntl
import os
import random
import selectors
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

TUNSETIFF: Final = 0x400454CA
IFF_TUN: Final = 0x0001
IFF_NO_PI: Final = 0x1000
PACKET_BYTES: Final = 2048


@dataclass(slots=True)
class Weather:
    """What a packet meets."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Up to this much is added, evenly distributed; packets keep their order, as in a queue."""
    loss: float = 0.0
    """The share of packets that never arrive."""


@dataclass(slots=True)
class Direction:
    """Packets on their way, the first to arrive first."""

    source: int
    target: int
    under_way: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, weather: Weather, chance: random.Random, now_s: float) -> None:
        """Let what has come set out."""
        packet = os.read(self.source, PACKET_BYTES)
        if chance.random() < weather.loss:
            return
        due_s = now_s + weather.delay_s + weather.jitter_s * chance.random()
        after_s = self.under_way[-1][0] if self.under_way else 0.0
        self.under_way.append((max(due_s, after_s), packet))

    def deliver(self, now_s: float) -> None:
        """Let what is due arrive."""
        while self.under_way and self.under_way[0][0] <= now_s:
            try:
                os.write(self.target, self.under_way.popleft()[1])
            except OSError:
                # The device is down: the packet is lost, as on any cut link.
                continue


def open_tun(name: str) -> int:
    """A TUN device and the file its packets come from and go to."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def carry(near: int, far: int, commands: int) -> None:
    """Carry packets both ways until the commands end."""
    weather, chance = Weather(), random.Random(1)
    ways = {near: Direction(near, far), far: Direction(far, near)}
    with selectors.DefaultSelector() as selector:
        for source in (near, far, commands):
            selector.register(source, selectors.EVENT_READ)
        while True:
            now_s = time.monotonic()
            due_s = min((way.under_way[0][0] for way in ways.values() if way.under_way), default=now_s + 1)
            for key, _ in selector.select(max(0.0, due_s - now_s)):
                if key.fd == commands:
                    line = os.read(commands, PACKET_BYTES)
                    if not line:
                        return
                    delay_ms, jitter_ms, loss = map(float, line.split()[-3:])
                    weather = Weather(delay_ms / 1000, jitter_ms / 1000, loss)
                    continue
                try:
                    ways[key.fd].take(weather, chance, time.monotonic())
                except OSError:
                    # The namespace has been taken down, and its device with it.
                    return
            for way in ways.values():
                way.deliver(time.monotonic())


if __name__ == "__main__":
    devices = open_tun(sys.argv[1]), open_tun(sys.argv[2])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    carry(*devices, sys.stdin.fileno())
