"""What a form offers while somebody types into it: jobs, and the choices of a parameter."""

from __future__ import annotations

from core import jobs
from core.choices import Asked, NotAsked
from core.commands import Command, Name
from core.jobs import Job
from core.messages import Option
from core.people import Member
from core.turns import Turn

OFFERED = 100  # options at once


async def runnable(turn: Turn, member: Member, word: str) -> tuple[Option, ...]:
    """The jobs that the member may run whose name or title has the word in it."""
    found = [
        one
        for one in await jobs.every(turn, member.organization)
        if one.enabled and member.may(one.job.access.view) and member.may(one.job.access.run)
    ]
    return _matching([Option(one.name, _label(one)) for one in found], word)


async def choices(
    turn: Turn, member: Member, command: Command, field: str, word: str, asked: Asked | None = None
) -> tuple[Option, ...]:
    """The choices of a parameter of the job that the command runs; nothing where it may not be seen.

    Raises:
        NotAsked: they come from a source that has to be asked first.
    """
    if command.name is not Name.RUN:
        return ()
    for one in await jobs.every(turn, member.organization):
        if one.name == command.word(0) and member.may(one.job.access.view):
            known = one.job.parameters.get(field)
            if known is not None and known.choices_from:
                if asked is None or asked.version != one.version:
                    raise NotAsked(one.version, one.definition)
                known = asked.among({field: known}, [field])[field]
            return _matching([Option(text, text) for text in known.choices], word) if known else ()
    return ()


def _label(job: Job) -> str:
    return f"{job.name} · {job.job.title}" if job.job.title else job.name


def _matching(options: list[Option], word: str) -> tuple[Option, ...]:
    """Those that begin with the word first, then those that have it elsewhere."""
    wanted = word.strip().casefold()
    fitting = [one for one in options if wanted in one.label.casefold()]
    fitting.sort(key=lambda one: not one.label.casefold().startswith(wanted))
    return tuple(fitting[:OFFERED])
