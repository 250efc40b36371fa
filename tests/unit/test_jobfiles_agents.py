"""What agents and jobs of the kinds http, interact and python say in a workspace file."""

from __future__ import annotations

import textwrap

import pytest

from bot.checks import CHECKS
from core.jobfiles import Mistaken, read_text, write
from core.jobfiles.planning import version

GOOD = """\
sources:
  shop: {url: "sqlite:///shop.db"}
  files: {url: "duckdb:///data"}
  crm: {url: "mysql+pymysql://reader:${CRM_PASSWORD}@crm/x"}
agents:
  stock: {kind: http, url: "https://stock.example.com/jobs?code=${CODE}", secret: "${STOCK_SECRET}"}
  inner: {kind: http, url: "${INNER_URL}/jobs", allow_private: true}
  analyst:
    kind: interact
    url: "https://interact.example.com"
    secret: "${INTERACT_KEY}"
    organization: acme
  tickets: {kind: python, plugin: tickets, source: shop, sources: [files]}
  reader: {kind: report, source: files}
jobs:
  restock:
    agent: stock
    parameters: {shop: {}, pieces: {type: integer, default: 10}}
    path: "/{shop}/restock"
    body: {pieces: "{pieces}", note: "for {shop}"}
  quick: {agent: inner}
  ask: {agent: analyst, remote_job: job-7, parameters: {id: {type: integer}}, body: {campaign: "{id}"}}
  count: {agent: tickets}
  look:
    agent: reader
    questions: [{name: q, sql: "from sales select channel, sum(amount) group by all"}]
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(Mistaken) as caught:
        read_text(textwrap.dedent(text), CHECKS)
    return [str(one).split(": ", 1)[1] for one in caught.value.found]


def test_what_is_right_is_read_and_written_back() -> None:
    made = read_text(GOOD, CHECKS)
    assert read_text(write(made), CHECKS) == made


def test_a_version_embeds_every_source_that_a_plugin_may_open() -> None:
    assert set(version("count", read_text(GOOD, CHECKS)).sources) == {"shop", "files"}


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("{kind: http}", "an agent of the kind http needs 'url'"),
        ("{kind: http, url: 'sqlite:///x.db'}", "'url' of a service begins with https:// or http://"),
        ("{kind: http, url: 'https://me:pw@x.example'}", "the password stands here for everybody to read"),
        (
            "{kind: http, url: 'https://x.example?token=abc'}",
            "the value of 'token' stands here for everybody",
        ),
        ("{kind: http, url: 'https://x.example', secret: abc}", "a secret stands here only as ${ENV_NAME}"),
        (
            "{kind: http, url: 'https://x.example', plugin: p}",
            "'plugin' is for agents of the kind python, not http",
        ),
        ("{kind: http, url: 'https://x.example', alow_private: true}", "did you mean allow_private?"),
        ("{kind: interact, url: 'https://x.example'}", "an agent of the kind interact needs 'secret'"),
        ("{kind: interact, url: 'https://x.example', secret: '${K}'}", "needs 'organization'"),
        ("{kind: python}", "an agent of the kind python needs 'plugin'"),
        ("{kind: python, plugin: p, sources: [shpo]}", "there is no source 'shpo'; did you mean shop?"),
        (
            "{kind: report, url: 'https://x.example'}",
            "'url' is for agents of the kind http, interact, not report",
        ),
        ("{kind: htttp}", "did you mean http?"),
    ],
)
def test_an_agent_is_held_to_its_kind(agent: str, said: str) -> None:
    text = f"sources: {{shop: {{url: 'sqlite:///x.db'}}}}\nagents:\n  a: {agent}\n"
    assert any(said in one for one in mistakes(text)), mistakes(text)


@pytest.mark.parametrize(
    ("agent", "job", "said"),
    [
        ("analyst", "", "a job of a interact agent needs 'remote_job'"),
        ("analyst", "remote_job: x, path: /y", "'path' is for http agents; analyst is a interact agent"),
        ("stock", "remote_job: x", "'remote_job' is for interact agents; stock is a http agent"),
        ("tickets", "body: {a: 1}", "'body' is for http, interact agents; tickets is a python agent"),
        ("stock", "body: {a: '{regoin}'}, parameters: {region: {}}", "did you mean region?"),
        (
            "stock",
            "path: '/{t}', parameters: {t: {secret: true}}",
            "'t' is secret and would stand in an address",
        ),
    ],
)
def test_a_job_is_held_to_its_agent(agent: str, job: str, said: str) -> None:
    text = GOOD + f"  wrong: {{agent: {agent}{', ' if job else ''}{job}}}\n"
    found = mistakes(text)
    assert any(said in one for one in found), found


def test_a_statement_that_no_dialect_takes_is_a_mistake() -> None:
    text = GOOD.replace("from sales select channel, sum(amount) group by all", "insert into sales values (1)")
    assert "not allowed here" in mistakes(text)[0]
