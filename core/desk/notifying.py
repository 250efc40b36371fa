"""notify: who is told of a job's endings, and where."""

from __future__ import annotations

from core import jobs, places, subscriptions
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.errors import Misunderstood
from core.jobs import Job
from core.notices import Rule
from core.store import people as people_rows
from core.subscriptions import Wanted
from core.wording import notices as wording

HERE = "here"


async def notify(visit: Visit) -> Reply:
    """`notify NAME`, `notify NAME here`, `notify NAME on=… to=…`, `notify NAME remove=3`, `notify here`;
    `notify --everything …` for every job, `notify --alerts …` for what has no other place."""
    await targets.may_look(visit, Role.VIEWER)
    command = visit.command
    if "alerts" in command.flags:
        return await _alerts(visit)
    everything = "everything" in command.flags
    first, second = command.word(0), command.word(1)
    if everything and first not in ("", HERE):
        raise Misunderstood(
            "Say one job, or --everything.", suggestions=(f"notify {first}", "notify --everything")
        )
    if second and second != HERE:
        raise Misunderstood(
            f"After the job comes 'here', or on=… to=…; not {second[:40]}.",
            suggestions=(f"notify {first} here",),
        )
    here = HERE in (first, second)
    job = None if everything else await _job(visit, "" if first == HERE and not second else first)
    if "remove" in command.options:
        gone = await subscriptions.remove(visit.turn, visit.member, job, command.number("remove", 0))
        return Reply(wording.removed(job, await _named(visit, gone)), private=False)
    if not here and not {"on", "to", "if", "level", "attach", "mention"} & command.options.keys():
        return await _shown(visit, job)
    added = await subscriptions.add(visit.turn, visit.member, job, _wanted(visit, here=here))
    named = await _named(visit, added)
    return Reply(wording.added(job, named, missing=_missing(visit, named.rule.to)), private=False)


def _wanted(visit: Visit, *, here: bool) -> Wanted:
    options = visit.command.options
    to = _list(options.get("to", ""))
    return Wanted(
        on=_list(options.get("on", "")),
        to=[HERE, *to] if here or not to else to,
        condition=options.get("if", ""),
        level=options.get("level", "info"),
        attach=_list(options.get("attach", "")),
        mention=_list(options.get("mention", "")),
        here=visit.request.channel,
    )


async def _alerts(visit: Visit) -> Reply:
    target = visit.command.options.get("to", "") or visit.command.word(0)
    if not target:
        channel = await people_rows.alert_channel(visit.turn.connection, visit.organization)
        return Reply(wording.alert_channel(await _channel(visit, channel)))
    channel = await subscriptions.choose_alert_channel(
        visit.turn, visit.member, target, visit.request.channel
    )
    return Reply(wording.alert_channel(await _channel(visit, channel), chosen=True), private=False)


async def _channel(visit: Visit, channel: int | None) -> str:
    if channel is None:
        return ""
    row = await people_rows.channel_of(visit.turn.connection, channel)
    return await places.shown(visit.turn, visit.organization, f"{places.KNOWN}{row.id}")


async def _shown(visit: Visit, job: Job | None) -> Reply:
    if job is None:
        found = await subscriptions.of_every_job(visit.turn, visit.organization)
    else:
        found = await subscriptions.of_job(visit.turn, job)
    return Reply(wording.listing(job, [await _named(visit, one) for one in found]))


async def _job(visit: Visit, word: str) -> Job:
    """The job of that name; without one, the only job that was run from here."""
    if word:
        return await targets.job(visit, word)
    found = await subscriptions.talked_of(visit.turn, visit.organization, visit.request.channel)
    known = [await jobs.get(visit.turn, pk) for pk in found]
    seen = [one for one in known if visit.member.may(one.job.access.view)]
    if len(seen) == 1:
        return seen[0]
    raise Misunderstood(
        "Which job? " + ("Several were run from here." if seen else "None was run from here yet."),
        hint="Say its name: notify weekly-report here",
        suggestions=tuple(f"notify {one.name} here" for one in seen[:3]) or ("list",),
    )


async def _named(visit: Visit, rule: Rule) -> wording.Named:
    to = [await places.shown(visit.turn, visit.organization, one) for one in rule.rule.to]
    by = await people_rows.names(visit.turn.connection, {rule.member}) if rule.member is not None else {}
    return wording.Named(rule.rule, tuple(to), rule.number, rule.job is None, next(iter(by.values()), ""))


def _missing(visit: Visit, to: tuple[str, ...]) -> tuple[str, ...]:
    """The platforms that are not set up here, of those that a rule names."""
    named = [one.partition(":")[0] for one in to if ":" in one and not one.startswith(places.KNOWN)]
    return tuple(dict.fromkeys(one for one in named if visit.platforms and one not in visit.platforms))


def _list(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
