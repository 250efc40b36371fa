"""audit: who did what, told to admins."""

from __future__ import annotations

from core.store import tables
from tests.store.desk_rig import BOB, Office, buttons, said


async def test_who_did_what_is_told_newest_first(office: Office) -> None:
    await office.job("nightly")
    await office.ran("run nightly", BOB)
    await office.done("role Bob editor")
    told = said((await office.done("audit")).message)
    lines = [line for line in told.splitlines() if "Alice" in line or "Bob" in line]
    assert "Alice gave a role" in lines[0]
    assert "from operator · to editor" in lines[0]
    assert any("Bob started" in line and "nightly · #1" in line for line in lines)
    assert "when (UTC)" in told


async def test_a_target_narrows_it(office: Office) -> None:
    for name in ("nightly", "hourly"):
        await office.job(name)
        await office.done(f"schedule {name} @daily --yes")
        await office.ran(f"run {name}")
    await office.done("sets nightly x do=ok")
    told = said((await office.done("audit nightly")).message)
    assert all(one in told for one in ("saved a schedule", "started", "saved a parameter set"))
    assert "hourly" not in told
    told = said((await office.done("audit #2")).message)
    assert "hourly · #2" in told
    assert "saved a schedule" not in told
    assert "There is no job called nightli" in await office.refused("audit nightli")


async def test_it_goes_page_by_page(office: Office) -> None:
    await office.job("nightly")
    for number in range(17):
        await office.done(f"sets nightly s{number} do=ok")
    reply = await office.done("audit nightly")
    assert buttons(reply) == ["audit nightly page=2"]
    last = await office.done("audit nightly page=2")
    assert buttons(last) == []
    assert "set s0" in said(last.message)
    assert "set s16" not in said(last.message)
    assert "There is no page 3" in said((await office.done("audit nightly page=3")).message)


async def test_only_admins_see_it(office: Office) -> None:
    assert "Only an admin can see who did what" in await office.refused("audit", BOB)
    before = len(await office.rows(tables.audit))
    await office.done("audit")
    assert len(await office.rows(tables.audit)) == before
