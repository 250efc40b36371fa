"""Signed links: whoever has one may fetch one file for a while, without a key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

LASTS = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Link:
    """What a link opens: an entry of a run's record, until that instant (seconds since 1970)."""

    run: str
    sequence: int
    until: int


def sign(signing: bytes, run: str, sequence: int, now: datetime) -> str:
    """The part of an address that opens this entry for `LASTS`."""
    until = int((now + LASTS).timestamp())
    said = _encoded(json.dumps([run, sequence, until], separators=(",", ":")).encode())
    return f"{said}.{_signature(signing, said)}"


def read(signing: bytes, text: str, now: datetime) -> Link | None:
    """What a link opens; None where it is not ours, or its time is over."""
    said, _, signature = text.partition(".")
    expected = _signature(signing, said)
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
        return None
    try:
        run, sequence, until = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    except (binascii.Error, ValueError):
        return None
    link = Link(run, sequence, until)
    return link if link.until >= now.timestamp() else None


def _signature(signing: bytes, said: str) -> str:
    return _encoded(hmac.new(signing, said.encode("utf-8", "replace"), hashlib.sha256).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
