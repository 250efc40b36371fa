"""A plan says what applying would do: created, changed field by field, disabled, refused."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from core import jobfiles
from core.jobfiles import Effect, Standing, Workspace
from core.jobfiles.planning import Key

BASE = """\
sources: {shop: {url: sqlite:///shop.db}}
agents: {analyst: {kind: report, source: shop}}
jobs:
  budget:
    agent: analyst
    parameters: {a: {default: 1}, b: {default: 2}}
    questions:
      - {name: total, sql: select 1 as one}
      - {name: other, sql: select 2 as two}
    tags: [x]
"""


def read(text: str) -> Workspace:
    return jobfiles.read_text(dedent(text))


def stands(workspace: Workspace, **marks: Any) -> dict[Key, Standing]:
    made = jobfiles.plan({}, workspace)
    return {key: Standing(one, **marks) for key, one in made.wanted.items()}


def told(before: str, after: str, **marks: Any) -> list[str]:
    return jobfiles.lines(jobfiles.plan(stands(read(before), **marks), read(after)))


def test_everything_is_created_where_nothing_stands() -> None:
    made = jobfiles.plan({}, read(BASE))
    assert [(one.section, one.name, one.effect) for one in made.changes] == [
        ("sources", "shop", Effect.CREATED),
        ("agents", "analyst", Effect.CREATED),
        ("jobs", "budget", Effect.CREATED),
    ]
    assert jobfiles.lines(made) == ["+ source shop", "+ agent analyst", "+ job budget"]


def test_the_same_again_is_no_change() -> None:
    assert told(BASE, BASE) == ["No change (3 definitions)."]
    assert told(BASE, jobfiles.write(read(BASE))) == ["No change (3 definitions)."]


def test_a_change_is_told_field_by_field_with_the_defaults_it_leaves() -> None:
    after = BASE.replace(
        "tags: [x]", "tags: [x, y]\n    timeout: 5m\n    overlap: queue\n    channel: slack:#a"
    )
    after = after.replace("sql: select 2 as two", "ask: Why?, sql: select 2 as two")
    assert told(BASE, after) == [
        "~ job budget",
        "    questions.other.ask: none -> Why?",
        "    overlap.policy: skip -> queue",
        "    timeout: 1h -> 5m",
        "    channel: none -> slack:#a",
        '    tags: ["x"] -> ["x", "y"]',
        "2 unchanged.",
    ]


def test_added_and_removed_parts_are_named() -> None:
    after = BASE.replace("b: {default: 2}", "c: {type: integer}").replace("{name: other, ", "{name: third, ")
    assert told(BASE, after) == [
        "~ job budget",
        '    parameters.b: {"default": "2"} -> none',
        '    parameters.c: none -> {"type": "integer"}',
        '    questions.other: {"name": "other", "sql": "select 2 as two"} -> none',
        '    questions.third: none -> {"name": "third", "sql": "select 2 as two"}',
        "2 unchanged.",
    ]


def test_another_order_of_questions_or_parameters_is_a_change() -> None:
    one, two = (
        "      - {name: total, sql: select 1 as one}\n",
        "      - {name: other, sql: select 2 as two}\n",
    )
    after = BASE.replace(one + two, two + one).replace(
        "a: {default: 1}, b: {default: 2}", "b: {default: 2}, a: {default: 1}"
    )
    assert told(BASE, after) == [
        "~ job budget",
        "    parameters (order): a, b -> b, a",
        "    questions (order): total, other -> other, total",
        "2 unchanged.",
    ]


def test_a_changed_agent_or_source_changes_the_jobs_that_embed_it() -> None:
    after = BASE.replace("sqlite:///shop.db", "sqlite:///new.db").replace(
        "source: shop}", "source: shop, description: d}"
    )
    assert told(BASE, after) == [
        "~ source shop",
        "    url: sqlite:///shop.db -> sqlite:///new.db",
        "~ agent analyst",
        "    description: none -> d",
        "~ job budget",
        "    agent.description: none -> d",
        "    sources.shop.url: sqlite:///shop.db -> sqlite:///new.db",
    ]


def test_long_values_show_where_they_differ() -> None:
    long = "select " + ", ".join(f"c{number}" for number in range(60))
    lines = told(
        BASE.replace("select 1 as one", f"'{long}'"), BASE.replace("select 1 as one", f"'{long} from t'")
    )
    assert lines[1] == "    questions.total.sql: …57, c58, c59 -> …57, c58, c59 from t"


def test_what_no_file_has_any_more_is_disabled_once() -> None:
    without = "sources: {shop: {url: sqlite:///shop.db}}\n"
    assert told(BASE, without) == [
        "- agent analyst (disabled: no file has it)",
        "- job budget (disabled: no file has it)",
        "1 unchanged.",
    ]
    assert told(BASE, without, enabled=False)[-1] == "+ source shop (enabled again)"


def test_what_comes_back_is_enabled_again_with_its_changes() -> None:
    lines = told(BASE, BASE.replace("tags: [x]", "tags: [y]"), enabled=False)
    assert lines[-2:] == ["+ job budget (enabled again)", '    tags: ["x"] -> ["y"]']


def test_what_was_made_in_chat_is_left_alone() -> None:
    assert told(BASE, "sources: {}", origin="chat") == ["No change (0 definitions)."]
    assert told(BASE, BASE, origin="chat") == ["No change (3 definitions)."]


def test_a_file_that_would_change_what_was_made_in_chat_is_refused() -> None:
    made = jobfiles.plan(stands(read(BASE), origin="chat"), read(BASE.replace("[x]", "[y]")))
    assert [(one.name, one.effect) for one in made.refused] == [("budget", Effect.REFUSED)]
    assert jobfiles.lines(made)[0].startswith("! job budget (refused: it was made in chat")


def test_a_version_embeds_the_agent_and_every_source_that_is_named() -> None:
    text = BASE.replace("sources: {", "sources: {unused: {url: '${U}'}, second: {url: '${S}'}, ")
    made = jobfiles.version(
        "budget", read(text.replace("sql: select 2 as two", "source: second, sql: select 2 as two"))
    )
    assert list(made.sources) == ["shop", "second"]
    assert made.agent.source == "shop"
    assert made.name == "budget"
