"""Requests into values: the body, the query, and every mistake in them with the place where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema

from adapters.rest.problems import Mistake, Refused, plain, pointer
from core.nearest import nearest

BODY_LIMIT = 1024**2  # bytes; above it 413
DEPTH = 32  # levels of JSON
_JSON_TYPES = ("application/json",)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+ -]\d\d:\d\d)", re.ASCII)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

ModelT = TypeVar("ModelT", bound=BaseModel)


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise ValueError("it is a whole number")
    return int(value)


def _instant(value: Any) -> Any:
    """An instant with its offset. A `+` that became a blank on its way is one again."""
    if not isinstance(value, str):
        return value
    if not _INSTANT.fullmatch(value):
        raise ValueError("it is an instant with its offset, such as 2026-03-02T07:00:00Z")
    try:
        return max(_EARLIEST, datetime.fromisoformat(value[:19] + value[19:].replace(" ", "+").upper()))
    except OverflowError:
        return _EARLIEST


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,20})?", value):
        raise ValueError("it is a number of seconds")
    return float(value)


read_seconds = BeforeValidator(_seconds)
"""Reads a number of seconds in a query."""

Since = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T07:00:00Z"]}),
]
"""An aware instant in a query."""

Limit = Annotated[int, Field(ge=1, le=200, description="How many at most."), BeforeValidator(_digits)]


def query(request: web.Request, model: type[ModelT]) -> ModelT:
    """The query as values; a text that is given empty counts as not given. Raises `Refused` 422."""
    given: dict[str, str] = {}
    texts = {
        field.alias or name for name, field in model.model_fields.items() if field.annotation == str | None
    }
    for name, value in request.query.items():
        if name in given:
            mistake = Mistake(detail=f"'{name[:60]}' is given twice.", parameter=name[:60])
            raise Refused("invalid", mistake.detail, errors=[mistake])
        if value != "" or name not in texts:
            given[name] = _sound(value, name)
    try:
        return model.model_validate(given)
    except ValidationError as wrong:
        _refuse(wrong, model, place="query")


async def body(request: web.Request, model: type[ModelT], *, required: bool) -> tuple[ModelT, Any]:
    """The body as values, and as the JSON that it was; nothing at all where it may be left out.

    Raises:
        Refused: 413 too large, 415 another media type, 400 no JSON, 422 it does not fit.
    """
    raw = await _bytes(request)
    if not raw.strip():
        if required:
            raise Refused("no-json", "The body is missing: this request needs one, as JSON.")
        return model(), None
    if request.content_type not in _JSON_TYPES:
        raise Refused(
            "media-type",
            f"The body is said to be {request.content_type[:80]}.",
            hint="Send it as Content-Type: application/json",
        )
    if (request.charset or "utf-8").casefold() not in ("utf-8", "utf8"):
        raise Refused("media-type", "JSON is always UTF-8.", hint="Leave the charset out.")
    parsed = _json(raw)
    try:
        return model.model_validate_json(json.dumps(parsed), strict=True), parsed
    except ValidationError as wrong:
        _refuse(wrong, model, place="body")


def path(request: web.Request) -> dict[str, str]:
    """The parts of the path."""
    return {name: _sound(value, name) for name, value in request.match_info.items()}


def _sound(value: str, name: str) -> str:
    """A text that any database takes. Raises `Refused` 422."""
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        mistake = Mistake(detail=f"'{name[:60]}' holds letters that no name has.", parameter=name[:60])
        raise Refused("invalid", mistake.detail, errors=[mistake])
    return value


async def _bytes(request: web.Request) -> bytes:
    if (request.content_length or 0) > BODY_LIMIT:
        raise _too_large()
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _too_large() from None
    if len(raw) > BODY_LIMIT:
        raise _too_large()
    return raw


def _too_large() -> Refused:
    return Refused("too-large", f"A body has at most {BODY_LIMIT:,} bytes.", headers={"Connection": "close"})


def _json(raw: bytes) -> Any:
    """Strict JSON: no NaN, no name twice, no letters that are none, not too deep. Raises `Refused` 400."""
    try:
        parsed = json.loads(raw.decode("utf-8"), parse_constant=_constant, object_pairs_hook=_pairs)
        text = json.dumps(parsed, ensure_ascii=False)
        text.encode("utf-8")
    except RecursionError:
        raise Refused("no-json", "The JSON is nested too deeply.") from None
    except (ValueError, UnicodeError) as error:
        raise Refused("no-json", f"The body is not JSON: {str(error)[:200]}.") from None
    if "\\u0000" in text and _holds_nul(parsed):
        raise Refused("no-json", "The JSON holds the letter U+0000, which no text has.")
    if not _shallow(parsed, DEPTH):
        raise Refused("no-json", f"The JSON is nested more than {DEPTH} levels deep.")
    return parsed


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\x00" in value
        case dict():
            return any(_holds_nul(one) for pair in value.items() for one in pair)
        case list():
            return any(_holds_nul(one) for one in value)
        case _:
            return False


def _shallow(value: Any, left: int) -> bool:
    if isinstance(value, dict):
        return left > 0 and all(_shallow(one, left - 1) for one in value.values())
    if isinstance(value, list):
        return left > 0 and all(_shallow(one, left - 1) for one in value)
    return True


def _refuse(wrong: ValidationError, model: type[BaseModel], *, place: str) -> NoReturn:
    """Every mistake, each with its place, and what a name may have meant."""
    mistakes = []
    for error in wrong.errors(include_url=False, include_input=False):
        where = _place(error["loc"])
        detail = _sentence(error["type"], error["msg"], where, model, place)
        if place == "query":
            mistakes.append(Mistake(detail=detail, parameter=str(where[0])[:80] if where else None))
        else:
            mistakes.append(Mistake(detail=detail, pointer=pointer(*where)))
    first: dict[Any, Mistake] = {}
    for one in mistakes:  # a value that fits none of several shapes has a mistake for each of them
        first.setdefault((one.pointer, one.parameter), one)
    unique = list(first.values())[:50]
    raise Refused("invalid", " ".join(one.detail for one in unique[:3]), errors=unique) from None


_BRANCH = re.compile(  # how pydantic marks the branches of a union in a place
    r"(?:dict|list|tuple|str|int|float|bool|function|constrained-str|nullable).*\[.*|str|int|float|bool|none"
    r"|constrained-str"
)


def _place(location: Sequence[str | int]) -> list[str | int]:
    """Where it stands, without those marks."""
    return [one for one in location if isinstance(one, int) or not _BRANCH.fullmatch(one)]


def _sentence(kind: str, message: str, where: Sequence[str | int], model: type[BaseModel], place: str) -> str:
    name = str(where[-1])[:60] if where else "the body"
    known = [field.alias or key for key, field in model.model_fields.items()]
    match kind:
        case "extra_forbidden":
            close = nearest(name, known, 1) if len(where) == 1 else ()
            what = "parameter" if place == "query" else "field"
            return f"There is no {what} '{name}'." + (f" Did you mean '{close[0]}'?" if close else "")
        case "missing":
            return f"'{name}' is required."
        case _:
            text = plain(message).removeprefix("Value error, ").replace("Input", "it", 1)
            return f"'{name}': {text}."


def typed(headers: Mapping[str, str], model: type[ModelT]) -> ModelT:
    """The headers that the model names, as values. Raises `Refused` 400."""
    names = {field.alias or name: field for name, field in model.model_fields.items()}
    given = {name: headers[name] for name in names if name in headers}
    try:
        return model.model_validate(given)
    except ValidationError as wrong:
        mistakes = []
        for one in wrong.errors(include_url=False, include_input=False):
            name = str(one["loc"][0])
            said = "is missing" if one["type"] == "missing" else f"does not fit: {one['msg']}"
            mistakes.append(Mistake(detail=f"The header {name} {said}.", header=name))
        raise Refused("bad-request", mistakes[0].detail, errors=mistakes) from None
