"""A message as the HTML part of a mail: one column that fits a phone, readable in light and dark.

Everything is escaped. Styles stand at the elements, because mail programs drop sheets; what changes in the
dark stands in a sheet, which those that have a dark mode read. No picture is fetched, no script, no tracking.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from adapters.email.plain import CALL, left_out
from adapters.render.cells import is_right_aligned, write_cell
from adapters.render.letters import clean, cut, one_line
from core.messages import (
    Block,
    Code,
    Facts,
    File,
    Headlines,
    Image,
    Message,
    Paragraph,
    Span,
    Table,
    Tone,
    spans,
)

LIMIT = 80_000  # characters: Gmail shows no more than 102 kB of a mail
TEXT = 12_000  # characters of one paragraph
CODE = 6_000
CELL = 200

_COLORS = {
    Tone.NEUTRAL: ("#667085", "#98a2b3"),
    Tone.PROGRESS: ("#2f6fde", "#7fb0ff"),
    Tone.SUCCESS: ("#0f7a4d", "#4cc38a"),
    Tone.WARNING: ("#a15c00", "#f5b75c"),
    Tone.FAILURE: ("#c2362d", "#ff8a80"),
}
"""The accent of each mood in light and dark; its word stands in the title, so it is never alone."""

_FONT = "-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
_LINE = "#e6e8ec"
_LOOKS = {  # class -> its style in the light; the sheet below changes it in the dark
    "ink": "color:#1f2430",
    "faint": "color:#5b6472",
    "soft": "background:#f5f6f8;color:#1f2430",
}
_GRID = "border-collapse:collapse;margin:0 0 14px"
_WRAP = "overflow-wrap:anywhere"
_DARK = """
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
body,.page{background:#14171b!important}
.card{background:#1f2329!important;border-color:#33383f!important}
.ink{color:#eef0f3!important}
.faint{color:#a8b0bd!important}
.line{border-color:#33383f!important}
.soft{background:#2a2f36!important;color:#eef0f3!important}
.accent{color:%s!important}
.bar{background:%s!important}
}
@media (max-width:480px){
.in{padding:16px!important}.page{padding:0!important}.card{border-radius:0!important;border-width:0!important}
.foot{padding:0 16px 16px!important}
}
"""

Picture = Callable[[Image], str]
"""A chart -> the address of its picture within the mail, empty where there is none."""


@dataclass(slots=True)
class Page:
    """The HTML; `cut` is whether something is missing in it."""

    html: str = ""
    cut: bool = False
    _parts: list[str] = field(default_factory=list)
    _left: int = LIMIT


def write(
    message: Message, *, picture: Picture, footer: str = "", whole: str = "", notes: Sequence[str] = ()
) -> Page:
    """The page. `whole` is where everything is that does not fit, for the line that says so; `notes` are
    lines of ours below the blocks.
    """
    page = Page()
    title = one_line(message.title or message.text)
    if message.text and one_line(message.text) != title and not message.blocks:
        _add(page, _paragraph(page, Paragraph(message.text)))
    for block in message.blocks:
        _add(page, _block(page, block, picture))
    page._parts += [_small(note) for note in notes]
    if message.buttons:
        _add(page, _commands(message))
    if page.cut:
        page._parts.append(_small(f"Cut to fit a mail{f': the whole is {whole}' if whole else ''}."))
    page.html = _frame(message, title, "".join(page._parts), footer)
    return page


def _add(page: Page, part: str) -> None:
    if len(part) > page._left:
        page.cut = True
        return
    page._parts.append(part)
    page._left -= len(part)


def _frame(message: Message, title: str, body: str, footer: str) -> str:
    light, dark = _COLORS[message.tone]
    preview = f'<div style="display:none;max-height:0;overflow:hidden">{_text(message.text, 150)}</div>'
    bar = f'<div class="bar" style="height:5px;background:{light};font-size:0;line-height:0">&nbsp;</div>'
    heading = (
        f'<h1 class="accent" style="margin:0 0 12px;font-size:19px;line-height:1.35;color:{light};{_WRAP}">'
        f"{html.escape(cut(title, 300)) or '–'}</h1>"
    )
    card = f"background:#ffffff;border:1px solid {_LINE};border-radius:10px;overflow:hidden"
    small = f"{_LOOKS['faint']};margin:12px 0 0;padding:0 4px;font-size:12px;line-height:1.5"
    foot = f'<p class="faint foot" style="{small}">{_lined(footer)}</p>' if footer else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark">'
        f"<title>{html.escape(cut(title, 300))}</title><style>{_DARK % (dark, dark)}</style></head>"
        f'<body style="margin:0;padding:0;background:#eef0f3;font-family:{_FONT}">{preview}'
        '<div class="page" style="padding:24px 12px;background:#eef0f3">'
        f'<div style="max-width:600px;margin:0 auto"><div class="card" style="{card}">{bar}'
        f'<div class="in" style="padding:22px 24px">{heading}{body}</div></div>{foot}'
        "</div></div></body></html>"
    )


def _block(page: Page, block: Block, picture: Picture) -> str:
    match block:
        case Paragraph():
            return _paragraph(page, block)
        case Facts():
            return _facts(block)
        case Headlines():
            return _headlines(block)
        case Table():
            return _table(block)
        case Code():
            return _code(page, block)
        case Image():
            return _image(block, picture)
        case File():
            return _small(f"Attached: {one_line(block.name)}")
        case _:
            assert_never(block)


def _paragraph(page: Page, block: Paragraph) -> str:
    made: list[str] = []
    room = TEXT
    for span in spans(block.text) if block.marked else (Span(block.text),):
        whole = clean(span.text)
        shown = cut(whole, room) if room > 0 else ""
        page.cut = page.cut or shown != whole
        room -= len(shown)
        written = html.escape(shown).replace("\n", "<br>")
        match span.style:
            case "bold":
                made.append(f"<strong>{written}</strong>")
            case "code":
                made.append(
                    _element(
                        "code", f"padding:1px 4px;border-radius:4px;font-size:13px;{_MONO}", written, "soft"
                    )
                )
            case "plain":
                made.append(written)
    return _element("p", f"margin:0 0 14px;font-size:15px;line-height:1.5;{_WRAP}", "".join(made), "ink")


def _headlines(block: Headlines) -> str:
    made = []
    for one in block.items:
        change = _element("span", "font-size:13px;font-weight:400", f" {_text(one.change)}", "faint")
        value = _text(one.value) + (change if one.change else "")
        label = _element("div", "font-size:13px", _text(one.label), "faint")
        number = _element("div", "font-size:22px;font-weight:700;line-height:1.3", value, "ink")
        made.append(
            _element("div", "display:inline-block;vertical-align:top;margin:0 22px 12px 0", label + number)
        )
    return _element("div", "margin:0 0 4px", "".join(made))


def _facts(block: Facts) -> str:
    rows = ""
    for label, value in block.items:
        name = _element("td", "padding:2px 14px 2px 0;vertical-align:top", _text(label, 60), "faint")
        said = _element("td", f"padding:2px 0;{_WRAP}", _lined(cut(clean(value), 2_000)), "ink")
        rows += f"<tr>{name}{said}</tr>"
    return f'<table role="presentation" style="{_GRID};font-size:14px;line-height:1.5">{rows}</table>'


def _table(table: Table) -> str:
    columns, shown = table.columns[: table.shown_columns], table.rows[: table.shown_rows]
    sides = [
        "right" if is_right_aligned(column.format, (row[at] for row in shown if at < len(row))) else "left"
        for at, column in enumerate(columns)
    ]
    head = "".join(
        _element("th", f"{_cell(side)};font-weight:600", _text(column.title, CELL), "faint line")
        for column, side in zip(columns, sides, strict=True)
    )
    rows = ""
    for row in shown:
        cells = zip(row, columns, sides, strict=False)
        rows += "<tr>"
        for cell, column, side in cells:
            rows += _element("td", _cell(side), _text(write_cell(cell, column.format), CELL), "ink line")
        rows += "</tr>"
    made = ""
    if table.title:
        made = _element("p", "margin:0 0 4px;font-size:14px;font-weight:600", _text(table.title), "ink")
    if shown:
        style = f"{_GRID};width:100%;font-size:14px;line-height:1.4"
        grid = f'<table style="{style}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        made += _element("div", "overflow-x:auto", grid)
    note = left_out(table, len(shown), len(columns))
    return made + (_small(note) if note else "")


def _cell(side: str) -> str:
    return f"text-align:{side};padding:5px 8px 5px 0;border-bottom:1px solid {_LINE};vertical-align:top"


def _code(page: Page, block: Code) -> str:
    whole = clean(block.text).rstrip("\n")
    shown = whole if len(whole) <= CODE else f"… {len(whole) - CODE:,} characters left out …\n{whole[-CODE:]}"
    page.cut = page.cut or shown != whole
    style = f"margin:0 0 14px;padding:10px 12px;border-radius:6px;font-size:12px;line-height:1.45;{_MONO}"
    return _element("pre", f"{style};white-space:pre-wrap;{_WRAP}", html.escape(shown), "soft")


def _image(block: Image, picture: Picture) -> str:
    title, alt = one_line(block.title or block.chart.title), one_line(block.alt) or "A chart"
    source = picture(block)
    if not source:
        return _small(f"{title}: {alt}" if title else alt)
    style = "display:block;width:100%;max-width:552px;height:auto;border:0;border-radius:6px"
    image = f'<img src="{html.escape(source)}" alt="{_text(alt, 1_000)}" width="552" style="{style}">'
    return _element("p", "margin:0 0 14px", image)


def _commands(message: Message) -> str:
    rows = _element("div", "margin:0 0 8px", "To go on, say in chat:", "faint")
    for one in message.buttons:
        style = f"padding:2px 6px;border-radius:4px;font-size:12px;{_MONO};{_WRAP}"
        line = _element("code", style, _text(CALL + one.command, 500), "soft")
        label = _element("span", "", _text(one.label, 60), "faint")
        rows += _element("div", "margin:0 0 7px", f"{label} {line}")
    return _element(
        "div", f"margin:16px 0 0;padding:14px 0 0;border-top:1px solid {_LINE};font-size:13px", rows, "line"
    )


def _small(text: str) -> str:
    return _element("p", "margin:0 0 14px;font-size:13px", _text(text, 2_000), "faint")


def _element(tag: str, style: str, inner: str, classes: str = "") -> str:
    """An element around what is HTML already; each class brings its style in the light."""
    looks = ";".join(
        [*(_LOOKS[one] for one in classes.split() if one in _LOOKS), *([style] if style else [])]
    )
    name = f' class="{classes}"' if classes else ""
    return f'<{tag}{name} style="{looks}">{inner}</{tag}>'


def _text(text: str, limit: int = 500) -> str:
    return html.escape(cut(one_line(text), limit))


def _lined(text: str) -> str:
    return html.escape(clean(text)).replace("\n", "<br>")
