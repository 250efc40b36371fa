"""The OpenAPI document against the running program: what it promises is what is answered, and never a 500."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.rest_rig import Client, Pipeline, make_key, pipeline

EXAMPLES = 5  # made at random for each operation, beside those that cover its rules one by one
CONFIG = """\
[generation]
max-examples = {examples}
deterministic = true

[parameters]
"path.job_id" = "count"
"path.batch" = "1"
"path.run" = "1.1"
"path.chat_id" = "1.1"
"path.channel" = "slack:C0123456789"

[checks]
# A body that breaks a rule by its length is refused for its length.
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pipeline(tmp_path_factory.mktemp("schema")) as made:
        yield made


@pytest.fixture(scope="module")
def client(served: Pipeline) -> Client:
    made = make_key(served.program, "admin", name="fuzzer", more=("--per-minute", "1000000"))
    return Client(served.serving.port, made["key"], made["organization_id"])


def test_the_document_is_openapi_3_1_with_examples_and_problems_everywhere(client: Client) -> None:
    said = Client(client.port).get("/openapi.json")
    assert said.status == 200
    document = said.json
    assert document["openapi"] == "3.1.0"
    assert len(document["paths"]) > 25
    for path, operations in document["paths"].items():
        for method, one in operations.items():
            where = f"{method} {path}"
            assert one["summary"], where
            assert {"400", "401", "403", "422", "429"} <= set(one["responses"]), where
            if "requestBody" in one:
                assert one["requestBody"]["content"]["application/json"]["examples"], where
                assert {"413", "415"} <= set(one["responses"]), where
    assert "Idempotency-Key" in str(document["components"]["parameters"])


def test_the_page_shows_every_operation_and_needs_no_network(client: Client) -> None:
    said = Client(client.port).get("/docs")
    assert said.status == 200
    assert said.headers["content-type"] == "text/html; charset=utf-8"
    assert said.headers["content-security-policy"].startswith("default-src 'none'")
    for word in ("<script", "<link", "<img", "@import", "url(", "//cdn"):
        assert word not in said.text
    for path in Client(client.port).get("/openapi.json").json["paths"]:
        assert f"<code>{path}</code>" in said.text


def test_schemathesis_finds_nothing_over_the_whole_specification(
    served: Pipeline, client: Client, tmp_path: Path
) -> None:
    started = client.trigger("count", {"parameters": {"campaign_id": 42}})
    client.ended(started.json["chat_id"])
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(examples=EXAMPLES))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(tmp_path / "schemathesis.toml")),
            *("run", f"http://127.0.0.1:{client.port}/openapi.json"),
            *("--header", f"X-API-Key: {client.key}"),
            *("--header", f"X-Organization-Id: {client.organization}"),
            *("--phases", "examples,coverage,fuzzing"),
            *("--checks", "all"),
            # What the rules of a job or a name refuse cannot stand in the document: valid by it, yet a 422.
            *("--exclude-checks", "positive_data_acceptance"),
            *("--request-timeout", "30"),
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    told = "\n".join(line[:300] for line in done.stdout.splitlines()[:150])
    assert done.returncode == 0, f"{told}\n{done.stderr[-2000:]}"
    paths = client.get("/openapi.json").json["paths"].values()
    assert f"Tested: {sum(len(operations) for operations in paths)}\n" in done.stdout, told
    assert "rest.crashed" not in served.serving.said
