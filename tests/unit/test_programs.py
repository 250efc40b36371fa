"""A job's command, filled with parameters: nothing splits, expands or becomes an option (scenario E8)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import programs
from core.definitions import JobDefinition, Parameter
from core.errors import AgentError

NASTY = [
    "; touch P", "$(touch P)", "`touch P`", "a\nb", "{{7*7}}", "{other}", "${HOME}", "%0a", "<!channel>",
    "<@U1>", "", " ", "a b", "'", '"', "\\", "*", "~", "ä€🚲", "\x01\x7f", "x=1",
]  # fmt: skip


def job(*command: str, secret: tuple[str, ...] = (), **more: Any) -> JobDefinition:
    names = ("name", "other", "token")
    parameters = {name: Parameter(secret=name in secret) for name in names}
    return JobDefinition(agent="scripts", command=command, parameters=parameters, **more)


def sentences(definition: JobDefinition) -> str:
    return " ".join(sentence for _, sentence in programs.mistakes(definition))


@pytest.mark.parametrize("value", NASTY)
def test_a_value_fills_one_argument_as_it_is(value: str) -> None:
    filled = programs.fill(job("run", "--name", "{name}", "x={name}"), {"name": value, "other": "no"}, {})
    assert filled.arguments == ("run", "--name", value, f"x={value}")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200))
def test_any_text_arrives_in_argument_environment_and_input(value: str) -> None:
    definition = job("run", "--", "{name}", environment={"NAME": "{name}"}, input="json")
    filled = programs.fill(definition, {"name": value}, {"HOME": "no"})
    assert filled.arguments == ("run", "--", value)
    assert filled.environment == {"NAME": value}
    assert json.loads(filled.input) == {"name": value}


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--name", "{name}"),
        ("run", "-n", "{name}"),
        ("run", "--", "{name}"),
        ("run", "--", "x", "{name}"),
        ("run", "--name={name}"),
        ("run", "-n{name}"),
        ("run", "name:{name}"),
    ],
)
def test_a_value_with_a_dash_passes_where_the_job_gave_it_a_place(command: tuple[str, ...]) -> None:
    filled = programs.fill(job(*command), {"name": "--flag"}, {})
    assert filled.arguments[-1] == command[-1].replace("{name}", "--flag")


@pytest.mark.parametrize(
    "command",
    [
        ("run", "{name}"),
        ("run", "x", "{name}"),
        ("run", "{name}.csv"),
        ("run", "--kind=x", "{name}"),
        ("run", "--x{other}", "{name}"),
        ("run", "{other}", "{name}"),
    ],
)
@pytest.mark.parametrize("value", ["--flag", "-rf", "-"])
def test_a_value_never_becomes_an_option_by_itself(command: tuple[str, ...], value: str) -> None:
    with pytest.raises(AgentError, match="read it as an option") as refused:
        programs.fill(job(*command), {"name": value, "other": "x"}, {})
    assert refused.value.permanent
    assert '"--"' in refused.value.hint


def test_two_values_do_not_make_an_option_together() -> None:
    with pytest.raises(AgentError, match="read it as an option"):
        programs.fill(job("run", "{name}{other}"), {"name": "", "other": "-x"}, {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (False, "false"), (42, "42"), (0.5, "0.5"), (5.0, "5"), (None, ""), ("yes", "yes"),
        (date(2026, 1, 31), "2026-01-31"), (datetime(2026, 1, 31, 8, tzinfo=UTC), "2026-01-31T08:00:00Z"),
    ],
)  # fmt: skip
def test_values_are_written_for_programs(value: object, text: str) -> None:
    assert programs.write(value) == text
    assert programs.fill(job("run", "{name}"), {"name": value}, {}).arguments == ("run", text)


def test_the_input_keeps_the_types() -> None:
    given_values = {"name": "x", "other": 4, "token": date(2026, 1, 31)}
    filled = programs.fill(job("run", input="json"), given_values, {})
    assert json.loads(filled.input) == {"name": "x", "other": 4, "token": "2026-01-31"}
    assert programs.fill(job("run"), given_values, {}).input == b""


def test_doubled_braces_and_what_is_no_name_stay_text() -> None:
    filled = programs.fill(job("awk", "{{name}}", "{print $1}", "{}", "{Name}", "a{b"), {"name": "x"}, {})
    assert filled.arguments == ("awk", "{name}", "{print $1}", "{}", "{Name}", "a{b")


@pytest.mark.parametrize("limit", [programs.ARGUMENT_LIMIT, programs.ARGUMENT_LIMIT + 1, 1_000_000])
def test_what_the_system_cannot_take_in_one_argument_is_refused(limit: int) -> None:
    definition, value = job("run", "--", "{name}"), "x" * limit
    if limit <= programs.ARGUMENT_LIMIT:
        assert programs.fill(definition, {"name": value}, {}).arguments[-1] == value
        return
    with pytest.raises(AgentError, match="at most 131,071") as refused:
        programs.fill(definition, {"name": value}, {})
    assert "input: json" in refused.value.hint
    assert json.loads(programs.fill(job("run", input="json"), {"name": value}, {}).input) == {"name": value}


@pytest.mark.parametrize("value", ["a\0b", "a\ud800b"])
@pytest.mark.parametrize("more", [{}, {"environment": {"NAME": "{name}"}}])
def test_what_no_program_can_be_given_is_refused(value: str, more: dict[str, Any]) -> None:
    command = ("run",) if more else ("run", "--", "{name}")
    with pytest.raises(AgentError, match="no program can be given"):
        programs.fill(job(*command, **more), {"name": value}, {})


@pytest.mark.parametrize("argument", ["{token}", "--token={token}", "x{token}y"])
def test_a_secret_in_an_argument_is_refused_by_check_and_at_run(argument: str) -> None:
    definition = job("run", argument, secret=("token",))
    assert programs.mistakes(definition)[0][0] == ("command", 1)
    assert "process list" in sentences(definition)
    with pytest.raises(AgentError, match="process list") as refused:
        programs.fill(definition, {"token": "hunter22"}, {})
    assert "hunter22" not in str(refused.value)


def test_a_secret_goes_by_environment_or_input() -> None:
    definition = job("run", environment={"TOKEN": "{token}"}, input="json", secret=("token",))
    assert programs.mistakes(definition) == []
    filled = programs.fill(definition, {"token": "hunter22"}, {})
    assert filled.environment == {"TOKEN": "hunter22"}
    assert b"hunter22" in filled.input
    assert not any("hunter22" in argument for argument in filled.arguments)


def test_the_workers_own_variables_are_handed_on_by_name_as_secrets() -> None:
    definition = job("run", environment={"KEY": "Bearer ${SHOP_KEY}"})
    filled = programs.fill(definition, {}, {"SHOP_KEY": "abcdef"})
    assert filled.environment == {"KEY": "Bearer abcdef"}
    assert filled.secrets == ("abcdef",)
    with pytest.raises(AgentError, match="needs SHOP_KEY"):
        programs.fill(definition, {}, {})


def test_a_value_that_looks_like_a_variable_is_not_looked_up() -> None:
    definition = job("run", environment={"NAME": "{name}"})
    filled = programs.fill(definition, {"name": "${SHOP_KEY}"}, {"SHOP_KEY": "abcdef"})
    assert filled.environment == {"NAME": "${SHOP_KEY}"}
    assert filled.secrets == ()


@pytest.mark.parametrize(
    ("definition", "place", "words"),
    [
        (job(), ("command",), "needs `command:`"),
        (job(""), ("command", 0), "names the executable"),
        (job("{name}"), ("command", 0), "cannot come from a parameter"),
        (job("run", "{nmae}"), ("command", 1), "Did you mean {name}?"),
        (job("run", "{zzzzzz}"), ("command", 1), "Write {{zzzzzz}}"),
        (job("run", "a\0"), ("command", 1), "NUL"),
        (job("run", "${SHOP_KEY}"), ("command", 1), "`environment:` only"),
        (job("run", environment={"A-B": "x"}), ("environment", "A-B"), "no name"),
        (job("run", environment={"LD_PRELOAD": "x"}), ("environment", "LD_PRELOAD"), "cannot be set"),
        (job("run", environment={"PATH": "x"}), ("environment", "PATH"), "cannot be set"),
        (job("run", environment={"SLASHJOB_RUN_ID": "x"}), ("environment", "SLASHJOB_RUN_ID"), "cannot be"),
        (job("run", environment={"A": "{nmae}"}), ("environment", "A"), "Did you mean {name}?"),
        (job("run", environment={"A": "x\0"}), ("environment", "A"), "NUL"),
        (job("run", environment={"A": "${DATABASE_URL}"}), ("environment", "A"), "no job gets it"),
        (job("run", environment={"A": "${SLACK_BOT_TOKEN}"}), ("environment", "A"), "no job gets it"),
    ],
)
def test_every_mistake_has_its_place(definition: JobDefinition, place: programs.Place, words: str) -> None:
    assert [found for found, sentence in programs.mistakes(definition) if words in sentence] == [place]
    with pytest.raises(AgentError) as refused:
        programs.fill(definition, {"name": "x"}, {})
    assert refused.value.permanent


def test_all_mistakes_are_reported_together() -> None:
    definition = job("{name}", "{zz}", environment={"PATH": "{zz}"})
    assert len(programs.mistakes(definition)) == 4
