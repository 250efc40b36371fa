"""`slashjob init`: a first workspace by a few questions; without a terminal, with an answer to each."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from bot.settings import read
from core import times
from core.definitions import NAME
from core.errors import Misconfigured, Refusal

REFUSED = 2
EXAMPLE = "sqlite:///example.db"

_WORKSPACE = """\
# A workspace: where the data is, who works with it, what can be run.
# `slashjob check` reads it, `slashjob plan` shows what would change, `slashjob apply` does it.

sources:
  data:
    url: {url}    # a secret in it as ${{NAME_OF_A_VARIABLE}}

agents:
  analyst:
    kind: report    # asks questions in SQL; needs no key and no network
    source: data

jobs:
  {name}:
    title: {title}
    agent: analyst
{job}
    timeout: 5m
    retry: {{attempts: 2, delay: 10s}}{schedule}
"""
_EXAMPLE_JOB = """\
    parameters:
      since: {type: date, default: "-7d", description: the first day}
    questions:
      - name: days
        ask: How much was sold each day?
        sql: select day, sum(amount) as revenue from sales where day >= :since group by day order by day
        chart: {type: bar, x: day, y: revenue, title: Revenue by day}
      - name: total
        ask: And in all?
        sql: select coalesce(sum(amount), 0) as revenue, count(*) as orders from sales where day >= :since
        checks: [{name: Hardly anything sold, column: orders, op: "<", threshold: 1}]
    summary: "Since {{ params.since }}: *{{ total.revenue | number }}* from {{ total.orders }} orders."\
"""
_OWN_JOB = """\
    questions:
      - name: answer
        ask: Does the database answer?
        sql: select 1 as answer    # your question here; `:name` stands for a parameter of the job
    summary: "The database answered {{ answer.answer }}."\
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody wants to begin with. `schedule` is empty where the job is only run by hand."""

    name: str = "daily-sales"
    url: str = EXAMPLE
    schedule: str = ""


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--name", help="What the first job is called.")
@click.option("--url", help="The database to ask; without one, a small example is made.")
@click.option("--schedule", help="When it runs by itself: words or cron.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
def init_command(folder: Path, name: str | None, url: str | None, schedule: str | None, *, yes: bool) -> None:
    """Make a first workspace in FOLDER, by questions."""
    times.use_pinned_zones()
    plain = Answers()
    given = Answers(name or plain.name, url or plain.url, schedule or plain.schedule)
    try:
        if (folder / "slashjob.yml").exists():
            raise Misconfigured([f"{folder / 'slashjob.yml'} exists already; nothing was written."])
        if not yes and sys.stdin.isatty():
            given = _ask(given)
        make(folder, given)
    except (Misconfigured, Refusal, OSError) as refused:
        for line in _told(refused):
            click.echo(line, err=True)
        sys.exit(REFUSED)
    there = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"Made {folder / 'slashjob.yml'}. Now:\n")
    click.echo(f"  {there}slashjob apply")
    click.echo(f'  {there}slashjob say "run {given.name}" --wait')
    click.echo(f"  {there}slashjob serve")


def make(folder: Path, answers: Answers) -> None:
    """Write the workspace, and the example's data where it asks for none of its own.

    Raises:
        Misconfigured: the name is none, or the URL holds a password.
        Refusal: the schedule is not understood.
    """
    mistakes = _mistakes(answers)
    if mistakes:
        raise Misconfigured(mistakes)
    schedule = ""
    if answers.schedule:
        zone = times.zone(read({}, folder).timezone)
        times.parse(answers.schedule, zone=zone, now=datetime.now(UTC))
        schedule = f'\n    schedules: [{{when: {_quoted(answers.schedule)}}}]\n    channel: "console:console"'
    folder.mkdir(parents=True, exist_ok=True)
    example = answers.url == EXAMPLE
    text = _WORKSPACE.format(
        url=_quoted(answers.url),
        name=answers.name,
        title=_quoted(answers.name.replace("-", " ").replace("_", " ").capitalize()),
        job=_EXAMPLE_JOB if example else _OWN_JOB,
        schedule=schedule,
    )
    if example:
        _make_data(folder / "example.db", datetime.now(UTC).date())
    with (folder / "slashjob.yml").open("x", encoding="utf-8") as file:
        file.write(text)


def _ask(given: Answers) -> Answers:
    name = click.prompt("What is the first job called?", default=given.name)
    click.echo("Which database does it ask? Such as postgresql://reader:${PASSWORD}@host/shop;")
    url = click.prompt("the default is a small example that is made now", default=given.url)
    click.echo('When does it run by itself? Such as "every weekday at 8", or 0 8 * * 1;')
    schedule = click.prompt("nothing: only by hand", default=given.schedule, show_default=False)
    return Answers(name.strip(), url.strip(), schedule.strip())


def _mistakes(answers: Answers) -> list[str]:
    found = []
    if not re.fullmatch(NAME, answers.name):
        found.append(f"{answers.name!r} is no name: it is made of small letters, digits and dashes.")
    password = re.search(r"://[^/@]*:([^@]*)@", answers.url)
    if password and "${" not in password[1]:
        found.append(
            "The URL holds a password: set a variable to it, and write ${NAME_OF_THE_VARIABLE} there."
        )
    return found


def _told(refused: Exception) -> list[str]:
    match refused:
        case Misconfigured():
            return refused.mistakes
        case Refusal():
            return [f"{refused.sentence} {refused.hint}".strip()]
        case OSError():
            return [f"{refused.filename or 'The folder'} cannot be written: {refused.strerror}."]
        case _:
            return [str(refused)]


def _make_data(path: Path, today: date) -> None:
    """Thirty days of sales, the same for everybody."""
    if path.exists():
        return
    days = [today - timedelta(days=number) for number in range(30)]
    sales = [
        (day.isoformat(), product, 20 + (day.toordinal() * step) % 90)
        for day in days
        for step, product in ((7, "Helmet"), (11, "Lock"), (13, "Lights"))
    ]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "create table sales (day text not null, product text not null, amount real not null)"
        )
        connection.executemany("insert into sales values (?, ?, ?)", sales)
        connection.commit()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
