"""The template of a report's summary: Jinja, with nothing in reach but the report's own numbers.

Jinja's immutable sandbox is the frame. On top of it: only listed kinds of nodes, filters, tests, globals
and methods of text; every operator and every filter looks at the size of what it makes; every loop and
filter counts its steps against a budget and a clock; the output is cut while it is generated.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError, nodes

from adapters.agents import filters
from adapters.agents.sandbox import Sandbox, listed
from core.errors import AgentError
from core.nearest import nearest

TEMPLATE_LIMIT = 20_000  # characters of a template
OUTPUT_LIMIT = 20_000  # characters of what it makes; more is cut with a mark
TOP_NAMES = frozenset({"params", "results", "checks"})
_RESERVED = frozenset({"self", "super", "caller", "varargs", "kwargs"})  # names that Jinja gives a meaning
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword,
    nodes.If, nodes.CondExpr, nodes.For, nodes.Assign, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
    nodes.Pow, nodes.Concat,
)  # fmt: skip
_PRIVATE = re.compile(r"(?:\w+\.)?<?_?(\w+)>?\(\)")  # `Sandbox._range()` is `range()` to an author


def render(template: str, context: Mapping[str, Any]) -> str:
    """The template filled in, as marked text: its own `*bold*` is a mark, values never are.

    Raises:
        AgentError: it cannot be filled in, or takes too much; the sentence says where.
    """
    if sentence := _too_long(template):
        raise AgentError(sentence, permanent=True)
    try:
        return _generate(template, context)
    except Exception as error:
        # Whatever an author's text does inside Jinja is a sentence about the template, never a crash.
        raise AgentError(_sentence(error, context), permanent=True) from error


async def fill(template: str, context: Mapping[str, Any]) -> str:
    """`render` in a thread: the event loop goes on meanwhile."""
    return await asyncio.to_thread(render, template, context)


def check_template(text: str, names: Collection[str]) -> str | None:
    """What is wrong with a template, in a sentence with its line, or None where nothing is.

    `names` are the questions' names. With `params.campaign_id` and the like among them, the parameters
    that the template uses are looked at too.
    """
    if sentence := _too_long(text):
        return sentence
    try:
        tree = _parse(Sandbox(), text)
        top = {name for name in names if "." not in name} | TOP_NAMES
        return _unknown_name(tree, top) or _unknown_parameter(tree, names)
    except Exception as error:  # as in `render`: the author's text is at fault, and told so
        return _sentence(error, {})


def _generate(text: str, context: Mapping[str, Any]) -> str:
    environment = Sandbox()
    tree = _parse(environment, text)
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
    template = environment.from_string(tree)
    parts: list[str] = []
    length = 0
    for part in template.generate(dict(context)):
        environment.spend()
        length += len(part)
        parts.append(part)
        if length > OUTPUT_LIMIT:
            kept = "".join(parts)[:OUTPUT_LIMIT].rstrip("\\")
            return f"{kept}… (cut: longer than {OUTPUT_LIMIT:,} characters)"
    return "".join(parts).strip()


def _parse(environment: Sandbox, text: str) -> nodes.Template:
    tree = environment.parse(text)
    for node in _walk(tree):
        if isinstance(node, nodes.Filter) and node.name not in filters.FILTERS:
            raise TemplateSyntaxError(_unknown("filter", str(node.name), filters.FILTERS), node.lineno)
        if isinstance(node, nodes.Test) and node.name not in environment.tests:
            raise TemplateSyntaxError(_unknown("test", str(node.name), environment.tests), node.lineno)
        if isinstance(node, nodes.Name) and node.name in _RESERVED:
            raise TemplateSyntaxError(f"there is no name “{node.name}”", node.lineno)
        if not isinstance(node, _NODES) or (isinstance(node, nodes.For) and node.recursive):
            raise TemplateSyntaxError(
                f"{type(node).__name__.lower()} is not available in a summary", node.lineno
            )
    return tree


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def _unknown_name(tree: nodes.Template, top: Collection[str]) -> str | None:
    made = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    known = {*top, *made, "range", "loop"}
    for node in sorted(tree.find_all(nodes.Name), key=lambda node: node.lineno):
        if node.ctx == "load" and node.name not in known:
            return _ended(f"Line {node.lineno} of the template: {_unknown('name', node.name, top)}")
    return None


def _unknown_parameter(tree: nodes.Template, names: Collection[str]) -> str | None:
    parameters = {name.removeprefix("params.") for name in names if name.startswith("params.")}
    for node in tree.find_all(nodes.Getattr):
        inner = node.node
        if not isinstance(inner, nodes.Name) or inner.name != "params" or not parameters:
            continue
        if node.attr not in parameters:
            return _ended(
                f"Line {node.lineno} of the template: {_unknown('parameter', node.attr, parameters)}"
            )
    return None


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = nearest(name, [one for one in known if not one.startswith("_")], 1)
    tip = f"; did you mean “{near[0]}”?" if near else listed(known)
    return f"there is no {what} “{name[:60]}”{tip}"


def _too_long(template: str) -> str | None:
    if len(template) > TEMPLATE_LIMIT:
        return f"The template is longer than {TEMPLATE_LIMIT:,} characters."
    return None


def _sentence(error: Exception, context: Mapping[str, Any]) -> str:
    where = "In the template"
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line_of(error)
    if line:
        where = f"Line {line} of the template"
    match error:
        case UndefinedError():
            told = _undefined(str(error.message or ""), context)
        case TemplateError():
            told = str(error.message or "it cannot be read")
        case ZeroDivisionError():
            told = "something is divided by zero"
        case TypeError() | ValueError():
            told = _PRIVATE.sub(r"\1()", str(error)).replace("NoneType", "nothing") or "a value does not fit"
        case _:
            told = "it is nested too deeply or cannot be computed"
    return _ended(f"{where}: {told.strip().rstrip('.')}")


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."


def _undefined(message: str, context: Mapping[str, Any]) -> str:
    if message.startswith("'") and message.endswith("is undefined"):
        name = message.split("'")[1]
        return _unknown("name", name, context)
    return message


def _line_of(error: BaseException) -> int | None:
    """The template's line in which it happened: Jinja rewrites the traceback to point there."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            found = trace.tb_lineno
        trace = trace.tb_next
    return found
