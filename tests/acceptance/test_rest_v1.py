"""`/api/v1`, taken as a black box over plain HTTP: what members do by command, programs do here."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.program_rig import LIMIT, until
from tests.acceptance.rest_rig import Client, Pipeline, make_key, pipeline

REPORT = {
    "agent": "analyst",
    "title": "Sales of a campaign",
    "parameters": {"campaign_id": {"type": "integer", "default": 42}},
    "questions": [
        {
            "name": "days",
            "sql": "select day, amount from sales where campaign_id = :campaign_id order by day",
            "chart": {"type": "bar", "x": "day", "y": "amount"},
        }
    ],
    "summary": "Campaign {{ params.campaign_id }}",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pipeline(tmp_path_factory.mktemp("v1")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(served: Pipeline) -> Client:
    return served.client("admin", name="operations")


def ended(client: Client, batch: str | int) -> Any:
    """Wait for the end of a batch, as a pipeline does."""
    found = client.get(f"/api/v1/batches/{batch}/wait?timeout={LIMIT}").json
    assert found["ended"] is True
    return found


def test_a_job_is_made_changed_read_disabled_and_made_again(admin: Client) -> None:
    made = admin.ask("PUT", "/api/v1/jobs/sales", {"definition": REPORT})
    assert (made.status, made.json["effect"]) == (201, "created"), made.text
    assert made.json["job"]["definition"]["title"] == "Sales of a campaign"
    again = admin.ask("PUT", "/api/v1/jobs/sales", {"definition": REPORT})
    assert (again.status, again.json["effect"], again.json["changes"]) == (200, "unchanged", [])
    changed = admin.ask("PUT", "/api/v1/jobs/sales", {"definition": REPORT | {"timeout": "5m"}})
    assert changed.json["effect"] == "changed"
    assert changed.json["job"]["definition"]["timeout"] == "5m"
    back = admin.ask("PUT", "/api/v1/jobs/sales", {"definition": REPORT})
    assert "timeout" not in back.json["job"]["definition"]
    stale = admin.ask("PUT", "/api/v1/jobs/sales", {"definition": REPORT, "version": 1})
    assert stale.status == 409
    gone = admin.ask("DELETE", "/api/v1/jobs/sales")
    assert (gone.json["effect"], gone.json["job"]["enabled"]) == ("disabled", False)
    assert admin.post("/api/v1/jobs/sales/batches").status == 409
    revived = admin.ask("PUT", "/api/v1/jobs/sales", {"definition": REPORT})
    assert revived.json["job"]["enabled"] is True
    names = [one["name"] for one in admin.get("/api/v1/jobs?word=campaign").json["jobs"]]
    assert "sales" in names


def test_a_job_that_cannot_be_is_refused_with_the_place_of_every_mistake(admin: Client) -> None:
    wrong = admin.ask(
        "PUT", "/api/v1/jobs/broken", {"definition": REPORT | {"agnet": "x", "timeout": "soon"}}
    )
    assert wrong.status == 422
    places = {one["pointer"]: one["detail"] for one in wrong.json["errors"]}
    assert "agent" in places["#/definition/agnet"]
    assert "#/definition/timeout" in places
    in_a_file = admin.ask("PUT", "/api/v1/jobs/count", {"definition": REPORT})
    assert in_a_file.status == 409
    assert "slashjob.yml" in in_a_file.json["detail"]
    assert admin.ask("PUT", "/api/v1/jobs/Not%20A%20Name", {"definition": REPORT}).status == 422


def test_a_batch_is_started_followed_listed_and_repeated(admin: Client) -> None:
    body = {"matrix": {"campaign_id": [42, 43, 44]}}
    said = admin.post("/api/v1/jobs/count/batches", body)
    assert said.status == 201
    assert said.headers["location"] == f"/api/v1/batches/{said.json['id']}"
    done = ended(admin, said.json["id"])
    assert (done["state"], done["counts"]) == ("succeeded", {"succeeded": 3})
    assert [one["parameters"]["campaign_id"] for one in done["runs"]] == [42, 43, 44]
    assert done["runs"][0]["answer"] == "Campaign 42: *2* sales."
    assert admin.get(f"/api/v1/batches/{done['number']}").json["id"] == done["id"]
    label = f"{done['number']}.2"
    assert admin.get(f"/api/v1/runs/{label}").json["id"] == done["runs"][1]["id"]
    rerun = admin.post(f"/api/v1/batches/{done['id']}/rerun", {"note": "once more"})
    assert (rerun.status, rerun.json["rerun_of"]) == (201, done["number"])
    ended(admin, rerun.json["id"])
    listed = admin.get("/api/v1/batches?job=count&limit=1").json
    assert [one["id"] for one in listed["batches"]] == [rerun.json["id"]]
    following = admin.get(f"/api/v1/batches?job=count&limit=1&cursor={listed['cursor']}").json
    assert [one["id"] for one in following["batches"]] == [done["id"]]
    assert admin.post(f"/api/v1/batches/{done['id']}/retry").status == 409
    assert admin.post(f"/api/v1/batches/{done['id']}/cancel").status == 409


def test_what_failed_is_retried_and_what_runs_is_cancelled(served: Pipeline, admin: Client) -> None:
    failed = ended(admin, admin.post("/api/v1/jobs/no-table/batches").json["id"])
    assert failed["state"] == "failed"
    assert "nothing_here" in failed["runs"][0]["error"]
    retried = admin.post(f"/api/v1/batches/{failed['id']}/retry")
    assert retried.status == 201
    again = ended(admin, retried.json["id"])
    assert admin.post(f"/api/v1/runs/{again['runs'][0]['id']}/retry").status == 201
    running = admin.post("/api/v1/jobs/gated/batches", {"parameters": {"gate": "cancelled"}}).json
    served.program.begun("cancelled")
    impatient = admin.get(f"/api/v1/batches/{running['id']}/wait?timeout=0")
    assert (impatient.status, impatient.json["ended"]) == (200, False)
    assert admin.post(f"/api/v1/batches/{running['id']}/cancel", {"note": "too late"}).status == 200
    assert ended(admin, running["id"])["state"] == "cancelled"
    notes = admin.get("/api/v1/audit?action=batch.note").json["acts"]
    assert notes[0]["who"] == "operations"
    assert notes[0]["data"]["note"] == "too late"


def test_every_change_of_a_batch_comes_as_an_event_until_its_end(served: Pipeline, admin: Client) -> None:
    started = admin.post("/api/v1/jobs/open/batches", {"parameters": {"gate": "events"}}).json
    served.program.begun("events")
    connection = http.client.HTTPConnection("127.0.0.1", admin.port, timeout=LIMIT)
    headers = {"X-API-Key": admin.key or "", "X-Organization-Id": admin.organization or ""}
    connection.request("GET", f"/api/v1/batches/{started['id']}/events", headers=headers)
    answer = connection.getresponse()
    assert answer.headers["content-type"] == "text/event-stream"
    first = answer.readline().decode()
    assert first == "event: run\n"
    served.program.open("events")
    rest = answer.read().decode()
    connection.close()
    events = [one.split("\n", 1) for one in (first + rest).strip().split("\n\n")]
    names = [name.removeprefix("event: ") for name, _ in events]
    last = json.loads(events[-1][1].removeprefix("data: "))
    assert names[-1] == "end"
    assert names.count("end") == 1
    assert last["state"] == "succeeded"
    runs = [json.loads(data.removeprefix("data: ")) for name, data in events if name == "event: run"]
    assert [one["status"] for one in runs][-1] == "succeeded"


def test_files_of_a_run_are_fetched_by_links_without_a_key(admin: Client) -> None:
    admin.ask("PUT", "/api/v1/jobs/drawn", {"definition": REPORT})
    done = ended(admin, admin.post("/api/v1/jobs/drawn/batches").json["id"])
    found = admin.get(f"/api/v1/runs/{done['runs'][0]['id']}/files").json["files"]
    kinds = {one["kind"]: one for one in found}
    stranger = Client(admin.port)
    table = stranger.get(kinds["table"]["url"])
    assert table.status == 200
    assert table.text.lstrip("\ufeff").splitlines()[0] == "day,amount"
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"].startswith("attachment; filename*=UTF-8''drawn-")
    assert table.headers["x-content-type-options"] == "nosniff"
    assert table.headers["cache-control"] == "private, no-store"
    connection = http.client.HTTPConnection("127.0.0.1", admin.port, timeout=LIMIT)
    connection.request("GET", kinds["chart"]["url"])
    answer = connection.getresponse()
    assert answer.read().startswith(b"\x89PNG")
    connection.close()
    path, _, name = kinds["table"]["url"].rpartition("/")
    said, _, signature = path.rpartition("/")[2].partition(".")
    for wrong in (f"{said}.{signature[::-1]}", f"{said}x.{signature}", said, "é"):
        refused = stranger.ask(
            "GET", f"/api/v1/files/{wrong.encode().hex() if wrong == 'é' else wrong}/{name}"
        )
        assert refused.status == 404


def test_a_schedule_is_previewed_put_paused_resumed_and_removed(admin: Client) -> None:
    seen = admin.post(
        "/api/v1/schedules/preview",
        {"when": "every weekday at 8", "timezone": "Europe/Amsterdam", "count": 3},
    )
    assert seen.status == 200
    assert len(seen.json["next"]) == 3
    assert seen.json["timezone"] == "Europe/Amsterdam"
    path = "/api/v1/jobs/count/schedules/mornings"
    wanted = {"when": "every weekday at 8", "parameters": {"campaign_id": 42}}
    made = admin.ask("PUT", path, wanted)
    assert made.status == 200, made.text
    assert made.json["parameters"] == [{"campaign_id": 42}]
    assert made.json["next"]
    every = admin.ask("PUT", path, {"every": "45m", "parameters": {"campaign_id": 43}})
    assert every.status == 200, every.text
    assert every.json["id"] == made.json["id"]
    listed = admin.get("/api/v1/schedules?job=count").json["schedules"]
    assert [one["name"] for one in listed] == ["mornings"]
    paused = admin.post(f"{path}/pause", {"note": "moving"})
    assert (paused.json["paused_why"], paused.json["next"]) == ("moving", [])
    assert admin.post(f"{path}/pause").status == 409
    assert admin.post(f"{path}/resume").status == 200
    assert admin.ask("DELETE", path).json["enabled"] is False
    assert admin.get("/api/v1/schedules?job=count").json["schedules"] == []
    for body, place in (
        ({"when": "whenever"}, ""),
        ({"when": "@daily", "every": "1h"}, "#/when"),
        ({"when": "@daily", "parameters": {"campaign": 1}}, "#/parameters/campaign"),
        ({"when": "@daily", "timezone": "Mars/Olympus"}, ""),
        ({"when": "@daily", "channel": "pigeon:x"}, "#/channel"),
        ({"every": "0s"}, ""),
    ):
        refused = admin.ask("PUT", path, body)
        assert refused.status == 422, refused.text
        assert not place or refused.json["errors"][0]["pointer"] == place


def test_a_job_is_paused_and_goes_on(admin: Client) -> None:
    assert admin.post("/api/v1/jobs/count/pause", {"note": "holiday"}).json["paused_why"] == "holiday"
    assert admin.get("/api/v1/jobs/count").json["paused_at"] is not None
    assert admin.post("/api/v1/jobs/count/resume", {"catch_up": False}).json["batches"] == []


def test_members_are_listed_and_given_roles_by_admins_only(served: Pipeline, admin: Client) -> None:
    served.program.run("say", "list", "--as", "Charlie", "--json")
    members = admin.get("/api/v1/members").json["members"]
    assert "operations" not in [one["name"] for one in members]
    charlie = next(one for one in members if one["name"] == "Charlie")
    assert charlie["role"] == "operator"
    given = admin.ask("PUT", f"/api/v1/members/{charlie['id']}/role", {"role": "viewer"})
    assert given.json["role"] == "viewer"
    assert admin.ask("PUT", "/api/v1/members/Nobody/role", {"role": "viewer"}).status == 404
    assert admin.ask("PUT", "/api/v1/members/Charlie/role", {"role": "king"}).status == 422
    editor = served.client("editor")
    assert editor.ask("PUT", "/api/v1/members/Charlie/role", {"role": "admin"}).status == 403
    acts = admin.get("/api/v1/audit?action=member.role").json["acts"]
    assert (acts[0]["who"], acts[0]["data"]) == ("operations", {"from": "operator", "to": "viewer"})


def test_keys_are_made_and_revoked_by_admins_and_an_answer_is_never_kept_in_the_clear(
    served: Pipeline, admin: Client
) -> None:
    body = {"name": "made here", "permissions": ["agent_jobs_read"], "jobs": ["count"]}
    made = admin.post("/api/v1/keys", body, headers={"Idempotency-Key": "key-1"})
    assert made.status == 201
    again = admin.post("/api/v1/keys", body, headers={"Idempotency-Key": "key-1"})
    assert again.json == made.json
    kept = served.program.rows("select answer from requests where answer like '%sealed%'")
    assert kept
    assert made.json["key"] not in str(kept)
    own = Client(admin.port, made.json["key"], made.json["organization_id"])
    assert own.get("/api/v1/key").json["jobs"] == ["count"]
    assert {one["name"] for one in own.get("/api/v1/jobs").json["jobs"]} == {"count"}
    assert own.get("/api/v1/keys").status == 403
    assert own.get("/api/v1/jobs/open").status == 403
    assert admin.post("/api/v1/keys", {"name": "x", "permissions": ["root"]}).status == 422
    broad = {"name": "x", "permissions": ["admin"], "jobs": ["count"]}
    assert admin.post("/api/v1/keys", broad).status == 422
    assert admin.ask("DELETE", f"/api/v1/keys/{made.json['id']}").status == 200
    assert own.get("/api/v1/key").status == 401


def test_messages_that_were_owed_are_listed(served: Pipeline, admin: Client) -> None:
    served.program.open("owed")
    done = ended(admin, admin.post("/api/v1/jobs/open/batches", {"parameters": {"gate": "owed"}}).json["id"])
    path = f"/api/v1/deliveries?batch={done['number']}"
    until(lambda: [one["state"] for one in admin.get(path).json["deliveries"]] == ["sent"], "the delivery")
    assert admin.get(path).json["deliveries"][0]["channel"] == "console:pipelines"


def test_what_has_no_address_of_its_own_is_said_as_a_line(served: Pipeline, admin: Client) -> None:
    said = admin.post("/api/v1/commands", {"line": "sets count mine campaign_id=42,43"})
    assert (said.status, said.json["outcome"]) == (200, "done"), said.text
    shown = admin.post("/api/v1/commands", {"line": "sets count"})
    assert any("mine" in str(block) for block in shown.json["blocks"])
    refused = admin.post("/api/v1/commands", {"line": "unlcok count"})
    assert (refused.status, refused.json["suggestions"][0]) == (422, "unlock count")
    headers = {"Idempotency-Key": "line-1"}
    assert admin.post("/api/v1/commands", {"line": "pause open"}, headers=headers).status == 200
    assert admin.post("/api/v1/commands", {"line": "pause open"}, headers=headers).status == 200
    assert admin.post("/api/v1/commands", {"line": "pause gated"}, headers=headers).status == 409
    assert admin.post("/api/v1/commands", {"line": "resume open"}).status == 200
    acts = admin.get("/api/v1/audit?action=set.save").json["acts"]
    assert (acts[0]["who"], acts[0]["data"]["set"]) == ("operations", "mine")
    viewer = served.client("viewer", name="only looks")
    assert viewer.post("/api/v1/commands", {"line": "list"}).status == 200
    assert viewer.post("/api/v1/commands", {"line": "run count campaign_id=1"}).status == 422
    reader = served.client("agent_jobs_read", name="only reads")
    assert reader.post("/api/v1/commands", {"line": "list"}).status == 403
    limited = served.client("operator", name="limited", jobs=("count",))
    assert limited.post("/api/v1/commands", {"line": "list"}).status == 403


ROLES: list[tuple[str, str, Any, str]] = [
    ("PUT", "/api/v1/jobs/x", {"definition": {}}, "editor"),
    ("DELETE", "/api/v1/jobs/x", None, "editor"),
    ("POST", "/api/v1/jobs/count/pause", {}, "editor"),
    ("PUT", "/api/v1/jobs/count/schedules/x", {"when": "@daily"}, "editor"),
    ("POST", "/api/v1/jobs/count/batches", {}, "operator"),
    ("POST", "/api/v1/batches/1/cancel", {}, "operator"),
    ("GET", "/api/v1/members", None, "viewer"),
    ("GET", "/api/v1/audit", None, "admin"),
    ("GET", "/api/v1/keys", None, "admin"),
]


def test_every_operation_needs_its_role(served: Pipeline) -> None:
    order = ["viewer", "operator", "editor", "admin"]
    clients = {role: served.client(role, name=f"a {role}") for role in order}
    reader = served.client("agent_jobs_read", name="a reader")
    for method, path, body, needed in ROLES:
        for role, client in clients.items():
            status = client.ask(method, path, body).status
            allowed = order.index(role) >= order.index(needed)
            assert (status != 403) is allowed, (method, path, role, status)
            assert status not in (401, 500)
        assert reader.ask(method, path, body).status == 403
        assert reader.ask(method, path, body, headers={"X-API-Key": None}).status == 401


def test_waiting_requests_do_not_keep_the_server_from_stopping(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with pipeline(tmp_path_factory.mktemp("stop"), SLASHJOB_DRAIN="0s") as served:
        made = make_key(served.program, "operator", name="waiter")
        client = Client(served.serving.port, made["key"], made["organization_id"])
        batch = client.post("/api/v1/jobs/gated/batches", {"parameters": {"gate": "never"}}).json
        served.program.begun("never")
        connections = []
        for path in ("wait?timeout=300", "events"):
            connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=LIMIT)
            headers = {"X-API-Key": made["key"], "X-Organization-Id": made["organization_id"]}
            connection.request("GET", f"/api/v1/batches/{batch['id']}/{path}", headers=headers)
            connections.append(connection)
        events = connections[1].getresponse()
        events.readline()
        assert served.serving.terminate() == 0
        assert connections[0].getresponse().status == 200
        for connection in connections:
            connection.close()
