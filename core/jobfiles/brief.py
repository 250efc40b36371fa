"""One key of a job as a single text: what stands in a form's field, or behind `key=` in a typed line.

A text is brief (a line for each parameter, question, schedule, rule) or the YAML of a job file; `read`
takes either, `write` gives the brief one wherever that says everything.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from core.definitions import JobDefinition
from core.jobfiles import nodes, writing
from core.jobfiles.nodes import Listing, Node, Scalar, Unreadable
from core.jobfiles.shapes import JSON_NUMBER

TYPES = ("string", "integer", "number", "boolean", "date", "datetime")
SECRET = "secret"  # noqa: S105 - what stands in the place of a type
ONLY_QUESTION = "result"  # what a lone query is called

_TITLED = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_-]{0,62}):(?!:)(?:[ \t]+|$)(?P<rest>.*)")
_LIST = re.compile(r"\s*(?:-\s|\[)")
_ARROW = re.compile(
    r"(?P<topics>[a-z_ ,]+?)\s+to\s+(?P<to>\S+(?:\s*,\s*\S+)*?)(?:\s+if\s+(?P<if>\S.*))?", re.DOTALL
)
_LISTS = ("tags", "attach")


class Unfit(ValueError):
    """The text cannot be read; the sentence says why."""


def read(key: str, text: str) -> Any:
    """The JSON value that a file would have under the key; None where nothing is written.

    Raises:
        Unfit: it is neither brief nor YAML.
    """
    text = text.strip()
    if not text:
        return None
    reader = _READERS.get(key)
    if reader is not None and not (key not in ("parameters", "environment") and _LIST.match(text)):
        return reader(text)
    return _yaml(text) if reader is not None or key in _STRUCTURED else text


def write(key: str, value: Any) -> str:
    """The text of a key's value, as its definition has it; `read` gives a value that means the same."""
    if value is None or value in ("", (), {}):
        return ""
    dumped = _dumped(key, value)
    writer = _WRITERS.get(key)
    brief = writer(dumped) if writer is not None else dumped if isinstance(dumped, str) else None
    if brief is not None and _means(key, brief, value):
        return brief
    return writing.part(key, value).rstrip("\n")


def _means(key: str, brief: str, value: Any) -> bool:
    """The brief text is read as that value."""
    try:
        return bool(_adapter(key).validate_python(read(key, brief)) == value)
    except (Unfit, ValidationError):
        return False


@lru_cache
def _adapter(key: str) -> TypeAdapter[Any]:
    field = JobDefinition.model_fields[key]
    wanted: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(wanted)


def _dumped(key: str, value: Any) -> Any:
    return _adapter(key).dump_python(value, mode="json", by_alias=True, exclude_defaults=True)


def discreet(text: str) -> str:
    """The text of parameters without what is given for a secret, for showing it again."""
    try:
        found = read("parameters", text)
    except Unfit:
        return text
    if not isinstance(found, dict):
        return text
    told = [one for one in found.values() if one.get("secret") in (True, "true") and "default" in one]
    if not told:
        return text
    bare = {
        name: {key: part for key, part in one.items() if key != "default" or one not in told}
        for name, one in found.items()
    }
    return _write_parameters(bare) or "\n".join(f"{name}: {json.dumps(one)}" for name, one in bare.items())


# --- YAML ---


def _yaml(text: str) -> Any:
    try:
        return _json(nodes.compose(nodes.decode(text.encode("utf-8", "surrogatepass"))))
    except Unreadable as unreadable:
        raise Unfit(f"line {unreadable.line}: {unreadable.sentence}") from None


def _json(tree: Node | None) -> Any:
    match tree:
        case None:
            return None
        case Scalar() if tree.is_null:
            return None
        case Scalar():
            if tree.bare and tree.text in ("true", "false"):
                return tree.text == "true"
            if (
                tree.bare
                and JSON_NUMBER.fullmatch(tree.text)
                and json.dumps(json.loads(tree.text)) == tree.text
            ):
                return json.loads(tree.text)
            return tree.text
        case Listing():
            return [_json(one) for one in tree.items]
        case nodes.Mapping():
            if (twice := next(tree.duplicates(), None)) is not None:
                raise Unfit(f"'{twice[0].text}' stands here twice")
            return {key.text: _json(one) for key, one in tree.items}


# --- parameters: `region: EU | US = EU` ---


def _read_parameters(text: str) -> Any:
    if all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", one.strip()) for one in text.splitlines()):
        return {one.strip(): {} for one in text.splitlines()}
    found = _yaml(text)
    if not isinstance(found, dict):
        raise Unfit("a parameter is a line such as campaign_id: integer, or region: EU | US = EU")
    return {name: one if isinstance(one, dict) else _parameter(one) for name, one in found.items()}


def _parameter(spec: Any) -> dict[str, Any]:
    """`integer`, `date = -7d`, `EU | US = EU`, `secret`, or nothing: a text."""
    words = "" if spec is None else spec if isinstance(spec, str) else json.dumps(spec)
    kind, equals, default = (one.strip() for one in words.partition("="))
    made: dict[str, Any] = {}
    if "|" in kind:
        made["choices"] = [one.strip() for one in kind.split("|")]
    elif kind == SECRET:
        made["secret"] = True
    elif kind and kind != "string":
        made["type"] = kind
    return made | ({"default": default} if equals else {})


def _write_parameters(value: dict[str, dict[str, Any]]) -> str | None:
    lines = []
    for name, one in value.items():
        rest = {key: part for key, part in one.items() if key != "default"}
        match rest:
            case {"choices": [_, _, *_] as choices} if len(rest) == 1:
                spec = " | ".join(choices)
            case {"type": str(kind)} if len(rest) == 1:
                spec = kind
            case {"secret": True} if len(rest) == 1:
                spec = SECRET
            case {} if not rest:
                spec = "string"
            case _:
                return None
        default = one.get("default")
        lines.append(f"{name}: {spec}" + (f" = {default}" if default is not None else ""))
    return "\n".join(lines)


# --- questions: `total: select …` ---


def _read_questions(text: str) -> Any:
    made: list[dict[str, Any]] = []
    for line in text.splitlines():
        found = _TITLED.fullmatch(line)
        if found:
            made.append({"name": found["name"], "sql": found["rest"]})
        elif made:
            made[-1]["sql"] += f"\n{line}"
        elif line.strip():
            made.append({"name": ONLY_QUESTION, "sql": line})
    return [one | {"sql": one["sql"].strip()} for one in made]


def _write_questions(value: list[dict[str, Any]]) -> str | None:
    if any(one.keys() != {"name", "sql"} for one in value):
        return None
    return "\n".join(f"{one['name']}: {one['sql']}" for one in value)


# --- schedules: `every weekday at 8`, `monthly: @first-weekday 07:30` ---


def _read_schedules(text: str) -> Any:
    made = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _TITLED.fullmatch(line)
        made.append({"name": found["name"], "when": found["rest"].strip()} if found else {"when": line})
    return made


def _write_schedules(value: list[dict[str, Any]]) -> str | None:
    if any(one.keys() - {"name", "when"} or "when" not in one for one in value):
        return None
    return "\n".join(f"{one['name']}: {one['when']}" if one.get("name") else one["when"] for one in value)


# --- notify: `failed_run to slack:#ops, origin if total.total < 1000` ---


def _read_notify(text: str) -> Any:
    made = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _ARROW.fullmatch(line)
        if not found:
            raise Unfit("a rule is a line such as failed_run to slack:#ops, origin")
        rule: dict[str, Any] = {"topics": _words(found["topics"]), "to": _words(found["to"])}
        made.append(rule | ({"if": found["if"].strip()} if found["if"] else {}))
    return made


def _write_notify(value: list[dict[str, Any]]) -> str | None:
    lines = []
    for one in value:
        if one.keys() - {"topics", "to", "if"}:
            return None
        topics = ", ".join(one.get("topics", ("completed_run", "failed_run")))
        line = f"{topics} to {', '.join(one.get('to', ('origin',)))}"
        lines.append(line + (f" if {one['if']}" if one.get("if") else ""))
    return "\n".join(lines)


# --- command, environment, lists ---


def _read_command(text: str) -> Any:
    try:
        return shlex.split(text)
    except ValueError as mistake:
        raise Unfit(f"a quote is not closed ({str(mistake).lower()})") from None


def _write_command(value: list[str]) -> str:
    return " ".join(
        one if re.fullmatch(r"[\w@%+=:,./{}-]+", one, re.ASCII) else shlex.quote(one) for one in value
    )


def _read_environment(text: str) -> Any:
    lines = [one for one in text.splitlines() if one.strip()]
    if all(re.match(r"\s*[A-Za-z_][A-Za-z0-9_]*=", one) for one in lines):
        return {name.strip(): value for name, _, value in (one.partition("=") for one in lines)}
    return _yaml(text)


def _write_environment(value: dict[str, str]) -> str | None:
    return "\n".join(f"{name}={one}" for name, one in value.items())


def _words(text: str) -> list[str]:
    return [one for one in (part.strip() for part in text.split(",")) if one]


_READERS: Mapping[str, Callable[[str], Any]] = {
    "parameters": _read_parameters,
    "questions": _read_questions,
    "schedules": _read_schedules,
    "notify": _read_notify,
    "command": _read_command,
    "environment": _read_environment,
    **dict.fromkeys(_LISTS, _words),
}
_WRITERS: Mapping[str, Callable[[Any], str | None]] = {
    "parameters": _write_parameters,
    "questions": _write_questions,
    "schedules": _write_schedules,
    "notify": _write_notify,
    "command": _write_command,
    "environment": _write_environment,
    "overlap": lambda value: value.get("policy", "skip") if value.keys() <= {"policy"} else None,
    **dict.fromkeys(_LISTS, ", ".join),
}
_STRUCTURED = ("body", "overlap", "prompts", "parameter_sets", "retry", "access", "approval", "quiet_hours")
