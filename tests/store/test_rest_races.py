"""The HTTP API's door on both databases: what is exactly once, at once, and at once over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapters.rest.desk import Desk
from adapters.rest.pace import Pace
from adapters.rest.service import Rest
from core import ids, keys, people
from core.choices import Chooser
from core.desk.visit import Reply, Request
from core.jobfiles import Checks
from core.people import Member
from core.store import tables
from core.turns import Turn
from tests.chaos.monkey import admit
from tests.store.rig import Rig, no_source

Client = TestClient[web.Request, web.Application]


async def _silent(_: Request) -> Reply:
    raise AssertionError("nobody talks here")


@pytest.fixture
async def client(rig: Rig, tmp_path: Path) -> AsyncIterator[Client]:
    """A client with a key, of a server on the rig's store."""
    desk = Desk(
        turns=rig.turns,
        vault=rig.vault,
        zone=ZoneInfo("UTC"),
        chooser=Chooser(no_source, {}),
        signing=b"signing",
        data=tmp_path,
        checks=Checks(),
        talk=_silent,
    )
    application = web.Application()
    Rest(desk).mount(application)
    key, text = await rig.turns.take(
        lambda turn: keys.create(turn, rig.alice, "pipeline", ["operator"], per_minute=100_000)
    )
    headers = {"X-API-Key": text, "X-Organization-Id": key.organization_id}
    async with TestClient(TestServer(application), headers=headers) as made:
        yield made


async def post(client: Client, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.post(path, json=body, headers=given) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_one_idempotency_key_starts_one_run_however_many_send_it_at_once(
    rig: Rig, client: Client
) -> None:
    await rig.job("report", overlap={"policy": "allow"})
    path = "/api/agents/jobs/report/trigger"
    body = {"parameters": {"do": "ok"}}
    said = await asyncio.gather(*(post(client, path, body, Idempotency_Key="once") for _ in range(20)))
    assert {status for status, _ in said} == {200}
    assert len({answer["chat_id"] for _, answer in said}) == 1
    assert await rig.count(tables.runs) == 1
    other = await post(client, path, {"parameters": {"do": "table"}}, Idempotency_Key="once")
    assert other[0] == 409
    assert await rig.count(tables.runs) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_while_the_database_is_away_a_program_is_told_to_come_again(rig: Rig, client: Client) -> None:
    await rig.job("report")
    path, looks = "/api/agents/jobs/report/trigger", sa.create_engine(rig.store.address)
    await asyncio.to_thread(admit, looks, allowed=False)
    try:
        async with client.post(path, json={}) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "The database is away; nothing was started." in await answer.text()
    finally:
        await asyncio.to_thread(admit, looks, allowed=True)
    assert (await post(client, path, {}))[0] == 200


async def test_of_many_triggers_at_once_one_starts_and_the_others_name_it(rig: Rig, client: Client) -> None:
    await rig.job("report")
    body = {"parameters": {"do": "wait"}}
    said = await asyncio.gather(*(post(client, "/api/agents/jobs/report/trigger", body) for _ in range(8)))
    started = [answer["chat_id"] for status, answer in said if status == 200]
    assert len(started) == 1
    assert {answer["chat_id"] for status, answer in said if status == 409} == set(started)
    assert sorted(status for status, _ in said) == [200, *[409] * 7]
    rig.agent.gate.set()


async def test_a_revoked_key_opens_nothing_from_that_commit_on_in_any_process(
    rig: Rig, client: Client
) -> None:
    await rig.job("report", overlap={"policy": "allow"})
    assert (await post(client, "/api/agents/jobs/report/trigger"))[0] == 200
    await rig.turns.take(lambda turn: keys.revoke(turn, rig.alice, "pipeline"))
    assert (await post(client, "/api/agents/jobs/report/trigger"))[0] == 401
    assert (await post(client, "/api/agents/jobs/nothing/trigger", {"what": 1}))[0] == 401
    async with client.get("/api/agents/chats?limit=nothing") as answer:
        assert answer.status == 401
    assert await rig.count(tables.runs) == 1


async def test_the_last_use_is_written_once_a_minute_and_not_for_every_request(
    rig: Rig, client: Client
) -> None:
    async def last() -> Any:
        async with rig.store.reading() as connection:
            return await connection.scalar(sa.select(tables.api_keys.c.last_used_at))

    assert await last() is None
    async with client.get("/api/agents/chats") as answer:
        assert answer.status == 200
    first = await last()
    assert first is not None
    async with client.get("/api/agents/chats") as answer:
        assert answer.status == 200
    assert await last() == first
    rig.store.offset += 2 * keys.COARSE
    async with client.get("/api/agents/chats") as answer:
        assert answer.status == 200
    assert await last() > first


async def test_keys_of_one_name_exist_once_and_their_machines_are_no_people(rig: Rig) -> None:
    async def make() -> str:
        try:
            await rig.turns.take(lambda turn: keys.create(turn, rig.alice, "Twice", ["admin"]))
        except Exception as refused:  # whichever of the rule and the unique index is first
            return type(refused).__name__
        return "made"

    made = await asyncio.gather(*(make() for _ in range(4)))
    assert made.count("made") == 1
    assert set(made) <= {"made", "OutOfPlace", "IntegrityError"}

    async def everyone(turn: Turn) -> list[Member]:
        return await people.everyone(turn, rig.organization)

    assert [one.name for one in await rig.turns.look(everyone)] == ["Alice"]
    again = await rig.turns.take(lambda turn: keys.revoke(turn, rig.alice, "Twice"))
    assert again.name == "Twice"
    await rig.turns.take(lambda turn: keys.create(turn, rig.alice, "Twice", ["admin"]))


async def test_chats_are_paged_without_gap_or_double_while_others_begin(rig: Rig, client: Client) -> None:
    job = await rig.job("report", overlap={"policy": "allow"})
    for number in range(7):
        started = await rig.start(job, *({"do": "fail" if number % 3 else "ok"} for _ in range(3)))
        await rig.ended(started.batch)
    found: list[str] = []
    cursor = ""
    while True:
        async with client.get(f"/api/agents/chats?limit=4&cursor={cursor}") as answer:
            page = await answer.json()
        found += [one["id"] for one in page["chats"]]
        if page["cursor"] is None:
            break
        cursor = page["cursor"]
        await rig.start(job, {"do": "ok"})
    assert len(found) == len(set(found)) == 21
    for status in ("failed", "succeeded"):
        async with client.get(f"/api/agents/chats?limit=200&status={status}&jobId=report") as answer:
            assert {one["status"] for one in (await answer.json())["chats"]} == {status}
    since = ids.made_at(found[5]).isoformat().replace("+00:00", "Z")
    async with client.get(f"/api/agents/chats?limit=200&since={since}") as answer:
        times = [one["createdAt"] for one in (await answer.json())["chats"]]
    assert times
    assert min(times) >= since[:19]


async def test_a_pace_is_a_bucket_that_fills_steadily() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert [pace.wait(1, 2) for _ in range(3)] == [0, 0, 30]
    assert pace.wait(2, 1) == 0
    now = 29.0
    assert pace.wait(1, 2) == 1
    now = 30.0
    assert [pace.wait(1, 2) for _ in range(2)] == [0, 30]
    now = 3_600.0
    assert [pace.wait(1, 2) for _ in range(3)] == [0, 0, 30]
