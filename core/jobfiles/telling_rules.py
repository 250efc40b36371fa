"""Rules for who is told what: channels, conditions, gates, quiet hours."""

from __future__ import annotations

from collections.abc import Iterator

from core import addresses, conditions, placeholders, times
from core.definitions import AgentDefinition, JobDefinition
from core.errors import Invalid
from core.jobfiles.parameter_rules import Problem
from core.jobfiles.sentences import meant
from core.jobfiles.workspace import Checks

DUE = ("due_at", "due_date")  # what every query may ask for: the instant that its run is for


def problems(
    job: JobDefinition, agent: AgentDefinition | None, parameters: frozenset[str], checks: Checks
) -> Iterator[Problem]:
    """Everything that is wrong; of conditions only where the job's agent is known."""
    yield from _address_rules(job)
    yield from _quiet_rules(job)
    yield from _privacy_rules(job)
    if agent is not None:
        yield from _condition_rules(job, agent, checks)
        if job.run_if:
            yield from _gate_rules(job, agent, parameters, checks)


def _address_rules(job: JobDefinition) -> Iterator[Problem]:
    if job.channel and (said := addresses.mistake(job.channel)):
        yield ("channel",), said
    for index, schedule in enumerate(job.schedules):
        if schedule.channel and (said := addresses.mistake(schedule.channel)):
            yield ("schedules", index, "channel"), said
    for index, rule in enumerate(job.notify):
        if not rule.to:
            yield ("notify", index), "'to' names nobody"
        for number, target in enumerate(rule.to):
            if said := addresses.mistake(target, origin=True):
                yield ("notify", index, "to", number), said


def _condition_rules(job: JobDefinition, agent: AgentDefinition, checks: Checks) -> Iterator[Problem]:
    """Conditions read well and ask for what the job has."""
    find = checks.columns
    fitting = conditions.Known(
        questions={one.name: find(one.sql) if find is not None else None for one in job.questions},
        parameters=[name for name, one in job.parameters.items() if not one.secret],
        open=agent.kind != "report",
    )
    for place, text in [
        (("post_if",), job.post_if),
        *((("notify", index, "if"), rule.if_) for index, rule in enumerate(job.notify)),
    ]:
        if text and (said := conditions.mistake(text, fitting)):
            yield place, said


def _gate_rules(
    job: JobDefinition, agent: AgentDefinition, parameters: frozenset[str], checks: Checks
) -> Iterator[Problem]:
    """`run_if` is a query of the agent's source."""
    place = ("run_if",)
    if not agent.source:
        yield place, f"there is no source to ask: the job's agent {job.agent} names none"
    for name in placeholders.names(job.run_if):
        if name not in parameters and name not in DUE:
            yield place, f"':{name}' in 'run_if' is no parameter of the job{meant(name, parameters)}"
    if checks.query is not None and (said := checks.query(job.run_if)):
        yield place, said


def _quiet_rules(job: JobDefinition) -> Iterator[Problem]:
    """Quiet hours have two different times of day, and a zone that there is."""
    hours = job.quiet_hours
    if hours is None:
        return
    for key in ("start", "end"):
        try:
            times.clock(getattr(hours, key))
        except Invalid as refused:
            yield ("quiet_hours", key), f"{refused.sentence.rstrip('.')}; write it as 22:00"
    if hours.start.strip() == hours.end.strip():
        yield ("quiet_hours",), "'start' and 'end' are the same time: that would be no quiet hours at all"
    if hours.timezone:
        try:
            times.zone(hours.timezone)
        except Invalid as refused:
            yield ("quiet_hours", "timezone"), f"{refused.sentence.rstrip('.')}. {refused.hint}".rstrip(". ")


def _privacy_rules(job: JobDefinition) -> Iterator[Problem]:
    """What a job whose results are for one person may not say."""
    if job.visibility == "channel":
        return
    why = "with 'visibility: requester' only the person themselves is told"
    if job.channel:
        yield ("channel",), why
    for index, schedule in enumerate(job.schedules):
        if schedule.channel:
            yield ("schedules", index, "channel"), why
    for index, rule in enumerate(job.notify):
        for number, target in enumerate(rule.to):
            if target != "origin":
                yield ("notify", index, "to", number), f"{why}: write origin"
    if job.approval is not None:
        yield ("approval",), "who approves would see it; 'visibility: requester' has no approval"
    if job.schedules and not job.owner:
        yield ("owner",), "what runs by itself is told to the owner, and there is none"
