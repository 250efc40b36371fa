"""Signed links: whoever has one may fetch one file for a while, without a key.

A link names an entry of a run's record, never its content: who asks later gets it from the rows, or nothing
where the run is not kept any more. There is no other permission behind it, so it ends by itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from core.messages import File, Image

ADDRESS = "/api/v1/files/{file}/{name}"
LASTS = timedelta(minutes=15)  # a link that somebody asked for
SHOWN = timedelta(days=7)  # a picture: the message that shows it is read again


@dataclass(frozen=True, slots=True)
class Link:
    """What a link opens: an entry of a run's record, until that instant (seconds since 1970).

    `small`: a picture of at most 1,024 pixels, as chats take them.
    """

    run: str
    sequence: int
    until: int
    small: bool = False


def sign(signing: bytes, link: Link) -> str:
    """The part of an address that opens this."""
    told = [link.run, link.sequence, link.until, int(link.small)]
    said = _encoded(json.dumps(told, separators=(",", ":")).encode())
    return f"{said}.{_signature(signing, said)}"


def read(signing: bytes, text: str, now: datetime) -> Link | None:
    """What a link opens; None where it is not ours, or its time is over."""
    said, _, signature = text.partition(".")
    expected = _signature(signing, said)
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
        return None
    try:
        run, sequence, until, small = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    except (binascii.Error, ValueError):
        return None
    link = Link(run, sequence, until, bool(small))
    return link if link.until >= now.timestamp() else None


def address(signing: bytes, link: Link, name: str) -> str:
    """The path of a link; `name` is what the file is saved as."""
    return ADDRESS.format(file=sign(signing, link), name=quote(name, safe=""))


class Links:
    """Links to what messages show, as whole addresses: for platforms that take no files.

    Without `public_url` nobody could follow one: then there are none. `clock` gives the time, aware UTC.
    """

    def __init__(self, signing: bytes, public_url: str, clock: Callable[[], datetime]) -> None:
        self._signing = signing
        self._base = public_url.rstrip("/")
        self._clock = clock

    @property
    def any(self) -> bool:
        """Files can be linked to."""
        return bool(self._base)

    def file(self, block: File) -> str:
        """Where a file opens for `LASTS`; empty where it is of no record, or the server has no address."""
        if block.recorded is None or not self._base:
            return ""
        until = int((self._clock() + LASTS).timestamp())
        return self._whole(Link(block.recorded.run, block.recorded.sequence, until), block.name)

    def picture(self, block: Image) -> str:
        """Where a chart is drawn, small, for at least `SHOWN`: the same address all day, so that a message
        that is rendered anew stays as it is. Empty where chats would not fetch it: they ask by HTTPS only.
        """
        if block.recorded is None or not self._base.startswith("https://"):
            return ""
        day = self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        until = int((day + timedelta(days=1) + SHOWN).timestamp())
        return self._whole(Link(block.recorded.run, block.recorded.sequence, until, small=True), "chart.png")

    def _whole(self, link: Link, name: str) -> str:
        return f"{self._base}{address(self._signing, link, name)}"


def _signature(signing: bytes, said: str) -> str:
    return _encoded(hmac.new(signing, said.encode("utf-8", "replace"), hashlib.sha256).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
