"""What is said of jobs: the list, one job's page, its history, what goes on now, help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from core import parameters
from core.commands import COMMANDS, Command, Name, Spec, spell
from core.definitions import Overlap
from core.jobs import Job
from core.messages import Block, Button, Cell, Code, Column, Facts, Message, Paragraph, Table, escape
from core.people import Member
from core.store.dialects import Row
from core.views import BatchView
from core.wording import words

PAGE = 10  # rows of a list


def listing(
    found: Sequence[Job],
    last: Mapping[int, Row],
    running: Mapping[int, int],
    now: datetime,
    word: str,
    page: int,
) -> Message:
    """The jobs, with what each did last."""
    if not found:
        return _nothing(
            f"No job matches {word}." if word else "There are no jobs yet.",
            "`list` shows all." if word else "Write one into `slashjob.yml`, then `slashjob apply`.",
        )
    shown = found[(page - 1) * PAGE : page * PAGE]
    rows: list[tuple[Cell, ...]] = []
    for job in shown:
        state = f"running #{running[job.pk]}" if job.pk in running else _last(last.get(job.pk), now)
        if not job.enabled:
            state = "disabled"
        rows.append((job.name, job.job.title or job.job.description, state))
    text = words.count(len(found), "job") + (f" matching {word}" if word else "")
    return Message(
        text=text,
        title=text,
        blocks=(
            Table(
                tuple(Column(title) for title in ("job", "what it does", "last")),
                tuple(rows),
                total_rows=len(found),
            ),
        ),
        buttons=(
            *(_button(f"Run {job.name}", Name.RUN, job.name) for job in shown[:3] if job.enabled),
            *_pages("list", word, page, len(found)),
        ),
    )


def job(
    found: Job,
    views: Sequence[BatchView],
    now: datetime,
    lost: Sequence[Row] = (),
    *,
    editable: bool = False,
) -> Message:
    """One job: what it takes, how it behaves, what it did; `lost` are its channels that take no messages.

    `editable`: who looks at it may change it in chat.
    """
    blocks: list[Block] = []
    for row in lost:
        name = f"{row.platform}:{row.name or row.address}"
        blocks.append(Paragraph(f"Its messages do not reach {name}: {row.state_reason}"))
    if found.job.description:
        blocks.append(Paragraph(found.job.description))
    if found.job.parameters:
        rows: list[tuple[Cell, ...]] = [
            (
                name,
                " | ".join(one.choices) or one.type,
                "required" if one.default is None else parameters.show(one.default),
                one.description,
            )
            for name, one in found.job.parameters.items()
        ]
        titles = ("parameter", "type", "default", "what it is")
        blocks.append(Table(tuple(Column(title) for title in titles), tuple(rows), shown_rows=20))
    facts = [
        ("agent", f"{found.job.agent} ({found.definition.agent.kind})"),
        ("while it runs", _overlap(found.job.overlap)),
        ("version", str(found.version_number)),
        ("defined in", found.file or "chat"),
    ]
    if found.job.owner:
        facts.append(("owner", found.job.owner))
    if not found.enabled:
        facts.append(("state", "disabled"))
    blocks.append(Facts(tuple(facts)))
    blocks.append(Code(usage(found)))
    if views:
        blocks.append(_history(views, now, with_job=False))
    text = f"{found.label} ({found.name})" if found.job.title else found.name
    return Message(
        text=text,
        title=text,
        blocks=tuple(blocks),
        buttons=(
            _button("Run", Name.RUN, found.name),
            _button("History", Name.HISTORY, found.name),
            *((_button("Edit", Name.EDIT, found.name),) if editable else ()),
            *((_button("Test delivery", Name.TEST_DELIVERY, found.name),) if lost else ()),
        ),
    )


def history(
    views: Sequence[BatchView], found: Job | None, now: datetime, page: int, *, more: bool
) -> Message:
    """The latest batches."""
    of = f" of {found.name}" if found else ""
    if not views:
        if page > 1:
            return _nothing(f"There is no page {page} of the history{of}.", "")
        hint = f"Start it with `run {found.name}`." if found else "Start one with `run NAME`."
        return _nothing(f"Nothing has run yet{of}." if not found else f"{found.name} has not run yet.", hint)
    text = f"History{of}" + (f" · page {page}" if page > 1 else "")
    buttons = [_button("Latest", Name.SHOW, f"#{views[0].batch.number}")]
    if more:
        command = Command(Name.HISTORY, (found.name,) if found else (), options={"page": str(page + 1)})
        buttons.append(Button("Older", spell(command)))
    return Message(
        text=text, title=text, blocks=(_history(views, now, with_job=found is None),), buttons=tuple(buttons)
    )


def status(views: Sequence[BatchView], now: datetime) -> Message:
    """What runs and waits now."""
    if not views:
        return _nothing("Nothing runs or waits now.", "`history` shows what ran.")
    rows: list[tuple[Cell, ...]] = []
    for view in views:
        step = next((run.step for run in view.runs if run.step), "")
        progress = step if view.single else f"{view.batch.done} of {view.batch.total} done"
        since = words.ago(view.batch.started_at or view.batch.created_at, now)
        state = words.STATES[view.batch.state]
        rows.append((f"#{view.batch.number}", view.job.name, state, f"{view.starter}, {since}", progress))
    titles = ("#", "job", "state", "started", "progress")
    text = f"{words.count(len(views), 'batch').replace('batchs', 'batches')} running or waiting"
    return Message(
        text=text,
        title=text,
        blocks=(Table(tuple(Column(one) for one in titles), tuple(rows), shown_rows=20, shown_columns=5),),
        buttons=tuple(
            _button(f"Cancel #{view.batch.number}", Name.CANCEL, f"#{view.batch.number}", _sure(view))
            for view in views[:3]
        ),
    )


def help_all(member: Member, jobs: Sequence[str]) -> Message:
    """What can be said here."""
    lines = [
        f"`{_short(spec)}`: {escape(spec.help)}"
        for spec in COMMANDS.values()
        if spec.available and (spec.least is None or member.may(spec.least))
    ]
    first = "Say one of these after `/job`, or press a button; `help run` tells all of run."
    blocks: list[Block] = [Paragraph(first, marked=True), Paragraph("\n".join(lines), marked=True)]
    if jobs:
        blocks.append(Paragraph(f"Jobs here: {words.listing(list(jobs[:8]))}"))
    buttons = [
        Button("List the jobs", "list"),
        *(_button(f"Run {name}", Name.RUN, name) for name in jobs[:2]),
    ]
    return Message(
        text="What slashjob understands",
        title="What slashjob understands",
        blocks=tuple(blocks),
        buttons=tuple(buttons),
    )


def help_one(spec: Spec) -> Message:
    """How one command is written."""
    blocks: list[Block] = [Paragraph(spec.help), Code(f"/job {spec.usage}")]
    if not spec.available:
        blocks.append(Paragraph("This command comes in a later version."))
    if spec.options:
        blocks.append(Facts(tuple((one.name, one.help) for one in spec.options if not one.inner)))
    blocks.append(Code("\n".join(f"/job {example}" for example in spec.examples)))
    role = f" · needs the role {spec.least}" if spec.least else ""
    return Message(text=f"{spec.name}: {spec.help}", title=f"{spec.name}{role}", blocks=tuple(blocks))


def _short(spec: Spec) -> str:
    """A command with its places; what else it takes is told by `help COMMAND`."""
    parts = [str(spec.name), *map(str, spec.words)]
    if spec.text:
        parts.append(spec.text.upper() if spec.text_required else f"[{spec.text.upper()}]")
    if spec.takes_values:
        parts.append("[name=value]")
    return " ".join(parts)


def usage(found: Job) -> str:
    """The line that runs a job: what is required stands bare, the rest in brackets."""
    parts = [
        f"{name}=…" if one.default is None else f"[{name}=…]" for name, one in found.job.parameters.items()
    ]
    return " ".join(["/job run", found.name, *parts])


def _history(views: Sequence[BatchView], now: datetime, *, with_job: bool) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for view in views:
        batch = view.batch
        ended = batch.ended_at or now
        took = words.lasted(ended - batch.started_at) if batch.started_at else ""
        told = _parameters(view) if view.single else f"{batch.done} of {batch.total} runs"
        state = words.STATES[batch.state] + (", quietly" if view.quiet else "")
        row = (f"#{batch.number}", state, words.ago(batch.created_at, now), took, told)
        rows.append((row[0], view.job.name, *row[1:]) if with_job else row)
    titles = ["#", "state", "when", "took", "with"]
    if with_job:
        titles.insert(1, "job")
    return Table(tuple(Column(one) for one in titles), tuple(rows), shown_columns=len(titles))


def _parameters(view: BatchView) -> str:
    if view.batch.reason and not view.runs:
        return view.batch.reason
    shown = view.parameters(view.runs[0]) if view.runs else {}
    return " ".join(f"{name}={value}" for name, value in shown.items())[:80]


def _overlap(rule: Overlap) -> str:
    """What another start does while the job is active."""
    same = " with the same parameters" if rule.scope == "job+parameters" else ""
    return {
        "skip": f"another start{same} is skipped",
        "queue": f"another start{same} waits in line",
        "replace": f"another start{same} replaces it",
        "allow": "others may run beside it",
    }[rule.policy]


def _last(row: Row | None, now: datetime) -> str:
    if row is None:
        return "never"
    return f"{row.state.replace('_', ' ')} {words.ago(row.ended_at, now)}"


def _pages(command: str, word: str, page: int, total: int) -> tuple[Button, ...]:
    if page * PAGE >= total:
        return ()
    following = Command(Name(command), (word,) if word else (), options={"page": str(page + 1)})
    return (Button("More", spell(following)),)


def _nothing(text: str, hint: str) -> Message:
    blocks = (Paragraph(text), Paragraph(hint, marked=True)) if hint else (Paragraph(text),)
    return Message(text=text, blocks=blocks)


def _sure(view: BatchView) -> str:
    return f"Cancel {view.job.name} #{view.batch.number}?"


def _button(label: str, name: Name, target: str, confirm: str = "") -> Button:
    return Button(label, spell(Command(name, (target,))), confirm=confirm)
