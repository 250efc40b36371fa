"""The table over the runs of a batch: what tells them apart, how each ended, its numbers; ranked by any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import Misunderstood
from core.lifecycles import UNSUCCESSFUL
from core.messages import Block, Cell, Column, Table
from core.nearest import nearest
from core.runs import Run
from core.views import BatchView
from core.wording import words

RUNS_SHOWN = 20
PARAMETERS_SHOWN = 3
NUMBERS_SHOWN = 2


def table(view: BatchView, chosen: Sequence[Run], *, sort: str = "", page: int = 1) -> Table:
    """One row a run. Without `sort` in their order; where they do not all fit, what failed comes first.

    Raises:
        Misunderstood: there is no such column.
    """
    shown = ranked(view, chosen, sort)[(page - 1) * RUNS_SHOWN : page * RUNS_SHOWN]
    varying, numbers = _varying(view), _numbers(view, chosen, sort)
    rows = [_row(view, run, varying, numbers) for run in shown]
    titles = ["run", *varying, "state", "took", *(name.replace("_", " ") for name in numbers), "why"]
    if not any(row[-1] for row in rows):
        titles, rows = titles[:-1], [row[:-1] for row in rows]
    return Table(
        columns=tuple(Column(title) for title in titles),
        rows=tuple(rows),
        total_rows=len(chosen),
        shown_rows=RUNS_SHOWN,
        shown_columns=len(titles),
    )


def planned(chosen: Sequence[Mapping[str, str]], shown: int = RUNS_SHOWN) -> tuple[Block, ...]:
    """The values of runs that have not started, as people read them; nothing where there are none."""
    names = list(chosen[0]) if chosen else []
    if not names:
        return ()
    rows = tuple(tuple(one[name] for name in names) for one in chosen[:shown])
    return (Table(tuple(Column(name) for name in names), rows, total_rows=len(chosen), shown_rows=shown),)


def ranked(view: BatchView, chosen: Sequence[Run], sort: str) -> list[Run]:
    """The runs by a column: numbers and lengths the largest first, words from A; what has none comes last."""
    if not sort:
        if len(chosen) <= RUNS_SHOWN:
            return list(chosen)
        return sorted(chosen, key=lambda run: run.status not in UNSUCCESSFUL)
    column = _column(view, chosen, sort)
    values = {run.pk: _value(view, run, column) for run in chosen}
    numbers = [run for run in chosen if isinstance(values[run.pk], int | float)]
    texts = [run for run in chosen if isinstance(values[run.pk], str)]
    rest = [run for run in chosen if values[run.pk] is None]
    numbers.sort(key=lambda run: values[run.pk], reverse=True)  # type: ignore[arg-type,return-value]
    texts.sort(key=lambda run: str(values[run.pk]).casefold())
    return [*numbers, *texts, *rest]


def headline_names(view: BatchView, chosen: Sequence[Run]) -> list[str]:
    """The headline numbers that these runs have, in the order in which the first one has them."""
    found: dict[str, None] = {}
    for run in chosen:
        found |= {one.name: None for one in view.headlines(run)}
    return list(found)


def told(view: BatchView, run: Run) -> str:
    """Why a run did not succeed, in a whole sentence."""
    failure = view.failure(run)
    if failure is not None:
        return failure.sentence
    reason = run.reason or "It did not say why"
    sentence = reason[0].upper() + reason[1:]
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def told_apart(view: BatchView, run: Run) -> dict[str, str]:
    """What tells a run from the others of its batch: the parameters in which they differ."""
    values = view.parameters(run)
    return {name: values[name] for name in _varying(view) if name in values}


def _row(view: BatchView, run: Run, varying: Sequence[str], numbers: Sequence[str]) -> tuple[Cell, ...]:
    values = view.parameters(run)
    have = {one.name: words.number(one.value, one.format, one.unit) for one in view.headlines(run)}
    took = words.lasted((run.ended_at or view.now) - run.started_at) if run.started_at else ""
    return (
        run.label,
        *(values.get(name, "") for name in varying),
        words.ENDINGS[run.status],
        took,
        *(have.get(name, "") for name in numbers),
        told(view, run) if run.status in UNSUCCESSFUL else "",
    )


def _numbers(view: BatchView, chosen: Sequence[Run], sort: str) -> list[str]:
    """The headline numbers that fit, the one that is ranked by first."""
    names = headline_names(view, chosen)
    wanted = [name for name in names if sort and _plain(name) == _plain(sort)]
    return [*wanted, *(name for name in names if name not in wanted)][:NUMBERS_SHOWN]


def _varying(view: BatchView) -> list[str]:
    """The parameters in which the runs of a batch differ, at most three."""
    seen: dict[str, set[str]] = {}
    for run in view.runs:
        for name, value in view.parameters(run).items():
            seen.setdefault(name, set()).add(value)
    return [name for name, values in seen.items() if len(values) > 1][:PARAMETERS_SHOWN]


def _column(view: BatchView, chosen: Sequence[Run], sort: str) -> str:
    parameters = list(view.version.job.parameters)
    known = [*headline_names(view, chosen), "took", "state", "run", *parameters]
    found = next((name for name in known if _plain(name) == _plain(sort)), None)
    if found is None:
        near = nearest(_plain(sort), known, 1)
        hint = f"They can be ranked by {words.listing(known[:8], 'or')}."
        raise Misunderstood(
            f"The runs of #{view.batch.number} have no {sort[:40]}.",
            hint=f"Did you mean {near[0]}?" if near else hint,
            suggestions=tuple(f"show #{view.batch.number} sort={one}" for one in near),
        )
    return found


def _value(view: BatchView, run: Run, column: str) -> str | float | None:
    if column == "run":
        return -run.index
    if column == "state":
        return words.ENDINGS[run.status]
    if column == "took":
        started = run.started_at
        return ((run.ended_at or view.now) - started).total_seconds() if started else None
    for one in view.headlines(run):
        if one.name == column:
            return one.value
    value = run.parameters.get(column)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return view.parameters(run).get(column)
    return value


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")
