"""Parameter sets: values saved under a name, in a job's file or in chat; `@all` is all of them.

Those of a file belong to it: chat neither changes nor hides them. Values of secrets are never saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import audit, people
from core.commands import Command, spell
from core.definitions import JobDefinition, Role, Scalar, Version
from core.errors import Invalid, NotFound, OutOfPlace
from core.jobs import Job
from core.nearest import nearest
from core.people import Member
from core.store import sets as rows
from core.turns import Turn

ALL = "all"  # what stands for every set of a job, and is no set's name
MOST_ROWS = 200  # of one set
MOST_SETS = 100  # of one job

Rows = tuple[Mapping[str, Scalar], ...]


@dataclass(frozen=True, slots=True)
class Set:
    """A saved set. `rows` are what its runs are given; what a row does not name has its default."""

    name: str
    rows: Rows
    origin: str  # file | chat


async def of_job(turn: Turn, job: Job) -> list[Set]:
    """The sets of a job by name; those of its file go before those of chat that have their name."""
    found = {row.name: Set(row.name, tuple(row.rows), "chat") for row in await _saved(turn, [job.pk])}
    found |= {name: Set(name, one, "file") for name, one in job.job.parameter_sets.items()}
    return [found[name] for name in sorted(found)]


async def with_saved(turn: Turn, job: Job) -> Job:
    """The job with the sets of chat among its own."""
    merged = await merge(turn, {job.pk: job.definition})
    return replace(job, definition=merged[job.pk])


async def merge(turn: Turn, definitions: Mapping[int, Version]) -> dict[int, Version]:
    """Job -> its version with the sets of chat among its own."""
    made = dict(definitions)
    for row in await _saved(turn, sorted(definitions)):
        job = made[row.job].job
        if row.name not in job.parameter_sets:
            sets = job.parameter_sets | {row.name: tuple(row.rows)}
            made[row.job] = made[row.job].model_copy(
                update={"job": job.model_copy(update={"parameter_sets": sets})}
            )
    return made


def chosen(job: JobDefinition, names: Iterable[str]) -> list[Mapping[str, Scalar]]:
    """The rows of these sets, one set after the other; `all` is every set in the order of its name.

    Raises:
        KeyError: the job has no set of that name.
    """
    found: list[Mapping[str, Scalar]] = []
    for name in names:
        if name == ALL and name not in job.parameter_sets:
            if not job.parameter_sets:
                raise KeyError(name)
            found += [row for one in sorted(job.parameter_sets) for row in job.parameter_sets[one]]
        else:
            found += job.parameter_sets[name]
    return found


def unknown(job: Job, name: str, command: Command | None = None) -> NotFound:
    """What is said of a set that the job does not have, with the command's line under the nearest name."""
    known = sorted(job.job.parameter_sets)
    if name == ALL:
        hint = f"Save one with `sets {job.name} NAME name=value`."
        return NotFound(f"{job.name} has no parameter sets.", hint=hint)
    close = nearest(name, known, 1)
    lines = tuple(
        spell(replace(command, sets=_instead(command.sets, name, one)))
        for one in close
        if command is not None
    )
    hint = f"Did you mean @{close[0]}?" if close else ""
    if not hint:
        hint = f"Its sets are {', '.join(f'@{one}' for one in known)}." if known else "It has no sets."
    return NotFound(f"{job.name} has no parameter set @{name}.", hint=hint, suggestions=lines)


async def save(turn: Turn, actor: Member, job: Job, name: str, given: Sequence[dict[str, Any]]) -> Set:
    """Save rows of values under a name, instead of what stood there.

    Raises:
        NotAllowed: the actor is no editor.
        OutOfPlace: the set of that name stands in a file.
        Invalid: a secret, too many rows or sets, or a name that no set may have.
    """
    await people.permit(turn, actor, Role.EDITOR, f"save parameter sets of {job.name}")
    _not_in_a_file(job, name)
    secret = [one for one in given[0] if job.job.parameters[one].secret] if given else []
    if secret:
        raise Invalid(
            f"'{secret[0]}' is secret: it is not saved in a set.", hint="Give it when you run the job."
        )
    if not given or len(given) > MOST_ROWS:
        raise Invalid(f"A set has 1 to {MOST_ROWS} rows of values; this would be {len(given):,}.")
    known = await rows.of_jobs(turn.connection, [job.pk])
    if len(known) >= MOST_SETS and name not in {row.name for row in known}:
        raise Invalid(
            f"{job.name} has {MOST_SETS} saved sets, and no more are kept.", hint="Remove one of them."
        )
    await rows.save(
        turn.connection,
        organization=actor.organization,
        job=job.pk,
        name=name,
        rows=list(given),
        member=actor.pk,
        now=turn.now,
    )
    await _audit(turn, actor, job, "set.save", name, {"rows": len(given)})
    return Set(name, tuple(given), "chat")


async def remove(turn: Turn, actor: Member, job: Job, name: str) -> None:
    """Forget a set that was saved in chat.

    Raises:
        NotAllowed: the actor is no editor.
        OutOfPlace: it stands in a file.
        NotFound: there is none of that name.
    """
    await people.permit(turn, actor, Role.EDITOR, f"remove parameter sets of {job.name}")
    _not_in_a_file(job, name)
    if not await rows.remove(turn.connection, job.pk, name):
        raise unknown(await with_saved(turn, job), name)
    await _audit(turn, actor, job, "set.remove", name, {})


async def _saved(turn: Turn, jobs: Sequence[int]) -> list[Any]:
    return list(await rows.of_jobs(turn.connection, jobs)) if jobs else []


def _instead(names: Sequence[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(new if one == old else one for one in names))


def _not_in_a_file(job: Job, name: str) -> None:
    if name in job.job.parameter_sets:
        raise OutOfPlace(
            f"The set @{name} of {job.name} stands in {job.file or 'a file'}.",
            hint="Change it there and apply, or save yours under another name.",
        )


async def _audit(turn: Turn, actor: Member, job: Job, action: str, name: str, data: dict[str, Any]) -> None:
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action=action,
        subject=f"job:{job.pk}",
        data={"job": job.name, "set": name} | data,
    )
