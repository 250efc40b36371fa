"""Every way to write when something is due, read into one `Expression`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import TypeVar, get_args
from zoneinfo import ZoneInfo

from core.errors import Invalid, Misunderstood
from core.times.calendars import MOST_BUSINESS_DAYS, BusinessDays, calendar_name
from core.times.clocks import read_clock
from core.times.composing import compose, months_text
from core.times.cron import LENGTH_LIMIT, NICKNAMES, read_cron
from core.times.dates import read_iso
from core.times.expressions import Expression
from core.times.hints import did_you_mean, nearest, quoted
from core.times.intervals import Interval, interval, read_interval
from core.times.lists import read_months
from core.times.moments import locate, resolve, seconds_of
from core.times.phrases import read_phrase
from core.times.rules import Business, Once, Rule
from core.times.timeline import CalendarLabels, DayIntervalLabels, Fold, Gap
from core.times.words import PHRASE_LIMIT, Words, nearest_forms
from core.times.zones import zone as zone_named

NINE = time(9)

_SHORTCUTS = {"@first-weekday": 1, "@last-weekday": -1, "@business-days": 0}
_NTH = re.compile(r"@nth-weekday *\( *([0-9]{1,3}) *\)(.*)")
_CRON_FIELD = re.compile(r"[0-9*,/\-]*[0-9*][0-9*,/\-]*")
_AWS_CRON = re.compile(r"cron\((.*)\)", re.IGNORECASE)
_AWS_RATE = re.compile(r"rate\( *([0-9]{1,6} +[a-z]+) *\)", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t]+")
T = TypeVar("T", bound=str)

_FIXED = ("EST", "MST", "HST")  # zones whose names are mostly used for places that have summer time
_QUOTES = ("``", '""', "''", "“”", "‘’", "““", "””")
_LONGEST = 1_000  # characters that are looked at
_EVERY_MONTH = (1 << 13) - 2


def parse(
    text: str,
    *,
    zone: str | ZoneInfo,
    now: datetime,
    default_time: time = NINE,
    calendar: str = "",
    days_off: Iterable[date | str] = (),
    gap: str = "next",
    fold: str = "first",
) -> Expression:
    """Read cron, a nickname or shortcut, an anchored interval, plain words or an ISO instant.

    `default_time` is for phrases without a time; `now` is what "tomorrow" is counted from.
    Raises:
        Refusal: `Misunderstood` or `Invalid`, with a sentence and a hint, where it is not understood,
            impossible, past or never due.
    """
    reader = _Reader(_zone(zone), calendar, days_off, gap, fold)
    tidy = _tidy(text)
    expression = reader.canonical(tidy) or reader.words(tidy, now, default_time)
    if expression.next_after(now) is None:
        past = expression.once is not None
        raise Invalid(
            f"{quoted(tidy)} is already past." if past else f"{quoted(tidy)} is never due.",
            hint='Write a later time, such as "tomorrow at 9".' if past else "Write a day that comes.",
        )
    return expression


def restore(
    text: str,
    *,
    zone: str | ZoneInfo,
    calendar: str = "",
    days_off: Iterable[date | str] = (),
    gap: str = "next",
    fold: str = "first",
) -> Expression:
    """Read a stored canonical text back; a one-off may be past by now.

    Raises:
        Refusal: it is no canonical text.
    """
    expression = _Reader(_zone(zone), calendar, days_off, gap, fold).canonical(_tidy(text))
    if expression is None:
        raise Misunderstood(f"{quoted(text)} is no stored schedule.", hint=nearest_forms(text))
    return expression


def every(
    length: timedelta,
    anchor: str = "",
    *,
    zone: str | ZoneInfo,
    gap: str = "next",
    fold: str = "first",
) -> Expression:
    """An anchored interval: due at `anchor` and every `length` after it.

    Whole days keep the wall clock of the anchor, anything else is elapsed time. The anchor is an ISO
    date or time in the zone; empty, it is Monday, 1970-01-05. Raises:
        Invalid: less than a second, or no such anchor.
    """
    reader = _Reader(_zone(zone), "", (), gap, fold)
    return reader.interval(interval(length, anchor, reader.zone))


def _zone(zone: str | ZoneInfo) -> ZoneInfo:
    return zone_named(zone) if isinstance(zone, str) else zone


def _tidy(text: str) -> str:
    """Without the blanks, quotes and backticks around it that chats add, blanks inside as one."""
    if len(text) > _LONGEST:
        raise Misunderstood(
            f"A schedule has at most {PHRASE_LIMIT} characters, this one has {len(text)}.",
            hint=nearest_forms(text[:PHRASE_LIMIT]),
        )
    tidy = text.strip(" \t\r\n")
    while len(tidy) > 1 and tidy[0] + tidy[-1] in _QUOTES:
        tidy = tidy[1:-1].strip(" \t")
    return _BLANKS.sub(" ", tidy)


class _Reader:
    """The zone, policies and days that the text of an expression is read with."""

    def __init__(
        self, zone: ZoneInfo, calendar: str, days_off: Iterable[date | str], gap: str, fold: str
    ) -> None:
        self.zone = zone
        self.calendar = calendar_name(calendar)
        self.days_off = tuple(sorted({_day_off(day) for day in days_off}))
        self.gap: Gap = _policy(gap, "gap", get_args(Gap))
        self.fold: Fold = _policy(fold, "fold", get_args(Fold))

    def canonical(self, text: str) -> Expression | None:
        """Read everything but plain words; nothing where it must be words."""
        if text.startswith("@"):
            return self.shortcut(text)
        if found := _AWS_CRON.fullmatch(text):
            return self.cron(_from_aws(found[1]))
        if _is_cron(text):
            return self.cron(text)
        if anchored := read_interval(text, self.zone):
            return self.interval(anchored)
        moment = read_iso(text)
        if isinstance(moment, datetime) and moment.tzinfo is not None:
            return self.once(locate(moment, self.zone).at)
        return None

    def words(self, text: str, now: datetime, default_time: time) -> Expression:
        """Read plain words."""
        rate = _AWS_RATE.fullmatch(text)
        reading = read_phrase(f"every {rate[1]}" if rate else text)
        self.zone = reading.zone or self.zone
        fixed = reading.zone is not None and reading.zone.key in _FIXED
        said = (f"{self.zone.key} has no summer time.",) if fixed else ()
        if not reading.repeats:
            moment = resolve(reading, self.zone, now, default_time)
            return self.once(moment.at, moment.notes + said)
        composed = compose(reading, default_time, holidays=bool(self.calendar or self.days_off))
        if composed.text.startswith("@"):
            return self.shortcut(composed.text, composed.notes + said)
        return self.cron(composed.text, composed.notes + said)

    def cron(self, text: str, notes: tuple[str, ...] = ()) -> Expression:
        """Read five fields."""
        if len(text) > LENGTH_LIMIT:
            raise Invalid(
                f"A cron expression has at most {LENGTH_LIMIT} characters, this one has {len(text)}.",
                hint="Split it into several schedules.",
            )
        if not text.isascii() or not text.isprintable():
            raise Invalid(
                "A cron expression has only plain ASCII characters, with blanks between its fields.",
                hint="Type it anew, such as 0 8 * * 1.",
            )
        cron = read_cron(text)
        labels = CalendarLabels(cron.times, cron.days, wild=cron.wild)
        return self._expression(" ".join(cron.fields), cron, labels, notes)

    def shortcut(self, text: str, notes: tuple[str, ...] = ()) -> Expression:
        """Read `@daily`, or `@first-weekday 07:30`."""
        lower = text.lower()
        if lower in NICKNAMES:
            cron = read_cron(NICKNAMES[lower])
            return self._expression(lower, cron, CalendarLabels(cron.times, cron.days, wild=cron.wild), notes)
        name, _, rest = lower.partition(" ")
        number = _SHORTCUTS.get(name)
        if found := _NTH.fullmatch(lower):
            number, rest = _business_number(int(found[1])), found[2]
        if number is None:
            raise _unknown_shortcut(text, name)
        business = self._business(number, rest)
        clock = f"{business.minute // 60:02}:{business.minute % 60:02}"
        written = {1: "@first-weekday", -1: "@last-weekday", 0: "@business-days"}.get(
            number, f"@nth-weekday({number})"
        )
        months = [month for month in range(1, 13) if business.days.months >> month & 1]
        within = f" in {months_text(months)}" if len(months) < 12 else ""
        labels = CalendarLabels(1 << business.minute, business.days.days, wild=False)
        canonical = f"{written} {clock}{within}" if business.timed else f"{written}{within}"
        return self._expression(canonical, business, labels, notes)

    def interval(self, found: Interval) -> Expression:
        """An anchored interval."""
        return self._expression(found.text, found, found.labels)

    def once(self, at: datetime, notes: tuple[str, ...] = ()) -> Expression:
        """A one-off."""
        return self._expression(f"{at.replace(tzinfo=None).isoformat()}Z", Once(seconds_of(at)), None, notes)

    def _business(self, number: int, rest: str) -> Business:
        words = Words(rest or "midnight")
        timed = bool(rest.strip()) and not rest.strip().startswith("in ")
        words.accept("at")
        clock = None if rest and not timed else read_clock(words)
        within = words.accept("in")
        months = read_months(words) if within else ()
        if words.peek() or (timed and clock is None) or (within and not months):
            raise words.refuse()
        bits = sum(1 << month for month in months) or _EVERY_MONTH
        days = BusinessDays(number, bits, self.calendar, frozenset(self.days_off))
        return Business(days, clock.hour * 60 + clock.minute if clock else 0, timed)

    def _expression(
        self,
        text: str,
        rule: Rule,
        labels: CalendarLabels | DayIntervalLabels | None,
        notes: tuple[str, ...] = (),
    ) -> Expression:
        return Expression(
            text, self.zone, self.gap, self.fold, self.calendar, self.days_off, rule, labels, notes
        )


def _is_cron(text: str) -> bool:
    """Whether somebody meant fields: one is a star, or it begins as minutes and hours do."""
    fields = text.replace("\xa0", " ").split()
    if any(field[0] == "*" or field == "?" for field in fields):
        return True
    return 4 <= len(fields) <= 7 and all(_CRON_FIELD.fullmatch(field) for field in fields[:2])


def _from_aws(text: str) -> str:
    """The five fields of `cron(minutes hours day month weekday year)`, which counts weekdays from 1."""
    fields = text.split()
    if len(fields) != 6 or fields[5] != "*":
        raise Invalid(
            "cron(…) has six fields, of which the last, the year, must be a star.",
            hint="Write the five fields without it: 0 10 * * *.",
        )
    if re.search(r"[0-9]", fields[4]):
        raise Invalid(
            "The day of the week in cron(…) counts from Sunday as 1, elsewhere as 0.",
            hint="Write its name: cron(0 10 ? * MON *).",
        )
    return " ".join("*" if field == "?" else field for field in fields[:5])


def _business_number(number: int) -> int:
    if not 1 <= number <= MOST_BUSINESS_DAYS:
        raise Invalid(
            f"No month has {number} business days.",
            hint=f"The number in @nth-weekday(2) goes from 1 to {MOST_BUSINESS_DAYS}.",
        )
    return number


def _unknown_shortcut(text: str, name: str) -> Misunderstood:
    known = (*NICKNAMES, *_SHORTCUTS, "@nth-weekday(2)")
    if name in NICKNAMES:
        return Misunderstood(
            f"{quoted(text)} has more than the nickname.", hint='Write the time in words: "every day at 8".'
        )
    guess = nearest(name, known)
    return Misunderstood(
        f"There is no shortcut {quoted(text)}.",
        hint=did_you_mean(guess) or f"There are {', '.join(known[:-1])} and {known[-1]}.",
    )


def _policy(value: str, name: str, choices: tuple[T, ...]) -> T:
    for choice in choices:
        if value == choice:
            return choice
    raise Invalid(f"There is no {name} policy {quoted(value)}.", hint=f"It is one of {', '.join(choices)}.")


def _day_off(day: date | str) -> date:
    found = read_iso(day) if isinstance(day, str) else day
    if found is None or isinstance(found, datetime):
        raise Invalid(f"The day off {quoted(str(day))} is no date.", hint="Write it as 2026-12-24.")
    return found
