"""What is said of due instants: what became of them, and why."""

from __future__ import annotations

from core.commands import Command, Name, spell
from core.messages import Button, Message, Paragraph, Tone
from core.views import BatchView


def drift(view: BatchView) -> Message:
    """A schedule is due more often than its job can keep up with: one warning a day."""
    name = view.job.name
    text = f"{view.job.label} is due more often than it can keep up with: starts are being skipped."
    detail = (
        f"Several of its last starts were skipped because it was still running ({view.batch.reason}). "
        "Let it run less often, make it faster, or let starts wait in line (overlap: queue)."
    )
    return Message(
        text=text,
        title=f"{view.job.label} cannot keep up",
        tone=Tone.WARNING,
        blocks=(Paragraph(text), Paragraph(detail)),
        buttons=(
            Button("Why", spell(Command(Name.WHY, (name,)))),
            Button("Schedules", spell(Command(Name.SCHEDULES, (name,)))),
        ),
    )
