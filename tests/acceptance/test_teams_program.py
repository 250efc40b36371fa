"""The program with Teams: a serve that is killed and started again, and what doctor says of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.settings import read
from core.errors import Misconfigured
from tests.acceptance.program_rig import LIMIT, Program, Serving, program
from tests.channels.fake_teams import SECRET, FakeTeams, Fault
from tests.channels.teams_tenant import APP_ID, TENANT, Conversation, Payload, Person, actions, words


@dataclass
class Desk:
    """A program beside a fake Teams."""

    teams: FakeTeams
    program: Program
    channel: Conversation
    ana: Person
    settings: dict[str, str]

    async def serve(self, **more: str) -> Serving:
        return await asyncio.to_thread(self.program.serve, **self.settings, **more)

    async def send(self, serving: Serving, activity: Payload) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{serving.port}/api/messages"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json=activity, headers=self.teams.signed(activity)) as answer,
        ):
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not condition():
                await asyncio.sleep(0.05)

    def links(self) -> list[str]:
        """The addresses that the buttons in the channel open."""
        written = json.dumps(self.teams.said(self.channel))
        return re.findall(r'"type": "Action.OpenUrl"[^}]*"url": "([^"]+)"', written)

    def shown(self) -> str:
        """Everything that stands in the channel."""
        return "\n".join(map(words, self.teams.said(self.channel)))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    with program(tmp_path / "shop") as made:
        await asyncio.to_thread(made.run, "apply")
        async with FakeTeams() as teams:
            ana = teams.person("Ana", email="ana@example.com")
            settings = {
                "MICROSOFT_APP_ID": APP_ID,
                "MICROSOFT_APP_PASSWORD": SECRET,
                "MICROSOFT_APP_TENANT_ID": TENANT,
                "TEAMS_OPENID_URL": teams.openid,
                "TEAMS_LOGIN_URL": teams.address,
                "TEAMS_SERVICE_HOSTS": "127.0.0.1",
            }
            yield Desk(teams, made, teams.channel(ana), ana, settings)


async def test_a_command_becomes_one_message_that_turns_into_the_result(desk: Desk) -> None:
    serving = await desk.serve(SLASHJOB_PUBLIC_URL="https://jobs.example.org")
    said = desk.teams.typed("run count campaign_id=42", desk.channel, desk.ana)
    assert await desk.send(serving, said) == (200, "")
    await desk.until(lambda: "Succeeded" in desk.shown())
    ((card, message),) = desk.channel.messages.items()
    assert "Count the sales" in words(message.activity)
    again = desk.teams.pressed(actions(message.activity)["Run again"], desk.channel, desk.ana, card=card)
    status, answer = await desk.send(serving, again)
    assert (status, answer["statusCode"]) == (200, 200)
    await desk.until(lambda: desk.shown().count("Succeeded") > 2)
    await desk.send(serving, desk.teams.typed("csv #1", desk.channel, desk.ana))
    await desk.until(lambda: "the link opens for 15 minutes" in desk.shown())
    [path] = [one.removeprefix("https://jobs.example.org") for one in desk.links()]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{serving.port}") as stranger:
        async with stranger.get(path) as file:
            assert (file.status, file.content_type) == (200, "text/csv")
            assert (await file.text()).lstrip("\ufeff").startswith("number,amount\r\n")
        async with stranger.get(path.replace("/files/", "/files/x")) as file:
            assert file.status == 404
    assert await asyncio.to_thread(serving.terminate) == 0


async def test_what_was_stored_before_a_crash_is_done_after_it_and_nothing_twice(desk: Desk) -> None:
    serving = await desk.serve()
    run = desk.teams.typed("run count campaign_id=42", desk.channel, desk.ana)
    assert (await desk.send(serving, run))[0] == 200
    await desk.until(lambda: "Succeeded" in desk.shown())
    gate = asyncio.Event()
    desk.teams.fault("send", Fault(gate=gate, reset=True))
    look = desk.teams.typed("list", desk.channel, desk.ana)
    assert (await desk.send(serving, look))[0] == 200
    await desk.until(lambda: len(desk.teams.asked("send")) == 2)
    serving.kill()  # while it was answering
    gate.set()
    again = await desk.serve()
    for activity in (run, look):
        assert (await desk.send(again, activity))[0] == 200
    await desk.until(lambda: len(desk.channel.messages) == 2)
    assert desk.program.states() == [("succeeded", "succeeded", 1)]
    assert (await desk.send(again, look))[0] == 200
    assert len(desk.channel.messages) == 2


async def test_doctor_says_that_all_is_well_or_how_to_mend_it(desk: Desk) -> None:
    serving = await desk.serve()
    await desk.send(serving, desk.teams.typed("list", desk.channel, desk.ana))
    await desk.until(lambda: "count" in desk.shown())

    async def doctor(**settings: str) -> tuple[int, str]:
        ended = await asyncio.to_thread(
            desk.program.run, "doctor", "teams", code=None, **(desk.settings | settings)
        )
        return ended.code, ended.out

    code, told = await doctor(SLASHJOB_PUBLIC_URL=f"http://127.0.0.1:{serving.port}")
    assert "Microsoft gives the bot a token" in told
    assert "The keys that sign what Teams sends are there" in told
    assert "This machine's clock agrees with Microsoft's" in told
    assert "/api/messages answers, but not by HTTPS" in told
    assert "may speak in all of the 2 places" in told
    assert code == 0
    code, told = await doctor(MICROSOFT_APP_PASSWORD="wrong", SLASHJOB_PUBLIC_URL=desk.teams.address)
    assert (code, "AADSTS7000215" in told, "not to its Secret ID" in told) == (1, True, True)
    assert "/api/messages answers 404" in told
    assert "wrong" not in told
    code, told = await doctor(
        TEAMS_OPENID_URL=f"{desk.teams.address}/nothing", TEAMS_LOGIN_URL="http://127.0.0.1:9"
    )
    assert code == 1
    assert "cannot be fetched" in told
    assert "The login at Microsoft does not answer" in told


COMPLETE = {
    "MICROSOFT_APP_ID": APP_ID,
    "MICROSOFT_APP_PASSWORD": "hunter2",
    "MICROSOFT_APP_TENANT_ID": TENANT,
}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"MICROSOFT_APP_ID": APP_ID}, "MICROSOFT_APP_ID cannot speak"),
        (
            {"MICROSOFT_APP_ID": APP_ID, "MICROSOFT_APP_PASSWORD": "hunter2"},
            "MICROSOFT_APP_TENANT_ID is missing",
        ),
        ({"MICROSOFT_APP_PASSWORD": "hunter2"}, "half configured: MICROSOFT_APP_ID is missing"),
        (COMPLETE | {"MICROSOFT_APP_ID": "my bot"}, "MICROSOFT_APP_ID: it is a GUID"),
        ({"TEAMS_AUTH": "off", "SLASHJOB_HOST": "0.0.0.0"}, "it needs SLASHJOB_HOST=127.0.0.1"),
        (COMPLETE | {"TEAMS_AUTH": "off", "SLASHJOB_HOST": "::"}, "speak as anybody"),
        ({"TEAMS_AUTH": "maybe"}, "TEAMS_AUTH: "),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        read(settings, tmp_path)
    assert told in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_settings_that_fit_are_read(tmp_path: Path) -> None:
    pem = tmp_path / "app.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----")
    given = {
        "MICROSOFT_APP_ID": APP_ID,
        "MICROSOFT_APP_TENANT_ID": TENANT,
        "MICROSOFT_APP_CERTIFICATE_FILE": str(pem),
    }
    settings = read(given | {"TEAMS_TENANTS": f"{TENANT}=partners, x"}, tmp_path)
    assert settings.microsoft_app_certificate.startswith("-----BEGIN")
    assert settings.teams_tenants == (f"{TENANT}=partners", "x")
    assert read({"TEAMS_AUTH": "off"}, tmp_path).teams_auth == "off"
