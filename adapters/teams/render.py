"""Messages as activities with Adaptive Cards. Pure: the same message gives the same cards.

What others wrote stands in text runs, which no host reads as Markdown; only the mentions that we mint stand
in a `TextBlock`, so a job's data can call nobody. What does not fit into one card goes on in the next ones;
what does not fit into those is cut, and a line says so and where the whole is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.teams import buttons, files, inputs, limits
from adapters.teams.page import Page, Ways
from adapters.teams.parts import Part, rich, run, small
from adapters.teams.text import cut, name, one_line
from core.filelinks import LASTS
from core.messages import Block, File, Image, Message, Paragraph, Tone

CARD = "application/vnd.microsoft.card.adaptive"
_ENVELOPE = 2 * 1_000  # bytes of what stands around a card's elements, the summary not counted
_NOTES = 2 * 800  # bytes kept for the lines that say what was cut

_SIGNS = {Tone.PROGRESS: "⏳", Tone.SUCCESS: "✅", Tone.WARNING: "⚠️", Tone.FAILURE: "❌"}
_STYLES = {Tone.PROGRESS: "accent", Tone.SUCCESS: "good", Tone.WARNING: "warning", Tone.FAILURE: "attention"}
_WORDS = {
    Tone.PROGRESS: ("running", "started", "waiting", "queued", "progress", "attempt", " of "),
    Tone.SUCCESS: (
        *("succe", "done", "recovered", "ready", "applied", "scheduled", "saved", "removed", "approved"),
        *("changed", "created", "paused", "resumed", "linked"),
    ),
    Tone.WARNING: ("warning", "refused", "not ", "fail", "cancelled", "skipped", "paused", "missed", "?"),
    Tone.FAILURE: ("fail", "error", "timed out", "lost", "interrupted"),
}
"""Words that say the mood already, so that the tone's own need not be added: a sign is never alone."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Whom a mention calls: the platform's id of the person, and what is shown."""

    id: str
    name: str


def _nowhere(_: Image | File) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a rendering needs to know beside the message.

    `picture`: the public https address of a chart, empty where there is none. `link`: the address where a
    file opens for a few minutes, empty where none is given here; `linked`: whoever asks for it gets one.
    `personal`: the place is a 1:1 chat, where a file can be offered. `only_for`: the id of the one person
    whose buttons these are. `several`: the message's form takes several values in each field.
    """

    picture: Callable[[Image], str] = _nowhere
    link: Callable[[File], str] = _nowhere
    linked: bool = False
    personal: bool = False
    only_for: str = ""
    several: bool = False


def activities(
    message: Message, *, mentions: Mapping[str, Mention], look: Look | None = None
) -> list[dict[str, Any]]:
    """The message as activities, each within the limits of Teams: the first one is the message that is
    edited later, further ones follow in its thread; in a 1:1 chat its files are offered last.
    `mentions`: member -> whom Teams is to call.
    """
    summary = fallback(message)
    made = cards(message, mentions=mentions, look=look)
    shown = [_activity(one, summary, place, len(made)) for place, one in enumerate(made)]
    return shown + (files.offers(message) if look is not None and look.personal else [])


def card(message: Message, *, mentions: Mapping[str, Mention], look: Look | None = None) -> dict[str, Any]:
    """The message as one card, for the answer to an invoke: what does not fit is not in it."""
    return cards(message, mentions=mentions, look=look)[0]


def cards(
    message: Message, *, mentions: Mapping[str, Mention], look: Look | None = None
) -> list[dict[str, Any]]:
    """The message as cards."""
    look = look or Look()
    offered = files.offered(message) if look.personal else []
    ways = Ways(look.picture, _links(look, offered), _files(message, look, offered))
    page = Page(ways, room=_room())
    called = _called(message, mentions)
    ending = _ending(message, look, called)
    page.reserve(ending)
    heading = _heading(page, message)
    page.put(heading)
    for text in _rest(message):
        page.text(text)
    for block in message.blocks:
        if not _is_said(block, message):
            page.add(block)
    if left_out := buttons.too_long(message.buttons):
        page.put(small(f"Too long for a button, type it instead: {', '.join(left_out[:10])}"))
    return _finished(page, message, ending, called)


def fallback(message: Message) -> str:
    """The text of notifications and screen readers; it begins with the outcome."""
    return cut(one_line(message.text or message.title), limits.SUMMARY) or "–"


def _finished(
    page: Page, message: Message, ending: list[Part], called: list[Mention]
) -> list[dict[str, Any]]:
    if page.cut:
        page.cards[-1].append(small(f"Cut to fit Teams{_whole(message)}."))
    made = []
    for place, elements in enumerate(page.cards):
        where = [small(f"Part {place + 1} of {len(page.cards)}")] if len(page.cards) > 1 else []
        if place == 0:
            made.append(_card([*elements, *where, *ending], called))
        else:
            made.append(_card([*where, *elements], []))
    return made


def _card(body: list[Part], called: list[Mention]) -> dict[str, Any]:
    host: dict[str, Any] = {"width": "Full"}
    if called:
        host["entities"] = [
            {"type": "mention", "text": _tag(one), "mentioned": {"id": one.id, "name": one.name}}
            for one in called
        ]
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": limits.CARD_VERSION,
        "body": body,
        "msteams": host,
    }


def _activity(content: dict[str, Any], summary: str, place: int, parts: int) -> dict[str, Any]:
    """`entities` is empty: mentions stand in the card, for text beside a card makes an edit fail."""
    said = summary if place == 0 else cut(f"({place + 1} of {parts}) {summary}", limits.SUMMARY)
    return {
        "type": "message",
        "summary": said,
        "attachments": [{"contentType": CARD, "content": content}],
        "entities": [],
    }


def _heading(page: Page, message: Message) -> Part:
    """The title in bold behind the sign of its tone; without a title, the first line of the text."""
    title = one_line(message.title)
    if title:
        words = _WORDS.get(message.tone, ())
        if words and not any(word in title.casefold() for word in words):
            title = f"{title} · {message.tone}"
    else:
        title = one_line(message.text.strip().partition("\n")[0])
    shown = cut(title, limits.HEADING)
    page.cut = page.cut or shown != title
    sign = f"{_SIGNS[message.tone]} " if message.tone in _SIGNS else ""
    line = rich(run(f"{sign}{shown or '–'}", weight="Bolder", size="Medium"))
    if message.tone not in _STYLES:
        return line
    return {"type": "Container", "style": _STYLES[message.tone], "bleed": True, "items": [line]}


def _rest(message: Message) -> list[str]:
    """What of the text is not said by the heading."""
    if message.title:
        said = message.text if not message.blocks and message.text != message.title else ""
    else:
        said = message.text.strip().partition("\n")[2]
    return [said] if said.strip() else []


def _is_said(block: Block, message: Message) -> bool:
    """It only repeats the text that the heading is."""
    return isinstance(block, Paragraph) and not message.title and block.text.strip() == message.text.strip()


def _ending(message: Message, look: Look, called: list[Mention]) -> list[Part]:
    """What stands at the end of the first card whatever is cut before it: a form, whom it calls, buttons."""
    made: list[Part] = []
    if message.form is not None:
        if (title := one_line(message.form.title)) and title != one_line(message.title):
            made.append(rich(run(cut(title, limits.HEADING), weight="Bolder")))
        made += inputs.elements(message.form, several=look.several, only_for=look.only_for)
    if called:
        made.append({"type": "TextBlock", "text": " ".join(map(_tag, called)), "wrap": True})
    return made + buttons.rows(message.buttons, only_for=look.only_for)


def _called(message: Message, mentions: Mapping[str, Mention]) -> list[Mention]:
    """The mentions that we mint, the only ones that notify anybody; no two of them with the same name."""
    found: dict[str, Mention] = {}
    taken: set[str] = set()
    for member in message.mentions:
        one = mentions.get(member)
        if one is None or one.id in found or len(found) >= limits.MENTIONS:
            continue
        shown = name(one.name)
        shown = shown if shown not in taken else f"{shown} {len(taken) + 1}"
        taken.add(shown)
        found[one.id] = Mention(one.id, shown)
    return list(found.values())


def _tag(one: Mention) -> str:
    return f"<at>{one.name}</at>"


def _links(look: Look, offered: Sequence[File]) -> Callable[[File], str]:
    """The links to those files that are not offered."""
    return lambda file: "" if file in offered else look.link(file)


def _files(message: Message, look: Look, offered: Sequence[File]) -> Callable[[File], str]:
    """In words, how somebody gets a file of the message."""

    def told(file: File) -> str:
        asked = files.again(message, file)
        if file in offered:
            return "offered below"
        if look.link(file):
            minutes = int(LASTS.total_seconds() // 60)
            return f"the link opens for {minutes} minutes; " + (
                f"later say {asked}" if asked else "then it ends"
            )
        if look.linked and file.recorded is not None and asked:
            return f"say {asked} for a link to it"
        if file.path:
            return "kept with its run"
        asked = asked or "csv and the number of its run"
        return f"say {asked} to me{'' if look.personal else ' in a 1:1 chat: Teams takes files only there'}"

    return told


def _whole(message: Message) -> str:
    """Where the whole of a cut message is, empty where that is not known."""
    shown = next((one.command for one in message.buttons if one.command.startswith(("show ", "csv "))), "")
    return f": say {shown} for the rest" if shown else ""


def _room() -> int:
    return limits.ACTIVITY - 2 * limits.SUMMARY - _ENVELOPE - _NOTES
