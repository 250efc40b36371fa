"""The template of a report's summary: Jinja, with nothing in reach but the report's own numbers.

Jinja's immutable sandbox is the frame. On top of it: only listed kinds of nodes, filters, tests, globals
and methods of text; every operator and every filter looks at the size of what it makes; every loop and
filter counts its steps against a budget and a clock; the output is cut while it is generated.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from adapters.agents import filters
from adapters.agents.results import Result, Row
from core.errors import AgentError
from core.messages import escape
from core.nearest import nearest

TEMPLATE_LIMIT = 20_000  # characters of a template
OUTPUT_LIMIT = 20_000  # characters of what it makes; more is cut with a mark
TEXT_LIMIT = 100_000  # characters of any text, items of any list on the way
STEP_LIMIT = 200_000  # turns of loops, items that filters look at
TIME_LIMIT = 2.0  # seconds
NUMBER_LIMIT = 2**256
RANGE_LIMIT = 1_000
TOP_NAMES = frozenset({"params", "results", "checks"})
_RESERVED = frozenset({"self", "super", "caller", "varargs", "kwargs"})  # names that Jinja gives a meaning
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword,
    nodes.If, nodes.CondExpr, nodes.For, nodes.Assign, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
    nodes.Pow, nodes.Concat,
)  # fmt: skip
_TEXT_METHODS = frozenset(
    {"upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip", "startswith", "endswith"}
)
_PRIVATE = re.compile(r"(?:\w+\.)?<?_?(\w+)>?\(\)")  # `_Sandbox._range()` is `range()` to an author
_DATE_PARTS = frozenset({"year", "month", "day", "hour", "minute", "second", "isoformat", "weekday"})
_LOOP_PARTS = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}
)
_TESTS = frozenset(
    {"defined", "undefined", "none", "number", "string", "boolean", "integer", "float", "even", "odd", "in",
     "eq", "equalto", "==", "ne", "!=", "lt", "<", "le", "<=", "gt", ">", "ge", ">=", "true", "false"}
)  # fmt: skip


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
        tree = _parse(_Sandbox(), text)
        top = {name for name in names if "." not in name} | TOP_NAMES
        return _unknown_name(tree, top) or _unknown_parameter(tree, names)
    except Exception as error:  # as in `render`: the author's text is at fault, and told so
        return _sentence(error, {})


class _Generator(CodeGenerator):
    """Compiles `a ~ b` to a call that looks at the size of what it joins."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  (Jinja's name)
        self.write("environment.joined((")
        for one in node.nodes:
            self.visit(one, frame)
            self.write(", ")
        self.write("))")


class _Sandbox(ImmutableSandboxedEnvironment):
    """One rendering: it counts its own steps."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "**", "%"])
    intercepted_unops = frozenset(["-", "+"])

    def __init__(self) -> None:
        # Without the optimizer nothing is computed while compiling, outside of every limit.
        super().__init__(
            undefined=StrictUndefined, finalize=_finalize, optimized=False, cache_size=0, autoescape=False
        )
        self._steps = 0
        self._until = time.monotonic() + TIME_LIMIT
        self.globals = {"range": self._range}
        self.tests = {name: test for name, test in self.tests.items() if name in _TESTS}
        self.filters = {name: self._bounded(one) for name, one in filters.FILTERS.items()}
        self.filters["_counted"] = self._counted

    def spend(self, steps: int = 1) -> None:
        """Count steps. Raises SecurityError when there were too many, or time is over."""
        self._steps += steps
        if self._steps > STEP_LIMIT:
            raise SecurityError(f"it takes more than {STEP_LIMIT:,} steps")
        if time.monotonic() > self._until:
            raise SecurityError(f"it takes longer than {TIME_LIMIT:g} seconds")

    def joined(self, parts: Sequence[Any]) -> str:
        """What `~` makes."""
        self.spend(len(parts))
        made = "".join(filters.text(_limited(part)) for part in parts)
        _limited(made)
        return made

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """An operator, where what it makes is of a bearable size."""
        self.spend()
        for one in (left, right):
            if not isinstance(one, int | float | str | list | tuple) and not hasattr(one, "isoformat"):
                raise TypeError(f"“{operator}” is for numbers and text, not for {_noun(one)}")
        numeric = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" and not (numeric and abs(right) <= 64 and abs(left) <= 1e9):
            raise SecurityError("“**” makes too large a number")
        if operator == "%" and not numeric:
            raise SecurityError("“%” is for numbers; text is put together with “~”")
        if operator == "*" and not numeric:
            _check_repeat(left, right)
        return _limited(super().call_binop(context, operator, left, right))

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:
        """A sign before a number."""
        self.spend()
        if not isinstance(arg, int | float):
            raise TypeError(f"“{operator}” is for numbers, not for {_noun(arg)}")
        return super().call_unop(context, operator, arg)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`a.b`: a column, a parameter, or one of a few listed parts of texts, dates and loops."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`a.b` and `a["b"]` are the same thing here."""
        self.spend()
        if isinstance(obj, StrictUndefined):
            return obj[argument]  # says what is undefined
        if isinstance(obj, Result | Row | dict):
            return self._member(obj, argument)
        if isinstance(argument, int | slice) and isinstance(obj, str | list | tuple):
            if isinstance(argument, int) and not -len(obj) <= argument < len(obj):
                return self.undefined(f"{_noun(obj)} of {len(obj):,} has no number {argument}")
            return obj[argument]
        if isinstance(argument, str) and argument in _parts(obj):
            return getattr(obj, argument)
        return self.undefined(f"{_noun(obj)} has no “{str(argument)[:60]}”")

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call what may be called; the sandbox's own refusal would show the thing itself."""
        __self.spend()
        if isinstance(__obj, StrictUndefined):
            str(__obj)
        if not __self.is_safe_callable(__obj):
            raise SecurityError("only range() and a few methods of texts and dates can be called")
        given = {
            name: one for name, one in kwargs.items() if not name.startswith("_")
        }  # `_loop_vars` is Jinja's
        for one in (*args, *given.values()):
            _limited(one)
        return _limited(__obj(*args, **given))

    def is_safe_callable(self, obj: Any) -> bool:
        """`range`, and the listed methods of text and dates."""
        owner = getattr(obj, "__self__", None)
        name = getattr(obj, "__name__", "")
        return owner is self or (isinstance(name, str) and name in _parts(owner))

    def _member(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (KeyError, TypeError):
            known = list(obj.names) if isinstance(obj, Result) else [str(one) for one in obj]
            near = nearest(str(argument), known, 1)
            tip = f"; did you mean “{near[0]}”?" if near else _listed(known)
            return self.undefined(f"there is no “{str(argument)[:60]}” in it{tip}")

    def _counted(self, items: Iterable[Any]) -> Iterator[Any]:
        if isinstance(items, Row | dict):
            items = list(items)
        if not isinstance(items, list | tuple | range | Result):
            if isinstance(items, StrictUndefined):
                str(items)
            raise TypeError(f"a loop needs rows or a list, not {_noun(items)}")
        for item in items:
            self.spend()
            yield item

    def _bounded(self, made: Any) -> Any:
        def bounded(value: Any, *arguments: Any, **named: Any) -> Any:
            if isinstance(value, StrictUndefined) and made is not filters.default:
                str(value)
            self.spend(1 + (len(value) if hasattr(value, "__len__") else 0) // 4)
            for one in (value, *arguments, *named.values()):
                _limited(one)
            return _limited(made(value, *arguments, **named))

        return bounded

    def _range(self, *bounds: int) -> range:
        made = range(*bounds)
        if len(made) > RANGE_LIMIT:
            raise SecurityError(f"range() counts to {RANGE_LIMIT:,} at most")
        return made


def _generate(text: str, context: Mapping[str, Any]) -> str:
    environment = _Sandbox()
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


def _parse(environment: _Sandbox, text: str) -> nodes.Template:
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
    tip = f"; did you mean “{near[0]}”?" if near else _listed(known)
    return f"there is no {what} “{name[:60]}”{tip}"


def _listed(known: Iterable[str]) -> str:
    shown = sorted(one for one in known if not one.startswith("_"))[:12]
    return f" (there are: {', '.join(shown)})" if shown else ""


def _too_long(template: str) -> str | None:
    if len(template) > TEMPLATE_LIMIT:
        return f"The template is longer than {TEMPLATE_LIMIT:,} characters."
    return None


def _finalize(value: Any) -> str:
    return escape(filters.text(_limited(value)))


def _limited(value: Any) -> Any:
    if isinstance(value, int | float):
        if abs(value) > NUMBER_LIMIT and value == value and abs(value) != float("inf"):
            raise SecurityError("a number gets too large")
    elif isinstance(value, str | list | tuple) and len(value) > TEXT_LIMIT:
        raise SecurityError(f"a text or list gets longer than {TEXT_LIMIT:,}")
    return value


def _check_repeat(left: Any, right: Any) -> None:
    sized, count = (right, left) if isinstance(left, int) else (left, right)
    if not isinstance(count, int) or len(sized) * max(0, count) > TEXT_LIMIT:
        raise SecurityError(f"“*” makes a text or list longer than {TEXT_LIMIT:,}")


def _parts(obj: Any) -> frozenset[str]:
    if isinstance(obj, str):
        return _TEXT_METHODS
    if isinstance(obj, LoopContext):
        return _LOOP_PARTS
    return _DATE_PARTS if hasattr(obj, "isoformat") else frozenset()


def _noun(obj: Any) -> str:
    match obj:
        case None:
            return "nothing"
        case bool():
            return "yes or no"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Result():
            return "a question's result"
        case Row() | dict():
            return "a row"
        case list() | tuple() | range():
            return "a list"
        case _:
            return "this"


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
