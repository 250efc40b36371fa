from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import commands
from core.commands import COMMANDS, Choice, Command, Name, Spec
from core.errors import Misunderstood, Refusal
from core.parameters import Fan, Range, Star

TEXTS = st.one_of(
    st.text(max_size=20),
    st.text("ab1 .,=|@#*-'\"\\’“”«»—–…\n\t\u00a0\u200b\u200d/n{}u", max_size=12),
    st.sampled_from(["", "*", "1..20", "a,b", "--dry-run", "@emea", "|", "a=1", "it’s", "\\", '"', "\ud800"]),
)
NAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,8}", fullmatch=True)
ENDS = st.from_regex(r"[a-z0-9:-]{1,4}(\.[0-9é]{1,2})?", fullmatch=True)
RANGES = st.builds(Range, ENDS, ENDS)
FANS = st.lists(TEXTS | RANGES, min_size=1, max_size=4).map(lambda items: Fan(tuple(items)))
WISHES = st.dictionaries(NAMES, st.one_of(TEXTS, FANS, st.just(Star())), max_size=3)
SETS = st.lists(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,6}", fullmatch=True), max_size=2, unique=True)
PHRASES = st.one_of(
    st.sampled_from(
        ["0 8 * * 1", "@first-weekday 07:30", "every weekday at 8", "a=1", "x @y", "--x", "mon–fri"]
    ),
    TEXTS.map(lambda text: " ".join(text.split())),
)


def _option(choice: Choice) -> st.SearchStrategy[str]:
    return TEXTS if choice.kind == "text" else st.integers(1, 999_999_999).map(str)


@st.composite
def made(draw: st.DrawFn) -> Command:
    spec: Spec = COMMANDS[draw(st.sampled_from(Name))]
    least = sum(1 for place in spec.words if place.required)
    parts: dict[str, Any] = {
        "words": tuple(draw(st.lists(TEXTS, min_size=least, max_size=len(spec.words)))),
        "options": {
            one.name: draw(_option(one)) for one in spec.options if one.kind != "flag" and draw(st.booleans())
        },
        "flags": frozenset(one.name for one in spec.options if one.kind == "flag" and draw(st.booleans())),
    }
    if spec.text:
        parts["text"] = draw(PHRASES.filter(bool) if spec.text_required else PHRASES)
    if spec.takes_values:
        parts["values"] = draw(WISHES)
    if spec.takes_sets:
        parts["sets"] = tuple(draw(SETS))
    if spec.takes_alternatives and parts["values"] and not parts["sets"]:
        parts["alternatives"] = tuple(draw(st.lists(WISHES.filter(bool), max_size=2)))
    return Command(spec.name, **parts)


LINES = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *Name,
                "/job",
                "weekly-report",
                "a=1",
                "a=“b",
                "c”",
                "x=1..2,3",
                "—dry-run",
                "--note",
                "|",
                "@emea",
                "=",
                ",",
            ]
        )
        | st.text(" '\"’“”—,=|@*.\\\u200b\u00a0", max_size=5),
        max_size=8,
    ).map(" ".join),
)


@settings(max_examples=400)
@example(Command(Name.RUN, ("x",), options={"note": "‘", "as-of": "’"}))
@given(made())
def test_what_is_spelled_is_read_back_exactly(command: Command) -> None:
    line = commands.spell(command)
    assert commands.parse(line) == command
    assert commands.parse("/job " + line) == command


@settings(max_examples=200)
@example(Command(Name.LIST, ("\u1680",)))
@given(made())
def test_a_spelled_line_survives_every_transport(command: Command) -> None:
    line = commands.spell(command)
    assert "\n" not in line
    assert line == line.strip()
    assert all(letter == " " or not letter.isspace() for letter in line)


@settings(max_examples=400)
@given(LINES)
def test_any_line_is_read_or_refused_and_its_spelling_is_canonical(line: str) -> None:
    command, refusal = _read(line)
    if refusal is not None:
        assert refusal.sentence
        assert refusal.suggestions
        for one in refusal.suggestions:
            assert commands.spell(commands.parse(one)) == one
    if command is not None:
        canonical = commands.spell(command)
        assert commands.parse(canonical) == command
        assert commands.spell(commands.parse(canonical)) == canonical


def _read(line: str) -> tuple[Command | None, Refusal | None]:
    try:
        return commands.parse(line), None
    except Refusal as refusal:
        return None, refusal


@given(st.text(max_size=40))
def test_any_word_is_a_reference_a_name_or_refused(text: str) -> None:
    reference = None
    with suppress(Misunderstood):
        reference = commands.read_reference(text)
    assert reference is None or commands.read_reference(str(reference)) == reference
