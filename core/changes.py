"""What changed against an earlier run: numbers, and rows that are new or gone. Pure and deterministic.

Results are compared by the name of their question, columns by their name: their order means nothing. Rows
are told apart by a key: the declared one, else the first text or date column that is unique in both results
(then an `id` or `…_id`), else the first such columns that are unique together. Where there is none, whole
rows are compared, and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from core.entries import Headlined, Kept, Returned
from core.messages import Cell, ColumnFormat

KEY_LIMIT = 4  # columns of a key that nobody declared

Row = tuple[Cell, ...]
Key = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A number that was there before: `relative` is None where it was 0."""

    label: str
    before: float
    after: float
    format: ColumnFormat = "number"
    unit: str = ""

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def relative(self) -> float | None:
        """0.12 is 12 % more."""
        return None if self.before == 0 else self.difference / abs(self.before)


@dataclass(frozen=True, slots=True)
class Other:
    """Another value of a result of one row that is no number, or was none."""

    label: str
    before: Cell
    after: Cell


@dataclass(frozen=True, slots=True)
class TableChange:
    """What changed in one result. `key` is empty where whole rows were compared.

    `new` and `gone` are the keys of rows (whole rows without a key), in the order of their results;
    `different` are keys of rows that have another value. `renamed` maps a column's name to the earlier one.
    """

    name: str
    key: tuple[str, ...] = ()
    new: tuple[Key, ...] = ()
    gone: tuple[Key, ...] = ()
    different: tuple[Key, ...] = ()
    columns_new: tuple[str, ...] = ()
    columns_gone: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False  # one of the results was truncated: rows beyond it are unknown

    @property
    def any(self) -> bool:
        """Something did change."""
        return bool(
            self.new or self.gone or self.different or self.columns_new or self.columns_gone or self.renamed
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that was compared. `answers_new` and `answers_gone` are results without a partner."""

    numbers: tuple[Change, ...] = ()
    others: tuple[Other, ...] = ()
    tables: tuple[TableChange, ...] = ()
    answers_new: tuple[str, ...] = ()
    answers_gone: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Something did change."""
        return bool(
            any(one.difference for one in self.numbers)
            or self.others
            or any(one.any for one in self.tables)
            or self.answers_new
            or self.answers_gone
        )

    def of(self, label: str) -> Change | None:
        """The number of that label."""
        return next((one for one in self.numbers if one.label == label), None)


def compare(before: Sequence[Kept], after: Sequence[Kept], keys: Mapping[str, str] | None = None) -> Changes:
    """What changed from the entries of one run to those of a later one.

    `keys` names the declared key column of questions.
    """
    old, new = _results(before), _results(after)
    numbers = list(_headlines(before, after))
    told = {one.label for one in numbers}
    others: list[Other] = []
    tables: list[TableChange] = []
    for name, result in new.items():
        earlier = old.get(name)
        if earlier is None:
            continue
        if len(earlier.rows) == 1 and len(result.rows) == 1:
            for cell in _one_row(earlier, result):
                match cell:
                    case Change() if cell.label not in told:
                        numbers.append(cell)
                    case Other():
                        others.append(cell)
            changed = _columns_only(earlier, result)
        else:
            changed = _table(earlier, result, (keys or {}).get(name, ""))
        if changed.any:
            tables.append(changed)
    return Changes(
        numbers=tuple(numbers),
        others=tuple(others),
        tables=tuple(tables),
        answers_new=tuple(name for name in new if name not in old),
        answers_gone=tuple(name for name in old if name not in new),
    )


def _results(entries: Sequence[Kept]) -> dict[str, Returned]:
    return {one.name: one for one in entries if isinstance(one, Returned)}


def _headlines(before: Sequence[Kept], after: Sequence[Kept]) -> Iterator[Change]:
    old = {one.name: one.value for one in before if isinstance(one, Headlined)}
    for one in after:
        if isinstance(one, Headlined):
            was = old.get(one.name)
            if _is_number(was) and _is_number(one.value):
                yield Change(one.name, _float(was), _float(one.value), one.format, one.unit)


def _one_row(before: Returned, after: Returned) -> Iterator[Change | Other]:
    """Its numbers, and the other cells that are not what they were."""
    alone = len(after.columns) == 1
    for place, column in enumerate(after.columns):
        if column not in before.columns:
            continue
        was, now = before.rows[0][before.columns.index(column)], after.rows[0][place]
        label = (after.title or after.name.replace("_", " ")) if alone else f"{after.name}.{column}"
        if _is_number(was) and _is_number(now):
            kind = after.formats[place] if after.formats else "number"
            yield Change(label, _float(was), _float(now), kind if kind in _NUMERIC else "number")
        elif was != now:
            yield Other(label, was, now)


_NUMERIC = ("number", "integer", "percent", "currency", "duration")


def _columns_only(before: Returned, after: Returned) -> TableChange:
    return TableChange(
        after.name,
        columns_new=_without(after.columns, before.columns),
        columns_gone=_without(before.columns, after.columns),
    )


def _table(before: Returned, after: Returned, declared: str) -> TableChange:
    common, renamed = _columns(before, after)
    old_rows = _project(before, [renamed.get(one, one) for one in common])
    new_rows = _project(after, common)
    key = _key(common, old_rows, new_rows, declared)
    places = [common.index(one) for one in key]
    if key:
        old = {tuple(row[place] for place in places): row for row in old_rows}
        new = {tuple(row[place] for place in places): row for row in new_rows}
        added = tuple(one for one in new if one not in old)
        gone = tuple(one for one in old if one not in new)
        both = [one for one in new if one in old]
        different = tuple(one for one in both if old[one] != new[one])
    else:
        added = tuple((Counter(new_rows) - Counter(old_rows)).elements())
        gone = tuple((Counter(old_rows) - Counter(new_rows)).elements())
        different = ()
    return TableChange(
        name=after.name,
        key=key,
        new=added,
        gone=gone,
        different=different,
        columns_new=_without(after.columns, common),
        columns_gone=_without(before.columns, [renamed.get(one, one) for one in common]),
        renamed=renamed,
        cut=before.truncated or after.truncated,
    )


def _columns(before: Returned, after: Returned) -> tuple[list[str], dict[str, str]]:
    """The columns of both by their later name, and which of them were called otherwise before.

    A column was renamed where one is new, one is gone, and they hold the same values, row by row.
    """
    common = [one for one in after.columns if one in before.columns]
    new, gone = _without(after.columns, common), _without(before.columns, common)
    if len(new) == len(gone) == 1 and after.rows and len(after.rows) == len(before.rows):
        was, now = _project(before, gone), _project(after, new)
        if was == now:
            common = [one for one in after.columns if one in common or one in new]
            return common, {new[0]: gone[0]}
    return common, {}


def _key(columns: Sequence[str], old: Sequence[Row], new: Sequence[Row], declared: str) -> tuple[str, ...]:
    if declared in columns and _unique([columns.index(declared)], old, new):
        return (declared,)
    texts = [
        place
        for place in range(len(columns))
        if (old or new) and all(isinstance(row[place], str) for row in (*old, *new))
    ]
    marks = [place for place, name in enumerate(columns) if name == "id" or name.endswith("_id")]
    for place in [*texts, *marks]:
        if _unique([place], old, new):
            return (columns[place],)
    for places in accumulate(([one] for one in texts[:KEY_LIMIT]), lambda some, one: [*some, *one]):
        if len(places) > 1 and _unique(places, old, new):
            return tuple(columns[place] for place in places)
    return ()


def _unique(places: Sequence[int], *results: Sequence[Row]) -> bool:
    for rows in results:
        found = {tuple(row[place] for place in places) for row in rows}
        if len(found) != len(rows) or any(None in one for one in found):
            return False
    return True


def _project(result: Returned, columns: Sequence[str]) -> list[Row]:
    places = [result.columns.index(one) for one in columns]
    return [tuple(row[place] for place in places) for row in result.rows]


def _without(columns: Sequence[str], some: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in columns if one not in some)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _float(value: object) -> float:
    return value if isinstance(value, int | float) else 0.0
