"""Keeps what may be a secret out of a refusal, which repeats the line that was typed.

Which words are secret is decided without having understood the line: the values behind the names of
secret parameters, names like theirs (a slip of the finger), and names that sound like a secret.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from core.errors import Invalid, Refusal
from core.nearest import nearest
from core.parameters import MASK

TELLING = ("passwd", "password", "secret", "token", "api_key", "apikey", "credential")

_SAID = re.compile(
    r"(?P<name>[^\W\d][\w-]*)(?P<joint>\s*[=:]\s*|\s+)"
    r"(?P<value>\"[^\"]*\"?|'[^']*'?|“[^”]*”?|„[^“”]*[“”]?|«[^»]*»?|[^\s|]+)"
)
_JOB_MADE = re.compile(r"(\s*/?(?:job\s+)?(?:new|edit)(?:\s+(?!\S*=)[^\s\"'-]\S*)?)", re.IGNORECASE)


def values(line: str, names: Collection[str]) -> tuple[str, ...]:
    """The texts in a line that may be secrets, the longest first; `names` are those of secret parameters."""
    found = set()
    position = 0
    while said := _SAID.search(line, position):
        position = said.end("name")
        if _secret(said["name"], names, joined=not said["joint"].isspace()):
            found |= {said["value"], said["value"].strip("\"'“”„«»")}
            position = said.end()
    return tuple(sorted(filter(None, found), key=len, reverse=True))


def bare(line: str) -> str:
    """The line that makes or changes a job without what it gives: that is the job's, not the reader's."""
    found = _JOB_MADE.match(line)
    return f"{found[1]} …" if found and found.end() < len(line.rstrip()) else line


def covered(text: str, secrets: tuple[str, ...]) -> str:
    """The text with these values covered."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def keep(refused: Refusal, secrets: tuple[str, ...]) -> None:
    """Cover the values in everything that the refusal says. Suggestions that carry one are left out."""
    refused.sentence = covered(refused.sentence, secrets)
    refused.hint = covered(refused.hint, secrets)
    refused.suggestions = tuple(one for one in refused.suggestions if covered(one, secrets) == one)
    if isinstance(refused, Invalid):
        refused.fields = {name: covered(text, secrets) for name, text in refused.fields.items()}


def _secret(name: str, names: Collection[str], *, joined: bool) -> bool:
    plain = name.casefold()
    if not joined:
        return plain in names
    return plain in names or any(word in plain for word in TELLING) or bool(nearest(plain, names, 1))
