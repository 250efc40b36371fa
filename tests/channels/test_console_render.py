from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from adapters.console.look import LEAST_WIDTH, PLAIN_WIDTH, Look, look_of
from adapters.console.render import CODE_LIMIT, compact, write
from adapters.console.safe import one_line, safe
from core import commands
from core.messages import (
    Button,
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
    Paragraph,
    Table,
    Tone,
)
from tests.channels.gallery import GALLERY, NAMES

COLOURED = Look(width=80, colour=True, bar=True, names=NAMES)
OUR_SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", GALLERY)
def test_colours_change_nothing_but_colours(name: str) -> None:
    coloured = write(GALLERY[name], COLOURED)
    assert "\x1b[" in coloured
    plain = write(GALLERY[name], Look(width=80, bar=True, names=NAMES))
    assert _letters(OUR_SEQUENCE.sub("", coloured)) == _letters(plain)


def _letters(text: str) -> str:
    """Without blanks, bars and the backticks that stand for colour: these move where lines end."""
    return re.sub(r"[\s┃`]", "", text)


@pytest.mark.parametrize("width", [LEAST_WIDTH, 44, 80, 200])
@pytest.mark.parametrize("name", GALLERY)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    for line in write(GALLERY[name], Look(width=width, bar=True, names=NAMES)).split("\n"):
        assert cell_len(line) <= width


@pytest.mark.parametrize("tone", [tone for tone in Tone if tone is not Tone.NEUTRAL])
def test_the_mood_is_a_word_and_not_only_a_colour(tone: Tone) -> None:
    assert (
        tone.value in write(Message(text="x", title="Weekly campaign report", tone=tone), Look()).casefold()
    )


def test_a_title_that_says_the_mood_is_left_as_it_is() -> None:
    shown = write(
        Message(text="x", title="#128 timed out", tone=Tone.FAILURE, blocks=(Paragraph("y"),)), Look()
    )
    assert shown.splitlines()[0] == "✗ #128 timed out"


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;http://evil\x1b\\bank\x1b]8;;\x1b\\", "bank"),
        ("\x1bPq#0\x1b\\x", "x"),
        ("\x9b2Jgone", "gone"),
        ("\x1bcreset", "reset"),
        ("a\x08b\x00c\x7f", "abc"),
        ("\u202egpj.exe", "gpj.exe"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("👩\u200d💻 ñ", "👩\u200d💻 ñ"),
    ],
)
def test_what_could_drive_the_terminal_is_taken_out(given_text: str, shown: str) -> None:
    assert safe(given_text) == shown


def test_a_cell_is_one_line() -> None:
    assert one_line("a\n  b\r\nc ") == "a b c"


HOSTILE = st.text(st.sampled_from("\x1b[]0;31mPc\\\x07\x9b\x9d\u202e\n\r\t a`*é検\ud800"), max_size=30)


@settings(max_examples=150)
@given(HOSTILE)
def test_no_text_reaches_the_terminal_as_anything_but_text(text: str) -> None:
    message = Message(
        text=text,
        title=text,
        blocks=(
            Paragraph(text),
            Paragraph(text, marked=True),
            Facts(((text, text),)),
            Headlines((Headline(text, text, text),)),
            Table((Column(text),), ((text,),), title=text),
            Code(text),
            File(text, "text/csv"),
        ),
        buttons=(Button(text, text),),
        form=Form(text, "run x", (Field("a", text, hint=text, error=text),)),
        mentions=("m",),
    )
    for look in (Look(names={"m": text}), Look(width=30, bar=True, colour=True, names={"m": text})):
        assert not CONTROL.search(OUR_SEQUENCE.sub("", write(message, look)))
    assert not CONTROL.search(compact(message, Look(width=30)))


def _table(rows: int, columns: int, *, total_rows: int | None = None, shown_rows: int = 10) -> Message:
    cells = tuple(tuple(f"{row}.{column}" for column in range(columns)) for row in range(rows))
    titles = tuple(Column(f"c{one}") for one in range(columns))
    return Message(text="x", blocks=(Table(titles, cells, total_rows=total_rows, shown_rows=shown_rows),))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (_table(10, 4), ""),
        (_table(11, 4), "first 10 of 11 rows"),
        (_table(10, 5), "4 of 5 columns (without c4)"),
        (_table(3, 2, total_rows=1_284), "first 3 of 1,284 rows"),
        (_table(3, 2, shown_rows=2), "first 2 of 3 rows"),
        (_table(11, 12), "first 10 of 11 rows · 4 of 12 columns (without c4, c5, c6, c7, c8, …)"),
    ],
)
def test_a_cut_of_a_table_says_that_it_cut(message: Message, said: str) -> None:
    shown = write(message, Look())
    assert said in shown
    assert ("first" in shown or " of " in shown) == bool(said)


@pytest.mark.parametrize(("lines", "cut"), [(CODE_LIMIT, False), (CODE_LIMIT + 1, True)])
def test_a_cut_of_a_log_keeps_its_end_and_says_how_much_is_left_out(lines: int, cut: bool) -> None:
    text = "\n".join(f"line {number}" for number in range(1, lines + 1))
    shown = write(Message(text="x", blocks=(Code(text),)), Look())
    assert f"line {lines}" in shown
    assert ("1 lines left out" in shown) == cut


def test_numbers_are_never_cut_however_narrow_the_terminal() -> None:
    table = Table(
        (Column("what"), Column("amount", "currency"), Column("n", "integer")),
        (("a rather long text", 123_456_789.5, 42),),
    )
    for width in range(LEAST_WIDTH, 60):
        assert "123,456,789.50" in write(Message(text="x", blocks=(table,)), Look(width=width, bar=True))


def test_a_form_shows_a_line_that_the_grammar_reads() -> None:
    form = Form(
        "Run",
        "run weekly-report",
        (
            Field("campaign_id", "Campaign", "integer", error="not a whole number", value="x y"),
            Field("region", "Region", required=False, value="EU, US"),
            Field("skipped", "Skipped", required=False),
        ),
    )
    shown = write(Message(text="x", form=form), Look(width=100))
    line = shown.strip().splitlines()[-1].removeprefix("Type  ")
    assert commands.parse(line).values == {"campaign_id": "42", "region": "EU, US"}


def test_pictures_and_files_are_linked_where_they_are_kept() -> None:
    look = Look(
        image_link=lambda image: f"file:///tmp/{image.title}.png", file_link=lambda file: f"/tmp/{file.name}"
    )
    chart = GALLERY["result"].blocks[2]
    assert isinstance(chart, Image)
    shown = write(
        Message(text="x", blocks=(Image(chart.chart, "alt", "spent"), File("a.csv", "text/csv"))), look
    )
    assert "file:///tmp/spent.png" in shown
    assert "/tmp/a.csv" in shown


def test_the_live_line_is_one_line_that_fits() -> None:
    line = compact(Message(text="Running\nfor ever " * 20, tone=Tone.PROGRESS), Look(width=40))
    assert "\n" not in line
    assert cell_len(line) <= 40


@pytest.mark.parametrize(
    ("stream", "environment", "colour", "bar", "width"),
    [
        (Terminal(), {"COLUMNS": "120", "TERM": "xterm"}, True, True, 120),
        (Terminal(), {"COLUMNS": "120", "NO_COLOR": "1"}, False, True, 120),
        (Terminal(), {"COLUMNS": "120", "NO_COLOR": ""}, True, True, 120),
        (Terminal(), {"COLUMNS": "120", "TERM": "dumb"}, False, False, 120),
        (Terminal(), {"COLUMNS": "5"}, True, True, LEAST_WIDTH),
        (io.StringIO(), {"COLUMNS": "120", "TERM": "xterm"}, False, False, PLAIN_WIDTH),
    ],
)
def test_the_look_follows_the_stream_and_the_environment(
    stream: io.StringIO, environment: dict[str, str], colour: bool, bar: bool, width: int
) -> None:
    look = look_of(stream, environment)
    assert (look.colour, look.bar, look.width) == (colour, bar, width)
