"""new, edit: jobs made and changed in chat, by a form or by one line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core import chatmade, people, revisions, schedules, times, workspaces
from core.commands import Command, Name, spell
from core.definitions import JobDefinition, Role
from core.desk import targets
from core.desk.visit import Outcome, Reply, Visit
from core.errors import Invalid, Misunderstood, OutOfPlace, Refusal
from core.jobfiles import Workspace, brief
from core.jobs import Job
from core.messages import Form
from core.parameters import Fan, Given, Range, Star
from core.revisions import Revised
from core.timetables import Timetable
from core.wording import revisions as wording


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a line wants a job to be: its keys as texts, as values, and what cannot be read of them."""

    texts: Mapping[str, str]
    written: dict[str, Any]
    mistakes: dict[str, str]
    coming: tuple[wording.Coming, ...] = ()


async def new(visit: Visit) -> Reply:
    """`new`: a form; `new NAME agent=…`: the form of that kind of agent; with its work: made at once."""
    await _may(visit, "make jobs")
    command = visit.command
    values = dict(command.values)
    name = command.word(0) or _text(values.get("name", ""))
    values.pop("name", None)
    around = await workspaces.around(visit.turn, visit.organization)
    if not around.agents:
        return Reply(wording.no_agents())
    agent = _text(values.get("agent", ""))
    if agent not in around.agents or not name:
        return _first(name, agent, around)
    await _available(visit, name)
    line = Command(Name.NEW, (name,), values={"agent": agent})
    kind = around.agents[agent].kind
    if values.keys() == {"agent"} and "filled" not in command.flags:
        texts = {**_defaults(kind), "channel": _here(visit), "owner": visit.member.email or visit.member.name}
        form = _form(f"Make {name}", kind, texts, {}, line)
        return Reply(wording.fill(form, f"What is {name} to do?"), Outcome.FORM)
    if values.get("schedules") and "filled" not in command.flags:
        values.setdefault("channel", _here(visit))  # what runs by itself is told where it was asked for
    wanted = _wanted(visit, values, {}, None)
    if (mark := _unshown(visit, wanted)) is not None:
        return await _preview(visit, name, None, wanted, line, kind, mark)
    try:
        _readable(wanted)
        made = await revisions.make(
            visit.turn, visit.member, name, wanted.written, checks=visit.checks, vault=visit.vault
        )
    except Invalid as refused:
        return _again(f"Make {name}", kind, wanted, refused, line)
    return await _done(visit, made)


async def edit(visit: Visit) -> Reply:
    """`edit NAME`: its form; `edit NAME key=…`: changed at once; `--disable`, `--enable`."""
    await targets.may_look(visit, Role.VIEWER)
    job = await targets.job(visit, visit.command.word(0))
    await people.permit(visit.turn, visit.member, Role.EDITOR, f"change {job.name}")
    if job.origin != "chat":
        raise revisions.in_a_file(job)
    if visit.command.flags & {"disable", "enable"}:
        return await _switch(visit, job)
    whole = (await chatmade.whole(visit.turn, {job.pk: job.job}))[job.pk].job
    values = dict(visit.command.values)
    around = await workspaces.around(visit.turn, visit.organization)
    agent = around.agents.get(_text(values.get("agent", "")) or job.job.agent, job.definition.agent)
    version = {"version": str(job.version_number)}
    line = Command(Name.EDIT, (job.name,), options=version)
    if "filled" in visit.command.flags:
        kept = {*values, *visit.command.options.get("keep", "").split(",")}
        left_empty = [key for key in wording.asked(agent.kind) if key not in kept]
        values |= dict.fromkeys(left_empty, "")
    if not values:
        form = _form(f"Edit {job.name}", agent.kind, _texts(whole, agent.kind), {}, line)
        return Reply(wording.fill(form, f"What is to change in {job.name}?"), Outcome.FORM)
    standing = {one.name: one.when for one in whole.schedules}
    wanted = _wanted(visit, values, standing, whole)
    wanted = replace(wanted, texts=_texts(whole, agent.kind) | dict(wanted.texts))
    if (mark := _unshown(visit, wanted)) is not None:
        return await _preview(visit, job.name, job, wanted, line, agent.kind, mark)
    since = visit.command.number("version", 0) or None
    try:
        _readable(wanted)
        done = await revisions.change(
            visit.turn,
            visit.member,
            job,
            wanted.written,
            since=since,
            checks=visit.checks,
            vault=visit.vault,
        )
    except Invalid as refused:
        return _again(f"Edit {job.name}", agent.kind, wanted, refused, line)
    return await _done(visit, done)


async def _may(visit: Visit, act: str) -> None:
    await targets.may_look(visit, Role.VIEWER)
    await people.permit(visit.turn, visit.member, Role.EDITOR, act)


async def _available(visit: Visit, name: str) -> None:
    """Pass where a job may be called so; the mistake stands at the name."""
    try:
        await revisions.available(visit.turn, visit.member, name)
    except OutOfPlace as there:
        raise Invalid(
            there.sentence, hint=there.hint, suggestions=there.suggestions, fields={"name": there.sentence}
        ) from there


def _first(name: str, agent: str, around: Workspace) -> Reply:
    mistakes = {"agent": f"There is no agent {agent[:40]}."} if agent and agent not in around.agents else {}
    form = wording.first_form(name, around.agents, mistakes, agent)
    sentence = " ".join(mistakes.values()) or "Which agent is to do the job's work?"
    return Reply(wording.fill(form, sentence), Outcome.FORM)


async def _switch(visit: Visit, job: Job) -> Reply:
    flags = visit.command.flags
    if {"disable", "enable"} <= flags or visit.command.values:
        raise Misunderstood(
            "--disable and --enable stand alone.",
            hint="Say one of them, without anything else.",
            suggestions=(f"edit {job.name} --disable", f"edit {job.name} --enable"),
        )
    verb = revisions.disable if "disable" in flags else revisions.enable
    return await _done(visit, await verb(visit.turn, visit.member, job, vault=visit.vault))


async def _done(visit: Visit, done: Revised) -> Reply:
    mine = await schedules.of_job(visit.turn, done.job.pk)
    return Reply(wording.done(done, mine, visit.reader), private=False)


# --- from texts to what a file would say ---


def _wanted(
    visit: Visit, values: Mapping[str, Given], standing: Mapping[str, str], whole: JobDefinition | None
) -> _Wanted:
    """Read every text; a schedule's plain words become what `times` makes of them, where the maker lives."""
    texts = {key: _text(given) for key, given in values.items()}
    written: dict[str, Any] = {}
    mistakes: dict[str, str] = {}
    for key, text in texts.items():
        try:
            written[key] = brief.read(key, text)
        except brief.Unfit as unfit:
            mistakes[key] = str(unfit)
    coming: list[wording.Coming] = []
    if "schedules" in written:
        zone = _text(values.get("timezone", "")) or (whole.timezone if whole is not None else "")
        by_name = {one.name: one for one in whole.schedules} if whole is not None else {}
        try:
            told = written["schedules"] or []
            listed = told if isinstance(told, list) else [told]
            written["schedules"] = [_timed(visit, one, zone, by_name, standing, coming) for one in listed]
        except Refusal as refused:
            mistakes["schedules"] = f"{refused.sentence} {refused.hint}".strip()
    return _Wanted(texts, written, mistakes, tuple(coming))


def _timed(
    visit: Visit,
    said: Any,
    job_zone: str,
    by_name: Mapping[str, Any],
    standing: Mapping[str, str],
    coming: list[wording.Coming],
) -> Any:
    """One schedule as a file would say it; those that are new or have other times are `coming`."""
    if not isinstance(said, dict) or not isinstance(said.get("when"), str):
        return said
    name = str(said.get("name") or "")
    old = by_name.get(name)
    before = old.model_dump(mode="json", exclude_defaults=True) if old is not None else {}
    made = before | said
    if standing.get(name) == said["when"]:
        return made
    named = str(said.get("timezone") or before.get("timezone") or job_zone)
    expression = times.parse(
        said["when"],
        zone=times.zone(named) if named else visit.reader,
        now=visit.turn.now,
        calendar=str(made.get("calendar", "")),
        gap=str(made.get("gap", "next")),
        fold=str(made.get("fold", "first")),
    )
    coming.append(wording.Coming(name, Timetable(expression)))
    return made | {"when": expression.text, "timezone": expression.zone.key}


def _readable(wanted: _Wanted) -> None:
    """Pass where every text could be read. Raises `Invalid`."""
    if wanted.mistakes:
        raise revisions.refusal(wanted.mistakes)


def _text(given: Given) -> str:
    """What was typed behind a key, lists and ranges as they were typed."""
    match given:
        case Star():
            return "*"
        case Fan(items):
            parts = [f"{one.first}..{one.last}" if isinstance(one, Range) else one for one in items]
            return ", ".join(parts)
        case str():
            return given


def _here(visit: Visit) -> str:
    channel = visit.request.channel
    return f"{channel.platform}:{channel.address}"


def _defaults(kind: str) -> dict[str, str]:
    return _texts(JobDefinition(agent=""), kind)


def _texts(job: JobDefinition, kind: str) -> dict[str, str]:
    """What stands in the fields of a job's form."""
    texts = {key: brief.write(key, getattr(job, key)) for key in wording.asked(kind)}
    if all(one.when for one in job.schedules):  # what else they say stays, see `_timed`
        texts["schedules"] = "\n".join(f"{one.name}: {one.when}" for one in job.schedules)
    return texts


# --- what is shown before it is saved ---


def _unshown(visit: Visit, wanted: _Wanted) -> str | None:
    """The mark of what has to be shown first; None where nothing has, or it was."""
    if not wanted.coming or wanted.mistakes or "yes" in visit.command.flags:
        return None
    told = "\n".join(f"{one.table.expression.text} {one.table.zone.key}" for one in wanted.coming)
    mark = hashlib.sha256(told.encode()).hexdigest()[:12]
    return None if visit.command.options.get("shown") == mark else mark


async def _preview(
    visit: Visit, name: str, job: Job | None, wanted: _Wanted, line: Command, kind: str, mark: str
) -> Reply:
    """The form once more, with the next instants of what is to run by itself. Mistakes go first."""
    title = f"{'Edit' if job is not None else 'Make'} {name}"
    try:
        await revisions.examine(
            visit.turn, visit.organization, name, wanted.written, job=job, checks=visit.checks
        )
    except Invalid as refused:
        return _again(title, kind, wanted, refused, line)
    now = visit.turn.now
    note = wording.preview(name, wanted.coming, visit.reader, now)
    shown = replace(line, options={**line.options, "shown": mark})
    form = _form(title, kind, wanted.texts, {}, shown, note=note)
    typed = "filled" not in visit.command.flags
    save = spell(replace(visit.command, flags=visit.command.flags | {"yes"})) if typed else ""
    blocks = wording.preview_blocks(wanted.coming, visit.reader, now)
    return Reply(wording.fill(form, f"{name} would run by itself.", blocks, save), Outcome.FORM)


def _again(title: str, kind: str, wanted: _Wanted, refused: Invalid, line: Command) -> Reply:
    """The form with its mistakes; what belongs to no field is told above it."""
    texts = dict(wanted.texts)
    texts["parameters"] = brief.discreet(texts.get("parameters", ""))
    form = _form(title, kind, texts, refused.fields, line)
    return Reply(wording.fill(form, refused.sentence), Outcome.FORM, mistakes=refused.fields)


def _form(
    title: str,
    kind: str,
    texts: Mapping[str, str],
    mistakes: Mapping[str, str],
    line: Command,
    *,
    note: str = "",
) -> Form:
    """What is filled in completes the line; the line alone asks for the form again."""
    again = replace(line, options={})
    filled = replace(line, flags=line.flags | {"filled"})
    return wording.form(
        title,
        kind,
        texts,
        mistakes,
        command=spell(filled),
        again=spell(again),
        note=note,
        spares=line.name is Name.EDIT,
    )
