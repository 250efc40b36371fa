"""Slack's signature, checked over the bytes as they came: https://docs.slack.dev/authentication/verifying-requests-from-slack"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from adapters.slack import limits

STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
_STAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


def genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """The request is Slack's and not older than five minutes. Never raises, whatever the headers hold."""
    stamp, signature = headers.get(STAMP, ""), headers.get(SIGNATURE, "")
    if not secret or _STAMP.fullmatch(stamp) is None:
        return False
    if abs(now - int(stamp)) > limits.SIGNATURE.total_seconds():
        return False
    return hmac.compare_digest(_signed(secret, stamp, body), signature.encode("utf-8", "surrogateescape"))


def sign(secret: str, body: bytes, now: float) -> dict[str, str]:
    """The headers that Slack would send: for looking whether a server has the same secret."""
    stamp = str(int(now))
    return {STAMP: stamp, SIGNATURE: _signed(secret, stamp, body).decode()}


def _signed(secret: str, stamp: str, body: bytes) -> bytes:
    digest = hmac.digest(secret.encode(), f"v0:{stamp}:".encode() + body, "sha256")
    return f"v0={digest.hex()}".encode()
