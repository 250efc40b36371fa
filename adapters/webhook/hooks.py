"""Webhooks as the settings name them: a line each, `name url [secret=…] [teams] [private]`.

The address of a hook may be all that it takes to post there: it stands in no sentence, no row and no log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from yarl import URL

from adapters.remote.signing import Signer

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SEPARATOR = re.compile(r"\n|;\s")


@dataclass(frozen=True, slots=True)
class Hook:
    """Where to post. `teams`: the URL of a workflow of Microsoft Teams, which takes a card.

    `private`: it may be within the own network, and without TLS.
    """

    name: str
    url: URL = field(repr=False)
    signer: Signer = field(repr=False, default=Signer(None))
    teams: bool = False
    private: bool = False


def read(text: str) -> tuple[Hook, ...]:
    """The hooks of a setting; lines that begin with # are remarks.

    Raises `ValueError` with a sentence for each mistake; none repeats an address or a secret.
    """
    found: list[Hook] = []
    mistakes: list[str] = []
    for number, line in enumerate(_SEPARATOR.split(text), start=1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        try:
            hook = _hook(line.split())
            if any(one.name == hook.name for one in found):
                raise ValueError(f"there are two of the name {hook.name}")
            found.append(hook)
        except ValueError as error:
            mistakes.append(f"webhook {number}: {error}")
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return tuple(found)


def _hook(words: list[str]) -> Hook:
    name, *rest = words
    if not NAME.fullmatch(name):
        raise ValueError("it begins with a name of small letters, digits and dashes, then the URL")
    if not rest:
        raise ValueError(f"{name} has no URL")
    options = {word.partition("=")[0]: word.partition("=")[2] for word in rest[1:]}
    unknown = set(options) - {"secret", "teams", "private"}
    if unknown or options.get("teams") or options.get("private"):
        raise ValueError(f"{name}: after the URL come only secret=…, teams and private")
    private, teams = "private" in options, "teams" in options
    try:
        signer = Signer.of(options.get("secret", ""))
    except ValueError as error:
        raise ValueError(f"the secret of {name} cannot be used: {error}") from None
    if teams and signer.key is not None:
        raise ValueError(f"{name}: a workflow of Teams checks no signature; leave the secret out")
    return Hook(name, _url(name, rest[0], private=private), signer, teams, private)


def _url(name: str, text: str, *, private: bool) -> URL:
    try:
        url = URL(text)
    except ValueError:
        raise ValueError(f"{name}: that is no URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{name}: its URL begins with https://")
    if url.scheme == "http" and not private:
        raise ValueError(f"{name}: without TLS only within the own network; then say private")
    return url
