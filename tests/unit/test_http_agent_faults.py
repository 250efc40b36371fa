"""The http agent and services that are away, wrong, hostile or endless: one clear failure each."""

from __future__ import annotations

import asyncio
import resource
import socket
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from adapters.agents import services
from adapters.agents.http import Http
from adapters.agents.services import Pause
from adapters.remote import addresses
from core.entries import Answered
from core.errors import AgentError
from tests.unit.service_rig import SECRET, answer, ask, serving


def agent(url: str, **more: Any) -> dict[str, Any]:
    return {"kind": "http", "url": url, "secret": "${SERVICE_SECRET}", "allow_private": True} | more


async def refused(url: str, **more: Any) -> AgentError:
    with pytest.raises(AgentError) as caught:
        await answer(Http(pause=Pause(0.01, 0.02)), ask(agent(url, **more)))
    return caught.value


async def failed(response: web.StreamResponse) -> AgentError:
    async def reply(_: web.Request) -> web.StreamResponse:
        return response

    async with serving(reply) as service:
        return await refused(service.url)


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (400, True), (401, True), (403, True), (404, True), (409, True), (410, True), (422, True),
        (408, False), (425, False), (429, False), (500, False), (502, False), (503, False), (504, False),
    ],
)  # fmt: skip
async def test_a_refusal_is_for_good_and_an_outage_is_not(status: int, permanent: bool) -> None:
    error = await failed(web.Response(status=status, text=f"because of {SECRET} and more"))
    assert str(status) in error.sentence
    assert error.permanent is permanent
    assert error.detail == "because of •••••• and more"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    seen: list[str] = []

    async def inner(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(text="the inside")

    async with serving(inner) as inside:
        error = await failed(web.Response(status=status, headers={"Location": f"{inside.url}/admin"}))
    assert "redirect" in error.sentence
    assert error.permanent
    assert not seen


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (web.Response(text="<h1>Log in</h1>", content_type="text/html"), "page for browsers"),
        (web.Response(body=b"\x89PNG", content_type="image/png"), "image/png, which is no text"),
        (web.Response(body=b"{oops", content_type="application/json"), "calls JSON"),
        (web.Response(body=b"[" * 100_000, content_type="application/json"), "calls JSON"),
        (web.json_response({"tables": 7}), "not as it should be"),
        (web.json_response({"charts": [{"type": "bar", "x": "a"}]}), "not there"),
        (web.Response(body=b"x", headers={"Content-Encoding": "gzip"}), "compressed"),
        (web.json_response({"error": "No stock left.", "permanent": True}), "No stock left"),
    ],
    ids=["html", "image", "broken", "deep", "shape", "chart", "gzip", "said"],
)
async def test_nonsense_is_explained_and_not_tried_again(response: web.Response, said: str) -> None:
    error = await failed(response)
    assert said in error.sentence
    assert error.permanent


async def test_a_service_may_say_that_it_failed() -> None:
    error = await failed(web.json_response({"error": f"Out of stock for {SECRET}."}))
    assert error.sentence == "Out of stock for ••••••."
    assert not error.permanent


async def raw(reply: bytes) -> tuple[asyncio.Server, str]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("reply", "said", "permanent"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "no HTTP", True),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "no HTTP", True),
        (b"", "closed the connection", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", "closed the connection", False),
    ],
    ids=["ssh", "header", "nothing", "half"],
)
async def test_what_speaks_no_http_is_explained(reply: bytes, said: str, permanent: bool) -> None:
    server, url = await raw(reply)
    async with server:
        error = await refused(url)
    assert said in error.sentence
    assert error.permanent is permanent


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await refused(f"http://127.0.0.1:{port}")
    assert error.sentence == f"The service at 127.0.0.1:{port} cannot be reached: Connection refused."
    assert not error.permanent


async def test_a_name_without_an_address() -> None:
    error = await refused("http://no-such-host.invalid/x")
    assert (
        error.sentence
        == "The service at no-such-host.invalid cannot be reached: there is no address for that name."
    )
    assert not error.permanent


async def test_a_port_without_tls_is_not_trusted() -> None:
    server, url = await raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    async with server:
        error = await refused(url.replace("http:", "https:"))
    assert error.permanent
    assert "cannot be trusted" in error.sentence


async def test_a_hundred_megabytes_are_refused_in_constant_memory() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        for _ in range(1_600):
            await response.write(b"x" * (64 << 10))
            sent += 64 << 10
        return response

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with serving(endless) as service:
        error = await refused(service.url)
    assert "more than 1,048,576 bytes" in error.sentence
    assert error.permanent
    assert sent < 100 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kilobytes


async def test_the_largest_answer_that_is_taken_is_taken_whole() -> None:
    async def large(_: web.Request) -> web.Response:
        return web.Response(text="x" * services.ANSWER_LIMIT)

    async with serving(large) as service:
        said = await answer(Http(), ask(agent(service.url)))
    assert said.startswith("x" * 100_000)
    assert "1,048,576 bytes" in said


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"])
async def test_private_addresses_are_refused_however_they_are_written(host: str) -> None:
    seen: list[str] = []

    async def inside(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(text="the inside")

    async with serving(inside) as service:
        port = service.url.rpartition(":")[2]
        error = await refused(f"http://{host}:{port}/", allow_private=False)
    assert not seen
    assert error.permanent
    assert "no address of the public internet" in error.sentence
    assert "allow_private: true" in error.hint


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.9.9", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1",
        "2002:a00:1::1", "2001:0:a00:1::f5ff:fffe", "2001:db8::1", "100::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not addresses.is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.com", "no address of a service"),
        ("http://", "no address of a service"),
        ("http://[::1", "no address of a service"),
        ("http://127.1:9", "no address of a service"),
        ("http://2130706433:9", "no address of a service"),
        ("${NOT_SET}/x", "NOT_SET, which is not set"),
        ("https://x/${SLACK_BOT_TOKEN}", "setting of the bot itself"),
    ],
)
async def test_a_url_that_is_none_is_explained(url: str, said: str) -> None:
    error = await refused(url)
    assert said in error.sentence
    assert error.permanent


async def test_a_secret_that_is_no_base64_is_explained() -> None:
    with pytest.raises(AgentError, match="no base64") as caught:
        await answer(Http(), ask(agent("http://127.0.0.1:9"), environment={"SERVICE_SECRET": "whsec_%%%"}))
    assert caught.value.permanent
    assert "%%%" not in caught.value.sentence


async def test_variables_of_a_url_are_quoted_and_masked() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.query["code"] + " " + request.headers["Authorization"])

    async with serving(echo) as service:
        url = service.url.replace("://", "://me:${PASSWORD}@") + "/?code=${CODE}"
        environment = {"CODE": "a/b&c=#d", "PASSWORD": "p@ss/w:rd"}
        said = await answer(Http(), ask(agent(url), environment=environment))
        assert service.said[0].path == "/?code=a/b%26c%3D%23d"
        assert service.said[0].headers["Authorization"] == "Basic bWU6cEBzcy93OnJk"
    assert said.startswith("•••••• ")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("/w", "https://me:pw@a.example/w"),
        ("w?x=1#y", "https://me:pw@a.example/b/w?x=1"),
        ("https://a.example:443/w", "https://me:pw@a.example/w"),
        ("https://you@a.example/w", "https://me:pw@a.example/w"),
        ("http://a.example/w", None),
        ("https://a.example:444/w", None),
        ("https://a.example.evil/w", None),
        ("//evil/w", None),
        ("javascript:x", None),
    ],
)
def test_only_the_same_place_is_asked_again(given: str, found: str | None) -> None:
    made = services.same_place(URL("https://me:pw@a.example/b/c"), given)
    assert (str(made) if made is not None else None) == found


async def test_an_unknown_key_of_the_answer_is_a_line() -> None:
    async def reply(_: web.Request) -> web.Response:
        return web.json_response({"summary": "ok", "error": None})

    async with serving(reply) as service:
        asked = ask(agent(service.url))
        assert await answer(Http(), asked) == "ok"
    assert asked.said[-1] == Answered("ok", marked=True)
