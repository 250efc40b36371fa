"""The package for Teams: its manifest, its icons, and what is refused before Teams would."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.teams import icons
from adapters.teams.package import (
    COMMANDS_LIMIT,
    DESCRIPTION_LIMIT,
    DEVELOPER_LIMIT,
    NAME_LIMIT,
    OFFERED,
    TITLE_LIMIT,
    App,
    manifest,
    package,
)
from bot.cli import main
from core.commands import COMMANDS, Name, parse
from core.errors import Misconfigured

APP_ID = "11111111-2222-3333-4444-555555555555"
GOOD = App(APP_ID, "jobs.example.org")


def pixels(png: bytes) -> tuple[int, list[bytes]]:
    """(width, rows of RGBA) of a PNG without filters; every chunk's sum is checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, chunks = 8, {}
    while place < len(png):
        size = struct.unpack(">I", png[place : place + 4])[0]
        name, data = png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        assert struct.unpack(">I", png[place + 8 + size : place + 12 + size])[0] == zlib.crc32(name + data)
        chunks[name] = data
        place += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (height, depth, kind) == (width, 8, 6)
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[start : start + 4 * width + 1] for start in range(0, len(raw), 4 * width + 1)]
    assert all(row[0] == 0 for row in rows)
    assert len(rows) == height
    return width, [row[1:] for row in rows]


def test_the_large_icon_is_opaque_and_the_small_one_white_on_nothing() -> None:
    width, rows = pixels(icons.colour())
    assert width == 192
    assert {row[3::4] for row in rows} == {b"\xff" * 192}
    assert rows[0][:3] == bytes(icons.BACKGROUND)
    width, rows = pixels(icons.outline())
    assert width == 32
    joined = b"".join(rows)
    assert set(joined[0::4]) == set(joined[1::4]) == set(joined[2::4]) == {255}
    shares = joined[3::4]
    assert min(shares) == 0
    assert max(shares) == 255
    assert rows[0][3::4] == rows[-1][3::4] == bytes(32), "nothing is cut off at the edge"


def test_the_zip_holds_three_files_and_is_the_same_each_time() -> None:
    made = package(GOOD)
    assert made == package(GOOD)
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "color.png", "outline.png"]
        told = json.loads(archive.read("manifest.json"))
        assert archive.read(told["icons"]["color"]) == icons.colour()
        assert archive.read(told["icons"]["outline"]) == icons.outline()
    assert told == manifest(GOOD)


def test_the_bot_hears_only_what_is_said_to_it() -> None:
    told = manifest(GOOD)
    assert "authorization" not in told
    assert "webApplicationInfo" not in told
    assert told["validDomains"] == ["jobs.example.org"]
    (bot,) = told["bots"]
    assert bot["botId"] == told["id"] == APP_ID
    assert bot["scopes"] == ["personal", "team", "groupChat"]
    assert bot["supportsFiles"] is True


def test_what_teams_offers_is_the_table_of_commands() -> None:
    for shown in manifest(GOOD)["bots"][0]["commandLists"]:
        assert 0 < len(shown["commands"]) <= COMMANDS_LIMIT
        for one in shown["commands"]:
            spec = COMMANDS[Name(one["title"])]
            assert spec.available
            assert one["description"] == spec.help
            assert len(one["title"]) <= TITLE_LIMIT
            assert len(one["description"]) <= DESCRIPTION_LIMIT
        assert shown["commands"][-1]["title"] == "help"
        parse("help")


def test_every_list_has_room_for_all_of_its_commands() -> None:
    assert len(OFFERED) <= 3
    for names in OFFERED.values():
        assert len(names) == len(set(names)) <= COMMANDS_LIMIT


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (App("", "jobs.example.org"), "--app-id"),
        (App("not-a-guid", "jobs.example.org"), "--app-id"),
        (App("{" + APP_ID + "}", "jobs.example.org"), "--app-id"),
        (App(APP_ID, ""), "--domain"),
        (App(APP_ID, "localhost"), "--domain"),
        (App(APP_ID, "127.0.0.1"), "--domain"),
        (App(APP_ID, "http://jobs.example.org"), "--domain"),
        (App(APP_ID, "jobs.example.org:8080"), "--domain"),
        (App(APP_ID, "jobs.example.org/x"), "--domain"),
        (App(APP_ID, "jobs.example.org", website="http://example.org"), "https://"),
        (App(APP_ID, "jobs.example.org", name="x" * (NAME_LIMIT + 1)), "--name"),
        (App(APP_ID, "jobs.example.org", name=" "), "--name"),
        (App(APP_ID, "jobs.example.org", developer="x" * (DEVELOPER_LIMIT + 1)), "--developer"),
        (App(APP_ID, "jobs.example.org", version="1"), "--app-version"),
    ],
)
def test_what_teams_would_refuse_is_refused_here(app: App, said: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        package(app)
    assert len(refused.value.mistakes) == 1
    assert said in refused.value.mistakes[0]


def test_names_of_the_greatest_length_are_taken() -> None:
    told = manifest(App(APP_ID, "jobs.example.org", name="x" * NAME_LIMIT, developer="y" * DEVELOPER_LIMIT))
    assert len(told["name"]["full"]) <= 100


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["teams-package", *arguments])


def test_the_command_writes_the_package(tmp_path: Path) -> None:
    target = tmp_path / "app.zip"
    done = run("--app-id", APP_ID, "--domain", "https://Jobs.example.org/", "--output", str(target))
    assert done.exit_code == 0, done.output
    assert "Upload an app" in done.output
    with zipfile.ZipFile(target) as archive:
        assert json.loads(archive.read("manifest.json"))["validDomains"] == ["jobs.example.org"]


def test_the_command_tells_every_mistake_and_writes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "app.zip"
    done = run("--app-id", "x", "--domain", "http://jobs.example.org", "--output", str(target))
    assert done.exit_code == 2
    assert "--app-id" in done.output
    assert "--domain" in done.output
    assert not target.exists()
    nowhere = run("--app-id", APP_ID, "--domain", "jobs.example.org", "--output", str(tmp_path / "no" / "x"))
    assert nowhere.exit_code == 2
    assert "cannot be written" in nowhere.output
