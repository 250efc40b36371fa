"""One list of neutral messages that every platform's renderer is held against (golden files).

Each shows something that the bot really says, or a shape that renderers get wrong: hostile text,
too much of it, nothing at all. Add to the end of a part, and write the golden files anew with
`UPDATE_GOLDEN=1 pytest tests/channels` (or `make golden`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from core.changes import compare
from core.definitions import NotifyRule
from core.entries import Headlined, Judged, Kept, Returned
from core.findings import Earlier
from core.messages import (
    Button,
    ChartData,
    Code,
    Column,
    Facts,
    Field,
    File,
    Form,
    Headline,
    Headlines,
    Image,
    Message,
    Option,
    Paragraph,
    Table,
    Tone,
    escape,
)
from core.wording import notices, results
from core.wording.results import Since
from tests.channels.troubles import TROUBLES

CHANNELS = ("search", "social", "email", "affiliate")
DAYS = tuple(f"2026-03-{day:02}" for day in range(2, 30))

_REVENUE_BY_DAY = tuple(
    (day, channel, round((1_400 - 260 * rank) * (1 + ((place * 7 + rank * 3) % 11) / 20), 2))
    for place, day in enumerate(DAYS)
    for rank, channel in enumerate(CHANNELS)
)

_BY_CHANNEL = Table(
    columns=(
        Column("channel"),
        Column("revenue", "currency"),
        Column("orders", "integer"),
        Column("share", "percent"),
    ),
    rows=(
        ("search", 48_210.5, 1_204, 0.412),
        ("social", 33_480.0, 871, 0.2861),
        ("email", 21_930.25, 402, 0.1874),
        ("affiliate", 13_391.1, 96, 0.1145),
    ),
    title="Revenue by channel",
)

_LONG_TABLE = Table(
    columns=(
        Column("day", "date"),
        Column("channel"),
        Column("campaign"),
        Column("revenue", "currency"),
        Column("clicks", "integer"),
        Column("bounce rate", "percent"),
    ),
    rows=tuple(
        (f"{day}T00:00:00", channel, f"Spring sale {place % 9}", amount, 40 + place, 0.31 + place / 1_000)
        for place, (day, channel, amount) in enumerate(_REVENUE_BY_DAY)
    ),
    title="Every day",
    total_rows=1_284,
)

_CHART = Image(
    ChartData(
        "stacked_bar",
        ("day", "channel", "revenue"),
        _REVENUE_BY_DAY,
        x="day",
        y="revenue",
        series="channel",
        title="Revenue by channel and day",
        unit="EUR",
    ),
    alt="Revenue by channel and day: search leads on each of 28 days.",
)

_RUN_AGAIN = Button("Run again", "run #128", "primary")

ANSWERS = {
    "acknowledgement": Message(
        text="Ana started weekly-report · #128",
        tone=Tone.PROGRESS,
        buttons=(Button("Cancel", "cancel #128", "danger", confirm="Cancel #128? Ana started it just now."),),
    ),
    "progress": Message(
        text="Running weekly-report · #128 · 2 of 3 questions",
        title="Weekly campaign report · #128 is running",
        tone=Tone.PROGRESS,
        blocks=(
            Facts(
                (
                    ("Step", "How much revenue did each channel bring per day?"),
                    ("Since", "08:00:00, 42 s ago"),
                    ("Parameters", "campaign_id=42 since=-7d region=EU"),
                )
            ),
        ),
        buttons=(Button("Cancel", "cancel #128", "danger", confirm="Cancel #128?"),),
    ),
    "result": Message(
        text="Succeeded: weekly-report · #128. Campaign 42 brought 117,011.85 EUR since 2026-03-02.",
        title="Weekly campaign report · #128 succeeded",
        tone=Tone.SUCCESS,
        blocks=(
            Paragraph("Campaign 42 brought *117,011.85 EUR* since `2026-03-02`.", marked=True),
            Headlines(
                (
                    Headline("Revenue", "117,011.85 EUR", "+12.4 %", Tone.SUCCESS),
                    Headline("Orders", "2,573", "-3.1 %", Tone.WARNING),
                    Headline("Return on ad spend", "4.2"),
                )
            ),
            _CHART,
            _BY_CHANNEL,
            Facts((("Parameters", "campaign_id=42 since=2026-03-02 region=EU"), ("Took", "2.3 s"))),
        ),
        buttons=(
            _RUN_AGAIN,
            Button("View", "show #128"),
            Button("CSV", "csv #128"),
        ),
    ),
    "result_with_check": Message(
        text="Succeeded with a warning: budget-check · #131. Campaign 7 has spent 104 % of its budget.",
        title="Budget check · #131 succeeded with a warning",
        tone=Tone.WARNING,
        blocks=(
            Paragraph("*Spent above budget*: 10,400.00 EUR of 10,000.00 EUR.", marked=True),
            Image(
                ChartData(
                    "bar",
                    ("campaign", "spent"),
                    (("Spring sale", 10_400), ("Newsletter", 3_120.5), ("Retargeting", 980), ("Test", 0)),
                    x="campaign",
                    y="spent",
                    unit="EUR",
                ),
                alt="Spent by campaign: Spring sale 10,400, Newsletter 3,120.50, Retargeting 980, Test 0.",
                title="Spent by campaign",
            ),
        ),
        buttons=(Button("Run again", "run #131"),),
    ),
    "failure_alert": Message(
        text="Failed: weekly-report · #129. The source shop does not answer.",
        title="Weekly campaign report · #129 failed",
        tone=Tone.FAILURE,
        blocks=(
            Paragraph("The source shop does not answer: connection refused at db.example.com:5432."),
            Facts(
                (
                    ("Job", "weekly-report"),
                    ("Parameters", "campaign_id=42 region=EU"),
                    ("Started", "2026-03-30 08:00 by its schedule"),
                    ("Attempts", "3 of 3"),
                    ("Failing since", "2026-03-16 (third time in a row)"),
                )
            ),
            Code(
                'connection to server at "db.example.com", port 5432 failed: Connection refused\n'
                "\tIs the server running on that host and accepting TCP/IP connections?",
            ),
        ),
        buttons=(Button("Run again", "run #129", "primary"), Button("View", "show #129")),
        mentions=("member-ana",),
    ),
    "recovery": Message(
        text="Recovered: weekly-report · #134 succeeded after 3 failures in 2 weeks.",
        tone=Tone.SUCCESS,
        mentions=("member-ana",),
    ),
    "retrying": Message(
        text="Attempt 2 of 3 of weekly-report · #129 starts in 30 s: the source shop does not answer.",
        tone=Tone.PROGRESS,
        buttons=(Button("Cancel", "cancel #129", "danger"),),
    ),
    "cancelled": Message(text="Cancelled: weekly-report · #128, by Bob.", tone=Tone.WARNING),
}

REFUSALS = {
    "refusal_command": Message(
        text="There is no command rnu.",
        tone=Tone.WARNING,
        blocks=(Paragraph("You typed: `rnu weekly-report campaign_id=42`", marked=True),),
        buttons=(Button("run weekly-report campaign_id=42", "run weekly-report campaign_id=42", "primary"),),
    ),
    "refusal_job": Message(
        text="There is no job weekly-reprot.",
        tone=Tone.WARNING,
        blocks=(
            Paragraph("You typed: `run weekly-reprot campaign_id=42`", marked=True),
            Paragraph("Did you mean one of these?"),
        ),
        buttons=(
            Button("run weekly-report campaign_id=42", "run weekly-report campaign_id=42", "primary"),
            Button("See all jobs", "list"),
        ),
    ),
    "refusal_role": Message(
        text="You may not run weekly-report: it takes the role operator, and you are a viewer.",
        tone=Tone.WARNING,
        blocks=(Paragraph("An admin can give it to you: Ana Souza or Bob Lee."),),
    ),
    "refusal_overlap": Message(
        text="weekly-report is already running: #128, started 42 s ago by Ana.",
        tone=Tone.WARNING,
        buttons=(
            Button("View", "show #128"),
            Button("Wait behind it", "run #130 --queue", "primary"),
            Button("Cancel it", "cancel #128", "danger", confirm="Cancel #128, which Ana started?"),
        ),
    ),
    "form": Message(
        text="weekly-report needs campaign_id.",
        title="weekly-report needs one more thing",
        form=Form(
            title="Run weekly-report",
            command="run weekly-report",
            fields=(
                Field("campaign_id", "Campaign", "integer", hint="the campaign to report on, from 1"),
                Field("since", "since", "date", required=False, value="-7d", hint="relative dates work"),
                Field(
                    "region",
                    "Region",
                    "choice",
                    required=False,
                    value="EU",
                    options=(Option("EU", "Europe"), Option("US", "United States"), Option("APAC", "APAC")),
                ),
            ),
        ),
    ),
    "form_with_errors": Message(
        text="campaign_id is not a whole number: forty-two.",
        tone=Tone.WARNING,
        form=Form(
            title="Run weekly-report",
            command="run weekly-report",
            fields=(
                Field("campaign_id", "Campaign", "integer", value="forty-two", error="not a whole number"),
                Field("token", "Access token", "secret", hint="never shown again"),
                Field("when", "When", "datetime"),
                Field("confirmed", "Confirmed", "boolean"),
            ),
        ),
    ),
}

READS = {
    "help": Message(
        text="What can be said here",
        title="What can be said here",
        blocks=(
            Facts(
                (
                    ("run", "Run a job now, once or for many values at once."),
                    ("list", "List the jobs that you may see."),
                    ("show", "Show a job, or a run with its whole result."),
                    ("history", "List the latest runs, of everything or of one job."),
                    ("status", "Show what runs and waits now, or how one run is doing."),
                    ("cancel", "Cancel a run, a batch, or all that a job is doing."),
                    ("retry", "Run again what failed in a batch, or one run of it."),
                )
            ),
            Paragraph("`help run` shows how one command is written.", marked=True),
        ),
        buttons=(Button("See all jobs", "list"), Button("How to run", "help run")),
    ),
    "help_run": Message(
        text="run: Run a job now, once or for many values at once.",
        title="run",
        blocks=(
            Paragraph("Run a job now, once or for many values at once."),
            Code("run JOB [name=value ...] [@set ...] [--dry-run] [--note TEXT]"),
            Paragraph("For example:"),
            Code(
                "run weekly-report campaign_id=42\nrun weekly-report campaign_id=42,43,44 region=EU\nrun #128"
            ),
        ),
    ),
    "jobs": Message(
        text="3 jobs",
        title="Jobs",
        blocks=(
            Table(
                columns=(Column("job"), Column("what"), Column("next", "date"), Column("last")),
                rows=(
                    ("weekly-report", "Weekly campaign report", "2026-04-06 08:00", "succeeded · #128"),
                    ("budget-check", "Budget check", "2026-03-31 07:00", "failed · #131"),
                    ("refresh-numbers", "Refresh the numbers", None, "never"),
                ),
            ),
        ),
        buttons=(Button("weekly-report", "show weekly-report"), Button("budget-check", "show budget-check")),
    ),
    "job": Message(
        text="weekly-report: Weekly campaign report",
        title="Weekly campaign report",
        blocks=(
            Facts(
                (
                    ("Name", "weekly-report"),
                    ("Agent", "analyst (report)"),
                    ("Owner", "ana@example.com"),
                    ("Schedule", "every Monday at 08:00, Europe/Amsterdam"),
                    ("Next", "2026-04-06 08:00"),
                    ("Defined in", "slashjob.yml, version 3"),
                )
            ),
            Table(
                columns=(Column("parameter"), Column("type"), Column("default"), Column("what")),
                rows=(
                    ("campaign_id", "integer", None, "the campaign to report on"),
                    ("since", "date", "-7d", ""),
                    ("region", "EU, US or APAC", "EU", ""),
                ),
            ),
        ),
        buttons=(Button("Run", "run weekly-report", "primary"), Button("History", "history weekly-report")),
    ),
    "history": Message(
        text="The last 4 of 212 runs of weekly-report",
        title="History of weekly-report",
        blocks=(
            Table(
                columns=(
                    Column("run"),
                    Column("state"),
                    Column("started", "date"),
                    Column("took", "duration"),
                ),
                rows=(
                    ("#128", "succeeded", "2026-03-30 09:12", 2.3),
                    ("#124.2", "failed", "2026-03-29 08:00", 93),
                    ("#124.1", "cancelled", "2026-03-29 08:00", 3_725),
                    ("#120", "running", "2026-03-29 07:59", None),
                ),
                total_rows=212,
            ),
        ),
        buttons=(Button("Older", "history weekly-report page=2"),),
    ),
    "status_idle": Message(text="Nothing is running, and nothing waits."),
    "no_jobs": Message(
        text="There are no jobs yet.",
        title="No jobs yet",
        blocks=(
            Paragraph("Write one into `slashjob.yml`, then say `slashjob apply` on the server.", marked=True),
        ),
    ),
    "empty_result": Message(
        text="Succeeded: weekly-report · #140, without any row.",
        title="Weekly campaign report · #140 succeeded",
        tone=Tone.SUCCESS,
        blocks=(
            Table(columns=(Column("channel"), Column("revenue", "currency")), rows=(), title="Revenue"),
            Image(
                ChartData("bar", ("channel", "revenue"), (), x="channel", y="revenue"),
                alt="There is nothing to draw: no row came back.",
                title="Revenue by channel",
            ),
        ),
        buttons=(Button("Run again", "run #140"),),
    ),
    "digest": Message(
        text="This week in #growth: 41 runs, 2 failed.",
        title="This week in #growth",
        blocks=(
            Headlines((Headline("Runs", "41", "+5"), Headline("Failed", "2", "", Tone.FAILURE))),
            Table(
                columns=(
                    Column("job"),
                    Column("runs", "integer"),
                    Column("failed", "integer"),
                    Column("next"),
                ),
                rows=(
                    ("weekly-report", 12, 1, "Mon 08:00"),
                    ("budget-check", 28, 1, "tomorrow 07:00"),
                    ("refresh-numbers", 1, 0, "not scheduled"),
                ),
            ),
            Paragraph("Skipped: *budget-check* on Tuesday, because #119 was still running.", marked=True),
        ),
    ),
}

BATCHES = {
    "fan_out_progress": Message(
        text="12 of 48 done · 2 failed · weekly-report · #150",
        title="weekly-report · #150 · 12 of 48 done · 2 failed",
        tone=Tone.PROGRESS,
        buttons=(
            Button("View", "show #150"),
            Button(
                "Cancel all", "cancel #150", "danger", confirm="Cancel the 36 runs of #150 that are left?"
            ),
        ),
    ),
    "fan_out_summary": Message(
        text="46 of 48 succeeded, 2 failed: weekly-report · #150",
        title="weekly-report · #150 · 46 of 48 succeeded, 2 failed",
        tone=Tone.WARNING,
        blocks=(
            Table(
                columns=(
                    Column("campaign_id", "text"),
                    Column("state"),
                    Column("took", "duration"),
                    Column("revenue", "currency"),
                ),
                rows=tuple(
                    (40 + place, "succeeded", 2.1 + place, 48_210.5 - 713 * place) for place in range(20)
                ),
                total_rows=48,
                title="Ranked by revenue",
            ),
            Facts(
                (
                    ("#150.7 campaign_id=7", "Failed: the source shop does not answer."),
                    ("#150.31 campaign_id=31", "Timed out after 5 min."),
                )
            ),
        ),
        buttons=(
            Button("Run failed again", "retry #150", "primary"),
            Button("View", "show #150"),
            Button("CSV", "csv #150"),
        ),
        mentions=("member-ana",),
    ),
    "approval": Message(
        text="Ana asks to run weekly-report 120 times: #151 waits for a yes.",
        title="Run weekly-report 120 times?",
        tone=Tone.WARNING,
        blocks=(
            Facts(
                (
                    ("Asked by", "Ana"),
                    ("Combinations", "campaign_id=1..40 region=EU,US,APAC"),
                    ("Until", "10:12, then it is turned down"),
                )
            ),
        ),
        buttons=(
            Button("Run all 120", "approve #151", "primary"),
            Button("First 5", "approve #151 first=5"),
            Button("No", "reject #151", "danger"),
        ),
        mentions=("member-bob", "member-carol", "member-unknown"),
    ),
    "dry_run": Message(
        text="weekly-report would run 4 times; nothing was started.",
        title="weekly-report would run 4 times",
        blocks=(
            Table(
                columns=(Column("campaign_id", "text"), Column("region")),
                rows=((42, "EU"), (42, "US"), (43, "EU"), (43, "US")),
            ),
        ),
        buttons=(Button("Run all 4", "run weekly-report campaign_id=42,43 region=EU,US", "primary"),),
    ),
}

_HOSTILE = "<!channel> <@U1> &amp; *bold* `code` [link](http://x) \x1b[31mred\x1b]0;title\x07 \u202eevil"

EDGES = {
    "hostile": Message(
        text=f"Succeeded: {_HOSTILE}",
        title=f"Title {_HOSTILE}",
        tone=Tone.SUCCESS,
        blocks=(
            Paragraph(_HOSTILE),
            Paragraph(f"marked *{escape(_HOSTILE)}* end", marked=True),
            Facts(((_HOSTILE, _HOSTILE),)),
            Headlines((Headline(_HOSTILE, "1", _HOSTILE),)),
            Table(
                columns=(Column(_HOSTILE), Column("| pipe")),
                rows=((_HOSTILE, "a|b\nsecond line"), ("```", "\x00\x08\x7f")),
            ),
            Code(f"{_HOSTILE}\n```\nfence inside\r\nnext\x9b2J"),
        ),
        buttons=(Button(_HOSTILE, 'run x note="<!channel>"'),),
        mentions=("<@U1>",),
    ),
    "long_table": Message(
        text="Succeeded: 1,284 rows",
        title="Every day · #160 succeeded",
        tone=Tone.SUCCESS,
        blocks=(_LONG_TABLE, File("every-day.csv", "text/csv", _LONG_TABLE)),
    ),
    "long_text": Message(
        text="Failed: " + "a very long sentence that does not end " * 120,
        title="command-job · #161 failed",
        tone=Tone.FAILURE,
        blocks=(
            Paragraph("word " * 900),
            Code("\n".join(f"line {number} of the log" for number in range(1, 121))),
            Code("x" * 4_000),
        ),
    ),
    "many_buttons": Message(
        text="Which of these?",
        buttons=tuple(Button(f"Choice {number}", f"show #{number}") for number in range(1, 31)),
    ),
    "wide_letters": Message(
        text="成功: 週次レポート · #162",
        title="週次レポート · #162 succeeded",
        tone=Tone.SUCCESS,
        blocks=(
            Table(
                columns=(Column("チャネル"), Column("売上", "currency"), Column("👩\u200d💻")),
                rows=(("検索", 1_234.5, "é ü ß"), ("ソーシャル", -7.25, "👍🏽"), (None, None, True)),
            ),
        ),
    ),
    "charts": Message(
        text="Four charts",
        title="Four charts",
        blocks=(
            Image(
                ChartData("pie", ("what", "n"), (("yes", 3), ("no", 1)), x="what", y="n", title="A pie"),
                alt="yes 75 %, no 25 %",
            ),
            Image(
                ChartData("number", ("total",), ((1_234_567.891,),), y="total", title="A number", unit="EUR"),
                alt="1,234,568 EUR",
            ),
            Image(
                ChartData(
                    "line",
                    ("month", "orders"),
                    tuple((f"2026-{month:02}", (month * 37) % 50 - 10) for month in range(1, 13)),
                    x="month",
                    y="orders",
                    title="A line with negative values",
                ),
                alt="Orders by month",
            ),
            Image(
                ChartData(
                    "stacked_bar",
                    ("quarter", "region", "revenue"),
                    (
                        ("Q1", "EU", 120),
                        ("Q1", "US", 80),
                        ("Q2", "EU", 100),
                        ("Q2", "US", None),
                        ("Q3", "EU", 20),
                        ("Q3", "US", 200),
                    ),
                    x="quarter",
                    y="revenue",
                    series="region",
                    title="A stack",
                    unit="kEUR",
                ),
                alt="Revenue by quarter and region",
            ),
        ),
    ),
}

_BROKE = "the result total has no column 'totl'; did you mean total?"
_NOW = datetime(2026, 3, 30, 8, 0, tzinfo=UTC)


def _found(revenue: float, orders: int, *rows: tuple[str, float]) -> list[Kept]:
    return [
        Headlined("Revenue", revenue, "currency", "€"),
        Headlined("Orders", orders, "integer"),
        Returned("channels", ("channel", "revenue"), rows),
    ]


_BEFORE = _found(104_100.0, 2_655, ("search", 48_000.0), ("print", 1_200.0), ("email", 21_000.5))
_AFTER = _found(
    117_011.85, 2_573, ("search", 48_210.5), ("radio", 900.0), ("tv", 310.25), ("email", 21_000.5)
)
_SINCE = Since(
    Earlier("#121", datetime(2026, 3, 23, 8, 0, tzinfo=UTC), 1, 3, compare(_BEFORE, _AFTER)), 4, _NOW
)

NOTICES = {
    "result_changed": Message(
        text="Succeeded: Weekly campaign report · #128 · 2.3 s",
        title="Succeeded: Weekly campaign report · #128 · 2.3 s",
        tone=Tone.SUCCESS,
        blocks=results.blocks(_AFTER, since=_SINCE),
        buttons=(_RUN_AGAIN, Button("View", "show #128"), Button("CSV", "csv #128")),
    ),
    "result_quiet": Message(
        text="Succeeded, quietly: Weekly campaign report · #129 · 0.1 s",
        title="Succeeded, quietly: Weekly campaign report · #129 · 0.1 s",
        tone=Tone.SUCCESS,
        blocks=(Paragraph("run_if returned no row. The agent was not run; a schedule posts nothing then."),),
        buttons=(Button("Run again", "run #129"), Button("View", "show #129")),
    ),
    "result_condition_broke": Message(
        text="Succeeded: Weekly campaign report · #130 · 2.1 s",
        title="Succeeded: Weekly campaign report · #130 · 2.1 s",
        tone=Tone.SUCCESS,
        blocks=(
            *results.blocks(
                [
                    Headlined("Revenue", 117_011.85, "currency", "€"),
                    Judged("post_if", "total.totl > 3", None, _BROKE),
                ]
            ),
            Paragraph(f'The condition "total.totl < 1000" could not be told: {_BROKE}'),
        ),
        buttons=(Button("Run again", "run #130"), Button("View", "show #130")),
        mentions=("member-ana",),
    ),
    "notify_rules": notices.listing(
        None,
        [
            notices.Named(NotifyRule(topics=("failed_run",)), ("slack:#ops",), 7, True, "Ana Souza"),
            notices.Named(
                NotifyRule(topics=("changed", "anomaly"), if_="total.total < 1000", mention=("owner",)),
                ("teams:19:abc@thread.tacv2", "email:ops@example.com"),
                8,
                True,
                "Bob Lee",
            ),
        ],
    ),
    "notify_added": notices.added(
        None,
        notices.Named(NotifyRule(topics=("failed_run",), level="error"), ("slack:#ops",), 7, True, "Ana"),
        missing=("slack",),
    ),
}

GALLERY: dict[str, Message] = ANSWERS | REFUSALS | READS | BATCHES | EDGES | NOTICES | TROUBLES
"""name -> message; the names are those of the golden files."""

NAMES = {
    "7": "Ana Souza",
    "member-ana": "Ana Souza",
    "member-bob": "Bob Lee",
    "member-carol": "Carol\x1b[31m",
}
"""What the platform calls the members that the messages mention; one of them is unknown to it."""
