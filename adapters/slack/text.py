"""Text for Slack: harmless first, then escaped, then cut, and never in the middle of an entity."""

from __future__ import annotations

import re

from adapters.render.letters import CUT, clean, cut, one_line, whole_letters, width

__all__ = ["clean", "cut", "cut_escaped", "escape", "one_line", "width"]

_SPLIT_ENTITY = re.compile(r"&[a-z]{0,4}$")


def escape(text: str) -> str:
    """For `mrkdwn` and the fallback text: nothing in it is a mention or a link any more."""
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut_escaped(text: str, limit: int) -> str:
    """At most `limit` characters of escaped text, every entity whole."""
    if len(text) <= limit:
        return text
    return _SPLIT_ENTITY.sub("", whole_letters(text, limit - len(CUT))).rstrip() + CUT
