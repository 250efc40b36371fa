"""A limit for what might never end: a test fails instead of hanging. Speed is measured in `make bench`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail where the block has not ended by then, also where it never awaits."""

    def fail(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it has not ended within {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
