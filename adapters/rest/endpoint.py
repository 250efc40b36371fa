"""What one operation of the API is: its place, what it takes, what it answers, who may call it.

The same description validates requests, writes the OpenAPI document and mounts the route.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from adapters.rest.desk import Desk
from core.choices import Asked
from core.keys import Key, Permission
from core.orders import Office
from core.people import Member
from core.turns import Turn

QueryT = TypeVar("QueryT")
BodyT = TypeVar("BodyT")


class Model(BaseModel):
    """What a request brings: nothing that is not known, and nothing of another type.

    Models are made ready when the first request needs them: most installations never use most of them.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)


class Query(BaseModel):
    """What stands in an address after the question mark: texts, read into what they mean."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class Told(BaseModel):
    """What an answer says."""

    model_config = ConfigDict(populate_by_name=True, defer_build=True)


@dataclass(slots=True, kw_only=True)
class Ask(Generic[QueryT, BodyT]):
    """One request that was let in and read."""

    key: Key
    path: Mapping[str, str]
    query: QueryT
    body: BodyT
    desk: Desk

    @property
    def actor(self) -> Member:
        """Who acts: the key's member."""
        return self.key.member

    @property
    def organization(self) -> int:
        """Whose key it is."""
        return self.key.organization


@dataclass(slots=True, kw_only=True)
class Call(Ask[QueryT, BodyT]):
    """One request while it is answered, inside one transaction."""

    turn: Turn
    row: int | None = None  # the request's row, where an Idempotency-Key came with it
    asked: Asked | None = None

    @property
    def office(self) -> Office:
        """What orders need beside the turn."""
        return Office(self.desk.vault, self.desk.zone, self.row, self.asked)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered. `sparse` leaves out what is None; `secret` answers are kept sealed.

    A status of 400 and above is a refusal that has left a row: it is committed, but another try with the
    same Idempotency-Key is a new one.
    """

    body: BaseModel
    status: int = 200
    sparse: bool = False
    secret: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


Work = Callable[[Call[Any, Any]], Awaitable[Answer]]
Stream = Callable[[web.Request, Ask[Any, Any]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a path."""

    description: str
    example: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. `work` happens in one transaction, `stream` by itself after the key was looked at.

    `changes`: the transaction may write. `needs` is the permission; None: no key is needed.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    name: str  # the operation's id
    summary: str
    tag: str
    needs: Permission
    answer: type[BaseModel] | None
    work: Work | None = None
    stream: Stream | None = None
    description: str = ""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_required: bool = True
    answer_type: str = "application/json"
    refusals: Sequence[int] = ()  # beside those that every operation has
    example: Any = None  # of the body
    status: int = 200
    also: Sequence[int] = ()  # other statuses of success
    shares: bool = False  # its work is a few small statements: those who wait share a transaction

    @property
    def changes(self) -> bool:
        """It may write."""
        return self.method != "GET"

    @property
    def keeps_answers(self) -> bool:
        """An Idempotency-Key counts."""
        return self.method == "POST"
