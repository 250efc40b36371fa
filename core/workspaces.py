"""Workspaces: what files define against what is stored; planning, applying, exporting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from core import audit, chatmade, jobfiles, people, schedules
from core.definitions import AgentDefinition, Definition, Role, SourceDefinition, Version
from core.errors import Invalid
from core.jobfiles import Change, Effect, Plan, Section, Standing, Workspace
from core.jobfiles.workspace import NOUNS, Mistake
from core.people import Member
from core.store import workspaces as rows
from core.turns import Turn
from core.vault import Vault

_MODELS: Mapping[Section, type[SourceDefinition | AgentDefinition | Version]] = {
    "sources": SourceDefinition,
    "agents": AgentDefinition,
    "jobs": Version,
}


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row's number, and the row as the plan sees it."""

    pk: int
    standing: Standing


async def plan(turn: Turn, organization: int, workspace: Workspace) -> Plan:
    """What `apply` would do now."""
    stored = await _stored(turn, organization)
    await _complete(turn, stored, only="chat")
    return jobfiles.plan({key: one.standing for key, one in stored.items()}, workspace)


async def apply(turn: Turn, actor: Member, workspace: Workspace, *, vault: Vault | None = None) -> Plan:
    """Make what is stored what the files say; returns what was done. Doing it twice changes nothing.

    1. Applies of one organization follow each other: its row is locked first.
    2. A changed job gets a new version, which embeds its agent and sources; ids stay, running runs keep
       their version, a pause stays.
    3. What no file has any more is disabled; nothing is ever deleted. What was made in chat is left alone.
    4. The schedules of changed jobs become what the files say; what is due by then is settled before,
       for which `vault` opens and seals the secrets in their parameters.
    5. Jobs of chat get a new version too where their agent or a source of theirs is another by now.
    6. Every change leaves an audit row, in the same transaction.

    Raises:
        NotAllowed: the actor is no editor.
        Invalid: a file would change what was made in chat; then nothing is changed.
    """
    await people.permit(turn, actor, Role.EDITOR, "apply job files")
    await rows.order(turn.connection, actor.organization)
    stored = await _stored(turn, actor.organization)
    await _complete(turn, stored, only="chat")
    made = jobfiles.plan({key: one.standing for key, one in stored.items()}, workspace)
    if made.refused:
        names = ", ".join(f"the {NOUNS[one.section]} {one.name}" for one in made.refused)
        raise Invalid(
            f"The files would change what was made in chat: {names}. Nothing was applied.",
            hint="Rename it in the file, or write into the file what `export` says.",
            fields={one.name: "; ".join(map(str, one.details)) for one in made.refused},
        )
    changed = [
        one.pk
        for change in made.effective
        if change.section == "jobs" and (one := stored.get((change.section, change.name))) is not None
    ]
    await schedules.stand_in_line(turn, changed, vault)
    for change in made.changes:
        await _apply(turn, actor, change, stored.get((change.section, change.name)), made, vault)
    if any(one.section != "jobs" for one in made.effective):
        await _embed_again(turn, actor)
    return made


async def export(turn: Turn, organization: int) -> Workspace:
    """Everything that is enabled, from files and from chat, for `jobfiles.write`.

    Jobs have their schedules and sets of chat too; its warnings tell what no file may say.
    """
    stored = await _stored(turn, organization)
    warnings = await _complete(turn, stored)
    found: dict[Section, dict[str, Any]] = {"sources": {}, "agents": {}, "jobs": {}}
    for (section, name), one in sorted(stored.items()):
        definition = one.standing.definition
        if one.standing.enabled:
            found[section][name] = definition.job if isinstance(definition, Version) else definition
    told = tuple(Mistake("export", 1, said) for said in warnings)
    return Workspace(found["sources"], found["agents"], found["jobs"], warnings=told)


async def around(turn: Turn, organization: int) -> Workspace:
    """The agents and sources that a job may name now, without jobs."""
    found: dict[Section, dict[str, Any]] = {"sources": {}, "agents": {}}
    for section, every in found.items():
        for row in await rows.standing(turn.connection, section, organization):
            if row.enabled:
                every[row.name] = _MODELS[section].model_validate(row.definition)
    return Workspace(found["sources"], found["agents"])


async def _embed_again(turn: Turn, actor: Member) -> None:
    """Give jobs of chat a version with their agent and sources as they are now, where these still are."""
    there = await around(turn, actor.organization)
    for (section, name), one in (await _stored(turn, actor.organization)).items():
        before = one.standing.definition
        if section != "jobs" or one.standing.origin != "chat" or not isinstance(before, Version):
            continue
        agent = there.agents.get(before.job.agent)
        if agent is None or set(jobfiles.needed(before.job, agent)) - there.sources.keys():
            continue
        after = jobfiles.version(name, Workspace(there.sources, there.agents, {name: before.job}))
        if after != before:
            await rows.add_version(
                turn.connection, one.pk, definition=_json(after), member=actor.pk, now=turn.now
            )
            changes = [str(detail) for detail in jobfiles.differences(before, after)]
            await audit.record(
                turn,
                organization=actor.organization,
                member=actor.pk,
                action=f"job.{Effect.CHANGED}",
                subject=f"job:{one.pk}",
                data={"name": name, "origin": "chat", "changes": changes},
            )


async def _complete(turn: Turn, stored: dict[tuple[Section, str], _Stored], *, only: str = "") -> list[str]:
    """Give jobs (only those of that origin) their schedules and sets of chat; what was left out."""
    found = {
        one.pk: (key, one.standing, one.standing.definition)
        for key, one in stored.items()
        if isinstance(one.standing.definition, Version) and only in ("", one.standing.origin)
    }
    told: list[str] = []
    made = await chatmade.whole(turn, {pk: version.job for pk, (_, _, version) in found.items()})
    for pk, (key, standing, version) in found.items():
        definition = version.model_copy(update={"job": made[pk].job})
        stored[key] = _Stored(pk, replace(standing, definition=definition))
        if standing.enabled:
            told += [f"{version.name}: {said}" for said in made[pk].left_out]
    return told


async def _stored(turn: Turn, organization: int) -> dict[tuple[Section, str], _Stored]:
    stored = {}
    sections: tuple[Section, ...] = get_args(Section)
    for section in sections:
        for row in await rows.standing(turn.connection, section, organization):
            definition = _MODELS[section].model_validate(row.definition)
            standing = Standing(definition, origin=row.origin, enabled=row.enabled, file=row.file)
            stored[section, row.name] = _Stored(row.pk, standing)
    return stored


async def _apply(
    turn: Turn, actor: Member, change: Change, stored: _Stored | None, made: Plan, vault: Vault | None
) -> None:
    """One definition: its row, its version, its audit row."""
    wanted = made.wanted.get((change.section, change.name))
    if stored is None:
        pk = await _create(turn, actor, change, wanted)
    elif change.effect is Effect.UNCHANGED:
        if stored.standing.origin == "file" and stored.standing.file != change.file:
            await rows.change(turn.connection, change.section, stored.pk, {"file": change.file})
        return
    else:
        pk = stored.pk
        await _change(turn, actor, change, stored, wanted)
    if isinstance(wanted, Version):
        await schedules.sync(turn, actor, pk, change.name, wanted.job, vault)
    await audit.record(
        turn,
        organization=actor.organization,
        member=actor.pk,
        action=f"{NOUNS[change.section]}.{change.effect}",
        subject=f"{NOUNS[change.section]}:{pk}",
        data={"name": change.name, "file": change.file, "changes": [str(one) for one in change.details]},
    )


async def _create(turn: Turn, actor: Member, change: Change, wanted: Definition | None) -> int:
    definition = _json(wanted)
    if change.section != "jobs":
        return await rows.add(
            turn.connection,
            change.section,
            organization=actor.organization,
            name=change.name,
            definition=definition,
            origin="file",
            file=change.file,
            now=turn.now,
        )
    pk = await rows.add_job(
        turn.connection,
        organization=actor.organization,
        name=change.name,
        origin="file",
        file=change.file,
        now=turn.now,
    )
    await rows.add_version(turn.connection, pk, definition=definition, member=actor.pk, now=turn.now)
    return pk


async def _change(
    turn: Turn, actor: Member, change: Change, stored: _Stored, wanted: Definition | None
) -> None:
    values: dict[str, Any] = {"enabled": wanted is not None, "changed_at": turn.now}
    if wanted is not None:
        values["file"] = change.file
        if change.section != "jobs":
            values["definition"] = _json(wanted)
    await rows.change(turn.connection, change.section, stored.pk, values)
    if change.section == "jobs" and change.details:
        await rows.add_version(
            turn.connection,
            stored.pk,
            definition=_json(wanted),
            member=actor.pk,
            now=turn.now,
        )


def _json(definition: Definition | None) -> dict[str, Any]:
    return {} if definition is None else definition.model_dump(mode="json", exclude_defaults=True)
