"""Choices that a source gives: `*` fans out over them, typed values are held against them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from adapters.sources.sql import Sources
from core import ids
from core.choices import Chooser
from core.definitions import AgentDefinition, JobDefinition, SourceDefinition, Version
from core.desk.desk import Desk
from core.desk.visit import Outcome
from core.ports import Source
from core.store import tables
from core.store.database import Store
from tests.store.desk_rig import BOB, CODE, GINA, Office, buttons, said


class Asking:
    """Opens the real source, and remembers whether a transaction of the store was open meanwhile."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.sources = Sources(folder)
        self.asked = 0
        self.inside = False
        self.open = 0
        sa.event.listen(store.writer.sync_engine, "begin", lambda _: self._count(1))
        sa.event.listen(store.writer.sync_engine, "commit", lambda _: self._count(-1))
        sa.event.listen(store.writer.sync_engine, "rollback", lambda _: self._count(-1))

    def _count(self, number: int) -> None:
        self.open += number

    async def open_source(
        self, name: str, definition: SourceDefinition, environment: Mapping[str, str]
    ) -> Source:
        self.asked += 1
        self.inside = self.inside or self.open > 0
        return await self.sources.open(name, definition, environment)


class Shop(Office):
    """An office whose jobs may ask a shop's database for choices."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store)
        self.file = folder / "shop.db"
        with sqlite3.connect(self.file) as shop:
            shop.execute("CREATE TABLE campaigns (id INTEGER, name TEXT, live INTEGER)")
            shop.executemany(
                "INSERT INTO campaigns VALUES (?, ?, 1)", [(42, "bikes"), (43, "bags"), (44, "bells")]
            )
        self.asking = Asking(folder, store)
        chooser = Chooser(self.asking.open_source, {})
        self.desk = Desk(self.turns, self.vault, zone=ZoneInfo("UTC"), admin_code=CODE, chooser=chooser)

    async def offer(self, sql: str = "SELECT id, name FROM campaigns WHERE live ORDER BY id") -> None:
        """Add a job whose `campaign_id` has its choices from that query."""
        asked = {"type": "integer", "choices_from": sql}
        fields: dict[str, Any] = {"agent": "a", "parameters": {"campaign_id": asked}}
        job = await self.job("report")
        definition = Version(
            name="report",
            agent=AgentDefinition(kind="report", source="shop"),
            job=JobDefinition.model_validate(fields | {"overlap": "allow"}),
            sources={"shop": SourceDefinition(url=f"sqlite:///{self.file.name}")},
        )
        made = {
            "id": ids.new(),
            "definition": definition.model_dump(mode="json", exclude_defaults=True),
        }
        await self.turns.take(
            lambda turn: turn.connection.execute(
                tables.job_versions.update().where(tables.job_versions.c.pk == job[2]).values(made)
            )
        )


@pytest.fixture
async def shop(store: Store, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(store, tmp_path)
    await made.prepare()
    await made.open()
    yield made
    made.agent.gate.set()
    await made.close()


async def test_a_star_fans_out_over_what_the_source_gives(shop: Shop) -> None:
    await shop.offer()
    batch = await shop.ran("run report campaign_id=*", BOB)
    assert [run.parameters["campaign_id"] for run in await shop.runs(batch.number)] == [42, 43, 44]


async def test_the_source_is_asked_outside_of_any_transaction_of_the_store(shop: Shop) -> None:
    if not shop.store.sqlite:
        await shop.worker.close()  # its own transactions would be counted as well
    await shop.offer()
    await shop.done("run report campaign_id=* --dry-run")
    assert shop.asking.asked == 1
    assert not shop.asking.inside


async def test_a_star_over_plain_choices_asks_nobody(shop: Shop) -> None:
    await shop.job("plain", parameters={"do": {"default": "ok"}, "region": {"choices": ["EU", "US"]}})
    assert (await shop.ran("run plain region=*")).total == 2
    assert shop.asking.asked == 0


async def test_what_is_typed_is_one_of_them(shop: Shop) -> None:
    await shop.offer()
    assert "'campaign_id' is one of 42, 43, 44, not 45" in await shop.refused("run report campaign_id=45")
    assert (await shop.ran("run report campaign_id=42..43")).total == 2


async def test_a_form_offers_them(shop: Shop) -> None:
    await shop.offer()
    reply = await shop.say("run report")
    assert reply.outcome is Outcome.FORM
    assert reply.message.form is not None
    [field] = reply.message.form.fields
    assert field.kind == "choice"
    assert [option.value for option in field.options] == ["42", "43", "44"]
    offered = await shop.desk.offer(BOB, "4", line="run report", field="campaign_id")
    assert offered == ()  # Bob is not known yet
    await shop.say("help", BOB)
    offered = await shop.desk.offer(BOB, "43", line="run report", field="campaign_id")
    assert [option.value for option in offered] == ["43"]


async def test_they_are_remembered_for_a_moment_and_asked_again_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.offer()
    monkeypatch.setattr("core.choices.KEPT", 3600.0)
    for _ in range(3):
        await shop.done("run report campaign_id=* --dry-run")
    assert shop.asking.asked == 1
    monkeypatch.setattr("core.choices.KEPT", -1.0)
    await shop.done("run report campaign_id=* --dry-run")
    assert shop.asking.asked == 2


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT id FROM nowhere", "no such table"),
        ("SELECT name FROM campaigns", "gives a choice that wants a whole number"),
        ("SELECT id FROM campaigns WHERE id < 0", "has no choices"),
    ],
)
async def test_a_source_that_gives_none_refuses_the_star_and_nothing_else(
    shop: Shop, sql: str, why: str
) -> None:
    await shop.offer(sql)
    told = await shop.refused("run report campaign_id=*")
    assert "The choices of 'campaign_id' are not known now" in told
    assert why in told
    assert await shop.count(tables.batches) == 0
    assert (await shop.ran("run report campaign_id=45")).total == 1  # the run itself will tell


async def test_more_choices_than_a_result_may_have_are_not_fanned_out(shop: Shop) -> None:
    await shop.offer(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) SELECT i FROM n"
    )
    assert "has more than 1,000 choices" in await shop.refused("run report campaign_id=*")


async def test_nobody_without_a_role_makes_the_bot_ask(shop: Shop) -> None:
    await shop.offer()
    await shop.refused("run report campaign_id=*", GINA)
    assert shop.asking.asked == 0


async def test_a_saved_set_and_a_schedule_may_be_made_of_them(shop: Shop) -> None:
    await shop.offer()
    await shop.done("sets report live campaign_id=*")
    [row] = await shop.rows(tables.parameter_sets)
    assert [one["campaign_id"] for one in row.rows] == [42, 43, 44]
    reply = await shop.say("schedule report every day at 8 campaign_id=*")
    assert reply.outcome is Outcome.QUESTION
    assert "42, 43, 44" in said(reply.message)
    assert buttons(reply)
