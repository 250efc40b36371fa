"""Jobs that people make, change and disable, under the rules of the files."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from core import chatmade, jobfiles, people, revisions, workspaces
from core.errors import Invalid, NotAllowed, OutOfPlace
from core.jobfiles import Effect, Workspace
from core.people import Speaker
from core.revisions import Revised
from core.store import tables
from core.store.database import Store
from core.store.migrate import migrate
from tests.store.studio_rig import AGENTS, FILE_JOB, PLACES, PLAIN, REPORT, SOURCES, Studio


@pytest.fixture
async def studio(store: Store) -> Studio:
    made = Studio(store)
    await made.prepare()
    await made.begin()
    return made


async def test_a_job_of_chat_runs_like_one_of_a_file(studio: Studio) -> None:
    made = await studio.make("greet", PLAIN)
    assert made.effect is Effect.CREATED
    job = await studio.found("greet")
    assert (job.origin, job.enabled, job.version_number) == ("chat", True, 1)
    assert job.definition.agent == AGENTS["shell"]
    assert job.job.owner == "Edith"
    assert "job.created" in await studio.audit()


@pytest.mark.parametrize(
    ("written", "key", "said"),
    [
        ({"agent": "analist"}, "agent", "did you mean analyst"),
        (PLAIN | {"command": []}, "", "needs 'command'"),
        (PLAIN | {"timeout": "soon"}, "timeout", "a number with a unit"),
        (PLAIN | {"tiemout": "5m"}, "tiemout", "did you mean timeout"),
        (PLAIN | {"command": ["/bin/echo", "{wrod}"]}, "command", "wrod"),
        (PLAIN | {"schedules": [{"when": "61 * * * *"}]}, "schedules", "61"),
        (PLAIN | {"schedules": [{"when": "every weekday at 8"}]}, "schedules", "no value for word"),
        (PLAIN | {"channel": "growth"}, "channel", "is no channel"),
        (PLAIN | {"parameters": {"word": {"type": "sting"}}}, "parameters", "did you mean string"),
        (REPORT | {"questions": [{"name": "total", "sql": "select :x"}]}, "questions", "no parameter"),
        (PLAIN | {"parameters": {"word": {"secret": True, "default": "k3y"}}}, "parameters", "no default"),
    ],
)
async def test_what_no_file_may_say_nobody_may_and_the_mistake_stands_at_its_key(
    studio: Studio, written: dict[str, Any], key: str, said: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await studio.make("wrong", written)
    assert said in refused.value.fields[key]
    assert "k3y" not in str(refused.value)
    with pytest.raises(Exception, match="no job called wrong"):
        await studio.found("wrong")


async def test_every_mistake_is_told_at_once(studio: Studio) -> None:
    with pytest.raises(Invalid) as refused:
        await studio.make("Bad Name", PLAIN | {"timeout": "x", "max_parallel": 0, "agent": "nobody"})
    assert {"name", "timeout", "max_parallel", "agent"} <= refused.value.fields.keys()


async def test_an_operator_makes_and_changes_nothing(studio: Studio) -> None:
    await studio.make("greet", PLAIN)
    job = await studio.found("greet")
    bob = await studio.do(
        lambda turn: people.recognize(
            turn, Speaker("mailbox", "t", "bob", "Bob"), organization=studio.organization
        )
    )
    for act in (
        lambda turn: revisions.make(turn, bob, "mine", PLAIN),
        lambda turn: revisions.change(turn, bob, job, {"timeout": "1m"}),
        lambda turn: revisions.disable(turn, bob, job),
        lambda turn: revisions.enable(turn, bob, job),
    ):
        with pytest.raises(NotAllowed, match="Only an editor can"):
            await studio.do(act)


async def test_a_change_adds_a_version_and_what_it_does_not_name_stays(studio: Studio) -> None:
    await studio.make("greet", PLAIN | {"tags": ["a"]})
    before = await studio.found("greet")
    done = await studio.change("greet", timeout="10m")
    assert [str(one) for one in done.details] == ["timeout: 1h -> 10m"]
    after = await studio.found("greet")
    assert (after.version_number, after.job.tags, after.id) == (2, ("a",), before.id)
    stored = [row.definition for row in await studio.rows(tables.job_versions) if row.job == after.pk]
    assert len(stored) == 2
    assert "timeout" not in stored[0]["job"]
    assert (await studio.change("greet", timeout="600s")).effect is Effect.UNCHANGED
    assert (await studio.change("greet", timeout=None)).effect is Effect.CHANGED
    assert (await studio.found("greet")).job.timeout.total_seconds() == 3600
    assert (await studio.audit()).count("job.changed") == 2


async def test_a_job_of_a_file_is_not_changed_here_and_the_refusal_names_the_file(studio: Studio) -> None:
    with pytest.raises(OutOfPlace, match=r"stands in jobs/nightly\.yml"):
        await studio.change("nightly", timeout="1m")
    with pytest.raises(OutOfPlace, match=r"already; it stands in jobs/nightly\.yml"):
        await studio.make("nightly", PLAIN)


async def test_who_saw_an_older_version_is_told_so(studio: Studio) -> None:
    await studio.make("greet", PLAIN)
    job = await studio.found("greet")
    await studio.change("greet", timeout="10m")
    with pytest.raises(OutOfPlace, match="it is at version 2 now, you saw 1"):
        await studio.do(lambda turn: revisions.change(turn, studio.edith, job, {"timeout": "1m"}, since=1))


async def test_racing_changes_make_a_version_each_and_lose_nothing(studio: Studio) -> None:
    await studio.make("greet", PLAIN)
    fields = {"timeout": "10m", "title": "Hello", "priority": 3, "max_parallel": 2}
    await asyncio.gather(*(studio.change("greet", **{key: one}) for key, one in fields.items()))
    job = await studio.found("greet")
    assert job.version_number == 5
    assert (job.job.title, job.job.priority, job.job.max_parallel) == ("Hello", 3, 2)


async def test_racing_makers_of_one_name_make_one_job(studio: Studio) -> None:
    done = await asyncio.gather(*(studio.make("greet", PLAIN) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, Revised) for one in done) == 1
    assert all(isinstance(one, Revised | OutOfPlace) for one in done)


async def test_a_disabled_job_is_enabled_again_with_its_history(studio: Studio) -> None:
    await studio.make("greet", PLAIN)
    job = await studio.found("greet")
    for verb, effect in (
        (revisions.disable, Effect.DISABLED),
        (revisions.disable, Effect.UNCHANGED),
        (revisions.enable, Effect.ENABLED),
        (revisions.enable, Effect.UNCHANGED),
    ):
        done = await studio.do(partial(verb, actor=studio.edith, job=job))
        assert done.effect is effect
        assert done.job.id == job.id
    assert [one for one in await studio.audit() if one.startswith("job.")][-2:] == [
        "job.disabled",
        "job.enabled",
    ]


async def named(studio: Studio, name: str) -> dict[str, Any]:
    job = await studio.found(name)
    found = await studio.do(lambda turn: chatmade.written(turn, job.pk, job.job))
    return {key: one.when for key, one in found.items()}


async def test_schedules_that_are_written_are_those_that_the_job_has(studio: Studio) -> None:
    words = {"parameters": {"word": "hi"}}
    await studio.make(
        "greet", PLAIN | {"schedules": [{"when": "@daily"} | words, {"name": "x", "when": "@hourly"} | words]}
    )
    assert await named(studio, "greet") == {"chat-1": "@daily", "x": "@hourly"}
    rows = {row.name: row for row in await studio.rows(tables.schedules)}
    written = [{"name": "x", "when": "@weekly"} | words, {"when": "@monthly"} | words]
    done = await studio.change("greet", schedules=[*written])
    assert done.effect is Effect.CHANGED
    assert await named(studio, "greet") == {"x": "@weekly", "chat-2": "@monthly"}
    now = {row.name: row for row in await studio.rows(tables.schedules)}
    assert now["x"].id == rows["x"].id
    same = [{"name": name, "when": when} | words for name, when in (await named(studio, "greet")).items()]
    assert (await studio.change("greet", schedules=same)).effect is Effect.UNCHANGED
    assert {row.name: row.version for row in await studio.rows(tables.schedules)} == {
        row.name: row.version for row in now.values()
    }


async def test_a_change_that_its_schedules_do_not_fit_is_refused(studio: Studio) -> None:
    await studio.make("greet", PLAIN | {"schedules": [{"when": "@daily", "parameters": {"word": "hi"}}]})
    with pytest.raises(Invalid) as refused:
        await studio.change("greet", parameters={"word": {}, "name": {}})
    assert "no value for name" in refused.value.fields["schedules"]


async def test_jobs_of_chat_follow_their_agent_when_files_change_it(studio: Studio) -> None:
    await studio.make("greet", PLAIN)
    shell = AGENTS["shell"].model_copy(update={"description": "a shell"})
    workspace = Workspace(SOURCES, AGENTS | {"shell": shell}, {"nightly": FILE_JOB}, PLACES)
    await studio.do(lambda turn: workspaces.apply(turn, studio.alice, workspace, vault=studio.vault))
    job = await studio.found("greet")
    assert (job.version_number, job.definition.agent.description) == (2, "a shell")
    await studio.do(lambda turn: workspaces.apply(turn, studio.alice, workspace, vault=studio.vault))
    assert (await studio.found("greet")).version_number == 2


async def test_what_is_exported_checks_and_applies_on_an_empty_database_and_exports_the_same(
    studio: Studio, tmp_path: Any
) -> None:
    await studio.make("greet", PLAIN)
    await studio.say("role Alice admin")
    for line in (
        "schedule greet every weekday at 8 word=hi --timezone Europe/Amsterdam --jitter 5m --yes",
        "schedule greet @first-weekday 07:30 word=a,b --calendar NL --name first --yes",
        "sets greet team word=x,y",
        "schedule greet 0 9 * * * @team --yes",
    ):
        await studio.done(line)
    first = await studio.exported()
    read = jobfiles.read_text(first)
    assert {one.name for one in read.jobs["greet"].schedules} == {"chat-1", "first", "chat-2"}
    assert (await studio.do(lambda turn: workspaces.plan(turn, studio.organization, read))).effective == ()

    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    await migrate(other)
    fresh = Studio(other)
    await fresh.prepare()
    await fresh.begin(read)
    assert await fresh.exported() == first
    before, after = await studio.due(), await fresh.due()
    assert before == after
    assert len(before) == 3
    await other.close()


async def test_a_schedule_that_gives_a_secret_is_left_out_of_an_export_and_that_is_told(
    studio: Studio,
) -> None:
    await studio.make("report", REPORT)
    await studio.done("schedule report @daily campaign_id=42 key=hunter2 --yes")
    made = await studio.do(lambda turn: workspaces.export(turn, studio.organization))
    assert made.jobs["report"].schedules == ()
    assert [one.sentence for one in made.warnings] == [
        "report: the schedule chat-1 gives the secret key, which no file may hold"
    ]
    assert "hunter2" not in jobfiles.write(made)
    await studio.change("report", schedules=[])
    assert [row.enabled for row in await studio.rows(tables.schedules)] == [True]
