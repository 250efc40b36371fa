"""A strict Teams on loopback: the Bot Connector, the login that gives tokens, and the keys that sign.

It refuses what the real one refuses (tokens, rosters, sizes, too many operations, activities without a
tenant, edits of what is not there), writes down every request, and fails on demand:

    async with FakeTeams() as teams:
        ana = teams.person("Ana")
        channel = teams.channel(ana)
        headers = teams.signed(activity := teams.typed("list", channel, ana))
        teams.fault("send", Fault(status=502, after=True))
        teams.said(channel)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm

from tests.channels.teams_tenant import APP_ID, BOT, TENANT, Conversation, Message, Payload, Tenant

SECRET = "teams-client-secret"
ISSUER = "https://api.botframework.com"
SCOPE = "https://api.botframework.com/.default"
SIZE = 100 * 1024  # bytes of an activity's JSON as UTF-16
LIMITS = ((1.0, 7), (2.0, 8), (30.0, 60), (3600.0, 1800))  # seconds, operations
FILES = (
    "application/vnd.microsoft.teams.card.file.consent",
    "application/vnd.microsoft.teams.card.file.info",
)
CARD = "application/vnd.microsoft.card.adaptive"


@dataclass(slots=True)
class Fault:
    """The next `times` calls go wrong; `after`: what was asked for was done all the same."""

    status: int = 0
    code: str = ""
    retry_after: str | None = None
    reset: bool = False
    html: bool = False
    after: bool = False
    times: int = 1
    gate: asyncio.Event | None = None


@dataclass(slots=True)
class Call:
    """A request and what it was answered."""

    name: str
    conversation: str
    body: Payload
    at: float
    status: int = 0
    answer: Payload = field(default_factory=dict)


class Refused(Exception):
    """An error body."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@lru_cache(maxsize=8)
def rsa_key(number: int) -> RSAPrivateKey:
    """A signing key; the same number gives the same key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class FakeTeams(Tenant):
    """The server; an asynchronous context. `address` is its own, `service_url` where a bot sends to."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.impatient: list[Call] = []
        """calls that came before the time that a 429 had given"""
        self.limited = True
        self.address = ""
        self.keys: dict[str, tuple[RSAPrivateKey, list[str]]] = {"k1": (rsa_key(1), ["msteams"])}
        """kid -> key and endorsements, as they are listed"""
        self.tokens: dict[str, float] = {}
        """token -> until"""
        self.certificate: x509.Certificate | None = None
        self.logins = 0
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._done: dict[str, list[float]] = defaultdict(list)
        self._not_before: dict[str, float] = {}
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> FakeTeams:
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_get("/openid", self._openid)
        app.router.add_get("/keys", self._listed)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._login)
        for region in ("emea", "amer"):
            base = f"/{region}/v3/conversations"
            app.router.add_post(base, self._answering("create", self._create))
            app.router.add_post(f"{base}/{{c}}/activities", self._answering("send", self._send))
            app.router.add_put(f"{base}/{{c}}/activities/{{a}}", self._answering("update", self._update))
            app.router.add_get(f"{base}/{{c}}/members/{{m}}", self._answering("member", self._member))
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.service_url = f"{self.address}/emea/"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def openid(self) -> str:
        """The address of the OpenID configuration."""
        return f"{self.address}/openid"

    def fault(self, name: str, fault: Fault) -> Fault:
        """Let the next calls go wrong: send, update, create, member, token, openid."""
        self._faults[name].append(fault)
        return fault

    def mend(self) -> None:
        """No more faults."""
        self._faults.clear()

    def asked(self, name: str) -> list[Call]:
        """The calls of a kind."""
        return [call for call in self.calls if call.name == name]

    def token(self, *, key: str = "k1", header: Payload | None = None, **claims: Any) -> str:
        """A token of the Bot Connector for the bot; a claim that is None is left out."""
        now = int(time.time())
        given: Payload = {
            "iss": ISSUER,
            "aud": APP_ID,
            "iat": now - 10,
            "nbf": now - 10,
            "exp": now + 3600,
            "serviceurl": self.service_url,
            **claims,
        }
        kept = {name: one for name, one in given.items() if one is not None}
        signing = self.keys[key][0] if key in self.keys else rsa_key(99)
        return jwt.encode(kept, signing, algorithm="RS256", headers={"kid": key, **(header or {})})

    def signed(self, activity: Payload) -> dict[str, str]:
        """The headers of a genuine delivery."""
        token = self.token(serviceurl=activity.get("serviceUrl"))
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}

    async def _openid(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(Call("openid", "", {}, self.now()))
        fault = self._next_fault("openid")
        if fault is not None:
            return await self._fail(request, self.calls[-1], fault)
        return web.json_response(
            {
                "issuer": ISSUER,
                "jwks_uri": f"{self.address}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _listed(self, _: web.Request) -> web.Response:
        listed = []
        for kid, (key, endorsements) in self.keys.items():
            jwk = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
            listed.append({**jwk, "kid": kid, "use": "sig", "endorsements": endorsements})
        return web.json_response({"keys": listed})

    async def _login(self, request: web.Request) -> web.StreamResponse:
        form = dict(await request.post())
        call = Call("token", request.match_info["tenant"], {k: str(v) for k, v in form.items()}, self.now())
        self.calls.append(call)
        self.logins += 1
        fault = self._next_fault("token")
        if fault is not None and fault.gate is not None and not fault.status and not fault.reset:
            await fault.gate.wait()
        elif fault is not None and fault.code:
            described = f"{fault.code}: refused. Trace ID: 1"
            body = {"error": "invalid_client", "error_description": described}
            return web.json_response(body, status=fault.status or 401)
        elif fault is not None:
            return await self._fail(request, call, fault)
        if not self._proven(call):
            body = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}
            return web.json_response(body, status=401)
        made = secrets.token_urlsafe(24)
        self.tokens[made] = self.now() + 3600
        return web.json_response({"token_type": "Bearer", "expires_in": 3599, "access_token": made})

    def _proven(self, call: Call) -> bool:
        form = call.body
        right = (form.get("grant_type"), form.get("scope"), form.get("client_id"), call.conversation)
        if right != ("client_credentials", SCOPE, APP_ID, TENANT):
            return False
        if self.certificate is None:
            return form.get("client_secret") == SECRET
        try:
            claims = jwt.decode(
                str(form.get("client_assertion")),
                self.certificate.public_key(),  # type: ignore[arg-type]
                algorithms=["PS256"],
                audience=f"{self.address}/{TENANT}/oauth2/v2.0/token",
            )
        except jwt.PyJWTError:
            return False
        return bool(claims["iss"] == claims["sub"] == APP_ID)

    def _answering(self, name: str, work: Any) -> Any:
        async def answer(request: web.Request) -> web.StreamResponse:
            raw = await request.read()
            call = Call(name, unquote(request.match_info.get("c", "")), _object(raw), self.now())
            self.calls.append(call)
            base = call.conversation.partition(";")[0]
            if self._not_before.get(base, 0.0) > self.now():
                self.impatient.append(call)
            fault = self._next_fault(name)
            if fault is not None and not fault.after:
                return await self._fail(request, call, fault)
            try:
                self._authorize(request, raw)
                if name in ("send", "update", "create"):
                    self._check_rate(base or "create")
                call.status, call.answer = work(request, call)
            except Refused as refused:
                call.status = refused.status
                call.answer = {"error": {"code": refused.code, "message": f"{refused.code}."}}
            if fault is not None:
                return await self._fail(request, call, fault)
            headers = {}
            if call.status == 429:
                headers["Retry-After"] = "3"
                self._not_before[base] = self.now() + 2
            return web.json_response(call.answer, status=call.status, headers=headers)

        return answer

    def _authorize(self, request: web.Request, raw: bytes) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0.0) < self.now():
            raise Refused(401, "Unauthorized")
        if request.method in ("POST", "PUT"):
            if request.content_type != "application/json":
                raise Refused(415, "UnsupportedMediaType")
            if len(raw.decode("utf-8").encode("utf-16-le")) > SIZE:
                raise Refused(413, "MessageSizeTooBig")

    def _check_rate(self, conversation: str) -> None:
        if not self.limited:
            return
        now = self.now()
        done = self._done[conversation] = [at for at in self._done[conversation] if at > now - 3600]
        for seconds, most in LIMITS:
            if len([at for at in done if at > now - seconds]) >= most:
                raise Refused(429, "TooManyRequests")
        done.append(now)

    def _place(self, call: Call) -> Conversation:
        base, _, thread = call.conversation.partition(";messageid=")
        place = self.conversations.get(base)
        if place is None or (thread and thread not in place.roots and thread not in place.messages):
            raise Refused(404, "ConversationNotFound")
        if thread and place.kind != "channel":
            raise Refused(400, "BadArgument")
        if place.blocked:
            raise Refused(403, place.blocked)
        if not place.bot:
            raise Refused(403, "BotNotInConversationRoster")
        return place

    def _send(self, request: web.Request, call: Call) -> tuple[int, Payload]:
        place = self._place(call)
        _check(call.body)
        if call.body["type"] == "typing":  # it is seen for a moment, and is no message
            if place.kind != "personal":
                raise Refused(400, "BadArgument")
            call.name = "typing"
            return 201, {"id": f"16{self.number():011d}"}
        made = Message(f"16{self.number():011d}", call.conversation, call.body)
        place.messages[made.id] = made
        return 201, {"id": made.id}

    def _update(self, request: web.Request, call: Call) -> tuple[int, Payload]:
        place = self._place(call)
        _check(call.body)
        found = place.messages.get(unquote(request.match_info["a"]))
        if found is None or found.conversation != call.conversation:
            raise Refused(404, "ActivityNotFoundInConversation")
        if call.body.get("id") != found.id:
            raise Refused(400, "BadArgument")
        found.history.append(found.activity)
        found.activity = call.body
        found.edits += 1
        return 200, {"id": found.id}

    def _create(self, request: web.Request, call: Call) -> tuple[int, Payload]:
        body = call.body
        listed = body.get("members") or []
        if body.get("isGroup") or len(listed) != 1 or (body.get("bot") or {}).get("id") != BOT:
            raise Refused(400, "BadArgument")
        if body.get("tenantId") != TENANT or body["channelData"]["tenant"]["id"] != TENANT:
            raise Refused(403, "ForbiddenOperationException")
        for person in self.people.values():
            if listed[0]["id"] in (person.id, person.object_id):
                place = self.chat(person)
                if place.blocked:
                    raise Refused(403, place.blocked)
                return 201, {"id": place.id}
        raise Refused(404, "ConversationNotFound")

    def _member(self, request: web.Request, call: Call) -> tuple[int, Payload]:
        place = self._place(call)
        wanted = unquote(request.match_info["m"])
        for one in place.members:
            if wanted in (one.id, one.object_id):
                return 200, {
                    "id": one.id,
                    "name": one.name,
                    "objectId": one.object_id,
                    "email": one.email,
                    "userPrincipalName": one.email,
                    "tenantId": one.tenant,
                    "userRole": one.role,
                }
        raise Refused(404, "MemberNotFoundInConversation")

    def _next_fault(self, name: str) -> Fault | None:
        waiting = self._faults[name]
        if not waiting:
            return None
        waiting[0].times -= 1
        return waiting.pop(0) if waiting[0].times <= 0 else waiting[0]

    async def _fail(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        if fault.gate is not None:
            await fault.gate.wait()
        call.status = fault.status
        if fault.reset:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        if (fault.retry_after or "").isdigit():
            base = call.conversation.partition(";")[0]
            self._not_before[base] = self.now() + float(fault.retry_after or 0)
        if fault.html:
            text = "<html><body>upstream</body></html>"
            return web.Response(text=text, status=fault.status, content_type="text/html", headers=headers)
        body = {"error": {"code": fault.code, "message": "told to fail"}}
        return web.json_response(body, status=fault.status, headers=headers)


def _check(activity: Payload) -> None:
    """Refuse what the bot cannot say in its tenant."""
    if activity.get("type") not in ("message", "typing") or (activity.get("from") or {}).get("id") != BOT:
        raise Refused(400, "BadArgument")
    if ((activity.get("channelData") or {}).get("tenant") or {}).get("id") != TENANT:
        raise Refused(403, "ForbiddenOperationException")
    if activity["type"] == "typing":
        return
    if not activity.get("text") and not activity.get("attachments"):
        raise Refused(400, "BadSyntax")
    for one in activity.get("attachments") or ():
        card = one.get("content") or {}
        if one.get("contentType") in FILES:
            if (activity["conversation"].get("conversationType")) != "personal" or not one.get("name"):
                raise Refused(400, "BadArgument")
            continue
        right = one.get("contentType") == CARD and card.get("type") == "AdaptiveCard"
        if not right or tuple(map(int, str(card.get("version")).split("."))) > (1, 5):
            raise Refused(400, "BadArgument")


def _object(raw: bytes) -> Payload:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def thumbprint(certificate: x509.Certificate) -> str:
    """The certificate's SHA-256, hexadecimal."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
