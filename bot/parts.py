"""Which parts a process has, by its settings: what is not configured is not even loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from adapters.engines.embedded import Embedded
from bot.settings import Settings
from core.desk.desk import Desk
from core.errors import Misconfigured
from core.filelinks import Links
from core.ports import Engine, Platform
from core.store.database import Store
from core.turns import Turns
from core.vault import Vault

if TYPE_CHECKING:
    from adapters.slack.service import Slack
    from adapters.teams.service import Teams


def store(settings: Settings) -> Store:
    """The database. Raises `Misconfigured` where its driver is not installed."""
    try:
        return Store(settings.database_url, pool=max(8, min(settings.concurrency, 20)))
    except ModuleNotFoundError as missing:
        raise Misconfigured(["DATABASE_URL: PostgreSQL needs: pip install 'slashjob[postgres]'"]) from missing


def engine(settings: Settings, rows: Store) -> Engine:
    """What gets queued runs executed. Raises `Misconfigured` where it is not installed."""
    if settings.engine == "embedded":
        return Embedded()
    try:
        from adapters.engines import distributed  # an extra: only where it is chosen
    except ModuleNotFoundError as missing:
        raise Misconfigured(
            ["SLASHJOB_ENGINE: the distributed engine needs: pip install 'slashjob[postgres]'"]
        ) from missing
    return distributed.Distributed(rows.address)


def slack(settings: Settings, desk: Desk, turns: Turns, vault: Vault) -> Slack | None:
    """Slack, where it is configured."""
    if not settings.slack_bot_token and not settings.slack_client_id:
        return None
    from adapters.slack import service  # bolt takes its time to load: only where Slack is configured

    access = service.Access(
        bot_token=settings.slack_bot_token,
        signing_secret=settings.slack_signing_secret,
        app_token=settings.slack_app_token,
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret,
        api=settings.slack_api_url,
        public_url=settings.public_url,
    )
    return service.Slack(access, desk, turns, vault, platforms=settings.platforms)


def teams(settings: Settings, desk: Desk, turns: Turns, vault: Vault, links: Links) -> Teams | None:
    """Teams, where it is configured."""
    authenticated = settings.teams_auth == "on"
    if not settings.microsoft_app_id and authenticated:
        return None
    from adapters.teams import service  # botbuilder takes its time to load: only where Teams is used

    pairs = (one.partition("=") for one in settings.teams_tenants)
    access = service.Access(
        app_id=settings.microsoft_app_id,
        secret=settings.microsoft_app_password,
        certificate=settings.microsoft_app_certificate,
        tenant=settings.microsoft_app_tenant_id,
        tenants={tenant.strip(): name.strip() or f"teams:{tenant.strip()}" for tenant, _, name in pairs},
        authenticated=authenticated,
        openid=settings.teams_openid_url,
        login=settings.teams_login_url,
        service_hosts=settings.teams_service_hosts,
    )
    return service.Teams(access, desk, turns, vault, links)


def outbound(settings: Settings, data: Path) -> dict[str, Platform]:
    """The platforms that only speak; `data` is the folder of the files that they attach."""
    found: dict[str, Platform] = {}
    if settings.smtp_url:
        from adapters.email import access as mail_access  # only where there is mail
        from adapters.email.platform import Email

        server = mail_access.read(settings.smtp_url)
        found["email"] = Email(server, mail_access.sender(settings.smtp_from), data)
    if settings.webhooks:
        from adapters.webhook import hooks, platform  # only where there are some

        found["webhook"] = platform.Webhook(hooks.read(settings.webhooks))
    return found
