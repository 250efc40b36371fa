"""What is said of messages: what became of them, what did not arrive, what tests whether it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.commands import Command, Name, spell
from core.deliveries import Kind
from core.lifecycles import DeliveryState
from core.messages import Button, Cell, Column, Message, Paragraph, Table, Tone
from core.store.dialects import Row
from core.wording import words

PAGE = 10  # rows of a page
WHY = 120  # characters of a reason in a list

_KINDS = {
    Kind.STATUS: "message",
    Kind.ALERT: "alert",
    Kind.MENTION: "mention",
    Kind.RESULT: "result",
    Kind.STUCK: "warning that nobody takes it",
    Kind.DRIFT: "warning of skipped starts",
    Kind.RETRY: "word of a retry",
    Kind.REMINDER: "reminder",
    Kind.PAUSED: "word that it is paused",
    Kind.RECOVERED: "recovery",
    Kind.LATE: "alert of a late start",
    Kind.ABSENCE: "word of what was not run",
    Kind.DIGEST: "digest",
    Kind.REST: "rest of a digest",
    Kind.TEST: "test message",
    Kind.TESTED: "report of a test",
}
_STATES = {
    DeliveryState.PENDING: "waiting",
    DeliveryState.SENDING: "being sent",
    DeliveryState.SENT: "sent",
    DeliveryState.UNKNOWN: "unknown",
    DeliveryState.FAILED: "failed",
    DeliveryState.SUPPRESSED: "not sent",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of deliveries. `people` maps (platform, address) to the person it is; `instead` a delivery's id
    to what stands in for it."""

    rows: Sequence[Row]
    people: Mapping[tuple[str, str], str]
    instead: Mapping[str, Sequence[Row]]
    now: datetime
    page: int
    more: bool


def undelivered(where: str, why: str) -> str:
    """The first line of a message that comes somewhere else instead."""
    return f"This comes here because it could not be posted in {where or 'its channel'}: {why}"


def perhaps_delivered(where: str, why: str) -> str:
    """The first line of an alert that may be in its channel already."""
    return (
        f"This comes here too because it may or may not have been posted in {where or 'its channel'}: {why}"
    )


def doubtful(lost: Sequence[Row]) -> str:
    """That earlier messages may not have arrived, in the next one."""
    named = [_what(Kind(row.kind), row.batch, row.job_name) for row in lost[:5]]
    named += [f"{len(lost) - 5} more"] if len(lost) > 5 else []
    verb = "has" if len(lost) == 1 else "have"
    told = next((f" See it with: show #{row.batch}" for row in lost if row.batch), "")
    return f"It is not known whether {words.listing(named)} {verb} arrived here before.{told}"


def listing(shown: Shown, of: str, line: Command) -> Message:
    """What became of messages; `line` is the command, for the next page."""
    if not shown.rows:
        text = (
            f"No messages{of}." if shown.page == 1 else f"There is no page {shown.page} of the messages{of}."
        )
        return Message(text=text, blocks=(Paragraph(text),))
    rows: list[tuple[Cell, ...]] = [
        (
            _what(Kind(row.kind), row.batch, row.job_name),
            where(row, shown.people),
            _state(row, shown.now),
            _why(row, shown),
        )
        for row in shown.rows
    ]
    columns = tuple(Column(title) for title in ("message", "where", "state", "why, and what instead"))
    buttons = []
    if shown.more:
        options = {**line.options, "page": str(shown.page + 1)}
        buttons.append(Button("Older", spell(Command(line.name, line.words, options=options))))
    text = f"Messages{of}" + (f" · page {shown.page}" if shown.page > 1 else "")
    return Message(text=text, title=text, blocks=(Table(columns, tuple(rows)),), buttons=tuple(buttons))


def where(row: Row, people: Mapping[tuple[str, str], str]) -> str:
    """A delivery's channel as people know it."""
    person = people.get((row.platform, row.address))
    name = f"{person}, directly" if person else row.channel_name or row.address
    broken = " (broken)" if row.channel_state == "broken" else ""
    return f"{row.platform}: {name}{broken}"


def testing(places: Sequence[str], name: str) -> Message:
    """The answer to a test: where it goes."""
    of = f" of {name}" if name else ""
    text = f"A test message{of} is on its way to {words.listing(list(places))}."
    told = "What becomes of it is told here."
    return Message(
        text=f"{text} {told}", title="Test", tone=Tone.PROGRESS, blocks=(Paragraph(f"{text} {told}"),)
    )


def test(who: str, name: str) -> Message:
    """The test message itself."""
    of = f" of {name}" if name else ""
    text = f"Test: messages{of} arrive here"
    return Message(
        text=text, title=text, blocks=(Paragraph(f"{who} looks whether they do. Nothing was run."),)
    )


def tested(sent: Sequence[Row], name: str, member: int) -> Message:
    """What became of the messages of a test."""
    arrived = sum(1 for row in sent if row.state == DeliveryState.SENT)
    going = sum(1 for row in sent if row.state in (DeliveryState.PENDING, DeliveryState.SENDING))
    of = f" of {name}" if name else ""
    tone = Tone.SUCCESS if arrived == len(sent) else Tone.PROGRESS if going else Tone.FAILURE
    text = f"Test{of}: {arrived} of {len(sent)} arrived" + (f", {going} on the way" if going else "")
    rows: list[tuple[Cell, ...]] = [
        (
            where(row, {}),
            "arrived" if row.state == DeliveryState.SENT else _STATES[DeliveryState(row.state)],
            row.error[:WHY],
        )
        for row in sent
    ]
    columns = tuple(Column(title) for title in ("where", "state", "why"))
    again = (Button("Test again", spell(Command(Name.TEST_DELIVERY, (name,)))),) if name else ()
    return Message(
        text=text,
        title=text,
        tone=tone,
        blocks=(Table(columns, tuple(rows)),),
        buttons=again if tone is not Tone.SUCCESS else (),
        mentions=(str(member),) if tone is Tone.FAILURE else (),
    )


def _what(kind: Kind, batch: int | None, job: str | None) -> str:
    of = " · ".join(filter(None, [job or "", f"#{batch}" if batch else ""]))
    return f"{_KINDS[kind]} of {of}" if of else _KINDS[kind]


def _state(row: Row, now: datetime) -> str:
    state = DeliveryState(row.state)
    since = row.sent_at if state is DeliveryState.SENT and row.sent_at is not None else row.created_at
    if state is DeliveryState.PENDING and row.external_id:
        return "sent, a newer version waits"
    tried = f", tried {row.attempts} times" if row.attempts > 1 and state is not DeliveryState.SENT else ""
    return f"{_STATES[state]} {words.ago(since, now)}{tried}"


def _why(row: Row, shown: Shown) -> str:
    said = [row.error[: WHY - 1] + "…" if len(row.error) > WHY else row.error]
    for other in shown.instead.get(row.id, ()):
        said.append(f"Instead: {where(other, shown.people)}, {_STATES[DeliveryState(other.state)]}.")
    return " ".join(filter(None, said))
