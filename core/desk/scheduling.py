"""schedule, unschedule, schedules, next: when jobs run by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core import definitions, jobs, parameters, people, schedules, times
from core import sets as saved_sets
from core.combinations import expand
from core.commands import Command, spell
from core.definitions import Role, read_duration
from core.desk import asking, targets
from core.desk.visit import Outcome, Reply, Visit
from core.errors import Invalid, NotFound, OutOfPlace, Refusal
from core.jobs import Job
from core.parameters import Given, Unbound
from core.scheduled import Schedule
from core.store import people as people_rows
from core.timetables import Timetable
from core.wording import refusals
from core.wording import schedules as wording

MOST_ROWS = 200  # parameter sets that one schedule is given
MOST_INSTANTS = 20
CATCH_UP = ("none", "latest", "all")


async def schedule(visit: Visit) -> Reply:
    """`schedule NAME WHEN… name=value @set`: shown first, saved with --yes."""
    await targets.may_look(visit, Role.VIEWER)
    command = visit.command
    job = await targets.job(visit, command.word(0))
    await people.permit(visit.turn, visit.member, Role.EDITOR, f"schedule {job.name}")
    jobs.may_start(job)
    job = await saved_sets.with_saved(visit.turn, job) if command.sets else job
    expression = _expression(visit, job)
    definition = _definition(visit, job, expression)
    try:
        given, shown = _given(visit, job, command.sets, command.values)
    except Unbound as refused:
        if not refused.missing or refused.unknown:
            raise
        line = spell(replace(command, values={}))
        form = parameters.form(
            job.job.parameters, command.values, refused.fields, title=job.label, command=line, submit="Go on"
        )
        return Reply(refusals.form(form, refused.sentence), Outcome.FORM)
    name = command.options.get("name", "")
    now = visit.turn.now
    if "yes" not in command.flags:
        secret = any(job.job.parameters[one].secret for one in command.values)
        line = "" if secret else spell(_settled(command, expression))
        message = wording.preview(job, name, Timetable(expression), shown, now, visit.reader, line)
        return Reply(message, Outcome.QUESTION)
    channel = await people.channel(visit.turn, visit.organization, visit.request.channel)
    draft = schedules.Draft(job, name, definition, expression, given, channel)
    saved = await schedules.save(visit.turn, visit.member, draft, visit.vault)
    return Reply(wording.saved(job, saved, now, visit.reader), private=False)


async def unschedule(visit: Visit) -> Reply:
    """`unschedule NAME`, `unschedule NAME SCHEDULE`: switch it off for good."""
    await targets.may_look(visit, Role.VIEWER)
    job = await targets.job(visit, visit.command.word(0))
    await people.permit(visit.turn, visit.member, Role.EDITOR, f"change the schedules of {job.name}")
    word = visit.command.word(1)
    known = await schedules.of_job(visit.turn, job.pk)
    if word:
        names = [(await schedules.find(visit.turn, job, word)).name]
    else:
        names = [one.name for one in known if one.origin == "chat"] or [one.name for one in known]
    if not names:
        raise NotFound(f"{job.name} has no schedule.", suggestions=("schedules",))
    if len(names) > 1 and "yes" not in visit.command.flags:
        raise OutOfPlace(
            f"{job.name} has {len(names)} schedules: {', '.join(names)}.",
            hint="Remove one of them, or all with --yes.",
            suggestions=(f"unschedule {job.name} {names[0]}", f"unschedule {job.name} --yes"),
        )
    gone = await schedules.remove(visit.turn, visit.member, job, names, visit.vault)
    return Reply(wording.removed(job, gone), private=False)


async def listing(visit: Visit) -> Reply:
    """`schedules`, `schedules NAME`: with their next instants."""
    await targets.may_look(visit, Role.VIEWER)
    word = visit.command.word(0)
    job = await targets.job(visit, word) if word else None
    found = await _visible(visit, job)
    page = visit.command.number("page", 1)
    return Reply(wording.listing(found, visit.reader, page, job, await paused_everything(visit)))


async def next_(visit: Visit) -> Reply:
    """`next`, `next NAME`, `next EXPRESSION`: what is due next, in words and instants."""
    await targets.may_look(visit, Role.VIEWER)
    text = visit.command.text
    if not text:
        found = await _visible(visit, None)
        due = [(job, one) for job, one in found if one.due_at is not None]
        return Reply(wording.listing(due, visit.reader, 1, None, await paused_everything(visit)))
    count = min(visit.command.number("count", wording.SHOWN), MOST_INSTANTS)
    now = visit.turn.now
    job = await _job_called(visit, text)
    if job is not None:
        mine = await schedules.of_job(visit.turn, job.pk)
        said = "It is paused." if job.paused_at is not None else ""
        paused = await paused_everything(visit) or said
        return Reply(wording.next_of(job, mine, now, count, visit.reader, paused))
    try:
        expression = _expression(visit, None)
    except Refusal as refused:
        raise await _near(visit, text, refused) from None
    return Reply(wording.upcoming(Timetable(expression), now, count, visit.reader))


async def paused_everything(visit: Visit) -> str:
    """A sentence where everything is paused, else nothing."""
    for row in await people_rows.paused(visit.turn.connection, [visit.organization]):
        why = f": {row.paused_why}" if row.paused_why else ""
        return f"Everything is paused by {row.paused_name or 'somebody'}{why}."
    return ""


async def one_of(visit: Visit, job: Job, word: str) -> Schedule:
    """The schedule of that name, or the only one.

    Raises:
        NotFound: the job has none of that name, or none at all.
        OutOfPlace: it has several, and none was named.
    """
    if word:
        return await schedules.find(visit.turn, job, word)
    known = await schedules.of_job(visit.turn, job.pk)
    if len(known) == 1:
        return known[0]
    if not known:
        raise NotFound(
            f"{job.name} has no schedule.", hint=f"Make one: schedule {job.name} every weekday at 8"
        )
    names = [one.name for one in known]
    raise OutOfPlace(
        f"{job.name} has {len(known)} schedules: {', '.join(names)}.",
        hint="Say which of them.",
        suggestions=tuple(f"{visit.command.name} {job.name} {name}" for name in names[:3]),
    )


def rows_of(visit: Visit, job: Job, values: Mapping[str, Given]) -> list[dict[str, Any]]:
    """What was given for some parameters: every combination of it, bound. Raises `Unbound`."""
    known = {name: one for name, one in asking.definitions(visit, job, [values]).items() if name in values}
    if unknown := parameters.unknown_names(job.job.parameters, values):
        raise Unbound(job.job.parameters, unknown=unknown)
    if not known:
        return []
    return expand(known, [values], now=visit.turn.now, zone=visit.zone, limit=MOST_ROWS)


def sealed_rows(visit: Visit, job: Job, rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The same as it is stored."""
    return tuple(parameters.to_json(job.job.parameters, one, seal=visit.vault.seal_value) for one in rows)


def check_sets(job: Job, names: Sequence[str]) -> None:
    """Pass where the job has these parameter sets. Raises `NotFound`."""
    try:
        saved_sets.chosen(job.job, names)
    except KeyError as missing:
        raise saved_sets.unknown(job, missing.args[0]) from None


def _expression(visit: Visit, job: Job | None) -> times.Expression:
    options = visit.command.options
    named = options.get("timezone", "") or (job.job.timezone if job else "")
    return times.parse(
        visit.command.text,
        zone=times.zone(named) if named else visit.reader,
        now=visit.turn.now,
        calendar=options.get("calendar", ""),
        gap=options.get("gap", "next"),
        fold=options.get("fold", "first"),
    )


def _definition(visit: Visit, job: Job, expression: times.Expression) -> definitions.Schedule:
    """What is saved; every zone and policy is written out, so that it stays what was shown."""
    options = visit.command.options
    catch_up = options.get("catch-up", "latest")
    if catch_up not in CATCH_UP:
        raise Invalid(f"There is no catch-up {catch_up[:40]}.", hint=f"It is one of {', '.join(CATCH_UP)}.")
    try:
        jitter = read_duration(options.get("jitter", "0s"))
    except ValueError as error:
        raise Invalid(f"The jitter {options['jitter'][:40]} is no length of time: {error}.") from None
    check_sets(job, visit.command.sets)
    return definitions.Schedule.model_validate(
        {
            "when": expression.text,
            "timezone": expression.zone.key,
            "calendar": expression.calendar,
            "gap": expression.gap,
            "fold": expression.fold,
            "catch_up": catch_up,
            "jitter": jitter,
            "parameter_sets": visit.command.sets,
        }
    )


def _given(
    visit: Visit, job: Job, sets: Sequence[str], values: Mapping[str, Given]
) -> tuple[tuple[dict[str, Any], ...], dict[str, str]]:
    """What its runs are given, as it is stored and as people read it; it fits the job as it is now."""
    rows = rows_of(visit, job, values)
    saved = saved_sets.chosen(job.job, sets)
    stored = sealed_rows(visit, job, rows)
    plain = [parameters.to_json(job.job.parameters, one) for one in rows]
    whole = [{**row, **one} for row in saved or [{}] for one in plain or [{}]]
    expand(job.job.parameters, whole, now=visit.turn.now, zone=visit.zone, limit=MOST_ROWS)
    shown: dict[str, list[str]] = {}
    for one in rows:
        for name, value in parameters.shown(job.job.parameters, one).items():
            if value not in shown.setdefault(name, []):
                shown[name].append(value)
    told = {name: ", ".join(every) for name, every in shown.items()}
    if sets:
        told["parameter sets"] = ", ".join(f"@{one}" for one in sets)
    return stored, told


def _settled(command: Command, expression: times.Expression) -> Command:
    """The line that saves exactly what was shown, whenever the button is pressed."""
    options = dict(command.options) | {"timezone": expression.zone.key}
    return replace(command, text=expression.text, options=options, flags=command.flags | {"yes"})


async def _visible(visit: Visit, job: Job | None) -> list[tuple[Job, Schedule]]:
    if job is not None:
        return [(job, one) for one in await schedules.of_job(visit.turn, job.pk)]
    every = {one.pk: one for one in await jobs.every(visit.turn, visit.organization)}
    found = await schedules.of_organization(visit.turn, visit.organization)
    return [(every[one.job], one) for one in found if visit.member.may(every[one.job].job.access.view)]


async def _job_called(visit: Visit, text: str) -> Job | None:
    """The job of exactly that name, which goes before an expression."""
    every = [one for one in await jobs.every(visit.turn, visit.organization) if one.name == text.casefold()]
    return every[0] if every and visit.member.may(every[0].job.access.view) else None


async def _near(visit: Visit, text: str, refused: Refusal) -> Refusal:
    """Why a text is neither an expression nor a job: by what it looks more like."""
    if " " in text or text.startswith("@"):
        return refused
    try:
        job = await targets.job(visit, text)
    except NotFound as unknown:
        return unknown if unknown.suggestions else refused
    refused.suggestions = (f"next {job.name}", *refused.suggestions)
    return refused
