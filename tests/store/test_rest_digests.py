"""Digests over HTTP: what members do by command, with the same roles, rules and audit."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from core import keys
from core.store import tables
from tests.store.rig import Rig
from tests.store.test_rest_races import Client, client

__all__ = ["client"]

AT = "/api/v1/channels/slack:%23growth/digests"


async def _key(rig: Rig, *permissions: str, jobs: tuple[str, ...] = ()) -> dict[str, str]:
    made, text = await rig.turns.take(
        lambda turn: keys.create(turn, rig.alice, "-".join(permissions), list(permissions), job_names=jobs)
    )
    return {"X-API-Key": text, "X-Organization-Id": made.organization_id}


async def _ask(client: Client, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    async with client.request(method, path, json=body, **more) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_digest_is_put_read_changed_shown_and_switched_off(rig: Rig, client: Client) -> None:
    await rig.job("report", tags=("marketing",))
    editor = {"headers": await _key(rig, "editor")}
    wanted = {"when": "every friday at 16:00", "timezone": "Europe/Amsterdam", "jobs": ["report"]}
    status, made = await _ask(client, "PUT", f"{AT}/friday", wanted, **editor)
    assert status == 200, made
    assert (made["name"], made["channel"], made["jobs"]) == ("friday", "slack:#growth", ["report"])
    assert (made["timezone"], made["described"]) == ("Europe/Amsterdam", "every Friday at 16:00")
    assert len(made["next"]) == 5
    assert (await _ask(client, "GET", f"{AT}/friday"))[1] == made
    changed = await _ask(client, "PUT", f"{AT}/friday", {"when": "@daily", "tags": ["marketing"]}, **editor)
    assert (changed[1]["id"], changed[1]["jobs"], changed[1]["tags"]) == (made["id"], [], ["marketing"])
    listed = (await _ask(client, "GET", "/api/v1/digests"))[1]["digests"]
    assert listed == (await _ask(client, "GET", "/api/v1/digests?channel=slack:%23growth"))[1]["digests"]
    assert [one["name"] for one in listed] == ["friday"]
    assert (await _ask(client, "GET", "/api/v1/digests?channel=slack:%23ops"))[1] == {"digests": []}
    status, now = await _ask(client, "GET", f"{AT}/friday/now")
    assert (status, now["text"][:17]) == (200, "Nothing ran since")
    assert await rig.count(tables.digest_posts) == 0
    status, gone = await _ask(client, "DELETE", f"{AT}/friday", **editor)
    assert (status, gone["enabled"], gone["next"]) == (200, False, [])
    assert (await _ask(client, "GET", f"{AT}/friday"))[0] == 404
    assert (await _ask(client, "DELETE", f"{AT}/friday", **editor))[0] == 404
    async with rig.store.reading() as connection:
        acts = await connection.scalars(
            sa.select(tables.audit.c.action).where(tables.audit.c.action.like("digest.%"))
        )
        assert list(acts) == ["digest.save", "digest.save", "digest.off"]


async def test_a_digest_needs_an_editor_and_a_key_for_every_job(rig: Rig, client: Client) -> None:
    await rig.job("report")
    wanted = {"when": "@daily"}
    assert (await _ask(client, "PUT", f"{AT}/daily", wanted))[0] == 403  # the client's key is an operator's
    limited = {"headers": await _key(rig, "agent_jobs_read", jobs=("report",))}
    for path in ("/api/v1/digests", f"{AT}/daily", f"{AT}/daily/now"):
        status, said = await _ask(client, "GET", path, **limited)
        assert (status, "limited to jobs" in said["detail"]) == (403, True)
    assert await rig.count(tables.digests) == 0


async def test_what_cannot_be_a_digest_is_refused_and_leaves_no_channel(rig: Rig, client: Client) -> None:
    await rig.job("report")
    editor = {"headers": await _key(rig, "editor")}
    before = await rig.count(tables.channels)
    for path, wanted, told in (
        (f"{AT}/Not A Name", {"when": "@daily"}, "cannot be the name"),
        (f"{AT}/daily", {"when": "whenever"}, ""),
        (f"{AT}/daily", {"when": "* * * * *"}, "at most every 10 minutes"),
        (f"{AT}/daily", {"when": "@daily", "timezone": "Mars/Olympus"}, ""),
        (f"{AT}/daily", {"when": "@daily", "hours": 1}, "hours"),
        ("/api/v1/channels/pigeon:x/digests/daily", {"when": "@daily"}, "is no channel"),
    ):
        status, said = await _ask(client, "PUT", path, wanted, **editor)
        assert (status, told in str(said)) == (422, True), said
    for chosen in ("jobs", "tags"):
        unknown = {"when": "@daily", chosen: ["nothing"]}
        assert (await _ask(client, "PUT", f"{AT}/daily", unknown, **editor))[0] == 404
    assert (await _ask(client, "GET", f"{AT}/daily"))[0] == 404
    assert await rig.count(tables.channels) == before
