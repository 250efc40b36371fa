"""The `report` agent: asks its questions in SQL, checks and charts the answers, and sums them up.

What it yields for each question, in this order: the question, the query, the result, its headline number,
its checks, its chart. Then the answer, and only then, where a check of severity `error` failed, it ends with
an `AgentError`: the run fails and its channel gets an alert, with everything that was found in its record.
Checks of severity `warning` and `info` are kept and told, and fail nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, ClassVar

from adapters.agents import checking, templates
from adapters.agents.results import Result
from adapters.render import description, numbers
from core import masks, placeholders
from core.definitions import Question
from core.entries import (
    Answered,
    Asked,
    Charted,
    Checked,
    Entry,
    Headlined,
    Logged,
    Progressed,
    Queried,
    Returned,
)
from core.errors import AgentError, SourceError
from core.messages import Cell, ChartData, ColumnFormat, escape
from core.nearest import nearest
from core.parameters import MASK
from core.ports import Rows, Source, Task
from core.values import show


class Report:
    """Answers the questions of a job from its sources. It keeps nothing between runs."""

    kind: ClassVar[str] = "report"

    def __init__(self, *, announce: Callable[[], None] | None = None) -> None:
        """`announce` is told, before the first question is asked, that charts are to be drawn soon."""
        self._announce = announce

    async def run(self, task: Task) -> AsyncIterator[Entry]:
        """Work through the questions in order; see the module for what is yielded when.

        Raises:
            SourceError: a source is not there or a query failed.
            AgentError: a value is missing, the summary cannot be written, or a check of severity `error`
                failed.
        """
        questions = task.version.job.questions
        if self._announce is not None and any(question.chart for question in questions):
            self._announce()
        hidden = masks.secrets(task.version.job.parameters, task.parameters)
        results: dict[str, Result] = {}
        checks: list[Checked] = []
        headlines: list[Headlined] = []
        async with AsyncExitStack() as stack:
            sources = _Sources(task, stack)
            for index, question in enumerate(questions):
                yield Progressed(
                    f"question {index + 1} of {len(questions)}: {question.name}", index, len(questions)
                )
                yield Asked(question.name, question.ask or _label(question))
                rows = None
                async for entry in self._ask(task, question, sources, hidden):
                    if isinstance(entry, Rows):
                        rows = entry
                    else:
                        yield entry
                if rows is None:
                    raise AgentError(f"The question {question.name} brought no result.")
                results[question.name] = Result(rows.columns, rows.rows, truncated=rows.truncated)
                for entry in _look_at(question, rows):
                    match entry:
                        case Checked():
                            checks.append(entry)
                        case Headlined():
                            headlines.append(entry)
                    yield entry
        yield await _answer(task, results, checks, headlines)
        yield Progressed("done", len(questions), len(questions))
        _raise_failed(checks)

    async def _ask(
        self, task: Task, question: Question, sources: _Sources, hidden: tuple[str, ...]
    ) -> AsyncIterator[Entry | Rows]:
        """The query and its result as entries, then the rows themselves."""
        values = _values(task, question)
        shown = _shown(task, values)
        name = question.source or task.version.agent.source
        try:
            source = await sources.open(name, question)
            rows = await source.query(question.sql, values)
        except SourceError as error:
            told = masks.mask(error.sentence, hidden)
            yield Queried(question.name, name, question.sql, shown, 0.0, None, told)
            raise SourceError(
                f"The question {question.name}: {told}",
                hint=masks.mask(error.hint, hidden),
                permanent=error.permanent,
            ) from None  # the driver's own words may hold what was bound
        yield Queried(question.name, name, question.sql, shown, rows.milliseconds, len(rows.rows))
        title = question.chart.title if question.chart else ""
        yield Returned(
            question.name, rows.columns, rows.rows, rows.truncated, _formats(rows), title or _label(question)
        )
        yield rows


class _Sources:
    """The sources of one run, each opened at its first question and closed at the end."""

    def __init__(self, task: Task, stack: AsyncExitStack) -> None:
        self._task = task
        self._stack = stack
        self._open: dict[str, Source] = {}

    async def open(self, name: str, question: Question) -> Source:
        if name not in self._open:
            if name not in self._task.version.sources:
                raise AgentError(
                    f"The question {question.name} names no source that this job knows"
                    f"{f': {name}' if name else ''}.",
                    hint="Give the question or its agent a source.",
                    permanent=True,
                )
            source = await self._task.source(name)
            self._stack.push_async_callback(source.close)
            self._open[name] = source
        return self._open[name]


def _values(task: Task, question: Question) -> dict[str, Any]:
    """What the query's placeholders are bound to: parameters of the job, and when the run was due."""
    known = {**_due(task), **dict.fromkeys(task.version.job.parameters), **task.parameters}
    values = {}
    for name in placeholders.names(question.sql):
        if name not in known:
            near = nearest(name, known, 1)
            raise AgentError(
                f"The question {question.name} uses :{name}, which is no parameter of {task.version.name}.",
                hint=f"Did you mean :{near[0]}?" if near else f"There are: {', '.join(sorted(known))}.",
                permanent=True,
            )
        values[name] = known[name]
    return values


def _due(task: Task) -> dict[str, Any]:
    due = task.due_at or task.now
    return {"due_at": due, "due_date": due.astimezone(task.zone).date()}


def _shown(task: Task, values: Mapping[str, Any]) -> dict[str, Cell]:
    """The bound values as they are kept: no secret, no type that JSON does not know."""
    return {
        name: MASK if name in task.secrets else value if _is_cell(value) else show(value)
        for name, value in values.items()
    }


def _is_cell(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _formats(rows: Rows) -> tuple[ColumnFormat, ...]:
    return tuple(_format([row[index] for row in rows.rows]) for index in range(len(rows.columns)))


def _format(cells: list[Cell]) -> ColumnFormat:
    there = [cell for cell in cells if cell is not None]
    if not there or any(isinstance(cell, bool) for cell in there):
        return "text"
    if all(isinstance(cell, int) for cell in there):
        return "integer"
    if all(isinstance(cell, int | float) for cell in there):
        return "number"
    return "date" if all(description.is_date(cell) for cell in there) else "text"


def _look_at(question: Question, rows: Rows) -> list[Entry]:
    entries: list[Entry] = []
    if (headline := _headline(question, rows)) is not None:
        entries.append(headline)
    for check in question.checks:
        entries.append(checking.check(check, question.name, rows))
    if question.chart is not None:
        entries.append(_chart(question, rows))
    return entries


def _headline(question: Question, rows: Rows) -> Headlined | None:
    """The one number of a result that is one row with one number; nothing else is a headline."""
    if len(rows.rows) != 1 or len(rows.columns) != 1:
        return None
    value = rows.rows[0][0]
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    unit = question.chart.unit if question.chart else ""
    title = question.chart.title if question.chart else ""
    kind: ColumnFormat = "integer" if isinstance(value, int) else "number"
    return Headlined(title or _label(question), value, kind, unit)


def _chart(question: Question, rows: Rows) -> Entry:
    chart = question.chart
    if chart is None:
        raise ValueError("the question has no chart")
    named = [name for name in (chart.x, chart.y, chart.series) if name]
    for name in named:
        if name not in rows.columns:
            near = nearest(name, rows.columns, 1)
            tip = f"did you mean {near[0]}?" if near else f"there are: {', '.join(rows.columns)}."
            return Logged(
                f"The chart of {question.name} was not drawn: its result has no column {name}; {tip}",
                "warning",
            )
    data = ChartData(
        chart.type, rows.columns, rows.rows, chart.x, chart.y, chart.series,
        chart.title or _label(question), chart.unit,
    )  # fmt: skip
    return Charted(question.name, data, description.describe(data))


async def _answer(
    task: Task, results: Mapping[str, Result], checks: list[Checked], headlines: list[Headlined]
) -> Answered:
    template = task.version.job.summary
    if not template.strip():
        return Answered(_default_answer(task, results, checks, headlines), marked=True)
    known = {**_due(task), **dict.fromkeys(task.version.job.parameters), **task.parameters}
    params = {name: MASK if name in task.secrets else value for name, value in known.items()}
    told = [
        {"name": one.name, "question": one.question, "passed": one.passed, "severity": one.severity,
         "detail": one.detail}
        for one in checks
    ]  # fmt: skip
    context = {"checks": told, "results": dict(results), **results, "params": params}
    return Answered(await templates.fill(template, context), marked=True)


def _default_answer(
    task: Task, results: Mapping[str, Result], checks: list[Checked], headlines: list[Headlined]
) -> str:
    lines = []
    if headlines:
        lines.append(", ".join(f"{escape(one.name)}: *{escape(_written(one))}*" for one in headlines) + ".")
    else:
        counted = (f"{escape(name)} ({_rows(len(result))})" for name, result in results.items())
        title = escape(task.version.job.label(task.version.name))
        lines.append(f"{title}: {', '.join(counted)}." if results else f"{title}: nothing was asked.")
    lines += [escape(one.detail) for one in checks if one.passed is False]
    return "\n".join(lines)


def _written(headline: Headlined) -> str:
    value = headline.value
    return numbers.amount(value, headline.unit) if isinstance(value, int | float) else "–"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _label(question: Question) -> str:
    words = question.name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _raise_failed(checks: list[Checked]) -> None:
    failed = [one for one in checks if one.passed is False and one.severity == "error"]
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise AgentError(f"{failed[0].detail.rstrip('.')}{more}.", permanent=True)
