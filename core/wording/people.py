"""What is said of members and roles."""

from __future__ import annotations

from collections.abc import Sequence

from core.messages import Column, Message, Paragraph, Table, Tone
from core.people import Member


def roles(members: Sequence[Member]) -> Message:
    """Who has which role."""
    rows = tuple((one.name, one.role or "nobody yet", one.email) for one in members)
    titles = ("member", "role", "e-mail")
    return Message(
        text=f"{len(members)} members",
        title="Members and roles",
        blocks=(Table(tuple(Column(title) for title in titles), rows, shown_rows=50),),
    )


def role_given(member: Member) -> Message:
    """The answer to a change."""
    text = f"{member.name} is now {member.role}." if member.role else f"{member.name} has no role any more."
    return _done(text)


def claimed(member: Member) -> Message:
    """The first admin has come forward."""
    return _done(f"You are now an admin, {member.name}. Others become known when they first speak.")


def _done(text: str) -> Message:
    return Message(text=text, tone=Tone.SUCCESS, blocks=(Paragraph(text),))
