from __future__ import annotations

from contextlib import suppress

import pytest

from core import commands
from core.commands import COMMANDS, LINE_LIMIT, Command, Name
from core.definitions import Role
from core.errors import Misunderstood
from core.parameters import Fan, Range, Star
from tests.limits import within


def _run(*words: str, **values: str | Fan | Star) -> Command:
    return Command(Name.RUN, words, values=values)


@pytest.mark.parametrize(
    "line",
    [
        "run weekly-report campaign_id=42",
        "/job run weekly-report campaign_id=42",
        "/JOB Run weekly-report Campaign_ID=42",
        "job run weekly-report campaign_id=42",
        "/slashjob run weekly-report campaign_id=42",
        "  run\u00a0weekly-report \u202f campaign_id=42\u3000",
        "\u200brun\u200b \u2060weekly-report campaign\u200b_id\u200b=\u200b42\ufeff",
        "run 'weekly-report' campaign_id=\"42\"",
        "run “weekly-report” campaign_id=‘42’",
        "run „weekly-report“ campaign_id=« 42 »",
        'run weekly-report campaign_id=“42"',
    ],
)
def test_a_line_means_the_same_however_it_is_typed(line: str) -> None:
    assert commands.parse(line) == _run("weekly-report", campaign_id="42")


@pytest.mark.parametrize("line", ["", "  ", "/job", "job", "\u200b", "/slashjob \u00a0", "help", "Help"])
def test_an_empty_line_asks_for_help(line: str) -> None:
    assert commands.parse(line) == Command(Name.HELP)


def test_help_asked_as_an_option_is_help_for_that_command() -> None:
    assert commands.parse("run —help") == Command(Name.HELP, ("run",))


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("42", "42"),
        ("42,43,44", Fan(("42", "43", "44"))),
        ("1..20", Fan((Range("1", "20"),))),
        ("1…20", Fan((Range("1", "20"),))),
        ("1.5..2.5,7", Fan((Range("1.5", "2.5"), "7"))),
        ("2026-01-01..2026-01-31", Fan((Range("2026-01-01", "2026-01-31"),))),
        ("-5..-1", Fan((Range("-5", "-1"),))),
        ("*", Star()),
        ('"*"', "*"),
        ('"a,b"', "a,b"),
        ('"a,b",c', Fan(("a,b", "c"))),
        ('"1..20"', "1..20"),
        ("", ""),
        ('""', ""),
        ("../x", "../x"),
        ("a...b", "a...b"),
        ("1..2..3", "1..2..3"),
        ("10:30", "10:30"),
        ("a=b", "a=b"),
        ("-7d", "-7d"),
        ("--flag", "--flag"),
        ("x|y", "x|y"),
        ("it’s", "it’s"),
        ("it's", "it's"),
        ("’tis", "’tis"),
        ("'it's fine'", "it's fine"),
        ("‘it’s fine’", "it’s fine"),
        ('"it’s “fine”"', "it’s “fine”"),
        ('"a\u200b\u00a0b"', "a\u200b\u00a0b"),
        (r'"say \"hi\" \\ \n\t\u{200b} \d"', 'say "hi" \\ \n\t\u200b \\d'),
        (r"“say \“hi\””", "say “hi”"),
        (r"'C:\new'", r"C:\new"),
        (r"C:\new", r"C:\new"),
        ('"two\nlines"', "two\nlines"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ('5"', '5"'),
    ],
)
def test_a_value_is_read(typed: str, given: str | Fan | Star) -> None:
    command = commands.parse(f"run weekly-report value={typed} last=x")
    assert command == _run("weekly-report", value=given, last="x")
    assert commands.parse(commands.spell(command)) == command


@pytest.mark.parametrize(
    "value",
    [
        "; touch P",
        "$(touch P)",
        "`touch P`",
        "one\ntwo",
        "--flag",
        "{{7*7}}",
        "%0a",
        "<!channel>",
        "<@U1>",
        "| a=1",
        "@all",
        "\x00",
        "\u202e",
        '\\"',
        "\\",
    ],
)
def test_a_hostile_value_arrives_exactly(value: str) -> None:
    line = commands.spell(_run("weekly-report", note=value))
    assert commands.parse(f"/job {line}").values == {"note": value}
    assert "\n" not in line


def test_phones_write_dashes_and_quotes() -> None:
    """E6: they are read as the straight ones."""
    command = commands.parse("/job run “weekly report” name=“weekly report” —dry-run –note ‘x’")
    assert command.words == ("weekly report",)
    assert command.values == {"name": "weekly report"}
    assert command.flags == {"dry-run"}
    assert command.options == {"note": "x"}


def test_an_option_behind_a_curly_name_is_refused_like_a_straight_one() -> None:
    with pytest.raises(Misunderstood) as curly:
        commands.parse("run weekly-report name=“weekly report” —force")
    with pytest.raises(Misunderstood) as straight:
        commands.parse('run weekly-report name="weekly report" --force')
    assert curly.value.sentence == straight.value.sentence == "run has no option --force."


def test_explicit_sets_stand_between_bars() -> None:
    command = commands.parse(
        "run weekly-report campaign_id=42 region=eu | campaign_id=43 region=us --dry-run"
    )
    assert command.wishes == (
        {"campaign_id": "42", "region": "eu"},
        {"campaign_id": "43", "region": "us"},
    )
    assert command.flags == {"dry-run"}


def test_saved_sets_are_named_once() -> None:
    command = commands.parse("run weekly-report @emea @APAC @emea region=eu")
    assert command.sets == ("emea", "apac")
    assert command.values == {"region": "eu"}


def test_a_quoted_set_is_a_word() -> None:
    assert commands.parse('run "@emea"').words == ("@emea",)


def test_a_schedule_is_words_then_parameters() -> None:
    command = commands.parse(
        "schedule weekly-report every weekday at 8 campaign_id=42 —timezone Europe/Amsterdam"
    )
    assert command.words == ("weekly-report",)
    assert command.text == "every weekday at 8"
    assert command.values == {"campaign_id": "42"}
    assert command.options == {"timezone": "Europe/Amsterdam"}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("next 0 8 * * 1", "0 8 * * 1"),
        ("next */5 9-17 1,15 * MON#2", "*/5 9-17 1,15 * MON#2"),
        ('next "0 8 * * 1"', "0 8 * * 1"),
        ("next @first-weekday 07:30", "@first-weekday 07:30"),
        ("next mon–fri at 9", "mon-fri at 9"),
        ("next", ""),
        ("next weekly-report", "weekly-report"),
        ("next in 2 hours timezone=UTC count=3", "in 2 hours"),
    ],
)
def test_an_expression_is_free_text(line: str, text: str) -> None:
    command = commands.parse(line)
    assert command.text == text
    assert commands.parse(commands.spell(command)) == command


def test_a_nickname_opens_the_expression_and_a_set_follows_it() -> None:
    command = commands.parse("schedule weekly-report @first-weekday 07:30 @emea")
    assert (command.text, command.sets) == ("@first-weekday 07:30", ("emea",))


@pytest.mark.parametrize("line", ["show #128 page=2", "show #128 --page 2", "show #128 —page=02"])
def test_an_option_is_written_as_pair_or_with_dashes(line: str) -> None:
    command = commands.parse(line)
    assert command.number("page", 1) == 2
    assert commands.spell(command) == "show #128 page=2"


def test_an_option_that_was_left_out_has_its_default() -> None:
    command = commands.parse("show #128")
    assert (command.number("page", 1), command.word(0), command.word(1)) == (1, "#128", "")


@pytest.mark.parametrize(
    ("line", "sentence", "suggestion"),
    [
        ("rnu weekly-report a=1", "There is no command rnu.", "run weekly-report a=1"),
        ("weekly-report a=1", "There is no command weekly-report.", "run weekly-report a=1"),
        ("/run weekly-report", "There is no command /run.", "run weekly-report"),
        ("stop #12", "There is no command stop.", "cancel #12"),
        ("jobs", "There is no command jobs.", "list"),
        ("hello there", "There is no command hello.", "help"),
        ("a=1 run x", "A command comes first, then its parameters.", "run x a=1"),
        ("run", "run needs the name of a job, or the number of a run such as #128.", "list"),
        ("cancel", "cancel needs the name of a job, or the number of a run such as #128.", "status"),
        ("run x a = 1", "a is one word too many for run.", "run x a=1"),
        ("run x a=1, 2", "A value is missing in the list of a.", "run x a=1,2"),
        ("run x a=1,,2", "A value is missing in the list of a.", "run x a=1,2"),
        ("run x a=1,", "A value is missing in the list of a.", "run x a=1"),
        ("run x a: 1", "a: is one word too many for run.", "run x a=1"),
        ("run x a:1", "a:1 is one word too many for run.", "run x a=1"),
        ("run x a 1", "a is one word too many for run.", "run x a=1"),
        ("run x note=it’s fine", "fine is one word too many for run.", 'run x note="it’s fine"'),
        ("run x extra", "extra is one word too many for run.", "show x"),
        ("list x y", "y is one word too many for list.", "list x"),
        ("run x --dryrun", "run has no option --dryrun.", "run x --dry-run"),
        ("status --json", "status has no option --json.", "status"),
        ("run x --dry-run.", "run has no option --dry-run..", "show x"),
        ("run x --dry-run=yes", "--dry-run takes no value.", "show x"),
        ("run x --note", "--note needs a value.", "show x"),
        ("run x --note --dry-run", "--note needs a value.", "show x"),
        ("run x --note a --note b", "note is given twice.", "show x"),
        ("run x a=1 a=2", "a is given twice.", "show x"),
        ("run x a=*,1", "* stands alone: a=* is every choice.", "show x"),
        ("run x a=1 |", "Nothing stands after the |.", "run x a=1"),
        ("run x | a=1", "Nothing stands before the |.", "show x"),
        ("run x a=1 | | a=2", "Nothing stands before the |.", "run x a=1 | a=2"),
        ("run x a=1 | a=2 @e", "Saved sets (@) and explicit sets (|) cannot be mixed in one line.", "show x"),
        ("run x @", "@ is not the name of a parameter set.", "show x"),
        ('run x a="b', 'A quote opens here and is never closed: "b', "run x a=b"),
        ("run x a=“b c", "A quote opens here and is never closed: “b c", 'run x a="b c"'),
        ('run x a="b"c', 'A quote ends in the middle of a word: "b"c', "help"),
        ('run x a="C:\\"', 'A quote opens here and is never closed: "C:\\"', "run x a=C:"),
        ("history page=0", "page takes a whole number from 1, not 0.", "history"),
        ("history page=", "page takes a whole number from 1, not nothing.", "history"),
        ("schedule x", "schedule needs to know when.", "show x"),
        ("edit", "edit needs the name of a job.", "list"),
        (
            "run " + "x" * LINE_LIMIT,
            f"A command may have at most 20,000 characters; this one has {LINE_LIMIT + 4:,}.",
            "help",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_and_offers_what_would_work(
    line: str, sentence: str, suggestion: str
) -> None:
    with pytest.raises(Misunderstood) as refused:
        commands.parse(line)
    assert refused.value.sentence == sentence
    assert refused.value.hint or suggestion
    assert refused.value.suggestions[0] == suggestion
    for one in refused.value.suggestions:
        assert commands.spell(commands.parse(one)) == one


@pytest.mark.parametrize(
    "line", ["run x --dryrun a=1", "run x --note", "cancel x y", "run x a=1 a=2", "run x @"]
)
def test_a_suggestion_never_acts_without_a_part_of_what_was_typed(line: str) -> None:
    with pytest.raises(Misunderstood) as refused:
        commands.parse(line)
    assert "run x" not in refused.value.suggestions
    assert "cancel x" not in refused.value.suggestions


def test_a_long_word_is_shortened_in_the_refusal() -> None:
    with pytest.raises(Misunderstood) as refused:
        commands.parse("x" * 500)
    assert len(refused.value.sentence) < 100


@pytest.mark.parametrize(
    "line",
    [
        "run x " + "’a " * 2_600,
        "run x a=" + "‘," * 3_900,
        'run x a="' + "\\" * 7_900,
        "run x " + "a=“b " * 1_500,
        "run x " + "\u200b" * 7_900,
        "run x " + "a" * 7_900 + "=",
        "run x a=" + "." * 7_900,
        "run x a=" + "1." * 3_900,
        "run x " + "-" * 7_900,
        "next " + "a " * 3_900,
        "a " * 3_999,
        "a=" * 3_999,
    ],
)
def test_a_crafted_line_is_read_or_refused_at_once(line: str) -> None:
    with within(60), suppress(Misunderstood):
        commands.spell(commands.parse(line))


@pytest.mark.parametrize(
    "made",
    [
        {"name": Name.RUN},
        {"name": Name.LIST, "words": ("a", "b")},
        {"name": Name.LIST, "text": "x"},
        {"name": Name.LIST, "values": {"a": "1"}},
        {"name": Name.SCHEDULE, "words": ("x",)},
        {"name": Name.NEXT, "text": "two  blanks"},
        {"name": Name.RUN, "words": ("x",), "values": {"a b": "1"}},
        {"name": Name.RUN, "words": ("x",), "values": {"a": Fan(())}},
        {"name": Name.RUN, "words": ("x",), "values": {"a": Fan((Range("1 ", "2"),))}},
        {"name": Name.RUN, "words": ("x",), "alternatives": ({"a": "1"},)},
        {"name": Name.RUN, "words": ("x",), "values": {"a": "1"}, "alternatives": ({},)},
        {"name": Name.RUN, "words": ("x",), "sets": ("not a name",)},
        {"name": Name.LIST, "sets": ("emea",)},
        {"name": Name.LIST, "options": {"page": "0"}},
        {"name": Name.LIST, "options": {"note": "x"}},
        {"name": Name.RUN, "words": ("x",), "options": {"dry-run": ""}},
        {"name": Name.RUN, "words": ("x",), "flags": frozenset({"note"})},
    ],
)
def test_a_command_that_no_line_can_say_is_not_made(made: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=str(made["name"])):
        Command(**made)  # type: ignore[arg-type]


def test_a_list_of_one_text_is_that_text() -> None:
    assert _run("x", a=Fan(("1",))) == _run("x", a="1")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("#128", commands.Reference(128)),
        ("128", commands.Reference(128)),
        ("#128.3", commands.Reference(128, 3)),
        ("128.3", commands.Reference(128, 3)),
    ],
)
def test_a_number_names_a_batch_or_a_run_of_it(text: str, reference: commands.Reference) -> None:
    assert commands.read_reference(text) == reference
    assert commands.read_reference(str(reference)) == reference


@pytest.mark.parametrize("text", ["0190f8a3-7c1e-7def-8123-456789abcdef", "0190F8A37C1E7DEF8123456789ABCDEF"])
def test_an_id_names_what_has_it(text: str) -> None:
    reference = commands.read_reference(text)
    assert reference is not None
    assert str(reference) == "0190f8a3-7c1e-7def-8123-456789abcdef"


@pytest.mark.parametrize("text", ["weekly-report", "q3-report", "", "3rd-report", "a1b2", "weekly report"])
def test_a_name_is_no_reference(text: str) -> None:
    assert commands.read_reference(text) is None


@pytest.mark.parametrize(
    "text", ["#", "#abc", "#0", "0", "128.0", "#128.3.1", "9" * 30, "#" + "9" * 30, "1."]
)
def test_what_is_meant_as_a_number_but_is_none_is_refused(text: str) -> None:
    with pytest.raises(Misunderstood, match="is not the number of a run"):
        commands.read_reference(text)


def test_the_table_holds_every_command_of_the_contract() -> None:
    contract = (
        "run list show history status next why cancel retry new edit sets schedule schedules unschedule "
        "pause resume backfill lock unlock allow approve reject digest digests notify deliveries "
        "test-delivery ack csv role link keys audit claim help"
    )
    assert [name.value for name in COMMANDS] == contract.split()


@pytest.mark.parametrize("name", list(Name))
def test_every_command_explains_itself(name: Name) -> None:
    spec = COMMANDS[name]
    assert spec.usage.split()[0] == name
    assert spec.help.endswith(".")
    assert len(spec.help) <= 90
    assert spec.least is None or spec.least in Role
    for example in spec.examples:
        command = commands.parse(example)
        assert command.name == name
        assert commands.spell(command) == example


def test_the_usage_line_tells_what_may_be_left_out() -> None:
    assert COMMANDS[Name.HISTORY].usage == "history [JOB] [page=N] [status=TEXT]"
    assert COMMANDS[Name.SHOW].usage == "show RUN-OR-JOB [QUESTION] [page=N] [sort=TEXT]"
