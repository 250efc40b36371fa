"""What is said of a batch: its message from the acknowledgement to the result, its alert, its mention."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from core.commands import Command, Name, spell
from core.jobs import Job
from core.lifecycles import UNSUCCESSFUL, BatchState, Status
from core.messages import Block, Button, Message, Paragraph, Table, Tone
from core.runs import Run
from core.views import BatchView
from core.wording import pieces, proposals, results, words
from core.wording.combinations import RUNS_SHOWN, headline_names, planned, table, told, told_apart

RANKS = 2  # headline numbers that have a button to rank by


def status(view: BatchView, attach: Collection[str] = ()) -> Message:
    """M: the one message of a batch, as it stands now, with the files that rules want beside the job's."""
    if view.batch.state is BatchState.PROPOSED:
        return proposals.question(view)
    if view.batch.state is BatchState.SKIPPED:
        return proposals.declined(view)
    if not view.batch.state.ended:
        return _going(view)
    return _one_result(view, attach) if view.single else _summary(view)


def alert(view: BatchView) -> Message:
    """F: a new message about everything that failed in a batch."""
    batch, failed = view.batch, view.unsuccessful
    if view.single and failed:
        run = failed[0]
        title = f"{words.ENDINGS[run.status].capitalize()}: {view.job.label} · #{batch.number}"
        text = f"{title}. {told(view, run)}"
        blocks: list[Block] = [*pieces.why(view, run), *pieces.facts(view, run)]
        again = pieces.again(view)
    else:
        title = text = f"Failed: {len(failed)} of {batch.total} runs of {view.job.label} · #{batch.number}"
        blocks = [table(view, failed)]
        again = pieces.button("Run failed again", Name.RETRY, f"#{batch.number}", style="primary")
    return Message(
        text=text,
        title=title,
        tone=Tone.FAILURE,
        blocks=tuple(blocks),
        buttons=(again, pieces.view(view)),
        mentions=pieces.requester(view),
    )


def mention(view: BatchView) -> Message:
    """The short reply that notifies the requester of a long run's end."""
    batch = view.batch
    took = words.lasted((batch.ended_at or view.now) - (batch.started_at or batch.created_at))
    return Message(
        text=f"{words.STATES[batch.state].capitalize()}: {view.job.label} · #{batch.number} after {took}",
        tone=words.TONES[batch.state],
        mentions=pieces.requester(view),
    )


def result(view: BatchView, run_id: str) -> Message:
    """What one run of a fan-out found, for the thread of its batch's message."""
    run = next(one for one in view.runs if one.id == run_id)
    label = ", ".join(f"{name}={value}" for name, value in told_apart(view, run).items())
    text = f"{words.ENDINGS[run.status].capitalize()}: {view.job.label} · {run.label}"
    text += f" · {label}" if label else ""
    buttons = (pieces.button("View", Name.SHOW, run.label), *pieces.csv(view, run, run.label))
    wanted = [kind for rule in view.version.job.notify if "origin" in rule.to for kind in rule.attach]
    found = _found(view, run, run.label, wanted)
    return Message(text=text, title=text, tone=pieces.tone(run.status), blocks=found, buttons=buttons)


def skipped(view: BatchView, holder: BatchView, queue: str = "") -> Message:
    """Why nothing was started, and what can be done about it; `queue` is the line that waits instead."""
    number = holder.batch.number
    since = words.ago(holder.batch.started_at or holder.batch.created_at, view.now)
    text = (
        f"{view.job.name} is still running: #{number}, started {since} by {holder.starter}. "
        "Nothing was started."
    )
    return Message(
        text=text,
        title="Skipped",
        tone=Tone.WARNING,
        blocks=(Paragraph(text), *_progress(holder)),
        buttons=(
            pieces.button("View", Name.SHOW, f"#{number}"),
            pieces.button("Cancel", Name.CANCEL, f"#{number}", style="danger", confirm=f"Cancel #{number}?"),
            *((Button("Queue", queue),) if queue else ()),
        ),
    )


def dry_run(job: Job, chosen: Sequence[Mapping[str, str]], line: str) -> Message:
    """What a line would start, without starting it: the values of each run as people read them."""
    text = f"This would start {words.count(len(chosen), 'run')} of {job.name}; nothing was started."
    blocks: list[Block] = [Paragraph(text)]
    blocks += planned(chosen)
    title = f"Dry run of {job.label}"
    return Message(text=text, title=title, blocks=tuple(blocks), buttons=(Button("Run it", line),))


def queue_full(view: BatchView) -> Message:
    """The line behind a job's lock is as long as it may be."""
    text = f"{view.job.name} was not started: {view.batch.reason}."
    return Message(text=text, title="Skipped", tone=Tone.WARNING, blocks=(Paragraph(text),))


def shown(view: BatchView, *, run: Run | None = None, sort: str = "", page: int = 1) -> Message:
    """Everything about a batch or one of its runs (the command `show`).

    Raises:
        Misunderstood: its runs have nothing of that name to rank by.
    """
    if view.batch.state in (BatchState.PROPOSED, BatchState.SKIPPED):
        return status(view)
    chosen = run or (view.runs[0] if view.single and view.runs else None)
    if chosen is None:
        return _all_runs(view, sort, page)
    entries = [record.entry for record in view.latest(chosen)]
    label = f"#{view.batch.number}" if view.single else chosen.label
    text = f"{words.ENDINGS[chosen.status].capitalize()}: {view.job.label} · {label}"
    blocks: list[Block] = list(pieces.facts(view, chosen, whole=True))
    if chosen.status in UNSUCCESSFUL:
        blocks += pieces.why(view, chosen)
    blocks += pieces.quiet(chosen)
    found = results.blocks(
        entries, whole=True, told=pieces.failed(view, chosen), since=pieces.since(view, chosen)
    )
    blocks += results.recorded(found, chosen.id, view.latest(chosen))
    return Message(
        text=text,
        title=text,
        tone=pieces.tone(chosen.status),
        blocks=tuple(blocks),
        buttons=(pieces.again(view, chosen),) if chosen.status.ended else (pieces.cancel(view),),
    )


def answered(view: BatchView, run: Run, question: str, page: int) -> Message:
    """What one question of a run has brought (the command `show #128.3 revenue`)."""
    entries = [record.entry for record in view.latest(run)]
    label = f"#{view.batch.number}" if view.single else run.label
    last = results.pages(entries, question)
    part = f" · page {page} of {last}" if last > 1 else ""
    text = f"{question} of {view.job.label} · {label}{part}"
    buttons = [pieces.csv_of(label, question)]
    if page < last:
        line = spell(Command(Name.SHOW, (label, question), options={"page": str(page + 1)}))
        buttons.append(Button("More rows", line))
    buttons.append(pieces.button("Whole result", Name.SHOW, label))
    blocks = results.recorded(results.of_question(entries, question, page), run.id, view.latest(run))
    return Message(text=text, title=text, tone=pieces.tone(run.status), blocks=blocks, buttons=tuple(buttons))


def cancelled(view: BatchView, run: int | None) -> Message:
    """The answer to a cancel."""
    label = f"#{view.batch.number}" + (f".{run}" if run else "")
    if view.batch.state.ended:
        text = f"{view.job.name} · {label} is cancelled."
    else:
        text = f"Cancelling {view.job.name} · {label}; what runs is being stopped."
    return Message(text=text, tone=Tone.NEUTRAL, blocks=(Paragraph(text),), buttons=(pieces.view(view),))


def stuck(view: BatchView) -> Message:
    """What is queued for long, and no living worker may take it."""
    tag = view.version.job.runs_on
    what = f"a worker tagged {tag}" if tag else "a worker"
    title = f"{view.job.label} · #{view.batch.number} waits for {what}"
    if not view.lacks:
        text = f"{view.job.label} · #{view.batch.number} waited for {what}, which is there now."
        return Message(text=text, title=text, tone=Tone.NEUTRAL, buttons=(pieces.view(view),))
    how = f"slashjob worker --tags {tag}" if tag else "slashjob worker"
    text = f"{title}: none is running. Its runs start as soon as there is one: {how}"
    return Message(
        text=text,
        title=title,
        tone=Tone.WARNING,
        blocks=(Paragraph(text),),
        buttons=(pieces.cancel(view), pieces.view(view)),
        mentions=pieces.requester(view),
    )


def directly(view: BatchView) -> Message:
    """The acknowledgement of what only its starter is told, who is told directly."""
    number = view.batch.number
    text = f"{view.job.name} · #{number} is yours alone: what becomes of it comes to you directly."
    return Message(text=text, blocks=(Paragraph(text),), buttons=(pieces.view(view),))


def started(view: BatchView) -> Message:
    """The acknowledgement."""
    return _going(view)


def _going(view: BatchView) -> Message:
    batch = view.batch
    many = "" if view.single else f" · {words.count(batch.total, 'run')}"
    who = f"{view.starter} started {view.job.name} · #{batch.number}{many}"
    blocks: list[Block] = []
    if view.single and view.runs:
        blocks += pieces.facts(view, view.runs[0])
    blocks += _progress(view)
    progress = next((one.text for one in _progress(view) if isinstance(one, Paragraph)), "")
    return Message(
        text=f"{who} · {progress}" if progress else who,
        title=who,
        tone=words.TONES[batch.state],
        blocks=tuple(blocks),
        buttons=(pieces.cancel(view),),
    )


def _progress(view: BatchView) -> tuple[Block, ...]:
    batch = view.batch
    if batch.state is BatchState.WAITING:
        return (Paragraph(f"Waiting {batch.reason}."),)
    if not view.single:
        failed = sum(batch.counts.get(status, 0) for status in UNSUCCESSFUL)
        tail = f" · {failed} failed" if failed else ""
        return (Paragraph(f"{batch.done} of {batch.total} done{tail}"), *_lacking(view))
    if not view.runs:
        return ()
    run, attempts = view.runs[0], view.version.job.retry.attempts
    again = f" · attempt {run.attempt} of {attempts}" if run.attempt > 1 else ""
    if run.cancel_requested_at is not None and run.status is Status.RUNNING:
        return (Paragraph("Being cancelled."),)
    match run.status:
        case Status.RUNNING:
            return (Paragraph(f"Running{again}" + (f": {run.step}" if run.step else "")),)
        case Status.WAITING if run.attempt:
            why = told(view, run)
            return (Paragraph(f"Attempt {run.attempt} of {attempts} did not succeed. {why}"),)
        case _:
            return _lacking(view) or (Paragraph("Queued."),)


def _lacking(view: BatchView) -> tuple[Block, ...]:
    """What it waits for where its job asks for workers that are not there."""
    tag = view.version.job.runs_on
    return (Paragraph(f"Waits for a worker tagged {tag}."),) if view.lacks and tag else ()


def _one_result(view: BatchView, attach: Collection[str]) -> Message:
    batch = view.batch
    run = view.runs[0] if view.runs else None
    took = words.lasted((batch.ended_at or view.now) - (batch.started_at or batch.created_at))
    outcome = words.ENDINGS[run.status] if run is not None else words.STATES[batch.state]
    quietly = ", quietly" if view.quiet else ""
    text = f"{outcome.capitalize()}{quietly}: {view.job.label} · #{batch.number} · {took}"
    blocks: list[Block] = []
    if batch.state is BatchState.CANCELLED:
        blocks.append(Paragraph(pieces.who_cancelled(view)))
    if run is not None:
        blocks += pieces.facts(view, run)
        if run.status in UNSUCCESSFUL:
            blocks += pieces.why(view, run)
        blocks += pieces.quiet(run)
        blocks += _found(view, run, f"#{batch.number}", attach)
    return Message(
        text=text,
        title=text,
        tone=words.TONES[batch.state],
        blocks=tuple(blocks),
        buttons=(
            pieces.again(view),
            pieces.view(view),
            *(pieces.csv(view, run, f"#{batch.number}") if run else ()),
        ),
        mentions=pieces.requester(view) if batch.cancelled_by not in (None, batch.member) else (),
    )


def _found(view: BatchView, run: Run, label: str, attach: Collection[str]) -> tuple[Block, ...]:
    """What a run found, with the files that the job or a rule wants attached."""
    records = view.latest(run)
    entries = [one.entry for one in records]
    found = (
        *results.blocks(entries, told=pieces.failed(view, run), since=pieces.since(view, run)),
        *results.attached(entries, {*view.version.job.attach, *attach}, view.job.name, label),
    )
    return results.recorded(found, run.id, records)


def _summary(view: BatchView) -> Message:
    batch = view.batch
    took = words.lasted((batch.ended_at or view.now) - (batch.started_at or batch.created_at))
    done = batch.counts.get(Status.SUCCEEDED, 0)
    failed = len(view.unsuccessful)
    parts = [f"{done} of {batch.total} succeeded"]
    parts += [f"{failed} failed"] if failed else []
    quiet = sum(1 for run in view.runs if run.quiet)
    parts += [f"{quiet} quiet"] if quiet else []
    text = (
        f"{words.STATES[batch.state].capitalize()}: {view.job.label} · #{batch.number} · {' · '.join(parts)}"
    )
    blocks: list[Block] = [Paragraph(f"{words.count(batch.total, 'run')} in {took}.")]
    if batch.state is BatchState.CANCELLED:
        blocks.append(Paragraph(pieces.who_cancelled(view)))
    blocks.append(table(view, view.runs))
    buttons = [pieces.again(view), pieces.view(view), *_ranks(view)]
    if failed:
        buttons.insert(0, pieces.button("Run failed again", Name.RETRY, f"#{batch.number}", style="primary"))
    return Message(
        text=text, title=text, tone=words.TONES[batch.state], blocks=tuple(blocks), buttons=tuple(buttons)
    )


def _all_runs(view: BatchView, sort: str, page: int) -> Message:
    """Every run of a batch in a table, in pages: what `show` adds to its message."""
    message = _summary(view) if view.batch.state.ended else _going(view)
    pages = -(-len(view.runs) // RUNS_SHOWN)
    page = min(page, pages)
    blocks: list[Block] = [one for one in message.blocks if not isinstance(one, Table)]
    buttons = [one for one in message.buttons if one.label != "View"]
    if page < pages:
        options = {"page": str(page + 1)} | ({"sort": sort} if sort else {})
        more = Command(Name.SHOW, (f"#{view.batch.number}",), options=options)
        buttons.insert(0, Button(f"More ({page + 1} of {pages})", spell(more)))
    blocks.append(table(view, view.runs, sort=sort, page=page))
    return replace(message, blocks=tuple(blocks), buttons=tuple(buttons))


def _ranks(view: BatchView) -> list[Button]:
    """Buttons that rank the runs by their first headline numbers."""
    names = headline_names(view, view.runs)[:RANKS]
    commands = [Command(Name.SHOW, (f"#{view.batch.number}",), options={"sort": name}) for name in names]
    return [
        Button(f"By {name.replace('_', ' ')}", spell(one)) for name, one in zip(names, commands, strict=True)
    ]
