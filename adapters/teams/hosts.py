"""To which hosts the bot speaks: its token goes there, so an address out of an activity is looked at."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

MICROSOFT = ("smba.trafficmanager.net", "botframework.com", "teams.microsoft.com", "teams.microsoft.us")
"""Microsoft's own list (Agents SDK), but for `smba.`: anybody may register below trafficmanager.net."""

FILES = ("sharepoint.com", "sharepoint.us", "sharepoint-mil.us", "sharepoint.cn")
"""Where OneDrive keeps the files of Teams, by cloud."""

_LENGTH = 2_000  # characters of an address


class Hosts:
    """An allow-list. A name stands for itself and for what is below it, by HTTPS on its usual port.

    A loopback host that is named (or, with `loopback`, any) is allowed by plain HTTP too, on every port.
    """

    def __init__(self, names: Sequence[str], *, loopback: bool = False) -> None:
        self._names = tuple(name.casefold().strip(".") for name in names)
        self._loopback = loopback

    def allows(self, url: str) -> bool:
        """The bot may send its token and what it says to this address."""
        if len(url) > _LENGTH or not url.isprintable():
            return False
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").casefold(), parts.port
        except ValueError:
            return False
        if not host or parts.username is not None or parts.password is not None:
            return False
        if parts.query or parts.fragment or parts.scheme not in ("https", "http"):
            return False
        if is_loopback(host):
            return self._loopback or host in self._names
        named = any(host == name or host.endswith(f".{name}") for name in self._names)
        return parts.scheme == "https" and port in (None, 443) and named

    def takes_files(self, url: str) -> bool:
        """The bot may bring a file to this address: it is SharePoint's, where Teams keeps files."""
        if len(url) > _LENGTH or not url.isprintable():
            return False
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").casefold(), parts.port
        except ValueError:
            return False
        if parts.username is not None or parts.password is not None or parts.scheme not in ("https", "http"):
            return False
        if is_loopback(host):
            return self._loopback or host in self._names
        named = any(host.endswith(f".{name}") for name in FILES)
        return parts.scheme == "https" and port in (None, 443) and named


def is_loopback(host: str) -> bool:
    """The host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
