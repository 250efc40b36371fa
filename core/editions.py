"""Editions: what one digest tells of a stretch of time, gathered from rows; no model is asked.

What ran and how it ended, what keeps failing or works again, what was skipped or missed and why, which
numbers moved, what took long against its own median, what did not arrive, and what comes next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from core import chats, incidents, jobs, privacy
from core.changes import Change
from core.definitions import Role
from core.entries import Headlined
from core.incidents import Incident
from core.jobs import Job
from core.lifecycles import BatchState
from core.people import Member
from core.scheduled import read
from core.store import digests as digest_rows
from core.store import editions as rows
from core.store import people as people_rows
from core.store.dialects import Row
from core.turns import Turn

SHOWN = 8  # lines of a part; the rest goes into the thread
NOTABLE = 0.1  # a number that moved by that part of itself
SAMPLES, FEWEST = 20, 5  # earlier batches that a length is held against
SLOW, SLOWER_BY = 2.0, timedelta(seconds=10)  # so many medians, and at least so much longer
COMING = 200  # schedules that are looked at

_FAILED = (BatchState.FAILED, BatchState.PARTLY_FAILED)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which jobs a digest tells of: by id, by tag, every one, or (nothing said) those of its channel."""

    jobs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    everything: bool = False

    @property
    def of_channel(self) -> bool:
        """The jobs of its channel."""
        return not (self.jobs or self.tags or self.everything)


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on, and before `until`; what is due up to `ahead` comes next. Told in `zone`."""

    since: datetime
    until: datetime
    ahead: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Ran:
    """How often a job ran (batches), how often that failed or was cancelled, and the newest of them."""

    job: Job
    batches: int
    failed: int
    cancelled: int
    quiet: int
    newest: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a job kept failing with; `open` where it still does."""

    job: Job
    incident: Incident
    open: bool


@dataclass(frozen=True, slots=True)
class Absent:
    """Starts of a schedule that did not come, for one cause."""

    job: Job
    schedule: str
    outcome: str
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A headline number that is another than the time before."""

    job: Job
    batch: int
    change: Change


@dataclass(frozen=True, slots=True)
class Slow:
    """A batch that took long against the median of those before it."""

    job: Job
    batch: int
    took: timedelta
    usually: timedelta


@dataclass(frozen=True, slots=True)
class Lost:
    """Messages of a job that a channel did not take for certain."""

    job: Job
    place: str
    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Coming:
    """The next start of a schedule; `paused` where it will be skipped as things are."""

    job: Job
    schedule: str
    at: datetime
    paused: bool


@dataclass(frozen=True, slots=True)
class Edition:
    """Everything that a digest tells. `jobs` is how many it looked at."""

    span: Span
    jobs: int
    names: Mapping[int, str] = field(default_factory=dict)  # of the members in it
    ran: tuple[Ran, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    absent: tuple[Absent, ...] = ()
    moved: tuple[Moved, ...] = ()
    slow: tuple[Slow, ...] = ()
    lost: tuple[Lost, ...] = ()
    coming: tuple[Coming, ...] = ()

    @property
    def parts(self) -> tuple[Sequence[object], ...]:
        """Its parts in the order in which they are told."""
        return (self.troubles, self.absent, self.ran, self.moved, self.slow, self.lost, self.coming)

    @property
    def long(self) -> bool:
        """It does not fit into one message."""
        return any(len(part) > SHOWN for part in self.parts)

    @property
    def nothing(self) -> bool:
        """Nothing happened; something may come."""
        return not any(self.parts[:-1])


async def gather(
    turn: Turn, organization: int, channel: int, chosen: Chosen, span: Span, *, reader: Member | None = None
) -> Edition:
    """Everything that a digest of these jobs tells; with a `reader`, only of jobs that they may see."""
    every = await _jobs(turn, organization, channel, chosen, span)
    every = [one for one in every if reader is None or reader.may(one.job.access.view)]
    if not every:
        return Edition(span, 0)
    known = {one.pk: one for one in every}
    stretch = (turn.connection, sorted(known), span.since, span.until)
    troubles = await rows.incidents_of(*stretch)
    acked = {row.acked_by for row in troubles if row.acked_by is not None}
    return Edition(
        span=span,
        jobs=len(every),
        names=await people_rows.names(turn.connection, acked) if acked else {},
        ran=await _ran(turn, known, span),
        troubles=tuple(
            Trouble(known[row.job], incidents.read(row), row.ended_at is None or row.ended_at >= span.until)
            for row in troubles
        ),
        absent=tuple(
            Absent(known[row.job], row.name, row.outcome, row.number, row.reason)
            for row in await rows.absences_of(*stretch)
        ),
        moved=await _moved(turn, known, span),
        slow=await _slow(turn, known, span),
        lost=tuple(
            Lost(known[row.job], f"{row.platform}:{row.name or row.address}", row.number, row.error)
            for row in await rows.undelivered(*stretch)
        ),
        coming=await _coming(turn, known, span),
    )


async def _jobs(turn: Turn, organization: int, channel: int, chosen: Chosen, span: Span) -> list[Job]:
    """The jobs that are meant. One that not everybody may see is told of where it is named, or posts here."""
    places = await digest_rows.channels_at(turn.connection, channel)
    here = await rows.jobs_here(turn.connection, organization, places, span.since)
    wanted = {tag.casefold() for tag in chosen.tags}
    found = []
    for one in await jobs.every(turn, organization):
        if privacy.is_private(one.job):
            continue  # its results are for one person
        named = one.id in chosen.jobs
        meant = chosen.everything or bool(wanted & {tag.casefold() for tag in one.job.tags})
        belongs = one.pk in here
        open_to_all = one.job.access.view is Role.VIEWER
        if named or (chosen.of_channel and belongs) or (meant and (belongs or open_to_all)):
            found.append(one)
    return found


async def _ran(turn: Turn, known: dict[int, Job], span: Span) -> tuple[Ran, ...]:
    stretch = (turn.connection, sorted(known), span.since, span.until)
    quiet = await rows.quiet_of(*stretch)
    by_job: dict[int, list[Row]] = {}
    for row in await rows.batches_of(*stretch):
        by_job.setdefault(row.job, []).append(row)

    def number(found: list[Row], *states: BatchState) -> int:
        return sum(row.number for row in found if not states or row.state in states)

    made = [
        Ran(
            job=known[job],
            batches=number(found),
            failed=number(found, *_FAILED),
            cancelled=number(found, BatchState.CANCELLED),
            quiet=quiet.get(job, 0),
            newest=max(row.newest for row in found),
        )
        for job, found in by_job.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.failed, one.job.name)))


async def _moved(turn: Turn, known: dict[int, Job], span: Span) -> tuple[Moved, ...]:
    """Numbers that are another than at the last success with the same parameters, the largest move first."""
    newest = await rows.newest_runs(turn.connection, sorted(known), span.since, span.until)
    before = {run.pk: await rows.run_before(turn.connection, run, span.since) for run in newest}
    pks = [pk for run, earlier in before.items() if earlier is not None for pk in (run, earlier)]
    records = await chats.of_runs(turn, pks, kinds=("headline",)) if pks else {}

    def headlines(pk: int | None) -> dict[str, Headlined]:
        found = [one.entry for one in records.get(pk or 0, [])]
        return {one.name: one for one in found if isinstance(one, Headlined)}

    moved = []
    for run in newest:
        old = headlines(before[run.pk])
        for name, one in headlines(run.pk).items():
            then = old[name].value if name in old else None
            if isinstance(one.value, int | float) and isinstance(then, int | float):
                change = Change(name, then, one.value, one.format, one.unit)
                if change.relative is not None and abs(change.relative) >= NOTABLE:
                    moved.append(Moved(known[run.job], run.batch, change))
    return tuple(sorted(moved, key=lambda one: -abs(one.change.relative or 0)))


async def _slow(turn: Turn, known: dict[int, Job], span: Span) -> tuple[Slow, ...]:
    """What took more than twice the median of the successes before, the slowest of each job."""
    longest: dict[int, Row] = {}
    for row in await rows.lengths(turn.connection, sorted(known), span.since, span.until):
        if row.job not in longest or _length(row) > _length(longest[row.job]):
            longest[row.job] = row
    slow = []
    for job, row in longest.items():
        earlier = await rows.lengths_before(turn.connection, job, span.since, SAMPLES)
        if len(earlier) < FEWEST:
            continue
        usually = timedelta(seconds=median(_length(one).total_seconds() for one in earlier))
        if _length(row) >= max(usually * SLOW, usually + SLOWER_BY):
            slow.append(Slow(known[job], row.pk, _length(row), usually))
    return tuple(sorted(slow, key=lambda one: one.usually - one.took))


async def _coming(turn: Turn, known: dict[int, Job], span: Span) -> tuple[Coming, ...]:
    """The next start of each schedule before the next digest, the first first."""
    found = []
    for row in await rows.schedules_of(turn.connection, sorted(known), COMING):
        one = read(row)
        at = one.timetable.first_after(max(one.settled_until, span.until))
        if at is not None and at <= span.ahead:
            job = known[one.job]
            paused = one.paused_at is not None or job.paused_at is not None or not job.enabled
            found.append(Coming(job, one.name, at, paused))
    return tuple(sorted(found, key=lambda one: (one.at, one.job.name)))


def _length(row: Row) -> timedelta:
    length: timedelta = row.ended_at - row.started_at
    return length
