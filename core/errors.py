"""The error tree: refusals are written for the member, faults carry what their catcher needs.

SlashjobError
├── Refusal                 said back to whoever asked; nothing was started or changed
│   ├── Misunderstood       the line does not fit the grammar
│   ├── NotFound            no such job, run, command, name
│   ├── Ambiguous           the name fits several things
│   ├── Invalid             a value does not fit its type or rule
│   ├── NotAllowed          the member's role is not enough
│   ├── Overlapping         the job is already active
│   ├── OutOfPlace          the thing is not in a state in which this can be done
│   └── Busy                the store cannot take it now; nothing was started
│       └── Unsettled       the link broke in the commit: it was done, or nothing was
├── Fault                   something outside did not do its part
│   ├── AgentError          the run fails with this sentence
│   │   └── SourceError     a source is down, refused the query, or returned too much
│   ├── ConditionError      a condition on results cannot be told
│   └── DeliveryError       a platform did not take a message
└── Misconfigured           settings or files; every mistake at once
"""

from __future__ import annotations

from datetime import timedelta


class SlashjobError(Exception):
    """Root of every error that this project raises on purpose."""


class Refusal(SlashjobError):
    """A refusal, written for the member who asked.

    `sentence` is a full sentence that says what is wrong; `hint` says what would work; `suggestions`
    are whole command lines (without `/job`) that would be accepted, nearest first.
    """

    def __init__(self, sentence: str, *, hint: str = "", suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.suggestions = suggestions


class Misunderstood(Refusal):
    """The line does not fit the grammar."""


class NotFound(Refusal):
    """There is nothing of that name or number."""


class Ambiguous(Refusal):
    """The name or number fits several things; the sentence lists them."""


class Invalid(Refusal):
    """A value does not fit; `fields` maps a parameter's name to what is wrong with its value."""

    def __init__(
        self,
        sentence: str,
        *,
        hint: str = "",
        suggestions: tuple[str, ...] = (),
        fields: dict[str, str] | None = None,
    ) -> None:
        super().__init__(sentence, hint=hint, suggestions=suggestions)
        self.fields = fields or {}


class NotAllowed(Refusal):
    """The member's role is not enough; the sentence names the missing role and who can give it."""


class Overlapping(Refusal):
    """The job is already active; `batch` is the number of the batch that holds the lock."""

    def __init__(
        self, sentence: str, *, batch: int, hint: str = "", suggestions: tuple[str, ...] = ()
    ) -> None:
        super().__init__(sentence, hint=hint, suggestions=suggestions)
        self.batch = batch


class OutOfPlace(Refusal):
    """The thing is not in a state in which this can be done (cancelling an ended run)."""


class Busy(Refusal):
    """The store cannot take it now; nothing was started, trying again is safe."""


class Unsettled(Busy):
    """The link to the store broke while it committed: whether it was done, nobody heard. What has a key (a
    delivery, an Idempotency-Key) may be asked again, and gets the first answer where it was."""


class Fault(SlashjobError):
    """Something outside did not do its part. The text is fit for a channel: no secret, no traceback."""


class AgentError(Fault):
    """The agent could not do its work: the run fails with this sentence.

    `permanent` faults (a missing executable, a query that cannot be right) are not retried.
    `detail` is what belongs to it but is no sentence: the last lines of standard error.
    """

    def __init__(self, sentence: str, *, hint: str = "", permanent: bool = False, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.permanent = permanent
        self.detail = detail


class SourceError(AgentError):
    """A source is down, refused the query, was too slow or returned too much."""


class ConditionError(Fault):
    """A condition cannot be read, or cannot be told of these results; a clause without a full stop."""


class DeliveryError(Fault):
    """A platform did not take a message.

    `permanent`: trying again cannot help. `unknown`: the platform may have it, so it is never sent
    again blindly. `retry_after`: the least time to wait.
    """

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        unknown: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.permanent = permanent
        self.unknown = unknown
        self.retry_after = retry_after


class Misconfigured(SlashjobError):
    """Settings or files are wrong; `mistakes` are sentences, every one of them."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes
