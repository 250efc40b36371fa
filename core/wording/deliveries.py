"""What is said of messages that did not reach their channel."""

from __future__ import annotations


def undelivered(where: str, why: str) -> str:
    """The first line of a message that comes somewhere else instead."""
    return f"This comes here because it could not be posted in {where or 'its channel'}: {why}"
