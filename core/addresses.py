"""Channels as people write them: `slack:#ops`, `teams:19:…@thread.tacv2`, `email:ana@example.com`. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from core import values
from core.nearest import nearest

PLATFORMS = ("slack", "teams", "email", "webhook", "console")
ORIGIN = "origin"  # in a notify rule: where the request came from

_EMAIL = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}")
_HOOK = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SLACK = re.compile(r"#[^\s#,:@]{1,80}|[CGDUW][A-Z0-9]{1,20}")


class Address(NamedTuple):
    """A channel's platform, and its name or id there."""

    platform: str
    address: str

    @property
    def named(self) -> bool:
        """It is a name such as #ops; which channel that is has to be looked up."""
        return self.platform == "slack" and self.address.startswith("#")


def read(text: str) -> Address:
    """The address out of a text that `mistake` found nothing wrong with."""
    platform, _, address = text.partition(":")
    return Address(platform, address.lower() if address.startswith("#") else address)


def mistake(text: str, *, origin: bool = False) -> str:
    """Why a text is no channel, as the end of a sentence; empty where it is one.

    `origin`: the word for where the request came from is welcome too.
    """
    if text == ORIGIN and origin:
        return ""
    platform, colon, address = text.partition(":")
    known = (*PLATFORMS, ORIGIN) if origin else PLATFORMS
    if not colon or platform not in PLATFORMS:
        forms = "slack:#name, teams:ID, email:ADDRESS or webhook:NAME" + (" or origin" if origin else "")
        near = nearest(platform, known, 1)
        return f"'{values.echo(text)}' is no channel; write {forms}" + (
            f"; did you mean {near[0]}?" if near else ""
        )
    if not address.strip() or address != address.strip() or any(letter in address for letter in "\n\r\t"):
        return f"'{values.echo(text)}' names no address after {platform}:"
    if platform == "email" and not _EMAIL.fullmatch(address):
        return f"'{values.echo(address)}' is no e-mail address"
    if platform == "webhook" and not _HOOK.fullmatch(address):  # a URL may be a secret: it is not repeated
        return "a webhook is written webhook:NAME; its URL stands in SLASHJOB_WEBHOOKS"
    if platform == "slack" and not _SLACK.fullmatch(address):
        return f"'{values.echo(address)}' is no channel of Slack; write slack:#name or slack:C012AB3"
    return ""
