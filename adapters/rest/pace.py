"""How fast one key may ask: a bucket that fills steadily. Each process counts for itself."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

KEPT = 10_000  # buckets; the one that was not asked for longest goes first


class Pace:
    """Buckets by key. A bucket holds one minute's requests, and is full at the beginning."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()

    def wait(self, key: int, per_minute: int) -> int:
        """0 where the request may go on, else the whole seconds after which it is worth trying again."""
        now = self._clock()
        left, at = self._buckets.pop(key, (float(per_minute), now))
        left = min(float(per_minute), left + (now - at) * per_minute / 60)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - left) * 60 / per_minute))
