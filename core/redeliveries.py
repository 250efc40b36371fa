"""Tells a platform's second delivery of the same thing from the first, across processes and restarts.

What a request starts is kept from happening twice by the desk. This is for the rest: answers that are
posted, greetings, codes that hold once. Whoever claims a key does the thing, then settles the claim.
A claim that was never settled (its process died) may be taken over after a while.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import ids
from core.store import requests as rows
from core.turns import Turn, Turns

ABANDONED = timedelta(seconds=30)  # then whoever claimed is taken for dead


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A claim whose holder died, ours from now on; `text` is what was to be done, sealed.

    `since`: when it was claimed first.
    """

    claimed: int
    text: str
    since: datetime


async def settled(turn: Turn, organization: int, source: str, key: str) -> bool:
    """It was done, or somebody is at it now. Only looks."""
    row = await rows.find(turn.connection, organization, source, key)
    return row is not None and (row.answer is not None or row.created_at > turn.now - ABANDONED)


async def claim(
    turn: Turn, organization: int, source: str, key: str, *, text: str | None = None
) -> int | None:
    """The claim's number, for who is first; None for everybody else. Safe to race.

    `text` (sealed) is what is to be done, for whoever takes over where the claim's holder dies.
    """
    made = await rows.add(turn.connection, organization, source, key, "", text, turn.now)
    if made is not None:
        return made
    return await rows.take_over(turn.connection, organization, source, key, turn.now, turn.now - ABANDONED)


async def claim_at_once(
    turns: Turns, source: str, items: Sequence[tuple[int, str, str]], *, patience: timedelta
) -> list[int | None]:
    """Claim each (organization, key, text), in one transaction of its own: a platform waits for it.

    Raises `Busy`, `Unsettled`.
    """
    claimed = await rows.add_at_once(turns.store, source, items, patience=patience)
    again = [place for place, one in enumerate(claimed) if one is None]
    if not again:
        return claimed

    async def take(turn: Turn) -> dict[int, int | None]:
        before = turn.now - ABANDONED
        return {
            place: await rows.take_over(
                turn.connection, items[place][0], source, items[place][1], turn.now, before
            )
            for place in again
        }

    taken = await turns.take(take, patience=patience)
    return [taken.get(place, one) for place, one in enumerate(claimed)]


async def any_abandoned(turn: Turn, source: str, wait: timedelta = ABANDONED) -> bool:
    """There is something to take over. Only looks."""
    return await rows.any_texts(turn.connection, source, turn.now - wait)


async def take_over(
    turn: Turn, source: str, limit: int = 20, *, wait: timedelta = ABANDONED
) -> list[Abandoned]:
    """Claim what others claimed with a text, longer ago than `wait`, and never settled. Safe to race."""
    taken = await rows.take_over_texts(turn.connection, source, turn.now, turn.now - wait, limit)
    return [Abandoned(row.pk, row.text, ids.made_at(row.id)) for row in taken]


async def renew(turn: Turn, claims: Collection[int]) -> None:
    """Hold claims for longer: whoever holds them lives, and is still at it."""
    await rows.renew(turn.connection, claims, turn.now)


async def rewrite(turn: Turn, claimed: int, text: str) -> None:
    """Whoever takes it over does what this text (sealed) says instead."""
    await rows.rewrite(turn.connection, claimed, text)


async def settle(turn: Turn, claimed: int) -> None:
    """It is done."""
    await rows.answer(turn.connection, claimed, {"outcome": "done"})


async def give_up(turn: Turn, claimed: int) -> None:
    """It could not be done: the next delivery may try at once."""
    await rows.remove(turn.connection, claimed)
