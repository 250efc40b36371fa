"""The program with Slack: a serve that is killed and started again, and what doctor says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.acceptance.program_rig import LIMIT, Program, Serving, program
from tests.channels.fake_slack import FakeSlack, Fault
from tests.channels.slack_office import SCOPES, event, mention, words


@dataclass
class Desk:
    """A program beside a fake Slack."""

    slack: FakeSlack
    program: Program
    channel: str
    ana: str
    settings: dict[str, str]

    async def serve(self, **more: str) -> Serving:
        return await asyncio.to_thread(self.program.serve, **self.settings, **more)

    async def send(self, serving: Serving, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{serving.port}/slack/events"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not condition():
                await asyncio.sleep(0.05)

    def shown(self) -> str:
        """Everything that stands in the channel."""
        return words(self.slack.messages(self.channel))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    with program(tmp_path / "shop") as made:
        await asyncio.to_thread(made.run, "apply")
        async with FakeSlack() as slack:
            slack.limited = False
            slack.install(scopes=SCOPES)
            ana = slack.person("Ana", email="ana@example.com")
            channel = slack.channel("growth", members=(ana,))
            settings = {
                "SLACK_BOT_TOKEN": slack.token,
                "SLACK_SIGNING_SECRET": slack.signing_secret,
                "SLACK_API_URL": slack.url,
            }
            yield Desk(slack, made, channel, ana, settings)


async def test_a_command_becomes_one_message_that_turns_into_the_result(desk: Desk) -> None:
    serving = await desk.serve()
    said = desk.slack.form(desk.slack.slash("run count campaign_id=42", desk.channel, desk.ana))
    assert await desk.send(serving, *said) == (200, "")
    await desk.until(lambda: "Succeeded" in desk.shown())
    (message,) = desk.slack.messages(desk.channel)
    assert "Count the sales" in words(message)
    buttons = [
        one["value"] for block in message["blocks"] for one in block.get("elements", ()) if one.get("value")
    ]
    assert "run #1" in buttons
    assert await asyncio.to_thread(serving.terminate) == 0


async def test_what_was_acknowledged_before_a_crash_is_done_once_after_it(desk: Desk) -> None:
    serving = await desk.serve()
    command = desk.slack.form(desk.slack.slash("run count campaign_id=42", desk.channel, desk.ana))
    look = desk.slack.json(event(desk.slack, mention(desk.slack, "list", desk.channel, desk.ana)))
    assert (await desk.send(serving, *command))[0] == 200
    assert (await desk.send(serving, *look))[0] == 200
    serving.kill()  # at once: what was acknowledged is stored, and perhaps no more than that
    again = await desk.serve()
    await desk.until(lambda: "Succeeded" in desk.shown() and bool(desk.slack.ephemerals))
    for _ in range(2):
        assert (await desk.send(again, *command))[0] == 200
        assert (await desk.send(again, *look))[0] == 200
    assert desk.program.states() == [("succeeded", "succeeded", 1)]
    assert 1 <= len(desk.slack.ephemerals) <= 2  # told again where the crash came between telling and noting
    assert len(desk.slack.messages(desk.channel)) == 1


async def test_what_was_not_answered_before_a_crash_is_answered_though_slack_asks_no_more(desk: Desk) -> None:
    serving = await desk.serve()
    gate = asyncio.Event()
    desk.slack.fault("chat.postEphemeral", Fault(gate=gate, reset=True))
    look = desk.slack.json(event(desk.slack, mention(desk.slack, "list", desk.channel, desk.ana)))
    assert (await desk.send(serving, *look))[0] == 200
    await desk.until(lambda: bool(desk.slack.asked("chat.postEphemeral")))
    serving.kill()  # while it was answering
    gate.set()
    await desk.serve()
    await desk.until(lambda: bool(desk.slack.ephemerals))


async def test_in_socket_mode_the_program_needs_no_address(desk: Desk) -> None:
    settings = {"SLACK_APP_TOKEN": desk.slack.app_token, "SLACK_SIGNING_SECRET": ""}
    desk.settings |= settings
    serving = await desk.serve()
    await asyncio.wait_for(desk.slack.socket.connected.wait(), LIMIT)
    sent = await desk.slack.socket.send(
        "slash_commands", desk.slack.slash("run count campaign_id=42", desk.channel, desk.ana)
    )
    await asyncio.wait_for(sent.acknowledged.wait(), LIMIT)
    await desk.until(lambda: "Succeeded" in desk.shown())
    status, _ = await asyncio.to_thread(serving.get, "/readyz")
    assert status == 200
    assert await asyncio.to_thread(serving.terminate) == 0


async def test_where_the_bot_is_no_member_the_answer_still_comes(desk: Desk) -> None:
    outside = desk.slack.channel("sales", bot=False, members=(desk.ana,))
    serving = await desk.serve()
    said = desk.slack.form(desk.slack.slash("run count campaign_id=42", outside, desk.ana))
    assert (await desk.send(serving, *said))[0] == 200
    await desk.until(lambda: "Succeeded" in words(desk.slack.messages(outside)))


async def test_the_first_admin_comes_forward_with_the_code_of_the_server(desk: Desk) -> None:
    for file in desk.program.folder.glob("slashjob.db*"):
        file.unlink()  # whoever applied is an admin
    serving = await desk.serve()
    await desk.until(lambda: "/job claim " in serving.said)
    code = serving.said.split("/job claim ")[1].split()[0]
    said = desk.slack.form(desk.slack.slash(f"claim {code}", desk.channel, desk.ana))
    await desk.send(serving, *said)
    await desk.until(lambda: "You are now an admin, Ana" in words(desk.slack.ephemerals))


async def test_doctor_says_that_all_is_well_or_how_to_mend_it(desk: Desk) -> None:
    serving = await desk.serve()
    secret = {"SLASHJOB_PUBLIC_URL": f"http://127.0.0.1:{serving.port}"}

    async def doctor(**settings: str) -> tuple[int, str]:
        ended = await asyncio.to_thread(
            desk.program.run, "doctor", "slack", code=None, **(desk.settings | settings)
        )
        return ended.code, ended.out

    code, told = await doctor(**secret)
    assert "The token speaks in Example as @slashjob" in told
    assert "All scopes" in told
    assert "This machine's clock agrees with Slack's" in told
    assert code == 0
    code, told = await doctor(SLACK_BOT_TOKEN="xoxb-wrong")
    assert (code, "is refused: invalid_auth" in told) == (1, True)
    code, told = await doctor(SLACK_APP_TOKEN="xapp-wrong")
    assert (code, "connections:write" in told) == (1, True)
    desk.slack.install(scopes=SCOPES - {"users:read"})
    code, told = await doctor()
    assert (code, "Scopes are missing in Example: users:read." in told) == (1, True)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "hears nothing"),
        ({"SLACK_BOT_TOKEN": "xoxp-1", "SLACK_SIGNING_SECRET": "s"}, "begins with xoxb-"),
        ({"SLACK_SIGNING_SECRET": "s"}, "half configured"),
        ({"SLACK_CLIENT_ID": "1.2"}, "SLACK_CLIENT_SECRET, SLACK_SIGNING_SECRET, SLASHJOB_PUBLIC_URL"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    with program(tmp_path / "shop") as made:
        ended = made.run("serve", code=2, **settings)
    assert told in ended.err
    assert "xoxp-1" not in ended.err


def test_the_manifest_is_printed_for_both_ways(tmp_path: Path) -> None:
    with program(tmp_path / "shop") as made:
        assert (
            "https://jobs.example.org/slack/events"
            in made.run("slack-manifest", "--url", "https://jobs.example.org").out
        )
        assert "socket_mode_enabled: true" in made.run("slack-manifest", "--socket").out
        made.run("slack-manifest", "--url", "http://jobs.example.org", code=2)
