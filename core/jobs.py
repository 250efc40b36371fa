"""Jobs as they stand: their current version, whether they may run, and how they are found by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core import versions
from core.definitions import JobDefinition, Version
from core.errors import Ambiguous, NotFound, OutOfPlace
from core.nearest import nearest
from core.store import jobs as rows
from core.store import schedules as schedule_rows
from core.store.dialects import Row
from core.turns import Turn

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

CANDIDATES = 12  # names that a mistyped one is held against


@dataclass(frozen=True, slots=True)
class Job:
    """A job with its current version."""

    pk: int
    id: str
    organization: int
    name: str
    origin: str  # file | chat
    file: str
    enabled: bool
    version: int
    version_number: int
    definition: Version
    paused_at: datetime | None
    paused_by: int | None
    paused_why: str

    @property
    def job(self) -> JobDefinition:
        """What the current version says."""
        return self.definition.job

    @property
    def label(self) -> str:
        """What people read."""
        return self.job.label(self.name)


async def find(
    turn: Turn, organization: int, name: str, *, seen: Callable[[Job], bool] = lambda _: True
) -> Job:
    """The job of that name or id, among those that are `seen`: the others are not there, nor hinted at.

    A name is found exactly, in any case, or with blanks for dashes; else by a beginning that only one
    job has.

    Raises:
        NotFound: none; with near misses.
        Ambiguous: the beginning fits several; the sentence lists them.
    """
    row = await rows.by_name(turn.connection, organization, name)
    if row is not None and seen(found := _job(row)):
        return found
    known = await rows.names(turn.connection, organization)
    wanted = _plain(name)
    exact = [one for one in known if _plain(one.name) == wanted or one.id == name]
    begins = exact or [one for one in known if wanted and _plain(one.name).startswith(wanted) and one.enabled]
    fitting = await _seen(turn, [one.pk for one in begins[:CANDIDATES]], seen)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = [one.name for one in fitting]
        raise Ambiguous(
            f"{name} could be {', '.join(names[:-1])} or {names[-1]}.",
            hint="Write the whole name.",
            suggestions=tuple(names[:3]),
        )
    near = {one.name: one.pk for one in known if one.enabled}
    meant = await _seen(turn, [near[one] for one in nearest(name, near, CANDIDATES)], seen)
    close = tuple(one.name for one in meant[:3])
    raise NotFound(
        f"There is no job called {name[:80]}.",
        hint=f"Did you mean {close[0]}?" if close else "`list` shows the jobs that there are.",
        suggestions=close,
    )


async def named(
    turn: Turn, organization: int, name: str, *, seen: Callable[[Job], bool] = lambda _: True
) -> Job:
    """The job of exactly that name or id, for programs: they do not abbreviate.

    Raises:
        NotFound: none that is `seen`; with near misses.
    """
    row = await turn.once(("job", str(organization), name), lambda: _exactly(turn, organization, name))
    if row is not None and seen(found := _job(row)):
        return found
    near = {one.name: one.pk for one in await rows.names(turn.connection, organization) if one.enabled}
    meant = await _seen(turn, [near[one] for one in nearest(name, near, CANDIDATES)], seen)
    close = tuple(one.name for one in meant[:3])
    raise NotFound(
        f"There is no job called {name[:80]}.",
        hint=f"Did you mean {close[0]}?" if close else "",
        suggestions=close,
    )


async def of_pks(turn: Turn, pks: Sequence[int]) -> dict[int, Job]:
    """These jobs by number."""
    return {row.pk: _job(row) for row in await rows.by_pks(turn.connection, pks)} if pks else {}


async def get(turn: Turn, pk: int) -> Job:
    """The job of that number. Raises `NotFound`."""
    row = await rows.by_pk(turn.connection, pk)
    if row is None:
        raise NotFound(f"There is no job number {pk}.")
    return _job(row)


async def every(turn: Turn, organization: int) -> list[Job]:
    """All jobs by name, the disabled ones too."""
    return [_job(row) for row in await rows.every(turn.connection, organization)]


def may_start(job: Job) -> None:
    """Pass where the job may start. Raises `OutOfPlace` where it is disabled."""
    if not job.enabled and job.origin == "chat":
        raise OutOfPlace(
            f"{job.name} is disabled.",
            hint="An editor can take it into use again.",
            suggestions=(f"edit {job.name} --enable", "list"),
        )
    if not job.enabled:
        raise OutOfPlace(
            f"{job.name} is disabled: its file no longer has it.",
            hint="Put it back into its file and apply, or run another job.",
            suggestions=("list",),
        )


async def _exactly(turn: Turn, organization: int, name: str) -> Row | None:
    row = await rows.by_name(turn.connection, organization, name)
    if row is None and _ID.fullmatch(name):
        row = await rows.by_id(turn.connection, organization, name)
    return row


async def _seen(turn: Turn, pks: Sequence[int], seen: Callable[[Job], bool]) -> list[Job]:
    found = [await rows.by_pk(turn.connection, pk) for pk in pks]
    return [job for row in found if row is not None and seen(job := _job(row))]


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "-").replace("_", "-")


async def current(turn: Turn, found: Mapping[int, Row]) -> dict[int, Version]:
    """Job -> its version as it is now; what was read before is not read again.

    `found` are rows of `core.store.schedules.jobs_of`.
    """
    made = {row.version_id: versions.known(row.version_id) for row in found.values()}
    unknown = [row.version for row in found.values() if made[row.version_id] is None]
    if unknown:
        told = await schedule_rows.definitions(turn.connection, unknown)
        made |= {row.id: versions.read(row.id, row.definition) for row in told}
    return {pk: version for pk, row in found.items() if (version := made[row.version_id]) is not None}


def _job(row: Row) -> Job:
    return Job(
        pk=row.pk,
        id=row.id,
        organization=row.organization,
        name=row.name,
        origin=row.origin,
        file=row.file,
        enabled=row.enabled,
        version=row.version,
        version_number=row.version_number,
        definition=versions.read(row.version_id, row.definition),
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        paused_why=row.paused_why,
    )
