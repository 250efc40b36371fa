"""What applying a workspace would do, without doing it: created, changed field by field, disabled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, get_args

from core.definitions import AgentDefinition, Definition, JobDefinition, SourceDefinition, Version
from core.jobfiles.workspace import NOUNS, Section, Workspace

SHOWN_LIMIT = 60  # characters of a value in a line
CONTEXT = 12  # characters that are shown before the first difference of long values

Key = tuple[Section, str]
Entry = SourceDefinition | AgentDefinition | Version


class Effect(StrEnum):
    """What becomes of one definition."""

    CREATED = "created"
    CHANGED = "changed"
    ENABLED = "enabled"  # it was disabled, and is in a file again; it may have changed too
    DISABLED = "disabled"  # no file has it any more; its history stays
    UNCHANGED = "unchanged"
    REFUSED = "refused"  # the name belongs to one that was made in chat


@dataclass(frozen=True, slots=True)
class Standing:
    """A definition as it is stored. A job stands there as its version, agent and sources included."""

    definition: Entry
    origin: str = "file"  # file | chat
    enabled: bool = True
    file: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """One field that changes: `timeout: 1h -> 5m`. `path` is dotted."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one definition, and which of its fields change."""

    section: Section
    name: str
    effect: Effect
    details: tuple[Detail, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every definition with its effect, in the order sources, agents, jobs, then by name."""

    changes: tuple[Change, ...] = ()
    wanted: Mapping[Key, Entry] = field(default_factory=dict, compare=False)

    @property
    def effective(self) -> tuple[Change, ...]:
        """What would be done; empty where there is no change."""
        return tuple(one for one in self.changes if one.effect is not Effect.UNCHANGED)

    @property
    def refused(self) -> tuple[Change, ...]:
        """What cannot be done: then nothing is."""
        return tuple(one for one in self.changes if one.effect is Effect.REFUSED)


def plan(current: Mapping[Key, Standing], wanted: Workspace) -> Plan:
    """Compare what stands with what files want. Definitions made in chat are left alone.

    A chat definition that a file repeats exactly is left alone too; one that it would change is refused.
    """
    entries: dict[Key, Entry] = {("sources", name): one for name, one in wanted.sources.items()}
    entries |= {("agents", name): one for name, one in wanted.agents.items()}
    entries |= {("jobs", name): version(name, wanted) for name in wanted.jobs}
    order = {section: place for place, section in enumerate(get_args(Section))}
    changes = [
        change
        for key in sorted({*current, *entries}, key=lambda one: (order[one[0]], one[1]))
        if (change := _change(key, current.get(key), entries.get(key), wanted.file(*key)))
    ]
    return Plan(tuple(changes), entries)


def version(name: str, workspace: Workspace) -> Version:
    """What a version of the job embeds: the job, its agent, and every source that they name."""
    job = workspace.jobs[name]
    agent = workspace.agents[job.agent]
    sources = {one: workspace.sources[one] for one in needed(job, agent)}
    return Version(name=name, job=job, agent=agent, sources=sources)


def needed(job: JobDefinition, agent: AgentDefinition) -> tuple[str, ...]:
    """The sources that a job and its agent name, the agent's first."""
    named = (agent.source, *agent.sources, *(question.source for question in job.questions))
    return tuple(dict.fromkeys(one for one in named if one))


def differences(before: Entry, after: Entry) -> tuple[Detail, ...]:
    """What changes, field by field; the parts of a job's version are named `agent.…` and `sources.…`."""
    return tuple(_differences(before, after))


def lines(made: Plan) -> list[str]:
    """The plan as people read it; a line per definition and per field, then the count of the rest."""
    marks = {
        Effect.CREATED: "+",
        Effect.CHANGED: "~",
        Effect.ENABLED: "+",
        Effect.DISABLED: "-",
        Effect.REFUSED: "!",
    }
    whys = {
        Effect.ENABLED: " (enabled again)",
        Effect.DISABLED: " (disabled: no file has it)",
        Effect.REFUSED: " (refused: it was made in chat, and the file would change it; rename one of them)",
    }
    told = []
    for change in made.effective:
        told.append(
            f"{marks[change.effect]} {NOUNS[change.section]} {change.name}{whys.get(change.effect, '')}"
        )
        told += [f"    {detail}" for detail in change.details]
    same = len(made.changes) - len(made.effective)
    if not told:
        return [f"No change ({same} {'definition' if same == 1 else 'definitions'})."]
    return [*told, f"{same} unchanged."] if same else told


def _change(key: Key, current: Standing | None, wanted: Entry | None, file: str) -> Change | None:
    section, name = key
    if current is None:
        return Change(section, name, Effect.CREATED, file=file)
    if wanted is None:
        if current.origin != "file" or not current.enabled:
            return None
        return Change(section, name, Effect.DISABLED, file=current.file)
    details = differences(current.definition, wanted)
    if current.origin != "file":
        return Change(section, name, Effect.REFUSED if details else Effect.UNCHANGED, details, file)
    if not current.enabled:
        return Change(section, name, Effect.ENABLED, details, file)
    return Change(section, name, Effect.CHANGED if details else Effect.UNCHANGED, details, file)


def _differences(before: Entry, after: Entry) -> Iterator[Detail]:
    if isinstance(before, Version) and isinstance(after, Version):
        yield from _compare((), _sides(before.job, after.job))
        yield from _compare(("agent",), _sides(before.agent, after.agent))
        for name in dict.fromkeys([*before.sources, *after.sources]):
            yield from _compare(("sources", name), _sides(before.sources.get(name), after.sources.get(name)))
    else:
        yield from _compare((), _sides(before, after))


@dataclass(frozen=True, slots=True)
class _Sides:
    """The same place before and after: whole, and `lean` (without defaults) for showing it."""

    before: Any
    after: Any
    lean_before: Any
    lean_after: Any

    def detail(self, path: tuple[str, ...]) -> Detail:
        """The place told as one change."""
        return Detail(".".join(path), *_apart(_shown(self.lean_before), _shown(self.lean_after)))


def _sides(before: Definition | None, after: Definition | None) -> _Sides:
    whole = [one and one.model_dump(mode="json", by_alias=True) for one in (before, after)]
    lean = [
        one and one.model_dump(mode="json", by_alias=True, exclude_defaults=True) for one in (before, after)
    ]
    return _Sides(*whole, *lean)


def _compare(path: tuple[str, ...], sides: _Sides) -> Iterator[Detail]:
    before, after = sides.before, sides.after
    if before == after and _order(before) == _order(after):
        return
    old, new = _named(before), _named(after)
    if not (isinstance(old, dict) and isinstance(new, dict)) or not (old or new):
        yield sides.detail(path)
        return
    lean_old, lean_new = _named(sides.lean_before), _named(sides.lean_after)
    for key in dict.fromkeys([*old, *new]):
        one, two = old.get(key), new.get(key)
        inner = _Sides(one, two, _lean(lean_old, key, one), _lean(lean_new, key, two))
        yield from _compare((*path, key), inner)
    common = [key for key in old if key in new]
    if common != [key for key in new if key in old] and (isinstance(before, list) or path == ("parameters",)):
        yield Detail(f"{'.'.join(path)} (order)", ", ".join(old), ", ".join(new))


def _lean(parent: Any, key: str, whole: Any) -> Any:
    """What is shown of a part: the value itself where it is a default, of a mapping only the rest."""
    found = parent.get(key) if isinstance(parent, dict) else None
    return found if found and isinstance(found, dict | list) else whole


def _order(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _named(value: Any) -> Any:
    """A list of things with names of their own is compared by name, any other one as a whole."""
    if isinstance(value, list) and all(isinstance(one, dict) and one.get("name") for one in value):
        names = [one["name"] for one in value]
        if len(set(names)) == len(names):
            return dict(zip(names, value, strict=True))
    return value


def _shown(value: Any) -> str:
    """Short: texts as they are, the rest as JSON without what is empty."""
    text = value if isinstance(value, str) else json.dumps(_full(value), ensure_ascii=False)
    text = " ".join(text.split())
    return "none" if text in ("", "null", "[]", "{}") else text


def _apart(before: str, after: str) -> tuple[str, str]:
    """Two values, cut so that what tells them apart is seen."""
    pairs = enumerate(zip(before, after, strict=False))
    same = next((place for place, (old, new) in pairs if old != new), min(len(before), len(after)))
    start = max(0, same - CONTEXT) if max(len(before), len(after)) > SHOWN_LIMIT else 0
    lead = "…" if start else ""
    before, after = before[start:], after[start:]
    return lead + _cut(before), lead + _cut(after)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_LIMIT else f"{text[: SHOWN_LIMIT - 1]}…"


def _full(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _full(one) for key, one in value.items() if one not in (None, "", [], {})}
    return [_full(one) for one in value] if isinstance(value, list) else value
