"""A command job's program, from its arguments to its answer, without any shell (scenarios E8 and G5)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.agents.command import Command, Limits
from core.entries import Answered, Attached, Headlined, Logged, Progressed, Returned
from core.errors import AgentError
from core.parameters import MASK
from tests.acceptance.command_rig import Asked, answer, ask, entries, living, script, until

SHELL = Path("/bin/sh")
TELL = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ), "input": sys.stdin.read(),
                  "folder": os.getcwd(), "session": os.getsid(0) == os.getpid()}))
"""
NASTY = [
    "; touch P", "$(touch P)", "`touch P`", "| touch P", "&& touch P", "a\nb", "--flag", "{{7*7}}", "%0a",
    "*", "<!channel>", "<@U1>", "", "'\"\\", "ä€🚲",
]  # fmt: skip


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Command]:
    script(tmp_path, "tell.py", TELL)
    made = Command([SHELL, tmp_path], folder=tmp_path, data=tmp_path / "data", limits=Limits(grace=0.5))
    yield made
    made.close()


async def told(agent: Command, asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await answer(agent, asked))
    return found


async def fails(agent: Command, asked: Asked) -> AgentError:
    with pytest.raises(AgentError) as failed:
        await entries(agent, asked)
    assert living(asked.task.run_id) == {}
    return failed.value


@pytest.mark.parametrize("value", NASTY)
async def test_a_value_arrives_exactly_and_nothing_is_expanded(
    agent: Command, tmp_path: Path, value: str
) -> None:
    asked = ask(
        "tell.py", "--name", "{name}", "x={name}",
        parameters={"name": value}, environment={"HOME": "/nowhere"}, input="json",
    )  # fmt: skip
    found = await told(agent, asked)
    assert found["arguments"] == ["--name", value, f"x={value}"]
    assert json.loads(found["input"]) == {"name": value}
    assert not (tmp_path / "P").exists()


async def test_a_megabyte_arrives_on_the_input(agent: Command) -> None:
    value = "ä" * 500_000
    found = await entries(
        agent,
        ask("sh", "-c", "wc -c", parameters={"name": value}, input="json"),
    )
    size = len(json.dumps({"name": value}, ensure_ascii=False).encode()) + 1
    assert found == [Answered(str(size))]


async def test_a_program_that_does_not_read_its_input_is_not_waited_for(agent: Command) -> None:
    asked = ask("sh", "-c", "echo done", parameters={"name": "x" * 1_000_000}, input="json")
    assert await answer(agent, asked) == "done"


async def test_the_environment_is_clean_and_says_which_run_it_is(
    agent: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-real")
    asked = ask(
        "tell.py",
        parameters={"region": "EU"},
        environment={"DATABASE_URL": "sqlite:///x", "SLASHJOB_SECRET_KEYS": "k", "HOME": "/h"},
        due_at=datetime(2026, 3, 2, 7, tzinfo=UTC),
    )
    found = await told(agent, asked)
    mark = found["environment"].pop("SLASHJOB_PROCESS")
    assert len(mark) == 32
    assert found["environment"] == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/h",
        "LANG": "C.UTF-8",
        "TZ": "Europe/Amsterdam",
        "SLASHJOB_RUN_ID": asked.task.run_id,
        "SLASHJOB_ATTEMPT": "2",
        "SLASHJOB_IDEMPOTENCY_KEY": asked.task.idempotency_key,
        "SLASHJOB_JOB": "script",
        "DUE_AT": "2026-03-02T07:00:00Z",
    }
    assert found["input"] == ""
    assert found["folder"] == str(tmp_path)
    assert found["session"] is True


async def test_text_is_the_answer_as_it_is_and_standard_error_a_line_in_the_chat(agent: Command) -> None:
    asked = ask("sh", "-c", "echo '*not* bold'; echo; echo 'b  c'; echo careful >&2")
    assert await entries(agent, asked) == [Logged("careful"), Answered("*not* bold\n\nb  c")]


async def test_nothing_said_is_no_answer(agent: Command) -> None:
    assert await entries(agent, ask("sh", "-c", "exit 0")) == []


async def test_an_envelope_becomes_entries_and_its_files_are_kept(agent: Command, tmp_path: Path) -> None:
    said = {
        "summary": "*2* rows",
        "headline": [{"name": "Sum", "value": 3}],
        "tables": [{"columns": ["a"], "rows": [[1], [2]]}],
        "files": [{"name": "../../etc/a b?.csv", "media_type": "text/csv", "text": "a\n1\n"}],
    }
    (tmp_path / "said.json").write_text(json.dumps(said))
    found = await entries(agent, ask("sh", "-c", "cat said.json"))
    digest = hashlib.sha256(b"a\n1\n").hexdigest()
    assert found == [
        Returned("result", ("a",), ((1,), (2,)), formats=("text",)),
        Headlined("Sum", 3),
        Attached("a b_.csv", "text/csv", f"{digest[:2]}/{digest}", 4),
        Answered("*2* rows", marked=True),
    ]
    assert (tmp_path / "data" / digest[:2] / digest).read_text() == "a\n1\n"


async def test_progress_moves_while_it_works(agent: Command, tmp_path: Path) -> None:
    shell = """
        echo '{"progress": {"text": "first", "done": 1, "total": 2}}' >&2
        while [ ! -e go ]; do sleep 0.02; done
        echo '{"progress": "second"}' >&2; echo 'no progress' >&2; exit 3"""
    asked = ask("sh", "-c", shell)
    run = asyncio.create_task(fails(agent, asked))
    await until(lambda: bool(asked.said), "the first step was told")
    assert asked.said == [Progressed("first", 1, 2)]
    (tmp_path / "go").touch()
    assert (await run).detail == "no progress"
    assert asked.said[1:] == [Progressed("second")]


@pytest.mark.parametrize(
    ("shell", "sentence"),
    [
        ("exit 3", "sh ended with exit code 3."),
        ("exit 127", "a program that it calls was not found"),
        ("kill -KILL $$", "SIGKILL (it was killed, by somebody or because memory ran out)"),
        ("kill -SEGV $$", "SIGSEGV (it crashed)"),
        ("kill -TERM $$", "SIGTERM (somebody told it to stop)"),
        ("exit 137", "exit code 137: SIGKILL"),
        ("kill -RTMIN $$", "ended by"),
    ],
)
async def test_a_failure_is_said_in_plain_words_with_the_last_lines(
    agent: Command, shell: str, sentence: str
) -> None:
    lines = "for i in $(seq 30); do echo line $i >&2; done; "
    error = await fails(agent, ask("sh", "-c", lines + shell))
    assert sentence in error.sentence
    assert not error.permanent
    assert error.detail.splitlines() == [f"line {number}" for number in range(11, 31)]


async def test_a_failure_without_standard_error_shows_the_end_of_the_output(agent: Command) -> None:
    assert (await fails(agent, ask("sh", "-c", "echo went wrong; exit 1"))).detail == "went wrong"


async def test_an_envelope_that_is_wrong_is_one_clear_failure(agent: Command) -> None:
    error = await fails(agent, ask("sh", "-c", """echo '{"tables": 5}'"""))
    assert "`tables`" in error.sentence
    assert error.permanent


async def test_without_allowed_programs_the_kind_is_off(tmp_path: Path) -> None:
    error = await fails(Command([], folder=tmp_path), ask("/bin/sh", "-c", "touch P"))
    assert "switched off" in error.sentence
    assert "SLASHJOB_COMMANDS" in error.hint
    assert error.permanent


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An allowed folder with programs, and things beside it that are not allowed."""
    (tmp_path / "allowed" / "deeper").mkdir(parents=True)
    for name in ("allowed/good.py", "allowed/deeper/good.py", "other.py", "single.py"):
        script(tmp_path, name, "print('ran')")
    (tmp_path / "allowed" / "data.txt").write_text("x")
    (tmp_path / "allowed" / "out.py").symlink_to(tmp_path / "other.py")
    (tmp_path / "allowed" / "ring").symlink_to(tmp_path / "allowed" / "ring")
    (tmp_path / "link.py").symlink_to(tmp_path / "allowed" / "good.py")
    return tmp_path


@pytest.fixture
def strict(workspace: Path) -> Iterator[Command]:
    made = Command([Path("allowed"), workspace / "single.py", Path("missing")], folder=workspace)
    yield made
    made.close()


@pytest.mark.parametrize(
    "name", ["good.py", "allowed/good.py", "./allowed/deeper/good.py", "single.py", "./link.py"]
)
async def test_what_is_allowed_runs_however_it_is_named(strict: Command, name: str) -> None:
    assert await answer(strict, ask(name)) == "ran"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("./other.py", "not allowed"),
        ("allowed/out.py", "not allowed"),
        ("allowed/../other.py", "not allowed"),
        ("/bin/sh", "not allowed"),
        ("sh", "no program sh among what SLASHJOB_COMMANDS allows"),
        ("other.py", "no program other.py among"),
        ("allowed/nothing.py", "There is no program allowed/nothing.py."),
        ("allowed/ring", "There is no program"),
        ("missing", "There is no program"),
        ("/" + "x" * 5_000, "There is no program"),
        ("allowed/data.txt", "not executable"),
        ("allowed/deeper", "not executable"),
    ],
)
async def test_everything_else_is_one_clear_permanent_failure(strict: Command, name: str, words: str) -> None:
    error = await fails(strict, ask(name))
    assert words in error.sentence
    assert error.hint
    assert error.permanent


@pytest.mark.parametrize(
    ("first_line", "words"),
    [("#!/nowhere/python\n", "interpreter"), ("print('no first line')\n", "neither a program nor a script")],
)
async def test_a_program_that_cannot_start_says_why(
    agent: Command, tmp_path: Path, first_line: str, words: str
) -> None:
    path = tmp_path / "broken"
    path.write_text(first_line)
    path.chmod(0o755)
    error = await fails(agent, ask("broken"))
    assert words in error.sentence
    assert error.permanent


async def test_arguments_that_are_too_long_together_are_refused(agent: Command) -> None:
    many = ["{name}"] * 40
    error = await fails(agent, ask("tell.py", *many, parameters={"name": "x" * 100_000}))
    assert "too long together" in error.sentence
    assert error.permanent


async def test_a_hundred_megabytes_are_cut_in_constant_memory(agent: Command, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = await entries(agent, ask("sh", "-c", "head -c 104857600 /dev/zero | tr '\\0' x"))
    attached, answered = said
    assert isinstance(answered, Answered)
    assert len(answered.text) < 101_000
    assert "104,857,600 bytes" in answered.text.splitlines()[-1]
    assert isinstance(attached, Attached)
    assert attached.size == 1 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 << 10  # KiB


async def test_endless_output_is_ended(tmp_path: Path) -> None:
    agent = Command([SHELL], folder=tmp_path, limits=Limits(output=8 << 20, grace=0.5))
    error = await fails(agent, ask("sh", "-c", "while :; do head -c 1000000 /dev/zero; done"))
    agent.close()
    assert "wrote more than 8,388,608 bytes" in error.sentence


async def test_output_that_is_no_text_becomes_text(agent: Command) -> None:
    assert await answer(agent, ask("sh", "-c", r"printf 'a\377\376b\000c\033[31mred'")) == "a��b�cred"


@pytest.mark.parametrize(
    ("program", "limits", "words"),
    [
        ("x = bytearray(300 << 20)", Limits(memory=100 << 20), "MemoryError"),
        ("f = [open('/dev/null') for _ in range(100)]", Limits(files=50), "Too many open files"),
        ("open('big', 'wb').write(bytes(2 << 20))", Limits(file_size=1 << 20), "SIGXFSZ"),
    ],
)
async def test_limits_hold(tmp_path: Path, program: str, limits: Limits, words: str) -> None:
    script(tmp_path, "greedy.py", "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n" + program)
    agent = Command([tmp_path], folder=tmp_path, limits=limits)
    error = await fails(agent, ask("greedy.py"))
    agent.close()
    assert words in error.sentence + error.detail


async def test_a_secret_is_shown_nowhere(agent: Command, tmp_path: Path) -> None:
    shell = """
        echo "$$" > pid; while [ ! -e go ]; do sleep 0.02; done
        echo "{\\"progress\\": \\"with $TOKEN\\"}" >&2
        echo "log $TOKEN" >&2
        echo "{\\"summary\\": \\"$TOKEN\\", \\"headline\\": [{\\"name\\": \\"n\\", \\"value\\": $TOKEN}],
               \\"files\\": [{\\"name\\": \\"f\\", \\"text\\": \\"$TOKEN $KEY\\"}]}"
    """
    asked = _secretive(shell)
    run = asyncio.create_task(entries(agent, asked))
    await until((tmp_path / "pid").exists, "it works")
    for pid, line in living(asked.task.run_id).items():
        assert "31415926" not in line, pid
    (tmp_path / "go").touch()
    said = await run
    shown = repr(said) + "".join(
        path.read_text() for path in (tmp_path / "data").rglob("*") if path.is_file()
    )
    assert len(said) == 5
    assert "31415926" not in shown
    assert "from-worker" not in shown
    assert shown.count(MASK) == 6


async def test_a_failure_shows_no_secret(agent: Command) -> None:
    error = await fails(agent, _secretive('echo "Traceback: $TOKEN $KEY" >&2; exit 1'))
    assert error.detail == f"Traceback: {MASK} {MASK}"
    error = await fails(
        agent, _secretive("""echo "{\\"tables\\": [], \\"charts\\": [{\\"table\\": \\"$TOKEN\\"}]}" """)
    )
    assert "31415926" not in error.sentence
    assert MASK in error.sentence


def _secretive(shell: str) -> Asked:
    asked = ask(
        "sh", "-c", shell,
        parameters={"token": "31415926"}, secret=("token",), environment={"SHOP_KEY": "from-worker"},
    )  # fmt: skip
    job = asked.task.version.job.model_copy(
        update={"environment": {"TOKEN": "{token}", "KEY": "${SHOP_KEY}"}}
    )
    asked.task.version = asked.task.version.model_copy(update={"job": job})
    return asked


async def test_a_flood_of_progress_costs_little(agent: Command, tmp_path: Path) -> None:
    script(
        tmp_path,
        "flood.py",
        'import sys\nfor n in range(300_000): sys.stderr.write(\'{"progress": "%d"}\\n\' % n)',
    )
    asked = ask("flood.py")
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += bool(asked.said)  # since the first of the flood was told

    beating = asyncio.create_task(beat())
    said = await entries(agent, asked)
    beating.cancel()
    assert said[-1] == Progressed("299999")
    assert len(said) < 100
    assert beats > 100  # the loop went on meanwhile


async def test_a_closed_agent_leaves_no_guard_waiting(tmp_path: Path) -> None:
    agent = Command([SHELL], folder=tmp_path)
    assert await answer(agent, ask("sh", "-c", "echo one")) == "one"
    assert await answer(agent, ask("sh", "-c", "echo two")) == "two"
    agent.close()
    await until(lambda: not _guards(), "every guard left")


def _guards() -> list[str]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children if Path(f"/proc/{pid}").exists()]
    return [line.decode() for line in lines if b"guard.py" in line and sys.executable.encode() in line]
