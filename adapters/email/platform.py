"""Mail as a way out: one mail for each end, never a second one for an edit.

What went wrong is told apart by when it did: before the text was handed over nothing was sent; an answer of
4xx may pass, 5xx will not; a connection that is lost after it may mean that the mail is on its way, so it is
`unknown` and never sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from pathlib import Path

import aiosmtplib

from adapters.email import access, mail
from adapters.email.access import Access
from adapters.email.mail import Letter
from adapters.render.letters import cut, one_line
from core.errors import DeliveryError, Fault
from core.messages import ChartData, Image
from core.ports import Post, Receipt

_log = logging.getLogger(__name__)

STEP = 15.0  # seconds for one answer of the server
AT_ONCE = 4  # connections; servers refuse many of one client

Draw = Callable[[ChartData], Awaitable[bytes]]


async def draw_png(chart: ChartData) -> bytes:
    """The chart as PNG."""
    from adapters.render import charts  # only where there is a chart

    return await charts.png(chart)


class Email:
    """The platform. `tls` replaces the usual trust in certificates, `step` the seconds for an answer."""

    name = "email"
    repeatable = False
    editable = False

    def __init__(
        self,
        server: Access,
        sender: Address,
        data: Path,
        *,
        draw: Draw = draw_png,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tls: ssl.SSLContext | None = None,
        step: float = STEP,
    ) -> None:
        self._server = server
        self._sender = sender
        self._data = data
        self._draw = draw
        self._now = now
        self._tls = tls
        self._step = step
        self._room = asyncio.Semaphore(AT_ONCE)

    def known(self, address: str) -> bool:
        """It is an address that mail can be sent to."""
        return access.mailbox(address) is not None

    async def deliver(self, post: Post) -> Receipt:
        """Send one mail. Raises `DeliveryError`."""
        to = access.mailbox(post.channel.address)
        if to is None:
            raise DeliveryError(
                f"{one_line(post.channel.address)[:80]} is no e-mail address.", permanent=True
            )
        pictures = {one: png for one in _images(post) if (png := await self._picture(one))}
        letter = await asyncio.to_thread(
            mail.compose, post, sender=self._sender, to=to, at=self._now(), pictures=pictures, data=self._data
        )
        async with self._room:
            await self._send(letter)
        return Receipt(letter.id)

    async def _picture(self, image: Image) -> bytes:
        """The chart, empty where it cannot be drawn: its words stand there instead."""
        try:
            return await self._draw(image.chart)
        except Fault as fault:
            _log.warning("email.no_picture", extra={"error": str(fault)})
            return b""

    async def _send(self, letter: Letter) -> None:
        client = self._client()
        try:
            await self._connect(client)
            await self._hand_over(client, letter)
        finally:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=2)
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.tls,
            start_tls=server.starttls,
            tls_context=self._tls,
            timeout=self._step,
        )

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        """Ready to hand over. Nothing was sent where it raises."""
        try:
            await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            permanent = error.code >= 500
            raise DeliveryError(
                f"The mail server does not take the user and password of SMTP_URL ({error.code}).",
                permanent=permanent,
            ) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            if type(error) is aiosmtplib.SMTPException:  # how the library says that something is not offered
                raise DeliveryError(
                    "The mail server offers no STARTTLS, or no log-in that the bot speaks; look at SMTP_URL.",
                    permanent=True,
                ) from None
            secure = isinstance(error.__cause__ or error, ssl.SSLError)
            why = "its certificate or its TLS is not as it should be" if secure else _why(error)
            raise DeliveryError(f"The mail server {self._server.host} cannot be used: {why}.") from None

    async def _hand_over(self, client: aiosmtplib.SMTP, letter: Letter) -> None:
        to = letter.to.addr_spec
        options = ["SMTPUTF8"] if letter.utf8 else []
        if letter.utf8 and not client.supports_extension("smtputf8"):
            raise DeliveryError(f"The mail server takes no address like {to}.", permanent=True)
        try:
            encoding = "utf-8" if letter.utf8 else "ascii"
            await client.mail(self._sender.addr_spec, options=options, encoding=encoding)
            await client.rcpt(to, encoding=encoding)
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error, to) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"The mail server was lost before it had the mail: {_why(error)}.") from None
        try:
            await client.data(letter.encoded())
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error, to) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(
                f"The mail server was lost while it had the mail, which may be on its way: {_why(error)}.",
                unknown=True,
            ) from None


def _images(post: Post) -> list[Image]:
    return [block for block in post.message.blocks if isinstance(block, Image)]


def _refused(error: aiosmtplib.SMTPResponseException, to: str) -> DeliveryError:
    said = cut(one_line(error.message), 200)
    return DeliveryError(
        f"The mail server refused the mail to {to}: {error.code} {said}", permanent=error.code >= 500
    )


def _why(error: Exception) -> str:
    match error:
        case TimeoutError() | aiosmtplib.SMTPTimeoutError():
            return "it does not answer"
        case aiosmtplib.SMTPResponseException():
            return f"{error.code} {cut(one_line(error.message), 200)}"
        case aiosmtplib.SMTPServerDisconnected():
            return "it closed the connection"
        case _:
            return "there is no connection"
