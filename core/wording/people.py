"""What is said of members and roles."""

from __future__ import annotations

from collections.abc import Sequence

from core.messages import Code, Column, Message, Paragraph, Table, Tone
from core.people import Member
from core.wording import words


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


def link_code(code: str) -> Message:
    """A code that joins accounts; it stands in no text that is kept."""
    text = "Say this to me with your other account within ten minutes; tell it nobody else."
    return Message(text=text, title="Your code", blocks=(Paragraph(text), Code(f"/job link {code}")))


def linked(member: Member, platforms: Sequence[str]) -> Message:
    """Two accounts became one member."""
    known = words.listing(sorted({one.capitalize() for one in platforms}), "and")
    return _done(
        f"You are one member now, {member.name}: known in {known}, as {member.role or 'nobody yet'}."
    )


def _done(text: str) -> Message:
    return Message(text=text, tone=Tone.SUCCESS, blocks=(Paragraph(text),))
