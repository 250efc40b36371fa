"""A rig with agents from files and an editor, Edith, for jobs that people make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from core import ids, jobfiles, jobs, people, revisions, schedules, workspaces
from core.definitions import AgentDefinition, JobDefinition, Role, SourceDefinition
from core.desk.visit import Reply, Request
from core.jobfiles import Workspace
from core.jobs import Job
from core.people import Member, Speaker
from core.ports import Channel
from core.revisions import Revised
from core.turns import Turn
from tests.store.desk_rig import ALICE, Office

EDITH = Speaker("mailbox", "t", "edith", "Edith")
CONSOLE = Channel("console", "general")
SHOP = SourceDefinition(url="sqlite:///shop.db")
SOURCES = {"shop": SHOP}
AGENTS = {"analyst": AgentDefinition(kind="report", source="shop"), "shell": AgentDefinition(kind="command")}
PLACES: Any = {("jobs", "nightly"): jobfiles.Place("jobs/nightly.yml", 3)}
FILE_JOB = JobDefinition.model_validate({"agent": "shell", "command": ["/bin/true"]})
REPORT: dict[str, Any] = {
    "agent": "analyst",
    "channel": "console:general",
    "parameters": {"campaign_id": {"type": "integer", "min": 1}, "key": {"secret": True}},
    "questions": [{"name": "total", "sql": "select 1 as total where 1 = :campaign_id"}],
}
PLAIN: dict[str, Any] = {"agent": "shell", "command": ["/bin/echo", "{word}"], "parameters": {"word": {}}}


class Studio(Office):
    """An office with agents from files and an editor, Edith."""

    edith: Member

    async def begin(self, workspace: Workspace | None = None) -> None:
        found = workspace or Workspace(SOURCES, AGENTS, {"nightly": FILE_JOB}, PLACES)

        async def work(turn: Turn) -> None:
            await workspaces.apply(turn, self.alice, found, vault=self.vault)
            met = await people.recognize(turn, EDITH, organization=self.organization)
            self.edith = await people.give_role(turn, self.alice, met, Role.EDITOR)

        await self.turns.take(work)

    async def say(self, line: str, speaker: Speaker = ALICE, *, key: str = "") -> Reply:
        return await self.desk.answer(
            Request(speaker=speaker, channel=CONSOLE, text=line, key=key or ids.new())
        )

    async def do(self, work: Callable[[Turn], Awaitable[Any]]) -> Any:
        return await self.turns.take(work)

    async def make(self, name: str, written: dict[str, Any]) -> Revised:
        made: Revised = await self.do(
            lambda turn: revisions.make(turn, self.edith, name, written, vault=self.vault)
        )
        return made

    async def change(self, name: str, **written: Any) -> Revised:
        async def work(turn: Turn) -> Revised:
            job = await jobs.find(turn, self.organization, name)
            return await revisions.change(turn, self.edith, job, written, vault=self.vault)

        changed: Revised = await self.do(work)
        return changed

    async def found(self, name: str) -> Job:
        job: Job = await self.do(lambda turn: jobs.find(turn, self.organization, name))
        return job

    async def due(self) -> dict[str, datetime | None]:
        found = await self.do(lambda turn: schedules.of_organization(turn, self.organization))
        return {one.name: one.timetable.first_after(one.settled_until) for one in found}

    async def exported(self) -> str:
        return jobfiles.write(await self.do(lambda turn: workspaces.export(turn, self.organization)))
