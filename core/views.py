"""A batch as it is told: its rows read together, so that every sentence about it agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core import approvals, batches, chats, consent, findings, jobs, parameters, runs, versions
from core.batches import Batch, Started, Wish
from core.definitions import Version
from core.entries import Answered, Failed, Headlined, Record
from core.findings import Earlier
from core.jobs import Job
from core.lifecycles import UNSUCCESSFUL, BatchState, Status
from core.runs import Run
from core.store import people as people_rows
from core.store import runs as run_rows
from core.store import workers as worker_rows
from core.turns import Turn
from core.vault import sealed

SUMMARY_KINDS = ("headline", "answer", "failure")  # what a table over many runs shows of each


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch with its job, its runs, their entries, and the people in it by name."""

    batch: Batch
    job: Job
    version: Version
    version_number: int
    runs: tuple[Run, ...]
    records: dict[int, list[Record]]
    names: dict[int, str]
    now: datetime
    approvers: tuple[int, ...] = ()  # some who can say yes, where it waits for one
    lacks: bool = False  # no living worker may take what is queued of it
    earlier: Mapping[int, Earlier] = field(default_factory=dict)  # run -> what it is compared with

    @property
    def starter(self) -> str:
        """Who started it, or what did."""
        if self.batch.member is not None:
            return self.names.get(self.batch.member, "somebody")
        return f"the {self.batch.trigger}"

    @property
    def single(self) -> bool:
        """It is one run."""
        return self.batch.total == 1

    @property
    def unsuccessful(self) -> tuple[Run, ...]:
        """The runs that a failure alert tells of."""
        return tuple(run for run in self.runs if run.status in UNSUCCESSFUL)

    @property
    def quiet(self) -> bool:
        """It succeeded, and gates said not to post any of it."""
        return self.batch.state is BatchState.SUCCEEDED and all(run.quiet for run in self.runs)

    def parameters(self, run: Run) -> dict[str, str]:
        """The run's parameters as people read them; secrets are covered."""
        shown = {}
        for name, value in run.parameters.items():
            definition = self.version.job.parameters.get(name)
            secret = sealed(value) or (definition is not None and definition.secret)
            shown[name] = parameters.MASK if secret else parameters.show(value)
        return shown

    def values(self, run: Run) -> dict[str, Any]:
        """The run's parameters as JSON; secrets are covered."""
        shown = self.parameters(run)
        return {
            name: shown[name] if shown[name] == parameters.MASK else value
            for name, value in run.parameters.items()
        }

    def latest(self, run: Run) -> list[Record]:
        """The entries of the run's last attempt."""
        return [record for record in self.records.get(run.pk, []) if record.attempt == run.attempt]

    def answer(self, run: Run) -> Answered | None:
        """The last word of the run."""
        return next(
            (one.entry for one in reversed(self.latest(run)) if isinstance(one.entry, Answered)), None
        )

    def failure(self, run: Run, *, attempt: int | None = None) -> Failed | None:
        """Why an attempt did not succeed; the last one where none is named."""
        wanted = run.attempt if attempt is None else attempt
        entries = [one.entry for one in self.records.get(run.pk, []) if one.attempt == wanted]
        return next((one for one in reversed(entries) if isinstance(one, Failed)), None)

    def headlines(self, run: Run) -> list[Headlined]:
        """Its headline numbers in order."""
        return [one.entry for one in self.latest(run) if isinstance(one.entry, Headlined)]


def fresh(turn: Turn, wish: Wish, started: Started, job: Job) -> BatchView:
    """A batch in the transaction that starts it: nothing of it has to be read."""
    active = started.state is BatchState.ACTIVE
    queued = min(len(started.runs), wish.definition.job.max_parallel) if active else 0
    counts = {Status.QUEUED: queued, Status.WAITING: len(started.runs) - queued}
    batch = Batch(
        number=started.batch,
        id=started.id,
        organization=wish.organization,
        job=wish.job,
        job_id=wish.job_id,
        name=job.name,
        version=wish.version,
        state=started.state,
        reason=started.reason,
        trigger=wish.trigger,
        member=wish.actor.pk if wish.actor else None,
        channel=wish.channel,
        total=len(wish.combinations),
        created_at=turn.now,
        started_at=turn.now if active else None,
        ended_at=None,
        due_at=wish.due_at,
        cancelled_by=None,
        rerun_of=wish.rerun_of,
        counts=counts,
    )
    first = tuple(
        Run(
            pk=0,
            id=run_id,
            batch=started.batch,
            index=index,
            version=wish.version,
            parameters=wish.combinations[index - 1],
            status=Status.QUEUED if index <= queued else Status.WAITING,
            reason="",
            attempt=0,
            step="",
            not_before=None,
            cancel_requested_at=None,
            created_at=turn.now,
            started_at=None,
            ended_at=None,
        )
        for index, run_id in enumerate(started.runs, start=1)
    )
    names = {wish.actor.pk: wish.actor.name} if wish.actor else {}
    return BatchView(batch, job, wish.definition, job.version_number, first, {}, names, turn.now)


async def of_batch(turn: Turn, number: int, *, whole: bool = True) -> BatchView:
    """Read a batch. Without `whole`, only what a summary over its runs needs of their entries."""
    return (await of_batches(turn, [number], whole=whole))[0]


async def compared(turn: Turn, view: BatchView, run: Run | None) -> BatchView:
    """The view with what a run that succeeded is compared with."""
    if run is None or run.status is not Status.SUCCEEDED or run.quiet == "run_if":
        return view
    [row] = await run_rows.get(turn.connection, [run.pk])
    entries = [record.entry for record in view.latest(run)]
    before = await findings.earlier(turn, view.version.job, row, entries)
    return view if before is None else replace(view, earlier={**view.earlier, run.pk: before})


async def of_batches(turn: Turn, numbers: Sequence[int], *, whole: bool = False) -> list[BatchView]:
    """Read several batches, in the order of their numbers."""
    found = await batches.get(turn, numbers)
    every = await runs.of_batches(turn, [batch.number for batch in found])
    kinds = None if whole else SUMMARY_KINDS
    records = await chats.of_runs(turn, [run.pk for run in every], kinds=kinds)
    told = (pk for one in found for pk in (one.member, one.cancelled_by, one.agreed_by))
    people = {pk for pk in told if pk is not None}
    names = await people_rows.names(turn.connection, people) if people else {}
    waits = any(run.status is Status.QUEUED for run in every)
    served = await worker_rows.tags(turn.connection, turn.now) if waits else set()
    its_version = await run_rows.versions(turn.connection, {batch.version for batch in found})
    its_job = await jobs.of_pks(turn, sorted({batch.job for batch in found}))
    made = []
    for batch in found:
        version = its_version[batch.version]
        definition = versions.read(version.id, version.definition)
        own = tuple(run for run in every if run.batch == batch.number)
        made.append(
            BatchView(
                batch=batch,
                job=its_job[batch.job],
                version=definition,
                version_number=version.number,
                runs=own,
                records={run.pk: records.get(run.pk, []) for run in own},
                names=names,
                now=turn.now,
                approvers=await _approvers(turn, batch, definition),
                lacks=definition.job.runs_on not in served
                and any(run.status is Status.QUEUED for run in own),
            )
        )
    return made


async def _approvers(turn: Turn, batch: Batch, version: Version) -> tuple[int, ...]:
    yes = consent.needed(version.job, batch.total, asked=batch.trigger.asked)
    if batch.state is not BatchState.PROPOSED or yes is None:
        return ()
    found = await approvals.approvers(turn, batch.member, batch.organization, yes)
    return tuple(one.pk for one in found)
