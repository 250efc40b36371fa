"""Who asks: the key behind a request, its organization, its pace, its permission.

What a process has seen of a key is remembered, so that a request costs one transaction and not two: the key
is looked up again inside the transaction that does the work, and a revoked one is refused there. Whoever
comes with a key that is not known here is looked up first, and never gets at the transaction by guessing.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.rest import reading
from adapters.rest.pace import Pace
from adapters.rest.problems import Refused
from core import keys
from core.errors import Busy
from core.keys import Key, Permission
from core.turns import Turn, Turns

_log = logging.getLogger(__name__)

KEY_LIMIT = 200  # characters that are looked up
KEPT = 1_000  # keys that are remembered


class Headers(BaseModel):
    """The headers that every operation reads."""

    model_config = ConfigDict(frozen=True)

    key: Annotated[str, Field(alias="X-API-Key", description="A key of the organization.")] = ""
    organization: Annotated[
        str, Field(alias="X-Organization-Id", description="The organization's id, as keys create prints it.")
    ]
    idempotency_key: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"),
        Field(
            alias="Idempotency-Key",
            description="Sent again with the same body, the first answer comes again and nothing is started "
            "twice; with another body it is refused.",
            examples=["load-2026-03-02"],
        ),
    ] = None


class Access:
    """Lets requests in."""

    def __init__(self, turns: Turns, pace: Pace) -> None:
        self._turns = turns
        self._pace = pace
        self._seen: OrderedDict[str, Key] = OrderedDict()

    async def admit(self, given: Mapping[str, str], needs: Permission, *, sure: bool) -> tuple[Headers, Key]:
        """The headers and the key, as far as it is known here; `sure`: looked up in any case.

        Raises:
            Refused: 401, 400, 404, 429 or 403.
        """
        text = given.get("X-API-Key", "")
        known = None if sure else self._seen.get(_digest(text))
        key = known or await self._introduce(text)
        headers = reading.typed(given, Headers)
        if not hmac.compare_digest(headers.organization.encode(), key.organization_id.encode()):
            raise Refused("not-found", "There is no such organization for this key.")
        wait = self._pace.wait(key.pk, key.per_minute)
        if wait:
            raise Refused(
                "too-many",
                f"The key {key.name} may ask {key.per_minute:,} times a minute.",
                hint=f"Try again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
        if not key.may(needs):
            raise Refused(
                "not-allowed",
                f"The key {key.name} lacks the permission {needs}.",
                hint=f"An admin makes one that has it: keys create NAME permissions={needs}",
            )
        return headers, key

    async def confirm(self, turn: Turn, headers: Headers, *, write: bool) -> Key:
        """The key as it stands in this transaction, its use recorded. Raises `Refused` 401."""
        key, now = await self._look_up(turn, headers.key)
        if write and keys.stale(key, now):
            await keys.used(turn, key)
        return key

    async def still_there(self, headers: Mapping[str, str]) -> None:
        """Pass where the key has not been revoked by now; its use is recorded. Raises `Refused` 401."""
        await self._introduce(headers.get("X-API-Key", ""))

    async def _introduce(self, text: str) -> Key:
        """Look a key up by itself, and record its use."""
        key, now = await self._turns.look(lambda turn: self._look_up(turn, text))
        if keys.stale(key, now):
            await self._record(key)
        return key

    async def _look_up(self, turn: Turn, text: str) -> tuple[Key, datetime]:
        digest = _digest(text)
        key = await keys.recognize(turn, text) if 0 < len(text) <= KEY_LIMIT else None
        if key is None:
            self._seen.pop(digest, None)
            raise Refused(
                "no-key",
                "There is no such key, or it is revoked." if text else "The header X-API-Key is missing.",
                hint="An admin makes one: slashjob keys create --name NAME --permission agent_jobs_trigger",
                headers={"WWW-Authenticate": 'ApiKey realm="slashjob"'},
            )
        self._seen[digest] = key
        self._seen.move_to_end(digest)
        if len(self._seen) > KEPT:
            self._seen.popitem(last=False)
        return key, turn.now

    async def _record(self, key: Key) -> None:
        """Record the use; a busy database is no reason to refuse the request."""
        try:
            await self._turns.take(lambda turn: keys.used(turn, key))
        except Busy:
            _log.info("rest.use_not_recorded", extra={"key": key.id})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
