"""From a tree of YAML to a definition: the fields' types decide what a scalar's text means.

Every mistake is collected with its place. What was wrong is then mended (left out, or filled with a
stand-in), so that the rules can look at the rest: one bad key never hides the next one.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from core.definitions import Definition
from core.jobfiles import sentences
from core.jobfiles.nodes import Listing, Mapping, Node, Scalar
from core.jobfiles.workspace import Path

Report = Callable[[Path, str], None]
Made = TypeVar("Made", bound=Definition)

ROUNDS = 12  # of mending; each goes one level up at the most

_ABSENT: Any = object()
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
"""What stands bare in a body and is a number there; a bare `1e999` would be none, so it stays text."""


class Shape:
    """The data of one definition, with the line and the model of every place in it."""

    def __init__(self, root: Path, report: Report) -> None:
        self.lines: dict[Path, int] = {}
        self.reported: set[Path] = set()
        self._models: dict[Path, type[BaseModel]] = {}
        self._short: set[Path] = set()  # places that a lone text stands for
        self._root = root
        self._report = report

    def build(self, model: type[Made], node: Node, key_line: int) -> Made | None:
        """The definition, mended where it is wrong; None where nothing can be made of it."""
        self.lines[self._root] = key_line
        data = self._data(node, model, self._root)
        if data is _ABSENT and self._root in self.reported:
            return None
        data = {} if data is _ABSENT else data
        for attempt in range(ROUNDS):
            try:
                return model.model_validate(data)
            except ValidationError as refused:
                for error in refused.errors(include_url=False):
                    self._take(error, data, first=attempt == 0)
        return None

    def line(self, path: Path) -> int:
        """The line of the place, or of the nearest one around it that was written."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def report(self, path: Path, sentence: str) -> None:
        """Collect a mistake, unless one at that place or around it is known already."""
        if not any(path[:length] in self.reported for length in range(len(self._root) + 1, len(path) + 1)):
            self._report(path, sentence)
            self.reported.add(path)

    # --- from nodes to data ---

    def _data(self, node: Node, wanted: Any, path: Path) -> Any:
        wanted, optional = _bare(wanted)
        if isinstance(node, Scalar) and node.is_null and (optional or not isinstance(path[-1], int)):
            return None if _keeps_null(wanted, optional) else _ABSENT
        if wanted is Any:
            return self._json_data(node, path)
        origin = get_origin(wanted)
        if isinstance(wanted, type) and issubclass(wanted, BaseModel):
            return self._model_data(node, wanted, path)
        if origin is dict:
            return self._dict_data(node, get_args(wanted)[1], path)
        if origin is tuple:
            return self._tuple_data(node, get_args(wanted)[0], path)
        if not isinstance(node, Scalar):
            return self._misshapen(node, path, "one value")
        return node.text

    def _model_data(self, node: Node, model: type[BaseModel], path: Path) -> Any:
        shorthand = getattr(model, "shorthand", "")
        if isinstance(node, Scalar) and shorthand:
            self._short.add((*path, shorthand))
            return self._model_data(
                Mapping(node.line, [(Scalar(shorthand, bare=True, line=node.line), node)]), model, path
            )
        if not isinstance(node, Mapping):
            return self._misshapen(node, path, "keys with values (name: value)")
        self._models[path] = model
        known = {one.alias or name: one for name, one in model.model_fields.items()}
        data: dict[str, Any] = {}
        for key, value in self._entries(node, path):
            if key.text not in known:
                where = f"'{path[-1]}'" if isinstance(path[-1], str) else "this"
                self.report((*path, key.text), sentences.unknown_key(key.text, known, where))
                continue
            field = known[key.text]
            wanted = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
            made = self._data(value, wanted, (*path, key.text))
            if made is not _ABSENT:
                data[key.text] = made
        return data

    def _dict_data(self, node: Node, wanted: Any, path: Path) -> Any:
        if not isinstance(node, Mapping):
            return self._misshapen(node, path, "names with values (name: value)")
        data = {}
        for key, value in self._entries(node, path):
            made = self._data(value, wanted, (*path, key.text))
            data[key.text] = _nothing(wanted) if made is _ABSENT else made
        return data

    def _tuple_data(self, node: Node, wanted: Any, path: Path) -> Any:
        if not isinstance(node, Listing):
            return self._misshapen(node, path, "a list ([one, two], or lines that begin with -)")
        data = []
        for index, item in enumerate(node.items):
            self.lines[(*path, index)] = item.line
            if isinstance(item, Scalar) and item.bare and not item.text:
                self.report((*path, index), f"'{_key(path)}' has an empty entry")
            made = self._data(item, wanted, (*path, index))
            data.append(_nothing(wanted) if made is _ABSENT else made)
        return data

    def _json_data(self, node: Node, path: Path) -> Any:
        """JSON values as YAML 1.2 has them: bare true, false, null and numbers, everything else text."""
        match node:
            case Mapping():
                return {
                    key.text: self._json_data(value, (*path, key.text))
                    for key, value in self._entries(node, path)
                }
            case Listing():
                return [self._json_data(item, (*path, index)) for index, item in enumerate(node.items)]
            case Scalar() if node.is_null:
                return None
            case Scalar():
                return _json_scalar(node)

    def _entries(self, node: Mapping, path: Path) -> list[tuple[Scalar, Node]]:
        """The keys with their values, each once; a repeated one is reported."""
        for key, first in node.duplicates():
            self._report_at(
                (*path, key.text), key.line, f"'{key.text}' stands here twice (first in line {first.line})"
            )
        entries: dict[str, tuple[Scalar, Node]] = {}
        for key, value in node.items:
            if key.text not in entries:
                entries[key.text] = (key, value)
                self.lines[(*path, key.text)] = key.line
        return list(entries.values())

    def _report_at(self, path: Path, line: int, sentence: str) -> None:
        """A mistake at a line that is not the place's own (a repeated key)."""
        known = self.lines.get(path)
        self.lines[path] = line
        self._report(path, sentence)
        if known is not None:
            self.lines[path] = known

    def _misshapen(self, node: Node, path: Path, wanted: str) -> Any:
        found = {Scalar: "one value", Listing: "a list", Mapping: "keys with values"}[type(node)]
        self.report(path, f"'{_key(path)}' wants {wanted}, not {found}")
        return _ABSENT

    # --- what pydantic finds ---

    def _take(self, error: Any, data: Any, *, first: bool) -> None:
        """Report one error, and mend the data so that the next round gets further."""
        place, written = _narrow(data, error["loc"])
        missing = error["type"] == "missing"
        if first or not missing:
            path = (*self._root, *place, error["loc"][-1]) if missing else (*self._root, *place)
            bad_key = error["loc"][-1:] == ("[key]",)
            said = (
                sentences.bad_name(str(path[-1]))
                if bad_key
                else sentences.wrong(_key(path[:-1] if path in self._short else path), error)
            )
            self.report(path, said)
        self._mend(data, (*place, error["loc"][-1]) if missing and written else place)

    def _mend(self, data: Any, place: Path) -> None:
        if not place:
            return
        parent = _at(data, place[:-1])
        model = self._models.get((*self._root, *place[:-1]))
        known = {} if model is None else {one.alias or n: one for n, one in model.model_fields.items()}
        field = known.get(str(place[-1]))
        if field is not None and field.is_required():
            parent[place[-1]] = _stand_in(field.annotation, field.metadata)
        elif isinstance(parent, dict):
            parent.pop(place[-1], None)
        elif isinstance(parent, list) and place[-1] in range(len(parent)):
            del parent[int(place[-1])]


def _bare(wanted: Any) -> tuple[Any, bool]:
    """The type without annotations, and whether None is one of its values."""
    if get_origin(wanted) is Annotated:
        return _bare(get_args(wanted)[0])
    if get_origin(wanted) in (Union, types.UnionType):
        options = [one for one in get_args(wanted) if one is not type(None)]
        optional = len(options) < len(get_args(wanted))
        return (_bare(options[0])[0] if len(options) == 1 else wanted), optional
    return wanted, False


def _keeps_null(wanted: Any, optional: bool) -> bool:
    """A scalar of any type keeps None; elsewhere nothing written is as if the key were not there."""
    return wanted is Any or (optional and get_origin(wanted) in (Union, types.UnionType))


def _nothing(wanted: Any) -> Any:
    """What stands for an entry that was left empty or has the wrong shape: its place is kept."""
    wanted, _ = _bare(wanted)
    if isinstance(wanted, type) and issubclass(wanted, BaseModel):
        return {}
    return {dict: {}, tuple: []}.get(get_origin(wanted), "")


def _json_scalar(node: Scalar) -> Any:
    if node.bare and node.text in ("true", "false"):
        return node.text == "true"
    if node.bare and JSON_NUMBER.fullmatch(node.text):
        number = json.loads(node.text)
        return number if math.isfinite(number) else node.text
    return node.text


def _key(path: Path) -> str:
    """The last name of a path: what a sentence calls the place."""
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")


def _narrow(data: Any, loc: tuple[Any, ...]) -> tuple[Path, bool]:
    """The part of pydantic's location that the data has, and whether that is all but its last part."""
    place: list[str | int] = []
    for part in loc:
        inside = (
            part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        )
        if not inside:
            break
        place.append(part)
        data = data[part]
    return tuple(place), len(place) == len(loc) - 1


def _at(data: Any, place: Path) -> Any:
    for part in place:
        data = data[part]
    return data


def _stand_in(wanted: Any, metadata: list[Any]) -> Any:
    """A value that a required field accepts: the rules know that it was reported."""
    wanted, _ = _bare(wanted)
    if get_origin(wanted) is Literal:
        return get_args(wanted)[0]
    if wanted in (int, float):
        return 0
    return "x" if any(getattr(one, "pattern", None) for one in metadata) else ""
