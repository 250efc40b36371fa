"""One job by itself, as chat and the API give it: judged by the same rules as the jobs of files."""

from __future__ import annotations

import collections.abc
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from core.definitions import JobDefinition
from core.jobfiles import rules, sentences
from core.jobfiles.nodes import DEPTH_LIMIT, Listing, Mapping, Node, Scalar
from core.jobfiles.parameter_rules import Problem
from core.jobfiles.rules import Known
from core.jobfiles.shapes import Shape
from core.jobfiles.workspace import Checks, Path, Workspace


@dataclass(frozen=True, slots=True)
class Judged:
    """What was made of a job, mended where it was wrong; `mistakes` maps its keys to what is wrong there.

    With mistakes it is fit for suggestions, not for use.
    """

    job: JobDefinition | None
    mistakes: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def judge(
    name: str,
    written: collections.abc.Mapping[str, Any],
    around: Workspace,
    checks: Checks | None = None,
) -> Judged:
    """Read a job out of JSON values, `{key: value}` as a file says it; `around` has its agents and sources.

    A mistake that belongs to no key stands under the empty one.
    """
    root: Path = ("jobs", name)
    found: list[Problem] = []
    shape = Shape(root, lambda path, said: found.append((path[len(root) :], said)))
    if not sentences.is_name(name):
        found.append((("name",), sentences.bad_name(name)))
    tree = node(dict(written))
    made = shape.build(JobDefinition, tree, 1)
    if made is None:
        return Judged(None, _by_key(found))
    known = replace(_known(around, checks or Checks()), parameters=_declared(tree, made))
    for path, said in rules.job_problems(made, known):
        typed = (*root, *path[:2], "type")
        if path[:1] != ("parameters",) or typed not in shape.reported:
            shape.report((*root, *path), said)
    return Judged(made, _by_key(found))


def node(value: Any, *, depth: int = 0) -> Node:
    """JSON values as the tree that a file is read into.

    Raises:
        ValueError: it is nested too deep, or is nothing that JSON has.
    """
    if depth > DEPTH_LIMIT:
        raise ValueError(f"values are nested more than {DEPTH_LIMIT} deep")
    match value:
        case dict():
            items = [
                (Scalar(str(key), bare=True, line=1), node(one, depth=depth + 1))
                for key, one in value.items()
            ]
            return Mapping(1, items)
        case list() | tuple():
            return Listing(1, [node(one, depth=depth + 1) for one in value])
        case str():
            return Scalar(value, bare=False, line=1)
        case None:
            return Scalar("null", bare=True, line=1)
        case bool() | int() | float():
            return Scalar(json.dumps(value), bare=True, line=1)
        case _:
            raise ValueError("this is no value of JSON")


def _known(around: Workspace, checks: Checks) -> Known:
    return Known(sources=frozenset(around.sources), agents=dict(around.agents), checks=checks)


def _declared(tree: Node, made: JobDefinition) -> frozenset[str]:
    """The names of its parameters, those that could not be read too."""
    written = tree.get("parameters") if isinstance(tree, Mapping) else None
    names = {key.text for key, _ in written.items} if isinstance(written, Mapping) else set()
    return frozenset(names) | frozenset(made.parameters)


def _by_key(found: list[Problem]) -> dict[str, str]:
    told: dict[str, list[str]] = {}
    for path, said in dict.fromkeys(found):
        told.setdefault(str(path[0]) if path else "", []).append(_placed(path, said))
    return {key: "; ".join(every) for key, every in told.items()}


def _placed(path: Path, said: str) -> str:
    """A mistake deep inside of a key tells where: `campaign_id: 'min' wants a whole number`."""
    inside = list(_names(path[1:-1])) if len(path) > 2 else []
    return f"{' '.join(inside)}: {said}" if inside else said


def _names(path: Path) -> Iterator[str]:
    for part in path:
        yield f"{part + 1}." if isinstance(part, int) else part
