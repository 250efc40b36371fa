"""Files in a 1:1 chat: offered, made again when they are wanted, brought to where Teams says, shown."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from adapters.render import csv
from adapters.teams import files
from adapters.teams.hosts import MICROSOFT, Hosts
from core import chats, filelinks
from core.entries import Returned
from core.errors import Misunderstood
from core.filelinks import Links
from core.messages import Button, Column, File, Message, Table
from core.store import tables
from core.store.database import Store
from tests.channels.fake_teams import FakeTeams
from tests.channels.teams_office import Scene, TeamsBot
from tests.channels.teams_tenant import Conversation, Payload, words
from tests.store.rig import until

KEY, NOW = b"signing", datetime(2026, 3, 2, 8, tzinfo=UTC)
TABLE = Table((Column("a"),), ((1,), (2,)))


@dataclass
class Drive:
    """Where files are brought to."""

    url: str = ""
    status: int = 201
    brought: list[tuple[str, bytes]] = field(default_factory=list)

    async def put(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers, "the bot's token is not for SharePoint"
        self.brought.append((request.headers["Content-Range"], await request.read()))
        return web.Response(status=self.status)


@pytest.fixture
async def drive() -> AsyncIterator[Drive]:
    made = Drive()
    application = web.Application()
    application.router.add_put("/upload", made.put)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/upload?guid='x%20y'&overwrite=true"
    yield made
    await runner.cleanup()


async def offer(office: Scene) -> tuple[Conversation, Payload]:
    """A run with a table, and the offer of it in Ana's own chat."""
    place = office.teams.chat(office.ana)
    await office.say("run report do=table", place)
    await office.ended()
    await office.deliver()
    await office.say("csv #1", place)
    return place, office.teams.said(place)[-1]["attachments"][0]


async def answer(office: Scene, place: Conversation, card: Payload, url: str, action: str = "accept") -> None:
    context = card["content"]["acceptContext"]
    upload = {
        "contentUrl": "https://contoso-my.sharepoint.com/x.csv",
        "uploadUrl": url,
        "name": card["name"],
        "uniqueId": "u-1",
        "fileType": "csv",
    }
    value = {"type": "fileUpload", "action": action, "context": context, "uploadInfo": upload}
    made = office.teams.activity("invoke", place, office.ana, name=files.INVOKE, value=value)
    for _ in range(2):  # delivered again
        assert (await office.bot.send(made))[0] == 200


async def test_a_file_is_offered_and_brought_when_it_is_accepted(office: Scene, drive: Drive) -> None:
    place, card = await offer(office)
    assert card["name"] == "report-1-days.csv"
    await answer(office, place, card, drive.url)

    async def shown() -> bool:
        return bool(office.teams.said(place)[-1]["attachments"][0]["contentType"] == files.INFO)

    await until(shown)
    [(span, data)] = drive.brought
    assert data == b"\xef\xbb\xbfday,sum\r\nMon,1\r\nTue,2\r\n"
    assert len(data) == card["content"]["sizeInBytes"]
    assert span == f"bytes 0-{len(data) - 1}/{len(data)}"
    told = office.teams.said(place)[-1]["attachments"][0]
    assert told["contentUrl"] == "https://contoso-my.sharepoint.com/x.csv"
    assert told["content"] == {"uniqueId": "u-1", "fileType": "csv"}


async def test_what_is_declined_is_not_brought(office: Scene, drive: Drive) -> None:
    place, card = await offer(office)
    before = len(place.messages)
    await answer(office, place, card, drive.url, "decline")
    await office.say("help", place)
    assert drive.brought == []
    assert len(place.messages) == before + 1


@pytest.mark.parametrize("status", [302, 403, 409, 500])
async def test_an_upload_that_fails_says_how_to_try_again(office: Scene, drive: Drive, status: int) -> None:
    place, card = await offer(office)
    drive.status = status
    await answer(office, place, card, drive.url)
    await _said(office, place, "could not be uploaded. Say csv #1 days to try it again.")


async def test_a_file_goes_nowhere_but_to_sharepoint(office: Scene) -> None:
    place, card = await offer(office)
    await answer(office, place, card, "https://evil.example/upload")
    await _said(office, place, "could not be uploaded")


async def test_a_changed_offer_is_refused(office: Scene, drive: Drive) -> None:
    place, card = await offer(office)
    changed = copy.deepcopy(card)
    changed["content"]["acceptContext"]["slashjob"]["line"] = "audit"
    await answer(office, place, changed, drive.url)
    await _said(office, place, "not one of mine")
    assert drive.brought == []


async def test_in_a_channel_nothing_is_offered(office: Scene) -> None:
    await office.say("run report do=table")
    await office.ended()
    await office.deliver()
    answered = await office.asked("csv #1")
    assert "say csv #1 to me in a 1:1 chat" in words(answered)


@pytest.fixture
async def linked(migrated_file: str) -> AsyncIterator[Scene]:
    """An office whose bot has a public address."""
    store = Store(migrated_file)
    async with FakeTeams() as teams:
        ana, bob = teams.person("Ana", email="ana@example.com"), teams.person("Bob")
        links = Links(KEY, "https://bot.example.com/", lambda: NOW)
        async with TeamsBot(store, teams, links=links) as bot:
            await bot.job("report")
            yield Scene(teams, bot, teams.channel(ana, bob), ana, bob)
    await store.close()


async def test_in_a_channel_whoever_asks_gets_a_link_that_ends(linked: Scene) -> None:
    await linked.say("run report do=table")
    await linked.ended()
    await linked.deliver()
    answered = await linked.asked("csv #1")
    assert "the link opens for 15 minutes; later say csv #1" in words(answered)
    [link] = opened(answered)
    assert link["title"] == "Download report-1-days.csv"
    base, token, name = link["url"].rsplit("/", 2)
    assert (base, name) == ("https://bot.example.com/api/v1/files", "report-1-days.csv")
    found = filelinks.read(KEY, token, NOW)
    assert found is not None
    assert found.until == (NOW + filelinks.LASTS).timestamp()
    [run] = await linked.bot.rows(tables.runs)
    assert found.run == run.id
    records = await linked.bot.turns.look(lambda turn: chats.of_run(turn, run.pk))
    [entry] = [one.entry for one in records if one.sequence == found.sequence]
    assert isinstance(entry, Returned)
    assert entry.name == "days"


async def test_what_is_posted_says_how_to_get_a_link_and_has_none_that_would_end(linked: Scene) -> None:
    await linked.bot.job("attaching", attach=["csv"])
    await linked.say("run attaching do=table")
    await linked.ended()
    await linked.deliver()
    [message] = linked.teams.said(linked.channel)
    assert "say csv #1 for a link to it" in words(message)
    assert opened(message) == []


async def test_in_a_chat_a_file_is_still_offered(linked: Scene) -> None:
    _, card = await offer(linked)
    assert card["contentType"] == files.CONSENT


def opened(activity: Payload) -> list[Payload]:
    """The buttons of a card that open an address."""
    body = activity["attachments"][0]["content"]["body"]
    sets = [one["actions"] for one in body if one["type"] == "ActionSet"]
    return [action for actions in sets for action in actions if action["type"] == "Action.OpenUrl"]


async def _said(office: Scene, place: Conversation, wanted: str) -> None:
    async def there() -> bool:
        return any(wanted in words(one) for one in office.teams.said(place))

    await until(there)


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://contoso-my.sharepoint.com/personal/x/_api/upload?guid='1'", True),
        ("https://contoso-my.sharepoint.us/x", True),
        ("http://contoso-my.sharepoint.com/x", False),
        ("https://sharepoint.com/x", False),
        ("https://contoso.sharepoint.com:8443/x", False),
        ("https://contoso.sharepoint.com.evil.example/x", False),
        ("https://evilsharepoint.com/x", False),
        ("https://user@contoso.sharepoint.com/x", False),
        ("https://[::1]/x", False),
        ("https://127.0.0.1/x", False),
        ("https://169.254.169.254/x", False),
        ("ftp://contoso.sharepoint.com/x", False),
        ("https://[contoso.sharepoint.com/x", False),
        ("https://contoso.sharepoint.com/" + "x" * 2_000, False),
        ("", False),
    ],
)
def test_which_addresses_take_files(url: str, taken: bool) -> None:
    assert Hosts(MICROSOFT).takes_files(url) is taken


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (Message(text="1 table of Count · #2"), "csv #2"),
        (Message(text="x", title="Count · #2.3 succeeded"), "csv #2.3"),
        (Message(text="x #9", buttons=(Button("CSV", "csv #7 total"),)), "csv #7 total"),
        (Message(text="no number"), ""),
    ],
)
def test_the_command_of_a_file_is_known_from_its_message(message: Message, wanted: str) -> None:
    assert files.line(message) == wanted


@pytest.mark.parametrize(
    ("name", "command", "wanted"),
    [
        ("count-2-total.csv", "csv #2", "csv #2 total"),
        ("count-2-3-by-day.csv", "csv #2.3", "csv #2.3 by-day"),
        ("other.csv", "csv #2", "csv #2"),
        ("count-2-total.csv", "csv #2 days", "csv #2 days"),
    ],
)
def test_an_offer_names_its_question(name: str, command: str, wanted: str) -> None:
    assert files.of_file(File(name, "text/csv", TABLE), command) == wanted


def test_names_are_ones_that_onedrive_takes() -> None:
    assert files.name(File('a/b:c*"d".csv', "text/csv", TABLE)) == "a-b-c--d-.csv"
    assert files.name(File("...", "text/csv", TABLE)) == "file.txt"


def test_only_so_many_files_are_offered() -> None:
    blocks = tuple(File(f"{n}.csv", "text/csv", TABLE) for n in range(files.OFFERS + 1))
    assert len(files.offers(Message(text="#1", blocks=blocks))) == files.OFFERS
    assert csv.of_file(File("empty.txt", "text/plain")) == b"\n"


@pytest.mark.parametrize("value", [None, {}, {"type": "other"}, {"type": "fileUpload", "context": {}}, "x"])
def test_what_is_no_answer_to_an_offer_is_refused(value: Any) -> None:
    with pytest.raises(Misunderstood):
        files.read(value)


def test_a_pdf_is_offered_and_made_again_by_its_own_command() -> None:
    file = File("report-128.pdf", files.PDF, data=b"%PDF-1.7")
    message = Message(text="Report · #128 as a PDF", title="Report · #128 as a PDF", blocks=(file,))
    assert csv.of_file(file) == b"%PDF-1.7"
    assert files.offered(message) == [file]
    assert files.again(message, file) == "csv #128 --pdf"
    assert files.of_file(file, files.line(message)) == "csv #128 --pdf"
