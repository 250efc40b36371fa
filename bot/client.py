"""What `slashjob trigger` says to a server: start, wait for the end, tell of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import click

from core.lifecycles import BatchState

FAILED = 1
TRIES = 5  # of a request whose answer did not come, or that was asked to come back
LONGEST_PAUSE = 30.0  # seconds between two of them
SLICE = 60  # seconds that one request waits for the end
_LATER = (429, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to ask, and as whom."""

    url: str
    key: str
    organization: str


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as JSON, {} where it is none."""

    status: int
    body: Mapping[str, Any]


class Refused(Exception):
    """The server said no, or nothing."""


async def trigger(
    server: Server, name: str, body: Mapping[str, Any], idempotency_key: str, *, wait: bool, as_json: bool
) -> int:
    """Start a job, and with `wait` stay until its end; returns the exit code. Raises `Refused`."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLICE + 30)) as session:
        path = f"/api/v1/jobs/{quote(name, safe='')}/batches"
        headers = {"Idempotency-Key": idempotency_key}
        batch = (await _asked(session, server, "POST", path, body, headers)).body
        if wait:
            if not as_json:
                click.echo(f"#{batch['number']} of {name} was started.", err=True)
            while not batch["ended"]:
                path = f"/api/v1/batches/{batch['id']}/wait?timeout={SLICE}"
                batch = (await _asked(session, server, "GET", path)).body
    click.echo(json.dumps(batch, ensure_ascii=False) if as_json else _told(batch))
    return FAILED if batch["ended"] and batch["state"] != BatchState.SUCCEEDED else 0


async def _asked(
    session: aiohttp.ClientSession,
    server: Server,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Said:
    """Ask until there is an answer. Raises `Refused`, with the server's own sentence."""
    own = {"X-API-Key": server.key, "X-Organization-Id": server.organization, **(headers or {})}
    why = ""
    for attempt in range(TRIES):
        pause = min(LONGEST_PAUSE, 0.5 * 2**attempt)
        try:
            async with session.request(method, server.url + path, json=body, headers=own) as answer:
                said = Said(answer.status, _object(await answer.text()))
                if said.status not in _LATER:
                    break
                why = _why(said)
                later = answer.headers.get("Retry-After", "")
                pause = min(LONGEST_PAUSE, float(later)) if later.isdigit() else pause
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = f"{server.url} cannot be reached ({type(error).__name__})."
        if attempt < TRIES - 1:
            await asyncio.sleep(pause)
    else:
        raise Refused(why)
    if said.status >= 400:
        raise Refused(_why(said))
    return said


def _why(said: Said) -> str:
    detail = said.body.get("detail") or f"The server answered {said.status}."
    return f"{detail} {said.body.get('hint') or ''}".strip()


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _told(batch: Mapping[str, Any]) -> str:
    lines = [f"#{batch['number']} {batch['state']}"]
    for run in batch["runs"] if batch["ended"] else ():
        said = run["answer"] or run["error"] or run["reason"]
        lines.append(f"{run['number']} {run['status']}{f': {said}' if said else ''}")
    return "\n".join(lines)
