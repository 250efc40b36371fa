"""Reading a workspace: every mistake at once, each with its file and line, and what nearly fits."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from core import jobfiles
from core.jobfiles import Checks, Mistaken, Workspace

DESIGN = """\
sources:
  shop: {url: "sqlite:///shop.db"}              # a secret as ${ENV_NAME}; never written back by export
agents:
  analyst: {kind: report, source: shop}
jobs:
  weekly-report:
    title: Weekly campaign report
    agent: analyst
    parameters:
      campaign_id: {type: integer, min: 1, description: the campaign to report on}
      since:       {type: date, default: "-7d"}
      region:      {choices: [EU, US, APAC], default: EU}
    questions:
      - name: revenue
        ask: How much revenue did each channel bring per day?
        sql: select day, channel, sum(amount) as revenue from sales
          where campaign_id = :campaign_id and day >= :since group by 1, 2 order by 1, 2
        chart: {type: stacked_bar, x: day, y: revenue, series: channel, title: Revenue by channel}
      - name: total
        ask: What was the total?
        sql: select coalesce(sum(amount), 0) as total from sales
          where campaign_id = :campaign_id and day >= :since
        checks: [{name: Revenue below floor, column: total, op: "<", threshold: 1000, severity: warning}]
    summary: "Campaign {{ params.campaign_id }} brought *{{ total.total | number }}*."
    schedules:
      - {when: "0 8 * * 1", timezone: Europe/Amsterdam, parameters: {campaign_id: 42}, catch_up: latest}
    parameter_sets: {emea: [{campaign_id: 42}, {campaign_id: 43}]}
    overlap: skip
    timeout: 5m
    retry: {attempts: 3, delay: 30s, backoff: 2}
    max_parallel: 4
    channel: "slack:#growth"
    notify:
      - {topics: [completed_run, failed_run], to: [origin]}
      - {topics: [failed_run], if: "total.total < 1000000", to: ["slack:#ops", "email:ana@example.com"]}
    access: {run: operator, view: viewer}
    owner: ana@example.com
    tags: [marketing]
"""


def read(text: str, checks: Checks | None = None) -> Workspace:
    return jobfiles.read_text(dedent(text), checks)


def mistakes(text: str, checks: Checks | None = None) -> list[str]:
    with pytest.raises(Mistaken) as refused:
        read(text, checks)
    assert [str(one) for one in refused.value.found] == refused.value.mistakes
    return refused.value.mistakes


def job(body: str, head: str = "") -> str:
    """A job of a report agent with one question, and these keys."""
    base = "sources: {shop: {url: sqlite:///shop.db}}\nagents: {analyst: {kind: report, source: shop}}\n"
    text = dedent(body).strip("\n")
    inner = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{base}{head}jobs:\n  j:\n    agent: analyst\n{inner}"


ASK = "questions: [{name: q, sql: select 1 as one}]\n"


def job_mistakes(body: str, checks: Checks | None = None) -> list[str]:
    """The mistakes of a job with one question and these keys, without the file's name and line."""
    return [one.split(": ", 1)[1] for one in mistakes(job(ASK + dedent(body)), checks)]


def test_the_file_of_the_design_is_read() -> None:
    made = read(DESIGN)
    weekly = made.jobs["weekly-report"]
    assert list(weekly.parameters) == ["campaign_id", "since", "region"]
    assert weekly.timeout == timedelta(minutes=5)
    assert weekly.questions[1].checks[0].op == "<"
    assert weekly.notify[1].if_ == "total.total < 1000000"
    assert weekly.schedules[0].parameters == {"campaign_id": "42"}
    assert str(made.places["jobs", "weekly-report"]) == "slashjob.yml:6"
    assert [str(one) for one in made.warnings] == []


def test_the_fields_decide_what_a_scalar_is() -> None:
    made = read(
        job(
            """\
            questions: [{name: q, sql: select 1}]
            title: 12:30
            parameters:
              on: {choices: [on, no, 12:30, 010, null, 2026-01-05], default: no}
              at: {default: 010}
              zero: {default: "null"}
            rerun_interrupted: yes
            max_parallel: 010
            description:
            tags: [no, 1.10]
            """
        )
    ).jobs["j"]
    assert made.title == "12:30"
    assert made.parameters["on"].choices == ("on", "no", "12:30", "010", "null", "2026-01-05")
    assert [made.parameters[name].default for name in ("on", "at", "zero")] == ["no", "010", "null"]
    assert (made.rerun_interrupted, made.max_parallel, made.description) == (True, 10, "")
    assert made.tags == ("no", "1.10")


def test_an_empty_key_is_as_if_it_were_not_there() -> None:
    made = read(job(ASK + "parameters:\nremind_every: ~\npause_after: null\nschedules:\n")).jobs["j"]
    assert (made.parameters, made.remind_every, made.pause_after, made.schedules) == ({}, None, None, ())


def test_a_body_is_json_as_yaml_1_2_has_it() -> None:
    made = read(
        """\
        agents: {service: {kind: http, url: "https://example.com"}}
        jobs:
          j:
            agent: service
            parameters: {n: {default: x}}
            path: /campaigns/{n}
            body: {a: 1, b: -2.5, c: true, d: null, e: no, f: "1", g: 12:30, h: [010, "{n}"], i: 1e999}
            # 1e999 is no number that JSON could hold
        """
    ).jobs["j"]
    expected = {"a": 1, "b": -2.5, "c": True, "d": None, "e": "no", "f": "1", "g": "12:30"}
    assert made.body == expected | {"h": ["010", "{n}"], "i": "1e999"}


def test_every_mistake_of_a_file_is_told_at_once_with_its_line() -> None:
    told = mistakes(
        """\
        sources: {shop: {url: "sqlite:///shop.db"}}
        agents:
          analyst: {kind: reprt, source: shp}
        jobs:
          budget:
            agent: analist
            titel: x
            timeout: 5 bananas
            max_parallel: many
            parameters:
              campaign_id: {type: intger, min: a}
              region: {choices: [EU, US], default: UE}
            questions:
              - name: t
                sql: select total from t where c = :campain_id
                chart: {type: bars, x: [1]}
                checks: [{name: q, column: totl, op: "=", threshold: nan}]
              - ask: hm
            schedules: [{when: 61 * * * *, timezone: Europe/Amstredam, parameters: {regoin: EU}}]
            notify: [{topics: [failed], to: [slak:#x, origin]}]
            overlap: qeue
            timeout: 5m
        foo: 1
        """,
        Checks(columns=lambda _: ("total",)),
    )
    expected = [
        (3, "'kind' is one of report, llm, command, http, interact, python, not reprt; did you mean report?"),
        (6, "there is no agent 'analist'; did you mean analyst?"),
        (7, "'budget' has no key 'titel'; did you mean title?"),
        (8, "'timeout': a duration is a number with a unit: 30s, 5m, 2h or 1d, not 5 bananas"),
        (9, "'max_parallel' wants a whole number, not many"),
        (11, "'type' is one of string, integer, number, boolean, date, datetime, not intger; "
             "did you mean integer?"),
        (12, "'default' is one of EU, US, not UE; did you mean EU?"),
        (15, "':campain_id' in 'sql' is no parameter of the job; did you mean campaign_id?"),
        (16, "'type' is one of number, bar, stacked_bar, line, area, pie, not bars; did you mean bar?"),
        (16, "'x' wants one value, not a list"),
        (17, "'op' is one of <, <=, >, >=, ==, !=, not ="),
        (17, "'threshold' wants a number, not nan"),
        (17, "the query has no column 'totl'; did you mean total?"),
        (18, "'name' is required"),
        (18, "'sql' is required"),
        (19, "the job has no parameter 'regoin'; did you mean region?"),
        (20, "'slak:#x' is no channel; write slack:#name, teams:ID, email:ADDRESS or webhook:NAME or origin; "
             "did you mean slack?"),
        (21, "'overlap' is one of skip, queue, replace, allow, not qeue; did you mean queue?"),
        (22, "'timeout' stands here twice (first in line 8)"),
        (23, "the file has no key 'foo'; it may have sources, agents, jobs"),
    ]  # fmt: skip
    for line, sentence in expected:
        assert f"slashjob.yml:{line}: {sentence}" in told
    assert any(one.startswith("slashjob.yml:19: ") and "61" in one for one in told)
    assert any(
        one.startswith("slashjob.yml:19: ") and "Did you mean Europe/Amsterdam?" in one for one in told
    )
    assert [int(one.split(":")[1]) for one in told] == sorted(int(one.split(":")[1]) for one in told)
    assert not any("min" in one.split(": ", 1)[1][:6] for one in told)  # only follows from the wrong type


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("tags: 3", "'tags' wants a list"),
        ("rerun_interrupted: maybe", "'rerun_interrupted' wants true or false, not maybe"),
        ("retry: {backoff: fast}", "'backoff' wants a number, not fast"),
        ("timeout: 999999999999999w", "longer than any calendar"),
        (
            "parameters: {a: {type: integer, max: x, default: 7, choices: [y]}}",
            "'choices' wants a whole number",
        ),
        (
            "parameters: {a: {type: date, min: today, max: 2026-01-01, default: soon}}",
            "'default' wants a date",
        ),
        ("parameters: {a: {max_length: 2, default: abc}}", "'default' has 3 characters; at most 2 are read"),
        ("parameters: [a]", "'parameters' wants names with values"),
        ("retry: 3", "'retry' wants keys with values (name: value), not one value"),
        ("title: [a]", "'title' wants one value, not a list"),
        ("parameters: {Bad Name: {}}", "'Bad Name' is no name"),
        ("parameters: {campaign-id: {}}", "call it campaign_id"),
        ("parameters: {a: 3}", "'a' wants keys with values"),
        ("parameters: {a: {}, a: {}}", "'a' stands here twice"),
        ("parameters: {a: {min: 1}}", "'min' is for numbers and dates; this parameter is a string"),
        ("parameters: {a: {type: integer, min: 9, max: 1}}", "'max' is less than 'min' (1 < 9)"),
        ("parameters: {a: {type: integer, max: x}}", "'max' wants a whole number, not x"),
        ("parameters: {a: {type: date, default: soon}}", "'default' wants a date such as"),
        ("parameters: {a: {type: integer, choices: [1, x]}}", "'choices' wants a whole number, not x"),
        ("parameters: {a: {type: integer, choices: [1, 01]}}", "the choice '01' stands here twice"),
        ("parameters: {a: {pattern: '['}}", "'pattern' cannot be read: unclosed character class"),
        ("parameters: {a: {type: date, pattern: x}}", "'pattern' is for texts"),
        ("parameters: {a: {secret: true, default: x}}", "a secret has no default"),
        ("parameters: {a: {max_length: 0}}", "'max_length' is at least 1, not 0"),
        ("parameter_sets: {s: [{b: 1}]}", "the job has no parameter 'b'"),
        (
            "parameters: {a: {type: integer}}\nparameter_sets: {s: [{a: x}]}",
            "'a' wants a whole number, not x",
        ),
        (
            "parameters: {a: {secret: true}}\nparameter_sets: {s: [{a: x}]}",
            "'a' is secret: its value does not",
        ),
        ("parameters: {a: {}}\nschedules: [{every: 1h}]", "gives no value for a, which has no default"),
        ("schedules: [{}]", "a schedule has either 'when' or 'every'"),
        ("schedules: [{when: '@daily', every: 1h}]", "a schedule has either 'when' or 'every'"),
        ("schedules: [{when: '@daily', anchor: 2026-01-05}]", "'anchor' belongs to 'every'"),
        ("schedules: [{when: tomorrow at 9}]", "would mean another day at each apply"),
        ("schedules: [{when: 0 0 31 2 *}]", "is never due"),
        ("schedules: [{every: 500ms}]", "second"),
        ("schedules: [{when: '@daily', calendar: XX}]", "XX"),
        (
            "schedules: [{when: '@daily', days_off: [christmas]}]",
            "'days_off' are dates such as 2026-12-24, not christmas",
        ),
        ("schedules: [{when: '@daily', start_at: soon}]", "'start_at' is a time such as"),
        ("schedules: [{when: '@daily', parameter_sets: [emea]}]", "there is no parameter set 'emea'"),
        ("schedules: [{when: '@daily', name: a}, {when: '@weekly', name: a}]", "another schedule 'a'"),
        ("schedules: [{when: '@daily'}, {when: '@weekly', name: 1}]", "another schedule '1'"),
        ("timezone: Amsterdam/Europe", "no time zone"),
        ("quiet_hours: {start: 22, end: '07:00'}", "'start' is a time of day such as 22:00, not 22"),
        ("command: [x]", "'command' is for command agents; analyst is a report agent"),
        ("prompt: x", "'prompt' is for llm agents; analyst is a report agent"),
        ("channel: origin", "'origin' is no channel"),
        ("channel: 'slack:'", "names no address"),
        ("notify: [{to: ['email:nobody']}]", "'nobody' is no e-mail address"),
        ("notify: [{to: []}]", "'to' names nobody"),
        ("timeout: 0s", "'timeout' is more than 0s"),
        ("access: {run: owner}", "'run' is one of viewer, operator, editor, admin, not owner"),
        ("retry: {attempts: 99}", "'attempts' is at most 20, not 99"),
        ("tags:\n  - a\n  -", "'tags' has an empty entry"),
    ],
)
def test_a_mistake_in_a_job_is_told_in_a_sentence(body: str, said: str) -> None:
    assert any(said in one for one in job_mistakes(body))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("{name: q, sql: ''}", "'sql' is empty"),
        ("{name: q, sql: 'select :nope'}", "':nope' in 'sql' is no parameter of the job"),
        ("{name: q, sql: select 1, source: shp}", "there is no source 'shp'; did you mean shop?"),
        ("{name: params, sql: select 1}", "what the summary calls the parameters"),
        ("{name: Q-1, sql: select 1}", "'name' is no name"),
        ("{name: q, sql: select 1}, {name: q, sql: select 2}", "'q' stands here twice"),
        ("{name: q, sql: select 1, chart: {x: dya}}", "the query has no column 'dya'; did you mean day?"),
        ("", "a job of a report agent needs 'questions'"),
    ],
)
def test_a_mistake_in_a_question_is_told(question: str, said: str) -> None:
    told = mistakes(job(f"questions: [{question}]"), Checks(columns=lambda _: ("day", "total")))
    assert any(said in one for one in told)


def test_only_real_placeholders_are_parameters() -> None:
    sql = "select a::text, ':x', \"q:y\", b[1:2] /* :c */ from t where d = :d -- :e"
    made = read(job(f"parameters: {{d: {{}}}}\nquestions:\n  - name: q\n    sql: |\n      {sql}\n"))
    assert made.jobs["j"].questions[0].sql.strip() == sql


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("command: [/bin/report, '{regoin}']", "regoin"),
        ("command: ['{region}']", "executable"),
        ("command: [/bin/x, '{token}']", "token"),
        ("environment: {R: x}", "needs 'command'"),
        ("command: [/bin/x]\ninput: xml", "'input' is one of none, json, not xml"),
        ("command: [/bin/x]\nquestions: [{name: q, sql: select 1}]", "'questions' is for report agents"),
    ],
)
def test_a_command_job_is_held_to_its_rules(body: str, said: str) -> None:
    text = "agents: {runner: {kind: command}}\njobs:\n  j:\n    agent: runner\n"
    text += "    parameters: {region: {default: EU}, token: {secret: true}}\n"
    text += "".join(f"    {line}\n" for line in body.splitlines())
    assert any(said in one for one in mistakes(text))


def test_blanks_of_a_service_are_parameters_and_show_no_secret() -> None:
    told = mistakes(
        """\
        agents: {service: {kind: http, url: "https://example.com", secret: abc}, other: {kind: http}}
        jobs:
          j:
            agent: service
            parameters: {t: {secret: true}}
            path: "/x/{t}/{u}"
            body: {a: ["{v}", "{{w}}"]}
        """
    )
    assert [one.split(": ", 1)[1] for one in told] == [
        "a secret stands here only as ${ENV_NAME}",
        "an agent of the kind http needs 'url'",
        "'t' is secret and would stand in an address; send it in the body",
        "'{u}' is no parameter of the job",
        "'{v}' is no parameter of the job",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db/x",
        "postgresql://me:hunt/er2@db/x",
        "postgresql://me:hunt@er2@db/x",
        "postgresql://me:a${PW}hunter2@db/x",
        "postgresql://me:hunter2${PW}@db/x",
        "postgresql://me@db/x?password=hunter2",
        "postgresql://me@db/x?sslmode=require&sslpassword=hunter2",
        "${BASE}?api_key=hunter2",
        "${SCHEME}://me:hunter2@db/x",
        "${USER}:hunter2@db/x",
    ],
)
def test_a_literal_password_is_refused_and_not_repeated(url: str) -> None:
    told = mistakes(f"sources:\n  pg: {{url: '{url}'}}\n")
    assert len(told) == 1
    assert "${ENV_NAME}" in told[0]
    assert "hunter2" not in told[0]
    assert told[0].startswith("slashjob.yml:2: ")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:${PW}@db/x",
        "postgresql://${USER}:${PW}@db:${PORT}/x?sslmode=require",
        "postgresql://me@db/x?password=${PW}",
        "${DATABASE}",
        "${SCHEME}://${USER}:${PW}@db/x",
        "${SERVER}/x?sslmode=require",
        "sqlite:///folder/with@sign.db",
        "duckdb:///data",
        "mysql+pymysql://me:${PW}@db/x",
    ],
)
def test_a_url_with_references_is_let_through(url: str) -> None:
    assert read(f"sources:\n  pg: {{url: '{url}'}}\n").sources["pg"].url == url


@pytest.mark.parametrize("url", ["", "nonsense", "postgresql://me:${PW@db/x", "postgresql://me:$PW@db/x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    assert len(mistakes(f"sources:\n  pg: {{url: '{url}'}}\n")) == 1


def test_a_part_that_cannot_be_read_does_not_accuse_others() -> None:
    told = mistakes(
        """\
        sources: {shop: [oops]}
        agents: {analyst: {kind: report, source: shop, colour: red}}
        jobs:
          j:
            agent: analyst
            parameters: {a: {default: [1]}}
            questions: [{name: q, sql: "select :a"}]
        """
    )
    assert [one.split(": ", 1)[1][:40] for one in told] == [
        "'shop' wants keys with values (name: val",
        "'analyst' has no key 'colour'; it may ha",
        "'default' wants one value, not a list",
    ]


def test_the_hooks_are_asked_and_their_sentences_told() -> None:
    asked: list[tuple[str, frozenset[str]]] = []

    def template(text: str, names: frozenset[str]) -> str | None:
        asked.append((text, names))
        return "there is no filter 'nmber'" if "nmber" in text else None

    checks = Checks(template=template, query=lambda sql: "DROP is refused" if "drop" in sql else None)
    body = "questions: [{name: q, sql: drop table x}]\nsummary: '{{ q.one | nmber }}'\n"
    told = [one.split(": ", 1)[1] for one in mistakes(job(body), checks)]
    assert told == ["DROP is refused", "there is no filter 'nmber'"]
    assert asked == [("{{ q.one | nmber }}", frozenset({"params", "q"}))]


# --- files ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slashjob.yml").write_text(DESIGN)
    (tmp_path / "jobs").mkdir()
    return tmp_path


def examined(folder: Path) -> tuple[list[str], list[str]]:
    made = jobfiles.examine(folder)
    return [str(one) for one in made.mistakes], [str(one) for one in made.workspace.warnings]


def test_the_files_beside_are_read_and_know_each_others_names(folder: Path) -> None:
    (folder / "jobs" / "b.yml").write_text(
        "jobs:\n  second: {agent: other, questions: [{name: q, sql: select 1}]}\n"
    )
    (folder / "jobs" / "a.yml").write_text("agents: {other: {kind: report, source: shop}}\n")
    made = jobfiles.read(folder)
    assert list(made.jobs) == ["weekly-report", "second"]
    assert made.file("jobs", "second") == "jobs/b.yml"
    assert jobfiles.read(folder / "slashjob.yml") == made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jobs: [a]\n", ["jobs/a.yml:1: 'jobs' wants names with definitions (name: ...)"]),
        ("agents: {}\nagents: {}\n", ["jobs/a.yml:2: 'agents' stands here twice (first in line 1)"]),
        ("jobs:\nagents: ~\n", []),
        ("agents:\n  Data Team: {kind: report}\n", ["jobs/a.yml:2: 'Data Team' is no name"]),
        ("agents: {x: {kind: report, source: shp}}\n", ["jobs/a.yml:1: there is no source 'shp'"]),
        ("agents: {x: {kind: http, url: 'http://me:pw@host'}}\n", ["jobs/a.yml:1: the password stands here"]),
        ("agents:\n  x:\n", ["jobs/a.yml:2: 'kind' is required"]),
    ],
)
def test_a_mistake_around_definitions_is_told(folder: Path, text: str, told: list[str]) -> None:
    (folder / "jobs" / "a.yml").write_text(text)
    found, _ = examined(folder)
    assert len(found) == len(told)
    assert all(one.startswith(said) for one, said in zip(found, told, strict=True))


def test_there_may_be_a_thousand_files_and_no_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobfiles.reading.FILES_LIMIT", 2)
    for name in ("a", "b"):
        (folder / "jobs" / f"{name}.yml").write_text("jobs: {}\n")
    assert examined(folder)[0] == []
    (folder / "jobs" / "c.yml").write_text("jobs: [\n")
    assert examined(folder)[0] == ["jobs:1: there are more than 2 files"]


def test_a_name_is_defined_once_over_all_files(folder: Path) -> None:
    (folder / "jobs" / "a.yml").write_text("# again\nagents:\n  analyst: {kind: report}\n")
    told, _ = examined(folder)
    assert told == ["jobs/a.yml:3: the agent 'analyst' is defined twice (first at slashjob.yml:4)"]


def test_mistakes_of_all_files_are_told_main_file_first(folder: Path) -> None:
    (folder / "slashjob.yml").write_text("jbos: {}\n")
    (folder / "jobs" / "b.yml").write_text("a: ]")
    (folder / "jobs" / "a.yml").write_bytes(b"\xff")
    told, _ = examined(folder)
    assert [one.split(" ")[0] for one in told] == ["slashjob.yml:1:", "jobs/a.yml:1:", "jobs/b.yml:1:"]
    assert "did you mean jobs?" in told[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a\n", "begins with"),
        ("text", "begins with"),
    ],
)
def test_a_main_file_that_says_nothing_is_refused(folder: Path, text: str, said: str) -> None:
    (folder / "slashjob.yml").write_text(text)
    told, _ = examined(folder)
    assert len(told) == 1
    assert said in told[0]


def test_an_empty_job_file_is_only_warned_about(folder: Path) -> None:
    (folder / "jobs" / "later.yml").write_text("")
    assert examined(folder) == ([], ["jobs/later.yml:1: the file is empty"])


def test_files_that_look_like_job_files_but_are_not_read_are_warned_about(folder: Path) -> None:
    (folder / "jobs" / "x.yaml").write_text(DESIGN)
    (folder / "jobs" / "old").mkdir()
    (folder / "jobs" / ".hidden.yml").write_text("broken: [")
    (folder / "jobs" / "notes.txt").write_text("hello")
    told, warned = examined(folder)
    assert told == []
    assert warned == [
        "jobs/old:1: a folder in jobs/ is not read",
        "jobs/x.yaml:1: only files that end in .yml are read",
    ]


def test_what_is_missing_is_told_with_what_is_near(tmp_path: Path) -> None:
    assert "there is no folder" in examined(tmp_path / "nowhere")[0][0]
    assert examined(tmp_path)[0] == [f"slashjob.yml:1: there is no such file in {tmp_path}"]
    (tmp_path / "slashjob.yaml").write_text(DESIGN)
    assert examined(tmp_path)[0][0].endswith("; rename slashjob.yaml")


def test_folders_pipes_and_links_to_nowhere_get_a_sentence(folder: Path) -> None:
    (folder / "slashjob.yml").unlink()
    (folder / "slashjob.yml").mkdir()
    os.mkfifo(folder / "jobs" / "a.yml")
    (folder / "jobs" / "b.yml").symlink_to("gone.yml")
    (folder / "jobs" / "c.yml").symlink_to("c.yml")
    told, _ = examined(folder)
    assert told[0] == "slashjob.yml:1: this is a folder; a file is wanted"
    assert told[1] == "jobs/a.yml:1: this is no regular file; a file is wanted"
    assert told[2] == "jobs/b.yml:1: the link leads nowhere (gone.yml)"
    assert told[3].startswith("jobs/c.yml:1: the file cannot be read: ")


def test_a_link_to_a_file_is_followed(folder: Path) -> None:
    mounted = folder / "mounted.yml"
    (folder / "slashjob.yml").rename(mounted)
    (folder / "slashjob.yml").symlink_to(mounted)
    assert "weekly-report" in jobfiles.read(folder).jobs


def test_jobs_that_is_a_file_is_told(folder: Path) -> None:
    (folder / "jobs").rmdir()
    (folder / "jobs").write_text("")
    assert examined(folder)[0] == ["jobs:1: this is a file; jobs/ is a folder of job files"]


def test_a_huge_file_is_refused_without_being_read_whole(folder: Path) -> None:
    with (folder / "jobs" / "big.yml").open("wb") as opened:
        opened.truncate(50_000_000_000)
    assert examined(folder)[0] == ["jobs/big.yml:1: the file is larger than 1,000 kB"]
