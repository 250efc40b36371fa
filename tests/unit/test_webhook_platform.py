"""Webhooks: what is posted, how it is signed, and what becomes of every answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from adapters.webhook import card, hooks, payload
from adapters.webhook.platform import Webhook
from core import addresses
from core.errors import DeliveryError
from core.messages import ChartData, Column, File, Image, Message, Paragraph, Table, Tone
from core.ports import About, Channel, Post, Receipt
from tests.channels.gallery import GALLERY
from tests.unit.service_rig import RUN, SECRET, Service, serving

ABOUT = About("alert", "job-id", "weekly-report", "batch-id", 128, "failed")
MESSAGE = Message(
    text="Failed: weekly-report · #128",
    title="Failed: weekly-report · #128",
    tone=Tone.FAILURE,
    blocks=(
        Paragraph("*No* data for 42", marked=True),
        Table(
            (Column("day"), Column("sum", "number")), (("Mon", 1), ("Tue", None)), title="Days", total_rows=9
        ),
        Image(ChartData("bar", ("day", "sum"), (("Mon", 1),)), "Monday 1", "Sums"),
        File("all.csv", "text/csv", Table((Column("day"),), (("Mon",),))),
    ),
)


def post(name: str = "crm") -> Post:
    return Post(RUN, Channel("webhook", name), MESSAGE, about=ABOUT)


def platform(service: Service, options: str = f"secret={SECRET} private", *, limit: float = 20.0) -> Webhook:
    return Webhook(hooks.read(f"crm {service.url}/hook/token-of-it {options}"), limit=limit)


def answering(status: int, **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


async def fault(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], options: str = "", *, limit: float = 20.0
) -> DeliveryError:
    async with serving(handler, signed=not options) as service:
        one = platform(service, options or f"secret={SECRET} private", limit=limit)
        with pytest.raises(DeliveryError) as caught:
            await one.deliver(post())
        assert len(service.said) == 1
    assert "token-of-it" not in str(caught.value)
    return caught.value


async def test_a_message_is_posted_once_and_signed() -> None:
    async with serving(answering(204)) as service:
        assert await platform(service).deliver(post()) == Receipt(RUN)
    [said] = service.said
    assert said.headers["Content-Type"] == "application/json"
    data = said.json["data"]
    assert said.json["type"] == "message.alert"
    assert said.json["timestamp"].startswith("2025-07-12T18:57:36.768")
    assert data["delivery"] == RUN
    assert data["job"] == {"id": "job-id", "name": "weekly-report"}
    assert data["batch"] == {"id": "batch-id", "number": 128, "state": "failed"}
    assert data["message"]["tone"] == "failure"
    paragraph, table, chart, file = data["message"]["blocks"]
    assert paragraph == {"type": "paragraph", "text": "No data for 42"}
    assert (table["columns"], table["rows"], table["total_rows"]) == (
        ["day", "sum"],
        [["Mon", 1], ["Tue", None]],
        9,
    )
    assert chart["alt"] == "Monday 1"
    assert file["rows"] == [["Mon"]]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413])
async def test_a_refusal_is_permanent(status: int) -> None:
    error = await fault(answering(status))
    assert (error.permanent, error.unknown) == (True, False)
    assert f"The webhook crm answered {status}" in error.sentence


@pytest.mark.parametrize("status", [408, 425, 500, 503])
async def test_what_may_pass_is_tried_again_also_where_it_may_have_arrived(status: int) -> None:
    error = await fault(answering(status))
    assert (error.permanent, error.unknown, error.retry_after) == (False, False, None)


@pytest.mark.parametrize(("given", "pause"), [("30", 30), ("0", 1), ("999999", 3600)])
async def test_a_pause_that_is_asked_for_is_kept(given: str, pause: int) -> None:
    assert (await fault(answering(429, Retry_After=given))).retry_after == timedelta(seconds=pause)


async def test_a_pause_without_a_length_is_an_ordinary_fault() -> None:
    error = await fault(answering(429))
    assert (error.permanent, error.unknown, error.retry_after) == (False, False, None)


async def test_a_redirect_is_not_followed() -> None:
    error = await fault(answering(307, Location="http://169.254.169.254/"))
    assert error.permanent
    assert "redirect" in error.sentence


@pytest.mark.parametrize("status", [408, 500, 502])
async def test_what_a_workflow_may_have_posted_is_never_sent_again(status: int) -> None:
    error = await fault(answering(status), "teams private")
    assert error.unknown
    [hook] = hooks.read("crm https://example.com teams")
    with pytest.raises(DeliveryError) as caught:
        await Webhook([hook]).find(post())
    assert (caught.value.unknown, caught.value.permanent) == (True, True)


async def test_a_hook_that_knows_ids_may_be_told_again() -> None:
    assert await Webhook(hooks.read("crm https://example.com")).find(post()) is None


async def test_silence_and_a_lost_connection_are_told_apart_from_a_refusal() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async def cut_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def both(options: str) -> list[DeliveryError]:
        return [await fault(silent, options, limit=0.2), await fault(cut_off, options)]

    assert [one.unknown or one.permanent for one in await both("")] == [False, False]
    assert [one.unknown for one in await both("teams private")] == [True, True]


async def test_a_private_address_is_refused_before_anything_is_sent() -> None:
    async with serving(answering(200)) as service:
        [hook] = hooks.read(f"crm {service.url} private")
        with pytest.raises(DeliveryError, match="no address of the public internet") as caught:
            await Webhook([replace(hook, private=False)]).deliver(post())
        assert caught.value.permanent
        assert service.said == []


async def test_a_hook_that_is_not_there_and_one_that_nobody_names() -> None:
    with pytest.raises(DeliveryError, match="cannot be reached: Connection refused") as caught:
        await Webhook(hooks.read("crm http://127.0.0.1:9/ private")).deliver(post())
    assert (caught.value.permanent, caught.value.unknown) == (False, False)
    with pytest.raises(DeliveryError, match="There is no webhook other") as caught:
        await Webhook(hooks.read("crm https://example.com")).deliver(post("other"))
    assert caught.value.permanent


async def test_a_workflow_gets_a_card_without_a_signature() -> None:
    async with serving(answering(202), signed=False) as service:
        await platform(service, "teams private").deliver(post())
    [said] = service.said
    assert not [name for name in said.headers if name.lower().startswith("webhook-")]
    [attachment] = said.json["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["type"] == "AdaptiveCard"
    assert "first 2 of 9 rows" in json.dumps(attachment)


@pytest.mark.parametrize("name", GALLERY)
def test_every_message_fits_a_workflow_and_nothing_of_it_is_markdown(name: str) -> None:
    made = card.body(GALLERY[name])
    assert len(made) <= card.LIMIT
    assert '"TextBlock"' not in made.decode()


@pytest.mark.parametrize("name", GALLERY)
def test_every_message_is_json_for_machines(name: str) -> None:
    made = json.loads(payload.body(Post(RUN, Channel("webhook", "crm"), GALLERY[name])))
    assert made["data"]["message"]["text"] == GALLERY[name].text[:10_000]
    assert made["data"]["job"] is None


def test_what_is_too_long_says_that_it_was_cut() -> None:
    long = Message(text="x", blocks=(Paragraph("ü" * payload.LIMIT),))
    made = payload.body(Post(RUN, Channel("webhook", "crm"), long))
    assert len(made) < payload.LIMIT
    assert json.loads(made)["data"]["message"]["cut"] is True
    shown = card.body(Message(text="x", blocks=tuple(Paragraph(f"{n} " + "y" * 3_000) for n in range(20))))
    assert len(shown) <= card.LIMIT
    assert "Cut to fit Teams" in shown.decode()


def test_hooks_are_read_and_show_nothing_of_their_address() -> None:
    made = hooks.read(
        "# ours\ncrm https://example.com/token secret=whsec_AAAA\nops https://example.com/x?sig=token teams"
    )
    assert [one.name for one in made] == ["crm", "ops"]
    assert [one.teams for one in made] == [False, True]
    assert "token" not in repr(made)
    assert "AAAA" not in repr(made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://example.com/token", "begins with a name"),
        ("crm", "crm has no URL"),
        ("crm token", "its URL begins with https://"),
        ("crm http://token.example.com", "without TLS only within the own network"),
        ("crm https://token.example.com twice", "come only secret=…, teams and private"),
        ("crm https://a.example/token secret=whsec_%%", "no base64"),
        ("crm https://a.example/token secret=k teams", "leave the secret out"),
        ("crm https://a.example/token; crm https://b.example", "two of the name crm"),
    ],
)
def test_a_mistake_is_told_without_the_address(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        hooks.read(text)
    assert "token" not in str(caught.value)


async def test_the_signature_holds_for_the_very_bytes_and_the_time() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    [hook] = hooks.read(f"crm https://example.com secret={SECRET}")
    first = hook.signer.headers(RUN, at, payload.body(post()))
    assert first != hook.signer.headers(RUN, at + timedelta(seconds=1), payload.body(post()))
    assert first == hook.signer.headers(RUN, at, payload.body(post()))


@pytest.mark.parametrize("target", ["webhook:https://hooks.example.com/token", "webhook:", "webhook:a b"])
def test_a_job_names_a_webhook_and_never_its_address(target: str) -> None:
    said = addresses.mistake(target)
    assert said
    assert "token" not in said
    assert addresses.mistake("webhook:crm") == ""
