"""Slack's limits on both sides of their edge, as the strict fake knows them and the renderer keeps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.slack import buttons, limits, page
from adapters.slack.render import Look, render
from adapters.slack.text import cut_escaped, escape
from core.messages import (
    Button,
    ChartData,
    Code,
    Column,
    Facts,
    Image,
    Message,
    Paragraph,
    Table,
)
from tests.channels import slack_schema, slack_workspace
from tests.channels.fake_slack import UPDATES_A_MINUTE
from tests.channels.slack_posting import UPDATE_TEXT_LIMIT

Blocks = list[dict[str, Any]]


def plain(size: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": "x" * size}


def option(text: int = 1, value: int = 1) -> dict[str, Any]:
    return {"text": plain(text), "value": "v" * value}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(1), **more}


def confirm(**sizes: int) -> dict[str, Any]:
    names = {"title": 1, "text": 1, "confirm": 1, "deny": 1} | sizes
    return {name: plain(size) for name, size in names.items()}


def actions(*elements: dict[str, Any]) -> Blocks:
    return [{"type": "actions", "elements": list(elements)}]


def section(**more: Any) -> Blocks:
    return [{"type": "section", **more}]


def menu(count: int) -> Blocks:
    return actions({"type": "static_select", "options": [option()] * count})


def table(rows: int = 2, columns: int = 1, text: int = 1, **more: Any) -> Blocks:
    row = [{"type": "raw_text", "text": "x" * text}] * columns
    return [{"type": "table", "rows": [row] * rows, **more}]


def ask(label: int = 1, **element: Any) -> Blocks:
    return [{"type": "input", "label": plain(label), "element": {"type": "plain_text_input", **element}}]


BLOCKS: dict[str, tuple[int, Callable[[int], Blocks]]] = {
    "MESSAGE_BLOCKS": (limits.MESSAGE_BLOCKS, lambda n: [{"type": "divider"}] * n),
    "SECTION": (limits.SECTION, lambda n: section(text=plain(n))),
    "FIELD": (limits.FIELD, lambda n: section(fields=[plain(n)])),
    "FIELDS": (limits.FIELDS, lambda n: section(fields=[plain(1)] * n)),
    "HEADER": (limits.HEADER, lambda n: [{"type": "header", "text": plain(n)}]),
    "CONTEXT": (limits.CONTEXT, lambda n: [{"type": "context", "elements": [plain(1)] * n}]),
    "CONTEXT_TEXT": (limits.CONTEXT_TEXT, lambda n: [{"type": "context", "elements": [plain(n)]}]),
    "IMAGE_ALT": (limits.IMAGE_ALT, lambda n: [{"type": "image", "image_url": "x", "alt_text": "x" * n}]),
    "IMAGE_TITLE": (
        limits.IMAGE_TITLE,
        lambda n: [{"type": "image", "image_url": "x", "alt_text": "x", "title": plain(n)}],
    ),
    "BLOCK_ID": (limits.BLOCK_ID, lambda n: [{"type": "divider", "block_id": "b" * n}]),
    "ACTION_ID": (limits.ACTION_ID, lambda n: actions(button(action_id="a" * n))),
    "ACTIONS": (limits.ACTIONS, lambda n: actions(*[button()] * n)),
    "TABLES": (limits.TABLES, lambda n: table() * n),
    "TABLE_ROWS": (limits.TABLE_ROWS, lambda n: table(rows=n)),
    "TABLE_COLUMNS": (limits.TABLE_COLUMNS, lambda n: table(columns=n, column_settings=[{}] * n)),
    "TABLE_CHARS": (limits.TABLE_CHARS, lambda n: table(rows=1, text=n)),
    "BUTTON": (limits.BUTTON, lambda n: actions({"type": "button", "text": plain(n)})),
    "BUTTON_VALUE": (limits.BUTTON_VALUE, lambda n: actions(button(value="v" * n))),
    "BUTTON_URL": (limits.BUTTON_URL, lambda n: actions(button(url="u" * n))),
    "CONFIRM_TITLE": (limits.CONFIRM_TITLE, lambda n: actions(button(confirm=confirm(title=n)))),
    "CONFIRM_TEXT": (limits.CONFIRM_TEXT, lambda n: actions(button(confirm=confirm(text=n)))),
    "CONFIRM_BUTTON": (limits.CONFIRM_BUTTON, lambda n: actions(button(confirm=confirm(confirm=n, deny=n)))),
    "OPTION": (limits.OPTION, lambda n: actions({"type": "static_select", "options": [option(text=n)]})),
    "OPTION_VALUE": (
        limits.OPTION_VALUE,
        lambda n: actions({"type": "static_select", "options": [option(value=n)]}),
    ),
    "OPTIONS": (limits.OPTIONS, menu),
    "OVERFLOW": (limits.OVERFLOW, lambda n: actions({"type": "overflow", "options": [option()] * n})),
    "CHECKBOXES": (limits.CHECKBOXES, lambda n: actions({"type": "checkboxes", "options": [option()] * n})),
    "PLACEHOLDER": (limits.PLACEHOLDER, lambda n: ask(placeholder=plain(n))),
    "INPUT_VALUE": (limits.INPUT_VALUE, lambda n: ask(initial_value="x" * n)),
    "INPUT_LABEL": (limits.INPUT_LABEL, lambda n: ask(label=n)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_slack_takes_as_much_as_the_limit_and_no_more(name: str) -> None:
    limit, made = BLOCKS[name]
    assert slack_schema.mistakes(made(limit)) == []
    assert slack_schema.mistakes(made(limit + 1)) != []


def modal(**more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain(1), "blocks": [{"type": "divider"}], **more}


VIEWS: dict[str, tuple[int, Callable[[int], dict[str, Any]]]] = {
    "VIEW_BLOCKS": (limits.VIEW_BLOCKS, lambda n: modal(blocks=[{"type": "divider"}] * n)),
    "MODAL_TITLE": (limits.MODAL_TITLE, lambda n: modal(title=plain(n), submit=plain(n), close=plain(n))),
    "PRIVATE_METADATA": (limits.PRIVATE_METADATA, lambda n: modal(private_metadata="m" * n)),
    "CALLBACK_ID": (limits.CALLBACK_ID, lambda n: modal(callback_id="c" * n)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_takes_as_much_as_the_limit_and_no_more(name: str) -> None:
    limit, made = VIEWS[name]
    assert slack_schema.view_mistakes(made(limit)) == []
    assert slack_schema.view_mistakes(made(limit + 1)) != []


def test_limits_that_slack_keeps_by_the_clock_are_those_of_the_fake() -> None:
    assert limits.TRIGGER.total_seconds() == slack_workspace.TRIGGER_AGE
    assert limits.RESPONSE_URL.total_seconds() == slack_workspace.RESPONSE_URL_AGE
    assert limits.RESPONSE_URL_USES == slack_workspace.RESPONSE_URL_USES
    assert limits.TEXT == UPDATE_TEXT_LIMIT
    assert limits.UPDATES_KEPT < limits.UPDATES < UPDATES_A_MINUTE
    assert limits.MESSAGE_CHARS < slack_schema.TOTAL_LIMIT


PICTURE = "F000000001"


def shown(message: Message) -> Blocks:
    """The blocks of a message, which Slack takes."""
    rendered = render(message, Look(picture=lambda _: PICTURE))
    assert slack_schema.mistakes(rendered.blocks, files={PICTURE}) == []
    assert slack_schema.total_chars(rendered.blocks) <= slack_schema.TOTAL_LIMIT
    assert len(rendered.text) <= limits.TEXT
    return rendered.blocks


def texts(blocks: Any) -> list[str]:
    if isinstance(blocks, list):
        return [text for one in blocks for text in texts(one)]
    if not isinstance(blocks, dict):
        return []
    own = [blocks["text"]] if isinstance(blocks.get("text"), str) else []
    return own + [text for one in blocks.values() if not isinstance(one, str) for text in texts(one)]


RENDERED: dict[str, tuple[int, Callable[[str], Message]]] = {
    "a paragraph": (limits.SECTION, lambda text: Message("t", blocks=(Paragraph(text),))),
    "a title": (page.HEADING, lambda text: Message("t", title=text)),
    "code": (page.CODE_CHARS, lambda text: Message("t", blocks=(Code(text),))),
    "a fact": (limits.FIELD, lambda text: Message("t", blocks=(Facts((("label", text),)),))),
    "a cell": (300, lambda text: Message("t", blocks=(Table((Column("c"),), ((text,),)),))),
    "a button": (limits.BUTTON, lambda text: Message("t", buttons=(Button(text, "list"),))),
    "a confirmation": (
        limits.CONFIRM_TEXT,
        lambda text: Message("t", buttons=(Button("b", "list", confirm=text),)),
    ),
    "a picture's title": (
        limits.IMAGE_TITLE,
        lambda text: Message("t", blocks=(Image(ChartData("bar", (), ()), "alt", text),)),
    ),
}


@pytest.mark.parametrize("name", RENDERED)
def test_what_fits_is_whole_and_what_does_not_says_that_it_was_cut(name: str) -> None:
    limit, made = RENDERED[name]
    assert "x" * limit in texts(shown(made("x" * limit)))
    longer = texts(shown(made("x" * (limit + 1))))
    assert not any("x" * (limit + 1) in text for text in longer)
    assert any("…" in text and "x" in text for text in longer)


def test_a_picture_s_words_fit_whole_or_cut() -> None:
    for size in (limits.IMAGE_ALT, limits.IMAGE_ALT + 1):
        message = Message("t", blocks=(Image(ChartData("bar", (), ()), "x" * size),))
        (image,) = [block for block in shown(message) if block["type"] == "image"]
        assert len(image["alt_text"]) == limits.IMAGE_ALT
        assert image["alt_text"].endswith("x" if size == limits.IMAGE_ALT else "…")


@pytest.mark.parametrize("count", [limits.FIELDS, limits.FIELDS + 1, 3 * limits.FIELDS])
def test_facts_are_split_over_sections(count: int) -> None:
    blocks = shown(Message("t", blocks=(Facts(tuple((f"n{one}", "v") for one in range(count))),)))
    sections = [block for block in blocks if block["type"] == "section"]
    assert sum(len(one["fields"]) for one in sections) == count


@pytest.mark.parametrize("count", [limits.ACTIONS, limits.ACTIONS + 1, 4 * limits.ACTIONS])
def test_buttons_are_split_over_rows_with_stable_ids(count: int) -> None:
    made = tuple(Button(f"b{number}", f"show #{number}") for number in range(count))
    rows = [block for block in shown(Message("t", buttons=made)) if block["type"] == "actions"]
    ids = [one["action_id"] for row in rows for one in row["elements"]]
    assert ids == [f"{buttons.SAY}:{number}" for number in range(count)]
    assert [one["value"] for row in rows for one in row["elements"]] == [one.command for one in made]


def test_a_command_too_long_for_a_button_is_named_instead() -> None:
    fits = Button("Fits", "x" * limits.BUTTON_VALUE)
    longer = Button("Longer", "x" * (limits.BUTTON_VALUE + 1))
    blocks = shown(Message("t", buttons=(fits, longer)))
    (row,) = [block for block in blocks if block["type"] == "actions"]
    assert [one["text"]["text"] for one in row["elements"]] == ["Fits"]
    assert "Too long for a button, type it instead: Longer" in texts(blocks)


@pytest.mark.parametrize("count", [40, 48, 49, 50, 51, 200])
def test_blocks_above_the_limit_become_a_file_that_is_told(count: int) -> None:
    message = Message("t", blocks=tuple(Paragraph(f"p{number}") for number in range(count)))
    rendered = render(message)
    assert len(rendered.blocks) <= limits.MESSAGE_BLOCKS
    assert slack_schema.mistakes(rendered.blocks) == []
    missing = f"p{count - 1}" not in texts(rendered.blocks)
    assert missing == (count > 45)
    assert missing == bool(rendered.files)
    assert missing == ("Cut to fit Slack: the whole is attached as message.txt." in texts(rendered.blocks))
    if rendered.files:
        assert f"p{count - 1}\n" in rendered.files[0].text


@pytest.mark.parametrize(("rows", "whole"), [(99, True), (100, False), (5_000, False)])
def test_a_table_above_the_limit_says_how_much_of_it_is_shown(rows: int, whole: bool) -> None:
    made = Table((Column("n"),), tuple((number,) for number in range(rows)), "Many", shown_rows=10_000)
    rendered = render(Message("t", blocks=(made,)))
    (block,) = [one for one in rendered.blocks if one["type"] == "table"]
    assert slack_schema.mistakes(rendered.blocks) == []
    assert len(block["rows"]) == min(rows, 99) + 1
    notes = [text for text in texts(rendered.blocks) if "of" in text]
    assert notes == ([] if whole else [f"first 99 of {rows:,} rows · attached as many.csv"])
    assert [file.name for file in rendered.files] == ([] if whole else ["many.csv"])
    if rendered.files:
        assert rendered.files[0].table == made


def test_a_table_of_long_cells_keeps_to_the_characters_of_a_message() -> None:
    made = Table((Column("n"),), tuple(("x" * 250,) for _ in range(90)), "Long", shown_rows=90)
    blocks = shown(Message("t", blocks=(Paragraph("p" * 2_900), made)))
    (block,) = [one for one in blocks if one["type"] == "table"]
    assert 20 < len(block["rows"]) < 45


@pytest.mark.parametrize("columns", [20, 21])
def test_columns_above_the_limit_are_named(columns: int) -> None:
    row = tuple(range(columns))
    made = Table(tuple(Column(f"c{one}") for one in row), (row,), shown_columns=columns)
    blocks = shown(Message("t", blocks=(made,)))
    said = [text for text in texts(blocks) if "columns" in text]
    assert said == ([] if columns == 20 else ["20 of 21 columns (without c20) · attached as table.csv"])


def test_a_second_table_is_text() -> None:
    made = Table((Column("name"), Column("n", "integer")), (("a", 1_000), ("bcd", 2)))
    blocks = shown(Message("t", blocks=(made, made)))
    assert [block["type"] for block in blocks] == ["rich_text", "table", "rich_text"]
    assert texts(blocks)[-1] == "name      n\na     1,000\nbcd       2"


def test_a_second_table_that_is_wide_is_told_row_by_row() -> None:
    made = Table(
        (Column("job"), Column("what it does"), Column("last")), (("a", "b" * 40, "ok"), ("c", "d", None))
    )
    blocks = shown(Message("t", blocks=(made, made)))
    assert "".join(texts(blocks[-1])) == f"a  {'b' * 40} · last ok\nc  d"


def test_what_one_person_sees_has_no_file_and_does_not_promise_one() -> None:
    made = Table((Column("n"),), tuple((number,) for number in range(500)), shown_rows=500)
    rendered = render(Message("t", blocks=(made, Paragraph("x" * 5_000))), Look(attach=False))
    assert rendered.files == ()
    assert "attached" not in str(rendered.blocks)
    assert "Cut to fit Slack." in texts(rendered.blocks)
    assert "first 99 of 500 rows" in texts(rendered.blocks)


@pytest.mark.parametrize("surface", ["modal", "home"])
def test_views_show_tables_as_text(surface: Any) -> None:
    made = Message("t", blocks=(Table((Column("n"),), ((1,),)),), buttons=(Button("b", "list"),))
    blocks = render(made, Look(surface=surface, attach=False)).blocks
    assert slack_schema.mistakes(blocks, surface) == []
    assert "table" not in [block["type"] for block in blocks]


@pytest.mark.parametrize("text", ["&" * 3, "<" * 3, "a&b<c>d"])
@pytest.mark.parametrize("limit", range(1, 16))
def test_a_cut_never_splits_an_entity(text: str, limit: int) -> None:
    made = cut_escaped(escape(text), limit)
    assert len(made) <= limit
    rest = made.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert "&" not in rest
