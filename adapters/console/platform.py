"""The console as a platform: a mailbox of rows that a terminal reads."""

from __future__ import annotations

from core.ports import Post, Receipt


class Console:
    """Nothing is sent: a console that watches the channel composes the message from the same rows."""

    name = "console"
    repeatable = True
    editable = True

    async def deliver(self, post: Post) -> Receipt:
        """The row itself is the message."""
        return Receipt(post.delivery_id)
