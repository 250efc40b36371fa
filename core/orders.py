"""Orders: what programs ask for over HTTP, as people do by command: start, run again, retry, cancel.

Nobody stands at the other end who could be asked: what is missing or wrong is refused, with every mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core import audit, batches, choices, jobs, parameters, people, places, sets
from core.batches import Started, Trigger, Wish
from core.choices import Asked
from core.combinations import expand
from core.definitions import Scalar
from core.errors import OutOfPlace
from core.jobs import Job
from core.lifecycles import UNSUCCESSFUL
from core.parameters import Fan, Given
from core.people import Member
from core.privacy import is_private
from core.runs import Run
from core.turns import Turn
from core.vault import Vault
from core.views import BatchView

MOST_RUNS = 1_000  # of one batch

Stored = tuple[tuple[dict[str, Any], ...], tuple[str, ...]]
"""Parameter sets as they are stored, secrets sealed, and the fingerprint of each."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to run. `sets` are rows of values, or names of saved sets; `matrix` gives several values.

    `parameters` hold for every set, where the set does not say otherwise. `notify` is where the ending is
    told (`slack:#ops`), the job's own channel where it is empty.
    """

    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    sets: Sequence[Mapping[str, Scalar] | str] = ()
    matrix: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    notify: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Office:
    """What an order needs beside its turn. `request` is the row of the request, where one is kept."""

    vault: Vault
    zone: ZoneInfo
    request: int | None = None
    asked: Asked | None = None


async def start(turn: Turn, actor: Member, job: Job, order: Order, office: Office) -> Started:
    """Start what is ordered, or record why not.

    Raises:
        NotAllowed: the actor may not run the job.
        NotAsked: the choices of its source have to be asked first.
        Unbound: values are missing or wrong, with every mistake.
        Invalid: it would be more than `MOST_RUNS` runs.
        OutOfPlace: the job is disabled, or everything is paused.
    """
    await people.permit(turn, actor, job.job.access.run, f"run {job.name}")
    jobs.may_start(job)
    if any(isinstance(one, str) for one in order.sets):
        job = await sets.with_saved(turn, job)
    given = _given(job, order)
    definitions = choices.known_to(job.version, job.definition, given, office.asked)
    bound = expand(definitions, given, now=turn.now, zone=office.zone, limit=MOST_RUNS)
    stored = tuple(parameters.to_json(definitions, one, seal=office.vault.seal_value) for one in bound)
    prints = tuple(parameters.fingerprint(definitions, one) for one in bound)
    return await _wish(turn, actor, job, (stored, prints), office, notify=order.notify, note=order.note)


async def run_again(
    turn: Turn, actor: Member, view: BatchView, run: Run | None, office: Office, *, note: str = ""
) -> Started:
    """Start the runs of a batch, or one of them, with the same parameters. Raises as `start`."""
    return await _repeat(turn, actor, view, kept_of(view, run), office, note=note)


async def retry(
    turn: Turn, actor: Member, view: BatchView, run: Run | None, office: Office, *, note: str = ""
) -> Started:
    """Start what failed in a batch, or one run of it, once more. Raises as `start`."""
    chosen = failed_of(view, run)
    due_ats = tuple(one.due_at for one in chosen)
    return await _repeat(turn, actor, view, chosen, office, note=note, due_ats=due_ats)


async def cancel(turn: Turn, actor: Member, view: BatchView, run: Run | None, *, note: str = "") -> None:
    """Cancel a batch, or one run of it.

    Raises:
        NotAllowed: the actor may not run the job.
        OutOfPlace: it has ended already.
    """
    await people.permit(turn, actor, view.job.job.access.run, f"cancel {view.job.name}")
    if run is not None and run.status.ended:
        raise OutOfPlace(f"{run.label} has already ended: {run.status}.")
    index = None if run is None or view.single else run.index
    await batches.cancel(turn, view.batch, index, actor)
    await _note(turn, actor, view.batch.id, note)


def kept_of(view: BatchView, run: Run | None) -> list[Run]:
    """The runs that are to be run again. Raises `OutOfPlace` where none was kept."""
    chosen = [run] if run is not None else list(view.runs)
    if not chosen:
        raise OutOfPlace(
            f"Nothing of #{view.batch.number} was kept to be run again: "
            f"{view.batch.reason or 'it has no runs'}.",
            suggestions=(f"show {view.job.name}",),
        )
    return chosen


def failed_of(view: BatchView, run: Run | None) -> list[Run]:
    """The runs that did not succeed. Raises `OutOfPlace` where the batch goes on, or nothing failed."""
    number = view.batch.number
    if not view.batch.state.ended:
        raise OutOfPlace(f"#{number} has not ended yet.", suggestions=(f"status #{number}",))
    chosen = [run] if run is not None else list(view.unsuccessful)
    if not chosen or any(one.status not in UNSUCCESSFUL for one in chosen):
        raise OutOfPlace(
            f"Nothing failed in {run.label if run else f'#{number}'}.",
            hint="To run it again all the same, use run.",
            suggestions=(f"run #{number}",),
        )
    return chosen


def again(job: Job, chosen: Sequence[Run], *, now: datetime, zone: ZoneInfo, vault: Vault) -> Stored:
    """The parameters of these runs, bound anew to the job as it is now. Raises `Unbound`."""
    definitions = job.job.parameters
    stored: list[dict[str, Any]] = []
    prints: list[str] = []
    for run in chosen:
        opened = vault.open_values(run.parameters)
        known = {name: value for name, value in opened.items() if name in definitions}
        bound = parameters.bind(definitions, known, now=now, zone=zone)
        stored.append(parameters.to_json(definitions, bound, seal=vault.seal_value))
        prints.append(parameters.fingerprint(definitions, bound))
    return tuple(stored), tuple(prints)


async def _repeat(
    turn: Turn,
    actor: Member,
    view: BatchView,
    chosen: Sequence[Run],
    office: Office,
    *,
    note: str,
    due_ats: tuple[datetime | None, ...] = (),
) -> Started:
    job = view.job
    await people.permit(turn, actor, job.job.access.run, f"run {job.name}")
    jobs.may_start(job)
    stored = again(job, chosen, now=turn.now, zone=office.zone, vault=office.vault)
    number = view.batch.number
    return await _wish(turn, actor, job, stored, office, note=note, rerun_of=number, due_ats=due_ats)


async def _wish(
    turn: Turn,
    actor: Member,
    job: Job,
    stored: Stored,
    office: Office,
    *,
    notify: str = "",
    note: str = "",
    rerun_of: int | None = None,
    due_ats: tuple[datetime | None, ...] = (),
) -> Started:
    wish = Wish(
        organization=job.organization,
        job=job.pk,
        job_id=job.id,
        version=job.version,
        definition=job.definition,
        combinations=stored[0],
        prints=stored[1],
        trigger=Trigger.API,
        actor=actor,
        channel=await _told_in(turn, job, notify),
        request=office.request,
        rerun_of=rerun_of,
        due_ats=due_ats,
    )
    started = await batches.start(turn, wish)
    await _note(turn, actor, started.id, note)
    return started


def _given(job: Job, order: Order) -> list[Mapping[str, Given | Scalar]]:
    """What is given for each set. Raises `NotFound` for a saved set that there is not."""
    rows: list[Mapping[str, Scalar]] = []
    for one in order.sets:
        if isinstance(one, str):
            try:
                rows += sets.chosen(job.job, [one])
            except KeyError as missing:
                raise sets.unknown(job, missing.args[0]) from None
        else:
            rows.append(one)
    fans = {
        name: Fan(tuple(parameters.show(value) for value in several))
        for name, several in order.matrix.items()
    }
    return [{**order.parameters, **row, **fans} for row in rows or [{}]]


async def _told_in(turn: Turn, job: Job, notify: str) -> int | None:
    """The number of the channel that hears of the end: what was asked for, or the job's own. Without one,
    `batches` finds the one for alerts; what is for one person needs it here, to know their platform."""
    target = notify or job.job.channel
    found = await places.find(turn, job.organization, target) if target else None
    return await places.origin(turn, job.organization, found) if is_private(job.job) else found


async def _note(turn: Turn, actor: Member, batch_id: str, note: str) -> None:
    """Keep what was said about why, for the record."""
    if note:
        await audit.record(
            turn,
            organization=actor.organization,
            member=actor.pk,
            action="batch.note",
            subject=f"batch:{batch_id}",
            data={"note": note},
        )
