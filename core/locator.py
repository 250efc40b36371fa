"""Learns which channels names such as #ops mean, so that a channel is one whether it is named or known.

A name that leads nowhere is marked with the reason, warned about, and asked again later; what is owed there
goes out as soon as it can be found, or to the next in turn (`fallback`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from core import people
from core.errors import DeliveryError
from core.ports import Channel, Platform
from core.ports import Locator as Locating
from core.store import names as rows
from core.store.dialects import Row
from core.turns import Turn, Turns

_log = logging.getLogger(__name__)

AGAIN = timedelta(minutes=10)  # until a name that was not found is asked for again


class Locator:
    """Looks names up on the platforms that know them. Safe to run in several processes."""

    def __init__(self, turns: Turns, platforms: Mapping[str, Platform]) -> None:
        self._turns = turns
        self._platforms = platforms
        self._asked: dict[int, datetime] = {}

    async def work(self) -> int:
        """Look up what is not known yet; returns how many were found."""
        able = [name for name, one in self._platforms.items() if isinstance(one, Locating)]
        if not able:
            return 0
        now, found = await self._turns.look(lambda turn: _unknown(turn, able))
        due = [
            row
            for row in found
            if now - self._asked.get(row.pk, datetime.min.replace(tzinfo=now.tzinfo)) > AGAIN
        ]
        count = 0
        for row in due:
            self._asked[row.pk] = now
            count += await self._locate(row)
        return count

    async def _locate(self, row: Row) -> bool:
        platform = self._platforms[row.platform]
        if not isinstance(platform, Locating):
            return False
        try:
            place = await platform.locate(Channel(row.platform, row.address, "", row.reference))
        except DeliveryError as error:
            _log.warning("channel.not_looked_up", extra={"channel": row.address, "error": error.sentence})
            return False
        if place is None:
            why = f"There is no channel {row.address} that the bot can see."
            _log.warning("channel.unknown", extra={"platform": row.platform, "channel": row.address})
            await self._turns.take(lambda turn: rows.mark_lost(turn.connection, row.pk, why))
            return False

        async def keep(turn: Turn) -> None:
            channel = await people.channel(turn, row.organization, place, name=row.address, current=False)
            await rows.located(turn.connection, row.pk, channel)

        await self._turns.take(keep)
        return True


async def _unknown(turn: Turn, platforms: list[str]) -> tuple[datetime, list[Row]]:
    return turn.now, await rows.unlocated(turn.connection, platforms)
