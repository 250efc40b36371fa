"""Mail and webhooks of the program as a user starts it, and a sender that is killed while it speaks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.acceptance.program_rig import LIMIT, Program, program, until

KEY = b"a key of thirty-two bytes, or so"
TOKEN = "the-path-is-a-secret"
JOBS = """\
  told:
    agent: analyst
    parameters: {campaign_id: {type: integer}}
    questions:
      - name: total
        sql: select day, amount from sales where campaign_id = :campaign_id order by day
        chart: {type: bar, x: day, y: amount, title: Sales}
    attach: [csv]
    notify: [{topics: [completed_run, failed_run], to: ["webhook:crm", "email:ana@example.com"]}]
  hooked:
    agent: analyst
    questions: [{name: q, sql: select * from nothing_here}]
    notify: [{topics: [failed_run], to: ["webhook:crm"]}]
  mailed:
    agent: analyst
    questions: [{name: q, sql: select * from nothing_here}]
    notify: [{topics: [failed_run], to: ["email:ana@example.com"]}]
"""


@dataclass
class Outside:
    """A webhook's receiver and a mail server, each in threads; `closed` ones wait before they answer."""

    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    closed: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    smtp: str = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope.content)
        return "250 taken"


def receiver(outside: Outside) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            outside.calls.append(({name.lower(): one for name, one in self.headers.items()}, body))
            if outside.closed:
                outside.gate.wait(60)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                assert outside.closed  # the sender was killed

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def outside() -> Iterator[Outside]:
    made = Outside()
    web = receiver(made)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with socket.socket() as free:  # the controller takes no port 0
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mail = Controller(made, hostname="127.0.0.1", port=port)
    mail.start()
    made.url = f"http://127.0.0.1:{web.server_address[1]}/{TOKEN}"
    made.smtp = f"smtp://127.0.0.1:{port}"
    try:
        yield made
    finally:
        made.gate.set()
        mail.stop()
        web.shutdown()
        web.server_close()


@pytest.fixture
def shop(tmp_path: Path, outside: Outside) -> Iterator[Program]:
    secret = f"whsec_{base64.b64encode(KEY).decode()}"
    settings = {
        "SLASHJOB_WEBHOOKS": f"crm {outside.url} secret={secret} private",
        "SMTP_URL": outside.smtp,
        "SMTP_FROM": "slashjob <bot@example.com>",
    }
    with program(tmp_path, **settings) as made:
        file = tmp_path / "slashjob.yml"
        file.write_text(file.read_text() + JOBS)
        made.run("apply")
        yield made


def deliveries(shop: Program, job: str) -> dict[str, str]:
    """channel -> state."""
    query = """select c.platform || ':' || c.address, d.state from deliveries d
        join channels c on c.pk = d.channel join batches b on b.pk = d.batch join jobs j on j.pk = b.job
        where j.name = ?"""
    return dict(shop.rows(query, job))


def answers(port: int) -> bool:
    """Somebody listens there."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def signed(headers: dict[str, str], body: bytes) -> bool:
    """Written anew from the specification."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{wanted}"


def test_a_result_reaches_a_mailbox_and_a_webhook_once(shop: Program, outside: Outside) -> None:
    serving = shop.serve()
    shop.say("run told campaign_id=42", wait=True)
    until(lambda: len(outside.calls) == 1 and len(outside.mails) == 1, lambda: serving.said)
    [(headers, body)] = outside.calls
    assert signed(headers, body)
    assert json.loads(body)["data"]["job"]["name"] == "told"
    assert json.loads(body)["data"]["batch"]["state"] == "succeeded"
    arrived = message_from_bytes(outside.mails[0], policy=policy.default)
    assert arrived["Subject"].startswith("Succeeded: told")
    kinds = [part.get_content_type() for part in arrived.walk()]
    assert "image/png" in kinds
    assert "text/csv" in kinds
    until(lambda: set(deliveries(shop, "told").values()) == {"sent"})
    assert set(deliveries(shop, "told")) == {"console:console", "webhook:crm", "email:ana@example.com"}
    shown = shop.run("deliveries", "told").out
    assert "email: ana@example.com" in shown
    listed = shop.run("deliveries", "told", "--json")
    assert {one["channel"]: one["state"] for one in listed.json["deliveries"]} == deliveries(shop, "told")
    assert "No message is ever lost" in shop.run("deliveries", "--state", "lost", "--json", code=2).err
    assert serving.terminate() == 0
    assert len(outside.calls) == len(outside.mails) == 1
    assert TOKEN not in serving.said + shown + listed.out


def test_a_sender_killed_in_a_webhook_tells_it_again_under_the_same_id(
    shop: Program, outside: Outside
) -> None:
    outside.closed = True
    first = shop.serve()
    shop.say("run hooked", code=None, wait=False)
    until(lambda: len(outside.calls) == 1, lambda: first.said)
    first.kill()
    outside.closed = False
    outside.gate.set()
    second = shop.serve()
    until(lambda: deliveries(shop, "hooked").get("webhook:crm") == "sent", lambda: second.said)
    assert len(outside.calls) == 2
    assert len({headers["webhook-id"] for headers, _ in outside.calls}) == 1
    assert all(signed(headers, body) for headers, body in outside.calls)


def test_a_sender_killed_in_a_mail_leaves_a_doubt_and_no_second_mail(shop: Program, outside: Outside) -> None:
    held = threading.Event()

    async def hold(server: Any, session: Any, envelope: Any) -> str:
        outside.mails.append(envelope.content)
        while not held.is_set():  # the loop of this server has nobody else to serve
            held.wait(60)
        return "250 taken"

    first_handler, outside.handle_DATA = outside.handle_DATA, hold  # type: ignore[method-assign]
    first = shop.serve()
    shop.say("run mailed", code=None, wait=False)
    until(lambda: len(outside.mails) == 1, lambda: first.said)
    first.kill()
    held.set()
    outside.handle_DATA = first_handler  # type: ignore[method-assign]
    second = shop.serve()
    until(lambda: deliveries(shop, "mailed").get("email:ana@example.com") == "unknown", lambda: second.said)
    shop.say("test-delivery email:ana@example.com", wait=False)
    until(lambda: len(outside.mails) == 2, lambda: second.said)
    later = message_from_bytes(outside.mails[1], policy=policy.default)
    text = later.get_body(("plain",))
    assert text is not None
    assert "It is not known whether" in text.get_content()
    assert second.terminate() == 0


def test_a_stop_lets_what_is_being_sent_come_to_its_end(shop: Program, outside: Outside) -> None:
    outside.closed = True
    serving = shop.serve()
    port = serving.port
    shop.say("run hooked", code=None, wait=False)
    until(lambda: len(outside.calls) == 1, lambda: serving.said)
    serving.process.send_signal(signal.SIGTERM)
    until(lambda: not answers(port))  # it stops
    outside.gate.set()
    assert serving.process.wait(LIMIT) == 0
    assert deliveries(shop, "hooked")["webhook:crm"] == "sent"
    assert len(outside.calls) == 1


def test_a_test_message_goes_through_the_real_path(shop: Program, outside: Outside) -> None:
    shop.serve()
    shop.say("test-delivery email:ops@example.com", wait=False)
    until(lambda: len(outside.mails) == 1)
    assert "Test: messages arrive here" in str(message_from_bytes(outside.mails[0])["Subject"])
