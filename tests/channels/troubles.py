"""What is said of a job that keeps failing, and in a digest: made by its wording, for the golden files."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core import times
from core.batches import Batch, Trigger
from core.changes import Change
from core.definitions import AgentDefinition, JobDefinition, Retry, Version
from core.digests import Digest
from core.editions import Absent, Chosen, Coming, Edition, Lost, Moved, Ran, Slow, Span, Trouble
from core.entries import Failed, Record
from core.incidents import Incident
from core.jobs import Job
from core.lifecycles import BatchState, Status
from core.messages import Message
from core.runs import Run
from core.timetables import Timetable
from core.views import BatchView
from core.wording import digests, incidents
from core.wording.incidents import Around

NOW = datetime(2026, 3, 30, 10, 10, tzinfo=UTC)
EIGHT = NOW - timedelta(hours=2, minutes=10)
ZONE = ZoneInfo("UTC")
ANA = 7
AROUND = Around(ZONE, {ANA: "Ana Souza"}, owner=ANA)
INCIDENT = Incident(
    pk=1,
    id="0199d000-0000-7000-8000-000000000001",
    organization=1,
    job=1,
    failures=1,
    first_batch=129,
    last_batch=129,
    opened_at=EIGHT,
    last_at=EIGHT,
    alerted_at=EIGHT,
    acked_at=None,
    acked_by=None,
    ack_note="",
    paused_at=None,
    ended_at=None,
    ended_by=None,
)
REPEATED = replace(INCIDENT, failures=5, last_batch=133, last_at=NOW)
ACKED = replace(REPEATED, acked_at=NOW, acked_by=ANA, ack_note="the shop's database is being moved")
PAUSED = replace(REPEATED, failures=10, last_batch=138, paused_at=NOW)
RECOVERED = replace(ACKED, ended_at=NOW, ended_by=134)
SHORT = replace(INCIDENT, failures=2, ended_at=EIGHT + timedelta(minutes=40), ended_by=117)
TEN = "10 failures in a row, the last was #138"


def job(name: str = "weekly-report", title: str = "Weekly campaign report", *, paused: str = "") -> Job:
    definition = JobDefinition(agent="analyst", title=title, owner="ana@example.com", retry=Retry(attempts=3))
    version = Version(name=name, job=definition, agent=AgentDefinition(kind="report"))
    since = NOW if paused else None
    return Job(1, f"job-{name}", 1, name, "file", "slashjob.yml", True, 1, 1, version, since, None, paused)


def view(number: int, status: Status = Status.FAILED, *, paused: str = "") -> BatchView:
    """A scheduled batch of one run that ended so."""
    of = job(paused=paused)
    run = Run(
        pk=number,
        id=f"run-{number}",
        batch=number,
        index=1,
        version=1,
        parameters={"campaign_id": 42, "region": "EU"},
        status=status,
        reason="The source shop does not answer.",
        attempt=1,
        step="",
        not_before=None,
        cancel_requested_at=None,
        created_at=NOW,
        started_at=NOW,
        ended_at=NOW,
    )
    batch = Batch(
        number=number,
        id=f"batch-{number}",
        organization=1,
        job=1,
        job_id=of.id,
        name=of.name,
        version=1,
        state=BatchState.FAILED if status is Status.FAILED else BatchState.SUCCEEDED,
        reason="",
        trigger=Trigger.SCHEDULE,
        member=None,
        channel=1,
        total=1,
        created_at=NOW,
        started_at=NOW,
        ended_at=NOW,
        due_at=NOW,
        cancelled_by=None,
        rerun_of=None,
        counts={status: 1},
    )
    failure = Failed("The source shop does not answer.", "Is the database up?", "Connection refused")
    records = {number: [Record(1, 1, failure, NOW)]} if status is Status.FAILED else {}
    return BatchView(batch, of, of.definition, 1, (run,), records, {}, NOW)


def digest() -> Digest:
    expression = times.parse("every weekday at 9", zone=ZONE, now=NOW)
    return Digest(
        1, "d", 1, 1, "#growth", "slack:C1", "digest", Timetable(expression), Chosen(), 1, NOW, EIGHT
    )


_SPAN = Span(datetime(2026, 3, 27, 9, tzinfo=UTC), datetime(2026, 3, 30, 9, tzinfo=UTC), NOW, ZONE)
_REPORT, _BUDGET, _STOCK = (
    job(),
    job("budget-check", "Budget check", paused="the budget is being planned"),
    job("stock", "Stock levels"),
)
_SAYS_WHY = "the job was paused by Ana Souza: the budget is being planned"

FULL = Edition(
    span=_SPAN,
    jobs=4,
    names={ANA: "Ana Souza"},
    ran=(
        Ran(_REPORT, batches=12, failed=5, cancelled=0, quiet=0, newest=133),
        Ran(_STOCK, batches=72, failed=0, cancelled=1, quiet=60, newest=141),
    ),
    troubles=(
        Trouble(_REPORT, ACKED, open=True),
        Trouble(
            _STOCK, replace(INCIDENT, failures=2, ended_at=EIGHT + timedelta(minutes=40), ended_by=117), False
        ),
    ),
    absent=(
        Absent(_BUDGET, "daily", "skipped", 3, _SAYS_WHY),
        Absent(_STOCK, "hourly", "missed", 2, "the bot was down from Sat 28 Mar 2026 03:10 to 05:20 (UTC)"),
    ),
    moved=(Moved(_REPORT, 128, Change("total_revenue", 96_400.0, 117_012.0, "currency", "€")),),
    slow=(Slow(_STOCK, 140, timedelta(minutes=4), timedelta(seconds=41)),),
    lost=(Lost(_STOCK, "slack:#stock", 2, "The channel is archived."),),
    coming=(
        Coming(_STOCK, "hourly", datetime(2026, 3, 30, 10, tzinfo=UTC), False),
        Coming(_BUDGET, "daily", datetime(2026, 3, 30, 10, 5, tzinfo=UTC), True),
    ),
)
EMPTY = Edition(span=_SPAN, jobs=2, coming=FULL.coming[:1])

TROUBLES: dict[str, Message] = {
    "incident_first": incidents.alert(view(129), INCIDENT, AROUND),
    "incident_repeated": incidents.alert(view(133), REPEATED, AROUND),
    "incident_acked": incidents.alert(view(133), ACKED, AROUND),
    "incident_paused": incidents.alert(view(138, paused=TEN), PAUSED, AROUND),
    "incident_over": incidents.alert(view(133), RECOVERED, AROUND),
    "incident_reminder": incidents.reminder(view(133), REPEATED, AROUND),
    "incident_pause": incidents.paused(view(138, paused=TEN), PAUSED, AROUND),
    "incident_recovered": incidents.recovered(view(134, Status.SUCCEEDED), [RECOVERED]),
    "incident_retrying": incidents.retrying(view(129), "run-129", 1),
    "ack": incidents.acked(job(), [ACKED], "Ana Souza", ACKED.ack_note),
    "digest_full": digests.post(digest(), FULL),
    "digest_empty": digests.post(digest(), EMPTY),
}
