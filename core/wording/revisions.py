"""What is said while a job is made or changed: its forms, what was shown before, what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from core.commands import Command, Name, parse, spell
from core.definitions import AgentDefinition
from core.jobfiles import Effect
from core.jobs import Job
from core.messages import Block, Button, Code, Field, FieldKind, Form, Message, Option, Paragraph, Tone
from core.revisions import Revised
from core.scheduled import Schedule
from core.timetables import Timetable
from core.wording import words
from core.wording.schedules import SHOWN, upcoming_blocks

LINE_SHOWN = 1_500  # characters of a line that a button may carry

_WORK: Mapping[str, tuple[str, ...]] = {
    "report": ("questions", "summary"),
    "llm": ("prompt",),
    "command": ("command", "environment", "input"),
    "http": ("path", "body"),
    "interact": ("remote_job", "body"),
    "python": (),
}
_REQUIRED = ("questions", "prompt", "command", "remote_job")
_BEFORE = ("title", "description")
_AFTER = ("parameters", "schedules", "channel", "notify", "overlap", "timeout", "owner")
_KINDS: Mapping[str, FieldKind] = {
    **dict.fromkeys(
        ("description", "questions", "summary", "prompt", "command", "environment", "body"), "lines"
    ),
    **dict.fromkeys(("parameters", "schedules", "notify"), "lines"),
    **dict.fromkeys(("input", "overlap"), "choice"),
}
_CHOICES: Mapping[str, Mapping[str, str]] = {
    "input": {"none": "no standard input", "json": "the parameters as JSON on standard input"},
    "overlap": {
        "skip": "a newcomer is skipped while it runs",
        "queue": "a newcomer waits in line",
        "replace": "a newcomer replaces what runs",
        "allow": "newcomers run beside it",
    },
}
_HINTS: Mapping[str, str] = {
    "title": "What people read; the name where it is empty.",
    "questions": "A line for each: total: select sum(amount) as total from sales where day >= :since",
    "summary": "One sentence of the results: It was *{{ total.total | number }}*.",
    "prompt": "What the model is asked to do; {name} stands for a parameter.",
    "command": "/usr/bin/report.sh --campaign {campaign_id}: {name} stands for a parameter.",
    "environment": "A line for each: REGION={region}",
    "path": "/reports/{campaign_id}",
    "body": "JSON; {name} stands for a parameter.",
    "remote_job": "The id of the job that the service runs.",
    "parameters": "A line for each: id: integer · since: date = -7d · region: EU | US = EU · key: secret",
    "schedules": "A line for each, in plain words: every weekday at 8 · @first-weekday 07:30 · 0 8 * * 1",
    "channel": "Where scheduled runs belong: slack:#growth, email:ana@example.com",
    "notify": "A line for each: failed_run to slack:#ops · completed_run to origin if total.total < 1000",
    "timeout": "30s, 5m, 2h or 1d for each run.",
    "owner": "Who is told when it fails by itself.",
}


@dataclass(frozen=True, slots=True)
class Coming:
    """A schedule that would be saved."""

    name: str
    table: Timetable


def asked(kind: str) -> tuple[str, ...]:
    """The keys that the form of a job asks for, by its agent's kind."""
    return (*_BEFORE, *_WORK[kind], *_AFTER)


def first_form(
    name: str, agents: Mapping[str, AgentDefinition], mistakes: Mapping[str, str], chosen: str = ""
) -> Form:
    """The first step: a name, and who does the work."""
    options = tuple(Option(one, _agent(one, agents[one])) for one in sorted(agents))
    return Form(
        title="Make a job",
        command="new",
        fields=(
            Field(
                "name",
                "Name",
                value=name,
                hint="Lower-case, such as weekly-report.",
                error=mistakes.get("name", ""),
            ),
            Field(
                "agent",
                "Agent",
                "choice",
                value=chosen if chosen in agents else "",
                options=options,
                hint="What does the work.",
                error=mistakes.get("agent", ""),
            ),
        ),
        submit="Next",
        again="new",
    )


def form(
    title: str,
    kind: str,
    texts: Mapping[str, str],
    mistakes: Mapping[str, str],
    *,
    command: str,
    again: str,
    note: str = "",
    spares: bool = False,
) -> Form:
    """All that a job of this kind of agent has; texts are what stands in the fields."""
    fields = tuple(_field(key, texts.get(key, ""), mistakes.get(key, "")) for key in asked(kind))
    if note:
        note = f"{note} Nothing is saved yet."
    return Form(title, command, fields, submit="Save", again=again, note=note, spares=spares)


def fitting(form: Form, limit: int) -> Form:
    """The form without what is longer than an input of the platform takes: that stays as it is, and the note
    says how to change it. Forms that spare nothing come back as they are."""
    long = [one for one in form.fields if len(one.value) > limit] if form.spares else []
    if not long:
        return form
    line = parse(form.command)
    names = ",".join(one.name for one in long)
    labels = words.listing([one.label for one in long], "and")
    verb, them = ("stay as they are", "them") if len(long) > 1 else ("stays as it is", "it")
    told = (
        f"{labels}: longer than the {limit:,} characters that an input takes here, so not shown; {verb}. "
        f"To change {them}, say it in one line: /job edit {line.word(0)} {long[0].name}=…"
    )
    return replace(
        form,
        command=spell(replace(line, options={**line.options, "keep": names})),
        fields=tuple(one for one in form.fields if one not in long),
        note=f"{told} {form.note}".strip(),
    )


def fill(form: Form, sentence: str, more: Sequence[Block] = (), line: str = "") -> Message:
    """A form with what is to be told above it; `line` saves what was shown."""
    buttons = (Button("Save", line, style="primary"),) if 0 < len(line) <= LINE_SHOWN else ()
    return Message(
        text=sentence, title=form.title, blocks=(Paragraph(sentence), *more), buttons=buttons, form=form
    )


def preview(job: str, coming: Sequence[Coming], reader: ZoneInfo, now: datetime) -> str:
    """When the job would run by itself, with the next instants: on a few lines."""
    return " ".join(_preview(job, one, reader, now) for one in coming)


def preview_blocks(coming: Sequence[Coming], reader: ZoneInfo, now: datetime) -> tuple[Block, ...]:
    """The same as tables."""
    made: list[Block] = []
    for one in coming:
        described = one.table.expression.describe()
        made.append(Paragraph(f"{described[:1].upper()}{described[1:]} ({one.table.zone.key})"))
        made += upcoming_blocks(one.table, now, reader)
        made += [
            Paragraph(said) for said in (*one.table.expression.notes, *one.table.expression.warnings(now))
        ]
    return tuple(made)


def done(revised: Revised, schedules: Sequence[Schedule], reader: ZoneInfo) -> Message:
    """What became of the job, and what to do next."""
    job = revised.job
    text = _became(revised)
    blocks: list[Block] = [Paragraph(text)]
    if revised.effect is Effect.CHANGED:
        blocks.append(Code("\n".join(map(str, revised.details))))
    if revised.effect in (Effect.CREATED, Effect.CHANGED):
        for one in schedules:
            at = one.next_at
            if at is not None:
                due = words.due(at, one.timetable.zone, reader)
                blocks.append(Paragraph(f"{one.name}: {one.timetable.expression.describe()}, next on {due}."))
    blocks += [Paragraph(one) for one in revised.warnings]
    return Message(text=text, title=job.label, tone=Tone.SUCCESS, blocks=tuple(blocks), buttons=_next(job))


def no_agents() -> Message:
    """Nothing can be made before there is somebody who does the work."""
    text = "There is no agent yet that could do a job's work."
    hint = "Write one into `slashjob.yml`, then say `slashjob apply` on the server."
    return Message(text=text, title="Make a job", blocks=(Paragraph(text), Paragraph(hint, marked=True)))


def _field(key: str, text: str, mistake: str) -> Field:
    options = tuple(Option(value, f"{value}: {said}") for value, said in _CHOICES.get(key, {}).items())
    if options and text not in _CHOICES[key]:
        options = (*options, Option(text, text)) if text else options
    return Field(
        name=key,
        label=key.replace("_", " ").capitalize(),
        kind=_KINDS.get(key, "text"),
        required=key in _REQUIRED,
        value=text,
        options=options,
        hint=_HINTS.get(key, ""),
        error=mistake,
    )


def _agent(name: str, agent: AgentDefinition) -> str:
    return f"{name} ({agent.kind}){f': {agent.description}' if agent.description else ''}"


def _preview(job: str, one: Coming, reader: ZoneInfo, now: datetime) -> str:
    zone = one.table.zone
    instants = [words.instant(at, zone) for at in one.table.between(now, None, limit=SHOWN)]
    told = f"next {', '.join(instants)}" if instants else "not due any more"
    first = one.table.first_after(now)
    there = words.elsewhere(first, zone, reader) if first is not None else ""
    return f"{job} would run {one.table.expression.describe()} ({zone.key}): {told}{there}."


def _became(revised: Revised) -> str:
    name = revised.job.name
    match revised.effect:
        case Effect.CREATED:
            return f"{name} is made."
        case Effect.CHANGED:
            number = revised.job.version_number
            return f"{name} is changed (version {number}). What runs goes on with what it started with."
        case Effect.DISABLED:
            return f"{name} is disabled: nothing starts it any more, and its history stays."
        case Effect.ENABLED:
            return f"{name} may run again."
        case _:
            return f"Nothing changed: {name} is like that already."


def _next(job: Job) -> tuple[Button, ...]:
    if not job.enabled:
        return (Button("Enable", spell(Command(Name.EDIT, (job.name,), flags=frozenset({"enable"})))),)
    return (
        Button("Run", spell(Command(Name.RUN, (job.name,))), style="primary"),
        Button("Edit", spell(Command(Name.EDIT, (job.name,)))),
        Button("Show", spell(Command(Name.SHOW, (job.name,)))),
    )
