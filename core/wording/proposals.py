"""What is said of a batch that waits for a yes: the question, the decision, what came of none."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from core import consent
from core.commands import Command, Name, spell
from core.lifecycles import BatchState
from core.messages import Block, Button, Message, Paragraph, Style, Tone
from core.views import BatchView
from core.wording import words
from core.wording.combinations import planned

FIRST = 5  # runs that the careful start with
LISTED = 10  # combinations that the question shows


def question(view: BatchView) -> Message:
    """How many runs it would be, who has to say yes, and until when."""
    batch = view.batch
    runs = words.count(batch.total, "run")
    text = (
        f"{view.starter} wants to start {runs} of {view.job.name} · #{batch.number}. Nothing has started yet."
    )
    blocks: list[Block] = [Paragraph(_who(view))]
    blocks += planned([view.parameters(run) for run in view.runs], LISTED)
    every = "Run all" if _confirmed(view) else "Approve"
    buttons = [_button(every, Name.APPROVE, batch.number, style="primary")]
    if batch.total > FIRST:
        buttons.append(_button(f"First {FIRST}", Name.APPROVE, batch.number, {"first": str(FIRST)}))
    end = "Cancel" if _confirmed(view) else "Reject"
    buttons.append(_button(end, Name.REJECT, batch.number, style="danger"))
    return Message(
        text=text,
        title=text,
        tone=words.TONES[BatchState.PROPOSED],
        blocks=tuple(blocks),
        buttons=tuple(buttons),
        mentions=() if _confirmed(view) else tuple(str(pk) for pk in view.approvers),
    )


def declined(view: BatchView) -> Message:
    """Nothing was started: the job was active, it was turned down, or nobody answered."""
    batch = view.batch
    runs = words.count(batch.total, "run")
    text = f"Skipped: {view.job.label} · #{batch.number} · {batch.reason}"
    said = Paragraph(f"{runs} {'was' if batch.total == 1 else 'were'} asked for; none was started.")
    again = (Button("Ask again", spell(Command(Name.RUN, (f"#{batch.number}",)))),) if view.runs else ()
    mentions = (str(batch.member),) if batch.member is not None and batch.agreed_by != batch.member else ()
    return Message(text=text, title=text, tone=Tone.NEUTRAL, blocks=(said,), buttons=again, mentions=mentions)


def approved(view: BatchView, holder: int | None) -> Message:
    """The answer to a yes."""
    runs = words.count(view.batch.total, "run")
    label = f"{view.job.name} · #{view.batch.number}"
    text = f"Started {runs} of {label}." if holder is None else f"{label} waits behind #{holder}."
    return _plain(view, text)


def rejected(view: BatchView) -> Message:
    """The answer to a no."""
    return _plain(view, f"{view.job.name} · #{view.batch.number} is turned down; nothing was started.")


def _who(view: BatchView) -> str:
    until = ""
    if view.batch.until_at is not None:
        zone = ZoneInfo(view.version.job.timezone or "UTC")
        until = f" Without a yes by {words.moment(view.batch.until_at, zone)} ({zone.key}) it is dropped."
    yes = consent.needed(view.version.job, view.batch.total, asked=view.batch.trigger.asked)
    if yes is None or not yes.another:
        return f"More than {view.version.job.confirm_above} runs are asked about first.{until}"
    other = f" other than {view.starter}" if yes.not_self else ""
    article = "A" if yes.by == "viewer" else "An"
    return f"{article} {yes.by}{other} has to approve more than {words.count(yes.above, 'run')}.{until}"


def _confirmed(view: BatchView) -> bool:
    """It is a question to who asked, not a rule that another person agrees."""
    yes = consent.needed(view.version.job, view.batch.total, asked=view.batch.trigger.asked)
    return yes is None or not yes.another


def _plain(view: BatchView, text: str) -> Message:
    show = _button("View", Name.SHOW, view.batch.number)
    return Message(text=text, tone=Tone.NEUTRAL, blocks=(Paragraph(text),), buttons=(show,))


def _button(
    label: str, name: Name, batch: int, options: dict[str, str] | None = None, *, style: Style = "default"
) -> Button:
    return Button(label, spell(Command(name, (f"#{batch}",), options=options or {})), style=style)
