"""Tells a platform's second delivery of the same thing from the first, across processes and restarts.

What a request starts is kept from happening twice by the desk. This is for the rest: answers that are
posted, greetings, codes that hold once. Whoever claims a key does the thing, then settles the claim.
A claim that was never settled (its process died) may be taken over after a while.
"""

from __future__ import annotations

from datetime import timedelta

from core.store import requests as rows
from core.turns import Turn

ABANDONED = timedelta(seconds=30)  # then whoever claimed is taken for dead


async def settled(turn: Turn, organization: int, source: str, key: str) -> bool:
    """It was done, or somebody is at it now. Only looks."""
    row = await rows.find(turn.connection, organization, source, key)
    return row is not None and (row.answer is not None or row.created_at > turn.now - ABANDONED)


async def claim(turn: Turn, organization: int, source: str, key: str) -> int | None:
    """The claim's number, for who is first; None for everybody else. Safe to race."""
    made = await rows.add(turn.connection, organization, source, key, "", None, turn.now)
    if made is not None:
        return made
    return await rows.take_over(turn.connection, organization, source, key, turn.now, turn.now - ABANDONED)


async def settle(turn: Turn, claimed: int) -> None:
    """It is done."""
    await rows.answer(turn.connection, claimed, {"outcome": "done"})


async def give_up(turn: Turn, claimed: int) -> None:
    """It could not be done: the next delivery may try at once."""
    await rows.remove(turn.connection, claimed)
