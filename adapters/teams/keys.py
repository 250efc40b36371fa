"""The keys that sign what Teams sends, fetched without blocking anybody else, and kept while they are away.

It takes the place of the library's own fetcher, which blocks the event loop, has no time-out, and raises
IndexError for an unknown key before it would look for new ones.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from jwt.algorithms import RSAAlgorithm

_log = logging.getLogger(__name__)

MICROSOFT = "https://login.botframework.com/v1/.well-known/openidconfiguration"
TIMEOUT = 5.0  # seconds for both documents together
FRESH = 24 * 3600.0  # seconds; Microsoft's advice for how long keys may be kept
UNKNOWN = 300.0  # seconds between two looks for a key that is not known
AFTER_FAULT = 5.0  # seconds in which nobody asks again


class Away(Exception):
    """The keys cannot be had now: whether a request is genuine cannot be told."""


class UnknownKey(PermissionError):
    """No key of that name signs for Teams."""


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key, in the shape that the library's validation reads."""

    public_key: Any
    endorsements: tuple[str, ...]


Session = Callable[[], aiohttp.ClientSession]


class Keys:
    """The keys of one OpenID configuration. `clock` gives monotonic seconds."""

    def __init__(self, url: str, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._session = session
        self._clock = clock
        self.edition = 1
        """counted up when other keys are listed than before"""
        self._listed = ""
        self._keys: dict[str, Key] = {}
        self._fetched: float | None = None
        self._failed: float | None = None
        self._lock = asyncio.Lock()

    async def get(self, key_id: str | None) -> Key:
        """The key of that name.

        Raises:
            Away: none could be fetched, or this one is not known and could not be looked for.
            UnknownKey: there is none of that name.
        """
        if self._due(key_id):
            async with self._lock:
                if self._due(key_id):  # whoever was first has fetched them for all
                    await self._fetch()
        found = self._keys.get(key_id or "")
        if found is not None:
            return found
        if self._fetched is None or self._failed is not None:
            raise Away("the signing keys cannot be fetched")
        raise UnknownKey("no key of that name is known")

    def _due(self, key_id: str | None) -> bool:
        """It is time to fetch: never done, long ago, or for an unknown key and not just now."""
        now = self._clock()
        if self._failed is not None and now - self._failed < AFTER_FAULT:
            return False
        age = None if self._fetched is None else now - self._fetched
        return age is None or age > FRESH or (key_id not in self._keys and age > UNKNOWN)

    async def _fetch(self) -> None:
        """Fetch both documents; where that fails, what was known stays."""
        try:
            async with asyncio.timeout(TIMEOUT):
                configuration = await self._document(self.url)
                listed = await self._document(str(configuration["jwks_uri"]))
            self._keys = _read(listed)
            told = json.dumps(listed["keys"], sort_keys=True)
            if told != self._listed:
                self._listed = told
                self.edition += 1
            self._fetched, self._failed = self._clock(), None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            self._failed = self._clock()
            _log.warning("teams.keys_away", extra={"error": type(error).__name__})

    async def _document(self, url: str) -> dict[str, Any]:
        async with self._session().get(url, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError(f"answered {answer.status}")
            found = json.loads(await answer.text())
        if not isinstance(found, dict):
            raise TypeError("not an object")
        return found


def _read(listed: Mapping[str, Any]) -> dict[str, Key]:
    """key id -> key; what is no RSA key is left out. Raises ValueError where nothing is left."""
    made: dict[str, Key] = {}
    for one in listed["keys"]:
        if not isinstance(one, dict) or one.get("kty") != "RSA" or not one.get("kid"):
            continue
        endorsed = tuple(str(name) for name in one.get("endorsements") or ())
        made[str(one["kid"])] = Key(RSAAlgorithm.from_jwk(json.dumps(one)), endorsed)
    if not made:
        raise ValueError("no usable key")
    return made
