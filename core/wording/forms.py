"""What forms say beside their fields, the same on every platform."""

from __future__ import annotations

from core.messages import Form

NOTHING_ASKED = "Nothing is asked for: send it as it is."
SEVERAL = "Run for several values"
ONE_OR_SEVERAL = "One value or several, such as 42,43 or 1..20"


def left_empty(value: str) -> str:
    """What holds where a field stays empty."""
    return f"Left empty: {value}"


def multiplies(kind: str) -> bool:
    """A field of this kind takes several values where a form asks for several."""
    return kind not in ("boolean", "secret", "lines")


def may_multiply(form: Form) -> bool:
    """The form starts a run, and may be asked for several values."""
    return form.command.startswith("run ") and any(multiplies(one.kind) for one in form.fields)
