"""Which programs the settings allow, and what a job's first argument means by them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import AgentError


@dataclass(frozen=True, slots=True)
class Executable:
    """A program that may be run: `path` as it was named, `real` with every link resolved."""

    path: Path
    real: Path


class Executables:
    """Files, and folders whose files at any depth, may be run. Without any, nothing may.

    What counts is where a path really leads: a link inside an allowed folder to a program outside of it is
    not allowed, one from outside to an allowed program is.
    """

    def __init__(self, allowed: Sequence[Path], *, folder: Path) -> None:
        self._folder = folder
        self._allowed = tuple(folder / path for path in allowed)

    def find(self, name: str) -> Executable:
        """The program that a job names: a path (relative ones from the workspace), or a bare name.

        A bare name is looked for among what is allowed, never along PATH.

        Raises:
            AgentError: permanent; the kind is off, or it is missing, not allowed, not executable.
        """
        if not self._allowed:
            raise AgentError(
                "Programs are switched off on this installation.",
                hint="Name the executables that jobs may run in SLASHJOB_COMMANDS.",
                permanent=True,
            )
        path = self._folder / name if "/" in name else self._by_name(name)
        real = None if path is None else _resolve(path)
        if path is None or real is None:
            where = "" if "/" in name else " among what SLASHJOB_COMMANDS allows"
            raise AgentError(
                f"There is no program {name}{where}.", hint="Correct the job's `command:`.", permanent=True
            )
        if not self._allows(real):
            raise AgentError(
                f"The program {name} is not allowed on this installation.",
                hint=f"Add {real} to SLASHJOB_COMMANDS.",
                permanent=True,
            )
        if not real.is_file() or not os.access(real, os.X_OK):
            raise AgentError(
                f"The program {name} cannot be run: it is not executable.",
                hint=f"Run: chmod +x {real}",
                permanent=True,
            )
        return Executable(path, real)

    def _by_name(self, name: str) -> Path | None:
        candidates = (one / name if one.is_dir() else one for one in self._allowed)
        return next((one for one in candidates if one.name == name and _resolve(one)), None)

    def _allows(self, real: Path) -> bool:
        allowed = [found for one in self._allowed if (found := _resolve(one))]
        return any(real == one or one in real.parents for one in allowed)


def _resolve(path: Path) -> Path | None:
    """Where the path leads, None where that is nowhere."""
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):  # missing, too long, not ours to look at, a ring of links
        return None
