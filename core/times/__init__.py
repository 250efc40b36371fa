"""When things are due: cron, shortcuts, intervals and plain words, in any time zone, exactly.

The rules are those of the README's chapter on schedules. Nothing here reads a clock: `now` is given.
"""

from core.times.calendars import calendar_name
from core.times.effects import ClockChange
from core.times.expressions import Expression
from core.times.parsing import every, parse, restore
from core.times.quiet import clock, quiet_until
from core.times.relative import resolve_date, resolve_datetime
from core.times.timeline import Fold, Gap
from core.times.zones import tzdata_version, use_pinned_zones, zone

__all__ = [
    "ClockChange",
    "Expression",
    "Fold",
    "Gap",
    "calendar_name",
    "clock",
    "every",
    "parse",
    "quiet_until",
    "resolve_date",
    "resolve_datetime",
    "restore",
    "tzdata_version",
    "use_pinned_zones",
    "zone",
]
