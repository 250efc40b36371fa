"""What Jinja is held in: few names, every step counted, nothing that grows beyond its size."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from adapters.agents import filters
from adapters.agents.results import Result, Row
from core.messages import escape
from core.nearest import nearest

TEXT_LIMIT = 100_000  # characters of any text, items of any list on the way
STEP_LIMIT = 200_000  # turns of loops, items that filters look at
TIME_LIMIT = 2.0  # seconds
NUMBER_LIMIT = 2**256
RANGE_LIMIT = 1_000
_TEXT_METHODS = frozenset(
    {"upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip", "startswith", "endswith"}
)
_DATE_PARTS = frozenset({"year", "month", "day", "hour", "minute", "second", "isoformat", "weekday"})
_LOOP_PARTS = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}
)
_TESTS = frozenset(
    {"defined", "undefined", "none", "number", "string", "boolean", "integer", "float", "even", "odd", "in",
     "eq", "equalto", "==", "ne", "!=", "lt", "<", "le", "<=", "gt", ">", "ge", ">=", "true", "false"}
)  # fmt: skip


class _Generator(CodeGenerator):
    """Compiles `a ~ b` to a call that looks at the size of what it joins."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  (Jinja's name)
        self.write("environment.joined((")
        for one in node.nodes:
            self.visit(one, frame)
            self.write(", ")
        self.write("))")


class Sandbox(ImmutableSandboxedEnvironment):
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
            tip = f"; did you mean “{near[0]}”?" if near else listed(known)
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


def listed(known: Iterable[str]) -> str:
    """The names that there are, as the end of a sentence; empty where there are none."""
    shown = sorted(one for one in known if not one.startswith("_"))[:12]
    return f" (there are: {', '.join(shown)})" if shown else ""


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
