"""What a workspace file may say: sources, agents, jobs, as frozen values (DESIGN.md, section 8).

Everything here is immutable and knows neither files nor rows. What a version stores and what `export`
writes of a definition is `model_dump(mode="json", exclude_defaults=True)`; `model_validate` reads it back.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

NAME = r"^[a-z][a-z0-9_-]{0,62}$"  # job, agent, source, set and question names
Name = Annotated[str, Field(pattern=NAME)]

_DURATION = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(ms|s|m|h|d|w)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def read_duration(value: Any) -> timedelta:
    """Read `30s`, `5m`, `2h`, `1d` (also `500ms`, `2w`), to the millisecond.

    Raises:
        ValueError: it is not a number with one of these units.
    """
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(str(value).strip().lower())
    if not found:
        raise ValueError("a duration is a number with a unit: 30s, 5m, 2h or 1d")
    try:
        return timedelta(milliseconds=round(float(found[1]) * _UNITS[found[2]] * 1000))
    except OverflowError:
        raise ValueError("that duration is longer than any calendar") from None


def write_duration(value: timedelta) -> str:
    """The shortest exact spelling that `read_duration` reads back."""
    milliseconds = round(value.total_seconds() * 1000)
    for unit in ("d", "h", "m", "s"):
        size = int(_UNITS[unit] * 1000)
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d|w)\s*$"}),
]


class Role(StrEnum):
    """What a member may do, each containing the one before: see, run, define, govern."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """0 for viewer up to 3 for admin."""
        return list(Role).index(self)


class Definition(BaseModel):
    """Frozen, and unknown keys are refused.

    `shorthand` names the field that a lone text stands for: `overlap: queue` is `{policy: queue}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    shorthand: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _read_shorthand(cls, value: Any) -> Any:
        return {cls.shorthand: value} if cls.shorthand and isinstance(value, str) else value


Scalar = str | int | float | bool | None


def as_written(value: Any) -> Any:
    """A scalar as a file would say it: 42 is `42`, True is `true`. Files and code then compare equal."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return value


Written = Annotated[Scalar, BeforeValidator(as_written)]
"""A scalar that is kept as text, whatever it was given as."""


class Parameter(Definition):
    """A typed input of a job. Without `default` it is required.

    `default`, `min`, `max` and `choices` are kept as they were written; `core.parameters` binds them.
    A relative date (`-7d`, `today`) stays text until the run starts.
    """

    type: Literal["string", "integer", "number", "boolean", "date", "datetime"] = "string"
    description: str = ""
    default: Written = None
    min: Written = None
    max: Written = None
    choices: tuple[str, ...] = ()
    choices_from: str = ""  # a query on the agent's source; its first column are the choices
    pattern: str = ""
    max_length: int = Field(default=10_000, ge=1, le=1_000_000)  # characters
    secret: bool = False


class Chart(Definition):
    """How a question's result is drawn: columns by name."""

    type: Literal["number", "bar", "stacked_bar", "line", "area", "pie"] = "bar"
    x: str = ""
    y: str = ""
    series: str = ""
    title: str = ""
    unit: str = ""


class Check(Definition):
    """A threshold on a result: it *fails* where `column op threshold` is true of any row."""

    name: str
    column: str
    op: Literal["<", "<=", ">", ">=", "==", "!="]
    threshold: float
    severity: Literal["info", "warning", "error"] = "warning"


class Question(Definition):
    """One parameterised SQL query of a report."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    ask: str = ""
    sql: str
    source: str = ""  # empty: the agent's
    chart: Chart | None = None
    checks: tuple[Check, ...] = ()
    key: str = ""  # the column that tells rows apart where results are compared


class Schedule(Definition):
    """When a job runs by itself. `when` or `every`, never both."""

    shorthand: ClassVar[str] = "when"

    name: str = ""  # empty: its place in the list
    when: str = ""
    every: Duration | None = None
    anchor: str = ""
    timezone: str = ""
    parameters: dict[str, Written] = {}
    parameter_sets: tuple[str, ...] = ()
    catch_up: Literal["none", "latest", "all"] = "latest"
    window: Duration = timedelta(hours=24)
    cap: int = Field(default=50, ge=1, le=1_000)  # instants that are caught up
    gap: Literal["next", "skip"] = "next"
    fold: Literal["first", "second", "both"] = "first"
    calendar: str = ""
    days_off: tuple[str, ...] = ()
    jitter: Duration = timedelta(0)
    start_at: str = ""
    end_at: str = ""
    channel: str = ""  # where its runs belong; empty: the job's


class Overlap(Definition):
    """What a newcomer does while the job is active, and what counts as the same job."""

    shorthand: ClassVar[str] = "policy"

    policy: Literal["skip", "queue", "replace", "allow"] = "skip"
    scope: Literal["job", "job+parameters"] = "job"
    cap: int = Field(default=20, ge=1, le=10_000)  # waiting batches


class Retry(Definition):
    """`attempts: 1` means no second try.

    The n-th wait is `delay * backoff ** (n - 1)`, at most `max_delay`, and up to the part `jitter` of it
    longer, by chance: what failed together does not come back together. `alert: every` tells of each
    attempt that failed, not only of the last.
    """

    attempts: int = Field(default=1, ge=1, le=20)
    delay: Duration = timedelta(seconds=30)
    backoff: float = Field(default=2, ge=1, le=10)
    max_delay: Duration = timedelta(hours=1)
    jitter: float = Field(default=0.1, ge=0, le=1)
    alert: Literal["last", "every"] = "last"


class Access(Definition):
    """The least role for each act on this job."""

    run: Role = Role.OPERATOR
    view: Role = Role.VIEWER


class NotifyRule(Definition):
    """Which endings go to which channels; `origin` is where the request came from."""

    topics: tuple[
        Literal["completed_run", "failed_run", "anomaly", "recovered", "skipped", "missed", "changed"],
        ...,
    ] = ("completed_run", "failed_run")
    to: tuple[str, ...] = ("origin",)
    if_: str = Field(default="", alias="if")
    level: Literal["info", "warning", "error"] = "info"
    attach: tuple[Literal["csv", "chart"], ...] = ()
    mention: tuple[str, ...] = ()  # members by e-mail address or name; `owner` is the job's
    hold_errors: bool = False  # quiet hours hold failures back too

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class Approval(Definition):
    """Who else must agree to a large batch."""

    above: int = Field(default=20, ge=0)
    by: Role = Role.EDITOR
    not_self: bool = True
    within: Duration = timedelta(hours=1)


class QuietHours(Definition):
    """Local times between which nothing is posted: `22:00` to `07:00`."""

    start: str
    end: str
    timezone: str = ""


class SourceDefinition(Definition):
    """A read-only connection. Secrets stand in `url` as `${ENV_NAME}` only."""

    url: str
    description: str = ""
    timeout: Duration = timedelta(seconds=30)
    max_rows: int = Field(default=1_000, ge=1, le=100_000)
    max_bytes: int = Field(default=5_000_000, ge=1_000, le=100_000_000)  # of one result as text


class AgentDefinition(Definition):
    """A configured instance of an agent kind; what else it takes depends on the kind."""

    kind: Literal["report", "llm", "command", "http", "interact", "python"]
    description: str = ""
    source: str = ""
    sources: tuple[str, ...] = ()  # python: what else it may open by name
    url: str = ""  # http, interact: where the service is
    secret: str = ""  # http: signs what is sent; interact: the API key; as `${ENV_NAME}` only
    organization: str = ""  # interact: whose job it is
    allow_private: bool = False  # http, interact: the service is within the own network
    plugin: str = ""  # python: the name of its entry point


class JobDefinition(Definition):
    """A named, repeatable run of an agent.

    Which of `questions`, `summary`, `command`, `environment`, `input`, `path`, `body`, `remote_job`,
    `prompt` and `prompts` it has depends on the agent's kind. In those of `command`, `http` and `interact`,
    `{name}` stands for a parameter.
    """

    title: str = ""
    description: str = ""
    agent: str
    parameters: dict[Name, Parameter] = {}
    questions: tuple[Question, ...] = ()
    summary: str = ""
    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    input: Literal["none", "json"] = "none"
    path: str = ""
    body: dict[str, Any] = {}
    remote_job: str = ""
    prompt: str = ""
    prompts: tuple[str, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    parameter_sets: dict[Name, tuple[dict[str, Written], ...]] = {}
    overlap: Overlap = Overlap()
    timeout: Duration = timedelta(hours=1)
    batch_timeout: Duration | None = None
    retry: Retry = Retry()
    max_parallel: int = Field(default=4, ge=1, le=1_000)
    channel: str = ""
    notify: tuple[NotifyRule, ...] = ()
    access: Access = Access()
    owner: str = ""
    tags: tuple[str, ...] = ()
    timezone: str = ""
    priority: int = Field(default=0, ge=-100, le=100)
    rerun_interrupted: bool = False
    run_if: str = ""
    post_if: str = ""
    visibility: Literal["channel", "requester"] = "channel"
    confirm_above: int = Field(default=20, ge=1)
    approval: Approval | None = None
    alert_after: int = Field(default=1, ge=1)
    remind_every: Duration | None = None
    pause_after: int | None = Field(default=None, ge=1)
    quiet_hours: QuietHours | None = None
    attach: tuple[Literal["csv", "chart"], ...] = ()
    retention: Duration | None = None
    runs_on: str = ""

    def label(self, name: str) -> str:
        """What people read: the title, else the name."""
        return self.title or name


class Version(Definition):
    """What a job version embeds: the job with its agent and the sources that it names.

    Immutable once stored; `${NAME}` in a source's url is resolved where a run is executed.
    """

    name: str
    job: JobDefinition
    agent: AgentDefinition
    sources: dict[str, SourceDefinition] = {}
