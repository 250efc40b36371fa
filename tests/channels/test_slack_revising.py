"""`/job new` and `/job edit` in Slack: modals, mistakes at their fields, the next instants before saving."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.slack import forms
from adapters.slack.forms import Place, TooLong
from core import people, revisions, workspaces
from core.definitions import AgentDefinition, JobDefinition, Role, SourceDefinition
from core.jobfiles import Workspace
from core.messages import Field, Form
from core.store import tables
from core.turns import Turn
from tests.channels import slack_schema
from tests.channels.slack_office import Scene, button, mention, submission, words

Payload = dict[str, Any]

AGENTS = {
    "analyst": AgentDefinition(kind="report", source="shop"),
    "shell": AgentDefinition(kind="command", description="runs programs"),
}
FOUND = Workspace({"shop": SourceDefinition(url="sqlite:///shop.db")}, AGENTS)


@pytest.fixture
async def office(scene: Scene) -> Scene:
    """The scene with two agents; Ana is an editor."""
    await scene.bot.slash("list", scene.channel, scene.ana)

    async def work(turn: Turn) -> None:
        rig = scene.bot
        await workspaces.apply(turn, rig.alice, FOUND, vault=rig.vault)
        ana = await people.find(turn, rig.organization, "Ana")
        await people.give_role(turn, rig.alice, ana, Role.EDITOR)

    await scene.bot.turns.take(work)
    return scene


def typed(text: str) -> Payload:
    return {"type": "plain_text_input", "value": text}


def chosen(value: str) -> Payload:
    return {"type": "static_select", "selected_option": {"value": value}}


def opened(scene: Scene) -> Payload:
    return list(scene.slack.views.values())[-1]


def inputs(view: Payload) -> dict[str, Payload]:
    return {one["block_id"]: one["element"] for one in view["blocks"] if one["type"] == "input"}


def untouched(view: Payload) -> dict[str, Payload]:
    """What Slack sends of inputs that nobody touched."""
    made: dict[str, Payload] = {}
    for block, one in inputs(view).items():
        if one["type"] == "static_select":
            made[block] = {"type": "static_select", "selected_option": one.get("initial_option")}
        else:
            made[block] = {"type": one["type"], "value": one.get("initial_value")}
    return made


async def submit(scene: Scene, view: Payload, **filled: Payload) -> Payload:
    values = untouched(view) | {f"field:{name}": one for name, one in filled.items()}
    status, answer = await scene.bot.interact(submission(scene.slack, view, values, scene.ana))
    assert status == 200
    if "view" in answer:
        assert slack_schema.view_mistakes(answer["view"]) == []
    return answer


async def jobs(scene: Scene) -> list[str]:
    return [row.name for row in await scene.bot.rows(tables.jobs) if row.origin == "chat"]


async def test_a_job_is_made_in_three_steps_of_one_modal(office: Scene) -> None:
    status, answer = await office.bot.slash("new", office.channel, office.ana)
    assert (status, answer) == (200, {})
    first = opened(office)
    assert {block: one["type"] for block, one in inputs(first).items()} == {
        "field:name": "plain_text_input",
        "field:agent": "static_select",
    }
    assert "shell (command): runs programs" in words(first)
    answer = await submit(office, first, name=typed("greet"), agent=chosen("shell"))
    assert answer["response_action"] == "update"
    second = answer["view"]
    made = inputs(second)
    assert made["field:command"] == {
        "type": "plain_text_input",
        "action_id": "value",
        "multiline": True,
        "max_length": 3000,
    }
    assert made["field:overlap"]["initial_option"]["value"] == "skip"
    assert made["field:channel"]["initial_value"] == f"slack:{office.channel}"
    assert "Run for several values" not in words(second)
    work = {"command": typed("/bin/echo {word}"), "parameters": typed("word: string = hello")}
    answer = await submit(office, second, **work, schedules=typed("every weekday at 8"))
    assert answer["response_action"] == "update"
    third = answer["view"]
    assert "(Europe/Amsterdam): next " in words(third["blocks"][0])
    assert inputs(third)["field:parameters"]["initial_value"] == "word: string = hello"
    assert await jobs(office) == []
    answer = await submit(office, third)
    assert "greet is made." in words(answer)
    assert await jobs(office) == ["greet"]
    (row,) = await office.bot.rows(tables.schedules)
    assert row.zone == "Europe/Amsterdam"


async def test_mistakes_of_a_job_are_shown_at_their_fields(office: Scene) -> None:
    await office.bot.slash("new greet agent=shell", office.channel, office.ana)
    answer = await submit(office, opened(office), timeout=typed("soon"), command=typed("/bin/echo {word}"))
    assert answer["response_action"] == "errors"
    assert answer["errors"].keys() == {"field:timeout", "field:command"}
    await office.bot.slash("new", office.channel, office.ana)
    answer = await submit(office, opened(office), name=typed("Bad Name"), agent=chosen("shell"))
    assert answer["errors"].keys() == {"field:name"}
    assert await jobs(office) == []


async def make(scene: Scene, **written: Any) -> None:
    job = {"agent": "shell", "command": ["/bin/true"], "description": "does nothing"} | written
    await scene.bot.turns.take(lambda turn: revisions.make(turn, scene.bot.alice, "idle", job))


async def definition(scene: Scene) -> JobDefinition:
    row = [one for one in await scene.bot.rows(tables.job_versions) if one.definition["name"] == "idle"][-1]
    return JobDefinition.model_validate(row.definition["job"])


async def test_an_edit_changes_what_was_changed_and_clears_what_was_cleared(office: Scene) -> None:
    await make(office, tags=["x"])
    await office.bot.slash("edit idle", office.channel, office.ana)
    view = opened(office)
    assert inputs(view)["field:description"]["initial_value"] == "does nothing"
    answer = await submit(office, view, description=typed(""), timeout=typed("10m"))
    assert "timeout: 1h -&gt; 10m" in words(answer) or "timeout: 1h -> 10m" in words(answer)
    job = await definition(office)
    assert (job.description, job.tags, job.timeout.total_seconds()) == ("", ("x",), 600)
    answer = await submit(office, view, timeout=typed("20m"))
    assert "it is at version 2 now" in words(answer)


async def test_a_mention_has_no_trigger_and_gets_a_button_that_opens_the_form(office: Scene) -> None:
    await make(office)
    for line in ("edit idle", "new greet agent=shell timeout=soon"):
        await office.bot.event(mention(office.slack, line, office.channel, office.ana))
        told = office.slack.ephemerals[-1]
        fill = next(
            one
            for block in told["blocks"]
            if block["type"] == "actions"
            for one in block["elements"]
            if one["action_id"].startswith("fill:")
        )
        seen = len(office.slack.views)
        pressed = button(
            office.slack, fill["value"], office.ana, channel=office.channel, action=fill["action_id"]
        )
        await office.bot.interact(pressed)
        assert len(office.slack.views) == seen + 1, "it opens the form, and saves nothing"
    assert await jobs(office) == ["idle"]


async def test_what_is_longer_than_an_input_takes_stays_as_it_is_and_the_rest_can_be_edited(
    office: Scene,
) -> None:
    await make(office, description="x" * 3_001, title="Old")
    assert await office.bot.slash("edit idle", office.channel, office.ana) == (200, {})
    view = opened(office)
    assert "field:description" not in inputs(view)
    assert "To change it, say it in one line: /job edit idle description=…" in words(view["blocks"][0])
    answer = await submit(office, view, timeout=typed("soon"))
    assert answer["errors"].keys() == {"field:timeout"}
    answer = await submit(office, view, schedules=typed("every weekday at 8"))
    shown = answer["view"]
    assert "description=…" in words(shown["blocks"][0])
    assert "next " in words(shown["blocks"][0])
    await submit(office, shown, title=typed("New"), timeout=typed("10m"))
    job = await definition(office)
    assert (job.title, job.timeout.total_seconds(), job.description) == ("New", 600, "x" * 3_001)
    await office.bot.event(
        mention(office.slack, f"edit idle description={'y' * 3_002}", office.channel, office.ana)
    )
    assert (await definition(office)).description == "y" * 3_002


def test_a_form_holds_what_an_input_takes_to_the_last_letter() -> None:
    fits = Form("Edit", "edit x --filled", (Field("a", "A", "lines", value="y" * 3_000),), again="edit x")
    assert forms.modal(fits, Place())
    made = Form("Make", "new x --filled", (Field("a", "A", "lines", value="y" * 3_001),), again="new x")
    with pytest.raises(TooLong):
        forms.modal(made, Place())


async def test_a_job_made_in_chat_is_edited_from_where_it_is_shown_by_who_may(office: Scene) -> None:
    await make(office)
    _, told = await office.bot.slash("show idle", office.channel, office.ana)
    assert '"edit idle"' in words(told)
    await office.bot.interact(
        button(office.slack, "edit idle", office.ana, channel=office.channel, action="fill:0")
    )
    assert "field:description" in inputs(opened(office))
    _, told = await office.bot.slash("show idle", office.channel, office.bob)
    assert "idle" in words(told)
    assert "edit idle" not in words(told)
    _, told = await office.bot.slash("show report", office.channel, office.ana)
    assert "edit report" not in words(told), "a job of a file is changed there"


async def test_the_home_of_who_may_make_jobs_has_a_button_for_it(office: Scene) -> None:
    _, told = await office.bot.slash("", office.channel, office.ana)
    assert '"New job"' in words(told)
    _, told = await office.bot.slash("", office.channel, office.bob)
    assert '"New job"' not in words(told)
    pressed = button(office.slack, "new", office.ana, view={"type": "home", "id": "V1"})
    await office.bot.interact(pressed)
    assert inputs(opened(office)).keys() == {"field:name", "field:agent"}
