"""What Adaptive Cards 1.5 in Teams take, of the elements that we use: nothing else passes.

Written after https://adaptivecards.io/explorer and, for charts, after
https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/charts-in-adaptive-cards.
Unknown properties are mistakes: hosts ignore them, so that what they were meant for would be missing.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_COLOUR = {"enum": ["Default", "Accent", "Good", "Warning", "Attention"]}
_SPACING = {"enum": ["None", "Small", "Default", "Medium", "Large"]}
_STYLE = {"enum": ["default", "emphasis", "good", "attention", "warning", "accent"]}
_ALIGN = {"enum": ["Left", "Center", "Right"]}
_CHART_COLOUR = {"type": "string", "pattern": "^categorical[A-Z][A-Za-z]+$"}
_NUMBER: Schema = {"type": "number"}
_ELEMENTS: Schema = {"type": "array", "items": {"$ref": "#/$defs/element"}, "minItems": 1}


def _object(kind: str = "", /, *, required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    known: Schema = dict(properties)
    needed = list(required)
    if kind:
        known["type"] = {"const": kind}
        needed.append("type")
    return {"type": "object", "properties": known, "required": needed, "additionalProperties": False}


def _element(kind: str, /, *, required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return _object(kind, required=required, spacing=_SPACING, **properties)


def _list(items: Schema, least: int = 1, most: int | None = None) -> Schema:
    limit = {"maxItems": most} if most is not None else {}
    return {"type": "array", "items": items, "minItems": least, **limit}


_RUN = _object(
    "TextRun",
    required=("text",),
    text=_TEXT,
    color=_COLOUR,
    fontType={"enum": ["Default", "Monospace"]},
    isSubtle={"const": True},
    size={"enum": ["Small", "Default", "Medium", "Large", "ExtraLarge"]},
    weight={"enum": ["Lighter", "Default", "Bolder"]},
)
_RICH = _element(
    "RichTextBlock", required=("inlines",), inlines=_list({"$ref": "#/$defs/run"}), horizontalAlignment=_ALIGN
)
_MENTIONS = _element(
    "TextBlock",
    required=("text", "wrap"),
    text={"type": "string", "pattern": r"^<at>[^<>]+</at>( <at>[^<>]+</at>)*$"},
    wrap={"const": True},
)
_CELL = _object("TableCell", required=("items",), items=_ELEMENTS)
_TABLE = _element(
    "Table",
    required=("columns", "rows", "firstRowAsHeaders", "showGridLines"),
    columns=_list(
        _object(
            required=("width",),
            width={"type": "integer", "minimum": 1},
            horizontalCellContentAlignment=_ALIGN,
        )
    ),
    rows=_list(_object("TableRow", required=("cells",), cells=_list(_CELL), style=_STYLE)),
    firstRowAsHeaders={"type": "boolean"},
    showGridLines={"type": "boolean"},
    gridStyle=_STYLE,
)
_COLUMNS = _element(
    "ColumnSet",
    required=("columns",),
    columns=_list(_object("Column", required=("items", "width"), items=_ELEMENTS, width=_TEXT)),
)
_IMAGE = _element(
    "Image", required=("url", "altText"), url={"type": "string", "pattern": "^https://"}, altText=_TEXT
)
_AXES = {"title": _TEXT, "xAxisTitle": _TEXT, "yAxisTitle": _TEXT, "fallback": {"$ref": "#/$defs/element"}}
_BAR = _object(required=("x", "y"), x=_TEXT, y=_NUMBER)
_POINT = _object(required=("x", "y"), x={"type": ["string", "number"]}, y=_NUMBER)
_CHARTS = [
    _element(
        "Chart.Pie",
        required=("data", "fallback"),
        title=_TEXT,
        fallback=_AXES["fallback"],
        data=_list(_object(required=("legend", "value"), legend=_TEXT, value=_NUMBER, color=_CHART_COLOUR)),
    ),
    _element(
        "Chart.HorizontalBar",
        required=("data", "fallback"),
        **_AXES,
        color=_CHART_COLOUR,
        displayMode={"const": "AbsoluteWithAxis"},
        data=_list(_BAR),
    ),
    _element(
        "Chart.VerticalBar", required=("data", "fallback"), **_AXES, color=_CHART_COLOUR, data=_list(_BAR)
    ),
    _element(
        "Chart.VerticalBar.Grouped",
        required=("data", "fallback"),
        **_AXES,
        stacked={"type": "boolean"},
        data=_list(
            _object(required=("legend", "values"), legend=_TEXT, color=_CHART_COLOUR, values=_list(_BAR)),
            most=4,
        ),
    ),
    _element(
        "Chart.Line",
        required=("data", "fallback"),
        **_AXES,
        data=_list(
            _object(required=("legend", "values"), legend=_TEXT, color=_CHART_COLOUR, values=_list(_POINT)),
            most=4,
        ),
    ),
]
_ASKED: dict[str, Schema] = {
    "id": _TEXT,
    "label": _TEXT,
    "isRequired": {"const": True},
    "errorMessage": _TEXT,
}
_DAY = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
_CHOICES = _list(
    _object(required=("title", "value"), title=_TEXT, value={"type": "string", "pattern": "^[^,]+$"})
)
_INPUTS = [
    _element(
        "Input.Text",
        required=("id", "label"),
        **_ASKED,
        value={"type": "string"},
        maxLength={"type": "integer"},
        isMultiline={"const": True},
        style={"enum": ["Text", "Tel", "Url", "Email", "Password"]},
    ),
    _element("Input.Number", required=("id", "label"), **_ASKED, value=_NUMBER, min=_NUMBER, max=_NUMBER),
    _element("Input.Date", required=("id", "label"), **_ASKED, value=_DAY),
    _element(
        "Input.Time", required=("id", "label"), id=_TEXT, label=_TEXT, value={"pattern": r"^\d\d:\d\d$"}
    ),
    _element(
        "Input.Toggle",
        required=("id", "title"),
        **_ASKED,
        title=_TEXT,
        value=_TEXT,
        valueOn=_TEXT,
        valueOff=_TEXT,
    ),
    _element(
        "Input.ChoiceSet",
        required=("id", "label", "choices"),
        **_ASKED,
        choices=_CHOICES,
        value=_TEXT,
        isMultiSelect={"const": True},
        style={"enum": ["compact", "expanded", "filtered"]},
    ),
]
_ACTION: dict[str, Schema] = {
    "title": {"type": "string", "minLength": 1, "maxLength": 75},
    "style": {"enum": ["default", "positive", "destructive"]},
    "associatedInputs": {"enum": ["auto", "none"]},
    "data": {"type": "object", "required": ["slashjob"]},
}
_SUBMIT = _object("Action.Submit", required=("title", "data", "associatedInputs"), **_ACTION)
_EXECUTE = _object(
    "Action.Execute",
    required=("title", "data", "associatedInputs", "verb", "fallback"),
    **_ACTION,
    verb=_TEXT,
    fallback=_SUBMIT,
)
_INNER = _object("AdaptiveCard", required=("body", "actions"), body=_ELEMENTS, actions=_list(_EXECUTE))
_SHOW = _object(
    "Action.ShowCard", required=("title", "card"), title=_ACTION["title"], style=_ACTION["style"], card=_INNER
)
_OPEN = _object(
    "Action.OpenUrl",
    required=("title", "url"),
    title=_ACTION["title"],
    url={"type": "string", "pattern": r"^https?://[^\s<>]+$"},
)
_ACTIONS = _element(
    "ActionSet", required=("actions",), actions=_list({"anyOf": [_EXECUTE, _SHOW, _OPEN]}, most=6)
)
_ENTITY = _object(
    "mention",
    required=("text", "mentioned"),
    text={"type": "string", "pattern": "^<at>[^<>]+</at>$"},
    mentioned=_object(required=("id", "name"), id=_TEXT, name=_TEXT),
)
CARD: Schema = {
    "$defs": {
        "run": _RUN,
        "element": {
            "anyOf": [
                _RICH,
                _MENTIONS,
                _element(
                    "Container", required=("items",), items=_ELEMENTS, style=_STYLE, bleed={"const": True}
                ),
                _TABLE,
                _COLUMNS,
                _IMAGE,
                _ACTIONS,
                *_CHARTS,
                *_INPUTS,
            ]
        },
    },
    **_object(
        "AdaptiveCard",
        required=("version", "body", "msteams"),
        **{"$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"}},
        version={"const": "1.5"},
        body=_ELEMENTS,
        msteams=_object(required=("width",), width={"const": "Full"}, entities=_list(_ENTITY)),
    ),
}
_CONSENT = Draft202012Validator(
    _object(
        required=("contentType", "name", "content"),
        contentType=_TEXT,
        name={"type": "string", "pattern": r'^[^\\/:*?"<>|#%]+$'},
        content=_object(
            required=("description", "sizeInBytes", "acceptContext", "declineContext"),
            description=_TEXT,
            sizeInBytes={"type": "integer", "minimum": 1},
            acceptContext={"type": "object"},
            declineContext={"type": "object"},
        ),
    )
)
_VALIDATOR = Draft202012Validator(CARD)


def text_of(value: Any) -> str:
    """Every text in a part, in order."""
    match value:
        case list():
            return "\n".join(filter(None, map(text_of, value)))
        case dict():
            own = value.get("text") if isinstance(value.get("text"), str) else ""
            below = [
                text_of(one) for key, one in value.items() if isinstance(one, list | dict) and key != "data"
            ]
            return "\n".join(filter(None, [own or "", *below]))
        case _:
            return ""


def mistakes(card: Any) -> list[str]:
    """Every mistake of a card, empty where Teams takes it. Ids of inputs are unique in a card."""
    said = [
        f"{'/'.join(map(str, one.absolute_path))}: {_deepest(one)}" for one in _VALIDATOR.iter_errors(card)
    ]
    ids = _ids(card)
    tags = [one["text"] for one in card.get("msteams", {}).get("entities", [])]
    said += [f"two inputs are called {one}" for one in sorted(set(ids)) if ids.count(one) > 1]
    said += [f"two mentions read {one}" for one in sorted(set(tags)) if tags.count(one) > 1]
    said += [f"nothing calls {one}" for one in tags if one not in text_of(card["body"])]
    return said


def activity_mistakes(activity: dict[str, Any]) -> list[str]:
    """The same for a whole activity."""
    said = [] if activity.keys() == {"type", "summary", "attachments", "entities"} else ["other properties"]
    if activity["type"] != "message" or not activity["summary"].strip() or activity["entities"]:
        said.append("no message with a summary")
    for one in activity["attachments"]:
        if one["contentType"] == "application/vnd.microsoft.teams.card.file.consent":
            said += [error.message for error in _CONSENT.iter_errors(one)]
            continue
        if one["contentType"] != "application/vnd.microsoft.card.adaptive":
            said.append(f"an attachment is {one['contentType']}")
        said += mistakes(one["content"])
    return said


def _deepest(error: Any) -> str:
    """What is wrong in the element that was meant: the alternative whose type fits."""
    for below in sorted(error.context or (), key=lambda one: -len(one.absolute_path)):
        if below.validator != "const":
            return f"{'/'.join(map(str, below.absolute_path))}: {below.message[:300]}"
    return str(error.message)[:300]


def _ids(value: Any) -> list[str]:
    match value:
        case list():
            return [found for one in value for found in _ids(one)]
        case dict():
            own = [value["id"]] if str(value.get("type", "")).startswith("Input.") else []
            return own + [found for key, one in value.items() if key != "data" for found in _ids(one)]
        case _:
            return []
