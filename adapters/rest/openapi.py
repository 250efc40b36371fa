"""The OpenAPI 3.1 document, written from the descriptions that also validate and mount."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from adapters.rest.access import Headers
from adapters.rest.endpoint import Endpoint
from adapters.rest.parameters import PARTS
from adapters.rest.problems import MEDIA_TYPE, TITLES, TYPE, Problem

ALWAYS = (400, 401, 403, 422, 429, 503)  # that any operation may answer
WITH_BODY = (413, 415)
_REF = "#/components/schemas/{model}"
_REASONS = {
    400: "The request cannot be read: a header is missing, or the body is not JSON.",
    401: "The key is missing, unknown or revoked.",
    403: "The key lacks the permission, its role is not enough, or it is limited to other jobs.",
    404: "There is no such thing, or it belongs to another organization.",
    409: "It cannot be done in this state: the job is active, the thing has ended, the key was used before.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not application/json.",
    422: "Something in the request does not fit; `errors` has every mistake with its place.",
    429: "The key asks too often, or a line is full; `Retry-After` says when to come back.",
    503: "The database could not take it in time; nothing was changed.",
}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds until it is worth another try.", "schema": {"type": "integer"}}
}
DESCRIPTION = """\
Start jobs and read what they found. Every request needs a key (`X-API-Key`) and its organization
(`X-Organization-Id`); `slashjob keys create` prints both. Every error is a problem (RFC 9457).

A POST may carry an `Idempotency-Key`: sent again with the same body it gets the first answer, for seven days.
Refusals are not kept, so the same key may try again."""


def document(endpoints: Sequence[Endpoint], *, url: str = "") -> dict[str, Any]:
    """The whole document as JSON values."""
    schemas = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    headers = Headers.model_json_schema(by_alias=True)["properties"]
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "slashjob",
            "version": metadata.version("slashjob"),
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": url.rstrip("/") or "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in endpoints)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": {
                "Organization": _header("X-Organization-Id", headers["X-Organization-Id"], required=True),
                "IdempotencyKey": _header("Idempotency-Key", headers["Idempotency-Key"], required=False),
            },
            "responses": {f"Problem{status}": _problem(status) for status in _REASONS},
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
    }


def _schemas(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Every model by its name: bodies as they are read, answers as they are written."""
    modes: dict[type[BaseModel], JsonSchemaMode] = {Problem: "serialization"}
    for one in endpoints:
        if one.body is not None:
            modes[one.body] = "validation"
        if one.answer is not None:
            modes[one.answer] = "serialization"
    _, made = models_json_schema(list(modes.items()), by_alias=True, ref_template=_REF)
    found: dict[str, Any] = made["$defs"]
    for one in endpoints:
        if one.query is not None:
            found |= one.query.model_json_schema(by_alias=True, ref_template=_REF).get("$defs", {})
    return dict(sorted(found.items()))


def _operation(one: Endpoint, schemas: Mapping[str, Any]) -> dict[str, Any]:
    parameters = [_part(name) for name in _names(one.path)]
    parameters += _query(one)
    parameters.append({"$ref": "#/components/parameters/Organization"})
    if one.keeps_answers:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    made: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.tag],
        "description": _told(one),
        "parameters": parameters,
        "responses": _responses(one, schemas),
    }
    if one.body is not None:
        content: dict[str, Any] = {"schema": {"$ref": _REF.format(model=one.body.__name__)}}
        if one.example is not None:
            content["examples"] = one.example
        made["requestBody"] = {"required": one.body_required, "content": {"application/json": content}}
    return made


def _told(one: Endpoint) -> str:
    needs = f"Needs the permission `{one.needs}`, or a role that contains it."
    return f"{one.description} {needs}".strip()


def _responses(one: Endpoint, schemas: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"description": one.summary}
    if one.answer is not None:
        schema = {"$ref": _REF.format(model=one.answer.__name__)}
        said["content"] = {one.answer_type: {"schema": schema}}
        examples = schemas[one.answer.__name__].get("examples")
        if examples:
            said["content"][one.answer_type]["example"] = examples[0]
    elif one.answer_type != "application/json":
        said["content"] = {one.answer_type: {}}
    if one.keeps_answers:
        said["headers"] = {
            "Idempotent-Replayed": {
                "description": "`true` where it is the first answer to this Idempotency-Key, again.",
                "schema": {"type": "string", "enum": ["true"]},
            }
        }
    statuses = [
        *ALWAYS,
        *one.refusals,
        *(WITH_BODY if one.body else ()),
        *((409,) if one.keeps_answers else ()),
    ]
    refused = {
        str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(set(statuses))
    }
    done = {str(status): said for status in (one.status, *one.also)}
    return {**done, **refused}


def _problem(status: int) -> dict[str, Any]:
    kinds = [kind for kind, (own, _) in TITLES.items() if own == status]
    made: dict[str, Any] = {
        "description": _REASONS[status],
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(model="Problem")},
                "example": {
                    "type": f"{TYPE}{kinds[0]}",
                    "title": TITLES[kinds[0]][1],
                    "status": status,
                    "detail": _REASONS[status].replace("`", ""),
                },
            }
        },
    }
    if status in (429, 503):
        made["headers"] = _RETRY_AFTER
    return made


def _names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _part(name: str) -> dict[str, Any]:
    part = PARTS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": part.description,
        "schema": {"type": "string", "minLength": 1},
        "example": part.example,
    }


def _query(one: Endpoint) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = one.query.model_json_schema(by_alias=True, ref_template=_REF)
    required = schema.get("required", [])
    return [_parameter(name, own, name in required) for name, own in schema["properties"].items()]


def _parameter(name: str, schema: Mapping[str, Any], required: bool) -> dict[str, Any]:
    """A parameter of the query; what may be left out is never null there."""
    own = copy.deepcopy(dict(schema))
    own.pop("title", None)
    described = own.pop("description", "")
    branches = [branch for branch in own.pop("anyOf", []) if branch.get("type") != "null"]
    if branches:
        own = {**branches[0], **own}
    if own.get("default", ...) is None:
        del own["default"]
    examples = own.pop("examples", None)
    made = {"name": name, "in": "query", "required": required, "description": described, "schema": own}
    return made | ({"example": examples[0]} if examples else {})


def _header(name: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    return _parameter(name, schema, required) | {"in": "header"}
