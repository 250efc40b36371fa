"""Reads a message of Teams back to the plain text that somebody typed.

The library's own removal of mentions deletes every occurrence of the bot's *name*: for a bot called
"report", `<at>report</at> run weekly-report` becomes `run weekly-`. Here the mention's own text counts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core import commands

_AT = re.compile(r"<at\b[^<>]*>(.*?)</at>", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li)>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:p|div|span|strong|em|b|i|u|s|code|pre|ul|ol|li|a|at|attachment|blockquote)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u2060\ufeff]")
_BLANK = re.compile(r"[\xa0\u2007\u202f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def addressed(text: str, entities: Sequence[object], bot: str) -> str:
    """What is said to the bot, without its name: what follows the mention, else what stands before it."""
    mentions = [one for one in map(_mention, entities) if one is not None]
    before, after = _at_bot(text, mentions, bot)
    said = plain(after, mentions) or plain(before, mentions)
    said = said.lstrip(",:; ")
    fence = re.fullmatch(r"(`{1,3})([^`]*)\1", said)  # a line copied from the help is often code
    return fence[2].strip() if fence else said


def plain(text: str, mentions: Sequence[tuple[str, str, str]] = ()) -> str:
    """The typed text: people by name, breaks as breaks, entities decoded last and once."""
    for _, name, written in mentions:
        text = text.replace(written, html.escape(commands.spell_value(name), quote=False))
    text = _AT.sub(lambda found: _quoted(found[1]), text)
    text = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    text = _SURROGATE.sub("\ufffd", _HIDDEN.sub("", _BLANK.sub(" ", text)))
    return text.strip()


def _at_bot(text: str, mentions: Sequence[tuple[str, str, str]], bot: str) -> tuple[str, str]:
    """What stands before and after the bot's first mention, all of it after where there is none."""
    written = {written for identity, _, written in mentions if identity == bot}
    places = [(text.find(one), one) for one in written if one in text]
    if not places:
        return "", text
    place, one = min(places, key=lambda found: (found[0], -len(found[1])))
    return text[:place], text[place + len(one) :]


def _mention(entity: object) -> tuple[str, str, str] | None:
    """(id, name, how it is written) of a mention; None for any other entity."""
    if not isinstance(entity, Mapping) or entity.get("type") != "mention":
        return None
    mentioned = entity.get("mentioned")
    written = entity.get("text")
    if not isinstance(mentioned, Mapping) or not isinstance(written, str) or not written:
        return None
    return _text(mentioned, "id"), _text(mentioned, "name") or _inside(written), written


def _inside(written: str) -> str:
    return html.unescape(_AT.sub(r"\1", written))


def _quoted(inside: str) -> str:
    return html.escape(commands.spell_value(html.unescape(inside)), quote=False)


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""
