"""The world that chaos is let loose on: a workspace, real nodes, a strict Slack, people who ask."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import sqlalchemy as sa
from cryptography.fernet import Fernet

from core.store import dialects
from tests.acceptance.program_rig import Program, Serving, program
from tests.channels.fake_slack import FakeSlack
from tests.channels.slack_office import SCOPES

LEASE, DRAIN = 3, 3  # seconds
FAULT = "Something went wrong in the bot itself"
PATIENCE = 180.0  # seconds until a calm world has to be at rest, on a busy machine

SCRIPT = """#!/bin/sh
# effect.sh LANE STEPS FAILS WISH: leaves a line for each sign of life
me="$1 $SLASHJOB_RUN_ID $SLASHJOB_ATTEMPT $4"
echo "begin $me" >> effects
step=0
while [ $step -lt "$2" ]; do sleep 0.2; echo "alive $me" >> effects; step=$((step + 1)); done
[ "$SLASHJOB_ATTEMPT" -gt "$3" ] || exit 1
echo "end $me" >> effects
"""
JOBS = """\
agents:
  scripts: {{kind: command}}
jobs:
  skips:
    agent: scripts
    command: [effect.sh, skips, "8", "0", "{{wish}}"]
    parameters: {{wish: {{default: none}}}}
    overlap: skip
    channel: "slack:{skips}"
    {schedules} [{{every: 2s, name: skips}}]
  queues:
    agent: scripts
    command: [effect.sh, queues, "3", "0", "{{wish}}"]
    parameters: {{wish: {{default: none}}}}
    overlap: {{policy: queue, cap: 10}}
    retry: {{attempts: 3, delay: 200ms}}
    channel: "slack:{queues}"
    {schedules} [{{every: 4s, name: queues}}]
  replaces:
    agent: scripts
    command: [effect.sh, replaces, "20", "0", "{{wish}}"]
    parameters: {{wish: {{default: none}}}}
    overlap: replace
    channel: "slack:{replaces}"
    {schedules} [{{every: 6s, name: replaces}}]
  allows:
    agent: scripts
    command: [effect.sh, allows, "2", "0", "{{wish}}"]
    parameters: {{wish: {{default: none}}}}
    overlap: allow
    max_parallel: 3
    rerun_interrupted: true
    channel: "slack:{allows}"
    {schedules} [{{every: 2s, name: allows}}]
  flaky:
    agent: scripts
    command: [effect.sh, flaky, "1", "1", "{{wish}}"]
    parameters: {{wish: {{default: none}}}}
    overlap: queue
    retry: {{attempts: 4, delay: 200ms}}
    channel: "slack:{flaky}"
    {schedules} [{{every: 6s, name: flaky}}]
  many:
    agent: scripts
    command: [effect.sh, many, "1", "0", "{{wish}}"]
    parameters: {{wish: {{default: none}}, n: {{type: integer}}}}
    overlap: {{policy: queue, cap: 10}}
    max_parallel: 2
    retry: {{attempts: 2, delay: 200ms}}
  pairs:
    agent: scripts
    command: [effect.sh, "pairs-{{key}}", "4", "0", none]
    parameters: {{key: {{choices: [a, b]}}}}
    overlap: {{policy: skip, scope: job+parameters}}
"""
ALONE = ("skips", "queues", "replaces", "flaky", "many", "pairs-a", "pairs-b")
POSTING = ("skips", "queues", "replaces", "allows", "flaky")
CAPS = {"many": 2, "allows": 3}
ASKED = ("run skips wish={}", "run queues wish={}", "run replaces wish={}", "run many n=1..5 wish={}",
         "run pairs key=a", "run pairs key=b", "run flaky wish={}")  # fmt: skip


@dataclass
class Node:
    """One process, by what it is started as; started again where it is dead."""

    name: str
    role: str
    serving: Serving | None = None
    frozen: bool = False
    leaving: bool = False  # it was killed or terminated, and will be started again
    killed: bool = False

    @property
    def dead(self) -> bool:
        """Its process has ended."""
        return self.serving is not None and self.serving.process.poll() is not None

    @property
    def alive(self) -> bool:
        """It runs, and is not stopped."""
        return self.serving is not None and self.serving.process.poll() is None and not self.frozen


@dataclass
class World:
    """Everything of one chaos run."""

    home: Program
    slack: FakeSlack
    channels: dict[str, str]
    """a channel per job that posts by itself, by the job's name: Slack takes one message a second in each"""
    ana: str
    nodes: list[Node]
    chance: random.Random
    engine: sa.Engine
    accepted: dict[str, str] = field(default_factory=dict)
    """wishes that were acknowledged without a word, and the key of the address by which they are answered"""
    answers: Counter[str] = field(default_factory=Counter)
    """how what people said was answered"""
    faults: list[str] = field(default_factory=list)
    """answers that told of an error of the bot's own"""
    said: list[str] = field(default_factory=list)

    @property
    def sqlite(self) -> bool:
        """One process at a time executes."""
        return self.engine.dialect.name == "sqlite"

    @property
    def effects(self) -> list[list[str]]:
        """What the jobs really did, in order: [sign, lane, run, attempt, wish]."""
        path = self.home.folder / "effects"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def tell(self, text: str) -> None:
        """Write down what is done to the world."""
        self.said.append(f"{time.strftime('%H:%M:%S')} {text}")
        print(self.said[-1], flush=True)

    def start(self, node: Node) -> None:
        """Start a node that is dead."""
        node.frozen = node.leaving = node.killed = False
        node.serving = self.home.start(node.role)

    async def ready(self) -> None:
        """Wait until every node does its work."""
        async with asyncio.timeout(PATIENCE):
            while not all(_works(node) for node in self.nodes):
                await asyncio.sleep(0.1)

    async def ask(self, number: int) -> None:
        """Somebody says a line; as Slack does with events, it is brought again until somebody takes it."""
        text = self.chance.choice(ASKED).format(f"w{number}")
        channel = self.chance.choice(list(self.channels.values()))
        fields = self.slack.slash(text, channel, self.ana)
        way_back = fields["response_url"].rpartition("/")[2]
        body, headers = self.slack.form(fields)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            for _ in range(8):
                serves = [one for one in self.nodes if one.role == "serve" and one.serving is not None]
                answer = await self._bring(session, self.chance.choice(serves), body, headers)
                if answer is not None:
                    break
                await asyncio.sleep(0.5)
        if answer == "" and "wish" in text:
            self.accepted[f"w{number}"] = way_back

    def told(self, wish: str) -> bool:
        """Whoever wished it was answered afterwards."""
        issued = self.slack.response_urls.get(self.accepted[wish])
        return issued is not None and bool(issued.said)

    async def _bring(
        self, session: aiohttp.ClientSession, node: Node, body: bytes, headers: dict[str, str]
    ) -> str | None:
        """What it was answered at once; None where it was not taken."""
        if node.serving is None or "serves on http" not in node.serving.said:
            return None
        try:
            url = f"http://127.0.0.1:{node.serving.port}/slack/events"
            async with session.post(url, data=body, headers=headers) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.answers[type(error).__name__] += 1
            return None
        self.answers[f"{answer.status}{' with a refusal' if text else ''}"] += 1
        if FAULT in text:
            self.faults.append(text)
        return text if answer.status == 200 else None

    def keep(self) -> None:
        """Write down what only this process knows, beside the rows and what the nodes said."""
        known = {
            "wishes": {wish: self.told(wish) for wish in self.accepted},
            "ephemerals": self.slack.ephemerals,
            "messages": {key: place.messages for key, place in self.slack.places.items()},
        }
        (self.home.folder / "slack.json").write_text(json.dumps(known, indent=1, default=str))

    def write(self, *, scheduled: bool) -> None:
        """Write the job file; without schedules the world comes to rest."""
        made = JOBS.format(**self.channels, schedules="schedules:" if scheduled else "tags: [] #")
        (self.home.folder / "slashjob.yml").write_text(made)


def _works(node: Node) -> bool:
    said = node.serving.said if node.serving is not None else ""
    if node.serving is not None and node.serving.process.poll() is not None:
        raise AssertionError(f"{node.name} has ended: {said[-2000:]}")
    return worked(node)


def worked(node: Node) -> bool:
    """Its process has come so far that it did its work."""
    said = node.serving.said if node.serving is not None else ""
    return ("serves on http" if node.role == "serve" else "worker executes") in said


@asynccontextmanager
async def world(
    folder: Path, address: str, engine: str, roles: list[str], seed: int, *, via: str = ""
) -> AsyncIterator[World]:
    """A world that runs, on an empty database; its nodes reach it `via` another address where given."""
    settings = {
        "DATABASE_URL": via or address,
        "SLASHJOB_ENGINE": engine,
        "SLASHJOB_SECRET_KEYS": Fernet.generate_key().decode(),
        "SLASHJOB_LEASE": f"{LEASE}s",
        "SLASHJOB_DRAIN": f"{DRAIN}s",
        "SLASHJOB_LOG_LEVEL": "WARNING",
    }
    url = sa.make_url(address)
    looks = sa.create_engine(
        url.set(drivername="sqlite+pysqlite" if dialects.is_sqlite(url) else "postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=True,
    )
    async with FakeSlack() as slack:
        slack.limited = False
        slack.install(scopes=SCOPES)
        ana = slack.person("Ana", email="ana@example.com")
        channels = {name: slack.channel(name, members=(ana,)) for name in POSTING}
        settings |= {
            "SLACK_BOT_TOKEN": slack.token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.url,
        }
        with program(folder, **settings) as home:
            script = folder / "effect.sh"
            script.write_text(SCRIPT)
            script.chmod(0o755)
            nodes = [Node(f"{role} {number}", role) for number, role in enumerate(roles, 1)]
            made = World(home, slack, channels, ana, nodes, random.Random(seed), looks)
            made.write(scheduled=True)
            await asyncio.to_thread(home.run, "migrate")
            await asyncio.to_thread(home.run, "apply")
            for node in nodes:
                made.start(node)
            try:
                yield made
            finally:
                for node in nodes:
                    if node.frozen and node.serving is not None:
                        node.serving.process.send_signal(signal.SIGCONT)
                made.keep()
                looks.dispose()
