"""A delivery as a mail: its headers, its text and its page, the charts in it and the files beside it.

The Message-ID is the delivery's, so a mailbox may tell a second copy. All mails of a job hang on one thread:
they refer to an id that is the job's. (Gmail also goes by the subject, which begins with the outcome.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

from adapters.email import page, plain
from adapters.render import csv
from adapters.render.letters import cut, one_line
from core.messages import File, Image, Message
from core.ports import Post

SUBJECT = 180  # characters
FILES = 10 << 20  # bytes of all files together; many servers take 20 to 25 MB of encoded mail
WHOLE = "message.txt"  # everything that a mail says, where the mail was cut


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail with where it goes. `id` is its Message-ID, in angle brackets."""

    id: str
    to: Address
    message: EmailMessage

    @property
    def utf8(self) -> bool:
        """An address in it is not ASCII: the server has to speak SMTPUTF8."""
        return not self.to.addr_spec.isascii()

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        made = self.message.as_bytes(policy=SMTPUTF8 if self.utf8 else SMTP)
        return made if made.endswith(b"\r\n") else made + b"\r\n"


def compose(
    post: Post, *, sender: Address, to: Address, at: datetime, pictures: dict[Image, bytes], data: Path
) -> Letter:
    """The mail of a post. `pictures` are its charts as PNG; files of earlier runs lie below `data`."""
    message, about, domain = post.message, post.about, sender.domain
    own = f"<{post.delivery_id}@{domain}>"
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = cut(one_line(message.title or message.text), SUBJECT) or "slashjob"
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = own
    if about.job_id:
        root = f"<job.{about.job_id}@{domain}>"
        before = [root, post.reply_to] if post.reply_to.startswith("<") else [root]
        mail["In-Reply-To"] = before[-1]
        mail["References"] = " ".join(before)
        mail["List-Id"] = f"<{_label(about.job)}.jobs.{domain}>"
    asked = quote(f"unsubscribe {about.job}".strip())
    mail["List-Unsubscribe"] = f"<mailto:{sender.addr_spec}?subject={asked}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    files, missing = _files(message, data)
    charts = _Charts(domain, pictures)
    footer = _footer(about.job, to.addr_spec)
    shown = page.write(
        message, picture=charts.address, footer=footer, whole=f"attached as {WHOLE}", notes=missing
    )
    if shown.cut:
        files.append(_Read(WHOLE, "text/plain", plain.write(message, whole=True).encode("utf-8", "replace")))
    mail.set_content(plain.write(message, footer=footer, notes=missing), cte="quoted-printable")
    mail.add_alternative(shown.html, subtype="html", cte="quoted-printable")
    charts.add(mail)
    for one in files:
        kind, _, subtype = one.media_type.partition("/")
        mail.add_attachment(one.content, kind, subtype or "octet-stream", filename=one.name)
    return Letter(own, to, mail)


@dataclass(frozen=True, slots=True)
class _Read:
    """A file to attach."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Charts:
    """The charts of a mail, each with the id by which the page shows it."""

    domain: str
    pictures: dict[Image, bytes]

    def address(self, image: Image) -> str:
        """How the page names it; empty where it could not be drawn."""
        return f"cid:{self._id(image)}" if image in self.pictures else ""

    def add(self, mail: EmailMessage) -> None:
        """Put them beside the page."""
        [*_, html] = mail.iter_parts()
        for image, png in self.pictures.items():
            name = f"{_label(image.title or image.chart.title)}.png"
            cid = f"<{self._id(image)}>"
            html.add_related(png, "image", "png", cid=cid, filename=name, disposition="inline")

    def _id(self, image: Image) -> str:
        return f"chart{list(self.pictures).index(image) + 1}@{self.domain}"


def _files(message: Message, data: Path) -> tuple[list[_Read], list[str]]:
    """What is attached, and a line for each file that cannot be."""
    found: list[_Read] = []
    missing: list[str] = []
    left = FILES
    for block in message.blocks:
        if not isinstance(block, File):
            continue
        name = one_line(block.name) or "file"
        try:
            content = _content(block, data)
        except OSError:
            missing.append(f"{name} is not there any more.")
            continue
        if len(content) > left:
            missing.append(f"{name} is too large for a mail ({len(content) / 1e6:,.1f} MB).")
            continue
        left -= len(content)
        kind = block.media_type if re.fullmatch(r"[\w.+-]+/[\w.+-]+", block.media_type, re.ASCII) else ""
        found.append(_Read(name, kind or "application/octet-stream", content))
    return found, missing


def _content(file: File, data: Path) -> bytes:
    if file.path:
        return (data / file.path).read_bytes()
    return csv.of_file(file)


def _footer(job: str, address: str) -> str:
    why = (
        f"You get this because the job {job} writes to {address}." if job else f"This was sent to {address}."
    )
    return f"{why} To end it, take the address out of the job's channel or rules, or answer this mail."


def _label(text: str) -> str:
    """Text as part of a header that only takes letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:60] or "chart"
