"""What is said to somebody who says nothing more than `/job`: what runs, the jobs, what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from core.commands import COMMANDS, Command, Name, spell
from core.jobs import Job
from core.messages import Block, Button, Cell, Column, Message, Paragraph, Table
from core.people import Member
from core.store.dialects import Row
from core.views import BatchView
from core.wording import words

SHOWN = 10  # jobs
GOING_SHOWN = 5
NEW = Button("New job", str(Name.NEW))


@dataclass(frozen=True, slots=True)
class Home:
    """What a home shows. `last` and `due` go by the job's number; the member's own jobs come first."""

    member: Member
    jobs: Sequence[Job]
    mine: frozenset[int]
    last: Mapping[int, Row]
    due: Mapping[int, datetime]
    going: Sequence[BatchView]
    now: datetime
    zone: ZoneInfo
    admins: Sequence[str] = ()


def home(shown: Home) -> Message:
    """The jobs that the member may see, what runs now, and the next lines to say."""
    if shown.member.role is None:
        return _nobody(shown)
    if not shown.jobs:
        return _empty(shown)
    text = f"{words.count(len(shown.jobs), 'job')} here, {len(shown.going) or 'nothing'} running or waiting"
    blocks: list[Block] = []
    if shown.going:
        blocks.append(_going(shown))
    ordered = sorted(shown.jobs, key=lambda job: (job.pk not in shown.mine, job.name))
    blocks.append(_jobs(shown, ordered))
    blocks.append(Paragraph("Run one with `/job run NAME`, or say `/job help`.", marked=True))
    return Message(text=text, title="Jobs", blocks=tuple(blocks), buttons=_buttons(shown, ordered))


def welcome(name: str = "") -> Message:
    """The first words to who installed the bot: three things to try."""
    text = f"Welcome{f', {name}' if name else ''}: slashjob is installed."
    tries = (
        "1. `/job` shows the jobs and what runs now.\n"
        "2. `/job run NAME` runs one; what is missing is asked for.\n"
        "3. `/invite` me into a channel: results and alerts are posted there."
    )
    return Message(
        text=text,
        title="Welcome",
        blocks=(Paragraph(text), Paragraph(tries, marked=True)),
        buttons=(Button("List the jobs", "list"), Button("Help", "help")),
    )


def greeting() -> Message:
    """The first words in a channel that the bot joined."""
    text = "slashjob is here: results and alerts of jobs that are run in this channel are posted in it."
    hint = "Say `/job` to see the jobs. In a thread, mention me: slash commands do not work there."
    return Message(text=text, blocks=(Paragraph(text), Paragraph(hint, marked=True)))


def welcome_in_chat(name: str = "") -> Message:
    """The first words in the 1:1 chat of who added the bot there."""
    text = f"Welcome{f', {name}' if name else ''}: slashjob is here for you."
    tries = (
        "1. `list` shows the jobs, `status` what runs now.\n"
        "2. `run NAME` runs one; what is missing is asked for.\n"
        "3. Add me to a team or a group chat, and mention me there: results are posted where you ask."
    )
    return Message(
        text=text,
        title="Welcome",
        blocks=(Paragraph(text), Paragraph(tries, marked=True)),
        buttons=(Button("List the jobs", "list"), Button("Help", "help")),
    )


def greeting_in_team(bot: str) -> Message:
    """The first words where the bot hears only what mentions it."""
    text = f"{bot} is here: results and alerts of jobs that are run here are posted here."
    hint = f"Mention me to see the jobs: `@{bot} list`"
    return Message(text=text, blocks=(Paragraph(text), Paragraph(hint, marked=True)))


def _going(shown: Home) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for view in shown.going[:GOING_SHOWN]:
        step = next((run.step for run in view.runs if run.step), "")
        done = step if view.single else f"{view.batch.done} of {view.batch.total} done"
        since = words.ago(view.batch.started_at or view.batch.created_at, shown.now)
        state = words.STATES[view.batch.state]
        rows.append((f"#{view.batch.number} {view.job.name}", state, f"{view.starter}, {since}", done))
    columns = tuple(Column(title) for title in ("now", "state", "started", "progress"))
    return Table(columns, tuple(rows), title="Running now", total_rows=len(shown.going))


def _jobs(shown: Home, ordered: Sequence[Job]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for job in ordered[:SHOWN]:
        last = shown.last.get(job.pk)
        did = f"{last.state.replace('_', ' ')} {words.ago(last.ended_at, shown.now)}" if last else "never"
        due = shown.due.get(job.pk)
        following = words.moment(due, shown.zone, now=shown.now) if due else ""
        if job.paused_at is not None:
            following = "paused"
        rows.append((job.name, job.job.title or job.job.description, did, following))
    columns = tuple(Column(title) for title in ("job", "what it does", "last", "next"))
    return Table(columns, tuple(rows), title="Jobs", total_rows=len(shown.jobs))


def _buttons(shown: Home, ordered: Sequence[Job]) -> tuple[Button, ...]:
    made = [_button("Cancel", Name.CANCEL, f"#{view.batch.number}") for view in shown.going[:2]]
    for job in [one for one in ordered if one.enabled][:3]:
        made.append(_button("Run", Name.RUN, job.name))
    for job in [one for one in ordered if one.pk in shown.due][:2]:
        verb = Name.RESUME if job.paused_at is not None else Name.PAUSE
        made.append(_button(str(verb).capitalize(), verb, job.name))
    made += [Button("History", "history"), Button("All jobs", "list"), NEW, Button("Help", "help")]
    return tuple(one for one in made if _may(shown.member, one))


def _may(member: Member, button: Button) -> bool:
    least = COMMANDS[Name(button.command.split(" ", 1)[0])].least
    return least is None or member.may(least)


def _nobody(shown: Home) -> Message:
    text = f"Hello {shown.member.name}: you have no role here yet, so there is nothing to see."
    who = words.listing(list(shown.admins), "or") if shown.admins else "An admin"
    hint = f"{who} can give you one. Where there is no admin yet, the server prints a code: /job claim CODE"
    return Message(text=text, title="Jobs", blocks=(Paragraph(text), Paragraph(hint)))


def _empty(shown: Home) -> Message:
    text = "There are no jobs yet."
    hint = "Write one into slashjob.yml, then: slashjob apply"
    buttons = tuple(one for one in (NEW, Button("Help", "help")) if _may(shown.member, one))
    if NEW in buttons:
        hint = "Make one here, or write one into slashjob.yml, then: slashjob apply"
    return Message(text=text, title="Jobs", blocks=(Paragraph(text), Paragraph(hint)), buttons=buttons)


def _button(label: str, name: Name, target: str) -> Button:
    return Button(f"{label} {target}", spell(Command(name, (target,))))
