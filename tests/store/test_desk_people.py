"""Who may do what at the desk: roles, guests, the first admin, jobs that not everybody sees, secrets."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from core.desk.visit import Outcome
from core.people import Speaker
from core.store import tables
from core.store.database import Store
from tests.store.desk_rig import ALICE, BOB, CODE, GINA, Office, buttons, said

SECRET = "hunter2-c0rrect-horse"
VERA = Speaker("mailbox", "t", "vera", "Vera")


@pytest.fixture
async def vera(office: Office) -> Speaker:
    """A viewer."""
    await office.say("help", VERA)
    await office.done("role Vera viewer")
    return VERA


# roles


@pytest.mark.parametrize("act", ["run nightly", "cancel #1", "retry #1", "run #1", "cancel nightly"])
async def test_a_viewer_may_look_but_not_run(office: Office, vera: Speaker, act: str) -> None:
    await office.job("nightly")
    await office.ran("run nightly do=fail")
    for look in ("list", "show nightly", "show #1", "history", "status", "role", "help"):
        await office.done(look, vera)
    told = await office.refused(act, vera)
    verb = "cancel" if act.startswith("cancel") else "run"
    assert f"Only an operator can {verb} nightly; you are a viewer." in told
    assert "Alice can give you the role: role Vera operator" in told
    assert await office.count(tables.batches) == 1


async def test_a_job_may_ask_for_more_than_an_operator(office: Office) -> None:
    await office.job("payout", access={"run": "editor"})
    told = await office.refused("run payout", BOB)
    assert "Only an editor can run payout; you are an operator." in told
    await office.done("role Bob editor")
    await office.ran("run payout", BOB)


async def test_only_an_admin_gives_roles(office: Office) -> None:
    await office.say("help", VERA)
    told = await office.refused("role Vera admin", BOB)
    assert "Only an admin can give roles; you are an operator." in told
    assert "Alice can give you the role: role Bob admin" in told
    assert "Vera is now editor." in said((await office.done("role Vera editor")).message)
    assert "Vera has no role any more." in said((await office.done("role Vera nobody")).message)
    await office.refused("list", VERA)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("role Bob opperator", "There is no role opperator."),
        ("role Bobb editor", "Did you mean Bob?"),
        ("role Zoe editor", "Members are known from their first message on."),
        ("role Alice viewer", "You are the only admin"),
    ],
)
async def test_a_role_that_cannot_be_given_is_refused(office: Office, line: str, sentence: str) -> None:
    await office.say("help", BOB)
    assert sentence in await office.refused(line)
    roles = {row.name: row.role for row in await office.rows(tables.members)}
    assert roles == {"Alice": "admin", "Bob": "operator"}


async def test_namesakes_are_told_apart_by_their_address(office: Office) -> None:
    for number in (1, 2):
        await office.say("help", Speaker("mailbox", "t", f"bob{number}", "Bob", email=f"bob{number}@x.test"))
    assert "bob1@x.test, bob2@x.test" in await office.refused("role Bob editor")
    await office.done("role bob2@x.test editor")
    roles = {row.email: row.role for row in await office.rows(tables.members)}
    assert (roles["bob1@x.test"], roles["bob2@x.test"]) == ("operator", "editor")


async def test_two_admins_lowering_each_other_leave_one(office: Office) -> None:
    await office.say("help", BOB)
    await office.done("role Bob admin")
    await asyncio.gather(office.say("role Alice viewer", ALICE), office.say("role Bob viewer", BOB))
    roles = [row.role for row in await office.rows(tables.members)]
    assert "admin" in roles


# guests


@pytest.mark.parametrize(
    "line", ["list", "show nightly", "history", "status", "run nightly", "role", "next @daily"]
)
async def test_a_guest_is_nobody_until_an_admin_says_so(office: Office, line: str) -> None:
    await office.job("nightly")
    told = await office.refused(line, GINA)
    assert "you have no role here yet" in told
    assert "Alice can give you the role" in told
    hint = told.split("Alice can give you the role: ")[1].splitlines()[0]
    await office.done(hint)
    reply = await office.say(line, GINA)
    assert reply.outcome is Outcome.DONE


async def test_a_guest_is_known_from_a_refused_first_line_on(office: Office) -> None:
    await office.refused("what is this", GINA)
    assert {row.name: row.role for row in await office.rows(tables.members)} == {
        "Alice": "admin",
        "Gina Guest": None,
    }
    assert (await office.audit()).count("member.met") == 2


async def test_a_guest_is_told_no_job_by_help(office: Office) -> None:
    await office.job("nightly")
    assert "nightly" not in said((await office.done("help", GINA)).message)


# the first admin


async def test_the_first_admin_comes_forward_with_the_code(store: Store) -> None:
    office = Office(store)
    assert "That is not the code." in await office.refused("claim AAAA-AAAA", BOB)
    assert "You are now an admin, Bob." in said((await office.done(f"claim {CODE.lower()}", BOB)).message)
    assert "There is an admin already." in await office.refused(f"claim {CODE}", VERA)
    assert "member.claim" in await office.audit()


async def test_of_racing_claims_one_becomes_admin(store: Store) -> None:
    office = Office(store)
    people = [Speaker("mailbox", "t", f"p{number}", f"P{number}") for number in range(6)]
    for one in people:
        await office.say("help", one)
    replies = await asyncio.gather(*(office.say(f"claim {CODE}", one) for one in people))
    assert [reply.outcome for reply in replies].count(Outcome.DONE) == 1
    assert [row.role for row in await office.rows(tables.members)].count("admin") == 1


# what not everybody sees


async def test_a_hidden_job_is_nowhere_for_who_may_not_see_it(office: Office, vera: Speaker) -> None:
    await office.job("payout", access={"view": "admin", "run": "admin"})
    await office.job("nightly")
    await office.ran("run nightly")
    for _ in range(11):
        await office.ran("run payout")
    await office.done("run payout do=wait")
    for line in ("list", "history", "status", "help"):
        assert "payout" not in said((await office.done(line, vera)).message)
    assert "#1 nightly" in said((await office.done("history", vera)).message)
    for line in (
        "show payout",
        "history payout",
        "status payout",
        "run payout",
        "cancel payout",
        "retry payout",
    ):
        assert "There is no job called payout." in await office.refused(line, vera)
    for line in ("show #2", "status #2", "run #2", "cancel #2", "retry #2"):
        assert "There is no run #2 here." in await office.refused(line, vera)
    assert "payout" not in await office.refused("show payou", vera)
    assert "payout" not in await office.refused("show pa", vera)


# secrets

KEYED = {
    "parameters": {
        "do": {"default": "ok"},
        "token": {"secret": True},
        "pin": {"type": "integer", "secret": True, "default": 1234},
    }
}


async def test_a_secret_is_in_no_reply_row_or_log(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="core")
    await office.job("upload", **KEYED)
    replies = [await office.done(f"run upload token={SECRET} pin=998877")]
    await office.ended(1)
    assert office.agent.seen[0].parameters["token"] == SECRET
    replies += [
        await office.done(line) for line in ("show #1", "status #1", "history", "show upload", "list")
    ]
    replies += [await office.done("run #1")]
    await office.ended(2)
    assert office.agent.seen[1].parameters["token"] == SECRET
    await office.ran(f"run upload token={SECRET} do=crash")
    replies += [await office.done("retry #3")]
    await office.ended(4)
    told = "\n".join(said(reply.message) for reply in replies)
    for place in (told, await office.everything(), caplog.text):
        assert SECRET not in place
        assert "998877" not in place
    assert "token: ••••••" in told


async def test_a_refusal_repeats_no_secret(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="core")
    await office.job("upload", **KEYED)
    for line in (
        "run upload token={} pin=12x45",
        "run upload pin=12x45",
        "run upload token={} nope=1",
        "run upload tokn={}",
        "run uplaod token={}",
        'run uplaod token="{} and more"',
        "run upload token = {}",
        "rnu upload token={}",
        'run upload token="{}',
        "run upload token={} --nope",
        "show upload token={}",
    ):
        reply = await office.say(line.format(SECRET))
        assert reply.outcome in (Outcome.REFUSED, Outcome.FORM), line
        for place in (said(reply.message), await office.everything(), caplog.text):
            assert SECRET not in place, line
            assert "12x45" not in place, line


async def test_a_refusal_repeats_what_is_no_secret(office: Office) -> None:
    await office.job("upload", **KEYED)
    reply = await office.say("run uplaod do=fast")
    assert "/job run uplaod do=fast" in said(reply.message)
    assert buttons(reply) == ["run upload do=fast"]


async def test_a_platforms_prefix_is_not_repeated_twice(office: Office) -> None:
    told = await office.refused("/job run nothing")
    assert "/job /job" not in told
    assert "/job run nothing" in told


async def test_somebody_known_under_a_new_name_stays_the_same_member(office: Office) -> None:
    await office.say("help", BOB)
    await office.say("help", replace(BOB, name="Robert"))
    assert await office.count(tables.members) == 2


async def test_a_mention_names_the_member_behind_its_platform_id(office: Office) -> None:
    await office.say("help", Speaker("mailbox", "t", "U77", "Robert"))
    assert "Robert is now editor." in said((await office.done("role @U77 editor")).message)
    assert "Nobody here is called @U78." in await office.refused("role @U78 editor")
