"""The choices that a source gives, where a line needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core import choices
from core.desk.visit import Visit
from core.jobs import Job
from core.parameters import Definitions, Given

MOST_OPTIONS = 100  # that a form offers; above it the value is typed


def definitions(visit: Visit, job: Job, given: Sequence[Mapping[str, Given]]) -> Definitions:
    """The job's parameters, with the choices from its source for those that are given.

    Raises:
        NotAsked: the source has to be asked first.
        OutOfPlace: `*` stands for choices that cannot be had now.
    """
    return choices.known_to(job.version, job.definition, given, visit.asked)


def offered(visit: Visit, job: Job) -> Definitions:
    """The job's parameters as a form asks for them: with choices that are not too many."""
    if visit.asked is None:
        return job.job.parameters
    few = [name for name, one in visit.asked.choices.items() if len(one) <= MOST_OPTIONS]
    return visit.asked.among(job.job.parameters, few)
