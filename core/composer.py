"""Composes the message of a delivery from the rows as they are now."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never
from zoneinfo import ZoneInfo

from core import absences, deliveries, digests, incidents, jobs, people, probes, results, views
from core.deliveries import NOTHING, Delivery, Extra, Kind
from core.errors import NotFound
from core.incidents import Incident
from core.messages import Message, Paragraph
from core.store import people as people_rows
from core.turns import Turn
from core.views import BatchView
from core.wording import batches, firings
from core.wording import deliveries as delivery_wording
from core.wording import digests as digest_wording
from core.wording import incidents as incident_wording
from core.wording.deliveries import doubtful, perhaps_delivered, undelivered
from core.wording.incidents import Around


async def compose(turn: Turn, delivery: Delivery) -> Message:
    """The newest state of what the delivery tells of; where it was not (surely) taken, that too."""
    message = _with(await _message(turn, delivery), delivery.extra)
    if lost := await deliveries.doubtful(turn, delivery):
        message = replace(message, blocks=(*message.blocks, Paragraph(doubtful(lost))))
    if not delivery.instead_of:
        return message
    where, why, perhaps = await deliveries.why_not(turn, delivery.instead_of)
    said = perhaps_delivered(where, why) if perhaps else undelivered(where, why)
    return replace(message, blocks=(Paragraph(said), *message.blocks))


def _with(message: Message, extra: Extra) -> Message:
    """The message with what its rules add: who is mentioned, and what broke."""
    if extra == NOTHING:
        return message
    mentions = dict.fromkeys((*message.mentions, *map(str, extra.mentions)))
    broke = tuple(map(Paragraph, extra.broke))
    return replace(message, mentions=tuple(mentions), blocks=(*message.blocks, *broke))


async def _message(turn: Turn, delivery: Delivery) -> Message:
    match delivery.kind:
        case Kind.STATUS:
            view = await views.of_batch(turn, delivery.batch)
            view = await views.compared(turn, view, view.runs[0] if view.single and view.runs else None)
            return batches.status(view, delivery.extra.attach)
        case Kind.MENTION:
            return batches.mention(await views.of_batch(turn, delivery.batch))
        case Kind.RESULT:
            view = await views.of_batch(turn, delivery.batch)
            run_id = results.run_of(delivery.subject)
            run = next(one for one in view.runs if one.id == run_id)
            return batches.result(await views.compared(turn, view, run), run_id)
        case Kind.TEST | Kind.TESTED:
            return await _probe(turn, delivery)
        case Kind.STUCK:
            return batches.stuck(await views.of_batch(turn, delivery.batch))
        case Kind.DRIFT:
            return firings.drift(await views.of_batch(turn, delivery.batch))
        case Kind.RETRY:
            view = await views.of_batch(turn, delivery.batch)
            told = deliveries.attempt_of(await deliveries.subject(turn, delivery))
            return incident_wording.retrying(view, *told)
        case Kind.LATE:
            return await _late(turn, delivery)
        case Kind.ABSENCE:
            absence = await absences.absence(turn, await deliveries.subject(turn, delivery))
            if absence is None:
                return firings.gone()
            return firings.absence(await jobs.get(turn, absence.schedule.job), absence)
        case Kind.DIGEST | Kind.REST:
            found = await digests.of_post(turn, await deliveries.subject(turn, delivery))
            if found is None:
                return digest_wording.gone()
            say = digest_wording.post if delivery.kind is Kind.DIGEST else digest_wording.rest
            return say(*found)
        case Kind.ALERT | Kind.REMINDER | Kind.PAUSED | Kind.RECOVERED:
            return await _of_incident(turn, delivery)
        case _:
            assert_never(delivery.kind)


async def _probe(turn: Turn, delivery: Delivery) -> Message:
    """A test message, or what became of all of them."""
    member, name = probes.asked(delivery.subject)
    if delivery.kind is Kind.TEST:
        names = await people_rows.names(turn.connection, {member})
        return delivery_wording.test(names.get(member, "somebody"), name)
    return delivery_wording.tested(await probes.of(turn, delivery.subject), name, member)


async def _late(turn: Turn, delivery: Delivery) -> Message:
    """What was due and has not begun: a batch, or what a schedule should have started."""
    if delivery.batch:
        view = await views.of_batch(turn, delivery.batch)
        around = await _around(turn, view, None)
        who = view.batch.member if view.batch.member is not None else around.owner
        message = firings.late(view, around.zone)
        return replace(message, mentions=(str(who),) if who is not None else ())
    schedule = await absences.late_schedule(turn, await deliveries.subject(turn, delivery))
    if schedule is None:
        return firings.gone()
    return firings.late_schedule(await jobs.get(turn, schedule.job), schedule, turn.now)


async def _of_incident(turn: Turn, delivery: Delivery) -> Message:
    """A message about what keeps failing; the alert at somebody's own message stays about that."""
    incident = await incidents.of_subject(turn, await deliveries.subject(turn, delivery))
    own = await views.of_batch(turn, delivery.batch)
    if delivery.kind is Kind.ALERT and (incident is None or own.batch.trigger.by_hand):
        belongs = await incidents.of_batch(turn, delivery.batch)
        return incident_wording.of_batch(own, belongs, await _around(turn, own, belongs))
    if incident is None:  # its rows are gone by now
        return batches.status(own)
    if delivery.kind is Kind.RECOVERED and incident.ended_by is not None:
        view = await views.of_batch(turn, incident.ended_by)
        return incident_wording.recovered(view, await incidents.ended_by(turn, incident.ended_by))
    view = await views.of_batch(turn, incident.last_batch)
    around = await _around(turn, view, incident)
    match delivery.kind:
        case Kind.REMINDER:
            return incident_wording.reminder(view, incident, around)
        case Kind.PAUSED:
            return incident_wording.paused(view, incident, around)
        case _:
            return incident_wording.alert(view, incident, around)


async def _around(turn: Turn, view: BatchView, incident: Incident | None) -> Around:
    """Whose clock it is told by, and the people in it."""
    row = await people_rows.organization_of(turn.connection, view.batch.organization)
    acked = {incident.acked_by} if incident is not None and incident.acked_by is not None else set()
    return Around(
        zone=ZoneInfo(view.version.job.timezone or row.timezone),
        names=await people_rows.names(turn.connection, acked) if acked else {},
        owner=await _owner(turn, view),
    )


async def _owner(turn: Turn, view: BatchView) -> int | None:
    """The job's owner, where it names one who is known here."""
    if not view.job.job.owner:
        return None
    try:
        return (await people.find(turn, view.batch.organization, view.job.job.owner)).pk
    except NotFound:
        return None
