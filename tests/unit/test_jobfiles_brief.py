"""One key of a job as a single text: brief where that says everything, else the YAML of a file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import jobfiles
from core.definitions import AgentDefinition, JobDefinition, SourceDefinition
from core.jobfiles import Workspace, brief

AROUND = Workspace(
    {"shop": SourceDefinition(url="sqlite:///x.db")}, {"a": AgentDefinition(kind="report", source="shop")}
)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("title", " Weekly: report ", "Weekly: report"),
        ("title", "  ", None),
        ("timeout", "10m", "10m"),
        ("parameters", "word", {"word": {}}),
        ("parameters", "word\nname", {"word": {}, "name": {}}),
        (
            "parameters",
            "id: integer\nsince: date = -7d\nregion: EU | US = EU\nkey: secret\nn: {type: integer, min: 1}",
            {
                "id": {"type": "integer"},
                "since": {"type": "date", "default": "-7d"},
                "region": {"choices": ["EU", "US"], "default": "EU"},
                "key": {"secret": True},
                "n": {"type": "integer", "min": 1},
            },
        ),
        ("questions", "select 1", [{"name": "result", "sql": "select 1"}]),
        (
            "questions",
            "total: select a::int\n  from x\n\ndays:\nselect 2",
            [{"name": "total", "sql": "select a::int\n  from x"}, {"name": "days", "sql": "select 2"}],
        ),
        ("questions", "- {name: a, sql: select 1}", [{"name": "a", "sql": "select 1"}]),
        (
            "schedules",
            "every weekday at 8:30\nmonthly: @first-weekday 07:30",
            [{"when": "every weekday at 8:30"}, {"name": "monthly", "when": "@first-weekday 07:30"}],
        ),
        ("schedules", "[{every: 45m}]", [{"every": "45m"}]),
        (
            "notify",
            "failed_run, anomaly to slack:#ops, origin if total.total < 10\ncompleted_run to origin",
            [
                {
                    "topics": ["failed_run", "anomaly"],
                    "to": ["slack:#ops", "origin"],
                    "if": "total.total < 10",
                },
                {"topics": ["completed_run"], "to": ["origin"]},
            ],
        ),
        ("command", "/bin/x --c {id}\n 'a b'", ["/bin/x", "--c", "{id}", "a b"]),
        ("command", "[/bin/x, 'a b']", ["/bin/x", "a b"]),
        ("environment", "REGION={region}\nA=b=c", {"REGION": "{region}", "A": "b=c"}),
        ("environment", "REGION: '{region}'", {"REGION": "{region}"}),
        ("tags", "a, b", ["a", "b"]),
        (
            "body",
            '{"n": 1, "who": "{id}", "deep": [true, null, 1.50]}',
            {"n": 1, "who": "{id}", "deep": [True, None, "1.50"]},
        ),
        ("overlap", "queue", "queue"),
        ("retry", "{attempts: 3}", {"attempts": 3}),
    ],
)
def test_a_text_is_read_as_the_value_that_a_file_would_have(key: str, text: str, value: Any) -> None:
    assert brief.read(key, text) == value


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("parameters", "- a\n- b", "a parameter is a line such as"),
        ("parameters", "a: {type: integer", "this is not YAML"),
        ("parameters", "a: integer\na: date", "twice"),
        ("notify", "tell ops", "a rule is a line such as"),
        ("command", "/bin/x 'a", "a quote is not closed"),
        ("body", "{a: *b}", "alias"),
    ],
)
def test_a_text_that_cannot_be_read_says_why(key: str, text: str, said: str) -> None:
    with pytest.raises(brief.Unfit, match=said):
        brief.read(key, text)


FULL: dict[str, Any] = {
    "agent": "a",
    "title": "Weekly",
    "parameters": {
        "id": {"type": "integer"},
        "since": {"type": "date", "default": "-7d"},
        "region": {"choices": ["EU", "US"], "default": "EU"},
        "key": {"secret": True},
    },
    "questions": [{"name": "total", "sql": "select :id as n\nfrom x"}, {"name": "days", "sql": "select 2"}],
    "schedules": [{"name": "a", "when": "@daily"}, {"when": "0 8 * * 1"}],
    "notify": [{"topics": ["failed_run"], "to": ["slack:#ops"], "if": "total.n < 3"}, {}],
    "tags": ["x", "y"],
    "overlap": {"policy": "queue"},
    "timeout": "10m",
}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("title", "Weekly"),
        ("parameters", "id: integer\nsince: date = -7d\nregion: EU | US = EU\nkey: secret"),
        ("questions", "total: select :id as n\nfrom x\ndays: select 2"),
        ("schedules", "a: @daily\n0 8 * * 1"),
        ("notify", "failed_run to slack:#ops if total.n < 3\ncompleted_run, failed_run to origin"),
        ("tags", "x, y"),
        ("timeout", "10m"),
        ("overlap", "queue"),
    ],
)
def test_a_value_is_written_briefly_where_that_says_everything(key: str, text: str) -> None:
    job = JobDefinition.model_validate(FULL)
    assert brief.write(key, getattr(job, key)) == text


@pytest.mark.parametrize(
    "more",
    [
        {},
        {
            "parameters": {
                "id": {"type": "integer", "min": 1, "description": "x: y"},
                "s": {"default": "a = b | c"},
            }
        },
        {"questions": [{"name": "total", "sql": "select 1\nx: y", "ask": "How much?"}]},
        {"questions": [{"name": "total", "sql": "select 1 -- no\nabc: def"}]},
        {"schedules": [{"every": "45m", "jitter": "5m"}]},
        {"notify": [{"level": "error"}]},
        {"parameters": {"s": {"default": ""}, "t": {"default": " x "}, "u": {"choices": ["a|b"]}}},
        {"retry": {"attempts": 3}, "approval": {"above": 3}, "access": {"run": "editor"}},
    ],
)
def test_what_is_written_is_read_as_the_same_job(more: dict[str, Any]) -> None:
    job = JobDefinition.model_validate(FULL | more)
    texts = {key: brief.write(key, getattr(job, key)) for key in JobDefinition.model_fields}
    again = {key: value for key, one in texts.items() if (value := brief.read(key, one)) is not None}
    judged = jobfiles.judge("x", again, AROUND)
    assert judged.job == job


SCALARS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    default=SCALARS,
    choices=st.lists(SCALARS, max_size=3, unique=True),
    sql=SCALARS,
    command=st.lists(SCALARS, max_size=4),
)
def test_whatever_stands_in_a_value_comes_back(
    default: str, choices: list[str], sql: str, command: list[str]
) -> None:
    job = JobDefinition.model_validate(
        {
            "agent": "a",
            "parameters": {"p": {"default": default}, "q": {"choices": choices}},
            "questions": [{"name": "one", "sql": sql}],
            "command": command,
            "body": {"k": [default, 1, None, True]},
        }
    )
    for key in ("parameters", "questions", "command", "body"):
        again = brief.read(key, brief.write(key, getattr(job, key)))
        judged = jobfiles.judge("x", {"agent": "a", key: again}, AROUND).job
        assert judged is not None
        assert getattr(judged, key) == getattr(job, key)
