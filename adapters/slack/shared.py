"""Which channels another company reads too (Slack Connect): asked of Slack now and then."""

from __future__ import annotations

from collections.abc import Callable

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import once
from adapters.slack.faults import Refused
from core.errors import DeliveryError

REMEMBERED = 600.0  # seconds
MOST = 10_000  # channels remembered


class Shared:
    """Remembers what Slack told of each channel. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, bool, str]] = {}

    async def with_others(self, client: AsyncWebClient, team: str, channel: str) -> bool:
        """Another company reads it. Raises `Limited`, `DeliveryError` where Slack cannot tell just now."""
        if not channel.startswith(("C", "G")):
            return False
        known = self._known.get((team, channel))
        if known is None or known[0] <= self._clock():
            known = await self._ask(client, channel)
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[team, channel] = known
        return known[1]

    def name(self, team: str, channel: str) -> str:
        """What people call it."""
        known = self._known.get((team, channel))
        return f"#{known[2]}" if known is not None and known[2] else channel

    async def _ask(self, client: AsyncWebClient, channel: str) -> tuple[float, bool, str]:
        try:
            told = await once(client.api_call("conversations.info", data={"channel": channel}))
        except Refused:  # the bot cannot see it: posting there says why
            return self._clock() + REMEMBERED, False, ""
        except DeliveryError as error:  # nothing was posted yet, whatever became of the question
            raise DeliveryError(error.sentence) from error
        found = told.get("channel") or {}
        others = bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared"))
        return self._clock() + REMEMBERED, others, str(found.get("name") or "")
