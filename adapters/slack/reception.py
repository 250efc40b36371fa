"""What every delivery of Slack needs: its workspace, its speaker, the desk's answer, and doing things once.

Nothing is decided here. What somebody says is stored before Slack hears that it arrived (core/inbox.py); a
form that is submitted is answered by Slack's own answer, and what it starts is stored by the desk before.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from adapters.slack import home, inbound, replies
from adapters.slack.inbound import Origin, Said
from adapters.slack.rooms import Rooms
from adapters.slack.speakers import Speakers
from adapters.slack.workspaces import FAULTS, Workspace, Workspaces, error_of
from core import people, redeliveries
from core.desk.desk import Desk
from core.desk.visit import Outcome, Reply, Request
from core.errors import Busy
from core.inbox import Inbox, PutOff, Reopen
from core.messages import Message
from core.ports import Channel
from core.turns import Turn, Turns
from core.turnstile import Turnstile
from core.vault import Vault
from core.wording import refusals

_log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds for the database, counted from the arrival: then the asker hears "busy"
LEAST_PATIENCE = 0.3
DESK_PATIENCE = 10.0  # seconds for the database, once Slack was answered
IN_TIME = 2.3  # seconds after which Slack is answered while the rest of the work goes on
STOP_LIMIT = 5.0  # seconds that unfinished answers get when the process stops
HEARD = "slack:heard"  # source of the keys of what was stored before Slack was answered


class Reception:
    """Shared by all listeners of one process. `reopen` makes the work of what was stored."""

    def __init__(
        self,
        desk: Desk,
        turns: Turns,
        workspaces: Workspaces,
        vault: Vault,
        reopen: Callable[[Reception], Reopen],
        turnstile: Turnstile | None = None,
    ) -> None:
        self.desk = desk
        self.turns = turns
        self.workspaces = workspaces
        self.inbox = Inbox(turns, vault, HEARD, reopen(self))
        self.turnstile = turnstile or Turnstile()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.speakers = Speakers(turns, self.later)
        self.rooms = Rooms()
        self._homes: set[tuple[str, str]] = set()  # who has opened their App Home since the start

    async def workspace(self, origin: Origin) -> Workspace | None:
        """The workspace that it came from.

        Raises:
            Busy: Slack did not tell whose SLACK_BOT_TOKEN is.
        """
        try:
            found = await self.workspaces.find(origin.team, origin.enterprise)
        except FAULTS as error:
            _log.warning("slack.unreachable", extra={"error": error_of(error)})
            raise Busy("Slack could not be asked; nothing was started.", hint="Try again.") from error
        if found is None:
            _log.warning("slack.unknown_workspace", extra={"team": origin.team})
        return found

    async def answer(self, workspace: Workspace, said: Said, *, waited_for: bool = True) -> Reply:
        """The desk's answer. Busy is an answer too: nothing was started.

        `waited_for`: Slack waits for it, so that it comes (or is busy) within 2.5 s, and before what only
        somebody waits for.

        Raises:
            PutOff: the database is busy, and the answer can wait.
        """
        began = time.monotonic()
        try:
            speaker, channel = await asyncio.gather(
                self.speakers.of(said.origin, workspace), self._channel(workspace, said.origin)
            )
        except Busy as busy:
            return Reply(refusals.refusal(busy, ""), Outcome.REFUSED, busy=True)
        left = max(LEAST_PATIENCE, PATIENCE - (time.monotonic() - began))
        request = Request(
            speaker=speaker,
            channel=channel,
            text=said.text,
            key=said.origin.key,
            organization=workspace.organization,
            patience=timedelta(seconds=left if waited_for else DESK_PATIENCE),
        )
        if waited_for:
            reply = await self.desk.answer(request)
        else:
            async with self.turnstile.after():
                reply = await self.desk.answer(request)
            if reply.busy:
                raise PutOff(reply.message.text)
        if reply.beside is not None:
            self.later(self._beside(workspace, said.origin, reply.beside))
        return reply

    async def _beside(self, workspace: Workspace, origin: Origin, message: Message) -> None:
        try:
            await replies.directly(workspace, origin.user, message)
        except FAULTS as error:
            _log.warning("slack.not_told_beside", extra={"error": error_of(error)})

    async def once(
        self, workspace: Workspace, key: str, work: Callable[[], Awaitable[None]], *, source: str
    ) -> None:
        """Do it unless it was done, in any process: claim, do, settle.

        Raises:
            Busy: Slack did not take it; the claim is given back, so that the next delivery tries again.
        """
        patience = timedelta(seconds=PATIENCE)

        async def claim(turn: Turn) -> int | None:
            organization = await people.organization(turn, workspace.organization)
            return await redeliveries.claim(turn, organization, source, key)

        claimed = await self.turns.take(claim, patience=patience)
        if claimed is None:
            return
        try:
            await work()
        except FAULTS as error:
            _log.warning("slack.not_answered", extra={"error": error_of(error)})
            await self.turns.take(lambda turn: redeliveries.give_up(turn, claimed))
            raise Busy("Slack did not take the answer.") from error
        await self.turns.take(lambda turn: redeliveries.settle(turn, claimed))

    async def in_time(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it; where it takes too long for Slack, it goes on behind. Raises what it raises in time."""
        task = self.later(work)
        done, _ = await asyncio.wait({task}, timeout=IN_TIME)
        if done:
            task.result()

    def later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it beside; `close` waits for it. Who does not await the task finds its fault in the log."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("slack.task_failed", extra={"error": f"{type(error).__name__}: {error}"[:200]})

    def opened_home(self, workspace: Workspace, user: str) -> None:
        """From now on their home is published after their own actions too."""
        self._homes.add((workspace.team, user))

    def refresh_home(self, workspace: Workspace, origin: Origin) -> None:
        """Publish the home of who has just done something, if they look at it at all."""
        if (workspace.team, origin.user) in self._homes:
            self.later(self.publish_home(workspace, origin))

    async def publish_home(self, workspace: Workspace, origin: Origin) -> None:
        """Publish somebody's App Home: the same as a bare `/job`."""
        reply = await self.answer(workspace, Said(origin.at(""), ""))
        try:
            await workspace.client.views_publish(user_id=origin.user, view=home.view(reply.message))
        except FAULTS as error:
            _log.warning("slack.home_not_published", extra={"error": error_of(error)})

    async def close(self) -> None:
        """Let what was begun end, for a while; what was said and not answered is in the rows."""
        await self.inbox.close()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=STOP_LIMIT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _channel(self, workspace: Workspace, origin: Origin) -> Channel:
        """Where the answer belongs. The response_url is kept only where the bot may not speak otherwise."""
        address = origin.channel or await self.rooms.direct(workspace, origin.user)
        reference: dict[str, Any] = {"team": workspace.team}
        if workspace.enterprise:
            reference["enterprise"] = workspace.enterprise
        if origin.response_url and await self.rooms.inside(workspace, address) is not True:
            way_back = {"response_url": origin.response_url, "until": inbound.until(origin)}
            reference |= {**way_back, "user": origin.user}
        return Channel("slack", address, origin.thread, reference)
