"""What a word of a command points at: a batch, one of its runs, or a job."""

from __future__ import annotations

from dataclasses import dataclass

from core import jobs, people, privacy, views
from core.commands import read_reference, spell_value
from core.definitions import Role
from core.desk.visit import Visit
from core.errors import NotAllowed, NotFound, Refusal
from core.jobs import Job
from core.runs import Run
from core.store import batches as batch_rows
from core.views import BatchView
from core.wording import words


@dataclass(frozen=True, slots=True)
class Target:
    """A batch with, where it was named, one run of it."""

    view: BatchView
    run: Run | None = None


async def batch(visit: Visit, word: str, *, whole: bool = False) -> Target | None:
    """The batch or run that the word names; None where it is no number (so: a job's name).

    Raises:
        NotFound: there is no batch or run of that number here, or the member may not see it.
    """
    reference = read_reference(word)
    if reference is None:
        return None
    number = reference.batch
    if reference.id is not None:
        found = await batch_rows.by_id(visit.turn.connection, visit.organization, str(reference.id))
        if found is None:
            return None
        number = found
    unknown = NotFound(
        f"There is no run {word if word.startswith('#') or reference.id else '#' + word} here.",
        hint="`history` lists the latest.",
        suggestions=("history",),
    )
    rows = await batch_rows.get(visit.turn.connection, [number])
    if not rows or rows[0].organization != visit.organization:
        raise unknown
    view = await views.of_batch(visit.turn, number, whole=whole)
    definitions = (view.job.job, view.version.job)
    if not visit.member.may(view.job.job.access.view) or not privacy.may_see(
        visit.member, view.batch.member, *definitions
    ):
        raise unknown
    if reference.run is not None:
        index = reference.run
        if index > len(view.runs):
            raise NotFound(
                f"#{number} has {words.count(len(view.runs), 'run')}; there is no #{number}.{index}.",
                suggestions=(f"show #{number}",),
            )
        return Target(view, view.runs[index - 1])
    by_id = next((run for run in view.runs if reference.id and run.id == str(reference.id)), None)
    return Target(view, by_id)


async def job(visit: Visit, word: str) -> Job:
    """The job of that name, if the member may see it; suggestions are whole lines."""
    try:
        return await jobs.find(
            visit.turn, visit.organization, word, seen=lambda one: visit.member.may(one.job.access.view)
        )
    except Refusal as refused:
        line = visit.request.text
        refused.suggestions = tuple(_with(line, word, name) for name in refused.suggestions)
        raise


async def may_run(visit: Visit, found: Job, act: str = "run") -> None:
    """Pass where the member may run the job. Raises `NotAllowed`, naming the role and who can give it."""
    needed = found.job.access.run
    await people.permit(visit.turn, visit.member, needed, f"{act} {found.name}")


async def may_act(visit: Visit) -> None:
    """Pass where the member has a role at all; a job's own rule is looked at when it is known."""
    if visit.member.role is None:
        await people.permit(visit.turn, visit.member, Role.OPERATOR, "run jobs here")


async def may_look(visit: Visit, role: Role) -> None:
    """Pass where the member has a role at all."""
    if visit.member.role is None:
        await people.permit(visit.turn, visit.member, Role.VIEWER, "see jobs here")
    if not visit.member.may(role):
        raise NotAllowed(f"Only {role}s can do that.")


def _with(line: str, word: str, name: str) -> str:
    """The typed line with another job's name in it."""
    for typed in (f'"{word}"', f"'{word}'", word):
        if typed in line:
            return line.replace(typed, name if " " not in name else spell_value(name), 1).strip()
    return line.strip()
