"""The Bot Connector's client: what arrived, what did not, what may have; its token, and its pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.teams import pace as pacing
from adapters.teams import tokens as tokens_module
from adapters.teams.connector import Connector
from adapters.teams.faults import Refused, Unsent, Unsure
from adapters.teams.hosts import MICROSOFT, Hosts
from adapters.teams.pace import Pace
from adapters.teams.places import Follower, Place
from adapters.teams.places import read as read_place
from adapters.teams.tokens import App, LoginRefused, Tokens
from core.errors import DeliveryError
from tests.channels.fake_teams import SECRET, FakeTeams, Fault, rsa_key
from tests.channels.teams_tenant import APP_ID, BOT, TENANT, Conversation
from tests.store.rig import until


@dataclass
class Line:
    """A client on the fake, and a channel to speak in. `seconds` is its clock."""

    teams: FakeTeams
    session: aiohttp.ClientSession
    channel: Conversation
    seconds: float = 1000.0

    def tokens(self, app: App | None = None) -> Tokens:
        made = app or App(APP_ID, TENANT, SECRET)
        return Tokens(made, lambda: self.session, login=self.teams.address, clock=lambda: self.seconds)

    def connector(self, tokens: Tokens | None = None) -> Connector:
        return Connector(lambda: self.session, tokens or self.tokens(), Hosts(["127.0.0.1"]))

    async def send(self, connector: Connector | None = None) -> str:
        client = connector or self.connector()
        return await client.send(self.teams.service_url, self.channel.id, activity())


def activity(text: str = "hello") -> dict[str, Any]:
    tenant = {"tenant": {"id": TENANT}}
    return {"type": "message", "text": text, "from": {"id": BOT}, "channelData": tenant}


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """A line with nobody else on it."""
    async with FakeTeams() as teams, aiohttp.ClientSession() as session:
        yield Line(teams, session, teams.channel(teams.person("Ana")))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=429, retry_after="7"), Unsent),
        (Fault(status=429), Unsent),
        (Fault(status=412), Unsent),
        (Fault(status=408), Unsure),
        (Fault(status=500), Unsure),
        (Fault(status=502, html=True), Unsure),
        (Fault(status=503, html=True), Unsure),
        (Fault(status=504), Unsure),
        (Fault(reset=True), Unsure),
        (Fault(status=400, code="BadArgument"), Refused),
        (Fault(status=403, code="MessageWritesBlocked"), Refused),
        (Fault(status=404, code="ConversationNotFound"), Refused),
        (Fault(status=413, html=True), Refused),
        (Fault(status=307), Refused),
    ],
    ids=lambda one: str(getattr(one, "status", one) or "reset") if isinstance(one, Fault) else one.__name__,
)
async def test_a_send_is_asked_once_and_its_failure_told_apart(
    line: Line, fault: Fault, kind: type[Exception]
) -> None:
    line.teams.fault("send", fault)
    with pytest.raises(kind):
        await line.send()
    assert len(line.teams.asked("send")) == 1


async def test_what_was_asked_to_wait_says_how_long(line: Line) -> None:
    line.teams.fault("send", Fault(status=429, retry_after="7"))
    line.teams.fault("send", Fault(status=429, retry_after="soon"))
    line.teams.fault("send", Fault(status=429, retry_after="nan"))
    pauses = []
    for _ in range(3):
        with pytest.raises(Unsent) as unsent:
            await line.send()
        pauses.append(unsent.value.pause or timedelta(0))
    assert timedelta(seconds=7) <= pauses[0] <= timedelta(seconds=8)
    assert all(timedelta(seconds=1) <= pause <= timedelta(seconds=2) for pause in pauses[1:])


async def test_where_nobody_listens_it_was_certainly_not_sent(line: Line) -> None:
    connector = line.connector()
    await line.send(connector)
    with pytest.raises(Unsent):
        await connector.send("http://127.0.0.1:9/", line.channel.id, activity())


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/",
        "http://smba.trafficmanager.net/emea/",
        "https://smba.trafficmanager.net:8443/emea/",
        "https://smba.trafficmanager.net@evil.example.com/",
        "https://evil.trafficmanager.net/",
        "https://smba.trafficmanager.net.evil.example.com/",
        "http://10.0.0.1/",
        "http://127.0.0.1:80/",
        "http://[::1]/",
        "http://localhost/",
        "https://[broken/",
        "file:///etc/passwd",
        "//smba.trafficmanager.net/",
        "https://smba.trafficmanager.net/?x=1",
        "https://smba.trafficmanager.net/\n",
        "",
    ],
)
async def test_the_token_goes_to_no_other_host(line: Line, url: str) -> None:
    connector = Connector(lambda: line.session, line.tokens(), Hosts(MICROSOFT))
    with pytest.raises(Refused, match="InvalidBotApiHost"):
        await connector.send(url, line.channel.id, activity())
    assert line.teams.logins == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://smba.trafficmanager.net/emea/",
        "https://SMBA.trafficmanager.net/amer",
        "https://smba.infra.gcc.teams.microsoft.com/teams",
        "https://smba.infra.gov.teams.microsoft.us:443/teams",
        "https://europe.botframework.com/",
    ],
)
def test_microsofts_own_hosts_are_allowed(url: str) -> None:
    assert Hosts(MICROSOFT).allows(url)


async def test_a_token_is_fetched_once_for_everybody(line: Line) -> None:
    gate = asyncio.Event()
    line.teams.fault("token", Fault(gate=gate))
    line.teams.limited = False
    connector = line.connector()
    sends = [asyncio.create_task(line.send(connector)) for _ in range(20)]
    while not line.teams.logins:
        await asyncio.sleep(0)
    assert not any(one.done() for one in sends)
    gate.set()
    await asyncio.gather(*sends)
    assert line.teams.logins == 1


async def test_a_token_is_renewed_beside_while_the_old_one_serves(line: Line) -> None:
    tokens = line.tokens()
    first = await tokens.get()
    line.seconds += 3599 - tokens_module.EARLY + 1
    gate = asyncio.Event()
    line.teams.fault("token", Fault(gate=gate))
    assert await tokens.get() == first
    gate.set()

    async def renewed() -> bool:
        return await tokens.get() != first

    await until(renewed)
    assert line.teams.logins == 2


async def test_a_token_that_is_not_taken_is_fetched_anew_once(line: Line) -> None:
    connector = line.connector()
    await line.send(connector)
    line.teams.tokens.clear()
    assert await line.send(connector)
    assert line.teams.logins == 2
    line.teams.fault("send", Fault(status=401, times=2))
    with pytest.raises(Unsent, match="401"):
        await line.send(connector)


async def test_a_login_that_is_refused_says_why_and_is_not_tried_all_the_time(line: Line) -> None:
    line.teams.fault("token", Fault(status=401, code="AADSTS7000222"))
    tokens = line.tokens()
    for _ in range(5):
        with pytest.raises(LoginRefused, match="AADSTS7000222"):
            await tokens.get()
    assert line.teams.logins == 1
    line.seconds += tokens_module.AFTER_FAULT
    assert await tokens.get()


@pytest.mark.parametrize("fault", [Fault(reset=True), Fault(status=500, html=True), Fault(status=502)])
async def test_a_login_that_fails_means_that_nothing_was_sent(line: Line, fault: Fault) -> None:
    line.teams.fault("token", fault)
    with pytest.raises(Unsent):
        await line.send()
    assert line.teams.asked("send") == []


async def test_the_secret_is_in_no_log(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.teams.fault("token", Fault(status=401, code="AADSTS7000215"))
    with pytest.raises(LoginRefused):
        await line.tokens().get()
    told = "".join(str(record.__dict__) for record in caplog.records)
    assert "AADSTS7000215" in told
    assert SECRET not in told


async def test_a_certificate_stands_in_for_the_secret(line: Line) -> None:
    pem, line.teams.certificate = certificate()
    assert await line.tokens(App(APP_ID, TENANT, certificate=pem)).get()
    (call,) = line.teams.asked("token")
    assert "client_secret" not in call.body


def certificate() -> tuple[str, x509.Certificate]:
    """(PEM with key, certificate) of our own."""
    key = rsa_key(7)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slashjob")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (private + made.public_bytes(serialization.Encoding.PEM)).decode(), made


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=150))
@settings(max_examples=60, deadline=None)
def test_no_conversation_gets_more_than_its_limits(steps: list[tuple[float, bool]]) -> None:
    now = 0.0
    pace = Pace(lambda: now)
    done: list[float] = []
    for pause, progress in steps:
        now += pause
        if wait := pace.wait("c", progress=progress):
            now += wait + 0.001
        pace.take("c", progress=progress)
        done.append(now)
        for seconds, most in pacing.LIMITS:
            assert len([at for at in done if at > now - seconds]) <= most


def test_progress_leaves_room_for_endings() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    taken = 0
    for _ in range(600):
        if not pace.wait("c", progress=True):
            pace.take("c", progress=True)
            taken += 1
        now += 0.05
    assert taken == 45
    for _ in range(5):
        pace.take("c")
    assert pace.wait("c", progress=True) > 0
    assert pace.wait("other", progress=True) == 0


def test_an_hour_has_its_limit_too() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    taken = 0
    while now < 3600.0:
        if not pace.wait("c"):
            pace.take("c")
            taken += 1
        now += 0.6
    assert taken == 1800


def test_a_429_holds_the_conversation_for_everybody() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    pace.hold("c", timedelta(seconds=9))
    with pytest.raises(DeliveryError):
        pace.take("c")
    assert pace.wait("other") == 0
    now = 9.1
    pace.take("c")


IDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(IDS, IDS, st.lists(st.tuples(IDS, st.text("0123456789abcdef", min_size=12, max_size=12)), max_size=3))
def test_a_message_is_named_so_that_it_is_found_again(
    conversation: str, identity: str, rest: list[tuple[str, str]]
) -> None:
    place = Place(conversation, identity, tuple(Follower(*one) for one in rest))
    assert read_place(str(place)) == place


@pytest.mark.parametrize("text", ["", "~", "12"])
def test_what_names_no_message_is_none(text: str) -> None:
    assert read_place(text) is None
