"""What a console remembers of its conversation: what is under way, and which buttons can be pressed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from core import commands
from core.messages import Button, Form, Message, Tone

JUST_NOW = 1.0  # seconds: a number typed so soon after new buttons may have meant the old ones

_NUMBER = re.compile(r"\s*\[?([0-9]{1,3})\]?\s*")


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that was pressed by its number; `question` is what to ask first, or empty."""

    button: Button
    question: str


@dataclass(slots=True)
class Conversation:
    """The state of one console. `clock` gives monotonic seconds."""

    clock: Callable[[], float]
    live: dict[str, Message] = field(default_factory=dict)
    """key -> the newest state of each message that tells of work under way"""
    form: Form | None = None
    """what the last reply asks for; messages that arrive meanwhile do not change it"""
    _settled: set[str] = field(default_factory=set)
    _buttons: tuple[Button, ...] = ()
    _buttons_at: float = 0.0
    _replaced: bool = False

    def said(self, message: Message) -> None:
        """A message was printed whole: its buttons are those that a number presses."""
        if message.buttons:
            self._replaced = bool(self._buttons) and self._buttons != message.buttons
            self._buttons = message.buttons
            self._buttons_at = self.clock()

    def replied(self, message: Message) -> None:
        """The same for the reply to a line."""
        self.form = message.form
        self.said(message)

    def posted(self, key: str, message: Message, *, edited: bool) -> bool | None:
        """Take in a message of the channel: True where it is to be printed whole, False for one line.

        None: not at all. Edits that tell of progress only move the live line; the end of the work is
        printed whole, an edit of what had ended already on one line.
        """
        if message.tone is Tone.PROGRESS:
            self.live[key] = message
            self._settled.discard(key)
            return None if edited else True
        self.live.pop(key, None)
        whole = not edited or key not in self._settled
        self._settled.add(key)
        return whole

    def pressed(self, line: str) -> Pressed | None:
        """The button whose number is all that was typed; None where it is no number of one."""
        found = _NUMBER.fullmatch(line)
        if not found or not 0 < int(found[1]) <= len(self._buttons):
            return None
        button = self._buttons[int(found[1]) - 1]
        question = button.confirm
        if not question and self._replaced and self.clock() - self._buttons_at < JUST_NOW:
            question = f"These buttons have just come. {button.label} (/job {button.command})?"
        return Pressed(button, question)

    def no_button(self, line: str) -> str:
        """What to say to a number that presses nothing; empty where the line is no number."""
        found = _NUMBER.fullmatch(line)
        if not found:
            return ""
        if not self._buttons:
            return "There is no button to press. Say help to see what can be said."
        return f"There is no button {int(found[1])}: the last message has {len(self._buttons)}."

    def prefilled(self) -> str:
        """The line that the last form waits for, up to the first value that is missing."""
        if self.form is None:
            return ""
        pairs = []
        for one in self.form.fields:
            if one.value and not one.error and one.kind != "secret":
                pairs.append(f"{one.name}={commands.spell_value(one.value)}")
        missing = next(
            (one for one in self.form.fields if (one.required and not one.value) or one.error), None
        )
        return " ".join([self.form.command, *pairs, *([f"{missing.name}="] if missing else [])])

    @property
    def secret(self) -> bool:
        """Whether the next line may hold a secret, and is not to be kept in a history."""
        return self.form is not None and any(one.kind == "secret" for one in self.form.fields)
