"""The choices that a source gives, where a line needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.choices import NotAsked
from core.desk.visit import Visit
from core.errors import OutOfPlace
from core.jobs import Job
from core.parameters import Definitions, Given, Star

MOST_OPTIONS = 100  # that a form offers; above it the value is typed


def definitions(visit: Visit, job: Job, given: Sequence[Mapping[str, Given]]) -> Definitions:
    """The job's parameters, with the choices from its source for those that are given.

    Where the source cannot be asked, what is typed is taken as it is: the run itself will tell.

    Raises:
        NotAsked: the source has to be asked first.
        OutOfPlace: `*` stands for choices that cannot be had now.
    """
    known = job.job.parameters
    if not any(one.choices_from for one in known.values()):
        return known
    asked = visit.asked
    if asked is None or asked.version != job.version:
        raise NotAsked(job.version, job.definition)
    for one in given:
        for name, value in one.items():
            if isinstance(value, Star) and name in asked.problems:
                raise OutOfPlace(
                    f"The choices of '{name}' are not known now: {asked.problems[name]}",
                    hint=f"Give values instead of *: {name}=…",
                )
    return asked.among(known, {name for one in given for name in one})


def offered(visit: Visit, job: Job) -> Definitions:
    """The job's parameters as a form asks for them: with choices that are not too many."""
    if visit.asked is None:
        return job.job.parameters
    few = [name for name, one in visit.asked.choices.items() if len(one) <= MOST_OPTIONS]
    return visit.asked.among(job.job.parameters, few)
