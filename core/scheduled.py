"""A schedule as it stands in its row, with its timetable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import definitions
from core.store.dialects import Row
from core.timetables import Timetable, timetable

KEPT = 1_000  # definitions in memory; beyond that the oldest are read again

_read: dict[tuple[str, int], definitions.Schedule] = {}


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job runs by itself. `given` are the parameters of its runs, secrets sealed.

    `due_at` is when the scheduler wakes for it (None: off); what was due up to `settled_until` has its
    outcome. `zone` is the one that it follows; `own_zone` is empty where that is the organization's.
    """

    pk: int
    id: str
    organization: int
    job: int
    name: str
    origin: str  # file | chat
    definition: definitions.Schedule
    expression: str
    zone: str
    own_zone: str
    given: tuple[dict[str, Any], ...]
    version: int
    enabled: bool
    due_at: datetime | None
    settled_until: datetime
    paused_at: datetime | None
    paused_by: int | None
    paused_why: str
    channel: int | None
    member: int | None

    @property
    def timetable(self) -> Timetable:
        """When it is due."""
        return timetable(self.expression, self.definition, self.zone, self.id)

    @property
    def next_at(self) -> datetime | None:
        """The instant that it is due at next; nothing where it is off or over."""
        return None if self.due_at is None else self.timetable.first_after(self.settled_until)


def read(row: Row) -> Schedule:
    """A schedule out of its row, which has the organization's zone as `organization_zone`."""
    return Schedule(
        pk=row.pk,
        id=row.id,
        organization=row.organization,
        job=row.job,
        name=row.name,
        origin=row.origin,
        definition=_definition(row),
        expression=row.expression,
        zone=row.zone or row.organization_zone,
        own_zone=row.zone,
        given=tuple(row.given),
        version=row.version,
        enabled=row.enabled,
        due_at=row.next_due_at,
        settled_until=row.settled_until,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        paused_why=row.paused_why,
        channel=row.channel,
        member=row.member,
    )


def _definition(row: Row) -> definitions.Schedule:
    """What a version of it says, read out of its JSON once per process."""
    key = (row.id, row.version)
    found = _read.get(key)
    if found is None:
        found = _read[key] = definitions.Schedule.model_validate(row.definition)
        if len(_read) > KEPT:
            del _read[next(iter(_read))]
    return found
