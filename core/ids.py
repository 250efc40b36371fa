"""Public ids: UUIDv7, sortable by the time they were made (RFC 9562, section 5.7)."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID


def new() -> str:
    """A new UUIDv7 as text."""
    milliseconds = time.time_ns() // 1_000_000
    chance = int.from_bytes(secrets.token_bytes(10))
    bits = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (chance >> 68) << 64
    bits |= 0b10 << 62 | chance & (1 << 62) - 1
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def made_at(public_id: str) -> datetime:
    """When an id was made, to the millisecond: its first 48 bits tell. Aware UTC."""
    return datetime.fromtimestamp((UUID(public_id).int >> 80) / 1000, UTC)


def floor(milliseconds: int) -> str:
    """The least id that can be made at that time (milliseconds since 1970) or later."""
    text = f"{max(0, milliseconds) & (1 << 48) - 1:012x}"
    return f"{text[:8]}-{text[8:12]}-7000-8000-000000000000"
