"""From what a phrase said to the one instant that it means.

A wall-clock time that does not exist is the first instant after the gap, one that happens twice the
first; the notes say so. Days, weeks and months keep the wall clock, hours and less are elapsed time.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import Invalid, Misunderstood
from core.times.clocks import Clock
from core.times.composing import time_of_day
from core.times.hints import quoted
from core.times.reading import Reading, Shift
from core.times.vocabulary import WEEKDAY_NAMES
from core.times.zones import DAY, EARLIEST, LATEST, place

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  labels are wall-clock time on purpose


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant, and how it was read where that is not plain."""

    at: datetime
    notes: tuple[str, ...] = ()


def seconds_of(instant: datetime) -> int:
    """Whole seconds since 1970 of an aware instant, rounded down."""
    length = instant - _EPOCH
    return length.days * DAY + length.seconds


def instant_of(seconds: int) -> datetime:
    """The aware UTC instant of seconds since 1970."""
    return _EPOCH + timedelta(seconds=seconds)


def label_of(local: datetime) -> int:
    """The label of a naive wall-clock time."""
    length = local.replace(tzinfo=None) - _NAIVE_EPOCH
    return length.days * DAY + length.seconds


def local_of(label: int) -> datetime:
    """The naive wall-clock time of a label."""
    return _NAIVE_EPOCH + timedelta(seconds=label)


def locate(local: datetime, zone: ZoneInfo) -> Moment:
    """The instant of a wall-clock time; of an aware one it is that instant.

    Raises:
        Invalid: it is at the edge of the calendar.
    """
    label = label_of(local) if local.tzinfo is None else seconds_of(local)
    if not EARLIEST < label < LATEST:
        raise Invalid("That is at the edge of the calendar.", hint="Write a nearer day.")
    if local.tzinfo is not None:
        return Moment(local.astimezone(UTC))
    found = place(zone, label)
    at = instant_of(found.instant)
    shown = f"{local:%H:%M} on {local:%Y-%m-%d}"
    if found.missing:
        after = f"{at.astimezone(zone):%H:%M on %Y-%m-%d}"
        note = f"{shown} does not exist in {zone.key}, so it is the first instant after the gap, {after}."
        return Moment(at, (note,))
    if found.repeated:
        return Moment(at, (f"{shown} happens twice in {zone.key}; it is the first of the two.",))
    return Moment(at)


def resolve(reading: Reading, zone: ZoneInfo, now: datetime, default_time: time) -> Moment:
    """The instant that a phrase means.

    Raises:
        Refusal: it is past, it says two days or none, or there is no such day.
    """
    moment = _resolve(reading, zone, now, default_time)
    if moment.at <= now:
        said = f"{moment.at.astimezone(zone):%Y-%m-%d %H:%M}"
        raise Invalid(
            f"That is already past: it was {said} in {zone.key}.",
            hint='Write a day, such as "tomorrow at 9".',
        )
    return moment


def _resolve(reading: Reading, zone: ZoneInfo, now: datetime, default_time: time) -> Moment:
    month_day = reading.monthdays and not reading.relative
    week_day = reading.weekdays and reading.relative != "next week"
    said = (
        reading.at,
        reading.shift,
        reading.day is not None,
        reading.date,
        week_day,
        month_day,
        _is_next(reading),
    )
    if sum(map(bool, said)) > 1 or (reading.year and not reading.months):
        raise Misunderstood("That says two different days.", hint='Write one, such as "friday at 9".')
    if reading.at:
        return _exactly(reading, zone)
    if reading.shift and reading.shift.seconds:
        return _elapsed(reading, reading.shift, zone, now)
    notes: list[str] = []
    if reading.shift and not reading.clocks and not reading.part:
        local = now.astimezone(zone).replace(tzinfo=None, microsecond=0)
        return _on_a_day(_shifted(local, reading.shift), zone, [])
    if reading.months and not reading.monthdays:
        raise Misunderstood(
            "It is not said on which day of the month.",
            hint='Write "every monday in december at 9", or a date.',
        )
    if not (any(said) or reading.clocks):
        raise Misunderstood("It is not said on which day.", hint='Write "tomorrow at 9" or "every day at 9".')
    clocks = time_of_day(reading, default_time, notes)
    if len(clocks) > 1:
        raise Misunderstood("One day with several times is no schedule.", hint="Write one of the times.")
    return _choose(reading, zone, now, clocks[0], notes)


def _is_next(reading: Reading) -> bool:
    return reading.relative in ("next week", "next month")


def _choose(reading: Reading, zone: ZoneInfo, now: datetime, clock: Clock, notes: list[str]) -> Moment:
    today = now.astimezone(zone).date()
    if reading.shift:
        return _on_a_day(datetime.combine(_shifted_date(today, reading.shift), _time(clock)), zone, notes)
    if reading.day is not None:
        late = reading.part == "night" and clock.hour < 6  # tonight at 1 is after midnight
        local = datetime.combine(today + timedelta(days=reading.day + late), _time(clock))
        return _on_a_day(local, zone, notes)
    if reading.date:
        return _with(locate(datetime.combine(date(*reading.date), _time(clock)), zone), notes)
    if reading.relative:
        day = _relative_day(reading, today, notes)
        return _with(locate(datetime.combine(day, _time(clock)), zone), notes)
    if reading.monthdays:
        return _with(_next_date(reading, zone, now, clock), notes)
    return _with(_next_weekday(reading, zone, now, clock), notes)


def _exactly(reading: Reading, zone: ZoneInfo) -> Moment:
    if reading.clocks or reading.part or reading.at is None:
        raise Misunderstood("That says two times of day.", hint="Write one of them.")
    if reading.zone is not None and reading.at.tzinfo is not None:
        raise Misunderstood("That says both an offset and a time zone.", hint="Write one of them.")
    return locate(reading.at, zone)


def _elapsed(reading: Reading, shift: Shift, zone: ZoneInfo, now: datetime) -> Moment:
    if reading.clocks or reading.part:
        raise Misunderstood("Hours and minutes from now have no time of day.", hint='Write "in 3 days at 9".')
    local = _shifted(now.astimezone(zone).replace(tzinfo=None), shift)
    start = locate(local, zone).at if shift.days or shift.months else now.astimezone(UTC)
    at = start + timedelta(seconds=shift.seconds)
    return Moment(at.replace(microsecond=0) + timedelta(seconds=1 if at.microsecond else 0))


def _on_a_day(local: datetime, zone: ZoneInfo, notes: list[str]) -> Moment:
    """Like `locate`, but a day that a zone skipped as a whole (Samoa, 2011-12-30) is the day after."""
    midnight = local.replace(hour=0, minute=0, second=0)
    last = midnight + timedelta(hours=23, minutes=59)
    if place(zone, label_of(midnight)).missing and place(zone, label_of(last)).missing:
        following = local + timedelta(days=1)
        skipped = f"{local:%Y-%m-%d} does not exist in {zone.key}, so it is the day after."
        return _with(locate(following, zone), [*notes, skipped])
    return _with(locate(local, zone), notes)


def _relative_day(reading: Reading, today: date, notes: list[str]) -> date:
    monday = today - timedelta(days=today.weekday())
    if reading.relative == "next month":
        first = _shifted_date(today.replace(day=1), Shift(months=1))
        if not reading.monthdays:
            notes.append("No day was given, so it is the 1st.")
        number = reading.monthdays[0] if reading.monthdays else 1
        length = monthrange(first.year, first.month)[1]
        return _day(first.year, first.month, length if number == -1 else number)
    if reading.relative == "this":
        return monday + timedelta(days=(min(reading.weekdays) - 1) % 7)
    if not reading.weekdays:
        notes.append("No day was given, so it is Monday.")
    weekday = min(reading.weekdays) if reading.weekdays else 1
    day = monday + timedelta(days=7 + (weekday - 1) % 7)
    notes.append(f"{WEEKDAY_NAMES[weekday]} of next week is {day:%Y-%m-%d}.")
    return day


def _next_date(reading: Reading, zone: ZoneInfo, now: datetime, clock: Clock) -> Moment:
    month, number = reading.months[0], reading.monthdays[0]
    year = reading.year or now.astimezone(zone).year
    years = (year,) if reading.year else range(year, year + 9)
    for candidate in years:
        length = monthrange(candidate, month)[1]
        if number <= length:
            day = date(candidate, month, length if number == -1 else number)
            moment = locate(datetime.combine(day, _time(clock)), zone)
            if reading.year or moment.at > now:
                return moment
    return locate(datetime.combine(_day(year, month, number), _time(clock)), zone)


def _next_weekday(reading: Reading, zone: ZoneInfo, now: datetime, clock: Clock) -> Moment:
    """The next such day (any day where only a time was said) at which the time is still ahead."""
    today = now.astimezone(zone).date()
    wanted = min(reading.weekdays) if reading.weekdays else None
    for ahead in range(8):
        day = today + timedelta(days=ahead)
        if wanted is None or day.isoweekday() % 7 == wanted:
            moment = locate(datetime.combine(day, _time(clock)), zone)
            if moment.at > now:
                break
    return moment


def _shifted(local: datetime, shift: Shift) -> datetime:
    return datetime.combine(_shifted_date(local.date(), shift), local.time())


def _shifted_date(day: date, shift: Shift) -> date:
    """Months first, at most to the month's end, then days.

    Raises:
        Invalid: it is outside of the calendar.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + shift.months, 12)
    try:
        first = date(year, month + 1, 1)
        return first.replace(day=min(day.day, monthrange(year, month + 1)[1])) + timedelta(days=shift.days)
    except (ValueError, OverflowError):
        raise Invalid("That is outside of the calendar.", hint="Write a nearer day.") from None


def shifted_date(day: date, *, months: int = 0, days: int = 0) -> date:
    """A day so many months and days later; the 31st becomes the last day of a shorter month."""
    return _shifted_date(day, Shift(months=months, days=days))


def _day(year: int, month: int, number: int) -> date:
    try:
        return date(year, month, number)
    except ValueError:
        raise Invalid(
            f"There is no {quoted(f'{year}-{month:02}-{number:02}')} in the calendar.",
            hint='The last day of a month is "last day of the month".',
        ) from None


def _time(clock: Clock) -> time:
    return time(clock.hour, clock.minute)


def _with(moment: Moment, notes: list[str]) -> Moment:
    return Moment(moment.at, (*notes, *moment.notes))
