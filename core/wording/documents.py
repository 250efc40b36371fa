"""A run's result as a document: what it was asked, by whom and when, and all that it found."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from core.lifecycles import UNSUCCESSFUL, Status
from core.messages import Block, Code, Document, Facts, File, Message, Paragraph, Recorded, Tone
from core.runs import Run
from core.views import BatchView
from core.wording import results, words
from core.wording.combinations import told

MEDIA_TYPE = "application/pdf"
WHOLE = 0  # in place of an entry's number: all of the run

_TONES = {Status.SUCCEEDED: Tone.SUCCESS, **dict.fromkeys(UNSUCCESSFUL, Tone.FAILURE)}


def of_run(view: BatchView, run: Run, zone: ZoneInfo) -> Document:
    """The document of a run: the job's title above, every table and chart; instants in `zone`."""
    failed = run.status in UNSUCCESSFUL
    why = told(view, run) if failed else ""
    before = view.earlier.get(run.pk)
    since = results.Since(before, view.version_number, view.now) if before is not None else None
    blocks: list[Block] = []
    parameters = view.parameters(run)
    if parameters:
        blocks.append(Facts(tuple(parameters.items())))
    blocks.append(Facts(_circumstances(view, run, zone)))
    if failed:
        blocks += _failure(view, run, why)
    entries = [one.entry for one in view.latest(run)]
    blocks += results.blocks(entries, whole=True, told=why, since=since)
    foot = f"{view.job.name} · {label(view, run)}"
    message = Message(
        text=f"{words.ENDINGS[run.status].capitalize()} · {foot}",
        title=view.job.label,
        tone=_TONES.get(run.status, Tone.NEUTRAL),
        blocks=tuple(blocks),
    )
    return Document(message, foot, run.ended_at or run.created_at)


def file_name(view: BatchView, run: Run) -> str:
    """What it is called as a file: `weekly-report-128-3.pdf`."""
    return f"{view.job.name}-{label(view, run).lstrip('#').replace('.', '-')}.pdf"


def sent(view: BatchView, run: Run, zone: ZoneInfo) -> Message:
    """The document as a file (the command `csv #128 --pdf`)."""
    text = f"{view.job.label} · {label(view, run)} as a PDF"
    told = Paragraph(f"{words.ENDINGS[run.status].capitalize()}, with all that it found.")
    recorded = Recorded(run.id, WHOLE)
    file = File(file_name(view, run), MEDIA_TYPE, recorded=recorded, document=of_run(view, run, zone))
    return Message(text=text, title=text, blocks=(told, file))


def label(view: BatchView, run: Run) -> str:
    """How people call the run: `#128`, and `#128.3` where its batch has several."""
    return f"#{view.batch.number}" if view.single else run.label


def _circumstances(view: BatchView, run: Run, zone: ZoneInfo) -> tuple[tuple[str, str], ...]:
    """Who started it, when, how long it took."""
    begun = run.started_at or run.created_at
    facts = [("started by", view.starter), ("started", f"{words.moment(begun, zone)} ({zone.key})")]
    if run.due_at is not None:
        facts.append(("due", words.moment(run.due_at, zone)))
    if run.started_at is not None and run.ended_at is not None:
        facts.append(("took", words.lasted(run.ended_at - run.started_at)))
    if run.attempt > 1:
        facts.append(("attempts", str(run.attempt)))
    return (*facts, ("version", str(view.version_number)))


def _failure(view: BatchView, run: Run, why: str) -> list[Block]:
    """Why it did not succeed, what would help, what it last said."""
    failure = view.failure(run)
    made: list[Block] = [Paragraph(why)]
    if failure is not None and failure.hint:
        made.append(Paragraph(failure.hint))
    if failure is not None and failure.detail:
        made.append(Code(failure.detail))
    return made
