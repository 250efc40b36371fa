"""list, show, history, status, help: the commands that only look."""

from __future__ import annotations

from collections.abc import Sequence

from core import batches, jobs, privacy, views
from core.commands import COMMANDS, Command, Name, spell
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.errors import Misunderstood, NotFound, OutOfPlace
from core.jobs import Job
from core.lifecycles import BatchState
from core.messages import Message
from core.nearest import nearest
from core.store import batches as batch_rows
from core.store import deliveries as delivery_rows
from core.wording import batches as batch_wording
from core.wording import jobs as wording
from core.wording import results

GOING = (BatchState.PROPOSED, BatchState.WAITING, BatchState.ACTIVE)


async def listing(visit: Visit) -> Reply:
    """`list`: the jobs that the member may see."""
    await targets.may_look(visit, Role.VIEWER)
    word = visit.command.word(0)
    found = [one for one in await _visible(visit) if _matches(one, word)]
    pks = [one.pk for one in found]
    secret = confidential(visit, found)
    last = await batch_rows.last_ended(visit.turn.connection, pks) if pks else {}
    last = {job: row for job, row in last.items() if job not in secret or row.member == visit.member.pk}
    going = await batches.latest(
        visit.turn,
        visit.organization,
        states=GOING,
        confidential=secret,
        member=visit.member.pk,
        limit=200,
    )
    running = {batch.job: batch.number for batch in going}
    page = visit.command.number("page", 1)
    return Reply(wording.listing(found, last, running, visit.turn.now, word, page))


async def show(visit: Visit) -> Reply:
    """`show NAME`, `show #128`, `show #128.3`, `show #128.3 QUESTION page=2`."""
    await targets.may_look(visit, Role.VIEWER)
    target = await targets.batch(visit, visit.command.word(0), whole=True)
    if visit.command.word(1):
        return Reply(_answered(visit, target, visit.command.word(1)))
    if target is not None:
        sort, page = visit.command.options.get("sort", ""), visit.command.number("page", 1)
        view = target.view
        only = target.run or (view.runs[0] if view.single and view.runs else None)
        view = await views.compared(visit.turn, view, only)
        return Reply(batch_wording.shown(view, run=target.run, sort=sort, page=page))
    job = await targets.job(visit, visit.command.word(0))
    latest = await batches.latest(
        visit.turn,
        visit.organization,
        job=job.pk,
        confidential=confidential(visit, [job]),
        member=visit.member.pk,
        limit=5,
    )
    found = await _views(visit, [batch.number for batch in latest])
    lost = await delivery_rows.broken(visit.turn.connection, job.pk)
    editable = job.origin == "chat" and visit.member.may(Role.EDITOR)
    return Reply(wording.job(job, found, visit.turn.now, lost, editable=editable))


def _answered(visit: Visit, target: targets.Target | None, question: str) -> Message:
    """What one question of a run has brought; refused where there is no such run, question or page."""
    word = visit.command.word(0)
    if target is None:
        raise Misunderstood(
            "A question's result belongs to a run, such as #128.",
            hint=f"`history {word}` lists the runs.",
            suggestions=(f"history {word}", f"show {word}"),
        )
    run = target.run or (target.view.runs[0] if target.view.single and target.view.runs else None)
    if run is None:
        number = len(target.view.runs)
        first = spell(Command(Name.SHOW, (f"{word}.1", question)))
        raise OutOfPlace(f"{word} has {number:,} runs; say which.", suggestions=(first,))
    entries = [record.entry for record in target.view.latest(run)]
    known = results.questions(entries)
    name = next((one for one in known if one.casefold() == question.casefold()), None)
    if name is None:
        raise _no_question(word, question, known)
    page, last = visit.command.number("page", 1), results.pages(entries, name)
    if page > last:
        line = spell(Command(Name.SHOW, (word, name), options={"page": str(last)}))
        raise NotFound(f"{name} of {word} has {last:,} pages.", suggestions=(line,))
    return batch_wording.answered(target.view, run, name, page)


def _no_question(word: str, question: str, known: list[str]) -> NotFound:
    close = nearest(question, known, 1)
    hint = f"Its questions are {', '.join(known)}." if known else "Nothing was asked in it."
    return NotFound(
        f"{word} has no question {question[:60]}.",
        hint=f"Did you mean {close[0]}? {hint}" if close else hint,
        suggestions=tuple(spell(Command(Name.SHOW, (word, one))) for one in close) or (f"show {word}",),
    )


async def history(visit: Visit) -> Reply:
    """`history`, `history NAME page=2 status=failed`: the newest first."""
    await targets.may_look(visit, Role.VIEWER)
    job = await targets.job(visit, visit.command.word(0)) if visit.command.word(0) else None
    page = visit.command.number("page", 1)
    every = await jobs.every(visit.turn, visit.organization)
    found = await batches.latest(
        visit.turn,
        visit.organization,
        job=job.pk if job else None,
        states=_states(visit.command.options.get("status", "")),
        hidden=[one.pk for one in every if not visit.member.may(one.job.access.view)],
        confidential=confidential(visit, every),
        member=visit.member.pk,
        skip=(page - 1) * wording.PAGE,
        limit=wording.PAGE + 1,
    )
    ordered = await _views(visit, [batch.number for batch in found[: wording.PAGE]])
    more = len(found) > wording.PAGE
    return Reply(wording.history(ordered, job, visit.turn.now, page, more=more))


async def status(visit: Visit) -> Reply:
    """`status`: what runs and waits now; `status #128` or `status NAME`: how that is doing."""
    await targets.may_look(visit, Role.VIEWER)
    word = visit.command.word(0)
    job = None
    if word:
        target = await targets.batch(visit, word)
        if target is not None:
            return Reply(batch_wording.status(target.view))
        job = await targets.job(visit, word)
    seen = await _visible(visit)
    going = await batches.latest(
        visit.turn,
        visit.organization,
        job=job.pk if job else None,
        states=GOING,
        confidential=confidential(visit, seen),
        member=visit.member.pk,
        limit=20,
    )
    visible = {one.pk for one in seen}
    found = await _views(visit, [batch.number for batch in going if batch.job in visible])
    return Reply(wording.status(found, visit.turn.now))


async def help_(visit: Visit) -> Reply:
    """`help`, `help COMMAND`."""
    word = visit.command.word(0)
    if not word:
        names = [one.name for one in await _visible(visit) if one.enabled] if visit.member.role else []
        return Reply(wording.help_all(visit.member, names))
    if word not in COMMANDS:
        close = nearest(word, [str(name) for name in Name])
        raise Misunderstood(
            f"There is no command {word[:40]}.",
            hint=f"Did you mean {close[0]}?" if close else "",
            suggestions=(f"help {close[0]}",) if close else ("help",),
        )
    return Reply(wording.help_one(COMMANDS[Name(word)]))


def confidential(visit: Visit, some: Sequence[Job]) -> list[int]:
    """Those of these jobs of which the member sees only what they started."""
    return privacy.confidential(visit.member, ((one.pk, one.job) for one in some))


async def _visible(visit: Visit) -> list[Job]:
    every = await jobs.every(visit.turn, visit.organization)
    return [one for one in every if visit.member.may(one.job.access.view)]


async def _views(visit: Visit, numbers: list[int]) -> list[views.BatchView]:
    """Newest first."""
    found = await views.of_batches(visit.turn, numbers) if numbers else []
    return sorted(found, key=lambda view: view.batch.number, reverse=True)


def _matches(job: Job, word: str) -> bool:
    texts = (job.name, job.job.title, job.job.description, *job.job.tags)
    return not word or any(word.casefold() in text.casefold() for text in texts)


def _states(word: str) -> tuple[BatchState, ...] | None:
    if not word:
        return None
    wanted = word.casefold().replace("-", "_").replace(" ", "_")
    if wanted == "failed":
        return (BatchState.FAILED, BatchState.PARTLY_FAILED)
    if wanted not in set(BatchState):
        close = nearest(wanted, [str(state) for state in BatchState])
        raise Misunderstood(
            f"No batch can be {word[:40]}.",
            hint=f"The states are {', '.join(BatchState)}.",
            suggestions=tuple(f"history status={one}" for one in close[:1]),
        )
    return (BatchState(wanted),)
