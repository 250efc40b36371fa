"""Channels by their names: `#ops` is looked up among those that the bot can see, and remembered."""

from __future__ import annotations

from collections.abc import Callable

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import calls

REMEMBERED = 600.0  # seconds; a channel may be renamed, and another take its name
PAGES = 50  # of a thousand channels
MOST = 10_000  # names remembered

_KINDS = ("public_channel", "private_channel")


class Names:
    """Finds channels by name. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, str]] = {}

    async def find(self, client: AsyncWebClient, team: str, name: str) -> str:
        """The id of the channel `#name`, empty where the bot sees none. Raises as `calls.call`."""
        wanted = name.removeprefix("#").casefold()
        known = self._known.get((team, wanted))
        if known is not None and known[0] > self._clock():
            return known[1]
        if len(self._known) > MOST:
            self._known.clear()
        until = self._clock() + REMEMBERED
        cursor = ""
        for _ in range(PAGES):
            given = {"types": ",".join(_KINDS), "exclude_archived": "true", "limit": "1000"}
            told = await calls.once(
                client.api_call("conversations.list", data=given | ({"cursor": cursor} if cursor else {}))
            )
            for one in told.get("channels") or []:
                self._known[team, str(one.get("name")).casefold()] = (until, str(one.get("id")))
            cursor = str((told.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return self._known.get((team, wanted), (0.0, ""))[1]
