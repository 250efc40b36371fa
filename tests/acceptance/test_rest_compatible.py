"""The calls that pipelines written for Interact make, taken as a black box over plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.program_rig import until
from tests.acceptance.rest_rig import Client, Pipeline, make_key, other_organization, pipeline


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pipeline(tmp_path_factory.mktemp("rest")) as made:
        yield made


@pytest.fixture(scope="module")
def client(served: Pipeline) -> Client:
    return served.client("agent_jobs_trigger", "agent_jobs_read", name="Data pipeline")


def test_a_job_is_started_by_id_or_name_and_answered_in_both_documented_shapes(client: Client) -> None:
    said = client.trigger("count", {"parameters": {"campaign_id": 42}})
    assert said.status == 200
    answer = said.json
    assert answer["success"] is True
    assert answer["chat"]["id"] == answer["chat_id"]
    assert answer["job"]["id"] == answer["job_id"]
    assert isinstance(answer["chat_id"], str)
    assert "batch" not in answer
    client.ended(answer["chat_id"])
    by_id = client.trigger(answer["job_id"], {"parameters": {"campaign_id": "42"}})
    assert by_id.json["job_id"] == answer["job_id"]
    client.ended(by_id.json["chat_id"])


def test_an_empty_body_starts_a_job_whose_parameters_all_have_defaults(client: Client) -> None:
    said = client.trigger("no-table")
    assert said.status == 200
    chat = client.ended(said.json["chat"]["id"])
    assert chat["status"] == "failed"
    assert "nothing_here" in chat["error"]


def test_a_chat_tells_everything_that_was_recorded(client: Client) -> None:
    started = client.trigger("count", {"parameters": {"campaign_id": 42}, "note": "after the load"}).json
    chat = client.ended(started["chat_id"])
    assert chat["status"] == "succeeded"
    assert chat["initiator"] == "Data pipeline"
    assert chat["job"] == {"id": started["job_id"], "name": "count"}
    assert chat["agent"]["name"] == "analyst"
    assert chat["chat"]["id"] == chat["id"] == started["chat_id"]
    assert chat["answer"] == "Campaign 42: *2* sales."
    assert chat["messages"][0]["role"] == "user"
    assert chat["messages"][-1]["content"] == "Campaign 42: *2* sales."
    [table] = [one for one in chat["documents"] if one["type"] == "table"]
    assert (table["columns"], table["rows"]) == (["number", "amount"], [[2, 120.5]])
    assert chat["metadata"]["parameters"] == {"campaign_id": 42, "region": "EU"}
    assert chat["metadata"]["trigger"] == "api"


def test_chats_are_listed_newest_first_page_by_page_and_filtered(served: Pipeline, client: Client) -> None:
    for campaign in (1, 2, 3):
        client.ended(client.trigger("count", {"parameters": {"campaign_id": campaign}}).json["chat_id"])
    whole = client.get("/api/agents/chats?agentId=&jobId=&limit=200").json["chats"]
    assert set(whole[0]) == {"id", "status", "initiator", "createdAt", "job", "agent"}
    times = [one["createdAt"] for one in whole]
    assert times == sorted(times, reverse=True)
    paged: list[Any] = []
    cursor = ""
    while True:
        page = client.get(f"/api/agents/chats?limit=2&cursor={cursor}").json
        paged += page["chats"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert paged == whole
    counted = client.get("/api/agents/chats?jobId=count&status=succeeded").json["chats"]
    assert {one["job"]["name"] for one in counted} == {"count"}
    failed = client.get("/api/agents/chats?status=failed").json["chats"]
    assert {one["status"] for one in failed} <= {"failed"}
    scripts = client.get("/api/agents/chats?agentId=scripts").json["chats"]
    assert all(one["agent"]["name"] == "scripts" for one in scripts)
    since = counted[0]["createdAt"]
    assert client.get(f"/api/agents/chats?since={since}").json["chats"][-1]["createdAt"] >= since
    assert client.get("/api/agents/chats?since=2999-01-01T00:00:00Z").json["chats"] == []


def test_sets_and_a_matrix_start_a_run_for_each(client: Client) -> None:
    said = client.trigger(
        "open", {"parameters": {"gate": "fan"}, "matrix": {"size": [1, 2, 3]}, "parameter_sets": [{}, {}]}
    )
    answer = said.json
    assert said.status == 200
    assert len(answer["chats"]) == 3
    assert answer["chats"][0] == answer["chat"]
    assert answer["batch"]["id"]
    saved = client.trigger("count", {"parameter_sets": ["both", {"campaign_id": 44}]}).json
    assert len(saved["chats"]) == 3
    found = [client.ended(one["id"])["metadata"]["parameters"]["campaign_id"] for one in saved["chats"]]
    assert found == [42, 43, 44]


def test_an_active_job_is_a_conflict_that_names_the_running_chat(served: Pipeline, client: Client) -> None:
    first = client.trigger("gated", {"parameters": {"gate": "overlap"}}).json
    served.program.begun("overlap")
    second = client.trigger("gated", {"parameters": {"gate": "other"}}, headers={"Idempotency-Key": "over"})
    assert second.status == 409
    assert second.headers["content-type"] == "application/problem+json"
    assert second.json["chat"] == {"id": first["chat_id"]}
    assert second.json["chat_id"] == first["chat_id"]
    served.program.open("overlap")
    client.ended(first["chat_id"])
    served.program.open("other")
    later = client.trigger("gated", {"parameters": {"gate": "other"}}, headers={"Idempotency-Key": "over"})
    assert later.status == 200
    client.ended(later.json["chat_id"])


def test_a_full_line_asks_for_patience(served: Pipeline, client: Client) -> None:
    running = client.trigger("queued", {"parameters": {"gate": "line"}}).json
    served.program.begun("line")
    waiting = client.trigger("queued", {"parameters": {"gate": "line"}})
    assert waiting.status == 200
    full = client.trigger("queued", {"parameters": {"gate": "line"}}, headers={"Idempotency-Key": "full"})
    assert full.status == 429
    assert int(full.headers["retry-after"]) > 0
    served.program.open("line")
    client.ended(running["chat_id"])
    client.ended(waiting.json["chat_id"])
    again = client.trigger("queued", {"parameters": {"gate": "line"}}, headers={"Idempotency-Key": "full"})
    assert again.status == 200
    client.ended(again.json["chat_id"])


def test_one_idempotency_key_starts_one_run_twenty_times_at_once_and_after_a_restart(
    served: Pipeline, client: Client
) -> None:
    """Scenario E10."""
    body = {"parameters": {"gate": "e10"}}
    headers = {"Idempotency-Key": "load-2026-03-02"}
    said = client.together(20, "/api/agents/jobs/open/trigger", body, headers=headers)
    assert {one.status for one in said} == {200}
    assert len({one.json["chat_id"] for one in said}) == 1
    served.program.open("e10")
    client.ended(said[0].json["chat_id"])
    served.again()
    client.port = served.serving.port
    later = client.trigger("open", body, headers=headers)
    assert (later.status, later.json) == (200, said[0].json)
    assert later.headers["idempotent-replayed"] == "true"
    other = client.trigger("open", {"parameters": {"gate": "e11"}}, headers=headers)
    assert other.status == 409
    elsewhere = client.trigger("gated", body, headers=headers)
    assert elsewhere.status == 409
    gates = served.program.rows("select count(*) from runs where parameters like '%e10%'")
    assert gates == [(1,)]
    stranger = served.client("agent_jobs_trigger", name="another pipeline")
    served.program.open("e12")
    own = stranger.trigger("open", {"parameters": {"gate": "e12"}}, headers=headers)
    assert own.json["chat_id"] != later.json["chat_id"]


def test_the_end_is_told_in_the_channel_that_was_asked_for(served: Pipeline, client: Client) -> None:
    served.program.open("told")
    body = {"parameters": {"gate": "told"}, "notify": "console:pipeline-results"}
    client.ended(client.trigger("open", body).json["chat_id"])
    until(
        lambda: (
            served.program.rows(
                "select d.state from deliveries d join channels c on c.pk = d.channel"
                " where c.address = 'pipeline-results'"
            )
            == [("sent",)]
        ),
        "the delivery",
    )


def test_secret_values_are_covered_wherever_the_api_tells_them(served: Pipeline, client: Client) -> None:
    served.program.open("secret")
    said = client.trigger("sealed", {"parameters": {"gate": "secret", "password": "hunter2hunter2"}})
    client.ended(said.json["chat_id"])
    told = client.get(f"/api/agents/chats/{said.json['chat_id']}")
    assert told.status == 200
    assert "hunter2" not in told.text
    assert "hunter2" not in client.get("/api/agents/chats").text
    assert "hunter2" not in served.serving.said


BAD = [
    ("{", 400, "no-json"),
    ('{"parameters": NaN}', 400, "no-json"),
    ('{"parameters": {"a": 1, "a": 2}}', 400, "no-json"),
    ('{"parameters": {"gate": "\\u0000"}}', 400, "no-json"),
    ("[" * 100_000, 400, "no-json"),
    ("[]", 422, "invalid"),
    ("null", 422, "invalid"),
    ('{"paramters": {}}', 422, "invalid"),
    ('{"parameters": {"gaet": "x"}}', 422, "invalid"),
    ('{"parameters": {"gate": {"a": 1}}}', 422, "invalid"),
    ('{"parameters": {"gate": "x", "size": 10}}', 422, "invalid"),
    ('{"matrix": {"gate": []}}', 422, "invalid"),
    ('{"parameters": {"gate": "x"}, "matrix": {"size": [1, "many"]}}', 422, "invalid"),
    ('{"parameter_sets": ["nowhere"]}', 404, "not-found"),
    ('{"notify": "carrier:pigeon"}', 422, "invalid"),
    ('{"notify": 5}', 422, "invalid"),
]


@pytest.mark.parametrize(("body", "status", "kind"), BAD)
def test_a_bad_body_is_a_problem_with_its_place(client: Client, body: str, status: int, kind: str) -> None:
    said = client.trigger("open", raw=body.encode(), headers={"Content-Type": "application/json"})
    assert said.status == status, said.text
    assert said.headers["content-type"] == "application/problem+json"
    assert said.json["type"] == f"urn:slashjob:problem:{kind}"
    assert said.json["status"] == status
    if status == 422:
        assert all(one["pointer"].startswith("#") for one in said.json["errors"])


def test_a_mistyped_name_is_told_with_its_pointer_and_what_was_meant(client: Client) -> None:
    field = client.trigger("open", {"paramters": {}}).json
    assert field["errors"] == [
        {"detail": "There is no field 'paramters'. Did you mean 'parameters'?", "pointer": "#/paramters"}
    ]
    parameter = client.trigger("open", {"parameters": {"gate": "x", "siez": 2}}).json
    assert parameter["errors"][0]["pointer"] == "#/parameters/siez"
    assert "Did you mean 'size'?" in parameter["errors"][0]["detail"]
    job = client.trigger("opne")
    assert (job.status, job.json["suggestions"]) == (404, ["open"])


def test_who_may_not_is_told_so_in_the_right_order(served: Pipeline, client: Client) -> None:
    reader = served.client("agent_jobs_read")
    starter = served.client("agent_jobs_trigger")
    limited = served.client("agent_jobs_trigger", "agent_jobs_read", jobs=("count",))
    other = other_organization(served.program)
    path = "/api/agents/jobs/open/trigger"
    assert client.post(path, headers={"X-API-Key": None}).status == 401
    wrong = client.post(path, headers={"X-API-Key": "sj_nonsense"})
    assert (wrong.status, wrong.headers["www-authenticate"]) == (401, 'ApiKey realm="slashjob"')
    assert client.post(path, headers={"X-Organization-Id": None}).status == 400
    elsewhere = client.post(path, headers={"X-Organization-Id": other})
    unknown = client.post(path, headers={"X-Organization-Id": other.replace("a", "b")})
    assert (elsewhere.status, elsewhere.text) == (404, unknown.text)
    assert reader.post(path, {"parameters": {"gate": "x"}}).status == 403
    assert starter.get("/api/agents/chats").status == 403
    assert starter.get("/api/agents/chats/0198a1f2-7c1e-7d3a-9f55-0d6d0c1a2b3c").status == 403
    assert limited.post(path, {"parameters": {"gate": "x"}}).status == 403
    assert limited.trigger("count", {"parameters": {"campaign_id": 1}}).status == 200
    assert {one["job"]["name"] for one in limited.get("/api/agents/chats").json["chats"]} == {"count"}
    assert limited.get("/api/agents/chats?jobId=open").status == 403
    assert client.trigger("guarded").status == 404
    assert client.trigger("nowhere").status == 404
    assert client.get("/api/agents/chats/nonsense").status == 404
    assert client.get("/api/agents/chats/99999999999999999999").status == 404


def test_what_http_itself_refuses_is_a_problem_too(client: Client) -> None:
    path = "/api/agents/jobs/open/trigger"
    method = client.get(path)
    assert (method.status, method.headers["allow"]) == (405, "POST")
    assert client.get("/api/agents/nothing").status == 404
    assert client.get("/api/v1/nothing").status == 404
    form = client.post(path, raw=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert form.status == 415
    large = client.post(path, raw=b" " * (1024**2 + 1), headers={"Content-Type": "application/json"})
    assert large.status == 413
    edge = client.post(path, raw=b" " * 1024**2, headers={"Content-Type": "application/json"})
    assert edge.status == 422
    query = client.get("/api/agents/chats?limit=0&agentid=x")
    assert query.status == 422
    assert {one["parameter"] for one in query.json["errors"]} == {"limit", "agentid"}
    assert client.get("/api/agents/chats?cursor=nonsense").status == 422
    for said in (method, form, large, edge, query):
        assert said.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail"} <= set(said.json)


def test_a_key_is_shown_once_kept_as_a_hash_and_of_no_use_once_revoked(served: Pipeline) -> None:
    made = make_key(served.program, "agent_jobs_read", name="short lived")
    assert set(made) == {"id", "key", "organization_id", "permissions"}
    client = Client(served.serving.port, made["key"], made["organization_id"])
    assert client.get("/api/agents/chats").status == 200
    listed = served.program.run("keys", "list", "--json").json
    [mine] = [one for one in listed if one["name"] == "short lived"]
    assert mine["last_used_at"] is not None
    assert made["key"] not in served.program.run("keys", "list").out
    data = (served.program.folder / "slashjob.db").read_bytes()
    assert made["key"].encode() not in data
    served.program.run("keys", "revoke", "short lived")
    assert client.get("/api/agents/chats").status == 401
    assert served.program.run("keys", "revoke", "short lived", code=2).err.startswith("There is no key")


def test_a_key_that_asks_too_often_is_told_when_to_come_back(served: Pipeline) -> None:
    made = make_key(served.program, "agent_jobs_read", name="hasty", more=("--per-minute", "3"))
    client = Client(served.serving.port, made["key"], made["organization_id"])
    said = [client.get("/api/agents/chats?limit=1") for _ in range(5)]
    assert [one.status for one in said] == [200, 200, 200, 429, 429]
    assert 1 <= int(said[-1].headers["retry-after"]) <= 20


def test_keys_are_made_in_chat_by_admins_and_never_kept_with_the_request(served: Pipeline) -> None:
    said = served.program.say("keys create chatty permissions=agent_jobs_read jobs=count", wait=False)
    assert "is made" in said["reply"]["title"] + said["reply"]["text"]
    kept = served.program.rows("select answer, text from requests where answer like '%chatty%'")
    assert len(kept) == 1
    assert "sj_" not in str(kept)
    refused = served.program.run("say", "keys create other", "--as", "Bob", "--json", code=2).json["reply"][
        "text"
    ]
    assert "Only an admin" in refused
    assert served.program.say("keys revoke chatty", wait=False)
