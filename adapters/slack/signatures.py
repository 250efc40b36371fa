"""Slack's signature, checked over the bytes as they came: https://docs.slack.dev/authentication/verifying-requests-from-slack"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from adapters.slack import limits

STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"


def genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """The request is Slack's and not older than five minutes. Never raises, whatever the headers hold."""
    stamp, signature = headers.get(STAMP, ""), headers.get(SIGNATURE, "")
    if not secret or re.fullmatch(r"[0-9]{1,12}", stamp, re.ASCII) is None:
        return False
    if abs(now - int(stamp)) > limits.SIGNATURE.total_seconds():
        return False
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={digest}".encode(), signature.encode("utf-8", "surrogateescape"))
