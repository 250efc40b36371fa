"""Reads Slack's markup back to the plain text that somebody typed (`should_escape: true`, mentions)."""

from __future__ import annotations

import re

_MARK = re.compile(r"<([^<>]*)>")  # a typed `<` arrives as an entity, so a real one opens a mark
_SCHEME = re.compile(r"^(?:https?://|mailto:|tel:)")


def plain(text: str) -> str:
    """The typed text: mentions as `@U1` and `#general`, links as they were typed, entities decoded last."""
    unwrapped = _MARK.sub(lambda found: _typed(found[1]), text)
    return unwrapped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def addressed(text: str, bot_user: str) -> str:
    """The plain text of what is said to the bot, without its name.

    What follows the mention counts; what stands before it where nothing follows.
    """
    before, found, after = _at_mention(text, bot_user)
    said = plain(after if after.strip() or not found else before).strip().lstrip(",:; ")
    fence = re.fullmatch(r"(`{1,3})([^`]*)\1", said)  # a line copied from the help is often code
    return fence[2].strip() if fence else said


def _at_mention(text: str, bot_user: str) -> tuple[str, bool, str]:
    if not bot_user:
        return "", False, text
    found = re.search(rf"<@{re.escape(bot_user)}(?:\|[^<>]*)?>", text)
    return (text[: found.start()], True, text[found.end() :]) if found else ("", False, text)


def _typed(inside: str) -> str:
    target, _, label = inside.partition("|")
    match target[:1]:
        case "@":  # a person: the id, because names change
            return target
        case "#":
            return f"#{label}" if label else target
        case "!":
            return _called(target, label)
        case _:
            return label if label and _SCHEME.sub("", target) == label else target.removeprefix("mailto:")


def _called(target: str, label: str) -> str:
    """`<!here>`, `<!subteam^S1|@ops>`, `<!date^…|yesterday>`."""
    if target.startswith("!date^"):
        return label
    return f"@{(label or target[1:].partition('^')[0]).lstrip('@')}"
