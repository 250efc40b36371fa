"""How the bot gets at its mail server: `SMTP_URL` and `SMTP_FROM`, read and checked.

`smtp[s]://user:password@host:port?starttls=on|auto|off`. smtps speaks TLS from the first byte (port 465);
smtp turns to it by STARTTLS (port 587), which is demanded unless the server is on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

_LOCAL = ("localhost", "127.0.0.1", "::1")
_STARTTLS = {"on": True, "auto": None, "off": False}


@dataclass(frozen=True, slots=True)
class Access:
    """The mail server. `starttls`: True demands it, None takes it where it is offered, False never."""

    host: str
    port: int
    user: str = field(repr=False, default="")
    password: str = field(repr=False, default="")
    tls: bool = False
    starttls: bool | None = True


def read(url: str) -> Access:
    """The server of an `SMTP_URL`. Raises `ValueError`; the sentence repeats nothing of the URL."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ValueError("that is no URL: smtp://user:password@host:587") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("it is written smtp://user:password@host:587, or smtps:// for TLS from the start")
    tls = parts.scheme == "smtps"
    options = parse_qs(parts.query, keep_blank_values=True)
    if set(options) - {"starttls"} or options.get("starttls", ["on"])[-1] not in _STARTTLS:
        raise ValueError("after the ? comes only starttls=on, auto or off")
    local = parts.hostname in _LOCAL
    chosen = _STARTTLS[options["starttls"][-1]] if "starttls" in options else (None if local else True)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and not tls and chosen is not True and not local:
        raise ValueError("a password is sent only over TLS: use smtps://, or starttls=on")
    return Access(
        host=parts.hostname,
        port=port or (465 if tls else 587),
        user=user,
        password=password,
        tls=tls,
        starttls=False if tls else chosen,
    )


def sender(text: str) -> Address:
    """Who writes: `slashjob <bot@example.com>`, or the address alone. Raises `ValueError`."""
    made = mailbox(parseaddr(text)[1])
    name = parseaddr(text)[0]
    if made is None or any(ord(letter) < 32 for letter in text):
        raise ValueError("it is written slashjob <bot@example.com>")
    return Address(display_name=name or "slashjob", username=made.username, domain=made.domain)


def mailbox(text: str) -> Address | None:
    """One address, its domain as DNS writes it; None where it is none."""
    user, at, domain = text.strip().rpartition("@")
    if not at or not user or len(text) > 254 or any(letter in text for letter in ' \t\r\n<>,;:"()[]\\'):
        return None
    try:
        made = Address(username=user, domain=domain.encode("idna").decode("ascii"))
    except (UnicodeError, ValueError, IndexError):
        return None
    return made if "." in made.domain.strip(".") or made.domain == "localhost" else None
