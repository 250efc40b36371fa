"""Prefect 3 beside slashjob: trivial runs per second, and from trigger to done, in the same minutes.

Prefect lives in an environment of its own, since its dependencies are not ours:

    python -m venv ~/prefect && ~/prefect/bin/pip install 'prefect>=3,<4' 'fastapi<0.116'
    PREFECT_PYTHON=~/prefect/bin/python python -m tests.benchmarks.peers.prefect3

Its server keeps SQLite, as ours does. Its runner looks for work every second here (by default every ten) and
starts a process for each run, where slashjob's trivial agent runs in the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.bench_engine import Bench
from tests.benchmarks.figures import figure

ALONE, TOGETHER = 3, 10  # runs of Prefect, one at a time and at once
OWN_ALONE, OWN_TOGETHER = 50, 400
PATIENCE = 120.0  # seconds for its server to start
FLOWS = Path(__file__).with_name("flows.py")


def main() -> None:
    """Print both, or say why not."""
    python = os.environ.get("PREFECT_PYTHON", "")
    if not python or subprocess.run([python, "-c", "import prefect"], capture_output=True).returncode:
        print("Prefect is not installed: PREFECT_PYTHON names no interpreter that has it.", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(prefix="slashjob-peer-") as folder:
        theirs = _theirs(python, Path(folder))
        latency, rate = asyncio.run(_ours(Path(folder)))
    figure("peer: slashjob, trivial runs per second against Prefect 3", rate, theirs["rate"], 1, least=True)
    figure("peer: slashjob, trigger to done against Prefect 3, s", latency, theirs["latency"], 1)


async def _ours(folder: Path) -> tuple[float, float]:
    bench = Bench(folder)
    await bench.open()
    await bench.ended(await bench.ask("run trivial n=1..20"))
    waits = []
    for _ in range(OWN_ALONE):
        began = time.perf_counter()
        await bench.ended(await bench.ask("run trivial n=1"))
        waits.append(time.perf_counter() - began)
    began = time.perf_counter()
    await bench.ended(await bench.ask(f"run trivial n=1..{OWN_TOGETHER}"))
    rate = OWN_TOGETHER / (time.perf_counter() - began)
    await bench.close()
    return statistics.median(waits), rate


def _theirs(python: str, folder: Path) -> dict[str, float]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
    }
    server = [python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with _started(server, environment, folder):
        _answers(f"http://127.0.0.1:{port}/api/health")
        with _started([python, str(FLOWS), "serve"], environment, folder):
            ask = [python, str(FLOWS), "measure", str(ALONE), str(TOGETHER)]
            said = subprocess.run(
                ask, env=environment, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
            )
    found: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def _started(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / "said").open("a") as said:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=said, stderr=said)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(address: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
