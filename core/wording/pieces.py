"""What messages about batches are put together from: blocks, buttons, mentions."""

from __future__ import annotations

from core.commands import Command, Name, spell
from core.lifecycles import UNSUCCESSFUL, Status
from core.messages import Block, Button, Code, Facts, Paragraph, Style, Tone
from core.runs import Run
from core.views import BatchView
from core.wording import results, words
from core.wording.combinations import told


def facts(view: BatchView, run: Run, *, whole: bool = False) -> tuple[Block, ...]:
    """What it was run with; `whole`: how it went as well."""
    items = list(view.parameters(run).items())
    if whole:
        items.append(("started by", view.starter))
        if run.started_at is not None:
            items.append(("took", words.lasted((run.ended_at or view.now) - run.started_at)))
        if run.attempt > 1:
            items.append(("attempts", str(run.attempt)))
        items.append(("version", str(view.version_number)))
    return (Facts(tuple(items)),) if items else ()


def why(view: BatchView, run: Run) -> tuple[Block, ...]:
    """Why it did not succeed, what would help, and what it last said."""
    failure = view.failure(run)
    made: list[Block] = [Paragraph(told(view, run))]
    if failure is None:
        return tuple(made)
    if failure.hint:
        made.append(Paragraph(failure.hint))
    if failure.detail:
        made.append(Code(failure.detail))
    return tuple(made)


def quiet(run: Run) -> tuple[Block, ...]:
    """Why its result is not posted by itself."""
    match run.quiet:
        case "run_if":
            return (
                Paragraph(
                    f"{words.sentence(run.reason)} The agent was not run; a schedule posts nothing then."
                ),
            )
        case "post_if":
            return (Paragraph(f"{words.sentence(run.reason)} A schedule posts nothing then."),)
        case _:
            return ()


def failed(view: BatchView, run: Run) -> str:
    """Why it failed in words, empty where it did not."""
    return told(view, run) if run.status in UNSUCCESSFUL else ""


def since(view: BatchView, run: Run) -> results.Since | None:
    """What it is compared with."""
    earlier = view.earlier.get(run.pk)
    return None if earlier is None else results.Since(earlier, view.version_number, view.now)


def who_cancelled(view: BatchView) -> str:
    """Whose doing it was."""
    by = view.batch.cancelled_by
    return f"Cancelled by {view.names[by]}." if by in view.names else "Cancelled."


def requester(view: BatchView) -> tuple[str, ...]:
    """Whom a message about it mentions."""
    return (str(view.batch.member),) if view.batch.member is not None else ()


def tone(status: Status) -> Tone:
    """The colour of a run."""
    if status is Status.SUCCEEDED:
        return Tone.SUCCESS
    if status in UNSUCCESSFUL:
        return Tone.FAILURE
    return Tone.NEUTRAL if status.ended else Tone.PROGRESS


def again(view: BatchView, run: Run | None = None) -> Button:
    """The same again: the batch, or one run of it."""
    target = run.label if run is not None and not view.single else f"#{view.batch.number}"
    return button("Run again", Name.RUN, target)


def view(view: BatchView) -> Button:
    """All about it."""
    return button("View", Name.SHOW, f"#{view.batch.number}")


def cancel(view: BatchView) -> Button:
    """Stop it, once asked."""
    number = f"#{view.batch.number}"
    return button("Cancel", Name.CANCEL, number, style="danger", confirm=f"Cancel {view.job.name} {number}?")


def csv(view: BatchView, run: Run, label: str) -> tuple[Button, ...]:
    """Its rows as a file, where it has any."""
    found = results.tables([one.entry for one in view.latest(run)])
    return (button("CSV", Name.CSV, label),) if found else ()


def csv_of(label: str, question: str) -> Button:
    """The rows of one question as a file."""
    return Button("CSV", spell(Command(Name.CSV, (label, question))))


def button(label: str, name: Name, target: str, *, style: Style = "default", confirm: str = "") -> Button:
    """A button that says a command."""
    return Button(label, spell(Command(name, (target,))), style=style, confirm=confirm)
