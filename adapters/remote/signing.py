"""Signs requests as Standard Webhooks says (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

PREFIX = "whsec_"  # what follows is the key as base64; any other secret is the key as it is


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes the three headers. Without a key there is no signature, but still an id and a time."""

    key: bytes | None

    @classmethod
    def of(cls, secret: str) -> Signer:
        """The signer of a secret, which may be empty. Raises `ValueError` for base64 that is none."""
        if not secret:
            return cls(None)
        if not secret.startswith(PREFIX):
            return cls(secret.encode())
        try:
            return cls(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
        except binascii.Error:
            raise ValueError(f"it begins with {PREFIX}, and what follows is no base64") from None

    def headers(self, key: str, at: datetime, body: bytes) -> dict[str, str]:
        """The headers of one request. `key` is the same for every request that means the same work."""
        seconds = str(int(at.timestamp()))
        made = {"webhook-id": key, "webhook-timestamp": seconds}
        if self.key is not None:
            signed = b".".join((key.encode(), seconds.encode(), body))
            digest = hmac.digest(self.key, signed, hashlib.sha256)
            made["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return made
