"""`slashjob next`: when an expression is due, the same arithmetic as the scheduler's, without a database."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from core import times
from core.errors import Invalid, Refusal

REFUSED = 2
MOST = 10_000  # instants in one answer
COUNT = 5


@click.command("next")
@click.argument("expression")
@click.option(
    "--timezone", default="UTC", envvar="SLASHJOB_TIMEZONE", show_default=True, help="An IANA time zone."
)
@click.option("--from", "start", default="now", show_default=True, help="Strictly after this ISO instant.")
@click.option("--count", type=click.IntRange(1, MOST), default=COUNT, show_default=True)
@click.option("--calendar", default="", help="Public holidays of a country and subdivision: NL, US-CA.")
@click.option(
    "--gap", default="next", show_default=True, help="A local time that does not exist: next or skip."
)
@click.option(
    "--fold", default="first", show_default=True, help="One that happens twice: first, second or both."
)
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def next_command(
    expression: str,
    timezone: str,
    start: str,
    count: int,
    calendar: str,
    gap: str,
    fold: str,
    *,
    as_json: bool,
) -> None:
    """Print the next instants of EXPRESSION: cron, @first-weekday 07:30, or words.

    With - as EXPRESSION, read one JSON object a line from standard input and answer each with one line.
    """
    times.use_pinned_zones()
    question = {
        "expression": expression,
        "timezone": timezone,
        "from": start,
        "count": count,
        "calendar": calendar,
        "gap": gap,
        "fold": fold,
    }
    now = datetime.now(UTC)
    if expression == "-":
        _answer_lines({**question, "expression": None}, now)
        return
    try:
        understood, after = _understand(question, now)
        click.echo(_as_json(understood, after, question) if as_json else _as_text(understood, after, count))
    except Refusal as refused:
        click.echo(_sentence(refused), err=True)
        sys.exit(REFUSED)


def _answer_lines(defaults: Mapping[str, Any], now: datetime) -> None:
    for line in sys.stdin.buffer:
        if line.strip():
            click.echo(json.dumps(_answer(line, defaults, now)))


def _answer(line: bytes, defaults: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    try:
        question = _read(line, defaults)
        understood, after = _understand(question, now)
        return {"next": [_stamp(at) for at in understood.upcoming(after, question["count"])]}
    except Refusal as refused:
        return {"refused": _sentence(refused)}


def _read(line: bytes, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The question of a line, with the defaults where a key is null or absent; other keys are ignored.

    Raises:
        Invalid: it is no JSON object, or a value has the wrong type.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise Invalid("The line is no JSON.", hint='Write {"expression": "0 8 * * 1"}.') from None
    if not isinstance(found, dict):
        raise Invalid("The line is no JSON object.", hint='Write {"expression": "0 8 * * 1"}.')
    question = {key: default if found.get(key) is None else found[key] for key, default in defaults.items()}
    count = question["count"]
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
        raise Invalid(f'"count" is no whole number from 1 to {MOST}.', hint="Leave it away for 5.")
    for key, value in question.items():
        if key != "count" and not isinstance(value, str):
            raise Invalid(f'"{key}" is missing or no text.', hint="Write it in double quotes.")
    return question


def _understand(question: Mapping[str, Any], now: datetime) -> tuple[times.Expression, datetime]:
    zone = times.zone(question["timezone"])
    after = times.resolve_datetime(question["from"], now, zone)
    understood = times.parse(
        question["expression"],
        zone=zone,
        now=after,
        calendar=question["calendar"],
        gap=question["gap"],
        fold=question["fold"],
    )
    return understood, after


def _as_json(understood: times.Expression, after: datetime, question: Mapping[str, Any]) -> str:
    instants, changes = understood.preview(after, question["count"])
    answer = {
        "expression": question["expression"],
        "canonical": understood.text,
        "timezone": understood.zone.key,
        "description": understood.describe(),
        "next": [_stamp(at) for at in instants],
        "notes": list(understood.notes),
        "warnings": list(understood.warnings(after)),
        "clock_changes": [{"at": _stamp(change.at), "effect": change.sentence} for change in changes],
    }
    return json.dumps(answer)


def _as_text(understood: times.Expression, after: datetime, count: int) -> str:
    instants, changes = understood.preview(after, count)
    lines = [f"{understood.text}: {understood.describe()}, in {understood.zone.key}"]
    lines += [f"  {at.astimezone(understood.zone):%a %Y-%m-%d %H:%M:%S %z}  {_stamp(at)}" for at in instants]
    lines += [f"Note: {note}" for note in understood.notes]
    lines += [f"Clocks: {change.sentence}" for change in changes]
    lines += [f"Warning: {warning}" for warning in understood.warnings(after)]
    return "\n".join(lines)


def _stamp(at: datetime) -> str:
    return f"{at.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _sentence(refused: Refusal) -> str:
    return f"{refused.sentence} {refused.hint}".strip()
