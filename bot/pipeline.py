"""`slashjob trigger`: start a job of a server over HTTP, for pipelines that only have a shell.

Exit codes: 0 started (with --wait: succeeded), 1 it ran and did not succeed, 2 refused. The key comes from
the environment by preference: what stands on a command line, every user of the machine can list.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import click

from core import ids

REFUSED = 2


@click.command("trigger")
@click.argument("name")
@click.argument("values", nargs=-1)
@click.option("--url", envvar="SLASHJOB_URL", required=True, help="The server (or SLASHJOB_URL).")
@click.option("--key", envvar="SLASHJOB_KEY", help="Better in SLASHJOB_KEY: process lists show this one.")
@click.option("--organization", envvar="SLASHJOB_ORGANIZATION", help="Its id (or SLASHJOB_ORGANIZATION).")
@click.option("--notify", default="", help="Where the end is told, such as slack:#growth.")
@click.option("--note", default="", help="Why, for the record.")
@click.option("--idempotency-key", default="", help="Started at most once under this name.")
@click.option("--wait", is_flag=True, help="Wait for the end; it decides the exit code.")
@click.option("--json", "as_json", is_flag=True, help="Answer for machines.")
def trigger_command(
    name: str,
    values: tuple[str, ...],
    url: str,
    key: str | None,
    organization: str | None,
    notify: str,
    note: str,
    idempotency_key: str,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    """Start a job on a server: slashjob trigger weekly-report campaign_id=42 --wait

    A parameter that is given several times has a run for each of its values.
    """
    if not key or not organization:
        missing = "SLASHJOB_KEY" if not key else "SLASHJOB_ORGANIZATION"
        click.echo(f"{missing} is not set; `slashjob keys create` prints both on the server.", err=True)
        sys.exit(REFUSED)
    from bot.client import Refused, Server, trigger  # HTTP takes its time to load: only where it is spoken

    server = Server(url.rstrip("/"), key, organization)
    body = _body(values, notify, note)
    try:
        work = trigger(server, name, body, idempotency_key or ids.new(), wait=wait, as_json=as_json)
        sys.exit(asyncio.run(work))
    except Refused as refused:
        click.echo(str(refused), err=True)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        click.echo("It goes on there.", err=True)
        sys.exit(130)


def _body(values: Sequence[str], notify: str, note: str) -> dict[str, Any]:
    """What is ordered. Raises `click.BadArgumentUsage` for what is no name=value."""
    given: dict[str, list[str]] = {}
    for one in values:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.BadArgumentUsage(f"{one} is no name=value, such as campaign_id=42.")
        given.setdefault(name, []).append(value)
    body: dict[str, Any] = {
        "parameters": {name: several[0] for name, several in given.items() if len(several) == 1},
        "matrix": {name: several for name, several in given.items() if len(several) > 1},
        "note": note,
    }
    return body | ({"notify": notify} if notify else {})
