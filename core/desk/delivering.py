"""deliveries, test-delivery: what became of messages, and whether they would arrive."""

from __future__ import annotations

from core import addresses, jobs, people, places, privacy, probes
from core.definitions import Role
from core.desk import targets
from core.desk.visit import Reply, Visit
from core.errors import Invalid, Misunderstood
from core.lifecycles import DeliveryState
from core.nearest import nearest
from core.store import deliveries as rows
from core.store import people as people_rows
from core.store.dialects import Row
from core.wording import deliveries as wording
from core.wording.deliveries import PAGE, Shown

_GROUPS = {
    "failed": (DeliveryState.FAILED,),
    "stuck": (DeliveryState.FAILED, DeliveryState.UNKNOWN),
    "open": (DeliveryState.PENDING, DeliveryState.SENDING),
}


async def listing(visit: Visit) -> Reply:
    """`deliveries`, `deliveries NAME`, `deliveries #128 state=failed page=2`: the newest first."""
    await targets.may_look(visit, Role.VIEWER)
    word, page = visit.command.word(0), visit.command.number("page", 1)
    target = await targets.batch(visit, word) if word else None
    job = await targets.job(visit, word) if word and target is None else None
    wanted = states(visit.command.options.get("state", ""))
    batch = target.view.batch.number if target else None
    mine = await _mine(visit, job.pk if job else None, batch, wanted, page * PAGE + 1)
    shown = mine[(page - 1) * PAGE : page * PAGE]
    roots = [row.id for row in shown if row.state != DeliveryState.SENT]
    others = await rows.instead_of(visit.turn.connection, roots)
    instead: dict[str, list[Row]] = {}
    for row in others:
        instead.setdefault(row.subject.removeprefix("instead:"), []).append(row)
    at = {row.address for row in [*shown, *others]}
    known = await people_rows.known_as(visit.turn.connection, visit.organization, at)
    found = Shown(
        shown,
        {(row.platform, row.external_id): row.name for row in known},
        instead,
        visit.turn.now,
        page,
        len(mine) > page * PAGE,
    )
    of = f" of {job.name}" if job else f" of #{batch}" if batch else ""
    return Reply(wording.listing(found, of, visit.command))


async def test(visit: Visit) -> Reply:
    """`test-delivery NAME`: to every channel of a job; `test-delivery slack:#ops`: to one; alone: here."""
    await targets.may_look(visit, Role.VIEWER)
    word = visit.command.word(0)
    asked = await people.channel(visit.turn, visit.organization, visit.request.channel)
    name = ""
    if not word:
        channels = [asked]
    elif ":" in word:
        if said := addresses.mistake(word):
            raise Invalid(f"No test was sent: {said}.", suggestions=("test-delivery",))
        channels = [await places.channel(visit.turn, visit.organization, addresses.read(word))]
    else:
        job = await targets.job(visit, word)
        name, channels = job.name, await probes.channels_of(visit.turn, job, asked)
    await probes.send(visit.turn, visit.member, channels, asked, name=name)
    found = [await people_rows.channel_of(visit.turn.connection, one) for one in channels]
    named = ["here" if row.pk == asked else f"{row.platform}:{row.name or row.address}" for row in found]
    return Reply(wording.testing(named, name), private=False)


async def _mine(
    visit: Visit, job: int | None, batch: int | None, states: tuple[DeliveryState, ...], wanted: int
) -> list[Row]:
    """The newest messages about what the member may see, that many or as many as there are."""
    every = await jobs.every(visit.turn, visit.organization)
    secret = privacy.confidential(visit.member, ((one.pk, one.job) for one in every))
    hidden = {one.name for one in every if not visit.member.may(one.job.access.view) or one.pk in secret}
    mine: list[Row] = []
    before: int | None = None
    while len(mine) < wanted:
        found = await rows.listing(
            visit.turn.connection,
            visit.organization,
            job=job,
            batch=batch,
            states=states,
            before=before,
            limit=wanted,
        )
        mine += [row for row in found if row.job_name not in hidden]
        if len(found) < wanted:
            break
        before = found[-1].pk
    return mine[:wanted]


def states(word: str) -> tuple[DeliveryState, ...]:
    """The states that a word means; none for no word. Raises `Misunderstood`."""
    if not word:
        return ()
    if word.casefold() in _GROUPS:
        return _GROUPS[word.casefold()]
    known = [str(one) for one in DeliveryState]
    if word.casefold() in known:
        return (DeliveryState(word.casefold()),)
    close = nearest(word, [*known, *_GROUPS])
    raise Misunderstood(
        f"No message is ever {word[:40]}.",
        hint=f"States are {', '.join(known)}, or open and stuck.",
        suggestions=(f"deliveries state={close[0]}",) if close else ("deliveries",),
    )
