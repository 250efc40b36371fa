"""Every limit of Microsoft Teams that the rendering keeps, in one place.

Sizes are bytes of the activity's JSON as UTF-16, which is how Teams counts:
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages
"""

from __future__ import annotations

import json
from typing import Any

ACTIVITY = 80 * 1024  # bytes; Teams answers MessageSizeTooBig above 100 KB and advises to stay below 80 KB
CARD_VERSION = "1.5"  # of cards that bots send, .../task-modules-and-cards/cards/cards-reference
ACTIONS = 6  # actions that a card shows in a row; the others go into a row below
BUTTONS = 40  # buttons of one message; a list that long is better typed
BUTTON_DATA = 2_000  # characters of a command that a button carries: it stands there twice
LABEL = 75  # characters of a button's text: more is a sentence
SUMMARY = 1_000  # characters of the text of notifications
PARTS = 3  # activities that one message may become: more is a file
TEXT = 4_000  # characters of one run of text; longer ones are broken at a blank
LINES = 300  # lines of one paragraph
TABLE_ROWS = 50  # rows, the row of titles not counted
TABLE_COLUMNS = 6  # a card does not scroll to the side
CELL = 300  # characters of a cell: the file has all of it
CODE_CHARS = 2_500  # characters of one code block
CHART_VALUES = 240  # numbers of one chart: about 20 KB
HEADING = 500  # characters of a title
MENTIONS = 10  # people whom one message calls
INPUT = 3_000  # characters of a text input
CHOICES = 300  # choices of one input: the whole set travels with the card
FILTERED = 15  # choices above which a menu is searched by typing
DIGITS = 15  # of a number that an input gives back exactly: JavaScript rounds longer ones


def size(value: Any) -> int:
    """Bytes of a value's JSON as UTF-16, as Teams counts them."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(written.encode("utf-16-le", "surrogatepass"))
