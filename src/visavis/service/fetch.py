"""Pictures from addresses that strangers name: only from the open internet, or from hosts that the owner allows.

A server that fetches what it is told can be made to reach what only it can reach: its own ports, its neighbours, a
cloud's metadata. So every address a name resolves to is looked at, at the moment of connecting (a name that resolves
otherwise the second time gains nothing), and every redirect again.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import socket
from collections.abc import Collection
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from visavis.errors import ServiceError

TIMEOUT_S: Final = 10.0
"""For all of it, redirects included."""
MAX_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


async def fetch_picture(url: str, *, max_bytes: int, allowed_hosts: Collection[str] = ()) -> bytes:
    """The picture at ``url``.

    Args:
        allowed_hosts: hosts that may be on private networks.

    Raises:
        ServiceError: ``portrait_url_refused``: not http(s), or not on the open internet; ``portrait_unreachable``;
            ``portrait_too_large``.
    """
    resolver = _OpenResolver(frozenset(host.lower() for host in allowed_hosts))
    connector = aiohttp.TCPConnector(resolver=resolver, force_close=True)
    try:
        async with asyncio.timeout(TIMEOUT_S), aiohttp.ClientSession(connector=connector, trust_env=False) as client:
            for _ in range(MAX_REDIRECTS + 1):
                _check(url, resolver)
                async with client.get(url, allow_redirects=False) as answer:
                    if answer.status in _REDIRECTS:
                        url = urljoin(url, answer.headers.get("Location", ""))
                        continue
                    if answer.status != 200:
                        raise _unreachable(f"it answers with HTTP {answer.status}")
                    return await _read(answer, max_bytes)
            raise _unreachable(f"more than {MAX_REDIRECTS} redirects")
    except TimeoutError:
        raise _unreachable(f"it did not arrive within {TIMEOUT_S:.0f} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        refusal = error.__cause__ if isinstance(error.__cause__, _RefusedError) else error
        if isinstance(refusal, _RefusedError):
            raise _refused(str(refusal)) from None
        raise _unreachable(type(error).__name__) from None


def picture_from_text(text: str) -> bytes:
    """A picture given as base64, as a data URL or bare.

    Raises:
        ServiceError: ``portrait_unreadable``.
    """
    payload = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(payload.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ServiceError(
            "portrait_unreadable",
            "The portrait is neither a URL nor base64.",
            "Send an http(s) URL, or the picture's bytes in base64.",
            status=422,
        ) from None


class _RefusedError(OSError):
    """An address that is not on the open internet."""


class _OpenResolver(AbstractResolver):
    """Resolves names to addresses on the open internet; allowed hosts to any."""

    def __init__(self, allowed_hosts: frozenset[str]) -> None:
        self.allowed_hosts = allowed_hosts
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All of the host's addresses; one that is not open refuses them all."""
        found = await self._resolver.resolve(host, port, family)
        if host.lower() not in self.allowed_hosts and not all(_is_open(result["host"]) for result in found):
            raise _RefusedError(f"{host} is not on the open internet")
        return found

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._resolver.close()


def _check(url: str, resolver: _OpenResolver) -> None:
    """Whether ``url`` may be asked at all; a literal address is never resolved, so it is looked at here."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _refused("it is not a URL") from None
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"http", "https"} or not host:
        raise _refused("only http and https are fetched")
    if host in resolver.allowed_hosts:
        return
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # Forms such as 127.1 or 0x7f000001 are addresses to some resolvers.
        if host.rpartition(".")[2].lower().startswith("0x") or host.rpartition(".")[2].isdigit():
            raise _refused(f"{host} is not a host name") from None
        return
    if not _is_open(host):
        raise _refused(f"{host} is not on the open internet")


def _is_open(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour
        if embedded is not None:
            return _is_open(str(embedded))
    return ip.is_global and not ip.is_multicast


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_chunked(1 << 16):
        size += len(part)
        if size > max_bytes:
            raise ServiceError(
                "portrait_too_large",
                f"The portrait is larger than {max_bytes / 1e6:.0f} MB.",
                "Send a smaller picture; 1024 pixels across the face are plenty.",
                status=413,
            )
        parts.append(part)
    return b"".join(parts)


def _refused(why: str) -> ServiceError:
    return ServiceError(
        "portrait_url_refused",
        f"The portrait's address is refused: {why}.",
        "Send the picture itself, or allow its host with VISAVIS_PORTRAIT_HOSTS.",
        status=422,
    )


def _unreachable(why: str) -> ServiceError:
    return ServiceError(
        "portrait_unreachable", f"The portrait could not be fetched: {why}.", "Check its address.", status=422
    )
