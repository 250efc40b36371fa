"""Keys that the format has and this version does not act on yet: each is told, never silently ignored."""

from __future__ import annotations

from collections.abc import Iterator

from core.definitions import JobDefinition

_LATER = (
    "run_if",
    "post_if",
    "quiet_hours",
)


def warnings(job: JobDefinition) -> Iterator[tuple[str, str]]:
    """(key, sentence) of everything that the job says and that has no effect yet."""
    for key in _LATER:
        if getattr(job, key) != JobDefinition.model_fields[key].default:
            yield key, f"'{key}' has no effect yet: it comes in a later version"
    for rule in job.notify:
        others = [target for target in rule.to if target != "origin"]
        if others or rule.if_:
            told = ", ".join(others) or f"if {rule.if_}"
            yield "notify", f"results go to the origin only; this rule has no effect yet: {told}"


def problems(job: JobDefinition) -> Iterator[tuple[tuple[str], str]]:
    """What must be refused until it is built: somebody would see what they may not."""
    if job.visibility != "channel":
        yield ("visibility",), "only 'channel' works in this version: everybody there would see the result"
