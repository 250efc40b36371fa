"""The one door: a request comes in, is recognized, read, done, and answered.

What changes something happens in one transaction with the request's row, so that a redelivery finds
the first answer and starts nothing. A refusal undoes all of it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from core import ids, jobs, people, views
from core.choices import Asked, Chooser
from core.commands import COMMANDS, Command, Name, not_yet, parse
from core.definitions import SourceDefinition
from core.desk import (
    acking,
    approving,
    attaching,
    auditing,
    choosing,
    delivering,
    digesting,
    discretion,
    explaining,
    homing,
    keying,
    locking,
    looking,
    membership,
    notifying,
    pausing,
    revising,
    running,
    saving,
    scheduling,
    sharing,
)
from core.desk.visit import Outcome, Reply, Request, Visit
from core.errors import Busy, Fault, Invalid, Misunderstood, Refusal, SourceError, Unsettled
from core.jobfiles import Checks
from core.lifecycles import BatchState
from core.messages import Block, Document, File, Message, Option, Paragraph
from core.people import Speaker
from core.ports import Source
from core.store import requests as rows
from core.turns import Turn, Turns
from core.vault import Vault
from core.wording import batches as batch_wording
from core.wording import refusals

_log = logging.getLogger(__name__)

Handler = Callable[[Visit], Awaitable[Reply]]
Pages = Callable[[Document], Awaitable[bytes]]
"""Sets a document on pages. Raises `Fault`."""

CHANGES: dict[Name, Handler] = {
    Name.RUN: running.run,
    Name.RETRY: running.retry,
    Name.CANCEL: running.cancel,
    Name.ROLE: membership.role,
    Name.KEYS: keying.keys_,
    Name.CLAIM: membership.claim,
    Name.LINK: membership.link,
    Name.SCHEDULE: scheduling.schedule,
    Name.UNSCHEDULE: scheduling.unschedule,
    Name.PAUSE: pausing.pause,
    Name.RESUME: pausing.resume,
    Name.BACKFILL: pausing.backfill,
    Name.SETS: saving.saved,
    Name.NEW: revising.new,
    Name.EDIT: revising.edit,
    Name.UNLOCK: locking.unlock,
    Name.ALLOW: sharing.allow,
    Name.NOTIFY: notifying.notify,
    Name.APPROVE: approving.approve,
    Name.REJECT: approving.reject,
    Name.TEST_DELIVERY: delivering.test,
    Name.ACK: acking.ack,
    Name.DIGEST: digesting.digest,
}
LOOKS: dict[Name, Handler] = {
    Name.DIGESTS: digesting.listing,
    Name.LIST: looking.listing,
    Name.SHOW: looking.show,
    Name.CSV: attaching.csv,
    Name.HISTORY: looking.history,
    Name.STATUS: looking.status,
    Name.HELP: looking.help_,
    Name.NEXT: scheduling.next_,
    Name.SCHEDULES: scheduling.listing,
    Name.WHY: explaining.why,
    Name.AUDIT: auditing.audit,
    Name.LOCK: locking.lock,
    Name.DELIVERIES: delivering.listing,
}


class Desk:
    """Answers requests, whoever brings them."""

    def __init__(
        self,
        turns: Turns,
        vault: Vault,
        *,
        zone: ZoneInfo,
        admin_code: str = "",
        chooser: Chooser | None = None,
        platforms: Collection[str] = (),
        checks: Checks | None = None,
        pages: Pages | None = None,
    ) -> None:
        """`platforms` are those that are set up; none given: nobody is warned of one that is not."""
        self._turns = turns
        self._vault = vault
        self._zone = zone
        self._admin_code = admin_code
        self._platforms = platforms
        self._checks = checks or Checks()
        self._pages = pages
        self._chooser = chooser or Chooser(_no_source, {})
        self._organizations: dict[str, int] = {}  # numbers of committed rows, which never change

    async def answer(self, request: Request) -> Reply:
        """Answer one request. Never raises but for cancellation: refusals and faults are replies.

        Documents are set on pages after the transaction; what cannot be is told in a sentence.
        """
        reply = await self._answered(request)
        blocks = reply.message.blocks
        if not any(isinstance(one, File) and one.document is not None for one in blocks):
            return reply
        made = tuple([await self._set(one) if isinstance(one, File) else one for one in blocks])
        return replace(reply, message=replace(reply.message, blocks=made))

    async def _set(self, file: File) -> Block:
        """The file with its bytes where it was a document."""
        if file.document is None:
            return file
        if self._pages is None:
            return Paragraph("PDFs are not made here.")
        try:
            return replace(file, data=await self._pages(file.document), document=None)
        except Fault as fault:
            _log.warning("desk.no_pages", extra={"error": str(fault)})
            return Paragraph(str(fault))

    async def _answered(self, request: Request) -> Reply:
        """The answer as the command gives it.

        Where the link to the database broke in the commit it is asked once more: what was done is found by
        the request's key, and gets its first answer.
        """
        unheard: Unsettled | None = None
        while True:
            try:
                return await self._done(request)
            except Busy as busy:
                if unheard is not None or not isinstance(busy, Unsettled):
                    return _busy(unheard or busy)
                unheard = busy
            except Refusal as refused:
                return await self._refuse(request, refused)
            except Exception:  # a door: it is logged with a reference, which is told
                return _crashed()

    async def _done(self, request: Request) -> Reply:
        command = parse(request.text)
        if not COMMANDS[command.name].available:
            raise Misunderstood(not_yet(command.name), suggestions=("help",))
        visit, reply = await self._chooser.during(
            lambda asked: self._turns.take(
                lambda turn: self._visit(turn, request, command, asked), patience=request.patience
            )
        )
        self._organizations[request.organization] = visit.organization
        return reply

    async def offer(
        self, speaker: Speaker, word: str, *, line: str = "", field: str = ""
    ) -> tuple[Option, ...]:
        """What a form offers for what was typed into it: jobs to run, or with `line` the choices of a field.

        Nothing to people who are not known yet: opening a form has made them known.
        """

        async def look(turn: Turn, asked: Asked | None) -> tuple[Option, ...]:
            member = await people.known(turn, speaker)
            if member is None or member.role is None:
                return ()
            if not line:
                return await choosing.runnable(turn, member, word)
            return await choosing.choices(turn, member, parse(line), field, word, asked)

        return await self._chooser.during(lambda asked: self._turns.look(lambda turn: look(turn, asked)))

    async def _refuse(self, request: Request, refused: Refusal) -> Reply:
        """Say why not. The refusal undid everything; that the speaker is known from now on stays."""

        async def meet(turn: Turn) -> set[str]:
            organization = await people.organization(turn, request.organization)
            await people.recognize(turn, request.speaker, organization=organization)
            every = await jobs.every(turn, organization)
            return {name for job in every for name, one in job.job.parameters.items() if one.secret}

        try:
            names = await self._turns.take(meet, patience=request.patience)
        except Busy:
            return Reply(refusals.refusal(refused, ""), Outcome.REFUSED)
        except Exception:  # a door: it is logged with a reference, which is told
            return _crashed()
        secrets = discretion.values(request.text, names)
        discretion.keep(refused, secrets)
        line = discretion.covered(discretion.bare(request.text), secrets)
        mistakes = refused.fields if isinstance(refused, Invalid) else {}
        return Reply(refusals.refusal(refused, line), Outcome.REFUSED, mistakes=mistakes)

    async def _visit(
        self, turn: Turn, request: Request, command: Command, asked: Asked | None
    ) -> tuple[Visit, Reply]:
        organization = self._organizations.get(request.organization)
        if organization is None:
            organization = await people.organization(turn, request.organization)
        member = await people.recognize(turn, request.speaker, organization=organization)
        visit = Visit(
            turn=turn,
            request=request,
            organization=organization,
            member=member,
            zone=self._zone,
            vault=self._vault,
            command=command,
            admin_code=self._admin_code,
            platforms=self._platforms,
            asked=asked,
            checks=self._checks,
        )
        if command.name in LOOKS:
            look = homing.home if _nothing_said(command, request.text) else LOOKS[command.name]
            return visit, await look(visit)
        source = request.source or request.channel.platform
        visit.row = await rows.add(
            turn.connection,
            organization,
            source,
            request.key,
            hashlib.sha256(request.text.encode()).hexdigest(),
            self._vault.seal(request.text),
            turn.now,
        )
        if visit.row is None:
            first = await rows.first(turn.connection, organization, source, request.key)
            return visit, await self._said(turn, first.answer or {})
        reply = await CHANGES[command.name](visit)
        await rows.answer(turn.connection, visit.row, _kept(reply))
        return visit, reply

    async def _said(self, turn: Turn, answer: dict[str, Any]) -> Reply:
        """The first answer, again."""
        batch = answer.get("batch")
        outcome = Outcome(answer.get("outcome", Outcome.DONE))
        if batch is not None and outcome in (Outcome.DONE, Outcome.QUESTION):
            view = await views.of_batch(turn, batch, whole=False)
            asked = view.batch.state is BatchState.PROPOSED
            kind = Outcome.QUESTION if asked else Outcome.DONE
            return Reply(batch_wording.status(view), kind, private=False, batch=batch, posted=True)
        text = answer.get("text", "That was answered before.")
        return Reply(Message(text=text, blocks=(Paragraph(text),)), outcome, batch=batch)


def _nothing_said(command: Command, text: str) -> bool:
    return command == Command(Name.HELP) and "help" not in text.casefold()


async def _no_source(name: str, _: SourceDefinition, __: Mapping[str, str]) -> Source:
    raise SourceError(f"The source {name} cannot be asked here.")


def _busy(busy: Busy) -> Reply:
    return Reply(refusals.refusal(busy, ""), Outcome.REFUSED, busy=True)


def _crashed() -> Reply:
    """An error of the bot's own: logged under a reference, which is all that is told."""
    reference = ids.new()[-8:]
    _log.exception("desk.crashed", extra={"reference": reference})
    return Reply(refusals.fault(reference), Outcome.REFUSED)


def _kept(reply: Reply) -> dict[str, Any]:
    return {"outcome": reply.outcome, "batch": reply.batch, "text": reply.message.text}
