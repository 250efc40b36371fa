"""pause, resume, backfill: what runs by itself stops, goes on, or is made up for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from core import backfills, pauses, schedules, sets, times, views
from core.commands import spell
from core.definitions import Role
from core.desk import scheduling, targets
from core.desk.visit import Outcome, Reply, Visit
from core.errors import Invalid, Misunderstood
from core.jobs import Job
from core.lifecycles import BatchState
from core.people import channel
from core.scheduled import Schedule
from core.wording import batches as batch_wording
from core.wording import schedules as wording
from core.wording import words

_DATE_LENGTH = 10


async def pause(visit: Visit) -> Reply:
    """`pause NAME [SCHEDULE] note=…`, `pause --everything`."""
    await targets.may_look(visit, Role.VIEWER)
    why = visit.command.options.get("note", "")
    if "everything" in visit.command.flags:
        await pauses.pause_everything(visit.turn, visit.member, why, visit.vault)
        return Reply(wording.everything_paused(why), private=False)
    job, schedule = await _meant(visit)
    await pauses.pause(visit.turn, visit.member, job, schedule, why, visit.vault)
    return Reply(wording.paused(job, schedule, why), private=False)


async def resume(visit: Visit) -> Reply:
    """`resume NAME [SCHEDULE] --catch-up`, `resume --everything`."""
    await targets.may_look(visit, Role.VIEWER)
    if "everything" in visit.command.flags:
        await pauses.resume_everything(visit.turn, visit.member, visit.vault)
        return Reply(wording.everything_resumed(), private=False)
    job, schedule = await _meant(visit)
    catch_up = "catch-up" in visit.command.flags
    done = await pauses.resume(visit.turn, visit.member, job, schedule, visit.vault, catch_up=catch_up)
    coming = [
        (at, one.timetable.zone)
        for one in await schedules.of_job(visit.turn, job.pk)
        if (at := one.next_at) is not None
    ]
    first = min(coming, key=lambda one: one[0], default=None)
    said = "" if first is None else f"It is due next on {words.due(*first, visit.reader)}."
    return Reply(wording.resumed(job, schedule, done, said, catch_up=catch_up), private=False)


async def backfill(visit: Visit) -> Reply:
    """`backfill NAME [SCHEDULE] --from DAY --to DAY`: shown first, started with --yes."""
    await targets.may_look(visit, Role.VIEWER)
    job = await targets.job(visit, visit.command.word(0))
    await targets.may_run(visit, job)
    schedule = await scheduling.one_of(visit, job, visit.command.word(1))
    job = await sets.with_saved(visit.turn, job)
    scheduling.check_sets(job, visit.command.sets)
    given = scheduling.rows_of(visit, job, visit.command.values)
    start, end = _stretch(visit, schedule)
    planned = await backfills.plan(
        visit.turn,
        job,
        schedule,
        start,
        end,
        visit.vault,
        sets=visit.command.sets,
        given=scheduling.sealed_rows(visit, job, given),
    )
    zone = schedule.timetable.zone
    if "dry-run" in visit.command.flags:
        return Reply(wording.backfill(job, planned, zone, ""))
    if "yes" not in visit.command.flags:
        secret = any(job.job.parameters[name].secret for name in visit.command.values)
        line = "" if secret else spell(replace(visit.command, flags=visit.command.flags | {"yes"}))
        return Reply(wording.backfill(job, planned, zone, line), Outcome.QUESTION)
    place = await channel(visit.turn, visit.organization, visit.request.channel)
    started = await backfills.start(visit.turn, visit.member, job, planned, channel=place, request=visit.row)
    view = await views.of_batch(visit.turn, started.batch, whole=False)
    if started.state is BatchState.SKIPPED:
        if started.holder is not None and "were waiting" not in started.reason:
            holder = await views.of_batch(visit.turn, started.holder, whole=False)
            return Reply(batch_wording.skipped(view, holder), Outcome.SKIPPED, batch=started.batch)
        return Reply(batch_wording.queue_full(view), Outcome.SKIPPED, batch=started.batch)
    return Reply(batch_wording.started(view), private=False, batch=started.batch, posted=True)


async def _meant(visit: Visit) -> tuple[Job, Schedule | None]:
    word = visit.command.word(0)
    if not word:
        raise Misunderstood(
            f"{visit.command.name} needs the name of a job, or --everything.",
            hint=f"For example: {visit.command.name} weekly-report",
        )
    job = await targets.job(visit, word)
    name = visit.command.word(1)
    return job, await schedules.find(visit.turn, job, name) if name else None


def _stretch(visit: Visit, schedule: Schedule) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last, in the schedule's zone."""
    options = visit.command.options
    if "from" not in options:
        raise Invalid(
            "A backfill needs to know from when.",
            hint=f"backfill {visit.command.word(0)} --from 2026-01-01 --to 2026-03-01",
        )
    zone, now = schedule.timetable.zone, visit.turn.now
    start = times.resolve_datetime(options["from"], now, zone)
    text = options.get("to", "now")
    end = times.resolve_datetime(text, now, zone)
    if len(text.strip()) <= _DATE_LENGTH and end.astimezone(zone).time() == datetime.min.time():
        following = (end.astimezone(zone) + timedelta(days=1)).date().isoformat()
        end = times.resolve_datetime(following, now, zone) - timedelta(seconds=1)
    return start, end
