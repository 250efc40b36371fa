"""No process of a command run outlives it: looked up in /proc (scenarios D3 and D4, DESIGN.md 7.2, 12)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from adapters.agents import processes
from adapters.agents.command import Command, Limits
from adapters.agents.guards import boottime
from core.entries import Answered, Logged
from core.errors import AgentError
from tests.acceptance.command_rig import Asked, ask, entries, living, parent, script, state, until
from tests.limits import within

ROOT = Path(__file__).parents[2]
GRACE = 1.0
SHELL = Path("/bin/sh")

TREE = "sleep 300 & (setsid sleep 300 &) ;"
D3 = f"{TREE} wait"
PULSE = """
import sys, time
clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
with open(sys.argv[1], "w") as file:
    while True:
        print(time.clock_gettime(clock), file=file, flush=True)
        time.sleep(0.02)
"""  # when it was last alive is in its file, however late anybody looks
DEAF = "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & while :; do echo still here; sleep 1; done"
STOPPED = "sleep 300 & kill -STOP $!; kill -STOP $$; sleep 300"
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.closerange(0, 100)
    os.open("alive", os.O_WRONLY)
    open("working", "w").close()
    os.chdir("/")
    time.sleep(300)
time.sleep(300)
"""
COMET = """
import os, time
if os.fork() == 0:
    os.setsid()
    os.open("alive", os.O_WRONLY)
    open("working", "w").close()
    while os.fork() == 0:
        pass
    os._exit(0)
time.sleep(300)
"""  # its second process is a new one every moment: what is looked at is gone when it is signalled
DEAF_COMET = COMET.replace("import os, time", "import os, time, signal\nsignal.signal(15, signal.SIG_IGN)")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Command]:
    made = Command([SHELL, tmp_path], folder=tmp_path, limits=Limits(grace=GRACE))
    yield made
    made.close()


async def started(agent: Command, asked: Asked, processes_at_least: int) -> asyncio.Task[list[object]]:
    """Its run, once that many processes of it live."""
    run: asyncio.Task[list[object]] = asyncio.create_task(entries(agent, asked))  # type: ignore[arg-type]
    await until(
        lambda: run.done() or len(living(asked.task.run_id)) >= processes_at_least, "the program works"
    )
    assert not run.done(), run
    return run


@pytest.mark.parametrize(
    ("shell", "count"), [(D3, 3), (DEAF, 3), (STOPPED, 2)], ids=["d3", "deaf to SIGTERM", "stopped"]
)
async def test_a_cancelled_run_has_no_process_left_when_the_cancel_returns(
    agent: Command, shell: str, count: int
) -> None:
    asked = ask("sh", "-c", shell)
    run = await started(agent, asked, count)
    run.cancel()
    with within(60), pytest.raises(asyncio.CancelledError):  # by itself it never ends
        await run
    assert living(asked.task.run_id) == {}


@pytest.mark.parametrize("program", [DAEMON, COMET, DEAF_COMET], ids=["daemon", "comet", "deaf comet"])
async def test_daemons_and_what_forks_all_the_time_are_ended_too(
    agent: Command, tmp_path: Path, program: str
) -> None:
    script(tmp_path, "program.py", program)
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    asked = ask("program.py")
    run = await started(agent, asked, 1)
    await until((tmp_path / "working").exists, "its descendants work")
    with pytest.raises(BlockingIOError):  # somebody holds its other end
        os.read(alive, 1)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert living(asked.task.run_id) == {}
    assert os.read(alive, 1) == b""  # nobody does: a comet is hard to see in /proc
    os.close(alive)


async def test_a_time_out_is_kept_by_a_program_that_ignores_sigterm_with_an_open_pipe(
    agent: Command, tmp_path: Path
) -> None:
    asked = ask("sh", "-c", f"echo still here; echo > ready; {DEAF}")
    run = await started(agent, asked, 2)
    await until((tmp_path / "ready").exists, "it has said something")
    with within(60), pytest.raises(TimeoutError):  # by itself it never ends
        await asyncio.wait_for(run, 0.5)
    assert living(asked.task.run_id) == {}
    assert asked.said[-1:] == [Logged(asked.said[-1].text, "warning")]  # type: ignore[union-attr]
    assert "still here" in asked.said[-1].text  # type: ignore[union-attr]


async def test_a_program_that_obeys_sigterm_may_tidy_up(agent: Command, tmp_path: Path) -> None:
    asked = ask(
        "sh", "-c", "trap 'echo tidied > tidied; exit' TERM; echo > ready; while :; do sleep 0.05; done"
    )
    run = await started(agent, asked, 1)
    await until((tmp_path / "ready").exists, "the trap is set")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (tmp_path / "tidied").read_text() == "tidied\n"


async def test_cancelling_again_and_again_does_not_leave_it_running(agent: Command) -> None:
    asked = ask("sh", "-c", DEAF)
    run = await started(agent, asked, 2)
    while not run.done():
        run.cancel()
        await asyncio.sleep(0.05)
    assert run.cancelled()
    assert living(asked.task.run_id) == {}


async def test_leaving_the_run_half_way_ends_the_tree(agent: Command) -> None:
    asked = ask("sh", "-c", """echo '{"progress": "on"}' >&2; sleep 300 & (setsid sleep 300 &) ; wait""")
    async with aclosing(agent.run(asked.task)) as run:  # type: ignore[type-var]
        async for _ in run:
            await until(lambda: len(living(asked.task.run_id)) >= 3, "all of it works")
            break
    assert living(asked.task.run_id) == {}


async def test_a_grandchild_that_outlives_the_program_is_ended_and_named(agent: Command) -> None:
    asked = ask("sh", "-c", "echo done; (setsid sleep 300 &)")
    said = await entries(agent, asked)
    assert living(asked.task.run_id) == {}
    assert said == [
        Logged("sh left 1 process behind when it ended: ended, too.", "warning"),
        Answered("done"),
    ]


async def test_what_a_grandchild_says_shortly_after_the_end_belongs_to_the_answer(tmp_path: Path) -> None:
    agent = Command([SHELL], folder=tmp_path, limits=Limits(grace=GRACE, linger=30.0))
    said = await entries(agent, ask("sh", "-c", "echo first; (sleep 0.1; echo second) &"))
    agent.close()
    assert said == [Answered("first\nsecond")]


async def test_a_lease_that_is_not_renewed_ends_the_tree_before_it_is_over(
    agent: Command, tmp_path: Path
) -> None:
    pulse = script(tmp_path, "pulse.py", PULSE)
    over = boottime() + 4.0
    asked = ask("sh", "-c", f"{TREE} exec {pulse} {tmp_path / 'pulse'}", lease=lambda: over)
    with pytest.raises(AgentError, match="still holds the run"):
        await entries(agent, asked)
    assert living(asked.task.run_id) == {}
    assert last_sign(tmp_path / "pulse") < over


async def test_a_blocked_event_loop_does_not_look_like_a_frozen_worker(agent: Command) -> None:
    lease = 4.0
    asked = ask("sh", "-c", "sleep 5; echo done", lease=lambda: boottime() + lease)
    run = await started(agent, asked, 1)
    threading.Event().wait(lease + 1.5)  # nothing of asyncio moves meanwhile
    assert await run == [Answered("done")]


async def test_the_guard_ends_what_the_worker_forgot_to_end_at_its_time_out(agent: Command) -> None:
    asked = ask("sh", "-c", D3, seconds=-4)  # five seconds of overtime: one is left
    with pytest.raises(AgentError, match="longer than its time-out"):
        await entries(agent, asked)
    assert living(asked.task.run_id) == {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_a_guard_that_fails_is_replaced_by_a_hunt(
    agent: Command, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    if number == signal.SIGSTOP:
        monkeypatch.setattr(processes, "ANSWER", 4.0)
    asked = ask("sh", "-c", D3)
    run = await started(agent, asked, 3)
    program = next(pid for pid, line in living(asked.task.run_id).items() if line.startswith("/bin/sh"))
    os.kill(parent(program), number)
    if number == signal.SIGSTOP:
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    else:
        with pytest.raises(AgentError, match="watches over it was killed"):
            await run
    assert living(asked.task.run_id) == {}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_a_nursery_that_fails_is_replaced(
    agent: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(processes, "ANSWER", 3.0)
    asked = ask("sh", "-c", "echo $PPID; sleep 300")
    run = await started(agent, asked, 1)
    nursery = parent(parent(next(iter(living(asked.task.run_id)))))
    os.kill(nursery, number)
    second = ask("sh", "-c", "echo > begun; echo again")
    if number == signal.SIGKILL:
        await until(lambda: state(nursery) in "ZX", "it is dead")
        assert await entries(agent, second) == [Answered("again")]
    else:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(entries(agent, second), 0.2)
        assert state(nursery) in "ZX"
        assert not (tmp_path / "begun").exists()
        assert await entries(agent, ask("sh", "-c", "echo again")) == [Answered("again")]
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert living(asked.task.run_id) == {}


async def test_many_runs_at_once_each_end_alone(agent: Command) -> None:
    asked = [ask("sh", "-c", f"(setsid sleep 300 &) ; echo {number}") for number in range(8)]
    said = await asyncio.gather(*(entries(agent, one) for one in asked))
    assert [one[-1] for one in said] == [Answered(str(number)) for number in range(8)]
    assert not any(living(one.task.run_id) for one in asked)


def last_sign(path: Path) -> float:
    """When the pulse in that file was last felt, in seconds of `boottime`."""
    whole = path.read_text().rpartition("\n")[0]
    return float(whole.splitlines()[-1])


class Worker:
    """A worker in a process of its own, and what it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> dict[str, str]:
        assert self.process.stdout is not None
        found: dict[str, str] = json.loads(await asyncio.wait_for(self.process.stdout.readline(), 60))
        return found


@pytest.fixture
async def worker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Worker]:
    lease = request.param
    pulse = script(tmp_path, "pulse.py", PULSE)
    command = ["sh", "-c", f"{TREE} {pulse} {tmp_path / 'pulse'}; wait"]
    order = {"allowed": [str(SHELL)], "command": command, "lease": lease}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests/acceptance/command_rig.py"),
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "COMMAND_WORKER": json.dumps(order)},
        stdout=asyncio.subprocess.PIPE,
    )
    yield Worker(process)
    if process.returncode is None:
        process.kill()
    await process.communicate()


@pytest.mark.parametrize("worker", [300], indirect=True, ids=["a long lease"])
async def test_a_killed_worker_leaves_no_process_behind(worker: Worker) -> None:
    run_id = (await worker.line())["run"]
    await until(lambda: len(living(run_id)) >= 3, "the program works")
    guards = {parent(pid) for pid, line in living(run_id).items() if line.startswith("/bin/sh")}
    worker.process.kill()
    await until(lambda: living(run_id) == {}, "nothing of the run lives")
    await until(lambda: all(state(guard) in "ZX" for guard in guards), "the guard left, too")


@pytest.mark.parametrize("worker", [4], indirect=True, ids=["a lease of 4 s"])
async def test_a_frozen_worker_loses_its_program_before_the_lease_is_over(
    worker: Worker, tmp_path: Path
) -> None:
    run_id = (await worker.line())["run"]
    await until(lambda: len(living(run_id)) >= 3, "the program works")
    worker.process.send_signal(signal.SIGSTOP)
    frozen = boottime()
    await until(lambda: living(run_id) == {}, "nothing of the run lives")
    assert last_sign(tmp_path / "pulse") < frozen + 4
    worker.process.send_signal(signal.SIGCONT)
    assert "still holds the run" in (await worker.line())["error"]
