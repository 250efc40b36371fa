"""What a template sees of the answers: results and rows that are read by column, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.messages import Cell


class Row:
    """One row: `row.channel` or `row["channel"]`."""

    __slots__ = ("_cells",)

    def __init__(self, columns: Sequence[str], cells: Sequence[Cell]) -> None:
        self._cells = dict(zip(columns, cells, strict=True))

    def __getitem__(self, column: str) -> Cell:
        return self._cells[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)


class Result:
    """One question's result: a column is the first row's value (nothing where there is no row).

    `rows`, `row_count` and `truncated` are there beside the columns, and give way to columns of that name.
    """

    __slots__ = ("_first", "_rows", "_truncated")

    def __init__(
        self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, truncated: bool = False
    ) -> None:
        self._rows = [Row(columns, cells) for cells in rows]
        self._first: dict[str, Cell] = dict.fromkeys(columns)
        if rows:
            self._first = dict(zip(columns, rows[0], strict=True))
        self._truncated = truncated

    def __getitem__(self, name: str) -> object:
        if name in self._first:
            return self._first[name]
        match name:
            case "rows":
                return self._rows
            case "row_count":
                return len(self._rows)
            case "truncated":
                return self._truncated
            case _:
                raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """What can be read of it."""
        return (*self._first, "rows", "row_count", "truncated")

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
