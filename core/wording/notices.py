"""Who is told what: the rules of a job, and what was changed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.commands import Command, Name, spell
from core.definitions import NotifyRule
from core.jobs import Job
from core.messages import Button, Column, Message, Paragraph, Table, Tone
from core.wording import words

_TOPICS = {
    "completed_run": "completed",
    "failed_run": "failed",
    "anomaly": "a check failed",
    "recovered": "recovered",
    "skipped": "skipped",
    "missed": "missed",
    "changed": "changed",
}
_BUTTONS = 5


@dataclass(frozen=True, slots=True)
class Named:
    """A rule with its channels as people read them; `number` where it was made in chat, `by` whom."""

    rule: NotifyRule
    to: tuple[str, ...]
    number: int | None = None
    general: bool = False
    by: str = ""


def listing(job: Job | None, rules: Sequence[Named]) -> Message:
    """The rules of a job, or those for every job."""
    what = job.label if job is not None else "every job"
    own = [one for one in rules if not one.general or job is None]
    text = f"{words.count(len(own), 'rule')} of {what}"
    rows = [
        (_from(job, one), _topics(one.rule), ", ".join(one.to), "; ".join(_only(one.rule)) or "always")
        for one in rules
    ]
    blocks: list[Paragraph | Table] = []
    if rows:
        titles = ("rule", "when a run is", "goes to", "but only")
        blocks.append(Table(tuple(map(Column, titles)), tuple(rows), shown_rows=20))
    blocks.append(Paragraph(_otherwise(job)))
    return Message(
        text=text, title=f"Who is told of {what}", blocks=tuple(blocks), buttons=_removals(job, rules)
    )


def added(job: Job | None, rule: Named, *, missing: Sequence[str] = ()) -> Message:
    """A rule was added."""
    what = job.name if job is not None else "every job"
    text = f"From now on {words.listing(list(rule.to))} hears of {what}: {_topics(rule.rule)}."
    blocks = [Paragraph(text)]
    if only := _only(rule.rule):
        blocks.append(Paragraph(f"Only {'; '.join(only)}."))
    if missing:
        names = words.listing([one.capitalize() for one in missing])
        blocks.append(
            Paragraph(
                f"{names} {'is' if len(missing) == 1 else 'are'} not set up here: what is owed there waits."
            )
        )
    return Message(
        text=text,
        tone=Tone.WARNING if missing else Tone.SUCCESS,
        blocks=tuple(blocks),
        buttons=_removals(job, [rule]),
    )


def removed(job: Job | None, rule: Named) -> Message:
    """A rule was removed."""
    what = job.name if job is not None else "every job"
    text = (
        f"Rule {rule.number} is gone: {words.listing(list(rule.to))} does not hear of {what} by it any more."
    )
    return Message(text=text, tone=Tone.NEUTRAL, blocks=(Paragraph(text),))


def alert_channel(name: str, *, chosen: bool = False) -> Message:
    """Where what has no other place is told."""
    if not name:
        text = "There is no alert channel: what runs by itself and has no channel is told nobody."
        hint = "An admin chooses one with: notify here --alerts"
        return Message(text=text, tone=Tone.WARNING, blocks=(Paragraph(text), Paragraph(hint)))
    now = "From now on what" if chosen else "What"
    text = f"{now} runs by itself and has no channel is told in {name}."
    return Message(text=text, tone=Tone.SUCCESS if chosen else Tone.NEUTRAL, blocks=(Paragraph(text),))


def _removals(job: Job | None, rules: Sequence[Named]) -> tuple[Button, ...]:
    mine = [one for one in rules if one.number is not None and one.general == (job is None)]
    return tuple(Button(f"Remove {one.number}", _removal(job, one.number)) for one in mine[:_BUTTONS])


def _removal(job: Job | None, number: int | None) -> str:
    options = {"remove": str(number)}
    if job is None:
        return spell(Command(Name.NOTIFY, (), options=options, flags=frozenset({"everything"})))
    return spell(Command(Name.NOTIFY, (job.name,), options=options))


def _from(job: Job | None, rule: Named) -> str:
    if rule.number is None:
        return (job.file if job is not None else "") or "its definition"
    who = f", {rule.by}" if rule.by else ""
    general = ", for every job" if rule.general and job is not None else ""
    return f"{rule.number}{who}{general}"


def _topics(rule: NotifyRule) -> str:
    return words.listing([_TOPICS[one] for one in rule.topics], "or")


def _only(rule: NotifyRule) -> list[str]:
    parts = []
    if rule.if_:
        parts.append(f"if {rule.if_}")
    if rule.level != "info":
        parts.append(f"from the level {rule.level} on")
    if rule.attach:
        parts.append(f"with {words.listing(list(rule.attach))}")
    if rule.mention:
        parts.append(f"mentioning {words.listing(list(rule.mention))}")
    return parts


def _otherwise(job: Job | None) -> str:
    if job is None:
        return "They hold for jobs that name no rule of their own for such an ending."
    return (
        "Where neither the job nor a rule for every job says otherwise, both results and failures go to "
        "where it was started; what somebody starts is always answered there."
    )
