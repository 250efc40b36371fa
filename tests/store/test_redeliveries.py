"""Claims, installations and patience, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from core import installations, people, redeliveries
from core.definitions import Role
from core.errors import Busy
from core.installations import Installation
from core.people import Speaker, Standing
from core.store import tables
from core.store.database import Store
from core.turns import Turn, Turns
from core.vault import Vault
from tests.limits import within

VAULT = Vault([Fernet.generate_key().decode()])


async def organization(turns: Turns) -> int:
    return await turns.take(lambda turn: people.organization(turn))


async def test_of_many_that_claim_a_key_one_gets_it(store: Store) -> None:
    turns = Turns(store)
    number = await organization(turns)
    claims = await asyncio.gather(
        *(turns.take(lambda turn: redeliveries.claim(turn, number, "x", "k")) for _ in range(8))
    )
    assert sum(one is not None for one in claims) == 1


async def test_a_claim_whose_process_died_is_taken_over_by_one(store: Store) -> None:
    turns = Turns(store)
    number = await organization(turns)
    first = await turns.take(lambda turn: redeliveries.claim(turn, number, "x", "k"))
    assert first is not None
    assert await turns.look(lambda turn: redeliveries.settled(turn, number, "x", "k"))
    store.offset = redeliveries.ABANDONED + timedelta(seconds=1)
    assert not await turns.look(lambda turn: redeliveries.settled(turn, number, "x", "k"))
    claims = await asyncio.gather(
        *(turns.take(lambda turn: redeliveries.claim(turn, number, "x", "k")) for _ in range(6))
    )
    (again,) = [one for one in claims if one is not None]
    await turns.take(lambda turn: redeliveries.settle(turn, again))
    store.offset *= 3
    assert await turns.look(lambda turn: redeliveries.settled(turn, number, "x", "k"))
    assert await turns.take(lambda turn: redeliveries.claim(turn, number, "x", "k")) is None


async def test_a_claim_that_is_given_back_may_be_claimed_at_once(store: Store) -> None:
    turns = Turns(store)
    number = await organization(turns)
    first = await turns.take(lambda turn: redeliveries.claim(turn, number, "x", "k"))
    assert first is not None
    await turns.take(lambda turn: redeliveries.give_up(turn, first))
    assert await turns.take(lambda turn: redeliveries.claim(turn, number, "x", "k")) is not None


def made(tenant: str, token: str = "xoxb-1") -> Installation:
    return Installation("slack", tenant, "", f"Team {tenant}", token, "UB", "B")


async def test_workspaces_that_install_at_once_share_no_organization(store: Store) -> None:
    turns = Turns(store)
    saved = await asyncio.gather(
        *(
            turns.take(lambda turn, one=f"T{n}": installations.save(turn, made(one), None, VAULT))  # type: ignore[misc]
            for n in range(5)
        )
    )
    names = [one.organization for one in saved]
    assert len(set(names)) == 5
    assert names.count(people.DEFAULT) == 1


async def test_installing_again_keeps_the_organization_and_replaces_the_token(store: Store) -> None:
    turns = Turns(store)
    ana = Speaker("slack", "T1", "U1", "Ana", Standing.MEMBER)
    await turns.take(lambda turn: installations.save(turn, made("T1", "old"), ana, VAULT))
    await turns.take(lambda turn: installations.save(turn, made("T2"), None, VAULT))
    again = await turns.take(lambda turn: installations.save(turn, made("T1", "new"), None, VAULT))
    assert again.organization == people.DEFAULT
    found = await turns.look(lambda turn: installations.find(turn, "slack", "T1", "", VAULT))
    assert found is not None
    assert found.token == "new"
    member = await turns.look(lambda turn: people.known(turn, ana))
    assert member is not None
    assert member.role is Role.ADMIN
    every = await turns.look(lambda turn: installations.every(turn, "slack", VAULT))
    assert [one.tenant for one in every] == ["T1", "T2"]


async def test_who_writes_long_keeps_the_patient_waiting_no_longer_than_they_said(store: Store) -> None:
    turns = Turns(store)
    number = await organization(turns)
    other = Store(
        store.address.render_as_string(hide_password=False).replace("+onehop", "").replace("+psycopg", "")
    )

    async def rename(turn: Turn) -> None:
        await turn.connection.execute(
            tables.organizations.update().where(tables.organizations.c.pk == number).values(name="other")
        )

    async with other.transaction() as connection:
        await connection.execute(
            tables.organizations.update().where(tables.organizations.c.pk == number).values(timezone="UTC")
        )
        with within(8), pytest.raises(Busy):  # others are patient for ten seconds
            await turns.take(rename, patience=timedelta(milliseconds=300))
    await turns.take(rename, patience=timedelta(seconds=60))
    async with store.reading() as connection:
        query = sa.select(tables.organizations.c.name).where(tables.organizations.c.pk == number)
        assert await connection.scalar(query) == "other"
    await other.close()
