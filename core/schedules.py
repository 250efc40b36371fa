"""Schedules: made from job files and in chat, changed, removed, and timed anew where the rules changed.

A schedule of a file is known by its name, or its place in the list. One that was made in chat belongs to
chat: files leave it alone, as chat leaves alone what stands in files. Rows are never deleted: what is
removed is off. Whoever changes one locks the schedules of its job and settles what is due by then.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from core import audit, chatmade, definitions, firings, ids, people, places, times
from core.definitions import JobDefinition, Role
from core.errors import Invalid, NotFound, OutOfPlace, Refusal
from core.jobs import Job
from core.nearest import nearest
from core.people import Member
from core.scheduled import Schedule, read
from core.store import people as people_rows
from core.store import schedules as rows
from core.timetables import known_rules, rules, timetable
from core.timetables import read as read_expression
from core.turns import Turn, Turns
from core.vault import Vault

_log = logging.getLogger(__name__)

MOST_SHOWN = 500  # schedules of an organization that a list looks at
AT_ONCE = 200  # schedules timed anew in one transaction
_UNTIMED = {
    "name": "",
    "channel": "",
    "parameters": {},
    "parameter_sets": (),
    "catch_up": "latest",
    "cap": 50,
}
_UNTIMED |= {"window": definitions.Schedule().window}
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Draft:
    """A schedule that somebody wants to save. `given` are rows of values, secrets sealed."""

    job: Job
    name: str
    definition: definitions.Schedule
    expression: times.Expression
    given: tuple[dict[str, Any], ...]
    channel: int | None


async def of_job(turn: Turn, job: int) -> list[Schedule]:
    """The schedules of a job, in the order in which they were made."""
    return [read(row) for row in await rows.of_job(turn.connection, job)]


async def of_organization(turn: Turn, organization: int) -> list[Schedule]:
    """The schedules of an organization, what is due first first."""
    return [read(row) for row in await rows.of_organization(turn.connection, organization, MOST_SHOWN)]


async def find(turn: Turn, job: Job, name: str) -> Schedule:
    """The schedule of that name.

    Raises:
        NotFound: the job has none of that name; the hint lists those that it has.
    """
    known = await of_job(turn, job.pk)
    wanted = name.strip().casefold()
    found = next((one for one in known if one.name.casefold() == wanted), None)
    if found is not None:
        return found
    names = [one.name for one in known]
    close = nearest(wanted, names, 1)
    hint = f"It has {', '.join(names)}." if names else f"It has none: schedule {job.name} every weekday at 8"
    raise NotFound(
        f"{job.name} has no schedule {name[:40]}.", hint=f"Did you mean {close[0]}?" if close else hint
    )


async def stand_in_line(turn: Turn, job_pks: Sequence[int], vault: Vault | None) -> list[Schedule]:
    """Lock the schedules of these jobs, and settle what is due: from now on they may be changed."""
    locked = [read(row) for row in await rows.lock_of_jobs(turn.connection, job_pks)] if job_pks else []
    if not any(one.due_at is not None and one.due_at <= turn.now for one in locked):
        return locked
    await firings.settle(turn, locked, vault=vault)
    return [read(row) for row in await rows.lock_of_jobs(turn.connection, job_pks)]


async def save(turn: Turn, actor: Member, draft: Draft, vault: Vault) -> Schedule:
    """Add a schedule, or change the one of that name; it is due from now on.

    Raises:
        NotAllowed: the actor is no editor.
        OutOfPlace: the one of that name stands in a file.
    """
    await people.permit(turn, actor, Role.EDITOR, f"schedule {draft.job.name}")
    known = await stand_in_line(turn, [draft.job.pk], vault)
    name = draft.name or _free_name(known)
    old = next((one for one in known if one.name == name), None)
    if old is not None and old.enabled and old.origin == "file":
        raise in_a_file(draft.job, old)
    zone = await _zone_of(turn, actor.organization)
    values = {
        "origin": "chat",
        "definition": _json(draft.definition),
        "given": list(draft.given),
        "channel": draft.channel,
        "member": actor.pk,
        **_timing(draft.expression, draft.definition, draft.expression.zone.key, zone),
    }
    pk = await _write(turn, old, values, draft.job, name, zone)
    await _audit(
        turn, actor.organization, actor, "schedule.save", pk, draft.job.name, name, draft.expression.text
    )
    return next(one for one in await of_job(turn, draft.job.pk) if one.pk == pk)


async def remove(turn: Turn, actor: Member, job: Job, names: Sequence[str], vault: Vault) -> list[Schedule]:
    """Switch schedules of a job off for good; returns them as they were. Their firings stay.

    Raises:
        NotAllowed: the actor is no editor.
        OutOfPlace: one of them stands in a file.
    """
    await people.permit(turn, actor, Role.EDITOR, f"change the schedules of {job.name}")
    known = {one.name: one for one in await stand_in_line(turn, [job.pk], vault) if one.enabled}
    removed = [known[name] for name in names if name in known]
    for one in removed:
        if one.origin == "file":
            raise in_a_file(job, one)
        await _off(turn, one)
        await _audit(
            turn, actor.organization, actor, "schedule.remove", one.pk, job.name, one.name, one.expression
        )
    return removed


async def sync(
    turn: Turn, actor: Member, job: int, name: str, definition: JobDefinition, vault: Vault | None
) -> None:
    """Make a job's schedules what its file says; in the transaction that applies the file.

    The caller stood in line for them. What is not changed keeps its times; a pause stays. One of chat
    that the file repeats exactly is left alone.

    Raises:
        Invalid: a schedule of that name was made in chat, and is another one.
    """
    known = {one.name: one for one in map(read, await rows.lock_of_jobs(turn.connection, [job]))}
    said = await chatmade.written(turn, job, definition)
    wanted = {one.name or str(place): one for place, one in enumerate(definition.schedules, start=1)}
    around = await _around(turn, actor, job, definition)
    for own, one in wanted.items():
        old = known.get(own)
        if old is not None and old.enabled and old.origin == "chat":
            if said.get(own) == one:
                continue
            raise Invalid(
                f"The file would change the schedule {own} of {name}, which was made in chat. "
                "Nothing was applied.",
                hint=f"Give it another name in the file, or say: unschedule {name} {own}",
            )
        await _sync_one(turn, old, own, one, around, vault)
    gone = [one for own, one in known.items() if one.origin == "file" and own not in wanted]
    await _remove_all(turn, actor, name, gone)
    if wanted and around.channel is None and await places.origin(turn, actor.organization, None) is None:
        _log.warning("schedule.without_channel", extra={"job": name})


async def rewrite(
    turn: Turn,
    actor: Member,
    job: Job,
    definition: JobDefinition,
    wanted: Sequence[definitions.Schedule],
    vault: Vault | None,
) -> None:
    """Make the schedules of a job that was made in chat exactly these; `definition` is what it says by now.

    The caller stood in line for them. One without a name is a new one. What is not changed keeps its
    times, and what its runs are given; one that no file could say (it gives a secret) is left alone.
    """
    known = {one.name: one for one in map(read, await rows.lock_of_jobs(turn.connection, [job.pk]))}
    said = await chatmade.written(turn, job.pk, definition)
    around = replace(await _around(turn, actor, job.pk, definition), origin="chat")
    kept = {one.name for one in wanted}
    await _remove_all(turn, actor, job.name, [one for own, one in known.items() if own in said.keys() - kept])
    for one in wanted:
        own = one.name or _free_name(known.values(), kept)
        kept.add(own)
        old, before = known.get(own), said.get(own)
        if old is None or not old.enabled or before != one.model_copy(update={"name": own}):
            as_before = (before.parameters, before.parameter_sets) if before else ()
            same = old is not None and as_before == (one.parameters, one.parameter_sets)
            await _sync_one(turn, old, own, one, around, vault, same_values=same)


async def refresh(turns: Turns, zone: str) -> int:
    """Time schedules anew whose zone, rules or calendar changed since; returns how many. Safe to race.

    `zone` is the default organization's from now on. What is due already keeps its turn.
    """

    async def adopt(turn: Turn) -> list[tuple[int, str]]:
        default = await people.organization(turn, timezone=zone)
        if await _zone_of(turn, default) != zone:
            await people_rows.set_timezone(turn.connection, default, zone)
        return [(row.pk, row.timezone) for row in await rows.organizations_with(turn.connection)]

    total = 0
    for organization, own in await turns.take(adopt):
        while True:
            found = await turns.take(lambda turn, one=organization, where=own: _time_anew(turn, one, where))  # type: ignore[misc]
            total += found
            if found < AT_ONCE:
                break
    return total


def in_a_file(job: Job, schedule: Schedule) -> OutOfPlace:
    """It cannot be changed in chat."""
    return OutOfPlace(
        f"The schedule {schedule.name} of {job.name} stands in {job.file or 'a file'}.",
        hint="Change it there and apply, or pause it.",
        suggestions=(f"pause {job.name} {schedule.name}",),
    )


async def _time_anew(turn: Turn, organization: int, zone: str) -> int:
    found = [
        read(row) for row in await rows.outdated(turn.connection, organization, known_rules(zone), AT_ONCE)
    ]
    for one in found:
        values: dict[str, Any] = {"tzdata": rules(one.definition, "" if one.own_zone else zone)}
        try:
            values["next_due_at"] = one.timetable.wake_after(one.settled_until)
        except Refusal as refused:  # its zone or calendar is gone: the tick will say so, again and again
            _log.error("schedule.unreadable", extra={"schedule": one.id, "error": str(refused)})
        await rows.change(turn.connection, one.pk, one.version, values)
    return len(found)


@dataclass(frozen=True, slots=True)
class _Around:
    """What the schedules of a job stand in. `channel` and `zone` are for those that name none."""

    job: int
    actor: Member
    definition: JobDefinition
    channel: int | None
    zone: str
    origin: str = "file"


async def _around(turn: Turn, actor: Member, job: int, definition: JobDefinition) -> _Around:
    channel = await _channel(turn, actor.organization, definition.channel)
    return _Around(job, actor, definition, channel, await _zone_of(turn, actor.organization))


async def _sync_one(
    turn: Turn,
    old: Schedule | None,
    name: str,
    wanted: definitions.Schedule,
    around: _Around,
    vault: Vault | None,
    *,
    same_values: bool = False,
) -> None:
    """Make one schedule what is wanted; with the `same_values` its rows of values stay as they are."""
    job, actor = around.definition, around.actor
    expression = _expression(wanted, around.zone, turn.now, job.timezone)
    named = wanted.timezone or job.timezone
    given = [_sealed(job, wanted, vault)] if wanted.parameters else []
    if same_values and old is not None:
        given = list(old.given)
        wanted = wanted.model_copy(update={"parameter_sets": old.definition.parameter_sets})
    values = {
        "origin": around.origin,
        "definition": _json(wanted),
        "given": given,
        "channel": await _channel(turn, actor.organization, wanted.channel) or around.channel,
        "member": actor.pk,
        **_timing(expression, wanted, expression.zone.key if named else "", around.zone),
    }
    if old is not None and old.enabled and _same(old, values):
        return
    made = await _write(turn, old, values, around.job, name, around.zone)
    await _audit(turn, actor.organization, actor, "schedule.save", made, "", name, expression.text)


async def _remove_all(turn: Turn, actor: Member, job: str, gone: Sequence[Schedule]) -> None:
    for one in gone:
        if one.enabled:
            await _off(turn, one)
            await _audit(
                turn, actor.organization, actor, "schedule.remove", one.pk, job, one.name, one.expression
            )


async def _write(
    turn: Turn, old: Schedule | None, values: dict[str, Any], job: Job | int, name: str, zone: str
) -> int:
    """Add a row or change the one that there is. Other times begin now; the same times go on."""
    public_id = old.id if old else ids.new()
    definition = definitions.Schedule.model_validate(values["definition"])
    if old is None or not old.enabled or not _same_times(old, definition, values):
        table = timetable(values["expression"], definition, values["zone"] or zone, public_id)
        values |= {"settled_until": turn.now, "next_due_at": table.wake_after(turn.now)}
    if old is not None:
        if not old.enabled:
            values |= {"paused_at": None, "paused_by": None, "paused_why": ""}
        if not await rows.change(turn.connection, old.pk, old.version, values | {"enabled": True}):
            raise firings.Beaten()
        return old.pk
    row = {"id": public_id, "name": name, "created_at": turn.now} | values
    if isinstance(job, Job):
        return await rows.insert(turn.connection, row | {"job": job.pk, "organization": job.organization})
    organization = (await rows.jobs_of(turn.connection, [job]))[job].organization
    return await rows.insert(turn.connection, row | {"job": job, "organization": organization})


def _timing(
    expression: times.Expression, definition: definitions.Schedule, own_zone: str, zone: str
) -> dict[str, Any]:
    """The columns that say when; a phrase that names a zone has it for its own."""
    own = own_zone or ("" if expression.zone.key == times.zone(zone).key else expression.zone.key)
    return {"expression": expression.text, "zone": own, "tzdata": rules(definition, "" if own else zone)}


def _expression(wanted: definitions.Schedule, zone: str, now: datetime, job_zone: str) -> times.Expression:
    """What a schedule of a file means; a one-off that is past by now is over, not wrong."""
    try:
        return read_expression(wanted, zone, now, job_zone)[0]
    except Refusal:
        return read_expression(wanted, zone, _LONG_AGO, job_zone)[0]


def _same(old: Schedule, values: dict[str, Any]) -> bool:
    """Nothing of it has changed. (A secret sealed twice gives two texts: it counts as changed.)"""
    now = (_json(old.definition), old.expression, old.own_zone, list(old.given), old.channel, old.origin)
    wanted = tuple(values[key] for key in ("definition", "expression", "zone", "given", "channel", "origin"))
    return now == wanted


def _same_times(old: Schedule, definition: definitions.Schedule, values: dict[str, Any]) -> bool:
    before, after = (one.model_copy(update=_UNTIMED) for one in (old.definition, definition))
    return before == after and (old.expression, old.own_zone) == (values["expression"], values["zone"])


def _sealed(job: JobDefinition, wanted: definitions.Schedule, vault: Vault | None) -> dict[str, Any]:
    secret = {name for name, one in job.parameters.items() if one.secret} if vault else set()
    return {
        name: vault.seal_value(value) if vault and name in secret else value
        for name, value in wanted.parameters.items()
    }


def _json(definition: definitions.Schedule) -> dict[str, Any]:
    return definition.model_dump(mode="json", exclude_defaults=True)


def _free_name(known: Iterable[Schedule], spared: Collection[str] = ()) -> str:
    taken = {one.name for one in known if one.enabled} | set(spared)
    return next(name for number in range(1, len(taken) + 2) if (name := f"chat-{number}") not in taken)


async def _off(turn: Turn, schedule: Schedule) -> None:
    values = {"enabled": False, "next_due_at": None}
    if not await rows.change(turn.connection, schedule.pk, schedule.version, values):
        raise firings.Beaten()


async def _zone_of(turn: Turn, organization: int) -> str:
    return str((await people_rows.organization_of(turn.connection, organization)).timezone)


async def _channel(turn: Turn, organization: int, text: str) -> int | None:
    """The channel that a job's `channel:` names, known from now on."""
    return await places.find(turn, organization, text) if text else None


async def _audit(
    turn: Turn, organization: int, actor: Member, action: str, pk: int, job: str, name: str, when: str
) -> None:
    await audit.record(
        turn,
        organization=organization,
        member=actor.pk,
        action=action,
        subject=f"schedule:{pk}",
        data={"job": job, "name": name, "when": when},
    )
