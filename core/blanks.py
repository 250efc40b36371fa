"""Blanks: `{campaign_id}` in the path or body of a request to a service, filled once.

What a value brings along is never read again. `{{name}}` is the text `{name}`; every other brace
(`{print $1}`, JSON) stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_BLANK = re.compile(r"\{(?P<literal>\{[a-z][a-z0-9_]*\})\}|\{(?P<name>[a-z][a-z0-9_]*)\}")


def names(text: str) -> tuple[str, ...]:
    """The names of the blanks, each once, in the order of their first use."""
    found = (one["name"] for one in _BLANK.finditer(text))
    return tuple(dict.fromkeys(name for name in found if name))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every blank filled in one pass. Raises KeyError for a name without a value."""
    return _BLANK.sub(lambda one: one["literal"] or values[one["name"]], text)
