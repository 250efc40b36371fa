"""When things are due: cron, shortcuts, intervals and plain words, in any time zone, exactly.

The rules are those of the README's chapter on schedules. Nothing here reads a clock: `now` is given.
"""

from core.times.calendars import calendar_name
from core.times.expressions import Expression
from core.times.parsing import every, parse, restore
from core.times.timeline import Fold, Gap
from core.times.zones import pin_tzdata, tzdata_version, zone

__all__ = [
    "Expression",
    "Fold",
    "Gap",
    "calendar_name",
    "every",
    "parse",
    "pin_tzdata",
    "restore",
    "tzdata_version",
    "zone",
]
