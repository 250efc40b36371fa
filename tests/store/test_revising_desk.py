"""new and edit: what people say to make and change a job, and the forms that they are given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.console.forms import render_form
from core.commands import parse, spell_value
from core.desk.visit import Outcome, Reply
from core.jobfiles import Checks
from core.messages import Form
from core.people import Speaker
from core.store import tables
from core.store.database import Store
from tests.store.desk_rig import BOB, GINA, buttons, said
from tests.store.studio_rig import EDITH, PLAIN, REPORT, Studio

MONDAY = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
IVO = Speaker("mailbox", "t", "ivo", "Ivo", timezone="Europe/Amsterdam")


@pytest.fixture
async def studio(store: Store) -> Studio:
    made = Studio(store)
    made.store.offset = MONDAY - datetime.now(UTC)
    await made.prepare()
    await made.begin()
    await made.done("list", IVO)
    await made.done("role Ivo editor")
    return made


def form_of(reply: Reply) -> Form:
    assert reply.outcome is Outcome.FORM, said(reply.message)
    assert reply.message.form is not None
    assert render_form(reply.message.form)
    parse(reply.message.form.command)
    parse(reply.message.form.again)
    return reply.message.form


def values(form: Form) -> dict[str, str]:
    return {one.name: one.value for one in form.fields}


def errors(form: Form) -> dict[str, str]:
    return {one.name: one.error for one in form.fields if one.error}


async def submit(
    studio: Studio,
    form: Form,
    speaker: Speaker = EDITH,
    all_of: Mapping[str, str] | None = None,
    **filled: str,
) -> Reply:
    """Fill in a form as a platform does: what is left empty is not given."""
    given = {**values(form), **(all_of or {}), **filled}
    pairs = [f"{name}={spell_value(one)}" for name, one in given.items() if one]
    return await studio.say(" ".join([form.command, *pairs]), speaker)


async def test_a_job_is_made_step_by_step(studio: Studio) -> None:
    first = form_of(await studio.say("new", EDITH))
    assert {one.name: one.kind for one in first.fields} == {"name": "text", "agent": "choice"}
    assert [one.value for one in first.fields[1].options] == ["analyst", "shell"]
    second = form_of(await submit(studio, first, name="greet", agent="shell"))
    kinds = {one.name: one.kind for one in second.fields}
    assert kinds["command"] == "lines"
    assert "questions" not in kinds
    assert values(second)["channel"] == "console:general"
    assert values(second)["timeout"] == "1h"
    reply = await submit(
        studio,
        second,
        command="/bin/echo {word}\n--all",
        parameters="word: hello | bye = hello",
        timeout="5m",
    )
    assert reply.outcome is Outcome.DONE, said(reply.message)
    assert not reply.private
    assert "greet is made." in said(reply.message)
    job = (await studio.found("greet")).job
    assert job.command == ("/bin/echo", "{word}", "--all")
    assert job.parameters["word"].choices == ("hello", "bye")
    assert (job.timeout.total_seconds(), job.channel, job.owner) == (300, "console:general", "Edith")


async def test_the_form_asks_what_that_kind_of_agent_needs(studio: Studio) -> None:
    form = form_of(await studio.say("new weekly agent=analyst", EDITH))
    assert {"questions", "summary"} <= values(form).keys()
    assert "command" not in values(form)
    again = form_of(await studio.say(form.again, EDITH))
    assert again == form


async def test_a_line_with_values_makes_the_job_at_once(studio: Studio) -> None:
    line = 'new weekly agent=analyst questions="total: select 1 as n" tags=a,b timeout=10m'
    reply = await studio.done(line, EDITH)
    assert buttons(reply) == ["run weekly", "edit weekly", "show weekly"]
    job = (await studio.found("weekly")).job
    assert (job.questions[0].name, job.tags) == ("total", ("a", "b"))


async def test_mistakes_stand_at_their_fields_and_what_was_typed_stays(studio: Studio) -> None:
    form = form_of(await studio.say("new weekly agent=analyst", EDITH))
    filled = {
        "questions": "total: select :nothing",
        "parameters": "id: integr",
        "timeout": "soon",
        "schedules": "every blue moon",
        "notify": "tell them",
        "channel": "growth",
    }
    reply = await submit(studio, form, all_of=filled)
    told = form_of(reply)
    assert errors(told).keys() == reply.mistakes.keys() >= {"schedules", "notify"}
    filled |= {"schedules": "", "notify": ""}
    told = form_of(await submit(studio, told, all_of=filled))
    assert errors(told).keys() == {"questions", "parameters", "timeout", "channel"}
    assert "did you mean integer" in errors(told)["parameters"]
    assert values(told)["parameters"] == "id: integr"
    assert "weekly" not in said((await studio.done("list", EDITH)).message)


async def test_the_checks_of_the_outer_parts_hold_for_chat_too(studio: Studio) -> None:
    studio.desk._checks = Checks(query=lambda sql: "only one statement" if "drop" in sql else None)
    form = form_of(await studio.say('new weekly agent=analyst questions="drop table x"', EDITH))
    assert errors(form) == {"questions": "1.: only one statement"}


async def test_when_it_would_run_is_shown_with_five_instants_before_it_is_saved(studio: Studio) -> None:
    form = form_of(await studio.say("new greet agent=shell", IVO))
    filled = {"command": "/bin/true", "schedules": "every weekday at 8\nmonthly: @first-weekday 07:30"}
    shown = form_of(await submit(studio, form, IVO, filled))
    assert errors(shown) == {}
    assert "Nothing is saved yet" in shown.note
    assert "at 08:00 (Europe/Amsterdam): next Tue 03 Mar 2026 08:00, Wed 04 Mar" in shown.note
    assert shown.note.count("2026") >= 10
    assert await studio.rows(tables.schedules) == []
    other = form_of(await submit(studio, shown, IVO, schedules="every weekday at 9"))
    assert "at 09:00" in other.note, "another time is shown before it is saved too"
    reply = await submit(studio, other, IVO)
    assert reply.outcome is Outcome.DONE, said(reply.message)
    assert "next on Mon 02 Mar 2026 09:00 (Europe/Amsterdam)" in said(reply.message)
    (row,) = await studio.rows(tables.schedules)
    assert (row.origin, row.zone, row.next_due_at) == (
        "chat",
        "Europe/Amsterdam",
        datetime(2026, 3, 2, 8, tzinfo=UTC),
    )


async def test_a_typed_line_shows_the_instants_and_offers_to_save_them(studio: Studio) -> None:
    line = 'new greet agent=shell command=/bin/true schedules="every weekday at 8"'
    reply = await studio.say(line, IVO)
    form_of(reply)
    assert "Tue 03 Mar 2026 08:00" in said(reply.message)
    saved = await studio.done(buttons(reply)[0], IVO)
    assert "greet is made." in said(saved.message)
    assert (await studio.found("greet")).job.channel == "console:general"  # where it was said


async def test_an_edit_shows_what_there_is_and_changes_what_was_changed(studio: Studio) -> None:
    await studio.make("greet", PLAIN | {"description": "says hello", "tags": ["x"]})
    form = form_of(await studio.say("edit greet", EDITH))
    assert values(form)["parameters"] == "word: string"
    assert values(form)["command"] == "/bin/echo {word}"
    assert values(form)["description"] == "says hello"
    reply = await submit(studio, form)
    assert "Nothing changed" in said(reply.message)
    reply = await submit(studio, form, timeout="10m", description="")
    assert "timeout: 1h -> 10m" in said(reply.message)
    assert "description: says hello -> none" in said(reply.message)
    job = await studio.found("greet")
    assert (job.job.description, job.job.tags, job.version_number) == ("", ("x",), 2)
    late = await submit(studio, form, timeout="20m")
    assert late.outcome is Outcome.REFUSED
    assert "it is at version 2 now, you saw 1" in said(late.message)


async def test_one_value_is_changed_by_a_line(studio: Studio) -> None:
    await studio.make("greet", PLAIN)
    assert "timeout: 1h -> 10m" in said((await studio.done("edit greet timeout=10m", EDITH)).message)
    reply = await studio.say("edit greet timeout=soon", EDITH)
    assert "a number with a unit" in errors(form_of(reply))["timeout"]
    reply = await studio.say("edit greet tiemout=5m", EDITH)
    assert "did you mean timeout" in said(reply.message)


async def test_an_edit_of_schedules_keeps_what_its_text_does_not_say(studio: Studio) -> None:
    await studio.make("greet", PLAIN)
    await studio.done(
        "schedule greet every weekday at 8 word=a,b --jitter 5m --timezone Asia/Tokyo --yes", EDITH
    )
    before = (await studio.rows(tables.schedules))[0]
    form = form_of(await studio.say("edit greet", EDITH))
    assert values(form)["schedules"] == "chat-1: 0 8 * * 1-5"
    shown = form_of(await submit(studio, form, schedules="chat-1: every weekday at 9"))
    assert "(Asia/Tokyo)" in shown.note
    assert (await submit(studio, shown)).outcome is Outcome.DONE
    (row,) = await studio.rows(tables.schedules)
    assert (row.expression, row.zone, row.given) == ("0 9 * * 1-5", "Asia/Tokyo", before.given)
    assert row.definition["jitter"] == "5m"
    form = form_of(await studio.say("edit greet", EDITH))
    await submit(studio, form, schedules="")
    assert [row.enabled for row in await studio.rows(tables.schedules)] == [False]


async def test_a_job_of_a_file_is_not_edited_here(studio: Studio) -> None:
    for line in ("edit nightly", "edit nightly timeout=1m", "edit nightly --disable"):
        assert "stands in jobs/nightly.yml" in await studio.refused(line, EDITH)
    assert "stands in jobs/nightly.yml" in await studio.refused("new nightly agent=shell", EDITH)


async def test_a_disabled_job_does_not_run_and_can_be_enabled(studio: Studio) -> None:
    await studio.make("greet", PLAIN)
    gone = await studio.done("edit greet --disable", EDITH)
    assert "disabled" in said(gone.message)
    assert "edit greet --enable" in await studio.refused("run greet word=x", EDITH)
    await studio.done(buttons(gone)[0], EDITH)
    assert (await studio.found("greet")).enabled
    await studio.refused("edit greet --enable --disable", EDITH)


@pytest.mark.parametrize("who", [BOB, GINA])
@pytest.mark.parametrize(
    "line", ["new", "new x agent=shell command=/bin/true", "edit greet", "edit greet timeout=1m"]
)
async def test_who_is_no_editor_is_refused_before_any_form(studio: Studio, who: Speaker, line: str) -> None:
    await studio.make("greet", PLAIN)
    told = await studio.refused(line, who)
    assert "Only a" in told


@pytest.mark.parametrize(
    "line",
    [
        'new report agent=analyst questions="select 1" parameters="key: secret = hunter2"',
        'new report agent=analyst questions="select 1" parameters="key: {secret: true, default: hunter2}"',
        'new nightly agent=shell environment="TOKEN=hunter2"',
        'new "Bad Name" agent=shell environment="TOKEN=hunter2"',
        'edit nightly environment="hunter2"',
        "new x agent=shell hunter2",
    ],
)
async def test_what_was_given_for_a_secret_is_never_said_again(studio: Studio, line: str) -> None:
    reply = await studio.say(line, EDITH)
    assert reply.outcome in (Outcome.REFUSED, Outcome.FORM)
    everything = said(reply.message)
    if not line.endswith(" hunter2"):
        assert "hunter2" not in everything
    assert "hunter2" not in str([row.data for row in await studio.rows(tables.audit)])


async def test_without_an_agent_it_is_said_what_is_missing(store: Store) -> None:
    bare = Studio(store)
    await bare.prepare()
    assert "There is no agent yet" in said((await bare.done("new")).message)


async def test_a_redelivered_submission_makes_one_job(studio: Studio) -> None:
    line = "new greet agent=shell command=/bin/true"
    replies = [await studio.say(line, EDITH, key="same") for _ in range(2)]
    assert {reply.outcome for reply in replies} == {Outcome.DONE}
    assert len(await studio.rows(tables.jobs)) == 2


async def test_a_report_with_everything_comes_back_as_it_was(studio: Studio) -> None:
    whole: dict[str, Any] = REPORT | {
        "questions": [
            {"name": "total", "sql": "select 1 as n", "ask": "How much?", "chart": {"type": "bar", "x": "n"}}
        ],
        "notify": [{"topics": ["failed_run"], "to": ["origin"], "level": "error"}],
        "retry": {"attempts": 3},
    }
    await studio.make("report", whole)
    form = form_of(await studio.say("edit report", EDITH))
    assert "Nothing changed" in said((await submit(studio, form)).message)
    assert (await studio.found("report")).version_number == 1
