"""Revisions: jobs made, changed, disabled and enabled by people, in chat or through the API.

They stand under the same rules as the jobs of files. A version is never changed: each revision adds one,
and what runs goes on with the one that it started with. A job of a file is changed there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core import audit, chatmade, definitions, jobfiles, jobs, people, schedules, workspaces
from core.commands import Command, Name, spell
from core.definitions import JobDefinition, Role, Version
from core.errors import Invalid, OutOfPlace
from core.jobfiles import Checks, Detail, Effect, Workspace, sentences
from core.jobs import Job
from core.people import Member
from core.store import jobs as job_rows
from core.store import workspaces as rows
from core.turns import Turn
from core.vault import Vault

SENTENCES = 6  # mistakes that one sentence tells; `fields` has them all

Written = Mapping[str, Any]
"""JSON values as the job's part of a file says them: `{key: value}`; None gives a key its default back."""


@dataclass(frozen=True, slots=True)
class Revised:
    """What became of a job, which of its fields changed, and what has no effect yet."""

    job: Job
    effect: Effect
    details: tuple[Detail, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """A job that could be stored: its definition without schedules, those that it is to have, warnings.

    `schedules` is None where nothing was said of them.
    """

    version: Version
    schedules: tuple[definitions.Schedule, ...] | None
    warnings: tuple[str, ...] = ()


async def make(
    turn: Turn,
    actor: Member,
    name: str,
    written: Written,
    *,
    checks: Checks | None = None,
    vault: Vault | None = None,
) -> Revised:
    """Make a job of this name. Its owner is the actor, where none is written.

    Raises:
        NotAllowed: the actor is no editor.
        Invalid: `fields` maps keys to what is wrong with them; a bad name is under `name`.
        OutOfPlace: there is a job of that name already; the sentence names its file.
    """
    await people.permit(turn, actor, Role.EDITOR, "make jobs")
    await rows.order(turn.connection, actor.organization)
    await _free(turn, actor, name)
    owned = {"owner": actor.email or actor.name} | dict(written)
    found = await examine(turn, actor.organization, name, owned, checks=checks)
    pk = await rows.add_job(
        turn.connection, organization=actor.organization, name=name, origin="chat", file="", now=turn.now
    )
    await _add_version(turn, actor, pk, found.version)
    made = await jobs.get(turn, pk)
    if found.schedules:
        await schedules.rewrite(turn, actor, made, found.version.job, found.schedules, vault)
    return await _told(turn, actor, Revised(made, Effect.CREATED, (), found.warnings))


async def change(
    turn: Turn,
    actor: Member,
    job: Job,
    written: Written,
    *,
    since: int | None = None,
    checks: Checks | None = None,
    vault: Vault | None = None,
) -> Revised:
    """Change what is written; every other key stays as it is. What changes nothing adds no version.

    With `schedules` written, the job has exactly these from then on. `since` is the number of the version
    that the actor saw.

    Raises:
        NotAllowed: the actor is no editor.
        Invalid: `fields` maps keys to what is wrong with them.
        OutOfPlace: the job stands in a file, or was changed since.
    """
    await people.permit(turn, actor, Role.EDITOR, f"change {job.name}")
    job = await _mine(turn, actor, job, vault)
    if since is not None and since != job.version_number:
        raise OutOfPlace(
            f"{job.name} was changed since: it is at version {job.version_number} now, you saw {since}.",
            hint="Look at it again, then change it.",
            suggestions=(spell(Command(Name.EDIT, (job.name,))),),
        )
    found = await examine(turn, actor.organization, job.name, written, job=job, checks=checks)
    details = await _differences(turn, job, found)
    if not details:
        return Revised(job, Effect.UNCHANGED, (), found.warnings)
    if found.version != job.definition:
        await _add_version(turn, actor, job.pk, found.version)
    if found.schedules is not None:
        await schedules.rewrite(turn, actor, job, found.version.job, found.schedules, vault)
    done = Revised(await jobs.get(turn, job.pk), Effect.CHANGED, details, found.warnings)
    return await _told(turn, actor, done)


async def disable(turn: Turn, actor: Member, job: Job, *, vault: Vault | None = None) -> Revised:
    """Take a job out of use; its history stays. What runs goes on to its end. Safe to call twice.

    Raises:
        NotAllowed: the actor is no editor.
        OutOfPlace: the job stands in a file.
    """
    return await _switch(turn, actor, job, vault, enabled=False)


async def enable(turn: Turn, actor: Member, job: Job, *, vault: Vault | None = None) -> Revised:
    """Take a job into use again. Raises as `disable`; safe to call twice."""
    return await _switch(turn, actor, job, vault, enabled=True)


async def available(turn: Turn, actor: Member, name: str) -> None:
    """Pass where a job may be made under this name. Raises as `make` does."""
    if not jobfiles.is_name(name):
        raise refusal({"name": sentences.bad_name(name)})
    await _free(turn, actor, name)


async def examine(
    turn: Turn,
    organization: int,
    name: str,
    written: Written,
    *,
    job: Job | None = None,
    checks: Checks | None = None,
) -> Examined:
    """What a job would be, without storing it; `job` is the one that would be changed.

    Raises:
        Invalid: `fields` maps keys to what is wrong with them.
    """
    around = await workspaces.around(turn, organization)
    standing = await chatmade.whole(turn, {job.pk: job.job}) if job is not None else {}
    before = standing[job.pk].job if job is not None else None
    whole = {key: one for key, one in (_dumped(before) | dict(written)).items() if one is not None}
    judged = jobfiles.judge(name, whole, around, checks)
    if judged.mistakes or judged.job is None:
        raise refusal(judged.mistakes)
    of_chat = {
        name for name in judged.job.parameter_sets if job is None or name not in job.job.parameter_sets
    }
    kept = judged.job.parameter_sets
    if "parameter_sets" not in written:
        kept = {name: one for name, one in kept.items() if name not in of_chat}
    own = judged.job.model_copy(update={"schedules": (), "parameter_sets": kept})
    version = jobfiles.version(name, Workspace(around.sources, around.agents, {name: own}))
    wanted = judged.job.schedules if "schedules" in written else None
    return Examined(version, wanted, judged.warnings)


def refusal(mistakes: Mapping[str, str]) -> Invalid:
    """What is said of a job that cannot be so."""
    told = [
        said if key in ("", "name") or f"'{key}'" in said else f"{key}: {said}"
        for key, said in mistakes.items()
    ]
    more = f"; and {len(told) - SENTENCES} more" if len(told) > SENTENCES else ""
    sentence = f"The job cannot be like that: {'; '.join(told[:SENTENCES])}{more}."
    return Invalid(sentence, hint="Nothing was saved.", fields=dict(mistakes))


def in_a_file(job: Job) -> OutOfPlace:
    """It cannot be changed in chat; the sentence names the file."""
    return OutOfPlace(
        f"{job.name} stands in {job.file or 'a file'} and is changed there.",
        hint="Change the file, then: slashjob apply",
        suggestions=(spell(Command(Name.SHOW, (job.name,))),),
    )


async def _mine(turn: Turn, actor: Member, job: Job, vault: Vault | None) -> Job:
    """Lock what belongs to the job, in the order of applies; the job as it stands then."""
    await rows.order(turn.connection, actor.organization)
    await schedules.stand_in_line(turn, [job.pk], vault)
    now = await jobs.get(turn, job.pk)
    if now.organization != actor.organization:
        raise OutOfPlace(f"{job.name} belongs to another organization.")
    if now.origin != "chat":
        raise in_a_file(now)
    return now


async def _free(turn: Turn, actor: Member, name: str) -> None:
    row = await job_rows.by_name(turn.connection, actor.organization, name)
    if row is None:
        return
    there = await jobs.get(turn, row.pk)
    if there.origin != "chat":
        raise OutOfPlace(
            f"There is a job {name} already; it stands in {there.file or 'a file'}.",
            hint="Choose another name.",
        )
    flags = frozenset() if there.enabled else frozenset({"enable"})
    raise OutOfPlace(
        f"There is a job {name} already{'' if there.enabled else ', which is disabled'}.",
        hint="Choose another name, or change that one.",
        suggestions=(spell(Command(Name.EDIT, (name,), flags=flags)),),
    )


async def _switch(turn: Turn, actor: Member, job: Job, vault: Vault | None, *, enabled: bool) -> Revised:
    await people.permit(turn, actor, Role.EDITOR, f"{'enable' if enabled else 'disable'} {job.name}")
    job = await _mine(turn, actor, job, vault)
    if job.enabled == enabled:
        return Revised(job, Effect.UNCHANGED)
    values = {"enabled": enabled, "changed_at": turn.now}
    await rows.change(turn.connection, "jobs", job.pk, values)
    effect = Effect.ENABLED if enabled else Effect.DISABLED
    return await _told(turn, actor, Revised(await jobs.get(turn, job.pk), effect))


async def _add_version(turn: Turn, actor: Member, job: int, version: Version) -> None:
    definition = version.model_dump(mode="json", exclude_defaults=True)
    await rows.add_version(turn.connection, job, definition=definition, member=actor.pk, now=turn.now)


async def _told(turn: Turn, actor: Member, done: Revised) -> Revised:
    """Leave the audit row of a revision, as applies leave theirs."""
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action=f"job.{done.effect}",
        subject=f"job:{done.job.pk}",
        data={"name": done.job.name, "origin": "chat", "changes": [str(one) for one in done.details]},
    )
    return done


async def _differences(turn: Turn, job: Job, found: Examined) -> tuple[Detail, ...]:
    """Field by field, its schedules of chat too."""
    before, after = job.definition, found.version
    if found.schedules is not None:
        standing = await chatmade.written(turn, job.pk, job.job)
        before = _with(before, standing.values())
        after = _with(after, found.schedules)
    return jobfiles.differences(before, after)


def _with(version: Version, wanted: Iterable[definitions.Schedule]) -> Version:
    job = version.job.model_copy(update={"schedules": tuple(wanted)})
    return version.model_copy(update={"job": job})


def _dumped(job: JobDefinition | None) -> dict[str, Any]:
    return {} if job is None else job.model_dump(mode="json", by_alias=True, exclude_defaults=True)
