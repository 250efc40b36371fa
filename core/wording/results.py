"""What a run found, as blocks: numbers first, then words, a chart, a short table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.entries import (
    Answered,
    Asked,
    Attached,
    Charted,
    Checked,
    Headlined,
    Judged,
    Kept,
    Record,
    Returned,
)
from core.findings import Earlier
from core.messages import (
    Block,
    Column,
    ColumnFormat,
    File,
    Headline,
    Headlines,
    Image,
    Paragraph,
    Recorded,
    Table,
)
from core.wording import changes, words

ROWS_SHOWN, COLUMNS_SHOWN = 10, 4  # DESIGN.md, 5.1
PAGE = 50  # rows of one question that are shown at once


@dataclass(frozen=True, slots=True)
class Since:
    """What a result is compared with, the number of its own version, and the time of telling."""

    earlier: Earlier
    version_number: int
    now: datetime


def blocks(
    entries: Sequence[Kept], *, whole: bool = False, told: str = "", since: Since | None = None
) -> tuple[Block, ...]:
    """The blocks of one run's result; `whole` shows every table and chart instead of the first.

    `told` is why the run failed, where that has been said: it is not said again. What changed comes first.
    """
    made: list[Block] = []
    headlines = [one for one in entries if isinstance(one, Headlined)]
    if since is not None:
        shown = {one.name for one in headlines[:8]}
        made += changes.blocks(since.earlier, since.version_number, since.now, shown)
    if headlines:
        made.append(Headlines(tuple(_headline(one, since) for one in headlines[:8])))
    answers = [one for one in entries if isinstance(one, Answered)]
    if answers:
        made.append(Paragraph(answers[-1].text, marked=answers[-1].marked))
    failed = [one for one in entries if isinstance(one, Checked) and one.passed is False]
    made += [Paragraph(_check(one)) for one in failed if one.detail not in told]
    made += [Paragraph(_gate(one)) for one in entries if isinstance(one, Judged) and one.holds is None]
    charts = [one for one in entries if isinstance(one, Charted) and not _is_headline(one, headlines)]
    made += [Image(one.chart, one.alt, one.chart.title) for one in (charts if whole else charts[:1])]
    tables = [one for one in entries if isinstance(one, Returned) and len(one.rows) > 1]
    if whole:
        tables = [one for one in entries if isinstance(one, Returned) and not _is_headline(one, headlines)]
    else:
        tables = _first_to_read(tables, {one.name for one in charts})
    for one in tables:
        made.append(table(one, whole=whole))
        if one.truncated:
            made.append(Paragraph(f"There was more: the source stopped after {_rows(one)}."))
    made += [File(one.name, one.media_type, path=one.path) for one in entries if isinstance(one, Attached)]
    return tuple(made)


def recorded(blocks: Iterable[Block], run: str, records: Sequence[Record]) -> tuple[Block, ...]:
    """The blocks, charts and files among them with the entry of the run's record that they show."""
    return tuple(_recorded(one, run, records) if isinstance(one, Image | File) else one for one in blocks)


def _recorded(block: Image | File, run: str, records: Sequence[Record]) -> Block:
    found = next((one for one in records if _shows(block, one.entry)), None)
    return block if found is None else replace(block, recorded=Recorded(run, found.sequence))


def _shows(block: Image | File, entry: Kept) -> bool:
    """It is made from this entry. Rows are the same object, not only equal: tables can be long."""
    match entry:
        case Charted():
            return isinstance(block, Image) and entry.chart == block.chart
        case Returned():
            return isinstance(block, File) and block.table is not None and block.table.rows is entry.rows
        case Attached():
            return isinstance(block, File) and bool(block.path) and block.path == entry.path
        case _:
            return False


def questions(entries: Sequence[Kept]) -> list[str]:
    """The names of what was asked, in order."""
    named = (one.name for one in entries if isinstance(one, Asked | Returned | Charted))
    return list(dict.fromkeys(named))


def of_question(entries: Sequence[Kept], name: str, page: int) -> tuple[Block, ...]:
    """The result of one question alone: its check, its chart, and a page of its rows."""
    made: list[Block] = []
    checks = [one for one in entries if isinstance(one, Checked) and one.question == name]
    made += [Paragraph(_check(one)) for one in checks if one.passed is False]
    charts = [one for one in entries if isinstance(one, Charted) and one.name == name]
    made += [Image(one.chart, one.alt, one.chart.title) for one in charts if page == 1]
    for one in entries:
        if isinstance(one, Returned) and one.name == name:
            start = (page - 1) * PAGE
            made.append(replace(table(one, whole=True), rows=one.rows[start : start + PAGE]))
            if one.truncated:
                made.append(Paragraph(f"There was more: the source stopped after {_rows(one)}."))
    return tuple(made) or (Paragraph(f"{name} has returned nothing."),)


def pages(entries: Sequence[Kept], name: str) -> int:
    """How many pages the rows of a question take."""
    rows = max(
        (len(one.rows) for one in entries if isinstance(one, Returned) and one.name == name), default=0
    )
    return max(1, -(-rows // PAGE))


def attached(entries: Sequence[Kept], wanted: Collection[str], job: str, label: str) -> tuple[Block, ...]:
    """What goes with a result where the job says `attach`: its tables as files, the charts not shown yet."""
    made: list[Block] = []
    if "chart" in wanted:
        charts = [one for one in entries if isinstance(one, Charted)][1:]
        made += [Image(one.chart, one.alt, one.chart.title) for one in charts]
    if "csv" in wanted:
        made += [csv(one, job, label) for one in tables(entries)]
    return tuple(made)


def tables(entries: Sequence[Kept]) -> list[Returned]:
    """The results that are tables: more than one row."""
    return [one for one in entries if isinstance(one, Returned) and len(one.rows) > 1]


def csv(result: Returned, job: str, label: str) -> File:
    """A whole table as a file."""
    name = f"{job}-{label.lstrip('#').replace('.', '-')}-{result.name}.csv"
    return File(name, "text/csv", table(result, whole=True))


def counted(tables: Sequence[Returned]) -> str:
    """What the files of these tables hold."""
    parts = [f"{one.name}: {words.count(len(one.rows), 'row')}" for one in tables]
    cut = any(one.truncated for one in tables)
    return "; ".join(parts) + (". The source stopped there: there was more." if cut else ".")


def table(result: Returned, *, whole: bool = False) -> Table:
    """A result as a table."""
    plain: ColumnFormat = "text"
    kinds = result.formats or (plain,) * len(result.columns)
    return Table(
        columns=tuple(Column(name, kind) for name, kind in zip(result.columns, kinds, strict=True)),
        rows=result.rows if whole else result.rows[:ROWS_SHOWN],
        title=result.title or result.name.replace("_", " "),
        total_rows=None if result.truncated else len(result.rows),
        shown_rows=50 if whole else ROWS_SHOWN,
        shown_columns=20 if whole else COLUMNS_SHOWN,
    )


def _first_to_read(tables: list[Returned], drawn: set[str]) -> list[Returned]:
    """One table: the first that no chart shows already."""
    plain = [one for one in tables if one.name not in drawn]
    return (plain or tables)[:1]


def _is_headline(one: Charted | Returned, headlines: Sequence[Headlined]) -> bool:
    """It shows one number, and headlines show the numbers already."""
    if isinstance(one, Charted):
        return bool(headlines) and one.chart.type == "number"
    return bool(headlines) and len(one.rows) == 1 and len(one.columns) == 1


def _rows(one: Returned) -> str:
    return words.count(len(one.rows), "row")


def _headline(one: Headlined, since: Since | None) -> Headline:
    """A change that the agent tells itself is kept."""
    changed = since.earlier.changes.of(one.name) if since is not None else None
    return Headline(
        one.name.replace("_", " "),
        words.number(one.value, one.format, one.unit),
        changes.headline(changed) if changed and one.change is None else words.change(one.change),
    )


def _gate(one: Judged) -> str:
    all_the_same = "the agent was run" if one.gate == "run_if" else "this is posted"
    return words.sentence(f"{one.gate} could not be told, so {all_the_same}: {one.detail}")


def _check(one: Checked) -> str:
    mark = {"info": "Note", "warning": "Warning", "error": "Failed check"}[one.severity]
    return f"{mark}: {one.detail}"
