"""Jobs as files: reading, checking, writing, comparing what stands in `slashjob.yml` and `jobs/*.yml`."""

from core.jobfiles import brief
from core.jobfiles.planning import (
    Change,
    Detail,
    Effect,
    Plan,
    Standing,
    differences,
    lines,
    needed,
    plan,
    version,
)
from core.jobfiles.reading import Examined, examine, read, read_text
from core.jobfiles.schema import schema
from core.jobfiles.sentences import is_name
from core.jobfiles.single import Judged, judge
from core.jobfiles.workspace import Checks, Mistake, Mistaken, Place, Section, Workspace
from core.jobfiles.writing import write

__all__ = [
    "Change",
    "Checks",
    "Detail",
    "Effect",
    "Examined",
    "Judged",
    "Mistake",
    "Mistaken",
    "Place",
    "Plan",
    "Section",
    "Standing",
    "Workspace",
    "brief",
    "differences",
    "examine",
    "is_name",
    "judge",
    "lines",
    "needed",
    "plan",
    "read",
    "read_text",
    "schema",
    "version",
    "write",
]
