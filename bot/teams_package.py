"""`slashjob teams-package`: the zip that an admin uploads to Teams."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from core.errors import Misconfigured

OUTPUT = "slashjob-teams.zip"


@click.command()
@click.option("--app-id", required=True, help="The Microsoft App ID of the bot (MICROSOFT_APP_ID).")
@click.option("--domain", required=True, help="The public host of this server, such as jobs.example.org.")
@click.option("--output", default=OUTPUT, show_default=True, help="Where to write it.")
@click.option("--name", default="slashjob", show_default=True, help="What the app is called in Teams.")
@click.option("--developer", default="slashjob", show_default=True, help="Who answers for it: your company.")
@click.option("--website", default="", help="Shown beside the app (default: https://DOMAIN).")
@click.option("--app-version", default="1.0.0", show_default=True, help="Raise it when you upload it again.")
def teams_package_command(
    app_id: str, domain: str, output: str, name: str, developer: str, website: str, app_version: str
) -> None:
    """Write the app's package for Microsoft Teams: manifest and icons."""
    from adapters.teams.package import App, package  # only here: no other command draws

    app = App(app_id.strip(), _host(domain), name, developer, website, app_version)
    try:
        made = package(app)
        Path(output).write_bytes(made)
    except Misconfigured as wrong:
        _refuse(wrong.mistakes)
    except OSError as error:
        _refuse([f"{output} cannot be written: {error.strerror}."])
    click.echo(f"{output}: upload it in Teams under Apps, Manage your apps, Upload an app.")


def _refuse(mistakes: list[str]) -> NoReturn:
    for mistake in mistakes:
        click.echo(mistake, err=True)
    sys.exit(2)


def _host(domain: str) -> str:
    """The host, also out of an address that was copied whole; a plain http one stays and is refused."""
    return domain.strip().removeprefix("https://").rstrip("/")
