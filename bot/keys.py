"""The keys that seal secrets: from the settings, or made at the first start beside a SQLite file."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.fernet import Fernet

from bot.settings import Settings
from core.errors import Misconfigured
from core.store import dialects


def find(settings: Settings) -> list[str]:
    """The Fernet keys, newest first.

    Raises:
        Misconfigured: none is set for PostgreSQL, or the file cannot be read or written.
    """
    if settings.secret_keys:
        return list(settings.secret_keys)
    address = dialects.url(settings.database_url)
    if not dialects.is_sqlite(address):
        raise Misconfigured(
            [
                "SLASHJOB_SECRET_KEYS must be set with PostgreSQL, the same in every process; make one: "
                'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
            ]
        )
    file = dialects.file(address)
    return _beside(file.with_name(f"{file.name}.keys"))


def admin_code(keys: list[str]) -> str:
    """The code by which the first admin comes forward; the same in every process with these keys."""
    digest = hmac.new(keys[-1].encode(), b"claim", hashlib.sha256).digest()
    text = base64.b32encode(digest).decode()[:8]
    return f"{text[:4]}-{text[4:]}"


def signing(keys: list[str]) -> bytes:
    """What links to files are signed with; the same in every process with these keys."""
    return hmac.new(keys[0].encode(), b"links", hashlib.sha256).digest()


def _beside(path: Path) -> list[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").split()
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(Fernet.generate_key().decode() + "\n")
        return path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "") or type(error).__name__
        raise Misconfigured(
            [f"The key file {path} beside the database cannot be read or written: {why}."]
        ) from error
