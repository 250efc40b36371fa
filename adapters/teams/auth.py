"""Whether a request is from Teams, for us, and from whom we listen to.

The decision about the token is botbuilder's own (`JwtTokenValidation`). Around it stands what it lets
through: its trust in emulators and other bots is refused by issuer before it is asked, a body without
`serviceUrl` is refused, every exception of its is a 401, and keys are fetched by `keys.Keys`.

Teams shows the same token with many requests. One that was found genuine is not looked at again for a few
minutes, for the same service and channel, unless it ends or the signing keys change before.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

import jwt
from botbuilder.schema import Activity
from botframework.connector.auth import (
    AuthenticationConstants,
    ChannelValidation,
    JwtTokenExtractor,
    JwtTokenValidation,
    SimpleCredentialProvider,
)

from adapters.teams.hosts import Hosts
from adapters.teams.inbound import CHANNEL, Origin
from adapters.teams.keys import Away, Keys

_log = logging.getLogger(__name__)

ISSUER = AuthenticationConstants.TO_BOT_FROM_CHANNEL_TOKEN_ISSUER
TOKEN_LIMIT = 16_000  # characters
TRUSTED = 300.0  # seconds that a genuine token is not looked at again, at most
MOST = 1_000  # tokens that are remembered


class Turned(Exception):
    """The request is turned away with this status; `why` is for the log, never for the answer."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Guard:
    """Checks tokens, then the allow-lists.

    Without `keys` no token is asked for (`TEAMS_AUTH=off`); without `tenants` every tenant may speak.
    """

    def __init__(
        self,
        app_id: str,
        keys: Keys | None,
        *,
        tenants: Collection[str],
        hosts: Hosts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since 1970, which tokens end by."""
        self._clock = clock
        self._genuine: dict[bytes, float] = {}  # digest of a token and what it was shown for -> until
        self._edition = 0  # of the keys that these were checked by
        self._keys = keys
        self._tenants = frozenset(one.casefold() for one in tenants)
        self._hosts = hosts
        self._credentials = SimpleCredentialProvider(app_id, "")

    async def check(self, header: str, origin: Origin) -> None:
        """Pass where we listen to it. Raises `Turned`."""
        if self._keys is not None:
            await self._authenticate(self._keys, header, origin)
        if origin.channel_id != CHANNEL:
            raise Turned(403, "another channel of Bot Framework")
        if not self._hosts.allows(origin.service_url):
            raise Turned(403, "a serviceUrl that is not allowed")
        if self._tenants and origin.tenant.casefold() not in self._tenants:
            raise Turned(403, "another tenant")

    async def _authenticate(self, keys: Keys, header: str, origin: Origin) -> None:
        if not origin.service_url:
            raise Turned(401, "no serviceUrl in the body")
        shown = _digest(header, origin)
        if self._is_genuine(shown, keys):
            return
        claims = _claims(header)
        if claims.get("iss") != ISSUER:
            raise Turned(401, "not issued by Bot Framework")
        # The library looks these two up before it first waits for anything: no other request is in between.
        ChannelValidation.open_id_metadata_endpoint = keys.url
        JwtTokenExtractor.metadataCache[keys.url] = keys
        edition = keys.edition
        activity = Activity(channel_id=origin.channel_id, service_url=origin.service_url)
        try:
            await JwtTokenValidation.authenticate_request(activity, header, self._credentials)
        except Away as away:
            raise Turned(503, str(away)) from away
        except Exception as error:  # whatever the library or PyJWT does not like about it
            raise Turned(401, type(error).__name__) from error
        if keys.edition == edition:
            self._remember(shown, claims, edition)

    def _is_genuine(self, shown: bytes, keys: Keys) -> bool:
        """It was found genuine, and nothing has changed since."""
        return keys.edition == self._edition and self._genuine.get(shown, 0.0) > self._clock()

    def _remember(self, shown: bytes, claims: dict[str, Any], edition: int) -> None:
        """Trust it until its end, without the minutes that the check forgives clocks that differ."""
        if edition != self._edition or len(self._genuine) >= MOST:
            self._genuine.clear()
            self._edition = edition
        ends = claims.get("exp")
        if isinstance(ends, int | float):
            self._genuine[shown] = min(float(ends), self._clock() + TRUSTED)


def _digest(header: str, origin: Origin) -> bytes:
    told = "\0".join((header, origin.service_url, origin.channel_id))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()


def _claims(header: str) -> dict[str, Any]:
    """What a token says, not checked; empty where there is none that could be read."""
    scheme, _, token = header.partition(" ")
    if scheme != "Bearer" or not token or len(token) > TOKEN_LIMIT:
        return {}
    try:
        return dict(jwt.decode(token, options={"verify_signature": False}))
    except Exception:  # any bytes may stand there
        return {}
