"""What the parts outside of core look at in a job, whoever writes it: files, chat, the API."""

from __future__ import annotations

from typing import get_args

from adapters.agents.templates import check_template
from adapters.sources.filter import Dialect, columns, refusal
from core.jobfiles import Checks


def _refused(sql: str) -> str | None:
    """What is wrong with a statement in every dialect; a source's own filter looks again at each run."""
    if any(refusal(sql, dialect) is None for dialect in get_args(Dialect)):
        return None
    return refusal(sql, "sqlite")


CHECKS = Checks(template=check_template, query=_refused, columns=columns)
