"""Reads the chat of another server, liberally: words for a status, messages, documents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from adapters.agents.envelope import FilePart
from adapters.agents.secrecy import Secrets
from core.entries import Asked, Entry, Logged

TEXT_LIMIT = 20_000  # characters of one message
MESSAGE_LIMIT = 200  # messages of one chat that are kept
DOCUMENT_LIMIT = 20


class Ending(StrEnum):
    """How a chat ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_WORDS = {
    Ending.SUCCEEDED: "succeeded success successful completed complete done finished ended closed ok",
    Ending.FAILED: "failed failure fail error errored crashed timed_out timedout timeout expired rejected"
    " lost partly_failed interrupted dead",
    Ending.CANCELLED: "cancelled canceled aborted stopped terminated killed skipped",
}
_ENDINGS = {word: ending for ending, words in _WORDS.items() for word in words.split()}
_ASSISTANTS = frozenset({"assistant", "agent", "ai", "bot", "model"})
_PEOPLE = frozenset({"user", "human", "person"})


def unwrap(said: dict[str, Any]) -> dict[str, Any]:
    """The chat itself, also where it stands under `chat` or `data`, with what stands beside it."""
    for key in ("data", "chat"):
        inner = said.get(key)
        if isinstance(inner, dict):
            said = {**{name: one for name, one in said.items() if name != key}, **inner}
    return said


def reason(said: dict[str, Any]) -> str:
    """What it says about a failure; empty where nothing."""
    for key in ("error", "error_message", "reason", "message", "detail"):
        found = said.get(key)
        if isinstance(found, dict):
            found = found.get("message")
        if isinstance(found, str) and found.strip():
            return found.strip()[:1_000]
    return ""


@dataclass(frozen=True, slots=True)
class _Message:
    role: str
    text: str

    @property
    def by_assistant(self) -> bool:
        return self.role in _ASSISTANTS


class Chat:
    """One look at a chat. While it goes on, its last message may still grow: `settled` leaves it out."""

    def __init__(self, said: dict[str, Any], secrets: Secrets) -> None:
        self._said = said
        self._secrets = secrets
        self._messages = list(_messages(said.get("messages")))
        self.status = _status(said)
        self.ending = _ENDINGS.get(self.status)

    @property
    def settled_count(self) -> int:
        """Messages before the last of the assistant, or before the last of all."""
        spoken = [index for index, one in enumerate(self._messages) if one.by_assistant]
        return spoken[-1] if spoken else max(0, len(self._messages) - 1)

    def settled(self, said: int) -> list[Entry]:
        """The messages that will not change any more, after the first `said`."""
        return self._entries(said, self.settled_count)

    def rest(self, said: int) -> list[Entry]:
        """What is left at the end, without the answer."""
        spoken = [index for index, one in enumerate(self._messages) if one.by_assistant]
        if not spoken:
            return self._entries(said, len(self._messages))
        return self._entries(said, spoken[-1]) + self._entries(max(said, spoken[-1] + 1), len(self._messages))

    def answer(self) -> str:
        """The last message of the assistant; empty where there is none."""
        found = [one.text for one in self._messages if one.by_assistant and one.text]
        return self._secrets.mask(_cut(found[-1])) if found else ""

    def reason(self) -> str:
        """Why it failed, in its own words."""
        return self._secrets.mask(reason(self._said))

    def documents(self) -> list[FilePart | Logged]:
        """Its documents as files; a line for what has no content."""
        given = self._said.get("documents")
        found: list[Any] = given if isinstance(given, list) else []
        made = [_document(one) for one in found[:DOCUMENT_LIMIT] if isinstance(one, dict)]
        if len(found) > DOCUMENT_LIMIT:
            made.append(Logged(f"{len(found) - DOCUMENT_LIMIT} more documents are not kept.", "warning"))
        return made

    def _entries(self, first: int, end: int) -> list[Entry]:
        made: list[Entry] = []
        for index, one in enumerate(self._messages[first:end], start=first):
            if index == MESSAGE_LIMIT:
                made.append(Logged("More messages are not kept.", "warning"))
            if index >= MESSAGE_LIMIT or not one.text:
                continue
            text = self._secrets.mask(_cut(one.text))
            asked = one.role in _PEOPLE
            made.append(Asked(f"message {index + 1}", text) if asked else Logged(f"{one.role}: {text}"))
        return made


def _status(said: dict[str, Any]) -> str:
    for key in ("status", "state"):
        found = said.get(key)
        if isinstance(found, str) and found.strip():
            return found.strip().lower().replace(" ", "_").replace("-", "_")[:60]
    return ""


def _messages(found: Any) -> Iterable[_Message]:
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict):
            role = one.get("role") or one.get("type") or one.get("author") or "message"
            text = one.get("content", one.get("text", one.get("message")))
            yield _Message(
                str(role).lower()[:40] if isinstance(role, str) else "message", _text(text).strip()
            )


def _text(content: Any) -> str:
    match content:
        case str():
            return content
        case None:
            return ""
        case list():
            return "\n".join(part for part in map(_text, content) if part)
        case {"text": inner} | {"content": inner}:
            return _text(inner)
        case dict():
            return json.dumps(content, ensure_ascii=False)
        case _:
            return str(content)


def _document(one: dict[str, Any]) -> FilePart | Logged:
    name = next(
        (one[key] for key in ("name", "title", "filename", "id") if _is_text(one.get(key))), "document"
    )
    content = next((one[key] for key in ("content", "text", "body") if one.get(key) is not None), None)
    kind = next(
        (one[key] for key in ("media_type", "mime_type", "content_type") if _is_text(one.get(key))), ""
    )
    if content is None:
        where = one.get("url")
        return Logged(f"Document: {name}{f' ({where})' if _is_text(where) else ''}"[:TEXT_LIMIT])
    try:
        return FilePart(name=name[:200], media_type=kind or "text/plain", text=_text(content))
    except ValidationError:  # a media type that is none
        return FilePart(name=name[:200], media_type="text/plain", text=_text(content))


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}\n… cut, {len(text):,} characters"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
