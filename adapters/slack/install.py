"""Installing by OAuth: `/slack/install` sends to Slack, `/slack/oauth_redirect` brings the token back.

The state that goes along is sealed, lives ten minutes, is bound to the browser by a cookie and holds once.
"""

from __future__ import annotations

import hmac
import html
import json
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from adapters.slack import replies, speakers
from adapters.slack.inbound import Origin
from adapters.slack.manifest import INSTALL, REDIRECT, SCOPES
from adapters.slack.reception import Reception
from adapters.slack.workspaces import FAULTS, Workspace, asked, error_of
from core import installations, people, redeliveries
from core.errors import Busy, Fault
from core.installations import Installation
from core.people import Speaker
from core.turns import Turn, Turns
from core.vault import Vault
from core.wording import home as wording

_log = logging.getLogger(__name__)

STATE_LIFE = 600.0  # seconds
COOKIE = "slashjob-slack-install"
_SOURCE = "slack:oauth"


class Refused(Exception):
    """The installation cannot go on; the text is for the page."""


class Installer:
    """The two pages. `ready` gives the reception once the process has opened it."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        public_url: str,
        *,
        turns: Turns,
        vault: Vault,
        ready: Callable[[], Reception | None],
        api: str,
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect = f"{public_url.rstrip('/')}{REDIRECT}" if public_url else ""
        self._turns = turns
        self._vault = vault
        self._ready = ready
        self._site = api.rstrip("/").removesuffix("/api")

    def mount(self, application: web.Application) -> None:
        """Add the routes."""
        application.router.add_get(INSTALL, self.begin)
        application.router.add_get(REDIRECT, self.finish)

    async def begin(self, request: web.Request) -> web.Response:
        """To Slack's own page, where somebody agrees."""
        nonce = secrets.token_urlsafe(24)
        asked = {
            "client_id": self._client_id,
            "scope": ",".join(sorted(SCOPES)),
            "state": self._vault.seal(json.dumps({"nonce": nonce, "until": time.time() + STATE_LIFE})),
        }
        if self._redirect:
            asked["redirect_uri"] = self._redirect
        response = web.Response(
            status=302, headers={"Location": f"{self._site}/oauth/v2/authorize?{urlencode(asked)}"}
        )
        response.set_cookie(
            COOKIE,
            nonce,
            max_age=int(STATE_LIFE),
            httponly=True,
            secure=self._secure(request),
            samesite="Lax",
        )
        return response

    async def finish(self, request: web.Request) -> web.Response:
        """Slack sends the browser back with a code, which is exchanged for the token."""
        try:
            installed = await self._install(request)
        except Refused as refused:
            return _page("Not installed", str(refused), status=400)
        except Busy as busy:
            return _page("Not installed", f"{busy.sentence} Try again.", status=503)
        text = f"slashjob is installed in {installed.name}. Open Slack and say /job."
        opened = urlencode({"app": installed.app, "team": installed.tenant})
        return _page("Installed", text, link=f"https://slack.com/app_redirect?{opened}")

    async def _install(self, request: web.Request) -> Installation:
        reception = self._ready()
        if reception is None:
            raise Refused("The bot is just starting. Try again in a moment.")
        if request.query.get("error"):
            raise Refused("Slack says that it was not agreed to. Nothing was changed.")
        nonce = self._nonce(request)
        claimed = await self._turns.take(lambda turn: _claim(turn, nonce))
        if claimed is None:
            raise Refused("This link was used before. Begin again at /slack/install.")
        told = await self._exchange(reception, request.query.get("code", ""))
        made = _installation(told)
        installer_id = str((told.get("authed_user") or {}).get("id") or "")
        workspace = _workspace(made, reception)
        installer = await _installer(workspace, installer_id) if installer_id else None
        saved = await self._turns.take(lambda turn: installations.save(turn, made, installer, self._vault))
        await self._turns.take(lambda turn: redeliveries.settle(turn, claimed))
        _log.info("slack.installed", extra={"team": made.tenant, "organization": saved.organization})
        if installer is not None:
            reception.later(_welcome(workspace, installer))
        return saved

    def _nonce(self, request: web.Request) -> str:
        wrong = "This link is too old, or of another browser. Begin again at /slack/install."
        try:
            state = json.loads(self._vault.open(request.query.get("state", "")))
            nonce, until = str(state["nonce"]), float(state["until"])
        except (Fault, ValueError, KeyError, TypeError):
            raise Refused(wrong) from None
        cookie = request.cookies.get(COOKIE, "")
        if until < time.time() or not hmac.compare_digest(cookie.encode(), nonce.encode()):
            raise Refused(wrong)
        return nonce

    async def _exchange(self, reception: Reception, code: str) -> dict[str, Any]:
        asked = {"client_id": self._client_id, "client_secret": self._client_secret, "code": code}
        if self._redirect:
            asked["redirect_uri"] = self._redirect
        try:  # in the body: the SDK's own method uses a class that aiohttp is about to remove
            client = reception.workspaces.client("")
            told: Any = (await client.api_call("oauth.v2.access", data=asked)).data
        except FAULTS as error:
            _log.warning("slack.oauth_failed", extra={"error": error_of(error)})
            raise Refused(f"Slack did not give a token ({error_of(error)}). Begin again.") from error
        if not told.get("access_token"):
            raise Refused("Slack gave no token for a bot. Does the app have a bot user?")
        return dict(told)

    def _secure(self, request: web.Request) -> bool:
        return request.secure or self._redirect.startswith("https://")


async def _claim(turn: Turn, nonce: str) -> int | None:
    organization = await people.organization(turn)
    return await redeliveries.claim(turn, organization, _SOURCE, nonce)


def _installation(told: dict[str, Any]) -> Installation:
    team, enterprise = told.get("team") or {}, told.get("enterprise") or {}
    whole = bool(told.get("is_enterprise_install"))
    return Installation(
        platform="slack",
        tenant="" if whole else str(team.get("id") or ""),
        enterprise=str(enterprise.get("id") or ""),
        name=str((enterprise if whole else team).get("name") or "Slack"),
        token=str(told["access_token"]),
        bot_user=str(told.get("bot_user_id") or ""),
        bot="",
        app=str(told.get("app_id") or ""),
        scopes=str(told.get("scope") or ""),
    )


def _workspace(made: Installation, reception: Reception) -> Workspace:
    return Workspace(
        team=made.tenant,
        enterprise=made.enterprise,
        organization=made.organization,
        bot_user=made.bot_user,
        bot=made.bot,
        app=made.app,
        token=made.token,
        client=reception.workspaces.client(made.token),
    )


async def _installer(workspace: Workspace, user: str) -> Speaker:
    """Who installed; by name where Slack tells it."""
    tenant = workspace.enterprise or workspace.team
    try:
        told = await asked(workspace.client, "users.info", user=user)
    except FAULTS as error:
        _log.warning("slack.unknown_installer", extra={"error": error_of(error)})
        return Speaker("slack", tenant, user, user)
    return speakers.read(told.get("user") or {}, tenant, workspace)


async def _welcome(workspace: Workspace, installer: Speaker) -> None:
    origin = Origin(workspace.team, workspace.enterprise, installer.external_id, key="welcome")
    try:
        await replies.privately(workspace, origin, wording.welcome(installer.name))
    except FAULTS as error:
        _log.warning("slack.not_welcomed", extra={"error": error_of(error)})


def _page(title: str, text: str, *, status: int = 200, link: str = "") -> web.Response:
    more = f'<p><a href="{html.escape(link)}">Open Slack</a></p>' if link else ""
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><body><h1>{html.escape(title)}</h1>"
        f"<p>{html.escape(text)}</p>{more}</body></html>"
    )
    headers = {"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer"}
    return web.Response(status=status, text=body, content_type="text/html", headers=headers)
