"""Files of a run behind signed links: what there is, and that a link is over when its time is."""

from __future__ import annotations

from datetime import datetime, timedelta

from core import filelinks
from core.filelinks import Link
from core.turns import Turn
from core.wording import documents
from tests.store.rig import Rig
from tests.store.test_rest_races import Client, client, post

__all__ = ["client"]


async def test_a_link_opens_its_file_for_its_time_and_not_a_second_longer(rig: Rig, client: Client) -> None:
    job = await rig.job("report")
    started = await rig.start(job, {"do": "table"})
    await rig.ended(started.batch)
    async with client.get(f"/api/v1/runs/{started.batch}.1/files") as answer:
        found = (await answer.json())["files"]
    assert [one["kind"] for one in found] == ["pdf", "table", "table"]
    assert [one["name"] for one in found][::2] == [
        f"report-{started.batch}.pdf",
        f"report-{started.batch}-1-days.csv",
    ]

    async def fetched(url: str) -> tuple[int, bytes]:
        async with client.get(url, headers={"X-API-Key": "", "X-Organization-Id": ""}) as answer:
            return answer.status, await answer.read()

    pdf, table = found[0]["url"], found[2]["url"]
    status, data = await fetched(pdf)
    assert (status, data[:5]) == (200, b"%PDF-")
    assert (await fetched(pdf))[1] == data, "the same run gives the same bytes"
    rig.store.offset += filelinks.LASTS - timedelta(minutes=5)
    assert (await fetched(table))[0] == 200
    rig.store.offset += timedelta(minutes=5)
    assert [(await fetched(one))[0] for one in (pdf, table)] == [404, 404]


async def test_a_run_that_is_not_over_has_no_document(rig: Rig, client: Client) -> None:
    await rig.job("report")
    _, told = await post(client, "/api/agents/jobs/report/trigger", {"parameters": {"do": "wait"}})
    async with client.get(f"/api/v1/runs/{told['chat_id']}/files") as answer:
        assert (await answer.json())["files"] == []

    async def now(turn: Turn) -> datetime:
        return turn.now

    until = int((await rig.turns.look(now)).timestamp()) + 60
    link = Link(told["chat_id"], documents.WHOLE, until)
    async with client.get(filelinks.address(b"signing", link, "x.pdf")) as answer:
        assert answer.status == 404
    rig.agent.gate.set()
