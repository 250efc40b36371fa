"""Settings: environment, `X_FILE` for a secret in a file, or `.env`; every mistake is reported together."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

import dotenv
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot import together
from core import addresses, times
from core.definitions import Duration
from core.errors import Misconfigured, Refusal
from core.nearest import nearest

SECRETS = (  # may stand in a file named by X_FILE
    "DATABASE_URL",
    "SLASHJOB_SECRET_KEYS",
    "SLACK_BOT_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_APP_TOKEN",
    "SLACK_CLIENT_SECRET",
    "MICROSOFT_APP_PASSWORD",
    "MICROSOFT_APP_CERTIFICATE",
    "SLASHJOB_WEBHOOKS",
    "SMTP_URL",
)
_OF_CLIENTS = ("SLASHJOB_URL", "SLASHJOB_KEY", "SLASHJOB_ORGANIZATION")  # what `slashjob trigger` reads
SLACK_API = "https://slack.com/api/"
TEAMS_OPENID = "https://login.botframework.com/v1/.well-known/openidconfiguration"
TEAMS_LOGIN = "https://login.microsoftonline.com"
TEAMS_HOSTS = ("smba.trafficmanager.net", "botframework.com", "teams.microsoft.com", "teams.microsoft.us")


class Settings(BaseModel):
    """What the environment says. The field's alias is the variable's name, its description the README's."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    database_url: str = Field(
        "sqlite:///slashjob.db", alias="DATABASE_URL", description="where the rows are: SQLite or PostgreSQL"
    )
    workspace: Path = Field(
        Path(), alias="SLASHJOB_WORKSPACE", description="the folder with slashjob.yml and jobs/*.yml"
    )
    host: str = Field("127.0.0.1", alias="SLASHJOB_HOST", description="the address that serve listens on")
    port: int = Field(8080, alias="SLASHJOB_PORT", ge=0, le=65535, description="its port; 0 takes a free one")
    worker_port: int | None = Field(
        None,
        alias="SLASHJOB_WORKER_PORT",
        ge=0,
        le=65535,
        description="where a worker answers /healthz, /readyz and /metrics; unset: nowhere",
    )
    public_url: str = Field(
        "",
        alias="SLASHJOB_PUBLIC_URL",
        description="how people and services reach this server, for links and callbacks",
    )
    secret_keys: tuple[str, ...] = Field(
        (),
        alias="SLASHJOB_SECRET_KEYS",
        description="Fernet keys, newest first, for encryption and signed links; made by itself on SQLite",
    )
    engine: Literal["embedded", "distributed"] = Field(
        "embedded",
        alias="SLASHJOB_ENGINE",
        description="embedded, or distributed: many machines on PostgreSQL, the same for all of them",
    )
    concurrency: int = Field(
        10,
        alias="SLASHJOB_CONCURRENCY",
        ge=0,
        le=1000,
        description="runs at once in this process; 0: a serve that leaves them to workers",
    )
    tags: tuple[str, ...] = Field(
        (),
        alias="SLASHJOB_TAGS",
        description="what this process takes beside usual runs: jobs whose runs_on is one of these",
    )
    max_running: int = Field(
        50,
        alias="SLASHJOB_MAX_RUNNING",
        ge=1,
        le=100_000,
        description="runs at once of an organization, in all processes together",
    )
    timezone: str = Field("UTC", alias="SLASHJOB_TIMEZONE", description="the organization's IANA zone")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="SLASHJOB_LOG_LEVEL", description="DEBUG, INFO, WARNING or ERROR"
    )
    commands: tuple[Path, ...] = Field(
        (),
        alias="SLASHJOB_COMMANDS",
        description="executables, or folders of them, that command agents may run; empty: none",
    )
    agents: tuple[str, ...] = Field(
        (),
        alias="SLASHJOB_AGENTS",
        description="plug-ins (entry points of slashjob.agents) that python agents may load; empty: none",
    )
    lease: Duration = Field(
        timedelta(seconds=30),
        alias="SLASHJOB_LEASE",
        description="how long a process may be silent before its runs are lost",
    )
    alert_channel: str = Field(
        "",
        alias="SLASHJOB_ALERT_CHANNEL",
        description="slack:#ops or email:ops@example.com: told of what has no place, or did not reach it",
    )
    smtp_url: str = Field(
        "",
        alias="SMTP_URL",
        description="smtp[s]://user:password@host:port?starttls=on: the server that mail goes through",
    )
    smtp_from: str = Field(
        "",
        alias="SMTP_FROM",
        description="slashjob <bot@example.com>: whom its mail is from; needed for mail",
    )
    webhooks: str = Field(
        "",
        alias="SLASHJOB_WEBHOOKS",
        description="a line each: name URL [secret=whsec_…] [teams] [private]; jobs name them webhook:NAME",
    )
    drain: Duration = Field(
        timedelta(seconds=30),
        alias="SLASHJOB_DRAIN",
        description="how long running work may go on after SIGTERM",
    )

    data: Path | None = Field(
        None,
        alias="SLASHJOB_DATA",
        description="the folder for files of results, one for all processes; empty: beside the SQLite file, "
        "with PostgreSQL in the workspace",
    )
    retention: Duration | None = Field(
        None,
        alias="SLASHJOB_RETENTION",
        description="how long runs are kept where a job does not say, such as 90d; empty: for good",
    )

    slack_bot_token: str = Field(
        "",
        alias="SLACK_BOT_TOKEN",
        description="xoxb-…: one workspace of Slack; empty: none, or many by OAuth",
    )
    slack_signing_secret: str = Field(
        "", alias="SLACK_SIGNING_SECRET", description="proves that a request is Slack's; needed for HTTP"
    )
    slack_app_token: str = Field(
        "", alias="SLACK_APP_TOKEN", description="xapp-…: Socket Mode instead of HTTP, where it is set"
    )
    slack_client_id: str = Field(
        "", alias="SLACK_CLIENT_ID", description="many workspaces install the app at /slack/install"
    )
    slack_client_secret: str = Field(
        "", alias="SLACK_CLIENT_SECRET", description="belongs to SLACK_CLIENT_ID"
    )
    slack_api_url: str = Field(
        SLACK_API, alias="SLACK_API_URL", description="the Web API; another one only for tests"
    )

    microsoft_app_id: str = Field(
        "", alias="MICROSOFT_APP_ID", description="the bot's application (client) id; empty: no Teams"
    )
    microsoft_app_password: str = Field(
        "", alias="MICROSOFT_APP_PASSWORD", description="its client secret, or see the certificate"
    )
    microsoft_app_certificate: str = Field(
        "",
        alias="MICROSOFT_APP_CERTIFICATE",
        description="instead of a secret: certificate and private key as PEM (`_FILE` names a file)",
    )
    microsoft_app_tenant_id: str = Field(
        "",
        alias="MICROSOFT_APP_TENANT_ID",
        description="the directory (tenant) of the app; its people are the default organization",
    )
    teams_tenants: tuple[str, ...] = Field(
        (),
        alias="TEAMS_TENANTS",
        description="other tenants that may speak, each `ID` (an organization of its own) or `ID=NAME`",
    )
    teams_auth: Literal["on", "off"] = Field(
        "on", alias="TEAMS_AUTH", description="off asks nobody for a token: only on loopback, to try it out"
    )
    teams_openid_url: str = Field(
        TEAMS_OPENID, alias="TEAMS_OPENID_URL", description="where the signing keys of Teams are listed"
    )
    teams_login_url: str = Field(
        TEAMS_LOGIN, alias="TEAMS_LOGIN_URL", description="where the bot gets its token"
    )
    teams_service_hosts: tuple[str, ...] = Field(
        TEAMS_HOSTS,
        alias="TEAMS_SERVICE_HOSTS",
        description="hosts (and what is below them) that the bot's token may be sent to",
    )

    @field_validator(
        "secret_keys", "commands", "agents", "tags", "teams_tenants", "teams_service_hosts", mode="before"
    )
    @classmethod
    def _list(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("webhooks")
    @classmethod
    def _hooks(cls, value: str) -> str:
        from adapters.webhook import hooks  # only where there are some

        hooks.read(value)
        return value

    @field_validator("alert_channel")
    @classmethod
    def _place(cls, value: str) -> str:
        if value and (said := addresses.mistake(value)):
            raise ValueError(said)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _server(cls, value: str) -> str:
        from adapters.email import access  # only where there is mail

        access.read(value)
        return value

    @field_validator("smtp_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        from adapters.email import access  # only where there is mail

        access.sender(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            return times.zone(value).key
        except Refusal as refused:
            raise ValueError(f"{refused.sentence} {refused.hint}".strip()) from None

    @field_validator("lease")
    @classmethod
    def _least(cls, value: timedelta) -> timedelta:
        if value < timedelta(milliseconds=300):
            raise ValueError("a lease below 300ms would be lost by itself")
        return value

    @field_validator("retention")
    @classmethod
    def _day(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < timedelta(days=1):
            raise ValueError("runs are kept for 1d at least")
        return value

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms that are set up."""
        ways = {
            "console": True,
            "slack": bool(self.slack_bot_token or self.slack_client_id),
            "teams": bool(self.microsoft_app_id) or self.teams_auth == "off",
            "webhook": bool(self.webhooks),
            "email": bool(self.smtp_url),
        }
        return frozenset(name for name, wanted in ways.items() if wanted)

    @property
    def process(self) -> str:
        """How this process is called in rows and logs."""
        return f"{socket.gethostname()}:{os.getpid()}"


def read(environment: Mapping[str, str], folder: Path) -> Settings:
    """Read the settings; what the environment says goes before `.env` in `folder`.

    Raises:
        Misconfigured: with every mistake at once.
    """
    file = {key: value for key, value in dotenv.dotenv_values(folder / ".env").items() if value is not None}
    given = {**file, **environment}
    known = {field.alias or name: name for name, field in Settings.model_fields.items()}
    mistakes: list[str] = []
    for name in SECRETS:
        path = given.get(f"{name}_FILE")
        if path:
            try:
                given[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                mistakes.append(f"{name}_FILE: {path} cannot be read ({type(error).__name__}).")
    mistakes += [_unknown(name, known) for name in sorted(given) if _is_unknown(name, known)]
    values = {name: given[name] for name in known if given.get(name, "") != ""}
    mistakes += together.mistakes(values)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        mistakes += [_mistake(one["loc"], one["msg"], values) for one in error.errors()]
        raise Misconfigured(mistakes) from None
    if mistakes:
        raise Misconfigured(mistakes)
    return settings


def _is_unknown(name: str, known: Mapping[str, str]) -> bool:
    plain = name.removesuffix("_FILE")
    if name in _OF_CLIENTS:
        return False
    return name.startswith("SLASHJOB_") and name not in known and not (plain in SECRETS and plain != name)


def _unknown(name: str, known: Mapping[str, str]) -> str:
    close = nearest(name, list(known), 1)
    return f"{name} is no setting." + (f" Did you mean {close[0]}?" if close else "")


def _mistake(place: tuple[int | str, ...], message: str, values: Mapping[str, str]) -> str:
    name = str(place[0])
    shown = "" if name in SECRETS else f" (it is {values.get(name, '')!r})"
    return f"{name}: {message.removeprefix('Value error, ')}{shown}"
