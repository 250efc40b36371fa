"""Messages as Block Kit. Pure: the same message and look give the same payload.

What others wrote stands in rich text, plain text and table cells, which Slack does not parse; what stands
in `mrkdwn` is escaped. What does not fit is cut, a line says so, and the whole is attached as a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.slack import buttons, limits, plain
from adapters.slack.page import Page, Surface
from adapters.slack.text import cut_escaped, escape, one_line
from core.messages import File, Image, Message, Tone

WHOLE = "message.txt"  # the file with all of a message that was cut

_SIGNS = {
    Tone.PROGRESS: "hourglass_flowing_sand",
    Tone.SUCCESS: "white_check_mark",
    Tone.WARNING: "warning",
    Tone.FAILURE: "x",
}
_WORDS = {
    Tone.PROGRESS: ("running", "started", "waiting", "queued", "progress", "attempt", " of "),
    Tone.SUCCESS: ("succe", "done", "recovered", "ready", "applied"),
    Tone.WARNING: ("warning", "refused", "not ", "fail", "cancelled", "skipped", "paused", "missed", "?"),
    Tone.FAILURE: ("fail", "error", "timed out", "lost", "interrupted"),
}
"""Words that say the mood already, so that the tone's own need not be added: a sign is never alone."""


def _no_picture(_: Image) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a rendering needs to know beside the message.

    `people`: member -> Slack's id of the user. `picture`: the id of the uploaded file of a chart, empty
    where there is none. `attach`: whether files can come with it (not with what only one person sees).
    """

    people: Mapping[str, str] = field(default_factory=dict)
    picture: Callable[[Image], str] = _no_picture
    attach: bool = True
    surface: Surface = "message"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as Slack takes it, and the files that belong beside it."""

    text: str
    blocks: list[dict[str, Any]]
    files: tuple[File, ...] = ()

    def payload(self) -> dict[str, Any]:
        """The arguments of a post: text, blocks, no unfurled links."""
        made: dict[str, Any] = {"text": self.text, "unfurl_links": False, "unfurl_media": False}
        return made | ({"blocks": self.blocks} if self.blocks else {})

    def noted(self, note: str) -> Rendered:
        """With a line of `mrkdwn` at its end that is ours: room for it was kept."""
        if not note:
            return self
        if not self.blocks:
            return Rendered(f"{self.text}\n{note}", [], self.files)
        line = {"type": "context", "elements": [{"type": "mrkdwn", "text": note}]}
        return Rendered(self.text, [*self.blocks, line], self.files)


def render(message: Message, look: Look | None = None) -> Rendered:
    """The message as Slack takes it, within every limit."""
    look = look or Look()
    page = Page(surface=look.surface, attach=look.attach, picture=look.picture)
    ending = _ending(message, look)
    page.reserve(ending)
    _heading(page, message)
    for block in message.blocks:
        page.add(block)
    if message.form is not None:
        page.form(message.form)
    if left_out := buttons.too_long(message.buttons):
        page.context(f"Too long for a button, type it instead: {', '.join(left_out)}")
    files = tuple(page.files)
    if page.cut:
        files += (File(WHOLE, "text/plain", text=plain.write(message)),) if look.attach else ()
        page.finish(
            f"Cut to fit Slack: the whole is attached as {WHOLE}." if look.attach else "Cut to fit Slack."
        )
    return Rendered(fallback(message), page.blocks + ending, files)


def fallback(message: Message) -> str:
    """The text of notifications and screen readers; it begins with the outcome."""
    said = escape(message.text or message.title).strip()
    return cut_escaped(said, limits.TEXT) or "–"


def reduced(message: Message, look: Look | None = None) -> Rendered:
    """The message without blocks, where Slack refused them: its text, all of it also as a file."""
    look = look or Look()
    whole = plain.write(message)
    shown = cut_escaped(escape(whole).strip(), limits.TEXT - 200)
    called = " ".join(_called(message, look))
    said = "\n".join(
        filter(None, [shown, f"The whole is attached as {WHOLE}." if look.attach else "", called])
    )
    return Rendered(said, [], (File(WHOLE, "text/plain", text=whole),) if look.attach else ())


def _heading(page: Page, message: Message) -> None:
    """The title in bold behind the sign of its tone; without a title, the first line of the text."""
    title, rest = one_line(message.title), ""
    if title:
        words = _WORDS.get(message.tone, ())
        if words and not any(word in title.casefold() for word in words):
            title = f"{title} · {message.tone}"
        if not message.blocks and message.text != message.title:
            rest = message.text
    else:
        title, _, rest = message.text.strip().partition("\n")
    page.heading(one_line(title) or "–", _SIGNS.get(message.tone, ""), rest)


def _ending(message: Message, look: Look) -> list[dict[str, Any]]:
    """What stands at the end whatever is cut before it: whom it calls, and its buttons."""
    made: list[dict[str, Any]] = []
    if called := _called(message, look):
        made.append({"type": "section", "text": {"type": "mrkdwn", "text": " ".join(called)}})
    return made + buttons.blocks(message.buttons, message.form)


def _called(message: Message, look: Look) -> list[str]:
    """The mentions that we mint, the only ones that notify anybody."""
    ids = [look.people[one] for one in message.mentions if one in look.people]
    return [f"<@{one}>" for one in dict.fromkeys(ids) if one.isascii() and one.isalnum()][: limits.FIELDS]
