"""The gallery as Microsoft's own client draws it, at the width of a phone: build/preview/teams.

`make preview` calls this where Chromium is installed. The cards are posted to the client as the bot would.
"""

from __future__ import annotations

import html
import http.server
import json
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.node_rig import install
from tests.acceptance.playground_rig import BOX, CARD, Browser, browser, client, opened
from tests.acceptance.program_rig import until
from tests.channels.test_teams_golden import SCREENS, shown

WIDTH = 360
_NARROW = f"""(() => {{
  const style = document.createElement('style');
  style.textContent = '{CARD} {{ width: {WIDTH}px !important; box-sizing: border-box }}';
  document.head.append(style);
}})()"""


class _Silent(http.server.BaseHTTPRequestHandler):
    """A bot that takes everything and says nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def silent_bot() -> Iterator[str]:
    """The address of a bot that takes everything and says nothing."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/messages"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def post(url: str, activity: dict[str, Any], *, group: bool = False) -> None:
    """Post an activity into the client's 1:1 chat, or the `group` chat, as the bot."""
    with urllib.request.urlopen(f"{url}/_internal/v1/config", timeout=10) as answer:
        config = json.load(answer)["config"]
    where = (config["groupChats"][0] if group else config["personalChat"])["id"]
    body = {**activity, "conversation": {"id": where}, "from": config["bot"]}
    address = f"{url}/_connector/v3/conversations/{where}/activities"
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status in (200, 201)


def draw(page: Browser, url: str, name: str, folder: Path) -> list[Path]:
    """Pictures of a screen's cards."""
    made = []
    for place, activity in enumerate(shown(name)):
        before = page("count", at=CARD)
        post(url, activity)
        until(lambda before=before: page("count", at=CARD) > before, name)  # type: ignore[misc]
        path = folder / f"{name}-{place + 1}.png"
        page("shot", path=str(path), at=CARD)
        made.append(path)
    return made


def main(folder: Path) -> None:
    """Write the pictures, and a page of all of them."""
    browser()
    target = folder / "teams"
    target.mkdir(parents=True, exist_ok=True)
    figures = []
    with tempfile.TemporaryDirectory() as temporary, silent_bot() as endpoint:
        node = install("playground")
        with opened(node) as page, client(node, Path(temporary), endpoint) as url:
            page("open", url=url, width=1300, height=3200)
            page("wait", at=BOX)
            page("run", script=_NARROW)
            for name in SCREENS:
                for path in draw(page, url, name, target):
                    label = html.escape(path.stem)
                    figures.append(f"<figure>{label}<br><img src='teams/{path.name}' alt='{label}'></figure>")
    whole = folder / "teams.html"
    style = "body{background:#e8e8ec;font:11px sans-serif}figure{float:left;margin:8px}img{background:#fff}"
    whole.write_text(
        f"<!doctype html><meta charset=utf-8><title>Teams at {WIDTH} px</title><style>{style}</style>"
        + "".join(figures),
        encoding="utf-8",
    )
    sys.stdout.write(f"{whole}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/preview"))
