"""A real SMTP server on the loopback that keeps what it takes, and refuses as it is told."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "bot@example.com", "p%ss: w@rd"


class MailServer:
    """Hooks of aiosmtpd; `answers` maps a step (RCPT, DATA) to what it says, once each."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[Envelope] = []
        self.answers: dict[str, list[str]] = {}
        self.cuts = ""  # the step at which the connection is cut: DATA after it has the mail
        self.logins: list[tuple[str, str]] = []
        self.encrypted: list[bool] = []

    @property
    def mails(self) -> list[EmailMessage]:
        """What arrived, as a mail program reads it."""
        found = [message_from_bytes(_bytes(one), policy=policy.default) for one in self.taken]
        return [one for one in found if isinstance(one, EmailMessage)]

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == (USER, PASSWORD), handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if said := self._answer("RCPT"):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if said := self._answer("DATA"):
            return said
        self.taken.append(envelope)
        self.encrypted.append(session.ssl is not None)
        if self.cuts == "DATA":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 taken"

    def _answer(self, step: str) -> str:
        given = self.answers.get(step)
        return given.pop(0) if given else ""


def _bytes(envelope: Envelope) -> bytes:
    assert isinstance(envelope.content, bytes)
    return envelope.content


@asynccontextmanager
async def serving(
    *, tls: ssl.SSLContext | None = None, starttls: bool = False, login: bool = False, smtputf8: bool = False
) -> AsyncIterator[MailServer]:
    """A server; with `tls` it speaks it from the start, or from STARTTLS on."""
    kept = MailServer()
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(
            kept,
            hostname="mail.example.com",
            loop=loop,
            enable_SMTPUTF8=smtputf8,
            tls_context=tls if starttls else None,
            auth_required=login,
            auth_require_tls=starttls,
            authenticator=kept.authenticate,
            timeout=120,
        )

    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=None if starttls else tls)
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
        await server.wait_closed()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server's, client's) contexts around a new certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    own = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(own, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return server, client
