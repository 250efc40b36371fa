"""The http agent against real servers: what is sent, and the three ways to answer."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.agents import requests
from adapters.agents.http import Http
from adapters.agents.services import Pause
from core.entries import Answered, Attached, Charted, Headlined, Logged, Progressed, Returned
from core.errors import AgentError
from tests.unit.service_rig import (
    KEY,
    SECRET,
    Asked,
    Polled,
    Service,
    agent,
    answer,
    ask,
    entries,
    serving,
    until,
)

QUICK = Pause(first=0.01, longest=0.02)


def http(**more: Any) -> Http:
    return Http(pause=QUICK, **more)


async def done(_: web.Request) -> web.Response:
    return web.json_response({"summary": "*42* orders were refreshed."})


async def test_it_sends_the_parameters_signed_and_says_the_answer() -> None:
    async with serving(done) as service:
        asked = ask(agent(service), parameters={"campaign_id": 42, "since": date(2026, 3, 2), "full": True})
        assert await answer(http(), asked) == "*42* orders were refreshed."
    (said,) = service.said
    assert said.method == "POST"
    assert said.json == {"campaign_id": 42, "since": "2026-03-02", "full": True}
    assert said.headers["Content-Type"] == "application/json"
    assert said.headers["slashjob-job"] == "refresh"
    assert said.headers["slashjob-run"] == "#128.3"
    assert said.headers["slashjob-attempt"] == "1"
    assert "slashjob-callback" not in said.headers


@pytest.mark.parametrize(
    ("secret", "key"),
    [(SECRET, KEY), ("a plain secret", b"a plain secret")],
    ids=["whsec", "plain"],
)
async def test_a_secret_is_base64_or_the_key_itself(secret: str, key: bytes) -> None:
    async with serving(done) as service:
        service.key = key
        await answer(http(), ask(agent(service), environment={"SERVICE_SECRET": secret}))


async def test_without_a_secret_nothing_is_signed() -> None:
    async with serving(done) as service:
        service.key = None
        await answer(http(), ask(agent(service, secret="")))


async def test_the_body_keeps_types_and_writes_out_what_stands_in_text() -> None:
    body = {
        "id": "{campaign_id}",
        "text": "campaign {campaign_id} since {since}",
        "literal": "{{campaign_id}} {print $1}",
        "inside": [{"none": "{region}", "on": "{full}", "share": "{share}"}, 7, None],
    }
    parameters = {"campaign_id": 42, "since": date(2026, 3, 2), "full": True, "share": 0.5, "region": None}
    async with serving(done) as service:
        await answer(http(), ask(agent(service), parameters=parameters, body=body))
    assert service.said[0].json == {
        "id": 42,
        "text": "campaign 42 since 2026-03-02",
        "literal": "{campaign_id} {print $1}",
        "inside": [{"none": None, "on": True, "share": 0.5}, 7, None],
    }


@pytest.mark.parametrize(
    "value",
    [
        "; touch P",
        "$(touch P)",
        "a\nb",
        "--flag",
        "{{7*7}}",
        "{region}",
        "%0a",
        "a/../b?x=1#y",
        "é ☃ '\"",
        "x" * 2_000,
    ],
)
async def test_values_arrive_exactly_in_path_query_and_body(value: str) -> None:
    async with serving(done) as service:
        asked = ask(
            agent(service, "/base?code=1"),
            parameters={"v": value, "region": "EU"},
            path="/items/{v}/refresh?again={v}",
            body={"v": "{v}", "in": "<{v}>"},
        )
        await answer(http(), asked)
    (said,) = service.said
    parts = urlsplit(said.path)
    assert [unquote(one) for one in parts.path.split("/")] == ["", "base", "items", value, "refresh"]
    assert parse_qsl(parts.query) == [("code", "1"), ("again", value)]
    assert said.json == {"v": value, "in": f"<{value}>"}


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda text: text not in (".", "..")))
def test_no_value_changes_where_an_address_leads(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return  # the types of parameters take no lone surrogates
    made = requests.address("https://example.com/a/", "/x/{v}/y?q={v}", {"v": value})
    assert made.host == "example.com"
    assert [unquote(one) for one in made.raw_path.split("/")] == ["", "a", "x", value, "y"]
    assert parse_qsl(made.raw_query_string, keep_blank_values=True) == [("q", value)]


@pytest.mark.parametrize("value", [".", "..", ""])
async def test_a_value_that_would_change_the_path_is_refused(value: str) -> None:
    async with serving(done) as service:
        with pytest.raises(AgentError, match="address") as caught:
            await answer(http(), ask(agent(service), parameters={"v": value}, path="/a/{v}/b"))
        assert caught.value.permanent
        assert not service.said


async def test_a_value_too_large_for_an_address_belongs_into_the_body() -> None:
    async with serving(done) as service:
        with pytest.raises(AgentError, match="1,000,0") as caught:
            await answer(
                http(), ask(agent(service), parameters={"v": "x" * 1_000_000}, path="/{v}", body={"a": 1})
            )
        assert caught.value.hint == "Send large values in the body."
        value = "é" * 1_000_000
        await answer(http(), ask(agent(service), parameters={"v": value}))
        assert service.said[0].json == {"v": value}


async def test_the_whole_envelope_is_read(tmp_path: Path) -> None:
    said = {
        "summary": "done",
        "headline": [{"name": "Revenue", "value": 41.5, "format": "currency", "unit": "€"}],
        "tables": [{"name": "t", "columns": ["a", "b"], "rows": [["x", 1], {"a": "y"}]}],
        "charts": [{"table": "t", "type": "bar", "x": "a", "y": "b"}],
        "files": [{"name": "t.csv", "media_type": "text/csv", "text": "a,b\n"}],
    }

    async def envelope(_: web.Request) -> web.Response:
        return web.json_response(said)

    async with serving(envelope) as service:
        got = await entries(http(data=tmp_path), ask(agent(service)))
    assert {type(one) for one in got} == {Returned, Charted, Headlined, Attached, Answered}
    assert isinstance(got[-1], Answered)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (web.Response(text="plain words"), "plain words"),
        (
            web.Response(
                body="grün".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"}
            ),
            "grün",
        ),
        (web.Response(status=201, body=b"\xff\x00ok", headers={"Content-Type": "text/plain"}), "��ok"),
        (web.json_response({"ok": True}), '{"ok": true}'),
        (web.Response(status=204), ""),
    ],
    ids=["text", "latin", "bytes", "json", "nothing"],
)
async def test_text_is_an_answer_too(response: web.Response, said: str) -> None:
    async def reply(_: web.Request) -> web.Response:
        return response

    async with serving(reply) as service:
        assert await answer(http(), ask(agent(service))) == said


async def test_work_that_was_accepted_is_followed_to_its_end() -> None:
    polled = Polled(3, progress="queued")
    async with serving(polled) as service:
        got = await entries(http(), ask(agent(service)))
    assert got == [
        Progressed("queued"),
        Progressed("step 1", 1, 3),
        Progressed("step 2", 2, 3),
        Answered("at last", marked=True),
    ]
    assert service.methods == ["POST /", *["GET /tasks/7?x=a%26b"] * 3]


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_honoured(form: str) -> None:
    began = time.time()
    after = "1" if form == "seconds" else format_datetime(datetime.fromtimestamp(began + 2, UTC), usegmt=True)
    polled = Polled(1, {"Retry-After": after})
    start = time.monotonic()
    async with serving(polled) as service:
        await answer(http(), ask(agent(service)))
    assert polled.looks[0] - start >= 0.9


async def test_passing_faults_while_following_are_borne() -> None:
    polled = Polled(6)
    polled.faults = [503, 429, 500, 408]
    async with serving(polled) as service:
        assert await answer(http(), ask(agent(service))) == "at last"


@pytest.mark.parametrize(("faults", "looks"), [([404], 1), ([503] * 50, 6)])
async def test_lasting_faults_while_following_fail_the_run(faults: list[int], looks: int) -> None:
    polled = Polled(99)
    polled.faults = faults
    async with serving(polled) as service:
        with pytest.raises(AgentError, match=str(faults[0])):
            await answer(http(), ask(agent(service)))
    assert len(polled.looks) == looks


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1:1/work",
        "https://127.0.0.1/x",
        "//169.254.169.254/latest",
        "http://[",
        "file:///etc/passwd",
    ],
)
async def test_a_location_elsewhere_is_not_asked(place: str) -> None:
    async with serving(Polled(1, {"Location": place})) as service:
        with pytest.raises(AgentError, match="another place") as caught:
            await answer(http(), ask(agent(service)))
    assert caught.value.permanent
    assert service.methods == ["POST /"]


async def test_work_that_is_accepted_without_a_way_to_follow_it_is_explained() -> None:
    async def accepted(_: web.Request) -> web.Response:
        return web.Response(status=202)

    async with serving(accepted) as service:
        with pytest.raises(AgentError, match="no Location") as caught:
            await answer(http(), ask(agent(service)))
    assert "SLASHJOB_PUBLIC_URL" in caught.value.hint


async def following(service: Service, polled: Polled, asked: Asked) -> asyncio.Task[str]:
    task = asyncio.create_task(answer(http(), asked))
    await until(lambda: len(polled.looks) >= 1)
    return task


@pytest.mark.parametrize(
    ("body", "stopped"),
    [({}, "DELETE /tasks/7?x=a%26b"), ({"cancel_url": "/tasks/7/stop"}, "POST /tasks/7/stop")],
)
async def test_a_cancel_is_passed_on(body: dict[str, Any], stopped: str) -> None:
    polled = Polled(10**9, **body)
    async with serving(polled) as service:
        asked = ask(agent(service), halt="cancel")
        task = await following(service, polled, asked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert service.methods[-1] == stopped
        assert [one for one in asked.said if isinstance(one, Logged)] == [
            Logged(f"The service at {service.url[7:]} was told to stop.")
        ]


@pytest.mark.parametrize("why", ["shutdown", "lease"])
async def test_work_that_another_attempt_takes_up_is_not_stopped(why: Any) -> None:
    polled = Polled(10**9)
    async with serving(polled) as service:
        task = await following(service, polled, ask(agent(service), halt=why))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [one for one in service.methods if one.startswith("DELETE")]


async def test_a_cancel_that_cannot_be_passed_on_is_told() -> None:
    async def stubborn(request: web.Request) -> web.Response:
        if request.method == "DELETE":
            return web.Response(status=500)
        return web.Response(status=202, headers={"Location": "/w"})

    async with serving(stubborn) as service:
        asked = ask(agent(service), halt="time")
        task = asyncio.create_task(answer(http(), asked))
        await until(lambda: len(service.said) > 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (logged,) = [one for one in asked.said if isinstance(one, Logged)]
    assert logged.level == "warning"
    assert "may go on there" in logged.text


async def test_a_secret_appears_in_no_entry() -> None:
    async def echo(request: web.Request) -> web.Response:
        text = json.dumps({"summary": f"I got {(await request.read()).decode()} and {SECRET}"})
        return web.Response(text=text, content_type="application/json")

    async with serving(echo) as service:
        asked = ask(agent(service), parameters={"token": "hunter2-very"}, secret=("token",))
        said = await answer(http(), asked)
        assert service.said[0].json == {"token": "hunter2-very"}
    assert "hunter2" not in said
    assert SECRET not in said
