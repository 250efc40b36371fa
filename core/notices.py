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
from enum import StrEnum

from core import deliveries, places
from core.addresses import ORIGIN
from core.definitions import JobDefinition, NotifyRule
from core.deliveries import NOTHING, Extra, Kind, Owed
from core.store import notices as rows
from core.store.dialects import Row
from core.turns import Turn

LEVELS = ("info", "warning", "error")


class Topic(StrEnum):
    """What a rule can ask for."""

    COMPLETED = "completed_run"
    FAILED = "failed_run"
    ANOMALY = "anomaly"  # a check failed
    RECOVERED = "recovered"
    SKIPPED = "skipped"
    MISSED = "missed"
    CHANGED = "changed"


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


async def owe(turn: Turn, occasion: Occasion, told: Sequence[Told], book: Book) -> None:
    """Owe what tells of an occasion, wherever a rule wants it. Safe to repeat."""
    origin = occasion.origin or await places.origin(turn, occasion.organization, None)
    chosen: dict[tuple[int, Kind, str], Extra] = {}
    for one in told:
        taken = await _places(turn, occasion, one, book, origin)
        if not taken and one.topic is Topic.FAILED and origin is not None:
            taken = {origin: NOTHING}
        if occasion.in_hand and one.kind is Kind.ALERT and origin is not None:
            taken.setdefault(origin, NOTHING)
        for place, extra in taken.items():
            key = (place, one.kind, one.subject)
            chosen[key] = chosen.get(key, NOTHING) | extra
    alerted = {place for place, kind, _ in chosen if kind is Kind.ALERT}
    owed = []
    here = NOTHING
    for (place, kind, subject), extra in chosen.items():
        if occasion.in_hand and place == origin and kind is Kind.STATUS:
            here = here | extra
        elif kind is not Kind.STATUS or place not in alerted:
            owed.append(Owed(occasion.organization, place, kind, subject, batch=occasion.batch, extra=extra))
    if occasion.in_hand and occasion.batch is not None:
        await deliveries.settled(turn, occasion.batch, here)
    await deliveries.owe_all(turn, owed)


async def _places(
    turn: Turn, occasion: Occasion, told: Told, book: Book, origin: int | None
) -> dict[int, Extra]:
    """channel -> what its rules add."""
    found: dict[int, Extra] = {}
    for rule in book.fitting(occasion, told.topic):
        if not rule.takes(told) or rule.rule.if_:
            continue
        extra = Extra(attach=rule.rule.attach)
        for target in rule.rule.to:
            place = origin if target == ORIGIN else await places.find(turn, occasion.organization, target)
            if place is not None:
                found[place] = found.get(place, NOTHING) | extra
    return found
