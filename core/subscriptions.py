"""Rules that are added in chat: a channel hears of a job's endings, or of those of every job.

They stand beside what the job's file says and change nothing of it. The organization's alert channel, where
what has no other place is told, is chosen here too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from core import addresses, audit, conditions, ids, notices, people, places, privacy
from core.addresses import ORIGIN
from core.conditions import Known
from core.definitions import NotifyRule, Role
from core.errors import Invalid, NotFound, OutOfPlace
from core.jobs import Job
from core.nearest import nearest
from core.notices import LEVELS, OWNER, Rule, Topic
from core.people import Member
from core.ports import Channel
from core.store import batches as batch_rows
from core.store import notices as rows
from core.store import people as people_rows
from core.turns import Turn

MOST = 20  # rules of chat of one job, or of an organization for every job
ATTACHED = ("csv", "chart")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule as somebody says it: `to` are addresses, `origin`, or `here`, which is the place `here`."""

    on: Sequence[str] = ()
    to: Sequence[str] = ()
    condition: str = ""
    level: str = "info"
    attach: Sequence[str] = ()
    mention: Sequence[str] = ()
    here: Channel | None = None


async def of_job(turn: Turn, job: Job) -> list[Rule]:
    """The rules of a job: those of its definition, then those of chat, then those for every job."""
    found = await rows.rules(turn.connection, [job.organization], [job.pk])
    chat = [notices.read(row) for row in found]
    own = [Rule(one, job.pk) for one in job.job.notify]
    return [*own, *(one for one in chat if one.job is not None), *(one for one in chat if one.job is None)]


async def of_every_job(turn: Turn, organization: int) -> list[Rule]:
    """The rules for every job of an organization."""
    return [notices.read(row) for row in await rows.rules(turn.connection, [organization], [])]


async def add(turn: Turn, actor: Member, job: Job | None, wanted: Wanted) -> Rule:
    """Add a rule for a job, or for every job. One that is there already is not added again.

    Raises:
        NotAllowed: the actor is no editor, or no admin where it is for every job.
        Invalid: an ending, a channel, a condition that there is not.
        NotFound: nobody here is called as somebody is to be mentioned.
        OutOfPlace: there are too many.
    """
    if job is None:
        await people.permit(turn, actor, Role.ADMIN, "say who is told of every job")
    else:
        await people.permit(turn, actor, Role.EDITOR, f"say who is told of {job.name}")
    rule = await _rule(turn, actor, job, wanted)
    await people.order(turn, actor.organization)
    known = await of_every_job(turn, actor.organization) if job is None else await of_job(turn, job)
    pk = None if job is None else job.pk
    mine = [one for one in known if one.number is not None and one.job == pk]
    same = next((one for one in mine if one.rule == rule), None)
    if same is not None:
        return same
    if len(mine) >= MOST:
        raise OutOfPlace(
            f"There are {MOST} such rules already.", hint="Remove one first: notify JOB remove=N"
        )
    number = await rows.add(
        turn.connection,
        {
            "id": ids.new(),
            "organization": actor.organization,
            "job": pk,
            "definition": rule.model_dump(mode="json", exclude_defaults=True),
            "member": actor.pk,
            "created_at": turn.now,
        },
    )
    await _audit(turn, actor, "notify.add", job, rule.model_dump(mode="json", exclude_defaults=True), number)
    return Rule(rule, pk, number, actor.pk)


async def remove(turn: Turn, actor: Member, job: Job | None, number: int) -> Rule:
    """Remove a rule that was added in chat.

    Raises:
        NotAllowed: as for adding it.
        NotFound: there is no rule of that number, or it stands in the job's definition.
    """
    if job is None:
        await people.permit(turn, actor, Role.ADMIN, "say who is told of every job")
    else:
        await people.permit(turn, actor, Role.EDITOR, f"say who is told of {job.name}")
    known = await of_job(turn, job) if job is not None else await of_every_job(turn, actor.organization)
    pk = job.pk if job is not None else None
    found = next((one for one in known if one.number == number and one.job == pk), None)
    if found is None or not await rows.remove(turn.connection, actor.organization, number):
        what = f"{job.name} has" if job is not None else "For every job there is"
        line = f"notify {job.name}" if job is not None else "notify --everything"
        raise NotFound(
            f"{what} no rule {number} that was made in chat.",
            hint="Those of a file are changed there.",
            suggestions=(line,),
        )
    await _audit(turn, actor, "notify.remove", job, {}, number)
    return found


async def choose_alert_channel(turn: Turn, actor: Member, target: str, here: Channel) -> int | None:
    """Choose where what has no other place is told: `here`, an address, or `off`. Returns the channel.

    Raises:
        NotAllowed: the actor is no admin.
        Invalid: it is no channel.
    """
    await people.permit(turn, actor, Role.ADMIN, "choose the alert channel")
    channel: int | None = None
    if target != "off":
        channel = await places.find(turn, actor.organization, await _target(turn, actor, target, here))
    await people_rows.set_alert_channel(turn.connection, actor.organization, channel)
    await _audit(turn, actor, "notify.alerts", None, {"to": target}, channel)
    return channel


async def talked_of(turn: Turn, organization: int, channel: Channel) -> list[int]:
    """The jobs that were run from a place: of its thread where it is one, else of the whole channel."""
    if channel.thread:
        found = await batch_rows.jobs_at(
            turn.connection, organization, channel.platform, channel.address, channel.thread
        )
        if found:
            return found
    return await batch_rows.jobs_at(turn.connection, organization, channel.platform, channel.address)


async def _rule(turn: Turn, actor: Member, job: Job | None, wanted: Wanted) -> NotifyRule:
    """The rule in the form in which it is kept."""
    topics = _words("ending", wanted.on, tuple(Topic)) or tuple(notices.USUAL)
    [level] = _words("level", [wanted.level], LEVELS)
    attach = _words("file", wanted.attach, ATTACHED)
    if not wanted.to:
        raise Invalid("A rule says where it is told.", hint="Add to=slack:#ops, or say it with: here")
    if wanted.condition:
        _check_condition(job, wanted.condition)
    if job is not None and privacy.is_private(job.job) and any(one != ORIGIN for one in wanted.to):
        raise Invalid(f"What {job.name} finds is for whoever starts it; no channel can hear of it.")
    to = [await _target(turn, actor, one, wanted.here) for one in wanted.to]
    mention = [await _mentioned(turn, actor, job, one) for one in wanted.mention]
    return NotifyRule.model_validate(
        {
            "topics": topics,
            "to": tuple(dict.fromkeys(to)),
            "if": wanted.condition,
            "level": level,
            "attach": attach,
            "mention": tuple(dict.fromkeys(mention)),
        }
    )


def _words(noun: str, said: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    made = []
    for one in said:
        word = one.strip().casefold().replace("-", "_").replace(" ", "_")
        if word not in known:
            near = nearest(word, list(known), 1)
            raise Invalid(
                f"There is no {noun} '{one[:40]}'.",
                hint=f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}.",
            )
        made.append(str(word))
    return tuple(dict.fromkeys(made))


def _check_condition(job: Job | None, text: str) -> None:
    known = Known(open=True)
    if job is not None:
        known = Known(
            questions=dict.fromkeys(one.name for one in job.job.questions),
            parameters=[name for name, one in job.job.parameters.items() if not one.secret],
            open=job.definition.agent.kind != "report",
        )
    if said := conditions.mistake(text, known):
        raise Invalid(f"The condition is wrong: {said}.", hint='For example: if="total.total < 1000"')


async def _target(turn: Turn, actor: Member, text: str, here: Channel | None) -> str:
    """A target as it is kept: a channel that we stand in by its id."""
    if text == "here" and here is not None:
        pk = await people.channel(turn, actor.organization, replace(here, thread=""))
        return f"{places.KNOWN}{(await people_rows.channel_of(turn.connection, pk)).id}"
    if said := addresses.mistake(text, origin=True):
        raise Invalid(f"{said[:1].upper()}{said[1:]}.")
    return text if text == ORIGIN else ":".join(addresses.read(text))


async def _mentioned(turn: Turn, actor: Member, job: Job | None, word: str) -> str:
    if word.casefold() == OWNER:
        if job is not None and not job.job.owner:
            raise Invalid(f"{job.name} has no owner who could be mentioned.")
        return OWNER
    found = await people.find(turn, actor.organization, word)
    return found.email or found.name


async def _audit(
    turn: Turn, actor: Member, action: str, job: Job | None, rule: dict[str, object], number: int | None
) -> None:
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action=action,
        subject=f"job:{job.pk}" if job is not None else f"organization:{actor.organization}",
        data={"job": job.name if job is not None else "", "number": number, "rule": rule},
    )
