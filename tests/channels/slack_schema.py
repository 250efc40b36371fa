"""What Slack takes as blocks and views, written down a second time: the renderer's own limits are not used.

Each mistake is told as Slack tells it, with a pointer to its place. Unknown types and keys are mistakes.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from tests.channels import slack_checks as checks

TOTAL_LIMIT = 13_000  # characters over all blocks of a message: above it msg_blocks_too_long was seen
TABLE_LIMIT = 10_000  # characters over all cells of a message
VIEW_LIMIT = 250_000  # bytes of a view


def mistakes(blocks: Any, surface: str = "message", files: Container[str] = ()) -> list[str]:
    """What is wrong with the blocks of a message, a modal or a home tab; empty where nothing is."""
    book = checks.Book(surface, files)
    checks.array(_BLOCK, 50 if surface == "message" else 100, 0)(blocks, "/blocks", book)
    if not book.mistakes:
        _whole(blocks, book)
    return book.mistakes


def view_mistakes(view: Any, files: Container[str] = ()) -> list[str]:
    """What is wrong with a modal or a home tab."""
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        return ["must be a modal or a home tab [json-pointer:/view/type]"]
    book = checks.Book(view["type"], files)
    _VIEWS[view["type"]](view, "/view", book)
    if not book.mistakes:
        checks.array(_BLOCK, 100, 0)(view["blocks"], "/view/blocks", book)
    if not book.mistakes:
        _whole(view["blocks"], book)
        inputs = any(block["type"] == "input" for block in view["blocks"])
        if view["type"] == "modal" and inputs and "submit" not in view:
            book.wrong("/view", "missing required field: submit")
        if len(repr(view).encode()) > VIEW_LIMIT:
            book.wrong("/view", "view_too_large")
    return book.mistakes


def total_chars(value: Any) -> int:
    """Characters of every text in a payload."""
    return sum(len(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in ("text", "alt_text") and isinstance(one, str):
                yield one
            elif isinstance(one, dict | list):
                yield from _texts(one)


def _whole(blocks: list[dict[str, Any]], book: checks.Book) -> None:
    """Rules over all blocks together."""
    names = [block["block_id"] for block in blocks if "block_id" in block]
    for name in {name for name in names if names.count(name) > 1}:
        book.wrong("/blocks", f"`block_id` {name} already exists")
    tables = [block for block in blocks if block["type"] == "table"]
    if len(tables) > 1:
        book.wrong("/blocks", "only_one_table_allowed")
    if sum(total_chars(table["rows"]) for table in tables) > TABLE_LIMIT:
        book.wrong("/blocks", f"table cells must have no more than {TABLE_LIMIT} characters in all")
    for place, block in enumerate(blocks):
        if block["type"] != "actions":
            continue
        ids = [one["action_id"] for one in block["elements"] if "action_id" in one]
        if len(ids) != len(set(ids)):
            book.wrong(f"/blocks/{place}/elements", "`action_id` already exists")


def _slack_file(value: Any, at: str, book: checks.Book) -> None:
    checks.fields({"id": checks.string(30, pattern=r"F[A-Z0-9]{8,}")})(value, at, book)
    if isinstance(value, dict) and value.get("id") not in book.files:
        book.wrong(at, "invalid slack file")


_ID = checks.string(255)
_CONFIRM = checks.fields(
    {
        "title": checks.plain(100),
        "text": checks.text(300),
        "confirm": checks.plain(30),
        "deny": checks.plain(30),
    },
    {"style": checks.one_of("primary", "danger")},
)
_OPTION = checks.fields(
    {"text": checks.text(75), "value": checks.string(150)},
    {"description": checks.text(75), "url": checks.string(3000)},
)
_OPTIONS = checks.array(_OPTION, 100)
_GROUPS = checks.array(checks.fields({"label": checks.plain(75), "options": _OPTIONS}), 100)
_SHARED: dict[str, checks.Check] = {"action_id": _ID, "confirm": _CONFIRM, "focus_on_load": checks.boolean}
_HINTED: dict[str, checks.Check] = {**_SHARED, "placeholder": checks.plain(150)}
_FILTER = checks.fields(
    {},
    {
        "include": checks.array(checks.one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": checks.boolean,
        "exclude_bot_users": checks.boolean,
    },
)
_IMAGE_FILE: dict[str, checks.Check] = {"slack_file": _slack_file, "image_url": checks.string(3000)}
_TYPED: dict[str, checks.Check] = {
    **_HINTED,
    "initial_value": checks.string(3000, 0),
    "dispatch_action_config": checks.fields({"trigger_actions_on": checks.array(checks.string(50), 2)}),
}
_DATE = checks.string(10, pattern=r"\d{4}-\d{2}-\d{2}")

_ELEMENTS: dict[str, checks.Check] = {
    "button": checks.fields(
        {"text": checks.plain(75)},
        {
            "action_id": _ID,
            "value": checks.string(2000),
            "url": checks.string(3000),
            "style": checks.one_of("primary", "danger"),
            "confirm": _CONFIRM,
            "accessibility_label": checks.string(75),
        },
    ),
    "overflow": checks.fields({"options": checks.array(_OPTION, 5)}, {"action_id": _ID, "confirm": _CONFIRM}),
    "static_select": checks.fields(
        {}, {**_HINTED, "options": _OPTIONS, "option_groups": _GROUPS, "initial_option": _OPTION}
    ),
    "external_select": checks.fields(
        {}, {**_HINTED, "min_query_length": checks.integer(0, 100), "initial_option": _OPTION}
    ),
    "multi_static_select": checks.fields(
        {},
        {
            **_HINTED,
            "options": _OPTIONS,
            "option_groups": _GROUPS,
            "initial_options": _OPTIONS,
            "max_selected_items": checks.integer(1, 100),
        },
    ),
    "multi_external_select": checks.fields(
        {},
        {
            **_HINTED,
            "min_query_length": checks.integer(0, 100),
            "initial_options": _OPTIONS,
            "max_selected_items": checks.integer(1, 100),
        },
    ),
    "users_select": checks.fields({}, {**_HINTED, "initial_user": _ID}),
    "channels_select": checks.fields(
        {}, {**_HINTED, "initial_channel": _ID, "response_url_enabled": checks.boolean}
    ),
    "conversations_select": checks.fields(
        {},
        {
            **_HINTED,
            "initial_conversation": _ID,
            "default_to_current_conversation": checks.boolean,
            "response_url_enabled": checks.boolean,
            "filter": _FILTER,
        },
    ),
    "datepicker": checks.fields({}, {**_HINTED, "initial_date": _DATE}),
    "timepicker": checks.fields(
        {}, {**_HINTED, "initial_time": checks.string(5), "timezone": checks.string(50)}
    ),
    "datetimepicker": checks.fields(
        {}, {**_SHARED, "initial_date_time": checks.integer(1_000_000_000, 9_999_999_999)}
    ),
    "checkboxes": checks.fields(
        {"options": checks.array(_OPTION, 10)}, {**_SHARED, "initial_options": checks.array(_OPTION, 10)}
    ),
    "radio_buttons": checks.fields(
        {"options": checks.array(_OPTION, 10)}, {**_SHARED, "initial_option": _OPTION}
    ),
    "plain_text_input": checks.fields(
        {},
        {
            **_TYPED,
            "multiline": checks.boolean,
            "min_length": checks.integer(0, 3000),
            "max_length": checks.integer(1, 3000),
        },
    ),
    "number_input": checks.fields(
        {"is_decimal_allowed": checks.boolean},
        {**_TYPED, "min_value": checks.string(30), "max_value": checks.string(30)},
    ),
    "email_text_input": checks.fields({}, _TYPED),
    "url_text_input": checks.fields({}, _TYPED),
}
_ACCESSORY = checks.union(
    {**_ELEMENTS, "image": checks.fields({"alt_text": checks.string(2000)}, _IMAGE_FILE)}
)
_INPUT = checks.union(
    {kind: check for kind, check in _ELEMENTS.items() if kind not in ("button", "overflow")}
)
_ACTION = checks.union({kind: one for kind, one in _ELEMENTS.items() if not kind.endswith("_input")})
_CONTEXT = checks.union(
    {
        "image": checks.fields({"alt_text": checks.string(2000)}, _IMAGE_FILE),
        "plain_text": checks.fields({"text": checks.string(2000)}, {"emoji": checks.boolean}),
        "mrkdwn": checks.fields({"text": checks.string(2000)}, {"verbatim": checks.boolean}),
    }
)

_STYLE = checks.fields({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), checks.boolean))
_STYLED: dict[str, checks.Check] = {"style": _STYLE}
_RICH_ELEMENT = checks.union(
    {
        "text": checks.fields({"text": checks.string(12_000)}, _STYLED),
        "link": checks.fields(
            {"url": checks.string(3000)}, {"text": checks.string(3000), "unsafe": checks.boolean, **_STYLED}
        ),
        "user": checks.fields({"user_id": _ID}, _STYLED),
        "usergroup": checks.fields({"usergroup_id": _ID}, _STYLED),
        "channel": checks.fields({"channel_id": _ID}, _STYLED),
        "broadcast": checks.fields({"range": checks.one_of("here", "channel", "everyone")}, _STYLED),
        "emoji": checks.fields({"name": checks.string(100)}, {"unicode": checks.string(100), **_STYLED}),
        "date": checks.fields(
            {"timestamp": checks.integer(0, 9_999_999_999), "format": checks.string(200)},
            {"url": checks.string(3000), "fallback": checks.string(200), **_STYLED},
        ),
    }
)
_RICH_SECTION = checks.fields({"elements": checks.array(_RICH_ELEMENT, 1000, 0)})
_RICH_QUOTE = checks.fields(
    {"elements": checks.array(_RICH_ELEMENT, 1000, 0)}, {"border": checks.integer(0, 1)}
)
_RICH_PART = checks.union(
    {
        "rich_text_section": _RICH_SECTION,
        "rich_text_preformatted": checks.fields(
            {"elements": checks.array(_RICH_ELEMENT, 1000, 0)},
            {"border": checks.integer(0, 1), "language": checks.string(50)},
        ),
        "rich_text_quote": _RICH_QUOTE,
        "rich_text_list": checks.fields(
            {
                "style": checks.one_of("bullet", "ordered"),
                "elements": checks.array(checks.union({"rich_text_section": _RICH_SECTION}), 1000),
            },
            {
                "indent": checks.integer(0, 8),
                "offset": checks.integer(0, 1000),
                "border": checks.integer(0, 1),
            },
        ),
    }
)
_RICH_BLOCK: dict[str, checks.Check] = {"elements": checks.array(_RICH_PART, 1000)}


def _number_cell(value: Any, at: str, book: checks.Book) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("value"), int | float):
        book.wrong(at, "must have a number")


_CELL = checks.union(
    {
        "raw_text": checks.fields({"text": checks.string(TABLE_LIMIT)}),
        "raw_number": _number_cell,
        "rich_text": checks.fields(_RICH_BLOCK),
    }
)
_NAMED: dict[str, checks.Check] = {"block_id": _ID}


def _table(value: Any, at: str, book: checks.Book) -> None:
    checks.fields(
        {"rows": checks.array(checks.array(_CELL, 20), 100)},
        {
            **_NAMED,
            "column_settings": checks.array(
                checks.fields(
                    {}, {"align": checks.one_of("left", "center", "right"), "is_wrapped": checks.boolean}
                ),
                20,
            ),
        },
    )(value, at, book)
    rows = value.get("rows")
    if isinstance(rows, list) and len({len(row) for row in rows if isinstance(row, list)}) > 1:
        book.wrong(f"{at}/rows", "every row must have the same number of cells")


def _section(value: Any, at: str, book: checks.Book) -> None:
    checks.fields(
        {},
        {
            **_NAMED,
            "text": checks.text(3000),
            "fields": checks.array(checks.text(2000), 10),
            "accessory": _ACCESSORY,
            "expand": checks.boolean,
        },
    )(value, at, book)
    if not ("text" in value or "fields" in value):
        book.wrong(at, "missing required field: text or fields")


def _image(value: Any, at: str, book: checks.Book) -> None:
    checks.fields({"alt_text": checks.string(2000)}, {**_NAMED, **_IMAGE_FILE, "title": checks.plain(2000)})(
        value, at, book
    )
    if ("slack_file" in value) == ("image_url" in value):
        book.wrong(at, "must have either image_url or slack_file")


_BLOCK = checks.union(
    {
        "section": _section,
        "header": checks.fields({"text": checks.plain(150)}, _NAMED),
        "divider": checks.fields({}, _NAMED),
        "image": _image,
        "actions": checks.fields({"elements": checks.array(_ACTION, 25)}, _NAMED),
        "context": checks.fields({"elements": checks.array(_CONTEXT, 10)}, _NAMED),
        "rich_text": checks.fields(_RICH_BLOCK, _NAMED),
        "table": checks.only(("message",), _table, "table"),
        "markdown": checks.only(
            ("message",), checks.fields({"text": checks.string(12_000)}, _NAMED), "markdown"
        ),
        "input": checks.fields(
            {"label": checks.plain(2000), "element": _INPUT},
            {
                **_NAMED,
                "hint": checks.plain(2000),
                "optional": checks.boolean,
                "dispatch_action": checks.boolean,
            },
        ),
        "alert": checks.only(
            ("modal",),
            checks.fields({"text": checks.text(3000)}, {**_NAMED, "level": checks.string(20)}),
            "alert",
        ),
    }
)


def _anything(value: Any, at: str, book: checks.Book) -> None:
    """Checked elsewhere."""


_VIEW_COMMON: dict[str, checks.Check] = {
    "private_metadata": checks.string(3000, 0),
    "callback_id": checks.string(255),
    "external_id": checks.string(255),
}
_VIEWS: dict[str, checks.Check] = {
    "modal": checks.fields(
        {"type": checks.one_of("modal"), "title": checks.plain(24), "blocks": _anything},
        {
            **_VIEW_COMMON,
            "submit": checks.plain(24),
            "close": checks.plain(24),
            "clear_on_close": checks.boolean,
            "notify_on_close": checks.boolean,
            "submit_disabled": checks.boolean,
        },
    ),
    "home": checks.fields({"type": checks.one_of("home"), "blocks": _anything}, _VIEW_COMMON),
}
