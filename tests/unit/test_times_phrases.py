"""Plain words: what is understood, what it becomes, and what is refused by naming the word."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import times
from core.errors import Invalid, Misunderstood, Refusal

times.use_pinned_zones()
NOW = datetime.fromisoformat("2026-11-18T10:15:00-05:00")  # a Wednesday
ZONE = "America/New_York"


def _parse(phrase: str, **given: object) -> times.Expression:
    return times.parse(phrase, **({"zone": ZONE, "now": NOW} | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        # days and weekdays
        ("every day at 8:30", "30 8 * * *"),
        ("Every Day At 8:30.", "30 8 * * *"),
        ("“every day at 8:30”", "30 8 * * *"),
        ("8:30 every day", "30 8 * * *"),
        ("at 8:30 every day", "30 8 * * *"),
        ("daily at 8h30", "30 8 * * *"),
        ("once a day at 0830", "30 8 * * *"),
        ("every day at 9 o'clock", "0 9 * * *"),
        ("every day at nine", "0 9 * * *"),
        ("every day at nine thirty pm", "30 21 * * *"),
        ("every day at half past nine", "30 9 * * *"),
        ("every day at quarter to 9", "45 8 * * *"),
        ("every day at a quarter past 9", "15 9 * * *"),
        ("every day at 9:00:00", "0 9 * * *"),
        ("every day at 9 p.m.", "0 21 * * *"),
        ("every day at noon and midnight", "0 0,12 * * *"),
        ("every day at 9, 12, and 17", "0 9,12,17 * * *"),
        ("every day at 9:00 and 9:30", "0,30 9 * * *"),
        ("every day at 3 in the afternoon", "0 15 * * *"),
        ("every evening at 7", "0 19 * * *"),
        ("every night at 12", "0 0 * * *"),
        ("every morning", "0 9 * * *"),
        ("weekdays at 9", "0 9 * * 1-5"),
        ("weekdays 9", "0 9 * * 1-5"),
        ("every day 9", "0 9 * * *"),
        ("every day 15 of the month at 9", "0 9 15 * *"),
        ("every second of june at 9", "0 9 2 6 *"),
        ("every second monday of the month at 9", "0 9 * * 1#2"),
        ("every day at 8 at night", "0 20 * * *"),
        ("every workday at 9", "0 9 * * 1-5"),
        ("Monday – Friday 9am", "0 9 * * 1-5"),
        ("monday through friday at 9", "0 9 * * 1-5"),
        ("every weekday (mon-fri) at 9", "0 9 * * 1-5"),
        ("weekends at 10", "0 10 * * 0,6"),
        ("every weekday morning at 8", "0 8 * * 1-5"),
        ("sunday evenings", "0 19 * * 0"),
        ("every friday afternoon at 3", "0 15 * * 5"),
        ("mon/wed/fri at 9", "0 9 * * 1,3,5"),
        ("every mon, wed, and fri at 9", "0 9 * * 1,3,5"),
        ("every tues & thurs at 9", "0 9 * * 2,4"),
        ("monday and thursday at 9am", "0 9 * * 1,4"),
        ("weekly on friday at 16:00", "0 16 * * 5"),
        ("every week on friday at 16:00", "0 16 * * 5"),
        ("every day except weekends at 9", "0 9 * * 1-5"),
        ("weekdays but not on friday at 9", "0 9 * * 1-4"),
        ("every business day at 9", "0 9 * * 1-5"),
        # intervals
        ("every minute", "* * * * *"),
        ("every 5m", "*/5 * * * *"),
        ("every thirty minutes", "*/30 * * * *"),
        ("every half an hour", "*/30 * * * *"),
        ("every 60 minutes", "0 * * * *"),
        ("every 120 minutes", "0 */2 * * *"),
        ("every 24 hours", "0 0 * * *"),
        ("every 3 hours at :30", "30 */3 * * *"),
        ("hourly at :15 and :45", "15,45 * * * *"),
        ("every hour on the hour", "0 * * * *"),
        ("every hour at minute 5", "5 * * * *"),
        ("at 15 past every hour", "15 * * * *"),
        ("every hour on weekdays", "0 * * * 1-5"),
        ("every 15 minutes from 9 to 17 on weekdays", "*/15 9-16 * * 1-5"),
        ("every 15 minutes 9am-5pm mon-fri", "*/15 9-16 * * 1-5"),
        ("every 15 minutes between 9:00 and 16:59", "*/15 9-16 * * *"),
        ("every hour between 9:30 and 17:30", "30 9-17 * * *"),
        ("every hour at :15 between 9 and 17", "15 9-16 * * *"),
        ("every 2 hours between 22 and 6", "0 0,2,4,6,22 * * *"),
        ("rate(5 minutes)", "*/5 * * * *"),
        # months
        ("on the 1st of every month at 8", "0 8 1 * *"),
        ("monthly on the 15th at 10", "0 10 15 * *"),
        ("on the 15th every month at 10", "0 10 15 * *"),
        ("day 15 of every month at 10", "0 10 15 * *"),
        ("every 1st and 15th at 9", "0 9 1,15 * *"),
        ("the first and last day of the month at 9", "0 9 1,L * *"),
        ("last day of the month at 18:00", "0 18 L * *"),
        ("first monday of every month at 9", "0 9 * * 1#1"),
        ("the first and third monday of each month at 9", "0 9 * * 1#1,1#3"),
        ("every last friday of the month at 9", "0 9 * * 5L"),
        ("every 6 months on the 1st at 9", "0 9 1 */6 *"),
        ("every quarter on the 15th at 9", "0 9 15 1,4,7,10 *"),
        ("last day of the quarter at 17:00", "0 17 L 3,6,9,12 *"),
        ("last friday of every quarter at 17:00", "0 17 * 3,6,9,12 5L"),
        ("first day of the year at 9", "0 9 1 1 *"),
        ("every 4th of july at 9", "0 9 4 7 *"),
        ("annually on january 1 at 9", "0 9 1 1 *"),
        ("every monday in june, july and august at 9", "0 9 * 6-8 1"),
        ("every day from june to august at 9", "0 9 * 6-8 *"),
        ("every january on the 2nd at 9", "0 9 2 1 *"),
        # business days
        ("first business day of the month at 7:30", "@first-weekday 07:30"),
        ("the last working day of every month at 17:00", "@last-weekday 17:00"),
        ("3rd business day of the month at 9", "@nth-weekday(3) 09:00"),
        ("first business day of every quarter at 9", "@first-weekday 09:00 in JAN,APR,JUL,OCT"),
        ("last weekday of the quarter at 9", "@last-weekday 09:00 in MAR,JUN,SEP,DEC"),
    ],
)
def test_what_repeats(phrase: str, text: str) -> None:
    expression = _parse(phrase)
    assert expression.text == text
    assert expression.once is None


@pytest.mark.parametrize(
    ("phrase", "local"),
    [
        ("tomorrow at 9", "2026-11-19 09:00"),
        ("9am tomorrow", "2026-11-19 09:00"),
        ("noon tomorrow", "2026-11-19 12:00"),
        ("tomorrow morning", "2026-11-19 09:00"),
        ("tomorrow evening at 8", "2026-11-19 20:00"),
        ("the day after tomorrow at 9", "2026-11-20 09:00"),
        ("tonight at 8", "2026-11-18 20:00"),
        ("tonight at midnight", "2026-11-19 00:00"),
        ("this evening", "2026-11-18 19:00"),
        ("today at 10:16", "2026-11-18 10:16"),
        ("at midnight", "2026-11-19 00:00"),
        ("10:15", "2026-11-19 10:15"),
        ("in an hour", "2026-11-18 11:15"),
        ("in an hour and a half", "2026-11-18 11:45"),
        ("in 1 hour and 30 minutes", "2026-11-18 11:45"),
        ("1h30m", "2026-11-18 11:45"),
        ("in a week", "2026-11-25 10:15"),
        ("in two weeks at 9", "2026-12-02 09:00"),
        ("2 days from now", "2026-11-20 10:15"),
        ("in 1 day and 2 hours", "2026-11-19 12:15"),
        ("friday", "2026-11-20 09:00"),
        ("friday at 14:00", "2026-11-20 14:00"),
        ("this friday at 14:00", "2026-11-20 14:00"),
        ("next friday at 14:00", "2026-11-27 14:00"),
        ("monday next week at 8", "2026-11-23 08:00"),
        ("next week", "2026-11-23 09:00"),
        ("next month", "2026-12-01 09:00"),
        ("on the 1st of next month at 9", "2026-12-01 09:00"),
        ("june 1 at 9", "2027-06-01 09:00"),
        ("24 december 2026 at 18:00", "2026-12-24 18:00"),
        ("24th december at 18:00", "2026-12-24 18:00"),
        ("Dec 24, 2026 6pm", "2026-12-24 18:00"),
        ("feb 29 at 9", "2028-02-29 09:00"),
        ("2026-12-24", "2026-12-24 09:00"),
        ("2026-12-24 18:00", "2026-12-24 18:00"),
        ("on 2026-12-24 at 6pm", "2026-12-24 18:00"),
        ("2026-12-24T18:00:00.000Z", "2026-12-24 13:00"),
        ("2026-12-24 18:00+01:00", "2026-12-24 12:00"),
    ],
)
def test_what_happens_once(phrase: str, local: str) -> None:
    expression = _parse(phrase)
    assert expression.once is not None
    assert f"{expression.once.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M}" == local
    assert expression.text == f"{expression.once:%Y-%m-%dT%H:%M:%SZ}"
    assert expression.next_after(expression.once) is None


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("every blursday at 9", '"blursday"'),
        ("evry day at 9", 'Did you mean "every"?'),
        ("every day at 9 Mars/Phobos", '"Mars/Phobos"'),
        ("every day at 9 PST", "Did you mean America/Los_Angeles?"),
        ("every day at 9; drop table", '"9;"'),
        ("every day at 9 <!channel>", '"<!channel>"'),
        ("every day at 25:00", '"25:00"'),
        ("every day at 9:60", '"9:60"'),
        ("every day at 9:00:30", "seconds"),
        ("every day at 13pm", "13pm"),
        ("every day at 0am", "12-hour clock"),
        ("every day at 9pm in the morning", "not in the morning"),
        ("every day at 9:15 and 17:45", "own schedule"),
        ("every monday at 9 and every tuesday at 10", "more than one schedule"),
        ("every monday at", "ends too early"),
        ("every", "ends too early"),
        ("every monday monday at 9", '"monday"'),
        ("every day at 9 at 10", '"at"'),
        ("every friday the 13th", '"the"'),
        ("on the 13th and friday at 9", '"friday"'),
        ("every monday at 9am to 5pm", '"to"'),
        ("every 45 minutes", "every: 45m"),
        ("every 90 minutes", "every: 90m"),
        ("every 7 hours", "every: 7h"),
        ("every 3 days at 9", "every: 3d"),
        ("every other monday", "every: 2w"),
        ("every 2 weeks on friday", "every: 2w"),
        ("every 30 seconds", "every: 30s"),
        ("every second", "every: 1s"),
        ("every 3rd day", "anchor"),
        ("every 5 months", "Name the months"),
        ("biweekly", "anchor"),
        ("every 0 minutes", "no interval"),
        ("every 15 minutes at 9", "no time of day"),
        ("every 15 minutes between 9:30 and 17:00", "full hour"),
        ("every hour between 9 and 9", "ends where it begins"),
        ("every hour between 22 and 6 on weekdays", "passes midnight"),
        ("every day between 9 and 17", "need an interval"),
        ("every month on monday", "do not go together"),
        ("every day on the 15th", "do not go together"),
        ("on the 15th of the quarter", "first or the last"),
        ("yearly on the 15th", "needs a month"),
        ("every january", "which day"),
        ("monday in december at 9", "which day"),
        ("in december", "which day"),
        ("last friday at 9", "which month"),
        ("on the last day at 9", "which month"),
        ("2020-01-01T00:00Z", "already past"),
        ("every biweekly", "anchor"),
        ("daily every day", '"every"'),
        ("every day weekly", '"weekly"'),
        ("monday at 9 on monday", '"on"'),
        ("2026-12-24 and friday", '"and"'),
        ("friday 2026-12-24", "two different days"),
        ("2026-12-24T18:00 at 9", "two times of day"),
        ("every day except", "ends too early"),
        ("every day except monday except friday", '"except"'),
        ("every hour between 9 and 17 from 10 to 12", '"from"'),
        ("in 2 hours in 3 hours", '"in"'),
        ("every day in the morning at night", '"at"'),
        ("in 3 days on friday", "two different days"),
        ("every hours", '"hours"'),
        ("friday 2", '"2"'),
        ("on the 3rd 2", '"2"'),
        ("every day at 9 ,", '","'),
        ("sixth monday of the month", "6th Monday"),
        ("on the 32nd at 9", "32nd"),
        ("on the 0th at 9", "0th"),
        ("31 april 2027 at 9", "2027-04-31"),
        ("every february 30 at 9", "never due"),
        ("24th business day of the month", "24 business days"),
        ("first and second business day of the month", "Only one business day"),
        ("12/11/2026 at 9", "year-month-day"),
        ("2026-02-30", "2026-02-30"),
        ("yesterday at 9", "already past"),
        ("today at 9", "already past"),
        ("this monday at 9", "already past"),
        ("2020-01-01T00:00", "already past"),
        ("10 minutes ago", '"ago"'),
        ("10 minutes", "from now or an interval"),
        ("in -5 minutes", '"-5"'),
        ("in 0 minutes", "That is now"),
        ("in 10000 years", "hundred years"),
        ("in 2 hours at 9", "no time of day"),
        ("at 9 and 17", "several times"),
        ("tomorrow and friday", '"and"'),
        ("tomorrow every day", "single day"),
        ("2026-12-24T18:00+01:00 Europe/Berlin", "offset and a time zone"),
        ("9", "ends too early"),
        ("asap", '"asap"'),
        ("when the deploy finishes", '"when"'),
        ("jeden Montag um 9 Uhr", '"jeden"'),
        ("tous les lundis à 9h", "U+00E0"),
        ("every day at ９:00", "U+FF19"),
        ("every day\u00a0at 9", "U+00A0"),
        ("", "empty"),
        ("   ", "empty"),
        ("every " + "very " * 40 + "day", "at most 200 characters"),
        ("every " + "very " * 4_000 + "day", "at most 200 characters"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_would_be(phrase: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        _parse(phrase)
    assert said in f"{refused.value.sentence} {refused.value.hint}"
    assert isinstance(refused.value, Misunderstood | Invalid)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("phrase", "zone"),
    [
        ("every day at 9 in Asia/Kathmandu", "Asia/Kathmandu"),
        ("every day at 9 europe/london", "Europe/London"),
        ("every day at 9 (Europe/London)", "Europe/London"),
        ("every day at 9 London time", "Europe/London"),
        ("every day at 9 in New York", "America/New_York"),
        ("UTC every day at 9", "UTC"),
        ("every day at 9 CET", "CET"),
    ],
)
def test_a_zone_may_be_named(phrase: str, zone: str) -> None:
    assert _parse(phrase, zone="Asia/Tokyo").zone.key == zone
    assert _parse(phrase, zone="Asia/Tokyo").text == "0 9 * * *"


@pytest.mark.parametrize(
    ("phrase", "note"),
    [
        ("every day", "No time was given, so it is 09:00."),
        ("every day at 5pm", "5pm is read as 17:00."),
        ("every evening at 7", "7 in the evening is read as 19:00."),
        ("monthly at 8", "No day was given, so it is the 1st."),
        ("weekly at 8", "No day was given, so it is Monday."),
        ("on the 15th at 9", "It repeats every month."),
        ("every day at 9 EST", "EST has no summer time."),
        ("next friday at 9", "Friday of next week is 2026-11-27."),
        (
            "2027-03-14T02:30",
            "02:30 on 2027-03-14 does not exist in America/New_York, so it is the first instant after "
            "the gap, 03:00 on 2027-03-14.",
        ),
        (
            "2027-11-07T01:30",
            "01:30 on 2027-11-07 happens twice in America/New_York; it is the first of the two.",
        ),
    ],
)
def test_how_a_phrase_was_read_is_said_back(phrase: str, note: str) -> None:
    assert note in _parse(phrase).notes


def test_a_plain_phrase_needs_no_note() -> None:
    assert _parse("every weekday at 8").notes == ()


@pytest.mark.parametrize("text", ["every weekday at 8", "tomorrow at 9", "2026-12-24T18:00", ""])
def test_only_canonical_texts_are_restored(text: str) -> None:
    with pytest.raises(Misunderstood, match="no stored schedule"):
        times.restore(text, zone=ZONE)


def test_the_default_time_is_the_organizations() -> None:
    assert _parse("every weekday", default_time=time(7, 30)).text == "30 7 * * 1-5"
    assert _parse("tomorrow", default_time=time(7, 30)).text == "2026-11-19T12:30:00Z"


def test_hours_are_elapsed_time_and_days_keep_the_wall_clock() -> None:
    evening = datetime.fromisoformat("2026-03-07T20:00:00-05:00")
    assert _parse("in 24 hours", now=evening).text == "2026-03-09T01:00:00Z"
    assert _parse("in 1 day", now=evening).text == "2026-03-09T00:00:00Z"


def test_months_end_with_the_month() -> None:
    january = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert _parse("in 1 month", zone="UTC", now=january).text == "2026-02-28T12:00:00Z"


def test_tomorrow_in_samoa_skips_the_day_that_never_was() -> None:
    now = datetime.fromisoformat("2011-12-29T12:00:00-10:00")
    expression = _parse("tomorrow at 9", zone="Pacific/Apia", now=now)
    assert expression.text == "2011-12-30T19:00:00Z"
    assert "2011-12-30 does not exist in Pacific/Apia, so it is the day after." in expression.notes


def test_business_days_of_a_calendar_are_counted_not_written_as_monday_to_friday() -> None:
    assert _parse("every business day at 9", calendar="NL").text == "@business-days 09:00"
    assert _parse("every business day at 9", days_off=["2026-12-24"]).text == "@business-days 09:00"


WORDS = st.sampled_from(
    (
        *("every", "on", "the", "at", "in", "of", "and", "to", "-", ",", "between", "from", "except", "next"),
        *("day", "days", "weekday", "weekdays", "monday", "fri", "tuesdays", "first", "last", "3rd", "15th"),
        *("month", "quarter", "year", "hour", "hours", "minutes", "week", "december", "march", "this"),
        *("9", "17:30", "5pm", "noon", "tomorrow", "today", "daily", "hourly", "business", "15", "2", "time"),
        *("2027-01-01", "UTC", "past", ":15", "(", ")", "half", "an", "a", "once", "morning", "night"),
        *("0900", "Europe/Berlin", "twice"),
    )
)


def _understood(phrase: str) -> times.Expression | Refusal:
    try:
        return _parse(phrase)
    except Refusal as refused:
        return refused


@settings(max_examples=400, deadline=None)
@given(words=st.lists(WORDS, min_size=1, max_size=9))
def test_any_row_of_words_is_understood_and_stored_or_refused_in_a_sentence(words: list[str]) -> None:
    expression = _understood(" ".join(words))
    if isinstance(expression, Refusal):
        assert expression.sentence
        assert expression.hint
        return
    assert expression.next_after(NOW) is not None
    assert expression.describe()
    restored = times.restore(expression.text, zone=expression.zone)
    assert restored == expression
    assert restored.upcoming(NOW, 5) == expression.upcoming(NOW, 5)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    expression = _understood(text)
    if isinstance(expression, Refusal):
        assert expression.sentence
    else:
        assert expression.next_after(NOW) is not None
