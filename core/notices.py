"""Which endings are told where: notify rules turn topics into messages that are owed.

Rules stand in a job's definition, are added in chat for a job (subscriptions of a channel), or hold for every
job of the organization. For each topic:

1. The job's own rules that name it. 2. Where there are none, the organization's. 3. Where there are none
either, `completed_run` and `failed_run` go to the origin. 4. Beside those, the rules added in chat.

A failure that nobody would be told of goes to the origin all the same. What was started by hand has its
message at the origin from the start on; it is edited whatever the rules say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core import conditions, deliveries, findings, people, places, privacy, times
from core.addresses import ORIGIN
from core.definitions import JobDefinition, NotifyRule
from core.deliveries import NOTHING, Extra, Kind, Owed
from core.findings import Looked
from core.store import notices as rows
from core.store import people as people_rows
from core.store import runs as run_rows
from core.store.dialects import Row
from core.turns import Turn
from core.wording import words

LEVELS = ("info", "warning", "error")
OWNER = "owner"  # in a rule's `mention`: the owner of the job


class Topic(StrEnum):
    """What a rule can ask for."""

    COMPLETED = "completed_run"
    FAILED = "failed_run"
    ANOMALY = "anomaly"  # a check failed
    RECOVERED = "recovered"
    SKIPPED = "skipped"
    MISSED = "missed"
    CHANGED = "changed"


OF_RESULTS = (Topic.COMPLETED, Topic.FAILED, Topic.ANOMALY, Topic.CHANGED, Topic.RECOVERED)
USUAL = (Topic.COMPLETED, Topic.FAILED)  # what the origin is told where no rule says otherwise


@dataclass(frozen=True, slots=True)
class Occasion:
    """What happened to a job: the end of a batch, or a start that was due and did not come.

    `origin` is its channel, None where it has none. `in_hand`: its message is there since its start.
    `batch` is None where nothing was started.
    """

    organization: int
    job: int
    definition: JobDefinition
    origin: int | None
    batch: int | None = None
    in_hand: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One topic of an occasion, and the message that tells of it wherever a rule takes the topic.

    A place gets one message: of several that are `alert`s or not, the alerts.
    """

    topic: Topic
    kind: Kind
    subject: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its number, where it was added in chat. `job` is None where it holds for every job."""

    rule: NotifyRule
    job: int | None = None
    number: int | None = None
    member: int | None = None

    def takes(self, told: Told) -> bool:
        """It asks for this topic, at this level."""
        return told.topic in self.rule.topics and LEVELS.index(told.level) >= LEVELS.index(self.rule.level)


@dataclass(slots=True)
class Book:
    """The rules that were added in chat, by job; those for every job, by organization."""

    of_jobs: dict[int, list[Rule]] = field(default_factory=dict)
    of_organizations: dict[int, list[Rule]] = field(default_factory=dict)

    def fitting(self, occasion: Occasion, topic: Topic) -> list[Rule]:
        """The rules that name a topic for a job, by the order of the module's sentence."""
        own = [Rule(one, occasion.job) for one in occasion.definition.notify if topic in one.topics]
        general = [
            one for one in self.of_organizations.get(occasion.organization, []) if topic in one.rule.topics
        ]
        usual = [Rule(NotifyRule(topics=(topic,)))] if topic in USUAL else []
        added = [one for one in self.of_jobs.get(occasion.job, []) if topic in one.rule.topics]
        return [*(own or general or usual), *added]


async def book(turn: Turn, occasions: Iterable[Occasion]) -> Book:
    """The rules of chat for these occasions, in one query."""
    seen = {(one.organization, one.job) for one in occasions}
    found = Book()
    for row in await rows.rules(
        turn.connection, sorted({one for one, _ in seen}), sorted(j for _, j in seen)
    ):
        if row.job is None:
            found.of_organizations.setdefault(row.organization, []).append(read(row))
        else:
            found.of_jobs.setdefault(row.job, []).append(read(row))
    return found


def read(row: Row) -> Rule:
    """A rule of chat out of its row."""
    return Rule(NotifyRule.model_validate(row.definition), row.job, row.pk, row.member)


async def look(turn: Turn, occasion: Occasion, book: Book) -> Looked:
    """What the rules need to know of the results; nothing is read where they need nothing."""
    rules = {topic: [one.rule for one in book.fitting(occasion, topic)] for topic in OF_RESULTS}
    every = [one for some in rules.values() for one in some]
    texts = {one.if_ for one in every if one.if_}
    changes = bool(rules[Topic.CHANGED]) or any(map(conditions.asks_for_change, texts))
    leveled = any(one.level != "info" for one in rules[Topic.COMPLETED])
    if occasion.batch is None or not (texts or changes or leveled or rules[Topic.ANOMALY]):
        return Looked()
    pks = [row.pk for row in await run_rows.of_batch(turn.connection, occasion.batch)]
    return await findings.look(turn, occasion.definition, pks, texts, changes=changes)


async def owe(
    turn: Turn, occasion: Occasion, told: Sequence[Told], book: Book, looked: Looked | None = None
) -> None:
    """Owe what tells of an occasion, wherever a rule wants it. Safe to repeat.

    `looked` is what its results say; without results, where nothing ran, conditions are not asked.
    """
    origin = await _origin(turn, occasion)
    chosen: dict[tuple[int, Kind, str], _Wanted] = {}
    for one in told:
        taken = await _places(turn, occasion, one, (book, looked), origin)
        if origin is not None and not taken and one.topic is Topic.FAILED:
            taken = {origin: _Wanted()}
        if origin is not None and occasion.in_hand and one.kind is Kind.ALERT:
            taken.setdefault(origin, _Wanted())
        for place, wanted in taken.items():
            key = (place, one.kind, one.subject)
            chosen[key] = chosen[key] | wanted if key in chosen else wanted
    alerted = {place for place, kind, _ in chosen if kind is Kind.ALERT}
    owed = []
    here = NOTHING
    for (place, kind, subject), wanted in chosen.items():
        if occasion.in_hand and place == origin and kind is Kind.STATUS:
            here = here | await _extra(turn, occasion, wanted)
        elif kind is not Kind.STATUS or place not in alerted:
            extra = await _extra(turn, occasion, wanted)
            due_at = await _due_at(turn, occasion) if wanted.held else None
            owed.append(
                Owed(occasion.organization, place, kind, subject, occasion.batch, due_at=due_at, extra=extra)
            )
    if occasion.in_hand and occasion.batch is not None:
        await deliveries.settled(turn, occasion.batch, here)
    await deliveries.owe_all(turn, owed)


async def _origin(turn: Turn, occasion: Occasion) -> int | None:
    """Where it belongs. What is for one person, and was started by nobody, belongs to the owner."""
    job = occasion.definition
    if not privacy.is_private(job) or occasion.batch is not None:
        found = occasion.origin
        return found if privacy.is_private(job) else await places.origin(turn, occasion.organization, found)
    return await privacy.place(turn, occasion.organization, job, None, occasion.origin)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What rules want of a message at one place; `held`: quiet hours hold it back."""

    attach: tuple[str, ...] = ()
    mention: tuple[str, ...] = ()
    broke: tuple[str, ...] = ()
    held: bool = False

    def __or__(self, other: _Wanted) -> _Wanted:
        return _Wanted(
            (*self.attach, *other.attach),
            (*self.mention, *other.mention),
            (*self.broke, *other.broke),
            self.held and other.held,
        )


async def _places(
    turn: Turn, occasion: Occasion, told: Told, known: tuple[Book, Looked | None], origin: int | None
) -> dict[int, _Wanted]:
    """channel -> what the rules want that take this topic."""
    book, looked = known
    found: dict[int, _Wanted] = {}
    for one in book.fitting(occasion, told.topic):
        rule = one.rule
        if not one.takes(told) or (looked is not None and not looked.takes(rule.if_)):
            continue
        why = looked.why(rule.if_) if looked is not None and rule.if_ else ""
        said = f'The condition "{rule.if_}" could not be told: {why}'
        broke = (words.sentence(said),) if why else ()
        held = told.level != "error" or rule.hold_errors
        wanted = _Wanted(rule.attach, rule.mention, broke, held)
        for target in rule.to:
            if target != ORIGIN and privacy.is_private(occasion.definition):
                continue
            place = origin if target == ORIGIN else await places.find(turn, occasion.organization, target)
            if place is not None:
                found[place] = found[place] | wanted if place in found else wanted
    return found


async def _extra(turn: Turn, occasion: Occasion, wanted: _Wanted) -> Extra:
    owner = occasion.definition.owner
    emails = {owner if one == OWNER else one for one in wanted.mention} - {""}
    members = await people.called(turn, occasion.organization, emails) if emails else {}
    lost = sorted(name for name in emails if name not in members and name != owner)
    broke = tuple(f"{name} was to be mentioned, and nobody here is called so." for name in lost)
    return Extra(wanted.attach, tuple(sorted(members.values())), (*wanted.broke, *broke)) | NOTHING


async def _due_at(turn: Turn, occasion: Occasion) -> datetime | None:
    """When the job's quiet hours are over; None where it is not in them."""
    hours = occasion.definition.quiet_hours
    if hours is None:
        return None
    named = hours.timezone or occasion.definition.timezone
    zone = named or str((await people_rows.organization_of(turn.connection, occasion.organization)).timezone)
    return times.quiet_until(hours.start, hours.end, turn.now, times.zone(zone))
