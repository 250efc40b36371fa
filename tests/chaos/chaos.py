"""One run of chaos: a world, a monkey, people who ask, rest, and the proofs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.monkey import Monkey, quiet
from tests.chaos.proof import Proof
from tests.chaos.proxy import Proxy, proxy
from tests.chaos.world import PATIENCE, World, world

SEED, MINUTE = 1, 60.0  # what `make test` plays, in seconds
ASKS = 1.5  # seconds between two wishes, on average
RECYCLED, CUT = 4.0, 0.03  # seconds that a connection lives; the share of commits whose answer is lost


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played."""

    folder: Path
    address: str
    engine: str
    nodes: int
    seconds: float
    seed: int
    outage: float = 2.0  # seconds that the database is away at most


async def play(plan: Plan) -> list[str]:
    """Play it; returns what was broken. Everything is printed, the seed first."""
    roles = ["serve"] if plan.address.startswith("sqlite") else _roles(plan.nodes)
    print(f"chaos: seed {plan.seed}, {plan.engine}, {', '.join(roles)}, {plan.seconds:.0f} s", flush=True)
    async with world(plan.folder, plan.address, plan.engine, roles, plan.seed) as made:
        await made.ready()
        monkey = Monkey(made, outage=plan.outage)
        asking = asyncio.create_task(_ask(made))
        try:
            await monkey.rage(plan.seconds)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await monkey.calm()
        made.tell(f"calm after {monkey.count} blows")
        await quiet(made)
        proof = Proof(made)
        print(json.dumps(proof.figures(), default=str), flush=True)
        mistakes = proof.mistakes() + monkey.left
        for node in made.nodes:
            if node.serving is not None and (code := await asyncio.to_thread(node.serving.terminate)):
                mistakes.append(f"{node.name} left with {code}: {node.serving.said[-1000:]}")
        for mistake in mistakes:
            print(f"BROKEN {mistake}", flush=True)
        return mistakes


async def distrust(plan: Plan) -> tuple[list[str], Proxy]:
    """Play without a monkey, on a way to PostgreSQL that recycles connections and cuts commits."""
    async with proxy(plan.address, age=RECYCLED, cut=CUT, seed=plan.seed) as (way, address):
        roles = _roles(plan.nodes)
        async with world(plan.folder, plan.address, plan.engine, roles, plan.seed, via=address) as made:
            await made.ready()
            way.trusted = False
            asking = asyncio.create_task(_ask(made))
            await asyncio.sleep(plan.seconds)
            async with asyncio.timeout(PATIENCE):  # a slow machine commits less
                while not (way.recycled and way.commits_cut):
                    await asyncio.sleep(0.5)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            way.trusted = True
            made.tell(f"calm after {way.recycled} recycled connections and {way.commits_cut} cut commits")
            await quiet(made)
            proof = Proof(made)
            print(json.dumps(proof.figures(), default=str), flush=True)
            return proof.mistakes(), way


async def _ask(made: World) -> None:
    """People say lines, whatever happens."""
    asks: set[asyncio.Task[None]] = set()
    number = 0
    try:
        while True:
            await asyncio.sleep(made.chance.uniform(0.2, ASKS * 2))
            number += 1
            one = asyncio.create_task(made.ask(number))
            asks.add(one)
            one.add_done_callback(asks.discard)
    finally:
        await asyncio.gather(*asks, return_exceptions=True)


def _roles(nodes: int) -> list[str]:
    """At least two serve; the rest are workers, one in three at least."""
    workers = max(1, nodes // 3) if nodes > 2 else 0
    return ["serve"] * (nodes - workers) + ["worker"] * workers
