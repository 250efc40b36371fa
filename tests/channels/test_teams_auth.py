"""Who is let in at `/api/messages`: the real validation, with keys of our own. TEAMS.md, section 2.2."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt
import pytest
from botframework.connector.auth import JwtTokenValidation

from adapters.remote import bodies
from adapters.teams import inbound
from adapters.teams import keys as keys_module
from adapters.teams.auth import TRUSTED, Guard, Turned
from adapters.teams.hosts import Hosts
from adapters.teams.http import PATH
from adapters.teams.keys import Away, Keys, UnknownKey
from tests.channels.fake_teams import FakeTeams, Fault, rsa_key
from tests.channels.teams_office import Scene as Office
from tests.channels.teams_office import TeamsBot, access
from tests.channels.teams_tenant import APP_ID, TENANT, Payload, Person

Made = Callable[[FakeTeams], str]


def _tampered(teams: FakeTeams) -> str:
    head, payload, signature = teams.token().split(".")
    claims = jwt.utils.base64url_decode(payload).replace(b"api.", b"API.")
    changed = jwt.utils.base64url_encode(claims).decode()
    return f"{head}.{changed}.{signature}"


def _signature(teams: FakeTeams) -> str:
    head, payload, signature = teams.token().split(".")
    flipped = "A" if signature[10] != "A" else "B"
    return f"{head}.{payload}.{signature[:10]}{flipped}{signature[11:]}"


def _unsigned(teams: FakeTeams) -> str:
    claims = jwt.decode(teams.token(), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none", headers={"kid": "k1"})


def _symmetric(teams: FakeTeams) -> str:
    claims = jwt.decode(teams.token(), options={"verify_signature": False})
    return jwt.encode(claims, "k" * 64, algorithm="HS256", headers={"kid": "k1"})


def _another_key(teams: FakeTeams) -> str:
    claims = jwt.decode(teams.token(), options={"verify_signature": False})
    return jwt.encode(claims, rsa_key(2), algorithm="RS256", headers={"kid": "k1"})


HOUR = 3600
NO_TOKEN = {
    "no header": "",
    "empty bearer": "Bearer ",
    "basic": "Basic dXNlcjpwYXNz",
    "garbage": "Bearer garbage",
    "dots": "Bearer a.b.c",
}
REFUSED: dict[str, Made] = {
    "two tokens": lambda teams: f"Bearer {teams.token()} {teams.token()}",
    "wrong audience": lambda teams: f"Bearer {teams.token(aud='another')}",
    "no audience": lambda teams: f"Bearer {teams.token(aud=None)}",
    "wrong issuer": lambda teams: f"Bearer {teams.token(iss='https://example.com')}",
    "no issuer": lambda teams: f"Bearer {teams.token(iss=None)}",
    "wrong serviceurl": lambda teams: f"Bearer {teams.token(serviceurl='https://example.com/')}",
    "no serviceurl": lambda teams: f"Bearer {teams.token(serviceurl=None)}",
    "expired": lambda teams: f"Bearer {teams.token(exp=int(time.time()) - HOUR)}",
    "not yet valid": lambda teams: f"Bearer {teams.token(nbf=int(time.time()) + HOUR)}",
    "tampered payload": lambda teams: f"Bearer {_tampered(teams)}",
    "tampered signature": lambda teams: f"Bearer {_signature(teams)}",
    "another key of that name": lambda teams: f"Bearer {_another_key(teams)}",
    "unknown key": lambda teams: f"Bearer {teams.token(key='k9')}",
    "not signed": lambda teams: f"Bearer {_unsigned(teams)}",
    "symmetric": lambda teams: f"Bearer {_symmetric(teams)}",
    "emulator": lambda teams: (
        "Bearer "
        + teams.token(
            iss="https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/", appid=APP_ID, ver="1.0"
        )
    ),
    "skill": lambda teams: (
        "Bearer "
        + teams.token(
            iss="https://login.microsoftonline.com/d6d49420-f39b-4df7-a1dc-d59a935871db/v2.0",
            azp="another-bot",
            appid="another-bot",
            ver="2.0",
        )
    ),
}


@pytest.mark.parametrize("case", [*NO_TOKEN, *REFUSED])
async def test_a_request_that_is_not_provably_of_teams_is_401(office: Office, case: str) -> None:
    activity = office.teams.typed("run report", office.channel, office.ana)
    header = REFUSED[case](office.teams) if case in REFUSED else NO_TOKEN[case]
    headers = {"Content-Type": "application/json"} | ({"Authorization": header} if header else {})
    assert (await office.bot.send(activity, headers))[0] == 401
    assert await office.batches() == 0


async def test_a_genuine_request_is_200(office: Office) -> None:
    await office.say("run report")
    assert await office.batches() == 1


@dataclass
class Checked:
    """A guard that counts how often the library looks at a token."""

    teams: FakeTeams
    guard: Guard
    keys: Keys
    ana: Person
    looks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    async def show(self, header: str, **more: Any) -> int:
        """Show a header with an activity: what it gets."""
        activity = self.teams.typed("list", self.teams.chat(self.ana), self.ana) | more
        try:
            await self.guard.check(header, inbound.origin(activity))
        except Turned as turned:
            return turned.status
        return 200


@pytest.fixture
async def checked(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Checked]:
    async with FakeTeams() as teams, aiohttp.ClientSession() as session:
        keys = Keys(teams.openid, lambda: session, lambda: time.monotonic() + made.seconds)
        guard = Guard(
            APP_ID,
            keys,
            tenants=[TENANT],
            hosts=Hosts(["127.0.0.1"]),
            clock=lambda: time.time() + made.seconds,
        )
        made = Checked(teams, guard, keys, teams.person("Ana"))
        library = JwtTokenValidation.authenticate_request

        async def counting(activity: Any, header: str, credentials: Any) -> Any:
            made.looks.append(header)
            return await library(activity, header, credentials)

        monkeypatch.setattr(JwtTokenValidation, "authenticate_request", counting)
        await keys.get("k1")
        yield made


async def test_a_genuine_token_is_looked_at_once_while_it_holds(checked: Checked) -> None:
    header = f"Bearer {checked.teams.token()}"
    assert [await checked.show(header) for _ in range(3)] == [200] * 3
    assert len(checked.looks) == 1
    checked.seconds += TRUSTED + 1
    assert await checked.show(header) == 200
    assert len(checked.looks) == 2


async def test_a_token_is_not_trusted_beyond_its_end(checked: Checked) -> None:
    header = f"Bearer {checked.teams.token(exp=int(time.time()) + 30)}"
    assert await checked.show(header) == 200
    checked.seconds += 31
    assert await checked.show(header) == 200  # the library forgives clocks five minutes, and says so itself
    assert len(checked.looks) == 2


async def test_a_token_that_was_trusted_is_refused_for_another_service_and_channel(checked: Checked) -> None:
    header = f"Bearer {checked.teams.token()}"
    assert await checked.show(header) == 200
    assert await checked.show(header, serviceUrl="http://127.0.0.1:9/other/") == 401
    assert await checked.show(header, channelId="webchat") == 401
    tenant = {"tenant": {"id": "22222222-2222-4333-8444-555555555555"}}
    assert await checked.show(header, channelData=tenant) == 403


async def test_a_key_that_is_withdrawn_takes_its_tokens_with_it(checked: Checked) -> None:
    header = f"Bearer {checked.teams.token()}"
    assert await checked.show(header) == 200
    checked.teams.keys = {"k2": (rsa_key(2), ["msteams"])}
    checked.seconds += keys_module.UNKNOWN + 1
    assert await checked.show(f"Bearer {checked.teams.token(key='k2')}") == 200  # the keys are fetched anew
    assert await checked.show(header) == 401


async def test_a_body_without_service_url_is_401(office: Office) -> None:
    activity = office.teams.typed("run report", office.channel, office.ana)
    del activity["serviceUrl"]
    assert (await office.bot.send(activity))[0] == 401


async def test_a_key_that_does_not_sign_for_teams_is_401(office: Office) -> None:
    office.teams.keys["k1"] = (rsa_key(1), ["webchat"])
    assert (await office.bot.send(office.teams.typed("list", office.channel, office.ana)))[0] == 401


def _other_tenant(activity: Payload) -> None:
    activity["channelData"]["tenant"]["id"] = "99999999-2222-4333-8444-555555555555"


def _no_tenant(activity: Payload) -> None:
    activity["channelData"] = {}
    del activity["conversation"]["tenantId"]


def _other_channel(activity: Payload) -> None:
    activity["channelId"] = "webchat"


def _other_host(activity: Payload) -> None:
    activity["serviceUrl"] = "https://smba.trafficmanager.net.example.com/emea/"


@pytest.mark.parametrize("change", [_other_tenant, _no_tenant, _other_channel, _other_host])
async def test_another_tenant_channel_or_host_is_403(
    office: Office, change: Callable[[Payload], None]
) -> None:
    office.teams.keys["k1"] = (rsa_key(1), [])
    activity = office.teams.typed("run report", office.channel, office.ana)
    change(activity)
    assert (await office.bot.send(activity))[0] == 403
    assert await office.batches() == 0


async def test_while_the_keys_cannot_be_fetched_it_is_503(office: Office) -> None:
    office.teams.fault("openid", Fault(status=500, times=1))
    activity = office.teams.typed("list", office.channel, office.ana)
    assert (await office.bot.send(activity))[0] == 503


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 400),
        (
            b'{"type":"message","conversation":{"id":"a\\u0000"},"recipient":{"id":"b"}}',
            "application/json",
            400,
        ),
        (
            b'{"type":"message","conversation":{"id":"a\\ud800"},"recipient":{"id":"b"}}',
            "application/json",
            400,
        ),
        (b'{"type":"message","conversation":{},"recipient":{"id":"b"}}', "application/json", 400),
        (b'{"type":"message","conversation":{"id":"a"}}', "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"hello", "text/plain", 415),
        (b"", "application/x-www-form-urlencoded", 415),
    ],
)
async def test_nonsense_is_turned_away_and_never_500(
    office: Office, body: bytes, kind: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {office.teams.token()}", "Content-Type": kind}
    assert await office.bot.post(body, headers) == (
        status,
        {400: "malformed", 415: "application/json, please"}[status],
    )


async def test_more_than_a_mebibyte_is_413(office: Office) -> None:
    headers = {"Authorization": f"Bearer {office.teams.token()}", "Content-Type": "application/json"}
    async with office.bot.http.post(
        PATH, data=io.BytesIO(b"x" * (bodies.LIMIT + 1)), headers=headers
    ) as answer:
        assert answer.status == 413


async def test_another_method_is_405(office: Office) -> None:
    async with office.bot.http.head(PATH) as answer:
        assert answer.status == 405


async def test_nothing_of_the_body_or_the_token_is_logged(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    activity = office.teams.typed("run report do=hunter2", office.channel, office.ana)
    token = office.teams.token(aud="another")
    await office.bot.send(activity, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    await office.bot.post(b'{"hunter2"', {"Content-Type": "application/json"})
    await office.say("run report do=hunter2")
    told = "".join(str(record.__dict__) for record in caplog.records)
    assert "teams.turned_away" in told
    assert "hunter2" not in told
    assert token not in told


async def test_with_auth_off_nobody_is_asked_but_only_this_machine_is_spoken_to(office: Office) -> None:
    teams = office.teams
    async with TeamsBot(office.bot.store, teams, authenticated=False, service_hosts=()) as bot:
        activity = teams.typed("list", office.channel, office.ana)
        headers = {"Content-Type": "application/json"}
        assert (await bot.send(activity, headers))[0] == 200
        activity["serviceUrl"] = "https://example.com/"
        assert (await bot.send(activity, headers))[0] == 403


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def clocked() -> AsyncIterator[tuple[FakeTeams, Keys, Clock]]:
    """Keys whose time the test moves."""
    clock = Clock()
    async with FakeTeams() as teams, aiohttp.ClientSession() as session:
        yield teams, Keys(teams.openid, lambda: session, clock), clock


async def test_a_rotated_key_is_found_but_not_looked_for_all_the_time(
    clocked: tuple[FakeTeams, Keys, Clock],
) -> None:
    teams, keys, clock = clocked
    await keys.get("k1")
    teams.keys["k2"] = (rsa_key(2), ["msteams"])
    with pytest.raises(UnknownKey):
        await keys.get("k2")
    assert len(teams.asked("openid")) == 1
    clock.seconds += keys_module.UNKNOWN + 1
    assert (await keys.get("k2")).endorsements == ("msteams",)
    for _ in range(5):
        with pytest.raises(UnknownKey):
            await keys.get("k3")
    assert len(teams.asked("openid")) == 2


async def test_known_keys_outlast_an_outage(clocked: tuple[FakeTeams, Keys, Clock]) -> None:
    teams, keys, clock = clocked
    await keys.get("k1")
    teams.fault("openid", Fault(status=503, html=True, times=2))
    clock.seconds += keys_module.FRESH + 1
    assert await keys.get("k1")
    with pytest.raises(Away):
        await keys.get("k2")
    clock.seconds += keys_module.AFTER_FAULT
    assert await keys.get("k1")
    assert len(teams.asked("openid")) == 3


async def test_many_who_need_the_keys_fetch_them_once(clocked: tuple[FakeTeams, Keys, Clock]) -> None:
    teams, keys, _ = clocked
    await asyncio.gather(*(keys.get("k1") for _ in range(20)))
    assert len(teams.asked("openid")) == 1


async def test_a_rotated_key_lets_requests_in(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    teams = office.teams
    await office.say("list")
    teams.keys = {"k2": (rsa_key(2), ["msteams"])}
    monkeypatch.setattr(keys_module, "UNKNOWN", -1.0)
    activity = teams.typed("list", office.channel, office.ana)
    headers = {"Authorization": f"Bearer {teams.token(key='k2')}", "Content-Type": "application/json"}
    assert (await office.bot.send(activity, headers))[0] == 200


async def test_before_the_process_listens_it_is_503(office: Office) -> None:
    await office.bot.teams.stop()
    assert (await office.bot.send(office.teams.typed("list", office.channel, office.ana)))[0] == 503


def test_the_app_of_another_directory_is_no_access(office_access: Any) -> None:
    assert office_access.organization("11111111-2222-4333-8444-555555555555") == "default"
    assert office_access.organization("22222222-2222-4333-8444-555555555555") == "partners"
    assert office_access.organization("33333333-2222-4333-8444-555555555555") is None


@pytest.fixture
async def office_access() -> Any:
    """An access with a second tenant."""
    async with FakeTeams() as teams:
        return access(teams, tenants={"22222222-2222-4333-8444-555555555555": "partners"})
