"""What is said of an expression: words, warnings, and what a change of the clocks does to it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core import times

times.use_pinned_zones()
NOW = datetime(2026, 1, 10, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def _parse(text: str, zone: str = BERLIN, now: datetime = NOW, **given: str) -> times.Expression:
    return times.parse(text, zone=zone, now=now, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 8 * * 1", "every Monday at 08:00"),
        ("0 9 * * 1-5", "every weekday (Monday to Friday) at 09:00"),
        ("0 9 * * 5-7", "every Friday, Saturday and Sunday at 09:00"),
        ("0 9,17 * * *", "every day at 09:00 and 17:00"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/7 * * * *", "at the minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
        ("@hourly", "every hour"),
        ("1 * * * *", "at 1 minute past every hour"),
        ("15,45 * * * *", "at the minutes 15 and 45 of every hour"),
        ("0 */2 * * *", "every 2 hours, from midnight"),
        ("30 */2 * * 1", "every 2 hours at 30 minutes past the hour, from midnight, every Monday"),
        ("*/15 9-17 * * 1-5", "every 15 minutes in the hours 9 to 17, every weekday (Monday to Friday)"),
        ("0 0-20/2 * * *", "every day on the hours 0, 2, 4, 6, 8, 10, 12, 14, 16, 18 and 20"),
        ("23 0-16/2 * * *", "every day at 23 minutes past the hours 0, 2, 4, 6, 8, 10, 12, 14 and 16"),
        ("0 8 1,15 * *", "on the 1st and the 15th of every month at 08:00"),
        ("0 8 1-7,L * *", "on the 1st to the 7th and the last day of every month at 08:00"),
        ("0 8 22W * *", "on the Monday to Friday nearest to the 22nd of every month at 08:00"),
        ("0 8 1,LW * *", "on the 1st and the last weekday (Monday to Friday) of every month at 08:00"),
        ("0 8 */10 * *", "on every 10th day of every month (counted from the 1st) at 08:00"),
        ("0 8 2 1,7 *", "on the 2nd of January and July at 08:00"),
        ("0 8 * 12 1", "every Monday in December at 08:00"),
        ("0 8 * * 1#1,5L", "on the first Monday and the last Friday of every month at 08:00"),
        ("0 8 * * 1,5L", "every Monday and on the last Friday of every month at 08:00"),
        ("0 8 * 9 1#1", "on the first Monday of September at 08:00"),
        ("0 8 13 * 5", "on the 13th of every month or every Friday (either is enough) at 08:00"),
        ("0 8 13 6 5", "on the 13th of the month or every Friday (either is enough) in June at 08:00"),
        ("0 8 1 * */6", "on the 1st of every month and only if that is a Saturday or Sunday (both must fit) "
         "at 08:00"),
        ("@first-weekday 07:30", "on the first business day of every month at 07:30 (Monday to Friday)"),
        ("@nth-weekday(3) 7:30 in JUN",
         "on the 3rd business day of the month in June at 07:30 (Monday to Friday)"),
        ("@business-days 07:30", "every business day at 07:30 (Monday to Friday)"),
        ("every 45m from 2026-01-05T08:00", "every 45 minutes, counted from 2026-01-05 08:00"),
        ("every 7d from 2026-01-05", "every week, counted from 2026-01-05"),
        ("2026-12-24T18:00", "once, on 2026-12-24 at 18:00"),
    ],
)  # fmt: skip
def test_an_expression_in_words(text: str, words: str) -> None:
    assert _parse(text).describe() == words


def test_the_calendar_and_the_days_off_are_told() -> None:
    expression = times.parse(
        "@last-weekday 9:00", zone=BERLIN, now=NOW, calendar="NL", days_off=["2026-12-24"]
    )
    assert expression.describe() == (
        "on the last business day of every month at 09:00 "
        "(Monday to Friday, without the public holidays of NL, without 1 extra day off)"
    )


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("0 8 1 * 1", BERLIN, ["joined by OR"]),
        ("0 8 31 * *", BERLIN, ["Months without a 31st are left out"]),
        ("0 8 30 2,3 *", BERLIN, ["Months without a 30th are left out"]),
        ("0 8 30W * *", BERLIN, ["Months without a 30th are left out"]),
        ("0 8 31 1,3 *", BERLIN, []),
        ("0 8 29 2 *", BERLIN, ["29 February comes only in leap years."]),
        ("*/25 * * * *", BERLIN, ['The step of the minute "*/25" does not divide evenly']),
        ("0 */5 * * *", BERLIN, ['The step of the hour "*/5" does not divide evenly']),
        ("0 8 */2 * *", BERLIN, ['The step of the day of the month "*/2" does not divide evenly']),
        ("*/15 */6 * */3 *", BERLIN, []),
        ("30 2 * * *", BERLIN, ["Clocks in Europe/Berlin change"]),
        ("30 2 * * *", "Asia/Tokyo", []),
        ("*/30 2 * * *", BERLIN, []),
        ("0 4 * * *", BERLIN, []),
        ("@daily", "UTC", ["@daily is due at 00:00"]),
        ("@hourly", BERLIN, []),
        ("@first-weekday", "UTC", ["@first-weekday 08:00"]),
        ("@first-weekday 01:00", BERLIN, ["Clocks in Europe/Berlin change"]),
        ("every 45m from 2026-01-05", BERLIN, []),
        ("2026-12-24T02:00", BERLIN, []),
        ("0 0 31 * 1", BERLIN, ["joined by OR", "31st", "Clocks in"]),
    ],
)
def test_what_is_often_not_meant_is_warned_about(text: str, zone: str, said: list[str]) -> None:
    warnings = _parse(text, zone).warnings(NOW)
    assert len(warnings) == len(said)
    for warning, part in zip(warnings, said, strict=True):
        assert part in warning
        assert warning.endswith(".")


SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
FORWARD = "On 2026-03-29 clocks in Europe/Berlin go forward from 02:00 to 03:00"
BACK = "On 2026-10-25 clocks in Europe/Berlin go back from 03:00 to 02:00"


@pytest.mark.parametrize(
    ("text", "policies", "now", "said"),
    [
        ("30 2 * * *", {}, SPRING, f"{FORWARD}: 02:30 does not exist and will run once at 03:00."),
        ("0,30 2 * * *", {}, SPRING, f"{FORWARD}: 02:00 and 02:30 do not exist and will run once at 03:00."),
        ("30 2 * * *", {"gap": "skip"}, SPRING,
         f"{FORWARD}: 02:30 does not exist and will be left out, as gap: skip says."),
        ("*/30 2 * * *", {}, SPRING,
         f"{FORWARD}: 02:00 and 02:30 do not exist and will be left out, in step with real time."),
        ("* 2 * * *", {}, SPRING,
         f"{FORWARD}: the times between do not exist and will be left out, in step with real time."),
        ("30 2 * * *", {}, AUTUMN, f"{BACK}: 02:30 happens twice and will run the first time."),
        ("30 2 * * *", {"fold": "second"}, AUTUMN,
         f"{BACK}: 02:30 happens twice and will run the second time."),
        ("30 2 * * *", {"fold": "both"}, AUTUMN,
         f"{BACK}: 02:30 happens twice and will run both times, as fold: both says."),
        ("30 * * * *", {}, AUTUMN,
         f"{BACK}: 02:30 happens twice and will run both times, in step with real time."),
        ("every 1d from 2026-01-05T02:30", {}, SPRING,
         f"{FORWARD}: 02:30 does not exist and will run once at 03:00."),
    ],
)  # fmt: skip
def test_the_preview_says_what_a_clock_change_does(
    text: str, policies: dict[str, str], now: datetime, said: str
) -> None:
    instants, changes = _parse(text, now=now, **policies).preview(now, 60)
    assert len(instants) == 60
    assert [change.sentence for change in changes][:1] == [said]


def test_a_jump_of_a_day_is_not_caught_up_and_says_so() -> None:
    now = datetime(2011, 12, 28, tzinfo=UTC)
    _, changes = _parse("0 9 * * *", "Pacific/Apia", now).preview(now, 3)
    assert [change.sentence for change in changes] == [
        "On 2011-12-30 clocks in Pacific/Apia go forward from 00:00 to 00:00 on 2011-12-31: 09:00 does not "
        "exist and will be left out: jumps of 3 hours and more are not caught up."
    ]


@pytest.mark.parametrize("text", ["0 12 * * *", "every 45m from 2026-01-05", "2026-10-25T02:30"])
def test_what_no_change_touches_has_no_clock_changes(text: str) -> None:
    assert _parse(text, now=SPRING).preview(SPRING, 400)[1] == []


def test_the_preview_of_what_is_over_is_empty() -> None:
    expression = times.restore("2020-01-01T00:00:00Z", zone="UTC")
    assert expression.preview(NOW, 5) == ([], [])
