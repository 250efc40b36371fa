"""Removes what had its time: batches with their runs, chats, deliveries and firings; then their files.

A job's `retention` decides, else the installation's. Only what has ended is removed, in many short
transactions with pauses between, so that nobody waits for it; a pass that is broken off is gone on with by
the next. Files are removed after the rows that refer to them, by looking which are referred to no more: a
crash leaves a file too many, never a row without its file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from core.definitions import read_duration
from core.store import retention as rows
from core.turns import Turn, Turns

_log = logging.getLogger(__name__)

RUNS = 20  # removed in one transaction: their chats may be large
BATCHES = 100  # looked at together
FIRINGS = 500  # removed in one transaction
FILES = 400  # asked about in one statement
PAUSE = 0.02  # seconds between two transactions
NEW = timedelta(days=1)  # a file of that age may belong to a run whose rows are still to come
DRAWN = timedelta(days=30)  # how long pictures and tables stay that were made to be looked at
MADE = ("charts", "files")  # their folders below the data folder


@dataclass(slots=True)
class Removed:
    """What one pass removed."""

    runs: int = 0
    batches: int = 0
    firings: int = 0
    files: int = 0


class Retention:
    """`data` is the folder of the files; `default` how long runs are kept where a job says nothing."""

    def __init__(
        self, turns: Turns, data: Path, *, default: timedelta | None = None, pause: float = PAUSE
    ) -> None:
        self._turns = turns
        self._data = data
        self._default = default
        self._pause = pause

    async def clear(self) -> Removed:
        """Remove all that had its time. Safe to repeat, to break off and to race."""
        removed = Removed()
        for job, before in await self._turns.look(self._limits):
            await self._clear_job(job, before, removed)
        now = await self._turns.look(_now)
        if self._default is not None:
            oldest = now - self._default
            while await self._step(lambda turn: rows.remove_deliveries(turn.connection, oldest, FIRINGS)):
                pass
        removed.files = await self._clear_files(now)
        if removed != Removed():
            _log.info("retention.cleared", extra=asdict(removed))
        return removed

    async def _limits(self, turn: Turn) -> list[tuple[int, datetime]]:
        """(job, the instant before which what has ended goes) of the jobs that keep not everything."""
        found = []
        for job, definition in await rows.definitions(turn.connection):
            written = definition.get("job", {}).get("retention")
            kept = self._default if written is None else read_duration(written)
            if kept is not None:
                found.append((job, turn.now - kept))
        return found

    async def _clear_job(self, job: int, before: datetime, removed: Removed) -> None:
        after = 0
        while True:
            start = after
            some = await self._turns.look(
                lambda turn, start=start: rows.oldest(turn.connection, job, start, BATCHES)  # type: ignore[misc]
            )
            for batch in some:
                if batch.created_at >= before:
                    break
                if batch.ended_at is not None and batch.ended_at < before:
                    await self._remove(batch.pk, removed)
            else:
                if len(some) == BATCHES:
                    after = some[-1].pk
                    continue
            break
        while count := await self._step(
            lambda turn: rows.remove_firings(turn.connection, job, before, FIRINGS)
        ):
            removed.firings += count
        while await self._step(lambda turn: rows.remove_incidents(turn.connection, job, before, FIRINGS)):
            pass  # each step takes some away

    async def _remove(self, batch: int, removed: Removed) -> None:
        while count := await self._step(lambda turn: rows.remove_runs(turn.connection, batch, RUNS)):
            removed.runs += count
        removed.batches += await self._step(lambda turn: rows.remove_batch(turn.connection, batch))

    async def _step(self, work: Callable[[Turn], Awaitable[int]]) -> int:
        done = await self._turns.take(work)
        await asyncio.sleep(self._pause)
        return done

    async def _clear_files(self, now: datetime) -> int:
        made = await asyncio.to_thread(_remove_old, self._data, (now - DRAWN).timestamp())
        candidates = iter(await asyncio.to_thread(_old_files, self._data, (now - NEW).timestamp()))
        while some := list(islice(candidates, FILES)):
            kept = await self._turns.look(
                lambda turn, some=some: rows.referred(turn.connection, some)  # type: ignore[misc]
            )
            gone = [path for path in some if path not in kept]
            made += await asyncio.to_thread(_unlink, [self._data / path for path in gone])
        return made


async def _now(turn: Turn) -> datetime:
    return turn.now


def _remove_old(data: Path, before: float) -> int:
    """Remove pictures and tables that were made to be looked at before that time."""
    found = [path for folder in MADE for path in _files(data / folder) if path.stat().st_mtime < before]
    return _unlink(found)


def _old_files(data: Path, before: float) -> list[str]:
    """The content-named files (`ab/abcd…`) that were last used before that time, relative to the folder."""
    return [
        str(path.relative_to(data))
        for folder in (data.iterdir() if data.is_dir() else ())
        if len(folder.name) == 2
        for path in _files(folder)
        if path.stat().st_mtime < before
    ]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else iter(())


def _unlink(paths: list[Path]) -> int:
    """Remove files; returns how many. One that is gone already is fine."""
    removed = 0
    for path in paths:
        try:
            path.unlink(missing_ok=True)
            removed += 1
        except OSError as error:
            _log.warning("retention.file_kept", extra={"path": path.name, "error": str(error)})
    return removed
