"""What is written reads as the same workspace, in other YAML readers too, and holds no secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import jobfiles
from core.definitions import (
    AgentDefinition,
    Approval,
    Chart,
    Check,
    JobDefinition,
    NotifyRule,
    Overlap,
    Parameter,
    Question,
    QuietHours,
    Retry,
    Role,
    Schedule,
    SourceDefinition,
)
from core.jobfiles import Workspace

AWKWARD = ["", " ", "no", "null", "~", "12:30", "0x1F", "1e3", "42", "-1.5", "1_000", "2026-01-05", "=", "<<"]
AWKWARD += [
    "a: b",
    "- a",
    "? a",
    "*a",
    "&a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a`",
    "'",
    '"',
    "\\",
    "a\nb",
    "a\n",
]
AWKWARD += [
    "\na",
    " a\n b",
    "a \nb",
    "\n",
    "\n\n",
    "a\n\n\nb",
    "\ta",
    "a\r\nb",
    "a\x85b",
    "a\u2028b",
    "\ufeffa",
]
AWKWARD += ["é ☃ 😀", "{a}", "[a]", "a,b", "#a", "a #b", "x" * 300, "word " * 60, "---", "...", "yes # no"]
AWKWARD += ["select 1\n  from t\n where a = 'b'\n"]
TEXT = st.sampled_from(AWKWARD) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
)
WORD = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
DURATION = st.integers(1_000, 10**10).map(lambda ms: timedelta(milliseconds=ms))
NUMBER = st.floats(-1e9, 1e9) | st.integers(-(10**6), 10**6).map(float)
ATOM = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9)
JSON = st.recursive(
    ATOM | TEXT.filter(lambda text: "{" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def jobs(draw: st.DrawFn) -> JobDefinition:
    names = draw(st.lists(WORD, max_size=3, unique=True))
    parameters = {
        name: Parameter(
            description=draw(TEXT),
            default=draw(TEXT),
            choices=(),
        )
        for name in names
    }
    values = {name: draw(TEXT) for name in names}
    column = draw(TEXT)
    return JobDefinition(
        title=draw(TEXT),
        agent="analyst",
        parameters=parameters,
        questions=(
            Question(
                name="q",
                ask=draw(TEXT),
                sql="select 1\n" + draw(TEXT).replace(":", ""),
                chart=draw(st.none() | st.just(Chart(type="pie", x=column))),
                checks=(Check(name=draw(TEXT), column=column, op="!=", threshold=draw(NUMBER)),),
            ),
        ),
        schedules=(
            Schedule(
                every=timedelta(seconds=draw(st.integers(1, 10**6))), name=draw(WORD), parameters=dict(values)
            ),
        ),
        parameter_sets={"some": (values, {})} if names else {},
        overlap=draw(
            st.sampled_from([Overlap(), Overlap(policy="queue"), Overlap(scope="job+parameters", cap=3)])
        ),
        timeout=draw(DURATION),
        retry=Retry(attempts=draw(st.integers(1, 20)), backoff=draw(st.floats(1, 10))),
        notify=draw(st.sampled_from([(), (NotifyRule(),), (NotifyRule(to=("slack:#x",), if_="q.a > 1"),)])),
        tags=tuple(draw(st.lists(TEXT, max_size=3))),
        rerun_interrupted=draw(st.booleans()),
        remind_every=draw(st.none() | DURATION),
        pause_after=draw(st.none() | st.integers(1, 9)),
        approval=draw(st.none() | st.just(Approval(by=Role.ADMIN))),
        quiet_hours=draw(st.none() | st.just(QuietHours(start="22:00", end="07:00"))),
        post_if=draw(st.sampled_from(["", "rows > 0", "not failed"])),
    )


@st.composite
def workspaces(draw: st.DrawFn) -> Workspace:
    services = {
        "ping": JobDefinition(agent="service", path="/x", body=draw(st.dictionaries(TEXT, JSON, max_size=3)))
    }
    return Workspace(
        sources={"shop": SourceDefinition(url="sqlite:///shop.db", description=draw(TEXT))},
        agents={
            "analyst": AgentDefinition(kind="report", source="shop", description=draw(TEXT)),
            "service": AgentDefinition(kind="http", url="https://example.com"),
        },
        jobs={"report": draw(jobs()), **services},
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(workspaces())
def test_what_is_written_reads_as_the_same(workspace: Workspace) -> None:
    text = jobfiles.write(workspace)
    assert jobfiles.read_text(text) == workspace
    assert jobfiles.write(jobfiles.read_text(text)) == text


@pytest.mark.parametrize("text", AWKWARD)
def test_other_readers_see_the_same_text(text: str) -> None:
    made = Workspace(
        agents={"service": AgentDefinition(kind="http", url="https://example.com", description="d")},
        jobs={
            "j": JobDefinition(
                agent="service", title=text or "x", tags=(text,), body={"a": text, text: [text]}
            )
        },
    )
    if not text.strip():
        made = Workspace(agents=made.agents, jobs={"j": JobDefinition(agent="service", tags=(text,))})
    loaded: Any = yaml.safe_load(jobfiles.write(made))["jobs"]["j"]
    assert loaded["tags"] == [text]
    if text.strip():
        assert loaded["title"] == text
        assert loaded["body"] == {"a": text, text: [text]}


def test_defaults_are_left_out_and_names_sorted() -> None:
    made = Workspace(
        sources={
            "b": SourceDefinition(url="${B}"),
            "a": SourceDefinition(url="${A}", timeout=timedelta(minutes=2)),
        },
        agents={"x": AgentDefinition(kind="report", source="a")},
        jobs={
            "j": JobDefinition(
                agent="x",
                parameters={
                    "z": Parameter(type="integer", default=7, min=1),
                    "a": Parameter(default="07", choices=("07", "no")),
                },
                questions=(Question(name="q", sql="select 1\nfrom t"),),
                overlap=Overlap(policy="queue"),
                timeout=timedelta(minutes=5),
            )
        },
    )
    assert jobfiles.write(made) == (
        "sources:\n"
        "  a: {url: '${A}', timeout: 2m}\n"
        "  b: {url: '${B}'}\n"
        "agents:\n"
        "  x: {kind: report, source: a}\n"
        "jobs:\n"
        "  j:\n"
        "    agent: x\n"
        "    parameters:\n"
        "      z: {type: integer, default: 7, min: 1}\n"
        "      a: {default: '07', choices: ['07', 'no']}\n"
        "    questions:\n"
        "      - name: q\n"
        "        sql: |-\n"
        "          select 1\n"
        "          from t\n"
        "    overlap: {policy: queue}\n"
        "    timeout: 5m\n"
    )


def test_nothing_is_an_empty_mapping() -> None:
    assert jobfiles.write(Workspace()) == "{}\n"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("postgresql://me:hunter2@db/x", "postgresql://me:${MY_DB_PASSWORD}@db/x"),
        ("postgresql://me:hun@ter2@db/x", "postgresql://me:${MY_DB_PASSWORD}@db/x"),
        ("postgresql://me@db/x?password=hunter2&a=b", "postgresql://me@db/x?password=${MY_DB_PASSWORD}&a=b"),
        ("postgresql://me:${PW}@db/x", "postgresql://me:${PW}@db/x"),
        ("${USER}:hunter2@db/x", "${MY_DB_URL}"),
        ("postgresql://me:hunter2@db:port/x", "${MY_DB_URL}"),
    ],
)
def test_no_password_is_ever_written(url: str, written: str) -> None:
    text = jobfiles.write(Workspace(sources={"my-db": SourceDefinition(url=url)}))
    assert "hunter2" not in text
    assert jobfiles.read_text(text).sources["my-db"].url == written


def test_no_value_of_a_secret_parameter_is_ever_written() -> None:
    secret = {"token": "hunter2", "region": "EU"}
    made = Workspace(
        agents={"x": AgentDefinition(kind="python")},
        jobs={
            "j": JobDefinition(
                agent="x",
                parameters={
                    "token": Parameter(secret=True, default="hunter2"),
                    "region": Parameter(default="EU"),
                },
                parameter_sets={"s": (dict(secret),)},
                schedules=(Schedule(when="@daily", parameters=dict(secret)),),
            )
        },
    )
    text = jobfiles.write(made)
    assert "hunter2" not in text
    assert text.count("region: EU") == 2
