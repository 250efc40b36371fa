"""Which addresses a service may have: checked at the socket, after DNS, so that no name leads around it."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_TRANSLATED = 0xFFFFFFFF  # the IPv4 address is in the last 32 bits

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
"""As `socket.getaddrinfo` gives it: family, type, protocol, canonical name, socket address."""


class NotPublic(OSError):
    """The address is not one of the public internet."""

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, f"{address} is no public address")


def is_public(address: str) -> bool:
    """The address belongs to the public internet, also what IPv6 wraps an IPv4 address in."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved
    inner = _inner(ip)
    if inner is not None:
        return is_public(str(inner))
    return ip in _GLOBAL_UNICAST and ip.is_global


def _inner(ip: IPv6Address) -> IPv4Address | None:
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in _NAT64 or int(ip) <= _TRANSLATED:  # the latter is ::a.b.c.d, with :: and ::1 among it
        return IPv4Address(int(ip) & _TRANSLATED)
    return None


@dataclass(slots=True)
class Sockets:
    """Makes the sockets of a connector, and raises `NotPublic` before one is opened.

    aiohttp skips its resolver for literal addresses, and what a resolver saw may change until the connection
    is made: this is called with the very address that is connected to. `refused` is the last one that was
    not let through (aiohttp joins the errors of several addresses into one text).
    """

    allow_private: bool
    refused: str = ""

    def __call__(self, info: AddressInfo) -> socket.socket:
        """A socket for this address, not connected yet."""
        family, kind, protocol, _, place = info
        if not self.allow_private and not is_public(str(place[0])):
            self.refused = str(place[0])
            raise NotPublic(self.refused)
        return socket.socket(family=family, type=kind, proto=protocol)
