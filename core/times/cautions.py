"""What is said about an expression before it is saved, because it often is not what was meant."""

from __future__ import annotations

from typing import assert_never
from zoneinfo import ZoneInfo

from core.times.cron import NICKNAMES, Cron
from core.times.describing import values
from core.times.hints import listed, ordinal, quoted
from core.times.intervals import Interval
from core.times.rules import Business, Once, Rule
from core.times.zones import DAY, changes_between

_RISKY_MINUTES = 4 * 60  # clocks change between 00:00 and 03:59
_FULL = {0: 60, 1: 24, 2: 31, 3: 12, 4: 7}
_NAMES = ("minute", "hour", "day of the month", "month", "day of the week")
_STARTS = ("hour", "day", "month", "year", "week")
_SHORT = {29: (2,), 30: (2,), 31: (2, 4, 6, 9, 11)}  # the months without such a day


def cautions(text: str, rule: Rule, zone: ZoneInfo, now: int) -> tuple[str, ...]:
    """Full sentences, the weightiest first; none for most expressions."""
    match rule:
        case Cron():
            untimed = text in NICKNAMES and text not in ("@hourly", "@midnight")
            found = [*_either_day(rule), *_short_months(rule), *_uneven_steps(rule)]
            if _is_risky(rule) and changes_clocks(zone, now):
                found.append(_risky(zone))
            if untimed:
                found.append(
                    f'{text} is due at 00:00; for another time write it in words, such as "every day at 8".'
                )
            return tuple(found)
        case Business():
            found = [_risky(zone)] if rule.minute < _RISKY_MINUTES and changes_clocks(zone, now) else []
            if not rule.timed:
                found.append(
                    f"Without a time it is due at 00:00; for another write {text.split(' ')[0]} 08:00."
                )
            return tuple(found)
        case Interval() | Once():
            return ()
        case _:
            assert_never(rule)


def changes_clocks(zone: ZoneInfo, now: int) -> bool:
    """Whether the zone changes its clocks within the next year."""
    return bool(changes_between(zone, now, now + 366 * DAY))


def _either_day(cron: Cron) -> list[str]:
    if cron.both_days:
        return []
    monthday, weekday = cron.fields[2], cron.fields[4]
    return [
        f"The day of the month ({monthday}) and the day of the week ({weekday}) are joined by OR: "
        "it is due when either fits."
    ]


def _short_months(cron: Cron) -> list[str]:
    if cron.fields[2].startswith("*"):
        return []
    months = values(cron.months)
    days = {*values(cron.monthdays), *cron.nearest}
    late = [day for day in (29, 30, 31) if day in days and set(months) & set(_SHORT[day])]
    if not late:
        return []
    if months == [2] and late == [29]:
        return ["29 February comes only in leap years."]
    shown = listed((f"a {ordinal(day)}" for day in late), last="or")
    return [f"Months without {shown} are left out; for the last day of each month write L."]


def _uneven_steps(cron: Cron) -> list[str]:
    found = []
    for index, text in enumerate(cron.fields):
        steps = [int(part[2:]) for part in text.split(",") if part.startswith("*/")]
        for step in steps:
            if _FULL[index] % step and not (index == 4 and step > 6):
                found.append(
                    f"The step of the {_NAMES[index]} {quoted(text)} does not divide evenly: "
                    f"it begins anew with each {_STARTS[index]}."
                )
    return found


def _is_risky(cron: Cron) -> bool:
    return not cron.wild and bool(cron.times & ((1 << _RISKY_MINUTES) - 1))


def _risky(zone: ZoneInfo) -> str:
    return (
        f"Clocks in {zone.key} change in the hours after midnight: on such a day a time between 00:00 and "
        "03:59 may not exist, or happen twice."
    )
