"""Public holidays by country and subdivision, and the business days that they leave in a month.

A business day is a Monday to Friday that is neither a public holiday of the calendar nor a day off.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from core.errors import Invalid
from core.times.hints import did_you_mean, listed, nearest, quoted

MOST_BUSINESS_DAYS = 23  # a month of 31 days that begins with a Monday


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """The `number`-th business day of each month in `months`; -1 is the last, 0 every one of them.

    `months` is a bit set (bit 1 is January).
    """

    number: int
    months: int
    calendar: str
    days_off: frozenset[date]

    def days(self, year: int, month: int) -> int:
        """The days of a month on which it is due, as a bit set (bit 1 is the first)."""
        if not self.months >> month & 1:
            return 0
        length = monthrange(year, month)[1]
        free = public_holidays(self.calendar, year) | self.days_off
        days = [date(year, month, day) for day in range(1, length + 1)]
        open_days = [day.day for day in days if day.weekday() < 5 and day not in free]
        if self.number == 0:
            return sum(1 << day for day in open_days)
        index = self.number - 1 if self.number > 0 else self.number
        return 1 << open_days[index] if -len(open_days) <= index < len(open_days) else 0


def calendar_name(name: str) -> str:
    """Check a calendar such as `NL`, `US-CA` or `DE-BY`, and write it as the `holidays` package does.

    Empty is no calendar. Raises:
        Invalid: there is no such country or subdivision; the hint names the nearest.
    """
    wanted = name.strip()
    if not wanted:
        return ""
    country, dash, part = wanted.partition("-")
    known = _countries()
    if country.upper() not in known:
        guess = _country_named(wanted)
        raise Invalid(
            f"There is no calendar of public holidays {quoted(wanted)}.",
            hint=did_you_mean(guess) or "Use a country code such as NL, with a subdivision as in US-CA.",
        )
    if not dash:
        return country.upper()
    parts = {choice.lower(): choice for choice in known[country.upper()]}
    if part.lower() not in parts:
        raise Invalid(
            f"The calendar of {country.upper()} has no subdivision {quoted(part)}.",
            hint=_subdivision_hint(country.upper(), part, tuple(parts.values())),
        )
    return f"{country.upper()}-{parts[part.lower()]}"


@lru_cache(maxsize=1_024)
def public_holidays(calendar: str, year: int) -> frozenset[date]:
    """The public holidays of a year; none where `calendar` is empty."""
    if not calendar:
        return frozenset()
    import holidays

    country, _, part = calendar.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    import holidays

    supported: dict[str, list[str]] = holidays.list_supported_countries(include_aliases=True)
    return supported


def _country_named(name: str) -> str:
    """The code of a country by its English name ("Netherlands"), empty where there is none such."""
    from holidays.registry import COUNTRIES  # here: see public_holidays

    codes = {words[0]: words[1] for words in COUNTRIES.values()}
    found = nearest(name, codes) if len(name) > 3 else ""
    return str(codes[found]) if found else ""


def _subdivision_hint(country: str, part: str, parts: tuple[str, ...]) -> str:
    if not parts:
        return f"Use {country} alone."
    guess = nearest(part, parts)
    if guess:
        return did_you_mean(f"{country}-{guess}")
    return f"It has {listed(parts[:12], last='or')}{' and others' if len(parts) > 12 else ''}."
