"""The entries of a chat: what an agent yields while it works, kept for good.

An entry is JSON at rest: `encode` gives its kind and data, `decode` reads them back. Cells are JSON
scalars; dates are ISO text, decimals are numbers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from core.messages import Cell, ChartData, ColumnFormat


@dataclass(frozen=True, slots=True)
class Asked:
    """A question was put: `name` as in the job, `question` in words."""

    name: str
    question: str


@dataclass(frozen=True, slots=True)
class Queried:
    """A query was run: its text, the values bound to it (secrets masked), how long it took.

    `rows` is None where it failed; then `error` says why.
    """

    name: str
    source: str
    text: str
    values: dict[str, Cell]
    milliseconds: float
    rows: int | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """A result: `rows` hold cells in the order of `columns`; `truncated` where there was more."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    truncated: bool = False
    formats: tuple[ColumnFormat, ...] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A threshold was looked at; `detail` is a sentence. `passed` is None where there was no row."""

    name: str
    question: str
    passed: bool | None
    severity: Literal["info", "warning", "error"]
    detail: str


@dataclass(frozen=True, slots=True)
class Charted:
    """A result is to be drawn."""

    name: str
    chart: ChartData
    alt: str


@dataclass(frozen=True, slots=True)
class Headlined:
    """One headline number of the run."""

    name: str
    value: float | str | None
    format: ColumnFormat = "number"
    unit: str = ""
    change: float | None = None  # relative: 0.12 is +12 %


@dataclass(frozen=True, slots=True)
class Answered:
    """The agent's text, the last word of a run; `marked` as in `messages.Paragraph`."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Logged:
    """A line of what the agent noticed on its way."""

    text: str
    level: Literal["info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of the run: `path` is its content-hash name below the data folder."""

    name: str
    media_type: str
    path: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """Why an attempt did not succeed, in a sentence fit for a channel."""

    sentence: str
    hint: str = ""
    detail: str = ""  # the last lines of standard error, a service's answer


@dataclass(frozen=True, slots=True)
class Progressed:
    """Where the agent is. Moves the run's step; it is not kept in the chat."""

    text: str
    done: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate of the job was asked: `holds` is None where it could not be told, and `detail` says why."""

    gate: Literal["run_if", "post_if"]
    text: str
    holds: bool | None
    detail: str = ""


Kept = (
    Asked
    | Queried
    | Returned
    | Checked
    | Charted
    | Headlined
    | Answered
    | Logged
    | Attached
    | Failed
    | Judged
)
Entry = Kept | Progressed

_KINDS: dict[str, type[Any]] = {
    "question": Asked,
    "query": Queried,
    "result": Returned,
    "check": Checked,
    "chart": Charted,
    "headline": Headlined,
    "answer": Answered,
    "log": Logged,
    "file": Attached,
    "failure": Failed,
    "gate": Judged,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Record:
    """One kept entry with its place: `sequence` counts from 1 within the run, over its attempts."""

    sequence: int
    attempt: int
    entry: Kept
    at: Any = field(default=None, compare=False)  # aware UTC datetime


def encode(entry: Kept) -> tuple[str, dict[str, Any]]:
    """The entry's kind and its JSON data."""
    return _NAMES[type(entry)], asdict(entry)


def decode(kind: str, data: dict[str, Any]) -> Kept:
    """Read back what `encode` gave.

    Raises:
        ValueError: a kind that this version does not know.
    """
    made = _KINDS.get(kind)
    if made is None:
        raise ValueError(f"no entry of the kind {kind!r}")
    known = {one.name for one in fields(made)}
    values = {
        key: _tuples(value) if key in ("rows", "columns", "formats") else value
        for key, value in data.items()
        if key in known
    }
    if made is Charted:
        values["chart"] = ChartData(**{key: _tuples(value) for key, value in data["chart"].items()})
    entry: Kept = made(**values)
    return entry


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list | tuple) else value
