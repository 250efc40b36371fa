"""Writing a workspace back as one YAML text that reads as the same workspace, without any secret.

Names are sorted, keys stand in the order of the definitions, and what equals its default is left out.
Texts that YAML 1.1 would take for something else (`no`, `12:30`) are quoted, so that every YAML reader
sees what ours sees.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from core.definitions import JobDefinition, Parameter, Scalar, SourceDefinition, write_duration
from core.jobfiles.nodes import NULLS
from core.jobfiles.rules import without_password
from core.jobfiles.shapes import JSON_NUMBER
from core.jobfiles.workspace import Workspace
from core.values import show

FLOW_LIMIT = 96  # characters of a mapping or list that still stands on one line

_RESOLVER: Any = yaml.resolver.Resolver()
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\r]")  # what is only told apart when it is escaped
_STR, _MAP = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map"


def write(workspace: Workspace) -> str:
    """The text of a `slashjob.yml`; `read_text(write(x)) == x` unless `x` holds literal secrets."""
    sources = {name: _open_source(one, name) for name, one in sorted(workspace.sources.items())}
    jobs = {name: _open_job(one) for name, one in sorted(workspace.jobs.items())}
    agents = dict(sorted(workspace.agents.items()))
    sections: dict[str, Mapping[str, BaseModel]] = {"sources": sources, "agents": agents, "jobs": jobs}
    root = _block((key, _named(section)) for key, section in sections.items() if section)
    text: str = yaml.serialize(root, Dumper=_Dumper, allow_unicode=True, width=1_000_000, line_break="\n")
    return text


def part(key: str, value: Any) -> str:
    """One key's value of a job, as the YAML that would stand behind the key."""
    field = JobDefinition.model_fields[key]
    tree = _node(value, field.annotation)
    text: str = yaml.serialize(tree, Dumper=_Dumper, allow_unicode=True, width=1_000_000, line_break="\n")
    return text.removesuffix("...\n")


class _Dumper(yaml.SafeDumper):
    """Lists in mappings stand a step further in, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Never indentless."""
        super().increase_indent(flow, False)


def _open_source(source: SourceDefinition, name: str) -> SourceDefinition:
    return source.model_copy(update={"url": without_password(source.url, name)})


def _open_job(job: JobDefinition) -> JobDefinition:
    """The job without the values of its secrets."""
    secret = {name for name, one in job.parameters.items() if one.secret}
    if not secret:
        return job

    def without(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        return {name: value for name, value in values.items() if name not in secret}

    def hidden(one: Parameter) -> Parameter:
        return one.model_copy(update={"default": None}) if one.secret else one

    return job.model_copy(
        update={
            "parameters": {name: hidden(one) for name, one in job.parameters.items()},
            "parameter_sets": {name: tuple(map(without, rows)) for name, rows in job.parameter_sets.items()},
            "schedules": tuple(
                one.model_copy(update={"parameters": without(one.parameters)}) for one in job.schedules
            ),
        }
    )


def _named(section: Mapping[str, BaseModel]) -> yaml.Node:
    return _block((name, _model(one)) for name, one in section.items())


def _model(model: BaseModel) -> yaml.Node:
    items = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if field.is_required() or value != field.get_default():
            items.append((field.alias or name, _node(value, field.annotation)))
    if not items:  # all of it as by default: say one thing rather than {}
        name, field = next(iter(type(model).model_fields.items()))
        items.append((field.alias or name, _node(getattr(model, name), field.annotation)))
    return _mapping(items)


def _node(value: Any, wanted: Any) -> yaml.Node:
    """A value as the field that it stands in is read."""
    wanted = _bare(wanted)
    match value:
        case BaseModel():
            return _model(value)
        case dict():
            inner = get_args(wanted)[1] if get_origin(wanted) is dict else Any
            items = [(key, _node(one, inner)) for key, one in value.items()]
            return _block(items) if isinstance(_bare(inner), type(BaseModel)) else _mapping(items)
        case tuple() | list():
            inner = get_args(wanted)[0] if get_origin(wanted) is tuple else Any
            return _sequence([_node(one, inner) for one in value])
        case timedelta():
            return _text(write_duration(value))
        case Enum():
            return _text(str(value.value))
        case str() if get_origin(wanted) in (Union, types.UnionType) and JSON_NUMBER.fullmatch(value):
            return _plain(value)  # a default, a bound, a saved value: any scalar, read as text
        case str():
            return _text(value)
        case None:
            return _plain("null")
        case bool():
            return _plain("true" if value else "false")
        case float() if wanted is float:
            return _plain(show(value))
        case _:
            return _plain(repr(value))


def _bare(wanted: Any) -> Any:
    return _bare(get_args(wanted)[0]) if get_origin(wanted) is Annotated else wanted


def _mapping(items: list[tuple[str, yaml.Node]]) -> yaml.MappingNode:
    pairs = [(_text(key), value) for key, value in items]
    is_short = _is_short([one for pair in pairs for one in pair])
    return yaml.MappingNode(_MAP, pairs, flow_style=is_short)


def _block(items: Iterable[tuple[str, yaml.Node]]) -> yaml.MappingNode:
    pairs = [(_text(key), value) for key, value in items]
    return yaml.MappingNode(_MAP, pairs, flow_style=not pairs)


def _sequence(items: list[yaml.Node]) -> yaml.SequenceNode:
    return yaml.SequenceNode("tag:yaml.org,2002:seq", items, flow_style=_is_short(items))


def _is_short(nodes: list[yaml.Node]) -> bool:
    """Scalars only, or lists and mappings that are on one line themselves, and not too long."""
    return _length(nodes) <= FLOW_LIMIT


def _length(nodes: Iterable[yaml.Node]) -> int:
    length = 0
    for node in nodes:
        match node:
            case yaml.ScalarNode():
                length += len(node.value) + 2 if node.style != "|" else FLOW_LIMIT + 1
            case yaml.MappingNode() if node.flow_style:
                length += _length(one for pair in node.value for one in pair) + 2
            case yaml.SequenceNode() if node.flow_style:
                length += _length(node.value) + 2
            case _:
                length += FLOW_LIMIT + 1
    return length


def _text(text: str) -> yaml.ScalarNode:
    """A text: bare only where no reader takes it for something else, blocks for several lines."""
    style = None
    if _ESCAPED.search(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    elif text in NULLS or JSON_NUMBER.fullmatch(text):
        style = "'"
    return yaml.ScalarNode(_STR, text, style=style)


def _plain(text: str) -> yaml.ScalarNode:
    """A bare scalar, under whatever tag YAML itself gives it."""
    return yaml.ScalarNode(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)), text)
