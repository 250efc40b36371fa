"""The JSON Schema (draft 2020-12) of the file format, for editors: made from the definitions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.definitions import (
    AgentDefinition,
    Definition,
    JobDefinition,
    Name,
    SourceDefinition,
    write_duration,
)
from core.jobfiles.descriptions import DESCRIPTIONS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class WorkspaceFile(Definition):
    """A workspace of slashjob: sources of data, agents that ask them, and jobs that people run."""

    model_config = ConfigDict(defer_build=True)  # only who asks for the schema needs it

    sources: dict[Name, SourceDefinition] = Field(default={})
    agents: dict[Name, AgentDefinition] = Field(default={})
    jobs: dict[Name, JobDefinition] = Field(default={})


def schema() -> dict[str, Any]:
    """The schema of `slashjob.yml` and of every file in `jobs/`."""
    made = WorkspaceFile.model_json_schema()
    for name, model in _models(WorkspaceFile).items():
        found = made if model is WorkspaceFile else made["$defs"][name]
        for key, field in model.model_fields.items():
            described = found["properties"][field.alias or key]
            described["description"] = DESCRIPTIONS[name][field.alias or key]
            if isinstance(field.default, timedelta):
                described["default"] = write_duration(field.default)
        if model.shorthand:
            made["$defs"][name] = _with_shorthand(found, model.shorthand)
    return {"$schema": DIALECT, "title": "slashjob workspace", **_relaxed(made)}


def _models(model: type[BaseModel]) -> dict[str, type[Definition]]:
    """The model and every one inside of it, by name."""
    found: dict[str, type[Definition]] = {}
    todo: list[Any] = [model]
    while todo:
        one = todo.pop()
        if isinstance(one, type) and issubclass(one, Definition):
            if one.__name__ not in found:
                found[one.__name__] = one
                todo += [field.annotation for field in one.model_fields.values()]
        else:
            todo += getattr(one, "__args__", ())
    return found


def _with_shorthand(made: dict[str, Any], key: str) -> dict[str, Any]:
    """The long form, or the lone text that stands for one of its keys."""
    short = {name: one for name, one in made["properties"][key].items() if name in ("enum", "type")}
    return {"description": made["description"], "anyOf": [short, made]}


def _relaxed(made: Any) -> Any:
    """Where a text is wanted, any scalar is read as its text; names that fit no pattern are refused."""
    match made:
        case {"type": "string"} if not {"enum", "pattern", "const"} & made.keys():
            return _inner(made) | {"type": ["string", "number", "boolean"]}
        case {"patternProperties": _}:
            return _inner(made) | {"additionalProperties": False}
        case dict():
            return _inner(made)
        case list():
            return [_relaxed(one) for one in made]
        case _:
            return made


def _inner(made: dict[str, Any]) -> dict[str, Any]:
    """The parts, without the titles that only repeat a key."""
    return {key: _relaxed(one) for key, one in made.items() if key != "title" or isinstance(one, dict)}
