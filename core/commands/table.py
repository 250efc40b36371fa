"""Every command there is: who may say it, how it is written, what it does."""

from __future__ import annotations

from core.commands.spec import ADMIN, EDITOR, OPERATOR, VIEWER, Choice, Name, Place, Spec


def _job(*, required: bool = True) -> Place:
    return Place("job", "job", required)


def _target(name: str = "run-or-job", *, required: bool = True) -> Place:
    return Place(name, "target", required)


_RUN = Place("run", "run")
_PART = Place("question", required=False)
_PAGE = Choice("page", "number", "which page of the table")
_NOTE = Choice("note", "text", "why, for the record")
_YES = Choice("yes", "flag", "without being asked again")
_FILLED = Choice(
    "filled", "flag", "a form was filled in: what it asks for and is not given is empty", inner=True
)
_SHOWN = Choice("shown", "text", "the mark of the instants that were shown", inner=True)
_DRY_RUN = Choice("dry-run", "flag", "only list what would run")
_ZONE = Choice("timezone", "text", "an IANA zone such as Europe/Amsterdam")
_CALENDAR = Choice("calendar", "text", "public holidays of a country, such as NL or US-CA")
_GAP = Choice("gap", "text", "a local time that does not exist: next or skip")
_FOLD = Choice("fold", "text", "a local time that comes twice: first, second or both")


_ROWS = (
    Spec(
        Name.RUN,
        OPERATOR,
        "Run a job now, once or for many values at once.",
        (
            "run weekly-report campaign_id=42",
            "run weekly-report campaign_id=42,43,44 region=EU",
            "run weekly-report campaign_id=1..20 --dry-run",
            "run weekly-report campaign_id=42 region=EU | campaign_id=43 region=US",
            "run weekly-report @emea",
            'run "weekly report" title="Q1, EMEA"',
            "run #128",
        ),
        words=(_target("job"),),
        options=(
            _DRY_RUN,
            _NOTE,
            Choice("queue", "flag", "wait behind what runs, whatever the job's policy"),
            Choice("as-of", "text", "run as if it were due at this instant"),
        ),
        takes_values=True,
        takes_sets=True,
        takes_alternatives=True,
    ),
    Spec(
        Name.LIST,
        VIEWER,
        "List the jobs that you may see.",
        ("list", "list marketing"),
        words=(Place("word", required=False),),
        options=(_PAGE,),
    ),
    Spec(
        Name.SHOW,
        VIEWER,
        "Show a job, or a run with its whole result.",
        ("show weekly-report", "show #128", "show #128.3 revenue page=2"),
        words=(_target(), _PART),
        options=(_PAGE, Choice("sort", "text", "the column to rank by")),
    ),
    Spec(
        Name.HISTORY,
        VIEWER,
        "List the latest runs, of everything or of one job.",
        ("history", "history weekly-report", "history weekly-report page=2 status=failed"),
        words=(_job(required=False),),
        options=(_PAGE, Choice("status", "text", "only runs in this state")),
    ),
    Spec(
        Name.STATUS,
        VIEWER,
        "Show what runs and waits now, or how one run is doing.",
        ("status", "status #128", "status weekly-report"),
        words=(_target(required=False),),
    ),
    Spec(
        Name.NEXT,
        VIEWER,
        "Show when a job or a schedule is due next, in words and instants.",
        ("next", "next weekly-report", "next every weekday at 8 timezone=Europe/Amsterdam", "next 0 8 * * 1"),
        options=(_ZONE, Choice("count", "number", "how many instants"), _CALENDAR, _GAP, _FOLD),
        text="job-or-expression",
    ),
    Spec(
        Name.WHY,
        VIEWER,
        "Explain why a job ran, or did not, at its last due instants.",
        ("why weekly-report",),
        words=(_target(),),
    ),
    Spec(
        Name.CANCEL,
        OPERATOR,
        "Cancel a run, a batch, or all that a job is doing.",
        ("cancel #128", "cancel #128.3", "cancel weekly-report"),
        words=(_target(),),
        options=(_YES, _NOTE),
    ),
    Spec(
        Name.RETRY,
        OPERATOR,
        "Run again what failed in a batch, or one run of it.",
        ("retry #128", "retry #128.3"),
        words=(_target(),),
    ),
    Spec(
        Name.NEW,
        EDITOR,
        "Make a job, step by step.",
        (
            "new",
            "new weekly-report agent=analyst",
            'new greet agent=shell command="/bin/echo {word}" parameters="word: string = hello"',
        ),
        words=(Place("job", "text", required=False),),
        options=(_YES, _FILLED, _SHOWN),
        takes_values=True,
    ),
    Spec(
        Name.EDIT,
        EDITOR,
        "Change a job; runs that are under way keep what they started with.",
        ("edit weekly-report", "edit weekly-report timeout=10m", "edit weekly-report --disable"),
        words=(_job(),),
        options=(
            _YES,
            Choice("disable", "flag", "take it out of use; its history stays"),
            Choice("enable", "flag", "take it into use again"),
            Choice("version", "number", "refuse it where the job was changed since this version", inner=True),
            Choice("keep", "text", "what a form could not show stays as it is", inner=True),
            _FILLED,
            _SHOWN,
        ),
        takes_values=True,
    ),
    Spec(
        Name.SETS,
        VIEWER,
        "Show a job's saved parameter sets, or save or remove one.",
        (
            "sets weekly-report",
            "sets weekly-report emea campaign_id=42,43",
            "sets weekly-report emea --remove",
        ),
        words=(_job(), Place("set", required=False)),
        options=(Choice("remove", "flag", "forget this set"),),
        takes_values=True,
    ),
    Spec(
        Name.SCHEDULE,
        EDITOR,
        "Let a job run by itself; the next five instants are shown first.",
        (
            "schedule weekly-report every weekday at 8 campaign_id=42",
            "schedule weekly-report 0 8 * * 1 campaign_id=42 --timezone Europe/Amsterdam",
            "schedule weekly-report @first-weekday 07:30 @emea",
        ),
        words=(_job(),),
        options=(
            Choice("name", "text", "what to call this schedule"),
            _ZONE,
            _CALENDAR,
            _GAP,
            _FOLD,
            Choice("catch-up", "text", "after down-time: none, latest or all"),
            Choice("jitter", "text", "start up to this much later, such as 5m"),
            _YES,
        ),
        text="when",
        text_required=True,
        takes_values=True,
        takes_sets=True,
    ),
    Spec(
        Name.SCHEDULES,
        VIEWER,
        "List the schedules, with their next instants.",
        ("schedules", "schedules weekly-report"),
        words=(_job(required=False),),
        options=(_PAGE,),
    ),
    Spec(
        Name.UNSCHEDULE,
        EDITOR,
        "Remove a schedule of a job.",
        ("unschedule weekly-report", "unschedule weekly-report mondays"),
        words=(_job(), Place("schedule", required=False)),
        options=(_YES,),
    ),
    Spec(
        Name.PAUSE,
        EDITOR,
        "Stop a job's schedules for now, or with --everything all that would start.",
        ('pause weekly-report note="data is being moved"', "pause --everything"),
        words=(_job(required=False), Place("schedule", required=False)),
        options=(Choice("everything", "flag", "nothing new starts in the whole organization"), _NOTE),
    ),
    Spec(
        Name.RESUME,
        EDITOR,
        "Let paused schedules go on; what was missed is not run unless asked for.",
        ("resume weekly-report", "resume weekly-report --catch-up", "resume --everything"),
        words=(_job(required=False), Place("schedule", required=False)),
        options=(
            Choice("everything", "flag", "end the pause of the whole organization"),
            Choice("catch-up", "flag", "run what was missed"),
        ),
    ),
    Spec(
        Name.BACKFILL,
        OPERATOR,
        "Run a job for past instants of its own schedule.",
        ("backfill weekly-report --from 2026-01-01 --to 2026-03-01 --dry-run",),
        words=(_job(), Place("schedule", required=False)),
        options=(
            Choice("from", "text", "the first day"),
            Choice("to", "text", "the last day"),
            _DRY_RUN,
            _YES,
        ),
        takes_values=True,
        takes_sets=True,
    ),
    Spec(
        Name.LOCK,
        VIEWER,
        "Show what holds a job's lock, and since when.",
        ("lock weekly-report",),
        words=(_job(),),
    ),
    Spec(
        Name.UNLOCK,
        ADMIN,
        "Break a job's lock when its holder cannot be reached.",
        ("unlock weekly-report",),
        words=(_job(),),
        options=(_YES,),
    ),
    Spec(
        Name.ALLOW,
        ADMIN,
        "Let jobs post in a channel that is shared with another company.",
        ("allow slack:C0123456789",),
        words=(Place("channel"),),
    ),
    Spec(
        Name.APPROVE,
        OPERATOR,
        "Let a batch start that waits for a yes.",
        ("approve #128", "approve #128 first=5"),
        words=(_RUN,),
        options=(Choice("first", "number", "only so many of its runs"),),
    ),
    Spec(
        Name.REJECT,
        OPERATOR,
        "Turn down a batch that waits for a yes.",
        ("reject #128", 'reject #128 note="wrong month"'),
        words=(_RUN,),
        options=(_NOTE,),
    ),
    Spec(
        Name.DIGEST,
        EDITOR,
        "Post a summary of this channel's jobs by itself, or now.",
        (
            "digest",
            "digest every weekday at 9",
            'digest every friday at 16:00 jobs="weekly-report,refunds" name=friday',
            "digest every day at 8 tag=marketing name=marketing timezone=Europe/Amsterdam",
            "digest now",
            "digest off name=friday",
        ),
        options=(
            Choice("jobs", "text", "the jobs that it is about, * for all"),
            Choice("tag", "text", "the jobs with this tag"),
            Choice("name", "text", "what it is called, where a channel has several"),
            Choice("off", "flag", "no digest here any more"),
            _ZONE,
            _CALENDAR,
        ),
        text="when",
    ),
    Spec(
        Name.DIGESTS,
        VIEWER,
        "List the digests and their channels.",
        ("digests",),
    ),
    Spec(
        Name.NOTIFY,
        EDITOR,
        "Show or change which endings of a job are told where.",
        (
            "notify weekly-report",
            "notify weekly-report here",
            'notify weekly-report on=failed_run to=slack:#ops if="total.total < 1000"',
            "notify weekly-report remove=7",
            "notify on=failed_run to=slack:#ops --everything",
            "notify here --alerts",
        ),
        words=(_job(required=False), Place("here", required=False)),
        options=(
            Choice("on", "text", "which endings, such as failed_run,changed"),
            Choice("to", "text", "which channels, such as slack:#ops"),
            Choice("if", "text", "only if this holds of the results"),
            Choice("level", "text", "info, warning or error"),
            Choice("attach", "text", "csv, chart or both"),
            Choice("mention", "text", "who is notified: owner, or members"),
            Choice("remove", "number", "the rule to remove"),
            Choice("everything", "flag", "of every job that has no rule of its own"),
            Choice("alerts", "flag", "choose the channel for what has no other"),
        ),
    ),
    Spec(
        Name.DELIVERIES,
        VIEWER,
        "Show what became of messages: sent, waiting or failed, why, and who was told instead.",
        ("deliveries", "deliveries weekly-report", "deliveries #128", "deliveries state=failed"),
        words=(_target(required=False),),
        options=(_PAGE, Choice("state", "text", "only messages in this state, such as failed or stuck")),
    ),
    Spec(
        Name.TEST_DELIVERY,
        EDITOR,
        "Send a test message to every channel of a job, to one channel, or here.",
        ("test-delivery weekly-report", "test-delivery slack:#ops", "test-delivery"),
        words=(Place("job-or-channel", "job", required=False),),
    ),
    Spec(
        Name.ACK,
        OPERATOR,
        "Say that you look after a failure: its reminders stop.",
        ("ack #128", 'ack weekly-report note="on it"'),
        words=(_target(),),
        options=(_NOTE,),
    ),
    Spec(
        Name.CSV,
        VIEWER,
        "Send the whole table of a run as a CSV file, or all of the run as a PDF.",
        ("csv #128", "csv #128.3 revenue", "csv #128 --pdf"),
        words=(_RUN, _PART),
        options=(Choice("pdf", "flag", "all that the run found as a PDF"),),
    ),
    Spec(
        Name.ROLE,
        VIEWER,
        "Show who has which role, or give one (admin).",
        ("role", "role ana@example.com editor"),
        words=(Place("member", "member", required=False), Place("role", "role", required=False)),
    ),
    Spec(
        Name.LINK,
        None,
        "Join the accounts that you use on several platforms into one member.",
        ("link", "link 7Q4K-2M9T"),
        words=(Place("code", required=False),),
    ),
    Spec(
        Name.KEYS,
        ADMIN,
        "List, make or revoke keys for the HTTP API.",
        (
            "keys",
            "keys create reporting",
            "keys create reporting permissions=agent_jobs_trigger jobs=weekly-report",
            "keys revoke reporting",
        ),
        words=(Place("create-or-revoke", required=False), Place("key", required=False)),
        options=(
            Choice("permissions", "text", "what the key may do"),
            Choice("jobs", "text", "the only jobs that it may use"),
        ),
    ),
    Spec(
        Name.AUDIT,
        ADMIN,
        "List who did what, and when.",
        ("audit", "audit weekly-report page=2", "audit #128"),
        words=(_target(required=False),),
        options=(_PAGE,),
    ),
    Spec(
        Name.CLAIM,
        None,
        "Become the first admin, with the code that the server printed.",
        ("claim 7Q4K-2M9T",),
        words=(Place("code"),),
    ),
    Spec(
        Name.HELP,
        None,
        "Show what can be said here, or how one command is written.",
        ("help", "help run"),
        words=(Place("command", "command", required=False),),
    ),
)

COMMANDS: dict[Name, Spec] = {row.name: row for row in _ROWS}

SYNONYMS: dict[str, Name] = {
    "start": Name.RUN,
    "execute": Name.RUN,
    "trigger": Name.RUN,
    "go": Name.RUN,
    "rerun": Name.RUN,
    "jobs": Name.LIST,
    "ls": Name.LIST,
    "all": Name.LIST,
    "view": Name.SHOW,
    "get": Name.SHOW,
    "describe": Name.SHOW,
    "info": Name.SHOW,
    "result": Name.SHOW,
    "log": Name.HISTORY,
    "logs": Name.HISTORY,
    "runs": Name.HISTORY,
    "ps": Name.STATUS,
    "running": Name.STATUS,
    "queue": Name.STATUS,
    "when": Name.NEXT,
    "stop": Name.CANCEL,
    "kill": Name.CANCEL,
    "abort": Name.CANCEL,
    "create": Name.NEW,
    "add": Name.NEW,
    "change": Name.EDIT,
    "cron": Name.SCHEDULE,
    "roles": Name.ROLE,
    "hi": Name.HELP,
    "hello": Name.HELP,
    "?": Name.HELP,
    "usage": Name.HELP,
    "man": Name.HELP,
}
"""What people say instead, offered as what they may have meant."""
