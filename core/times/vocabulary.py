"""The words and names that expressions are made of."""

from __future__ import annotations

WEEKDAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTH_NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

CRON_WEEKDAYS = {name[:3].upper(): number for number, name in enumerate(WEEKDAY_NAMES)}
CRON_MONTHS = {name[:3].upper(): number for number, name in enumerate(MONTH_NAMES, 1)}

WEEKDAYS = {
    **{name.lower(): number for number, name in enumerate(WEEKDAY_NAMES)},
    **{name[:3].lower(): number for number, name in enumerate(WEEKDAY_NAMES)},
    "tues": 2,
    "weds": 3,
    "thur": 4,
    "thurs": 4,
}
PLURAL_WEEKDAYS = {f"{name.lower()}s": number for number, name in enumerate(WEEKDAY_NAMES)}
MONTHS = {
    **{name.lower(): number for number, name in enumerate(MONTH_NAMES, 1)},
    **{name[:3].lower(): number for number, name in enumerate(MONTH_NAMES, 1)},
    "sept": 9,
}
_UP_TO_TEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TEENS = (
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45, "fifty": 50, "sixty": 60}
NUMBERS = {word: number for number, word in enumerate((*_UP_TO_TEN, *_TEENS))} | _TENS
_FIRST_TO_SEVENTH = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_EIGHTH_ON = ("eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth")
ORDINALS = {word: number for number, word in enumerate((*_FIRST_TO_SEVENTH, *_EIGHTH_ON), 1)} | {"last": -1}
UNITS = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), "second"),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), "minute"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), "hour"),
    **dict.fromkeys(("day", "days", "d"), "day"),
    **dict.fromkeys(("week", "weeks", "wk", "wks", "w"), "week"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("quarter", "quarters"), "quarter"),
    **dict.fromkeys(("year", "years", "yr", "yrs"), "year"),
}
