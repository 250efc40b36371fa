"""Applying files: ids stay, versions are immutable, nothing is deleted, races do not double anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from core import ids, jobfiles, jobs, people, workspaces
from core.definitions import AgentDefinition, JobDefinition, Role, Version
from core.errors import Invalid, NotAllowed
from core.jobfiles import Effect, Plan, Workspace
from core.people import Member, Speaker, Standing
from core.store import tables
from core.store.database import Store
from core.turns import Turn, Turns

T = TypeVar("T")

BASE = """\
sources: {shop: {url: sqlite:///shop.db}}
agents: {analyst: {kind: report, source: shop}}
jobs:
  budget:
    agent: analyst
    questions: [{name: total, sql: select 1 as one}]
  weekly:
    agent: analyst
    parameters: {region: {default: EU}}
    questions: [{name: total, sql: "select :region as one"}]
    notify: [{topics: [failed_run], if: "total.one > 1"}]
"""
WITHOUT_WEEKLY = BASE[: BASE.index("  weekly:")]


class Shop:
    """An organization with an admin, on one store."""

    def __init__(self, store: Store) -> None:
        self.turns = Turns(store)
        self.alice: Member

    async def open(self) -> Shop:
        async def work(turn: Turn) -> Member:
            organization = await people.organization(turn)
            speaker = Speaker("console", "t", "alice", "Alice", Standing.OWNER)
            return await people.recognize(turn, speaker, organization=organization)

        self.alice = await self.turns.take(work)
        return self

    async def apply(self, text: str | Workspace, actor: Member | None = None) -> Plan:
        workspace = jobfiles.read_text(text) if isinstance(text, str) else text
        return await self.turns.take(lambda turn: workspaces.apply(turn, actor or self.alice, workspace))

    async def plan(self, text: str) -> list[str]:
        workspace = jobfiles.read_text(text)
        made = await self.turns.look(lambda turn: workspaces.plan(turn, self.alice.organization, workspace))
        return jobfiles.lines(made)

    async def export(self) -> Workspace:
        return await self.turns.look(lambda turn: workspaces.export(turn, self.alice.organization))

    async def job(self, name: str) -> jobs.Job:
        return await self.turns.look(lambda turn: jobs.find(turn, self.alice.organization, name))

    async def all(self, query: sa.Select[Any]) -> list[Any]:
        async def work(turn: Turn) -> list[Any]:
            return list(await turn.connection.execute(query))

        return await self.turns.look(work)

    async def do(self, work: Callable[[Turn], Awaitable[T]]) -> T:
        return await self.turns.take(work)

    async def count(self, table: sa.Table) -> int:
        rows = await self.all(sa.select(sa.func.count()).select_from(table))
        return int(rows[0][0])


@pytest.fixture
async def shop(store: Store) -> Shop:
    return await Shop(store).open()


def effects(made: Plan) -> dict[str, Effect]:
    return {one.name: one.effect for one in made.changes}


async def test_applying_makes_everything_and_applying_again_changes_nothing(shop: Shop) -> None:
    assert await shop.plan(BASE) == ["+ source shop", "+ agent analyst", "+ job budget", "+ job weekly"]
    made = await shop.apply(BASE)
    assert set(effects(made).values()) == {Effect.CREATED}
    before = [await shop.count(table) for table in (tables.jobs, tables.job_versions, tables.audit)]
    assert await shop.plan(BASE) == ["No change (4 definitions)."]
    assert (await shop.apply(BASE)).effective == ()
    assert [await shop.count(table) for table in (tables.jobs, tables.job_versions, tables.audit)] == before


async def test_a_version_embeds_what_the_job_needs_and_is_read_back(shop: Shop) -> None:
    await shop.apply(BASE)
    workspace = jobfiles.read_text(BASE)
    weekly = await shop.job("weekly")
    assert weekly.definition == jobfiles.version("weekly", workspace)
    assert (weekly.origin, weekly.version_number, weekly.enabled) == ("file", 1, True)
    assert weekly.definition.sources["shop"].url == "sqlite:///shop.db"


async def test_a_changed_job_gets_one_new_version_and_keeps_its_id(shop: Shop) -> None:
    await shop.apply(BASE)
    before, other = await shop.job("weekly"), await shop.job("budget")
    made = await shop.apply(BASE.replace("default: EU", "default: US"))
    after = await shop.job("weekly")
    assert effects(made) == {
        "shop": Effect.UNCHANGED,
        "analyst": Effect.UNCHANGED,
        "budget": Effect.UNCHANGED,
        "weekly": Effect.CHANGED,
    }
    assert (after.pk, after.id, after.version_number) == (before.pk, before.id, 2)
    assert after.version != before.version
    assert await shop.job("budget") == other
    versions = await shop.all(
        sa.select(tables.job_versions.c.definition)
        .where(tables.job_versions.c.job == after.pk)
        .order_by(tables.job_versions.c.number)
    )
    assert [Version.model_validate(row[0]) for row in versions] == [before.definition, after.definition]


async def test_a_changed_source_makes_new_versions_of_the_jobs_that_use_it(shop: Shop) -> None:
    await shop.apply(BASE)
    await shop.apply(BASE.replace("sqlite:///shop.db", "sqlite:///new.db"))
    for name in ("budget", "weekly"):
        job = await shop.job(name)
        assert (job.version_number, job.definition.sources["shop"].url) == (2, "sqlite:///new.db")
    rows = await shop.all(sa.select(tables.sources.c.definition))
    assert rows[0][0]["url"] == "sqlite:///new.db"


async def test_what_vanished_is_disabled_and_comes_back_as_it_was(shop: Shop) -> None:
    await shop.apply(BASE)
    before = await shop.job("weekly")
    assert await shop.plan(WITHOUT_WEEKLY) == ["- job weekly (disabled: no file has it)", "3 unchanged."]
    await shop.apply(WITHOUT_WEEKLY)
    gone = await shop.job("weekly")
    assert (gone.enabled, gone.version) == (False, before.version)
    assert (await shop.apply(WITHOUT_WEEKLY)).effective == ()
    made = await shop.apply(BASE)
    assert effects(made)["weekly"] is Effect.ENABLED
    assert await shop.job("weekly") == before


async def test_a_job_that_comes_back_changed_gets_a_new_version(shop: Shop) -> None:
    await shop.apply(BASE)
    await shop.apply(WITHOUT_WEEKLY)
    await shop.apply(BASE.replace("default: EU", "default: US"))
    weekly = await shop.job("weekly")
    assert (weekly.enabled, weekly.version_number) == (True, 2)


async def test_a_pause_survives_an_apply(shop: Shop) -> None:
    await shop.apply(BASE)

    async def pause(turn: Turn) -> None:
        await turn.connection.execute(
            tables.jobs.update()
            .where(tables.jobs.c.name == "weekly")
            .values(paused_at=turn.now, paused_by=shop.alice.pk, paused_why="holidays")
        )

    await shop.do(pause)
    await shop.apply(BASE.replace("default: EU", "default: US"))
    await shop.apply(WITHOUT_WEEKLY)
    await shop.apply(BASE)
    weekly = await shop.job("weekly")
    assert (weekly.paused_why, weekly.paused_by) == ("holidays", shop.alice.pk)
    assert weekly.paused_at is not None


async def add_chat_job(shop: Shop, name: str) -> JobDefinition:
    """A job as the chat makes it, with the agent that it needs."""
    definition = JobDefinition(agent="helper", title="Made in chat")
    agent = AgentDefinition(kind="python", plugin="helper")

    async def work(turn: Turn) -> None:
        marks: dict[str, Any] = {"organization": shop.alice.organization, "origin": "chat"}
        marks |= {"created_at": turn.now, "changed_at": turn.now}
        await turn.connection.execute(
            tables.agents.insert().values(id=ids.new(), name="helper", definition=agent.model_dump(), **marks)
        )
        pk = (
            await turn.connection.execute(
                tables.jobs.insert().values(id=ids.new(), name=name, **marks).returning(tables.jobs.c.pk)
            )
        ).scalar_one()
        version = Version(name=name, job=definition, agent=agent)
        made = await turn.connection.execute(
            tables.job_versions.insert()
            .values(
                id=ids.new(), job=pk, number=1, created_at=turn.now,
                definition=version.model_dump(mode="json", exclude_defaults=True),
            )
            .returning(tables.job_versions.c.pk)
        )  # fmt: skip
        await turn.connection.execute(
            tables.jobs.update().where(tables.jobs.c.pk == pk).values(version=made.scalar_one())
        )

    await shop.do(work)
    return definition


async def test_what_was_made_in_chat_is_left_alone_and_exported_too(shop: Shop) -> None:
    definition = await add_chat_job(shop, "mine")
    before = await shop.job("mine")
    await shop.apply(BASE)
    await shop.apply("sources: {}")
    assert await shop.job("mine") == before
    await shop.apply(BASE)
    exported = await shop.export()
    assert exported.jobs["mine"] == definition
    assert exported.jobs["weekly"] == jobfiles.read_text(BASE).jobs["weekly"]
    assert await shop.plan(jobfiles.write(exported)) == ["No change (6 definitions)."]


async def test_a_file_that_would_change_what_was_made_in_chat_applies_nothing(shop: Shop) -> None:
    await add_chat_job(shop, "weekly")
    with pytest.raises(Invalid, match="the job weekly") as refused:
        await shop.apply(BASE)
    assert "export" in refused.value.hint
    assert await shop.count(tables.jobs) == 1
    assert await shop.count(tables.sources) == 0


async def test_export_of_an_applied_file_applies_as_no_change_and_leaves_the_disabled_out(shop: Shop) -> None:
    await shop.apply(BASE)
    await shop.apply(WITHOUT_WEEKLY)
    exported = await shop.export()
    assert exported == jobfiles.read_text(WITHOUT_WEEKLY)
    assert (await shop.apply(jobfiles.write(exported))).effective == ()


async def test_every_change_leaves_an_audit_row_with_its_fields(shop: Shop) -> None:
    await shop.apply(BASE)
    await shop.apply(BASE.replace("default: EU", "default: US"))
    await shop.apply(WITHOUT_WEEKLY)
    audit = tables.audit.c
    rows = await shop.all(sa.select(audit.action, audit.member, audit.data).order_by(audit.pk))
    told = [row for row in rows if row.action.startswith(("job.", "agent.", "source."))]
    assert [row.action for row in told] == [
        "source.created", "agent.created", "job.created", "job.created", "job.changed", "job.disabled",
    ]  # fmt: skip
    assert {row.member for row in told} == {shop.alice.pk}
    assert told[4].data["changes"] == ["parameters.region.default: EU -> US"]
    assert told[4].data["name"] == "weekly"


async def test_only_an_editor_may_apply(shop: Shop) -> None:
    operator = replace(shop.alice, role=Role.OPERATOR)
    with pytest.raises(NotAllowed, match="Only an editor can apply job files"):
        await shop.apply(BASE, operator)
    assert await shop.count(tables.jobs) == 0


async def test_a_job_that_moves_to_another_file_is_no_change_but_knows_its_file(shop: Shop) -> None:
    await shop.apply(BASE)
    moved = jobfiles.read_text(BASE)
    place = jobfiles.Place("jobs/weekly.yml", 1)
    moved = replace(moved, places=moved.places | {("jobs", "weekly"): place})
    assert (await shop.apply(moved)).effective == ()
    weekly = await shop.job("weekly")
    assert (weekly.file, weekly.version_number) == ("jobs/weekly.yml", 1)


async def test_racing_applies_of_the_same_files_make_everything_once(shop: Shop) -> None:
    made = await asyncio.gather(*(shop.apply(BASE) for _ in range(6)))
    assert sorted(len(one.effective) for one in made) == [0, 0, 0, 0, 0, 4]
    assert await shop.count(tables.jobs) == 2
    assert await shop.count(tables.job_versions) == 2


async def test_racing_applies_of_different_files_number_their_versions_in_a_row(shop: Shop) -> None:
    await shop.apply(BASE)
    await asyncio.gather(*(shop.apply(BASE.replace("default: EU", f"default: R{n}")) for n in range(6)))
    rows = await shop.all(
        sa.select(tables.job_versions.c.number, tables.job_versions.c.pk)
        .join(tables.jobs, tables.jobs.c.pk == tables.job_versions.c.job)
        .where(tables.jobs.c.name == "weekly")
        .order_by(tables.job_versions.c.number)
    )
    weekly = await shop.job("weekly")
    assert [row.number for row in rows] == list(range(1, 8))
    assert weekly.version == rows[-1].pk
