"""The database leaves: in the middle of a commit, before it, for a while; and its disk is full."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core import ids
from core.desk.visit import Outcome
from core.store import tables
from core.store.database import Store
from tests.chaos.proxy import Proxy, proxy
from tests.store.desk_rig import Office, said


@asynccontextmanager
async def distrusted(address: str, commits: int) -> AsyncIterator[tuple[Office, Proxy]]:
    """An office without a worker; the answer to that many of its commits is lost, from `trusted` on."""
    async with proxy(address, age=3600, cut=1.0, seed=1, most=commits) as (way, by):
        store = Store(by)
        office = Office(store)
        await office.prepare()
        await office.job("nightly")
        yield office, way
        await store.close()


async def test_what_was_committed_and_nobody_heard_of_is_answered_by_its_key(
    migrated_postgres_url: str,
) -> None:
    async with distrusted(migrated_postgres_url, 1) as (office, way):
        way.trusted = False
        reply = await office.say("run nightly")
        assert way.commits_cut == 1
        assert (reply.outcome, reply.batch) == (Outcome.DONE, 1)
        assert await office.count(tables.batches) == 1


async def test_nobody_is_told_that_nothing_was_started_where_that_is_not_known(
    migrated_postgres_url: str,
) -> None:
    async with distrusted(migrated_postgres_url, 2) as (office, way):
        key = ids.new()
        way.trusted = False
        reply = await office.say("run nightly", key=key)
        assert way.commits_cut == 2
        assert reply.busy  # whoever brings it again may do so
        assert "it may have been done" in said(reply.message)
        assert "nothing was started" not in said(reply.message)
        assert (await office.say("run nightly", key=key)).batch == 1
        assert await office.count(tables.batches) == 1


async def test_a_database_that_is_away_is_told_and_logged_once(
    migrated_postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with distrusted(migrated_postgres_url, 0) as (office, way):
        await way.close()
        for line in ("run nightly", "list"):
            reply = await office.say(line)
            assert reply.busy
            assert "The database is away; nothing was started." in said(reply.message)
        assert caplog.messages.count("store.away") == 1
        way.open()
        assert (await office.say("run nightly")).outcome is Outcome.DONE
