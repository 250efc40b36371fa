"""What a card's buttons and inputs carry comes back as the line that they stand for, and as nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.teams import forms, inputs, limits
from adapters.teams.render import Look, Mention, activities
from core import commands
from core.commands import Command, Name
from core.errors import Misunderstood, NotAllowed
from core.messages import Button, Field, Form, Message, Option
from tests.channels.gallery import GALLERY

ANA = {"member-ana": Mention("29:ana", "Ana Souza")}


def card(message: Message, look: Look | None = None) -> dict[str, Any]:
    content = activities(message, mentions=ANA, look=look)[0]["attachments"][0]["content"]
    assert isinstance(content, dict)
    return content


def parts(value: Any, kind: str) -> Iterator[dict[str, Any]]:
    """Every part of a card whose type begins so, in order; not what stands in for another."""
    match value:
        case list():
            for one in value:
                yield from parts(one, kind)
        case dict():
            if str(value.get("type", "")).startswith(kind):
                yield value
            for key, one in value.items():
                if key not in ("data", "fallback"):
                    yield from parts(one, kind)


def executed(action: dict[str, Any], **filled: Any) -> dict[str, Any]:
    """The value of the invoke that a client sends for an action with these inputs."""
    sent = filled if action["associatedInputs"] == "auto" else {}
    return {
        "action": {"type": "Action.Execute", "verb": action["verb"], "data": {**sent, **action["data"]}},
        "trigger": "manual",
    }


def submitted(action: dict[str, Any], **filled: Any) -> dict[str, Any]:
    """The value of the message that an older client sends for the fallback."""
    sent = filled if action["fallback"]["associatedInputs"] == "auto" else {}
    return {**sent, **action["fallback"]["data"]}


def action(message: Message, title: str, look: Look | None = None) -> dict[str, Any]:
    return next(one for one in parts(card(message, look), "Action.Execute") if one["title"] == title)


def form(*fields: Field, command: str = "run weekly-report") -> Message:
    return Message(text="A form", form=Form("Run weekly-report", command, fields))


@pytest.mark.parametrize("name", GALLERY)
def test_every_button_of_the_gallery_comes_back_as_its_command(name: str) -> None:
    message = GALLERY[name]
    said = [one for one in parts(card(message), "Action.Execute") if one["verb"] == "say"]
    shown = [one.command for one in message.buttons]
    assert [forms.line(executed(one)) for one in said] == shown
    assert [forms.line(submitted(one)) for one in said] == shown


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_command_holds_survives_the_way_through_a_button(note: str, value: str) -> None:
    line = commands.spell(Command(Name.RUN, ("weekly-report",), values={"x": value}, options={"note": note}))
    made = action(Message(text="x", buttons=(Button("Go", line),)), "Go")
    assert forms.line(executed(made)) == line
    assert commands.parse(forms.line(submitted(made))) == commands.parse(line)


def test_a_filled_in_form_is_one_line() -> None:
    made = action(GALLERY["form"], "Run")
    filled = {"field:campaign_id": 42, "field:since": "2026-03-01", "field:region": "US"}
    wanted = "run weekly-report campaign_id=42 since=2026-03-01 region=US"
    assert forms.line(executed(made, **filled)) == wanted
    assert forms.line(submitted(made, **{**filled, "field:campaign_id": "42"})) == wanted


def test_what_no_picker_can_show_holds_where_nothing_is_chosen() -> None:
    made = action(GALLERY["form"], "Run")
    line = forms.line(executed(made, **{"field:campaign_id": "42", "field:since": "", "field:region": "EU"}))
    assert line == "run weekly-report campaign_id=42 since=-7d region=EU"


def test_a_time_is_a_date_and_a_time_of_day() -> None:
    made = action(form(Field("when", "When", "datetime")), "Run")
    both = executed(made, **{"field:when": "2026-03-30", "time:when": "08:15"})
    assert forms.line(both) == "run weekly-report when=2026-03-30T08:15"
    assert forms.line(executed(made, **{"field:when": "2026-03-30"})).endswith("when=2026-03-30T00:00")


@pytest.mark.parametrize(
    ("kind", "sent", "said"),
    [
        ("integer", 42, "42"),
        ("integer", 42.0, "42"),
        ("number", 0.5, "0.5"),
        ("number", "1e3", "1e3"),
        ("boolean", "yes", "yes"),
        ("boolean", True, "yes"),
        ("boolean", False, "no"),
        ("text", 'a "b" c', '"a \\"b\\" c"'),
        ("text", "42,43", '"42,43"'),
        ("secret", "s e", '"s e"'),
    ],
)
def test_each_kind_of_input_is_written_as_it_would_be_typed(kind: Any, sent: object, said: str) -> None:
    made = action(form(Field("x", "x", kind)), "Run")
    assert forms.line(executed(made, **{"field:x": sent})) == f"run weekly-report x={said}"


def test_several_values_start_several_runs() -> None:
    options = (Option("EU", "Europe"), Option("a,b", "Both"), Option("100%2C", "Percent"))
    message = form(Field("id", "id", "integer"), Field("region", "Region", "choice", options=options))
    asked = action(message, "Run for several values")
    assert forms.read(executed(asked)) == forms.Pressed("run weekly-report", "several")
    made = action(message, "Run", Look(several=True))
    chosen = next(parts(card(message, Look(several=True)), "Input.ChoiceSet"))["choices"]
    joined = ",".join(one["value"] for one in chosen)
    line = forms.line(executed(made, **{"field:id": "1..3,7", "field:region": joined}))
    assert line == 'run weekly-report id=1..3,7 region=EU,"a,b",100%2C'


@given(st.text(max_size=30))
def test_a_choice_comes_back_as_it_was(value: str) -> None:
    assert inputs.decoded(inputs.coded(value)) == value
    assert "," not in inputs.coded(value)


def test_a_form_that_is_put_away_says_nothing() -> None:
    made = executed(action(GALLERY["form"], "Cancel"))
    assert forms.read(made).does == "drop"
    with pytest.raises(Misunderstood, match="nothing was started"):
        forms.line(made)


def test_only_a_form_sends_its_inputs() -> None:
    """A card with required inputs would block every other button on it."""
    for one in parts(card(GALLERY["form"]), "Action."):
        wanted = "auto" if one["title"] == "Run" else "none"
        assert one["associatedInputs"] == one["fallback"]["associatedInputs"] == wanted


@pytest.mark.parametrize(
    "changed",
    [
        {"line": "cancel #129"},
        {"does": "drop"},
        {"does": "nonsense"},
        {"kinds": {"x": "text"}},
        {"more": "x"},
        {"sum": "0" * 16},
        {"line": 5},
    ],
)
def test_a_changed_payload_is_refused(changed: dict[str, Any]) -> None:
    value = executed(action(GALLERY["acknowledgement"], "Yes, cancel"))
    value = copy.deepcopy(value)
    value["action"]["data"]["slashjob"] |= changed
    with pytest.raises(Misunderstood, match="not one of mine"):
        forms.line(value)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"action": {}},
        {"action": {"data": None}},
        {"action": {"data": {"slashjob": "cancel #1"}}},
        {"slashjob": {"line": "cancel #1"}},
        {"slashjob": []},
        {"text": "run x"},
        None,
        "run x",
        [],
    ],
)
def test_what_is_no_payload_of_ours_is_refused(value: Any) -> None:
    with pytest.raises(Misunderstood, match="not one of mine"):
        forms.line(value)


def test_the_private_form_of_somebody_else_is_refused() -> None:
    made = executed(action(GALLERY["form"], "Cancel", Look(only_for="29:ana")))
    assert forms.read(made, "29:ana").does == "drop"
    with pytest.raises(NotAllowed, match="somebody else"):
        forms.read(made, "29:bob")


def test_a_form_of_a_command_that_is_gone_is_refused() -> None:
    made = action(form(Field("x", "x"), command="frobnicate it"), "Run")
    with pytest.raises(Misunderstood, match="no command"):
        forms.line(executed(made, **{"field:x": "1"}))


def test_mistakes_stand_at_their_fields_and_secrets_are_not_shown_again() -> None:
    body = card(GALLERY["form_with_errors"])["body"]
    place = next(i for i, one in enumerate(body) if one.get("id") == "field:campaign_id")
    assert body[place + 1]["inlines"][0] | {"size": ""} == {
        "type": "TextRun",
        "text": "not a whole number",
        "color": "Attention",
        "size": "",
        "weight": "Bolder",
    }
    secret = next(one for one in body if one.get("id") == "field:token")
    assert secret["style"] == "Password"
    assert "value" not in secret
    assert "read it" in str(body[body.index(secret) + 1])


def test_a_number_is_prefilled_only_where_no_digit_is_lost() -> None:
    shown = [
        next(parts(card(form(Field("n", "n", "integer", value=value))), "Input.Number")).get("value")
        for value in ("999999999999999", "9999999999999999", "-5", "x")
    ]
    assert shown == [999_999_999_999_999, None, -5, None]


@pytest.mark.parametrize(
    ("count", "kind", "style"),
    [
        (limits.FILTERED, "Input.ChoiceSet", "compact"),
        (limits.FILTERED + 1, "Input.ChoiceSet", "filtered"),
        (limits.CHOICES, "Input.ChoiceSet", "filtered"),
        (limits.CHOICES + 1, "Input.Text", None),
    ],
)
def test_a_large_set_is_searched_and_a_huge_one_is_typed(count: int, kind: str, style: str | None) -> None:
    options = tuple(Option(f"v{n}", f"{n}") for n in range(count))
    made = next(parts(card(form(Field("c", "c", "choice", options=options))), "Input."))
    assert (made["type"], made.get("style")) == (kind, style)


def test_menus_that_are_too_large_together_are_typed() -> None:
    options = tuple(Option(f"value-{n}" * 5, f"Label {n}") for n in range(limits.CHOICES))
    message = form(*(Field(f"c{n}", f"c{n}", "choice", options=options) for n in range(12)))
    made = activities(message, mentions={})
    assert len(made) == 1
    assert limits.size(made[0]) <= limits.ACTIVITY
    assert "and 292 more" in str(made)


def test_the_answers_to_an_invoke_are_what_teams_reads() -> None:
    assert forms.invoke_card({"type": "AdaptiveCard"}) == {
        "statusCode": 200,
        "type": "application/vnd.microsoft.card.adaptive",
        "value": {"type": "AdaptiveCard"},
    }
    assert forms.invoke_message("Done")["type"] == "application/vnd.microsoft.activity.message"
    assert forms.invoke_error("No", status=403, code="Forbidden") == {
        "statusCode": 403,
        "type": "application/vnd.microsoft.error",
        "value": {"code": "Forbidden", "message": "No"},
    }
