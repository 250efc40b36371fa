"""What a read workspace is: definitions, where each came from, and what was wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from core.definitions import AgentDefinition, JobDefinition, SourceDefinition
from core.errors import Misconfigured

Section = Literal["sources", "agents", "jobs"]
NOUNS: dict[Section, str] = {"sources": "source", "agents": "agent", "jobs": "job"}

Path = tuple[str | int, ...]
"""A place within a workspace: `("jobs", "weekly-report", "questions", 0, "sql")`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, counted from 1; the file is named as seen from the workspace's folder."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong (or, as a warning, odd) at a line; printed as `slashjob.yml:12: sentence`."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class Mistaken(Misconfigured):
    """The files are wrong; `found` has every mistake, in the order of files and lines."""

    def __init__(self, found: tuple[Mistake, ...]) -> None:
        super().__init__([str(one) for one in found])
        self.found = found


@dataclass(frozen=True, slots=True)
class Workspace:
    """Every definition of a folder by name; `places` says where (empty for those not from files)."""

    sources: dict[str, SourceDefinition] = field(default_factory=dict)
    agents: dict[str, AgentDefinition] = field(default_factory=dict)
    jobs: dict[str, JobDefinition] = field(default_factory=dict)
    places: dict[tuple[Section, str], Place] = field(default_factory=dict, compare=False)
    warnings: tuple[Mistake, ...] = field(default=(), compare=False)

    def file(self, section: Section, name: str) -> str:
        """The file that defines it; empty where none does."""
        place = self.places.get((section, name))
        return place.file if place else ""


CheckTemplate = Callable[[str, frozenset[str]], str | None]
CheckText = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Checks:
    """What core cannot look at by itself; each gives a sentence, or None where all is well.

    `template(text, names)` looks at a summary: `params` and the questions' names are what it may use.
    `query(sql)` looks at a statement.
    `columns(sql)` names a statement's columns, or is None where they cannot be known.
    """

    template: CheckTemplate | None = None
    query: CheckText | None = None
    columns: Callable[[str], tuple[str, ...] | None] | None = None
