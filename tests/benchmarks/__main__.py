"""`make bench`: every figure, one JSON line each; exits 1 where one is outside its limit."""

from __future__ import annotations

import importlib
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path


def main() -> int:
    """Run every bench_*.py of this folder."""
    broken = 0
    for file in sorted(Path(__file__).parent.glob("bench_*.py")):
        module = importlib.import_module(f"tests.benchmarks.{file.stem}")
        printed = io.StringIO()
        with redirect_stdout(printed):
            module.main()
        for line in printed.getvalue().splitlines():
            print(line, flush=True)
            broken += json.loads(line).get("held") is False
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
