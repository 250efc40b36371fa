"""run, cancel, retry: the commands that start and stop work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core import audit, batches, jobs, orders, parameters, people, privacy, runs, sets, views
from core.batches import Trigger, Wish
from core.combinations import expand
from core.commands import Name, spell
from core.desk import asking, lines, targets
from core.desk.visit import Outcome, Reply, Visit
from core.errors import Misunderstood, OutOfPlace
from core.jobs import Job
from core.lifecycles import BatchState
from core.parameters import Given, Unbound
from core.wording import batches as wording
from core.wording import refusals


async def run(visit: Visit) -> Reply:
    """`run NAME name=value …`, or `run #128` again with the same parameters."""
    await targets.may_act(visit)
    word = visit.command.word(0)
    again = await targets.batch(visit, word)
    if again is not None:
        if any(visit.command.wishes) or visit.command.sets:
            raise Misunderstood(
                f"`run {word}` runs again with the same parameters and takes no others.",
                hint=f"To run with other values: run {again.view.job.name} name=value",
                suggestions=(f"run {word}",),
            )
        return await _again(visit, again.view, orders.kept_of(again.view, again.run))
    job = await targets.job(visit, word)
    await targets.may_run(visit, job)
    jobs.may_start(job)
    if visit.command.sets:
        job = await sets.with_saved(visit.turn, job)
    return await _start(visit, job, lines.of(visit.command, job))


async def retry(visit: Visit) -> Reply:
    """`retry #128`: run again what did not succeed in a batch, or one run of it."""
    await targets.may_act(visit)
    word = visit.command.word(0)
    target = await targets.batch(visit, word)
    if target is None:
        job = await targets.job(visit, word)
        latest = await batches.latest(visit.turn, visit.organization, job=job.pk, limit=1)
        if not latest:
            raise OutOfPlace(f"{job.name} has not run yet.", suggestions=(f"run {job.name}",))
        target = targets.Target(await views.of_batch(visit.turn, latest[0].number, whole=False))
    view = target.view
    return await _again(visit, view, orders.failed_of(view, target.run))


async def cancel(visit: Visit) -> Reply:
    """`cancel #128`, `cancel #128.3`, or all that a job is doing."""
    await targets.may_act(visit)
    word = visit.command.word(0)
    target = await targets.batch(visit, word)
    if target is None:
        job = await targets.job(visit, word)
        return await _cancel_all(visit, job)
    view, index = target.view, target.run.index if target.run is not None else None
    await targets.may_run(visit, view.job, "cancel")
    if target.run is not None and target.run.status.ended:
        raise OutOfPlace(f"{target.run.label} has already ended: {target.run.status}.")
    await batches.cancel(visit.turn, view.batch, None if view.single else index, visit.member)
    await _note(visit, view.batch.id)
    now = await views.of_batch(visit.turn, view.batch.number, whole=False)
    return Reply(wording.cancelled(now, index), private=False)


async def _cancel_all(visit: Visit, job: Job) -> Reply:
    await targets.may_run(visit, job, "cancel")
    active = await batches.latest(
        visit.turn,
        visit.organization,
        job=job.pk,
        states=(BatchState.ACTIVE, BatchState.WAITING, BatchState.PROPOSED),
        limit=100,
    )
    if not active:
        raise OutOfPlace(f"{job.name} is not running.", suggestions=(f"history {job.name}",))
    if len(active) > 1 and "yes" not in visit.command.flags:
        numbers = ", ".join(f"#{batch.number}" for batch in active)
        raise OutOfPlace(
            f"{job.name} has {len(active)} active batches: {numbers}.",
            hint="Cancel one of them, or all with --yes.",
            suggestions=(f"cancel {job.name} --yes", *(f"cancel #{batch.number}" for batch in active[:2])),
        )
    for batch in active:
        await batches.cancel(visit.turn, batch, None, visit.member)
        await _note(visit, batch.id)
    now = await views.of_batch(visit.turn, active[0].number, whole=False)
    return Reply(wording.cancelled(now, None), private=False)


async def _start(visit: Visit, job: Job, given: Sequence[Mapping[str, Given]]) -> Reply:
    definitions = asking.definitions(visit, job, given)
    try:
        meant = lines.as_of(visit.command, visit.turn.now, visit.zone) or visit.turn.now
        bound = expand(definitions, given, now=meant, zone=visit.zone, limit=orders.MOST_RUNS)
    except Unbound as refused:
        asked = refused.missing or visit.request.in_form
        if not asked or refused.unknown or len(given) > 1:
            raise
        command = spell(lines.unasked(visit.command, job))
        wrong = {name: refused.fields[name] for name in refused.wrong}
        offered = asking.offered(visit, job)
        form = parameters.form(offered, given[0], wrong, title=job.label, command=command)
        return Reply(refusals.form(form, refused.sentence), Outcome.FORM)
    if "dry-run" in visit.command.flags:
        line = spell(replace(visit.command, flags=visit.command.flags - {"dry-run"}))
        return Reply(wording.dry_run(job, [parameters.shown(definitions, one) for one in bound], line))
    stored = tuple(parameters.to_json(definitions, one, seal=visit.vault.seal_value) for one in bound)
    prints = tuple(parameters.fingerprint(definitions, one) for one in bound)
    return await _wish(visit, job, job.version, stored, prints, None)


async def _again(visit: Visit, view: views.BatchView, chosen: Sequence[runs.Run]) -> Reply:
    """The same parameters with the job as it is now."""
    job = view.job
    await targets.may_run(visit, job)
    jobs.may_start(job)
    stored, prints = orders.again(job, chosen, now=visit.turn.now, zone=visit.zone, vault=visit.vault)
    due_ats = tuple(run.due_at for run in chosen) if visit.command.name is Name.RETRY else ()
    return await _wish(visit, job, job.version, stored, prints, view.batch.number, due_ats)


async def _wish(
    visit: Visit,
    job: Job,
    version: int,
    stored: tuple[dict[str, Any], ...],
    prints: tuple[str, ...],
    rerun_of: int | None,
    due_ats: tuple[datetime | None, ...] = (),
) -> Reply:
    visit.channel = await people.channel(visit.turn, visit.organization, visit.request.channel)
    definition = lines.queued(job.definition) if "queue" in visit.command.flags else job.definition
    wish = Wish(
        organization=visit.organization,
        job=job.pk,
        job_id=job.id,
        version=version,
        definition=definition,
        combinations=stored,
        prints=prints,
        trigger=Trigger.CHAT,
        actor=visit.member,
        channel=visit.channel,
        request=visit.row,
        rerun_of=rerun_of,
        due_at=lines.as_of(visit.command, visit.turn.now, visit.zone),
        due_ats=due_ats,
    )
    started = await batches.start(visit.turn, wish)
    await _note(visit, started.id)
    if started.state is BatchState.PROPOSED:
        proposed = await views.of_batch(visit.turn, started.batch, whole=False)
        question = wording.status(proposed)
        if _directly(visit, job):
            return Reply(wording.directly(proposed), Outcome.QUESTION, batch=started.batch)
        return Reply(question, Outcome.QUESTION, private=False, batch=started.batch, posted=True)
    view = views.fresh(visit.turn, wish, started, job)
    if started.state is BatchState.SKIPPED:
        if started.holder is not None and "were waiting" not in view.batch.reason:
            holder = await views.of_batch(visit.turn, started.holder, whole=False)
            queue = lines.queueing(visit.command, job)
            return Reply(wording.skipped(view, holder, queue), Outcome.SKIPPED, batch=started.batch)
        return Reply(wording.queue_full(view), Outcome.SKIPPED, batch=started.batch)
    if _directly(visit, job):
        return Reply(wording.directly(view), batch=started.batch)
    return Reply(wording.started(view), private=False, batch=started.batch, posted=True)


def _directly(visit: Visit, job: Job) -> bool:
    """The person is told directly, and only they see the answer here."""
    return privacy.is_private(job.job) and visit.request.channel.platform not in privacy.ALONE


async def _note(visit: Visit, batch_id: str) -> None:
    """Keep what somebody said about why, for the record."""
    if note := visit.command.options.get("note", ""):
        await audit.record(
            visit.turn,
            organization=visit.organization,
            member=visit.member.pk,
            action="batch.note",
            subject=f"batch:{batch_id}",
            data={"command": visit.command.name, "note": note},
        )
