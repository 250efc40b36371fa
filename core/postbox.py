"""Answers that a service brings to one process while another waits for them.

With several processes behind one address, whoever is reached leaves the answer in a row, sealed; whoever
waits looks for it. A row lives as long as its attempt; what a dead process left is forgotten after days.
"""

from __future__ import annotations

import base64
import hashlib

from core.store import callbacks as rows
from core.turns import Turn, Turns
from core.vault import Vault


class Postbox:
    """Addresses by their token, of which only a digest is stored."""

    def __init__(self, turns: Turns, vault: Vault) -> None:
        self._turns = turns
        self._vault = vault

    async def open(self, token: str) -> None:
        """Let answers come."""

        async def work(turn: Turn) -> None:
            await rows.add(turn.connection, {"token": _digest(token), "opened_at": turn.now})

        await self._turns.take(work)

    async def bring(self, token: str, body: bytes, content_type: str) -> bool:
        """Leave an answer; False where nobody waits there (any more). Each address works once."""
        sealed = self._vault.seal(base64.b64encode(body).decode())

        async def work(turn: Turn) -> bool:
            values = {"body": sealed, "content_type": content_type, "brought_at": turn.now}
            return await rows.bring(turn.connection, _digest(token), values)

        return await self._turns.take(work)

    async def look(self, token: str) -> tuple[bytes, str] | None:
        """(body, content type) of what was brought; None while nothing was."""
        row = await self._turns.look(lambda turn: rows.brought(turn.connection, _digest(token)))
        return None if row is None else (base64.b64decode(self._vault.open(row.body)), row.content_type)

    async def close(self, token: str) -> None:
        """Let nothing come any more. Safe to call twice."""
        await self._turns.take(lambda turn: rows.remove(turn.connection, _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
