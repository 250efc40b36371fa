"""What is said of channels that another company reads too."""

from __future__ import annotations

from core.commands import Command, Name, spell
from core.messages import Button, Message, Paragraph, Tone
from core.wording import words

WAITS = "This channel is shared with another company, and no admin has allowed it yet."


def question(channel: str, name: str) -> Message:
    """Asked of an admin, once; `channel` is the address, `name` what people call it."""
    text = f"{name} is shared with another company, and a job wants to post there."
    hint = "Its people would read what jobs post. Until you allow it, the messages for it wait."
    line = spell(Command(Name.ALLOW, (channel,)))
    return Message(
        text=text,
        title="May I post there?",
        tone=Tone.WARNING,
        blocks=(Paragraph(text), Paragraph(hint)),
        buttons=(Button("Allow it", line, style="primary"),),
    )


def allowed(channel: str, waited: int) -> Message:
    """The yes was given."""
    text = f"Jobs may post in {channel} from now on."
    more = f"{words.count(waited, 'message')} waited and {'is' if waited == 1 else 'are'} sent now."
    return Message(
        text=text, tone=Tone.SUCCESS, blocks=(Paragraph(text), *((Paragraph(more),) if waited else ()))
    )
