"""References to the environment in an agent's definition: `${NAME}` becomes its value where a run begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from core.errors import AgentError
from core.programs import PRIVATE

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names(text: str) -> tuple[str, ...]:
    """The variables that the text names, in order."""
    return tuple(_VARIABLE.findall(text))


def values(text: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """What the variables of the text hold: none of it may be shown. Raises `AgentError`."""
    return tuple(_look_up(name, environment) for name in names(text))


def fill(text: str, environment: Mapping[str, str]) -> str:
    """The text with every `${NAME}` replaced. Raises `AgentError` where one is not set."""
    return _VARIABLE.sub(lambda found: _look_up(found[1], environment), text)


def fill_url(url: str, environment: Mapping[str, str]) -> str:
    """The URL with its variables filled in. Raises `AgentError` where one is not set.

    One at the very beginning holds a URL, or its start. Any other is quoted: a key may hold `@`, `/` or `#`
    and cannot change where the URL leads.
    """
    start = _VARIABLE.match(url)
    beginning = _look_up(start[1], environment) if start else ""
    rest = url[start.end() :] if start else url
    return beginning + _VARIABLE.sub(lambda found: quote(_look_up(found[1], environment), safe=":"), rest)


def _look_up(name: str, environment: Mapping[str, str]) -> str:
    if PRIVATE.fullmatch(name):
        raise AgentError(f"${{{name}}} is a setting of the bot itself; no agent gets it.", permanent=True)
    if not environment.get(name):
        raise AgentError(
            f"The agent needs the environment variable {name}, which is not set.",
            hint=f"Set {name} where slashjob runs, and start it again.",
            permanent=True,
        )
    return environment[name]
