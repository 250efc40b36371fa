"""Consent: which batches start only when somebody has said yes, and who may say it. Pure.

A large batch that is started by hand is asked about first (`confirm_above`): whoever may run the job says
yes. `approval` asks another person. What runs by itself (a schedule, the API) is never asked about, for
nobody stands there to answer: `confirm_above` does not hold for it, and where it would need an approval it
is skipped at once with that reason. Nothing waits for a yes without an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from core.definitions import JobDefinition, Role

WITHIN = timedelta(hours=1)  # how long a confirmation is waited for


@dataclass(frozen=True, slots=True)
class Consent:
    """A yes that is needed. `by` is the least role of who says it: another person where `not_self`.

    Without `another` it is a confirmation: the question of a careful clerk, not of a rule.
    """

    above: int
    by: Role
    not_self: bool
    within: timedelta
    another: bool


def needed(job: JobDefinition, runs: int, *, asked: bool = True) -> Consent | None:
    """What a batch of so many runs needs; `asked` is False where its count was confirmed already."""
    rule = job.approval
    if rule is not None and runs > rule.above:
        return Consent(rule.above, rule.by, rule.not_self, rule.within, another=True)
    if asked and runs > job.confirm_above:
        return Consent(job.confirm_above, job.access.run, not_self=False, within=WITHIN, another=False)
    return None
