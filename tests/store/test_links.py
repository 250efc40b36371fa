"""`link`: one person with accounts on several platforms is one member; once, in time, and safely."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest

from core.desk.visit import Outcome, Request
from core.people import Speaker, Standing
from core.ports import Channel
from core.store import tables
from tests.store.desk_rig import ALICE, BOB, Office, said

ALICE_TEAMS = Speaker("teams", "tenant", "alice-entra", "Alice A.", email="alice@example.com")
BOB_TEAMS = Speaker("teams", "tenant", "bob-entra", "Bob B.")
GUEST = Speaker("teams", "tenant", "gina-entra", "Gina", Standing.GUEST)


async def code(office: Office, speaker: Speaker) -> str:
    """The speaker's new code."""
    reply = await office.done("link", speaker)
    assert reply.confidential
    found = re.search(r"link (\w{4}-\w{4})", said(reply.message))
    assert found is not None
    return found[1]


async def people_of(office: Office) -> dict[str, str]:
    """external id -> name of the member behind it."""
    members = {row.pk: row.name for row in await office.rows(tables.members)}
    return {row.external_id: members[row.member] for row in await office.rows(tables.identities)}


async def test_a_code_of_one_platform_joins_the_account_of_another(office: Office) -> None:
    made = await code(office, ALICE)
    await office.job("report")
    await office.ran("run report", ALICE_TEAMS)
    answer = said((await office.done(f"link {made.lower()}", ALICE_TEAMS)).message)
    assert "You are one member now, Alice: known in Mailbox and Teams, as admin." in answer
    assert await people_of(office) == {"alice": "Alice", "alice-entra": "Alice"}
    listed = said((await office.done("role", ALICE_TEAMS)).message)
    assert "Alice admin alice@example.com" in listed
    assert "Alice A." not in listed
    (batch,) = await office.rows(tables.batches)
    (alice,) = [row for row in await office.rows(tables.members) if row.name == "Alice"]
    assert batch.member == alice.pk
    assert "member.linked" in await office.audit()


async def test_a_code_holds_once(office: Office) -> None:
    made = await code(office, ALICE)
    await office.done(f"link {made}", ALICE_TEAMS)
    assert "not known" in await office.refused(f"link {made}", BOB_TEAMS)


async def test_a_code_ends_after_ten_minutes(office: Office) -> None:
    made = await code(office, ALICE)
    office.store.offset += timedelta(minutes=10, seconds=1)
    assert "not known" in await office.refused(f"link {made}", ALICE_TEAMS)


async def test_a_new_code_takes_the_place_of_the_old_one(office: Office) -> None:
    old, new = await code(office, ALICE), await code(office, ALICE)
    assert "not known" in await office.refused(f"link {old}", ALICE_TEAMS)
    await office.done(f"link {new}", ALICE_TEAMS)


async def test_of_several_who_say_one_code_at_once_one_is_joined(office: Office) -> None:
    made = await code(office, ALICE)
    others = [Speaker("teams", f"tenant{number}", f"u{number}", f"U{number}") for number in range(6)]
    replies = await asyncio.gather(*(office.say(f"link {made}", one) for one in others))
    assert [reply.outcome for reply in replies].count(Outcome.DONE) == 1
    assert list((await people_of(office)).values()).count("Alice") == 2


async def test_who_is_talked_into_saying_a_code_gives_no_role_away(office: Office) -> None:
    await office.done("list", ALICE)
    made = await code(office, BOB_TEAMS)
    told = await office.refused(f"link {made}", ALICE)
    assert "You are admin here" in told
    assert (await people_of(office))["alice"] == "Alice"
    # The code was shown to others with the refusal: it is used up.
    assert "not known" in await office.refused(f"link {made}", BOB)
    made = await code(office, ALICE)
    await office.done(f"link {made}", BOB_TEAMS)


async def test_a_guest_account_becomes_one_with_a_members(office: Office) -> None:
    made = await code(office, BOB)
    assert "operator" in said((await office.done(f"link {made}", GUEST)).message)


async def test_two_accounts_of_one_place_stay_two_members(office: Office) -> None:
    made = await code(office, ALICE)
    assert "the same place" in await office.refused(f"link {made}", BOB)
    made = await code(office, ALICE)
    assert "with this account" in await office.refused(f"link {made}", ALICE)


async def test_a_code_of_another_organization_is_not_known(office: Office) -> None:
    made = await code(office, ALICE)
    request = Request(ALICE_TEAMS, Channel("teams", "x"), f"link {made}", "k1", organization="other")
    assert (await office.desk.answer(request)).outcome is Outcome.REFUSED
    await office.done(f"link {made}", BOB_TEAMS)  # nobody there could use it up


@pytest.mark.parametrize("wrong", ["link ABCD-EFGH", "link x", "link '; drop table members'"])
async def test_a_wrong_code_joins_nobody(office: Office, wrong: str) -> None:
    await code(office, ALICE)
    await office.refused(wrong, ALICE_TEAMS)
    assert (await people_of(office))["alice-entra"] == "Alice A."


async def test_the_code_stands_nowhere_in_the_database(office: Office) -> None:
    made = await code(office, ALICE)
    kept = await office.everything()
    assert made not in kept
    assert made.replace("-", "") not in kept


async def test_a_link_delivered_again_gets_the_first_answer(office: Office) -> None:
    made = await code(office, ALICE)
    first = await office.say(f"link {made}", ALICE_TEAMS, key="k1")
    again = await office.say(f"link {made}", ALICE_TEAMS, key="k1")
    assert first.outcome is again.outcome is Outcome.DONE
    assert first.message.text == again.message.text


async def test_who_was_joined_may_link_further_accounts_and_lose_the_role(office: Office) -> None:
    await office.done(f"link {await code(office, BOB)}", BOB_TEAMS)
    third = Speaker("console", "local", "bob", "bob")
    await office.done(f"link {await code(office, BOB_TEAMS)}", third)
    await office.done("role Bob nobody", ALICE)
    for speaker in (BOB, BOB_TEAMS, third):
        assert "no role here" in await office.refused("list", speaker)
