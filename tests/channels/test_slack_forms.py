"""Forms in Slack: opened, prefilled, refused at the field, submitted as one line; shortcuts; too late."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import filled, forms
from adapters.slack.forms import Place
from core.commands import parse
from core.messages import Field, Form, Option
from core.parameters import Fan, Range
from core.store import tables
from tests.channels import slack_schema
from tests.channels.slack_office import Scene, button, in_view, mention, submission, words

PARAMETERS = {
    "campaign": {"type": "integer", "min": 1, "description": "which one"},
    "since": {"type": "date", "default": "-7d"},
    "region": {"choices": ["EU", "US"], "default": "EU"},
    "draft": {"type": "boolean", "default": False},
    "note": {"default": "none"},
    "key": {"secret": True, "default": "k"},
}


async def job(scene: Scene) -> None:
    await scene.bot.job("weekly", parameters=PARAMETERS)


def inputs(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["block_id"]: one["element"] for one in view["blocks"] if one["type"] == "input"}


def opened(scene: Scene) -> dict[str, Any]:
    return list(scene.slack.views.values())[-1]


async def parameters(scene: Scene) -> list[dict[str, Any]]:
    return [row.parameters for row in await scene.bot.rows(tables.runs)]


async def test_a_command_with_something_missing_opens_a_form_with_typed_inputs(scene: Scene) -> None:
    await job(scene)
    status, answer = await scene.bot.slash("run weekly region=US draft=yes", scene.channel, scene.ana)
    assert (status, answer) == (200, {})
    view = opened(scene)
    made = inputs(view)
    assert {block: one["type"] for block, one in made.items()} == {
        "field:campaign": "number_input",
        "field:since": "datepicker",
        "field:region": "static_select",
        "field:draft": "checkboxes",
        "field:note": "plain_text_input",
        "field:key": "plain_text_input",
    }
    assert made["field:region"]["initial_option"]["value"] == "US"
    assert made["field:draft"]["initial_options"][0]["value"] == "yes"
    assert "Left empty: -7d" in words(view["blocks"])
    assert "initial_value" not in made["field:key"]
    assert await scene.batches() == 0


async def test_a_submitted_form_runs_its_line_where_it_was_asked_for(scene: Scene) -> None:
    await job(scene)
    await scene.bot.slash("run weekly region=US", scene.channel, scene.ana)
    values: dict[str, dict[str, Any]] = {
        "field:campaign": {"type": "number_input", "value": "42"},
        "field:since": {"type": "datepicker", "selected_date": None},
        "field:region": {"type": "static_select", "selected_option": {"value": "US"}},
        "field:draft": {"type": "checkboxes", "selected_options": []},
        "field:note": {"type": "plain_text_input", "value": "a, b = ‘c’ | --d"},
    }
    sent = submission(scene.slack, opened(scene), values, scene.ana)
    status, answer = await scene.bot.interact(sent)
    assert (status, answer) == (200, {"response_action": "clear"})
    await scene.bot.interact(sent)
    (given_,) = await parameters(scene)
    assert given_ | {"key": ""} == {
        "campaign": 42,
        "since": "-7d",
        "region": "US",
        "draft": False,
        "note": "a, b = ‘c’ | --d",
        "key": "",
    }
    (row,) = await scene.bot.deliveries()
    assert row.address == scene.channel


async def test_mistakes_are_shown_at_their_fields(scene: Scene) -> None:
    await job(scene)
    await scene.bot.slash("run weekly", scene.channel, scene.ana)
    values: dict[str, dict[str, Any]] = {
        "field:campaign": {"type": "number_input", "value": "0"},
        "field:since": {"type": "datepicker", "selected_date": "2026-01-31"},
    }
    _, answer = await scene.bot.interact(submission(scene.slack, opened(scene), values, scene.ana))
    assert answer["response_action"] == "errors"
    assert list(answer["errors"]) == ["field:campaign"]
    _, answer = await scene.bot.interact(submission(scene.slack, opened(scene), {}, scene.ana))
    assert answer["errors"] == {"field:campaign": "'campaign' is required."}
    assert await scene.batches() == 0


async def test_a_form_that_is_refused_says_so_in_its_place(scene: Scene) -> None:
    await job(scene)
    await scene.bot.slash("run weekly", scene.channel, scene.ana)
    gina = scene.slack.person("Gina", restricted=True)
    values = {"field:campaign": {"type": "number_input", "value": "42"}}
    _, answer = await scene.bot.interact(submission(scene.slack, opened(scene), values, gina))
    assert answer["response_action"] == "update"
    assert slack_schema.view_mistakes(answer["view"]) == []
    assert "Only an operator can" in words(answer)
    assert await scene.batches() == 0


async def test_a_late_trigger_leaves_a_button_that_opens_the_form(scene: Scene) -> None:
    await job(scene)
    said = scene.slack.slash("run weekly region=US", scene.channel, scene.ana)
    scene.slack.forward(4)
    _, answer = await scene.bot.send_form(said)
    assert scene.slack.views == {}
    (fill,) = [
        one
        for block in answer["blocks"]
        for one in block.get("elements", ())
        if one.get("action_id") == "fill:0"
    ]
    pressed = button(scene.slack, fill["value"], scene.ana, channel=scene.channel, action="fill:0")
    assert (await scene.bot.interact(pressed))[0] == 200
    assert inputs(opened(scene))["field:region"]["initial_option"]["value"] == "US"


async def test_a_form_for_several_values_starts_a_run_for_each(scene: Scene) -> None:
    await job(scene)
    await scene.bot.slash("run weekly", scene.channel, scene.ana)
    view = opened(scene)
    state = {"values": {"field:note": {"value": {"type": "plain_text_input", "value": "kept"}}}}
    press = in_view(
        scene.slack,
        {**view, "state": state},
        scene.ana,
        type="block_actions",
        actions=[{"action_id": "several", "block_id": "several", "type": "button", "value": "several"}],
    )
    assert (await scene.bot.interact(press))[0] == 200
    several = opened(scene)
    made = inputs(several)
    assert made["field:region"]["type"] == "multi_static_select"
    assert made["field:campaign"]["type"] == "plain_text_input"
    assert made["field:note"]["initial_value"] == "kept"
    values: dict[str, dict[str, Any]] = {
        "field:campaign": {"type": "plain_text_input", "value": "42, 50..51"},
        "field:region": {
            "type": "multi_static_select",
            "selected_options": [{"value": "EU"}, {"value": "US"}],
        },
    }
    await scene.bot.interact(submission(scene.slack, several, values, scene.ana))
    found = {(one["campaign"], one["region"]) for one in await parameters(scene)}
    assert found == {(number, region) for number in (42, 50, 51) for region in ("EU", "US")}


async def test_many_choices_are_searched(scene: Scene) -> None:
    choices = [f"shop-{number}" for number in range(150)]
    await scene.bot.job("shops", parameters={"shop": {"choices": choices}})
    await scene.bot.slash("run shops", scene.channel, scene.ana)
    view = opened(scene)
    assert inputs(view)["field:shop"]["type"] == "external_select"
    asked = in_view(
        scene.slack,
        view,
        scene.ana,
        type="block_suggestion",
        action_id="value",
        block_id="field:shop",
        value="shop-14",
    )
    _, answer = await scene.bot.interact(asked)
    assert [one["value"] for one in answer["options"]] == ["shop-14", *(f"shop-14{n}" for n in range(10))]


async def test_the_global_shortcut_asks_for_the_job_and_the_place(scene: Scene) -> None:
    await job(scene)
    asked = in_view(scene.slack, {}, scene.ana, type="shortcut", callback_id="run_job")
    asked.pop("view")
    await scene.bot.interact(asked)
    view = opened(scene)
    assert {one["type"] for one in inputs(view).values()} == {"external_select", "conversations_select"}
    search = in_view(
        scene.slack, view, scene.ana, type="block_suggestion", action_id="job", block_id="job", value=""
    )
    _, found = await scene.bot.interact(search)
    assert [one["value"] for one in found["options"]] == ["report", "weekly"]
    picked: dict[str, dict[str, Any]] = {
        "job": {"type": "external_select", "selected_option": {"value": "weekly"}},
        "place": {"type": "conversations_select", "selected_conversation": scene.channel},
    }
    _, answer = await scene.bot.interact(submission(scene.slack, view, picked, scene.ana))
    assert answer["response_action"] == "update"
    assert slack_schema.view_mistakes(answer["view"]) == []
    values = {"field:campaign": {"type": "number_input", "value": "42"}}
    await scene.bot.interact(submission(scene.slack, answer["view"], values, scene.ana))
    (row,) = await scene.bot.deliveries()
    assert (row.address, row.thread) == (scene.channel, "")


async def test_a_message_shortcut_answers_in_that_messages_thread(scene: Scene) -> None:
    ts = scene.slack.ts()
    asked = in_view(scene.slack, {}, scene.ana, type="message_action", callback_id="run_job_here")
    asked.pop("view")
    await scene.bot.interact(asked | {"channel": {"id": scene.channel}, "message": {"ts": ts, "text": "x"}})
    view = opened(scene)
    assert list(inputs(view)) == ["job"]
    picked: dict[str, dict[str, Any]] = {
        "job": {"type": "external_select", "selected_option": {"value": "report"}}
    }
    await scene.bot.interact(submission(scene.slack, view, picked, scene.ana))
    (row,) = await scene.bot.deliveries()
    assert (row.address, row.thread) == (scene.channel, ts)


async def test_values_that_look_like_commands_stay_values_and_ping_nobody(scene: Scene) -> None:
    await job(scene)
    await scene.bot.slash("run weekly", scene.channel, scene.ana)
    for value in ("; touch P", "$(touch P)", "`touch P`", "--flag", "{{7*7}}", "%0a", "<!channel>", "<@U1>"):
        values: dict[str, dict[str, Any]] = {
            "field:campaign": {"type": "number_input", "value": "42"},
            "field:note": {"type": "plain_text_input", "value": value},
        }
        sent = submission(scene.slack, opened(scene), values, scene.ana)
        await scene.bot.interact(sent)
        await scene.ended(len(await scene.bot.rows(tables.runs)))
    found = [one["note"] for one in await parameters(scene)]
    assert found[:2] == ["; touch P", "$(touch P)"]
    assert len(found) == 8
    typed = "run weekly campaign=1 note=&lt;!channel&gt; region=&lt;@U1&gt;"
    await scene.bot.event(mention(scene.slack, typed, scene.channel, scene.ana))
    told = words(scene.slack.ephemerals[-1]["text"])
    assert "<!channel>" not in told
    assert "<@U1>" not in told


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)


@given(value=TEXTS, several=st.booleans())
@settings(max_examples=150)
def test_what_is_filled_in_is_what_the_line_says(value: str, several: bool) -> None:
    form = Form("Weekly", "run weekly --note x", (Field("note", "note"),))
    view = forms.modal(form, Place(channel="C1"), several=several)
    state = {"field:note": {"value": {"type": "plain_text_input", "value": value}}}
    command = parse(filled.line({**view, "state": {"values": state}}))
    if several and ("," in value or ".." in value):
        assert "note" in command.values
    else:
        wanted = value.strip() if several else value
        assert command.values == {"note": wanted}
    assert command.options == {"note": "x"}


@pytest.mark.parametrize(
    ("text", "given_"), [("42,43", Fan(("42", "43"))), ("1..3", Fan((Range("1", "3"),)))]
)
def test_several_values_are_read_as_in_a_line(text: str, given_: Fan) -> None:
    view = forms.modal(Form("x", "run x", (Field("n", "n", "integer"),)), Place(), several=True)
    state = {"field:n": {"value": {"type": "plain_text_input", "value": text}}}
    assert parse(filled.line({**view, "state": {"values": state}})).values == {"n": given_}


KINDS = ("text", "integer", "number", "boolean", "date", "datetime", "choice", "secret")


@given(
    fields=st.lists(
        st.builds(
            Field,
            name=st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True),
            label=st.text(max_size=3000),
            kind=st.sampled_from(KINDS),
            required=st.booleans(),
            value=st.one_of(
                st.text(max_size=4000),
                st.sampled_from(["", "yes", "no", "42", "1.5", "-7d", "2026-01-31", "2026-01-31T09:00Z"]),
            ),
            options=st.lists(
                st.builds(Option, value=st.text(max_size=200), label=st.text(max_size=200)), max_size=120
            ).map(tuple),
            hint=st.text(max_size=3000),
            error=st.text(max_size=3000),
        ),
        max_size=8,
        unique_by=lambda one: one.name,
    ),
    title=st.text(max_size=80),
    several=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_form_is_a_view_that_slack_takes(fields: list[Field], title: str, several: bool) -> None:
    made = [one for one in fields if len({option.value for option in one.options}) == len(one.options)]
    view = forms.modal(Form(title, "run x", tuple(made)), Place(channel="C1"), several=several)
    assert slack_schema.view_mistakes(view) == []
    json.dumps(view)


def test_a_command_that_is_too_long_for_a_form_has_to_be_typed() -> None:
    with pytest.raises(forms.TooLong):
        forms.modal(Form("x", f"run x a={'y' * 3000}", ()), Place())
