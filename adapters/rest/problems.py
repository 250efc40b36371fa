"""Problem Details (RFC 9457): every error of the API, in one shape and with one media type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from core.errors import Busy, Invalid, Misunderstood, NotAllowed, NotFound, Overlapping, Refusal

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:slashjob:problem:"  # a name and no address: nobody's host has to be reached to read it
BUSY_WAIT = 2  # seconds after which a busy database is asked again

TITLES = {
    "no-json": (400, "The body is not JSON"),
    "bad-request": (400, "The request cannot be read"),
    "no-key": (401, "A valid key is needed"),
    "not-allowed": (403, "The key may not do that"),
    "not-found": (404, "There is no such thing"),
    "method": (405, "There is no such method here"),
    "overlap": (409, "The job is active already"),
    "conflict": (409, "That cannot be done in this state"),
    "reused-key": (409, "The Idempotency-Key was used for another request"),
    "too-large": (413, "The body is too large"),
    "media-type": (415, "The body has another media type"),
    "invalid": (422, "The request does not fit"),
    "too-many": (429, "Too many requests"),
    "fault": (500, "An error of slashjob's own"),
    "busy": (503, "The database is busy"),
}


class Mistake(BaseModel):
    """One thing that is wrong with a request. One of `pointer`, `parameter` and `header` says where."""

    model_config = ConfigDict(json_schema_extra={"title": "Mistake"})

    detail: str = Field(description="What is wrong, in a sentence.")
    pointer: str | None = Field(None, description="A JSON Pointer into the body, as a fragment.")
    parameter: str | None = Field(None, description="The name of a parameter of the path or the query.")
    header: str | None = Field(None, description="The name of a header.")


class Reference(BaseModel):
    """What is meant, by its id."""

    id: str


class Problem(BaseModel):
    """Why a request was refused: RFC 9457, with what would work in `hint` and `suggestions`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": f"{TYPE}not-found",
                    "title": TITLES["not-found"][1],
                    "status": 404,
                    "detail": "There is no job called weekly-reprot.",
                    "hint": "Did you mean weekly-report?",
                    "suggestions": ["weekly-report"],
                }
            ]
        }
    )

    type: str = Field(description="A URI that names the kind of problem.")
    title: str = Field(description="The kind in words, always the same.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time, in a sentence.")
    hint: str | None = Field(None, description="What would work.")
    suggestions: list[str] | None = Field(None, description="Names that may have been meant.")
    errors: list[Mistake] | None = Field(None, description="Every mistake of a request that does not fit.")
    chat: Reference | None = Field(None, description="overlap: the chat that is running.")
    chat_id: str | None = Field(None, description="overlap: the same.")
    batch: Reference | None = Field(None, description="overlap: the batch that holds the job.")
    reference: str | None = Field(None, description="fault: what finds the error in the log.")


class Refused(Exception):
    """A request is refused with this problem; whatever it began is undone."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        hint: str = "",
        suggestions: Sequence[str] = (),
        errors: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.problem = problem(kind, detail, hint=hint, suggestions=suggestions, errors=errors, **more)
        self.headers = dict(headers or {})


def problem(
    kind: str,
    detail: str,
    *,
    hint: str = "",
    suggestions: Sequence[str] = (),
    errors: Sequence[Mistake] = (),
    **more: Any,
) -> Problem:
    """A problem of one of the kinds in `TITLES`."""
    status, title = TITLES[kind]
    return Problem(
        type=f"{TYPE}{kind}",
        title=title,
        status=status,
        detail=detail,
        hint=plain(hint) or None,
        suggestions=list(suggestions) or None,
        errors=list(errors) or None,
        **more,
    )


def of_refusal(refused: Refusal, *, body: Mapping[str, Any] | None = None) -> Refused:
    """What core refused, as HTTP says it; `body` is where the values stood that do not fit."""
    near = refused.suggestions
    match refused:
        case Busy():
            return Refused(
                "busy", refused.sentence, hint=refused.hint, headers={"Retry-After": str(BUSY_WAIT)}
            )
        case NotFound():
            return Refused("not-found", refused.sentence, hint=refused.hint, suggestions=near)
        case NotAllowed():
            return Refused("not-allowed", refused.sentence, hint=refused.hint)
        case Invalid():
            mistakes = [
                Mistake(detail=plain(sentence), pointer=_pointer(name, body or {}))
                for name, sentence in refused.fields.items()
            ]
            return Refused("invalid", plain(refused.sentence), hint=refused.hint, errors=mistakes)
        case Misunderstood():
            return Refused("invalid", plain(refused.sentence), hint=refused.hint)
        case Overlapping():
            return Refused("overlap", refused.sentence, hint=refused.hint)
        case _:
            return Refused("conflict", plain(refused.sentence), hint=refused.hint)


def response(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """The answer to a refused request."""
    text = json.dumps(problem.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
    return web.Response(
        status=problem.status, body=text.encode(), content_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def pointer(*path: str | int) -> str:
    """A JSON Pointer as the fragment of a URI (RFC 6901, section 6)."""
    escaped = (str(one).replace("~", "~0").replace("/", "~1") for one in path)
    return "#" + "".join(f"/{one}" for one in escaped)


def plain(text: str) -> str:
    """A sentence without the marks that chats show commands with."""
    return re.sub(r"`([^`]*)`", r"\1", text)


def _pointer(name: str, body: Mapping[str, Any]) -> str:
    """Where in the body the value of a parameter stood, or should stand."""
    matrix = body.get("matrix")
    if isinstance(matrix, dict) and name in matrix:
        return pointer("matrix", name)
    given = body.get("parameters")
    sets = body.get("parameter_sets")
    if isinstance(sets, list) and not (isinstance(given, dict) and name in given):
        for index, one in enumerate(sets):
            if isinstance(one, dict) and name in one:
                return pointer("parameter_sets", index, name)
    return pointer("parameters", name)
