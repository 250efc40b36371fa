"""`make mutants`: takes the guards out of a copy of the program, one by one; some test must notice each.

The work tree is never touched. Exits 1 where a mutant lives, where the tests fail without it, or where the
lines that it replaces are no more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("bot", "core", "adapters", "tests", "pyproject.toml", "README.md", "manifest.yml")
LIMIT = 900.0  # seconds that the tests of one mutant may take; one that hangs is noticed as well


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of the program: (file, text, what stands there instead), and the tests that must notice."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]


CLAIMS, RUNS, BATCHES = "core/store/claims.py", "core/store/runs.py", "core/store/batches.py"
SCHEDULES, WORKERS = "core/store/tables/schedules.py", "core/store/workers.py"
MUTANTS = (
    Mutant(
        "claim without its condition",
        (
            (CLAIMS, ".where(runs.c.pk.in_(_in_turn()), _QUEUED)", ".where(runs.c.pk.in_(_in_turn()))"),
            (CLAIMS, "    .with_for_update(skip_locked=True)\n", ""),
            (
                CLAIMS,
                ".where(runs.c.pk.in_(_MINE), runs.c.status == Status.QUEUED, _ALIVE)",
                ".where(runs.c.pk.in_(_MINE), _ALIVE)",
            ),
            (CLAIMS, "        await connection.execute(_WITH_WORK)\n", "        pass\n"),
        ),
        ("tests/store/test_runs.py::test_many_claimants_of_the_same_runs_each_get_different_ones",
         "tests/store/test_turns.py::test_racing_claims_never_exceed_a_cap"),
    ),
    Mutant(
        "claims that do not stand in line for the organization's cap",
        ((CLAIMS, "        await connection.execute(_WITH_WORK)\n", "        pass\n"),),
        ("tests/store/test_turns.py::test_racing_claims_never_exceed_a_cap",),
    ),
    Mutant(
        "claim by a worker that was declared dead",
        (
            (
                CLAIMS,
                ".where(runs.c.pk.in_(_MINE), runs.c.status == Status.QUEUED, _ALIVE)",
                ".where(runs.c.pk.in_(_MINE), runs.c.status == Status.QUEUED)",
            ),
        ),
        ("tests/store/test_takeover.py", "tests/store/test_fences.py"),
    ),
    Mutant(
        "claim that does not look at tags",
        ((CLAIMS, 'batches.c.runs_on.in_(sa.bindparam("tags", expanding=True))', "sa.true()"),),
        ("tests/store/test_tags.py",),
    ),
    Mutant(
        "firing without its unique key",
        (
            (SCHEDULES, '    UniqueConstraint("schedule", "due_at"),  # one', "    # one"),
            (
                "core/store/migrations/versions/0001_foundation.py",
                'sa.UniqueConstraint("schedule", "due_at", name=op.f("uq_firings_schedule_due_at")),',
                "",
            ),
        ),
        ("tests/store/test_scheduler_races.py", "tests/store/test_fences.py"),
    ),
    Mutant(
        "end without its fence",
        (
            (RUNS, "_OURS = (_KEY.in_(", "_OURS = (runs.c.pk.in_("),
            (RUNS, '"keys": list(keys)', '"keys": [pk for pk, _ in keys]'),
            (RUNS, '"keys": list(keys)', '"keys": [pk for pk, _ in keys]'),
        ),
        ("tests/store/test_runs.py::test_a_late_worker_cannot_end_a_run_that_was_taken_over",),
    ),
    Mutant(
        "lock key dropped",
        (
            (BATCHES, "    if keys:\n        await connection.execute(\n            locks.insert()",
             "    if keys and not keys:\n        await connection.execute(\n            locks.insert()"),
            (BATCHES, "    if values:\n        await connection.execute(locks.insert(), values)",
             "    if values and not values:\n        await connection.execute(locks.insert(), values)"),
        ),
        ("tests/store/test_runs.py::test_racing_starts_of_one_job_never_overlap",
         "tests/store/test_fanout.py::test_fifty_triggers_at_once_start_one_and_the_others_follow_the_policy"),
    ),
    Mutant(
        "a lease that the dead renew",
        ((WORKERS, "workers.update().where(workers.c.pk == worker, workers.c.dead_at.is_(None))"
                ".values(lease_until=until)",
          "workers.update().where(workers.c.pk == worker).values(lease_until=until)"),),
        ("tests/store/test_takeover.py",),
    ),
    Mutant(
        "a commit that nobody heard of, told as nothing",
        (("core/store/database.py", "        if committing:\n", "        if not self:\n"),),
        ("tests/store/test_outages.py",),
    ),
)  # fmt: skip


def main() -> None:
    """Try every mutant, or those whose names contain the given words."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose names contain one of these")
    words = parser.parse_args().words
    chosen = [one for one in MUTANTS if not words or any(word in one.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="slashjob-mutants-") as folder:
        copy = Path(folder)
        _fresh(copy)
        tests = tuple(dict.fromkeys(test for one in chosen for test in one.tests))
        bad = 0
        if _passes(copy, tests):
            print("well    without any mutant", flush=True)
        else:
            print("BROKEN  the tests fail without any mutant", flush=True)
            bad += 1
        for mutant in chosen:
            _fresh(copy)
            began = time.monotonic()
            lives = not _mutate(copy, mutant) or _passes(copy, mutant.tests)
            bad += lives
            print(
                f"{'LIVES ' if lives else 'caught'}  {mutant.name} ({time.monotonic() - began:.0f} s)",
                flush=True,
            )
    sys.exit(1 if bad else 0)


def _fresh(copy: Path) -> None:
    for name in COPIED:
        source, target = ROOT / name, copy / name
        if target.is_dir():
            shutil.rmtree(target)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy2(source, target)


def _mutate(copy: Path, mutant: Mutant) -> bool:
    for name, old, new in mutant.changes:
        path = copy / name
        text = path.read_text(encoding="utf-8")
        if old not in text:
            print(f"        {name} has no such lines any more: {old.strip()[:70]}", flush=True)
            return False
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return True


def _passes(copy: Path, tests: tuple[str, ...]) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (0, 1):
        raise SystemExit(f"the tests could not be run:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


if __name__ == "__main__":
    main()
