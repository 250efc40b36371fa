"""The envelope: how a program or a service says more than text. JSON, every key optional, at least one there:

    {
      "summary": "*412* orders were added up.",
      "headline": [{"name": "Revenue", "value": 41200.5, "format": "currency", "unit": "€", "change": 0.12}],
      "tables": [{"name": "orders", "title": "Orders",
                  "columns": ["day", {"name": "sum", "format": "number"}],
                  "rows": [["2026-03-02", 12.5], {"day": "2026-03-03", "sum": 8}]}],
      "charts": [{"table": "orders", "type": "bar", "x": "day", "y": "sum", "series": "", "unit": "€"}],
      "files": [{"name": "orders.csv", "media_type": "text/csv", "text": "…"}],
      "progress": {"text": "adding up", "done": 3, "total": 9}
    }

- `summary` is the answer; `*bold*` and `` `code` `` are marks, a backslash makes them literal.
- `value` is a number, a text or null; `change` is relative (0.12 is +12 %); formats are those of
  `core.messages.ColumnFormat`.
- A row is a list in the order of the columns, or an object by their names (what is missing is null). At most
  1,000 rows of a table are kept; the rest is cut and said to be.
- A chart draws a table of the same envelope (the only one where `table` is left out); `name` defaults to it.
- A file holds `text`, or bytes as `base64`.
- Unknown keys of the envelope itself are ignored with a line in the chat; inside they are a mistake.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from core import definitions
from core.entries import Answered, Charted, Entry, Headlined, Logged, Progressed, Returned
from core.errors import AgentError
from core.messages import Cell, ChartData, ColumnFormat

ROW_LIMIT = 1_000
CELL_LIMIT = 2_000  # characters
COUNT_LIMIT = 20  # tables, charts, files, headline numbers
COLUMN_LIMIT = 50


def _shorten(cell: Cell) -> Cell:
    match cell:
        case str() if len(cell) > CELL_LIMIT:
            return f"{cell[: CELL_LIMIT - 1]}…"
        case float() if not math.isfinite(cell):
            return None
        case _:
            return cell


Value = Annotated[bool | int | float | str | None, AfterValidator(_shorten)]
Label = Annotated[str, Field(max_length=300)]


class Part(BaseModel):
    """Frozen, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HeadlinePart(Part):
    """One headline number."""

    name: Label
    value: float | Label | None
    format: ColumnFormat = "number"
    unit: Label = ""
    change: float | None = Field(default=None, allow_inf_nan=False)


class ColumnPart(Part):
    """A column; a lone text is its name."""

    name: Label
    format: ColumnFormat = "text"

    @model_validator(mode="before")
    @classmethod
    def _read_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class TablePart(Part):
    """A table; `rows` are lists or objects."""

    name: Label = "result"
    title: Label = ""
    columns: tuple[ColumnPart, ...] = Field(min_length=1, max_length=COLUMN_LIMIT)
    rows: tuple[tuple[Value, ...] | dict[str, Value], ...]

    @model_validator(mode="before")
    @classmethod
    def _cut(cls, value: Any) -> Any:
        """Rows beyond the limit are not even looked at; one more says that there were more."""
        rows = value.get("rows") if isinstance(value, dict) else None
        return value | {"rows": rows[: ROW_LIMIT + 1]} if isinstance(rows, list) else value

    @model_validator(mode="after")
    def _fit(self) -> TablePart:
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError("two columns have the same name")
        for number, row in enumerate(self.rows, start=1):
            if isinstance(row, tuple) and len(row) != len(names):
                raise ValueError(f"row {number} has {len(row)} cells for {len(names)} columns")
            if isinstance(row, dict) and not set(row) <= set(names):
                raise ValueError(f"row {number} has cells that belong to no column")
        return self

    def entry(self) -> Returned:
        """The table as it is kept."""
        names = tuple(column.name for column in self.columns)
        rows = tuple(
            row if isinstance(row, tuple) else tuple(row.get(name) for name in names)
            for row in self.rows[:ROW_LIMIT]
        )
        formats = tuple(column.format for column in self.columns)
        return Returned(self.name, names, rows, len(self.rows) > ROW_LIMIT, formats, self.title)


class ChartPart(definitions.Chart):
    """How one of the tables is drawn."""

    table: str = ""
    name: str = ""

    def entry(self, tables: dict[str, Returned]) -> Charted:
        """The chart with its data. Raises ValueError where the table or a column is missing."""
        name = self.table or (next(iter(tables)) if len(tables) == 1 else "")
        if name not in tables:
            raise ValueError(f"a chart wants the table {name!r}, which is not there")
        table = tables[name]
        for column in (self.x, self.y, self.series):
            if column and column not in table.columns:
                raise ValueError(
                    f"a chart wants the column {column!r}, which the table {name!r} does not have"
                )
        chart = ChartData(
            self.type, table.columns, table.rows, self.x, self.y, self.series, self.title, self.unit
        )
        kind = self.type.replace("_", " ")
        return Charted(self.name or name, chart, f"{self.title or table.title or name}: {kind} chart")


class FilePart(Part):
    """A file with its content."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    media_type: Annotated[str, Field(pattern=r"^[a-z]+/[a-zA-Z0-9.+-]+$")] = "application/octet-stream"
    text: str | None = None
    base64: str | None = None

    @model_validator(mode="after")
    def _one(self) -> FilePart:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("a file has either text or base64")
        return self

    def content(self) -> bytes:
        """Its bytes. Raises ValueError where the base64 is none."""
        if self.text is not None:
            return self.text.encode()
        try:
            return base64.b64decode(self.base64 or "", validate=True)
        except binascii.Error as error:
            raise ValueError(f"the base64 of the file {self.name} cannot be read") from error


class ProgressPart(Part):
    """Where the work is; a lone text is the text."""

    text: Label = ""
    done: float | None = Field(default=None, allow_inf_nan=False)
    total: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _read_text(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    def entry(self) -> Progressed:
        """The step as it is shown."""
        return Progressed(self.text, self.done, self.total)


class Envelope(BaseModel):
    """What stands in the module's docstring."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    summary: str | None = None
    headline: tuple[HeadlinePart, ...] = Field(default=(), max_length=COUNT_LIMIT)
    tables: tuple[TablePart, ...] = Field(default=(), max_length=COUNT_LIMIT)
    charts: tuple[ChartPart, ...] = Field(default=(), max_length=COUNT_LIMIT)
    files: tuple[FilePart, ...] = Field(default=(), max_length=COUNT_LIMIT)
    progress: ProgressPart | None = None
    unknown: tuple[str, ...] = Field(default=(), exclude=True)


KEYS = frozenset({"summary", "headline", "tables", "charts", "files", "progress"})


def read(text: str) -> Envelope | None:
    """The envelope that the text is, None where it is something else.

    Raises:
        AgentError: permanent; it is one, and wrong: the sentence says where.
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = from_json(text)  # three times as quick as json, and refuses lone surrogates
    except ValueError:
        return None
    if not isinstance(found, dict) or not KEYS & found.keys():
        return None
    unknown = tuple(sorted(str(key)[:40] for key in found.keys() - KEYS))
    try:
        return Envelope.model_validate(
            {key: found[key] for key in KEYS & found.keys()} | {"unknown": unknown}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in first["loc"])
        raise wrong(f"`{place.lstrip('.')}`: {first['msg']}") from None


def wrong(what: str) -> AgentError:
    """The failure for an envelope that cannot be used."""
    return AgentError(
        f"The JSON of the answer is not as it should be: {what}.",
        hint="The README shows what an answer may hold.",
        permanent=True,
    )


def entries(envelope: Envelope) -> list[Entry]:
    """What the envelope says, in the order in which it is read: tables, charts, numbers, the answer.

    Files are not among them: where they are kept is not known here. Raises `AgentError` as `read` does.
    """
    said: list[Entry] = []
    if envelope.progress is not None:
        said.append(envelope.progress.entry())
    if envelope.unknown:
        said.append(Logged(f"Unknown in the answer: {', '.join(envelope.unknown[:10])}.", "warning"))
    tables = {table.name: table.entry() for table in envelope.tables}
    said += tables.values()
    try:
        said += [chart.entry(tables) for chart in envelope.charts]
    except ValueError as error:
        raise wrong(str(error)) from None
    said += [_headlined(one) for one in envelope.headline]
    if envelope.summary:
        said.append(Answered(envelope.summary, marked=True))
    return said


def progressed(said: dict[str, Any]) -> Progressed | None:
    """A line of progress, None where it cannot be read as one."""
    try:
        return ProgressPart.model_validate(said).entry()
    except ValidationError:
        return None


def _headlined(one: HeadlinePart) -> Headlined:
    value = None if isinstance(one.value, float) and not math.isfinite(one.value) else one.value
    return Headlined(one.name, value, one.format, one.unit, one.change)
