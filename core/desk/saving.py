"""sets: what a job's saved parameter sets are, and saving one."""

from __future__ import annotations

from core import parameters, sets
from core.commands import Command, Name, spell
from core.definitions import Role
from core.desk import scheduling, targets
from core.desk.visit import Reply, Visit
from core.errors import Invalid, Misunderstood, NotFound
from core.jobfiles import is_name
from core.jobs import Job
from core.wording import sets as wording


async def saved(visit: Visit) -> Reply:
    """`sets NAME`, `sets NAME SET`, `sets NAME SET name=value …`, `sets NAME SET --remove`."""
    await targets.may_look(visit, Role.VIEWER)
    command = visit.command
    job = await targets.job(visit, command.word(0))
    name = command.word(1).removeprefix("@").lower()
    if "remove" in command.flags:
        if not name or command.values:
            raise Misunderstood(
                "--remove needs the name of one set, and no values.",
                hint=f"For example `sets {job.name} emea --remove`.",
            )
        await sets.remove(visit.turn, visit.member, job, name)
        return Reply(wording.removed(job, name), private=False)
    if command.values:
        return await _save(visit, job, name)
    found = await sets.of_job(visit.turn, job)
    if not name:
        return Reply(wording.listing(job, found))
    if name not in {one.name for one in found}:
        raise _missing(job, name, [one.name for one in found])
    return Reply(wording.listing(job, [one for one in found if one.name == name]))


async def _save(visit: Visit, job: Job, name: str) -> Reply:
    if not name:
        raise Misunderstood(
            "A set needs a name, before its values.",
            hint=f"For example `sets {job.name} emea campaign_id=42,43`.",
        )
    if name == sets.ALL or not is_name(name):
        why = (
            "@all stands for every set"
            if name == sets.ALL
            else "a letter begins it; digits, - and _ may follow"
        )
        raise Invalid(f"No set can be called {name[:40]}: {why}.", hint="Choose another name, such as emea.")
    rows = scheduling.rows_of(visit, job, visit.command.values)
    given = [parameters.to_json(job.job.parameters, one) for one in rows]
    made = await sets.save(visit.turn, visit.member, job, name, given)
    return Reply(wording.saved(job, made), private=False)


def _missing(job: Job, name: str, known: list[str]) -> NotFound:
    listed = f"It has {', '.join(f'@{one}' for one in known)}." if known else "It has none yet."
    line = spell(Command(Name.SETS, (job.name,)))
    return NotFound(f"{job.name} has no set @{name[:40]}.", hint=listed, suggestions=(line,))
