"""Reading a workspace: `slashjob.yml` and every `jobs/*.yml` beside it, all mistakes at once."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import get_args

from core.definitions import AgentDefinition, Definition, JobDefinition, SourceDefinition
from core.jobfiles import nodes, rules, sentences
from core.jobfiles.nodes import Mapping, Node, Scalar, Unreadable
from core.jobfiles.parameter_rules import Problem
from core.jobfiles.rules import Known
from core.jobfiles.shapes import Shape
from core.jobfiles.workspace import (
    NOUNS,
    Checks,
    Mistake,
    Mistaken,
    Path,
    Place,
    Section,
    Workspace,
)

MAIN = "slashjob.yml"
FOLDER = "jobs"
FILES_LIMIT = 1_000
SECTIONS: tuple[Section, ...] = get_args(Section)

_MODELS: dict[Section, type[SourceDefinition | AgentDefinition | JobDefinition]] = {
    "sources": SourceDefinition,
    "agents": AgentDefinition,
    "jobs": JobDefinition,
}


@dataclass(frozen=True, slots=True)
class Examined:
    """What could be read (mended where it was wrong: fit for suggestions, not for use), and the mistakes."""

    workspace: Workspace
    mistakes: tuple[Mistake, ...]


def read(path: FilePath, checks: Checks | None = None) -> Workspace:
    """The workspace of a folder, or of a main file and the `jobs/*.yml` beside it.

    Links are followed (a mounted configuration is made of them), to regular files only.

    Raises:
        Mistaken: with every mistake of every file.
    """
    examined = examine(path, checks)
    if examined.mistakes:
        raise Mistaken(examined.mistakes)
    return examined.workspace


def read_text(text: str, checks: Checks | None = None, *, file: str = MAIN) -> Workspace:
    """The workspace that one text says. Raises `Mistaken`, as `read`."""
    reading = _Reading(checks or Checks())
    reading.take(file, text.encode("utf-8", "surrogatepass"))
    examined = reading.finish()
    if examined.mistakes:
        raise Mistaken(examined.mistakes)
    return examined.workspace


def examine(path: FilePath, checks: Checks | None = None) -> Examined:
    """Read as far as possible and collect what is wrong; never raises for what stands in files."""
    reading = _Reading(checks or Checks())
    main = path if path.suffix in (".yml", ".yaml") and not path.is_dir() else path / MAIN
    folder = main.parent
    if main.parent.is_dir():
        reading.open(main, main.name)
        for file in reading.files_in(folder / FOLDER):
            reading.open(file, f"{FOLDER}/{file.name}")
    else:
        reading.mistakes.append(Mistake(main.name, 1, f"there is no folder {main.parent}"))
    return reading.finish()


@dataclass(slots=True)
class _Part:
    """One definition as it was read: its shape knows the lines."""

    section: Section
    name: str
    place: Place
    node: Node
    shape: Shape
    made: Definition | None = None


@dataclass(slots=True)
class _Reading:
    """Takes file after file, then looks at all of it together."""

    checks: Checks
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    parts: dict[tuple[Section, str], _Part] = field(default_factory=dict)

    # --- files ---

    def files_in(self, folder: FilePath) -> list[FilePath]:
        """The job files of the folder by name; what looks like one and is not read is warned about."""
        try:
            if not folder.exists():
                return []
            if not folder.is_dir():
                self.mistakes.append(Mistake(FOLDER, 1, "this is a file; jobs/ is a folder of job files"))
                return []
            entries = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
        except OSError as error:
            self.mistakes.append(Mistake(FOLDER, 1, f"the folder cannot be read: {_reason(error)}"))
            return []
        for entry in entries:
            if entry.suffix == ".yaml" or (entry.suffix != ".yml" and entry.is_dir()):
                why = (
                    "a folder in jobs/ is not read"
                    if entry.is_dir()
                    else "only files that end in .yml are read"
                )
                self.warnings.append(Mistake(f"{FOLDER}/{entry.name}", 1, why))
        files = [one for one in entries if one.suffix == ".yml"]
        if len(files) > FILES_LIMIT:
            self.mistakes.append(Mistake(FOLDER, 1, f"there are more than {FILES_LIMIT:,} files"))
        return files[:FILES_LIMIT]

    def open(self, file: FilePath, shown: str) -> None:
        """Read one file, never more than the limit of it."""
        try:
            mode = file.stat().st_mode
            if not stat.S_ISREG(mode):
                what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
                self.mistakes.append(Mistake(shown, 1, f"this is {what}; a file is wanted"))
                return
            with file.open("rb") as opened:
                data = opened.read(nodes.SIZE_LIMIT + 1)
        except OSError as error:
            self.mistakes.append(Mistake(shown, 1, self._unopened(file, error)))
            return
        self.take(shown, data)

    def _unopened(self, file: FilePath, error: OSError) -> str:
        if isinstance(error, FileNotFoundError):
            if file.is_symlink():
                return f"the link leads nowhere ({file.readlink()})"
            other = file.with_suffix(".yaml")
            hint = f"; rename {other.name}" if other.exists() else ""
            return f"there is no such file in {file.parent}{hint}"
        return f"the file cannot be read: {_reason(error)}"

    def take(self, file: str, data: bytes) -> None:
        """Read one file's text into parts."""
        try:
            root = nodes.compose(nodes.decode(data))
        except Unreadable as unreadable:
            self.mistakes.append(Mistake(file, unreadable.line, unreadable.sentence))
            return
        if root is None or (isinstance(root, Scalar) and root.is_null):
            if "/" not in file:
                self.mistakes.append(Mistake(file, 1, "the file is empty; it says sources, agents and jobs"))
            else:
                self.warnings.append(Mistake(file, 1, "the file is empty"))
            return
        if not isinstance(root, Mapping):
            self.mistakes.append(Mistake(file, root.line, "the file begins with sources:, agents: or jobs:"))
            return
        self._take_sections(file, root)

    def _take_sections(self, file: str, root: Mapping) -> None:
        for key, first in root.duplicates():
            said = f"'{key.text}' stands here twice (first in line {first.line})"
            self.mistakes.append(Mistake(file, key.line, said))
        for key, node in root.items:
            section = next((one for one in SECTIONS if one == key.text), None)
            if section is None:
                said = sentences.unknown_key(key.text, SECTIONS, "the file")
                self.mistakes.append(Mistake(file, key.line, said))
            elif isinstance(node, Mapping):
                for name, definition in node.items:
                    self._take_part(file, section, name, definition)
            elif not (isinstance(node, Scalar) and node.is_null):
                said = f"'{section}' wants names with definitions (name: ...)"
                self.mistakes.append(Mistake(file, node.line, said))

    def _take_part(self, file: str, section: Section, name: Scalar, node: Node) -> None:
        key = (section, name.text)
        place = Place(file, name.line)
        if not sentences.is_name(name.text):
            self.mistakes.append(Mistake(file, name.line, sentences.bad_name(name.text)))
        if key in self.parts:
            first = self.parts[key].place
            where = f"in line {first.line}" if first.file == file else f"at {first}"
            said = f"the {NOUNS[section]} '{name.text}' is defined twice (first {where})"
            self.mistakes.append(Mistake(file, name.line, said))
            return
        shape: Shape

        def report(path: Path, sentence: str) -> None:
            self.mistakes.append(Mistake(file, shape.line(path), sentence))

        shape = Shape(key, report)
        part = _Part(section, name.text, place, node, shape)
        part.made = shape.build(_MODELS[section], node, name.line)
        self.parts[key] = part

    # --- all of it together ---

    def finish(self) -> Examined:
        """Look at the rules between definitions, and put everything together."""
        known = self._known()
        for part in self.parts.values():
            for path, said in self._problems(part, known):
                if not self._is_knock_on(part, path):
                    part.shape.report((part.section, part.name, *path), said)
        workspace = Workspace(
            sources={
                one.name: one.made for one in self._of("sources") if isinstance(one.made, SourceDefinition)
            },
            agents={
                one.name: one.made for one in self._of("agents") if isinstance(one.made, AgentDefinition)
            },
            jobs={one.name: one.made for one in self._of("jobs") if isinstance(one.made, JobDefinition)},
            places={key: part.place for key, part in self.parts.items()},
            warnings=tuple(self.warnings),
        )
        return Examined(workspace, self._in_order(workspace))

    def _problems(self, part: _Part, known: Known) -> list[Problem]:
        match part.made:
            case SourceDefinition():
                return list(rules.source_problems(part.made))
            case AgentDefinition() if part.name not in known.doubtful:
                return list(rules.agent_problems(part.made, known))
            case JobDefinition():
                written = part.node.get("parameters") if isinstance(part.node, Mapping) else None
                names = {key.text for key, _ in written.items} if isinstance(written, Mapping) else set()
                own = replace(known, parameters=frozenset(names) | frozenset(part.made.parameters))
                return list(rules.job_problems(part.made, own))
            case _:
                return []

    def _is_knock_on(self, part: _Part, path: Path) -> bool:
        """It only follows from a parameter's wrong type."""
        typed = (part.section, part.name, *path[:2], "type")
        return path[:1] == ("parameters",) and typed in part.shape.reported

    def _known(self) -> Known:
        agents = {
            one.name: one.made if isinstance(one.made, AgentDefinition) else None
            for one in self._of("agents")
        }
        doubtful = {
            one.name for one in self._of("agents") if ("agents", one.name, "kind") in one.shape.reported
        }
        return Known(
            sources=frozenset(one.name for one in self._of("sources")),
            agents=agents,
            doubtful=frozenset(doubtful),
            checks=self.checks,
        )

    def _of(self, section: Section) -> list[_Part]:
        return [part for (of, _), part in self.parts.items() if of == section]

    def _in_order(self, workspace: Workspace) -> tuple[Mistake, ...]:
        """By file as it was read, then by line; the same sentence at the same line once."""
        files = {place.file for place in workspace.places.values()} | {one.file for one in self.mistakes}
        order = {file: ("/" in file, file) for file in files}
        return tuple(sorted(dict.fromkeys(self.mistakes), key=lambda one: (order[one.file], one.line)))


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
