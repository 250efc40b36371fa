"""`slashjob next`: the contract with scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.next import next_command


def _run(*arguments: str, lines: str | bytes = "") -> Result:
    return CliRunner(env={"SLASHJOB_TIMEZONE": ""}).invoke(next_command, arguments, input=lines)


def _ask(*questions: dict[str, Any], options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    result = _run("-", *options, lines="".join(json.dumps(question) + "\n" for question in questions))
    assert result.exit_code == 0
    assert result.stderr == ""
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_tells_the_next_instants() -> None:
    result = _run(
        "0 8 * * 1", "--timezone", "Europe/Amsterdam", "--from", "2026-02-27T12:00", "--count", "2", "--json"
    )
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answer["expression"] == "0 8 * * 1"
    assert answer["timezone"] == "Europe/Amsterdam"
    assert answer["description"] == "every Monday at 08:00"
    assert answer["next"] == ["2026-03-02T07:00:00Z", "2026-03-09T07:00:00Z"]


def test_json_of_a_phrase_has_its_canonical_text_and_effects() -> None:
    result = _run("every day at 2:30 in Europe/Berlin", "--from", "2026-03-28T12:00Z", "--json")
    answer = json.loads(result.stdout)
    assert answer["canonical"] == "30 2 * * *"
    assert answer["timezone"] == "Europe/Berlin"
    assert answer["next"][0] == "2026-03-29T01:00:00Z"
    assert answer["clock_changes"][0]["at"] == "2026-03-29T01:00:00Z"
    assert answer["warnings"]


def test_people_get_local_and_utc_times_with_notes_and_warnings() -> None:
    result = _run(
        "every day at 2:30 am", "--timezone", "Europe/Berlin", "--from", "2026-03-28T12:00", "--count", "1"
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "30 2 * * *: every day at 02:30, in Europe/Berlin",
        "  Sun 2026-03-29 03:00:00 +0200  2026-03-29T01:00:00Z",
        "Note: 2:30am is read as 02:30.",
        "Clocks: On 2026-03-29 clocks in Europe/Berlin go forward from 02:00 to 03:00: "
        "02:30 does not exist and will run once at 03:00.",
        "Warning: Clocks in Europe/Berlin change in the hours after midnight: on such a day a time between "
        "00:00 and 03:59 may not exist, or happen twice.",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("0 0 31 2 *",), "never due"),
        (("61 * * * *",), "out of range"),
        (("0 8 * * 1", "--timezone", "Europe/Amsterdm"), "Did you mean Europe/Amsterdam?"),
        (("@first-weekday", "--calendar", "XX"), "no calendar"),
        (("0 8 * * 1", "--from", "whenever"), "is no date"),
        (("0 8 * * 1", "--gap", "jump"), "no gap policy"),
        (("0 8 * * 1", "--fold", "third"), "no fold policy"),
        (("2020-01-01T00:00", "--from", "2026-01-01"), "already past"),
        (("*," * 5_000 + "* * * * *",), "at most 200 characters"),
        (("every blursday at 9", "--json"), "blursday"),
    ],
)
def test_a_refusal_is_one_line_on_standard_error(arguments: tuple[str, ...], said: str) -> None:
    result = _run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_each_line_is_answered_in_order() -> None:
    answers = _ask(
        {
            "expression": "0 8 * * 1",
            "timezone": "Europe/Amsterdam",
            "from": "2026-02-27T12:00:00+01:00",
            "count": 2,
        },
        {"expression": "0 0 31 2 *"},
        {"expression": "tomorrow at 9", "timezone": "America/New_York", "from": "2026-03-07T20:00:00-05:00"},
        {"expression": "every weekday", "from": "2026-03-06T09:00:00Z", "count": 1},
        {"expression": "@first-weekday", "from": "2024-12-31T12:00:00Z", "calendar": "US", "count": 1},
    )
    assert answers[0] == {"next": ["2026-03-02T07:00:00Z", "2026-03-09T07:00:00Z"]}
    assert list(answers[1]) == ["refused"]
    assert answers[2] == {"next": ["2026-03-08T13:00:00Z"]}
    assert answers[3] == {"next": ["2026-03-09T09:00:00Z"]}
    assert answers[4] == {"next": ["2025-01-02T00:00:00Z"]}


def test_null_and_absent_are_the_same() -> None:
    question = {
        "expression": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "from": "2026-03-28T12:00:00Z",
        "count": 1,
    }
    empty = dict.fromkeys(("calendar", "gap", "fold", "unknown"))
    first, second = _ask(question, question | empty)
    assert first == second == {"next": ["2026-03-29T01:00:00Z"]}


def test_policies_are_followed() -> None:
    question = {"expression": "30 2 * * *", "timezone": "Europe/Berlin", "count": 1}
    spring, autumn = {"from": "2026-03-28T12:00:00Z"}, {"from": "2026-10-25T00:30:00Z"}
    answers = _ask(
        question | spring | {"gap": "skip"}, question | autumn, question | autumn | {"fold": "both"}
    )
    assert [answer["next"] for answer in answers] == [
        ["2026-03-30T00:30:00Z"],
        ["2026-10-26T01:30:00Z"],
        ["2026-10-25T01:30:00Z"],
    ]


def test_the_options_are_the_defaults_of_the_lines() -> None:
    question = {"expression": "0 8 * * *", "from": "2026-01-01T00:00:00Z", "count": 1}
    answers = _ask(question, question | {"timezone": "UTC"}, options=("--timezone", "Asia/Tokyo"))
    assert [answer["next"] for answer in answers] == [["2026-01-01T23:00:00Z"], ["2026-01-01T08:00:00Z"]]


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"[]",
        b"3",
        b"{}",
        b'{"expression": 3}',
        b'{"expression": "0 8 * * 1", "timezone": 3}',
        b'{"expression": "0 8 * * 1", "count": 0}',
        b'{"expression": "0 8 * * 1", "count": true}',
        b'{"expression": "0 8 * * 1", "count": "5"}',
        b'{"expression": "0 8 * * 1", "count": 1000000000}',
        b'{"expression": "0 8 * * 1", "from": "soon"}',
        b'{"expression": "\\ud800"}',
        b'{"expression": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_question_is_refused_and_the_next_is_answered(line: bytes) -> None:
    good = b'{"expression": "0 8 * * *", "from": "2026-01-01T00:00:00Z", "count": 1}'
    result = _run("-", lines=line + b"\n\n" + good + b"\n")
    assert result.exit_code == 0
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["refused"]
    assert second == {"next": ["2026-01-01T08:00:00Z"]}


def test_the_zone_of_the_environment_is_the_default() -> None:
    runner = CliRunner(env={"SLASHJOB_TIMEZONE": "Asia/Tokyo"})
    result = runner.invoke(next_command, ["0 8 * * *", "--from", "2026-01-01T00:00:00Z", "--json"])
    assert json.loads(result.stdout)["timezone"] == "Asia/Tokyo"
