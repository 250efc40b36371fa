"""Microsoft's local client for Teams, a browser that looks at it, and the program that it talks to."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.node_rig import HERE, Node
from tests.acceptance.program_rig import LIMIT, ROOT, Program, Serving, until

PICTURES = ROOT / "build" / "playground"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CARD = ".ac-adaptiveCard"
PERSONAL, GROUP, TEAM = "Personal Chat", "Group Chat", "My Team - General"
WHOLE = f"{CARD}:not({CARD} {CARD})"  # what asks before a dangerous button is a card within a card
BOX = "[role=textbox][contenteditable=true]"


def browser() -> str:
    """The installed Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), "")
    assert found, "Chromium is needed for this test: make test-system"
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Browser:
    """A headless Chromium that one test drives; each method waits until what it needs is there."""

    def __init__(self, node: Node) -> None:
        command = [node.program, str(HERE / "playground" / "browser.mjs"), str(node.folder), browser()]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, step: str, **given: Any) -> Any:
        """One step of `browser.mjs`, and what it gave."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"step": step, **given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser is gone"
        answer = json.loads(line)
        assert "error" not in answer, f"{step} {given}: {answer['error']}"
        return answer["value"]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(LIMIT)
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class Playground:
    """The client in a browser, with the program behind it."""

    url: str
    page: Browser
    program: Program
    serving: Serving

    def open(self, conversation: str) -> None:
        """Show a conversation: `Personal Chat`, `Group Chat`, `My Team - General`."""
        self.page("click", at=f'[role=treeitem][aria-label="{conversation}"]')
        self.page("wait", at=BOX)

    def say(self, text: str, *, mention: bool = False) -> None:
        """Type a line and send it; with a mention of the bot in front where it would not be heard else."""
        self.page("click", at=BOX)
        if mention:
            self.page("type", at=BOX, text="@")
            self.page("click", at='[role=menuitem]:has-text("Test Bot")')
        self.page("insert", text=f" {text}" if mention else text)
        self.page("press", key="Enter")

    def cards(self) -> list[str]:
        """The text of every card in the shown conversation, oldest first."""
        return [" ".join(str(one).split()) for one in self.page("texts", at=WHOLE)]

    def shows(self, *wanted: str) -> str:
        """Wait until a card has all of these texts; the text of the newest such card."""
        found: list[str] = []

        def there() -> bool:
            found[:] = [card for card in self.cards() if all(one in card for one in wanted)]
            return bool(found)

        until(there, lambda: f"{wanted} in {self.cards()}\n{self.serving.said[-3000:]}")
        return found[-1]

    def press(self, label: str, *, within: str = CARD) -> None:
        """Press the newest button of that name."""
        self.page("click", at=f'{within} >> role=button[name="{label}"]')

    def picture(self, name: str, at: str = "") -> None:
        """Keep what is seen as build output."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page("shot", path=str(PICTURES / f"{name}.png"), at=at)


@contextmanager
def playground(node: Node, program: Program) -> Iterator[Playground]:
    """The program with Teams on, and the client that talks to it. The browser starts meanwhile."""
    with opened(node) as page:
        program.run("apply")
        serving = program.serve(MICROSOFT_APP_ID="", TEAMS_AUTH="off")
        with client(node, program.folder, f"http://127.0.0.1:{serving.port}/api/messages") as url:
            page("open", url=url, width=1300, height=1400)
            page("wait", at=BOX)
            yield Playground(url, page, program, serving)


@contextmanager
def opened(node: Node) -> Iterator[Browser]:
    """A browser, which ends with the context."""
    page = Browser(node)
    try:
        yield page
    finally:
        page.close()


@contextmanager
def client(node: Node, folder: Path, endpoint: str) -> Iterator[str]:
    """The client for a bot at this address: its own address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    cli = node.modules / "@microsoft" / "m365agentsplayground" / "cli.js"
    command = [node.program, str(cli), "start", "-e", endpoint, "-c", "msteams", "-p", str(port)]
    command += ["--su", f"{url}/_connector", "--disable-telemetry"]
    environment = {**os.environ, "TEAMSAPPTESTER_BROWSER": "none"}
    log = folder / "playground.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=file, stderr=file, stdin=subprocess.DEVNULL
        )
    try:
        until(lambda: _answers(url), log.read_text)
        yield url
    finally:
        process.kill()
        process.wait(LIMIT)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_internal/v1/config", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
