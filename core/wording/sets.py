"""What is said of a job's saved parameter sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core import parameters
from core.commands import Command, Name, spell
from core.definitions import Scalar
from core.jobs import Job
from core.messages import Block, Button, Cell, Column, Message, Paragraph, Table
from core.sets import ALL, Set
from core.wording import words

ROWS_SHOWN = 20


def listing(job: Job, found: Sequence[Set]) -> Message:
    """The sets of a job, a row for each row of values."""
    if not found:
        text = f"{job.name} has no saved parameter sets."
        hint = Paragraph(f"Save one with `sets {job.name} NAME name=value`.", marked=True)
        return Message(text=text, blocks=(Paragraph(text), hint))
    names = list(dict.fromkeys(name for one in found for row in one.rows for name in row))
    rows: list[tuple[Cell, ...]] = [
        (f"@{one.name}", *(_shown(row, name) for name in names), _where(job, one))
        for one in found
        for row in one.rows
    ]
    columns = (Column("set"), *(Column(name) for name in names), Column("saved in"))
    runs = words.count(len(rows), "run")
    text = f"{job.label} has {words.count(len(found), 'parameter set')}, {runs} together."
    table = Table(columns, tuple(rows[:ROWS_SHOWN]), total_rows=len(rows), shown_rows=ROWS_SHOWN)
    blocks: list[Block] = [Paragraph(text), table]
    buttons = [_run(job, one.name) for one in found[:3]]
    return Message(
        text=text,
        title=f"Parameter sets of {job.name}",
        blocks=tuple(blocks),
        buttons=(*buttons, *((_run(job, ALL),) if len(found) > 1 else ())),
    )


def saved(job: Job, made: Set) -> Message:
    """A set was saved."""
    runs = words.count(len(made.rows), "run")
    text = f"Saved @{made.name} of {job.name}: {runs}."
    table = listing(job, [made]).blocks[1:]
    return Message(text=text, blocks=(Paragraph(text), *table), buttons=(_run(job, made.name),))


def removed(job: Job, name: str) -> Message:
    """A set was forgotten."""
    text = f"@{name} of {job.name} is removed. Schedules that name it will be skipped, and say so."
    return Message(text=text, blocks=(Paragraph(text),))


def _run(job: Job, name: str) -> Button:
    return Button(f"Run @{name}", spell(Command(Name.RUN, (job.name,), sets=(name,))))


def _shown(row: Mapping[str, Scalar], name: str) -> str:
    return parameters.show(row[name]) if row.get(name) is not None else ""


def _where(job: Job, one: Set) -> str:
    return (job.file or "a file") if one.origin == "file" else "chat"
