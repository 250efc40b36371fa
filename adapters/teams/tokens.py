"""The token that the bot speaks with: one for the app, fetched once for everybody who waits for it.

A login that is refused (a revoked secret) is tried for `BARRED`; from then on what is owed counts as not to
be brought, so that it is told elsewhere. Each later message tries again: a mended login serves at once.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.teams.faults import Barred, Unsent

_log = logging.getLogger(__name__)

LOGIN = "https://login.microsoftonline.com"
SCOPE = "https://api.botframework.com/.default"
TIMEOUT = 15.0  # seconds of one login
EARLY = 300.0  # seconds before its end: a new one is fetched beside while the old one serves on
AFTER_FAULT = 10.0  # seconds in which nobody logs in again
BARRED = 300.0  # seconds of being turned away after which nobody waits for its end any more
REFUSED_PAUSE = timedelta(seconds=60)  # between two tries of one message while the bot is turned away
AWAY_PAUSE = timedelta(seconds=20)  # the same, while the login does not work for anybody
_ASSERTED = 300  # seconds that a signed assertion holds
_LATER = (408, 429)  # of a login: nothing is said of the bot
_CODE = re.compile(r"AADSTS\d+")

Session = Callable[[], aiohttp.ClientSession]


@dataclass(frozen=True, slots=True)
class App:
    """The app's registration: a client secret, or a certificate with its private key as PEM."""

    id: str
    tenant: str
    secret: str = ""
    certificate: str = ""


class LoginRefused(Barred):
    """The login was turned down; `code` is Microsoft's, such as AADSTS7000215."""

    def __init__(self, code: str, *, lasting: bool = False) -> None:
        sentence = f"Microsoft does not give the bot a token ({code}). See: slashjob doctor teams"
        super().__init__(sentence, REFUSED_PAUSE, lasting=lasting)
        self.code = code


class Tokens:
    """Gives the token. `clock` gives monotonic seconds."""

    def __init__(
        self, app: App, session: Session, *, login: str = LOGIN, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._session = session
        self._url = f"{login.rstrip('/')}/{app.tenant}/oauth2/v2.0/token"
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._login: asyncio.Task[None] | None = None
        self._door = asyncio.Lock()
        self._fault: tuple[float, Unsent] | None = None
        self._refused_at: float | None = None  # the first of the logins that were refused in a row
        self._untaken: dict[str, float] = {}  # service -> the first time in a row that it took no fresh token

    async def get(self) -> str:
        """The token; whoever asks while a login is under way waits for that one.

        Raises:
            Unsent: there is none to be had now.
        """
        left = self._until - self._clock()
        if left > EARLY:
            return self._token
        if left > 0:
            if self._may_log_in():
                self._begin()
            return self._token
        if not self._may_log_in() and self._fault is not None:
            raise self._fault[1]
        await asyncio.shield(self._begin())
        async with self._door:  # one by one: hundreds that go on at the same moment would stall all else
            await asyncio.sleep(0)
        if self._fault is not None:
            raise self._fault[1]
        return self._token

    def forget(self, token: str) -> None:
        """The service did not take this token: the next one is fetched anew."""
        if token == self._token:
            self._until = 0.0

    def untaken(self, service: str) -> Barred:
        """The service did not take a token that was fetched just now either."""
        since = self._untaken.setdefault(service, self._clock())
        sentence = (
            "Teams does not take the bot's token (401). Is its Azure Bot still there, of the type Single "
            "Tenant, with this MICROSOFT_APP_ID?"
        )
        return Barred(sentence, REFUSED_PAUSE, lasting=self._lasts(since))

    def taken(self, service: str) -> None:
        """The service took the token."""
        self._untaken.pop(service, None)

    def _lasts(self, since: float) -> bool:
        return self._clock() - since >= BARRED

    async def close(self) -> None:
        """Give up a login that is under way."""
        if self._login is not None and not self._login.done():
            self._login.cancel()
            await asyncio.gather(self._login, return_exceptions=True)

    def _may_log_in(self) -> bool:
        return self._fault is None or self._clock() - self._fault[0] >= AFTER_FAULT

    def _begin(self) -> asyncio.Task[None]:
        if self._login is None or self._login.done():
            self._login = asyncio.create_task(self._log_in())
        return self._login

    async def _log_in(self) -> None:
        """Fetch a token; what went wrong is kept for those who wait."""
        try:
            async with asyncio.timeout(TIMEOUT):
                self._token, lasts = await self._ask()
            self._until, self._fault, self._refused_at = self._clock() + lasts, None, None
        except LoginRefused as refused:
            since = self._clock() if self._refused_at is None else self._refused_at
            self._refused_at = since
            self._fault = self._clock(), LoginRefused(refused.code, lasting=self._lasts(since))
        except Unsent as unsent:
            self._fault = self._clock(), unsent
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            why = Unsent(f"The login at Microsoft does not answer ({type(error).__name__}).")
            self._fault = self._clock(), why
        if self._fault is not None:
            _log.warning("teams.no_token", extra={"error": self._fault[1].sentence})

    async def _ask(self) -> tuple[str, float]:
        """(token, seconds that it lasts)."""
        form = {"grant_type": "client_credentials", "client_id": self._app.id, "scope": SCOPE}
        form |= self._proof()
        async with self._session().post(self._url, data=form, allow_redirects=False) as answer:
            told: Any = json.loads(await answer.text())
            if answer.status != 200:
                described = str(told.get("error_description") or "")
                code = _CODE.search(described)
                word = code[0] if code else str(told.get("error") or answer.status)[:60]
                if answer.status >= 500 or answer.status in _LATER:
                    raise Unsent(f"The login at Microsoft does not work just now ({word}).", AWAY_PAUSE)
                raise LoginRefused(word)
        return str(told["access_token"]), float(told["expires_in"])

    def _proof(self) -> dict[str, str]:
        """The secret, or an assertion signed with the certificate's key."""
        if not self._app.certificate:
            return {"client_secret": self._app.secret}
        pem = self._app.certificate.encode()
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
        now = int(time.time())
        claims = {"aud": self._url, "iss": self._app.id, "sub": self._app.id, "jti": str(uuid.uuid4())}
        claims |= {"nbf": now - 60, "iat": now, "exp": now + _ASSERTED}  # type: ignore[dict-item]
        signed = jwt.encode(claims, pem, algorithm="PS256", headers={"x5t#S256": thumbprint})
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {"client_assertion_type": kind, "client_assertion": signed}
