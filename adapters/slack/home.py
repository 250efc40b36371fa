"""The App Home: the same message as a bare `/job`, as a view."""

from __future__ import annotations

from typing import Any

from adapters.slack.render import Look, render
from core.messages import Message


def view(message: Message) -> dict[str, Any]:
    """The home tab."""
    return {"type": "home", "blocks": render(message, Look(attach=False, surface="home")).blocks}
