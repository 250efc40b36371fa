"""What is said where something was refused: why, what would work, and a button for the nearest line."""

from __future__ import annotations

import re

from core.errors import Busy, Invalid, Refusal
from core.messages import Block, Button, Code, Form, Message, Paragraph, Tone

LINE_SHOWN = 500  # characters of the typed line


def refusal(refused: Refusal, line: str) -> Message:
    """The typed line comes back with a button for each line that would be valid."""
    mistakes = list(refused.fields.values()) if isinstance(refused, Invalid) else []
    several = len(mistakes) > 1
    blocks: list[Block] = [
        _marked("\n".join(f"• {one}" for one in mistakes) if several else refused.sentence)
    ]
    if typed := _without_prefix(line):
        blocks.append(Code(f"/job {typed}"[:LINE_SHOWN]))
    if refused.hint:
        blocks.append(_marked(refused.hint))
    return Message(
        text=refused.sentence,
        title="That did not work",
        tone=Tone.WARNING,
        blocks=tuple(blocks),
        buttons=tuple(
            Button(line if len(line) <= 70 else f"{line[:69]}…", line) for line in refused.suggestions[:3]
        ),
    )


def _marked(text: str) -> Paragraph:
    """A sentence whose lines stand in backquotes; whatever else it repeats is no mark."""
    return Paragraph(text.replace("\\", "\\\\").replace("*", "\\*"), marked=True)


def _without_prefix(line: str) -> str:
    return re.sub(r"^/?job\b", "", line.strip(), count=1, flags=re.IGNORECASE).strip()


def form(asked: Form, sentence: str) -> Message:
    """Something is missing: a form asks for it."""
    return Message(
        text=sentence, title=asked.title, tone=Tone.NEUTRAL, blocks=(Paragraph(sentence),), form=asked
    )


def fault(reference: str) -> Message:
    """The bot met an error of its own; the reference finds it in the log."""
    text = f"Something went wrong in the bot itself (reference {reference}); nothing was started."
    hint = "Try again; if it stays, tell whoever runs the bot this reference."
    return Message(text=text, title="An error", tone=Tone.FAILURE, blocks=(Paragraph(text), Paragraph(hint)))


def too_late(line: str, minutes: int) -> Message:
    """What was said while the bot was away for long: it is not done without being asked again."""
    away = Busy(
        f"That was said {minutes} minutes ago, while the bot was away; nothing was started.",
        hint="Say it again if it still holds.",
    )
    return refusal(away, line)


SENT_DIRECTLY = "That is for you alone: the answer is in our own chat."
NOT_IN_TIME = "That takes a moment; the answer comes into this conversation."
NOT_KNOWN = (
    "The bot is very busy: what came of that is not known yet. Look with status before you press it again."
)
