"""Charts as files of Slack: drawn and uploaded once, then shown by their id.

Slack never fetches a picture from us. A file that was just uploaded is not usable at once; a chart that
cannot be drawn or uploaded is told by its words instead, and the reason is logged.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import files
from adapters.slack.faults import Limited, Refused
from adapters.slack.places import Place
from adapters.slack.text import one_line
from core.errors import Fault
from core.messages import ChartData, Image, Message

_log = logging.getLogger(__name__)

Draw = Callable[[ChartData], Awaitable[bytes]]

FRESH = 30.0  # seconds during which Slack may still look at a file
_MOST = 500  # pictures remembered


@dataclass(slots=True)
class _Uploaded:
    id: str
    at: float
    usable: bool = True


class Pictures:
    """The uploaded charts of every workspace. `clock` gives monotonic seconds."""

    def __init__(self, draw: Draw, clock: Callable[[], float]) -> None:
        self._draw = draw
        self._clock = clock
        self._uploaded: dict[tuple[str, str], _Uploaded] = {}

    async def of(self, client: AsyncWebClient, team: str, message: Message) -> Callable[[Image], str]:
        """Upload what the message shows; returns what finds a picture's id, empty where there is none."""
        for block in message.blocks:
            if isinstance(block, Image) and (team, _key(block)) not in self._uploaded:
                await self._upload(client, team, block)

        def find(image: Image) -> str:
            known = self._uploaded.get((team, _key(image)))
            return known.id if known is not None and known.usable else ""

        return find

    async def attach(
        self, client: AsyncWebClient, place: Place, thread: str, images: Sequence[Image]
    ) -> None:
        """Put charts that a message could not show into its thread, as the files that they are."""
        for image in images:
            title = one_line(image.title or image.chart.title) or "Chart"
            try:
                picture = await self._draw(image.chart)
                file_id = await files.upload(client, "chart.png", picture, alt=one_line(image.alt)[:1000])
                await files.complete(
                    client, [(file_id, title)], channel=place.channel, thread=thread or place.ts
                )
            except (Fault, Refused, Limited) as error:
                _log.warning("slack.no_picture", extra={"title": image.title, "error": str(error)})

    def refused(self, team: str, message: Message) -> bool:
        """Slack did not take the message's pictures: whether they may be usable in a moment.

        Where they should have been usable long ago they are given up: `of` finds none of them any more.
        """
        found = [
            one
            for block in message.blocks
            if isinstance(block, Image) and (one := self._uploaded.get((team, _key(block)))) is not None
        ]
        if any(one.usable and self._clock() - one.at < FRESH for one in found):
            return True
        for one in found:
            one.usable = False
        return False

    async def _upload(self, client: AsyncWebClient, team: str, image: Image) -> None:
        try:
            picture = await self._draw(image.chart)
            file_id = await files.upload(client, "chart.png", picture, alt=one_line(image.alt)[:1000])
            await files.complete(client, [(file_id, one_line(image.title or image.chart.title) or "Chart")])
        except Fault as error:
            _log.warning("slack.no_picture", extra={"title": image.title, "error": str(error)})
            return
        if len(self._uploaded) >= _MOST:
            self._uploaded.clear()
        self._uploaded[team, _key(image)] = _Uploaded(file_id, self._clock())


def of(message: Message) -> list[Image]:
    """The charts of a message."""
    return [one for one in message.blocks if isinstance(one, Image)]


def _key(image: Image) -> str:
    return hashlib.sha256(repr(image.chart).encode("utf-8", "replace")).hexdigest()
