"""What a message becomes in Teams: nothing of others is read as marks, nothing calls whom we did not name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.teams import charts, tables
from adapters.teams.render import Look, Mention, activities, card, fallback
from core.messages import (
    Button,
    ChartData,
    Code,
    Column,
    Facts,
    File,
    Headline,
    Headlines,
    Image,
    Message,
    Paragraph,
    Recorded,
    Table,
    Tone,
)
from tests.channels import teams_schema
from tests.channels.gallery import GALLERY
from tests.channels.teams_schema import text_of
from tests.channels.test_teams_forms import parts

ANA = Mention("29:ana", "Ana Souza")


def made(message: Message, look: Look | None = None, **mentions: Mention) -> dict[str, Any]:
    return card(message, mentions=mentions, look=look)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=80), st.sampled_from(Tone))
def test_whatever_is_said_gives_a_card_that_teams_takes(text: str, tone: Tone) -> None:
    message = Message(
        text=text,
        title=text,
        tone=tone,
        blocks=(
            Paragraph(text),
            Paragraph(text, marked=True),
            Facts(((text, text),)),
            Headlines((Headline(text, text, text, tone),)),
            Table((Column(text),), ((text,), (None,)), title=text),
            Code(text),
            Image(ChartData("bar", ("x", "y"), ((text, 1),), x="x", y="y", title=text), alt=text),
            File(text, "text/csv"),
        ),
        buttons=(Button(text, "list", confirm=text),),
        mentions=("ana",),
    )
    for activity in activities(message, mentions={"ana": Mention("29:ana", text)}):
        assert teams_schema.activity_mistakes(activity) == []


def test_only_minted_mentions_stand_where_marks_are_read() -> None:
    """A `TextBlock` is read as Markdown, and an `<at>` in it can call somebody: data never stands in one."""
    for message in GALLERY.values():
        for activity in activities(message, mentions={"member-ana": ANA}):
            content = activity["attachments"][0]["content"]
            assert [one["text"] for one in parts(content, "TextBlock")] in ([], ["<at>Ana Souza</at>"])
            assert list(parts(content, "FactSet")) == []


def test_data_that_looks_like_a_mention_calls_nobody() -> None:
    said = "<at>Ana Souza</at> hello"
    content = made(Message(text=said, blocks=(Paragraph(f"{said}!"), Facts(((said, said),)))))
    assert "entities" not in content["msteams"]
    assert list(parts(content, "TextBlock")) == []
    assert text_of(content).count("<at>Ana Souza</at>") == 4


def test_a_mention_is_minted_from_the_id_and_not_from_the_name() -> None:
    message = Message(text="Failed", mentions=("a", "b", "c", "a", "unknown"))
    content = made(
        message,
        a=ANA,
        b=Mention("29:bob", "Bob</at><at>*Eve*_"),
        c=Mention("29:other-ana", "Ana Souza"),
    )
    assert [one["mentioned"]["id"] for one in content["msteams"]["entities"]] == [
        "29:ana",
        "29:bob",
        "29:other-ana",
    ]
    texts = [one["text"] for one in content["msteams"]["entities"]]
    assert texts == ["<at>Ana Souza</at>", "<at>Bob /at at Eve</at>", "<at>Ana Souza 3</at>"]
    assert next(parts(content, "TextBlock"))["text"] == " ".join(texts)


def test_the_summary_begins_with_the_outcome_and_is_one_line() -> None:
    assert fallback(GALLERY["failure_alert"]).startswith("Failed: weekly-report · #129.")
    assert fallback(Message(text="a\nb")) == "a b"
    assert fallback(Message(text=" ")) == "–"


@pytest.mark.parametrize(
    ("tone", "title", "said"),
    [
        (Tone.SUCCESS, "Weekly report", "✅ Weekly report · success"),
        (Tone.SUCCESS, "Weekly report succeeded", "✅ Weekly report succeeded"),
        (Tone.FAILURE, "Weekly report", "❌ Weekly report · failure"),
        (Tone.NEUTRAL, "Weekly report", "Weekly report"),
    ],
)
def test_the_status_is_a_word_and_not_only_a_colour(tone: Tone, title: str, said: str) -> None:
    assert text_of(made(Message(text="x", title=title, tone=tone))["body"][0]) == said


def test_what_the_heading_says_is_not_said_again() -> None:
    assert len(made(Message(text="x\ny", blocks=(Paragraph("x\ny"),)))["body"]) == 2
    assert len(made(Message(text="x", title="Title", blocks=(Paragraph("x"),)))["body"]) == 2


def test_lines_stay_lines() -> None:
    body = made(Message(text="first\nsecond\n\nthird"))["body"]
    assert [text_of(one) for one in body] == ["first", "second", "third"]
    assert [one.get("spacing") for one in body[1:]] == [None, "Medium"]


def test_marks_are_looks_and_blanks_of_code_stay() -> None:
    body = made(Message(text="x", blocks=(Paragraph("a *b* `c`", marked=True), Code("if x:\n    y  z"))))[
        "body"
    ]
    assert [one.get("weight") or one.get("fontType") for one in body[1]["inlines"]] == [
        None,
        "Bolder",
        None,
        "Monospace",
    ]
    assert text_of(body[2]) == "if x:\n\u00a0\u00a0\u00a0\u00a0y\u00a0 z"


def test_a_dangerous_button_asks_first() -> None:
    asked = next(parts(made(GALLERY["acknowledgement"]), "Action."))
    assert asked["type"] == "Action.ShowCard"
    assert text_of(asked["card"]["body"]) == "Cancel #128? Ana started it just now."
    assert asked["title"] == "Cancel"
    assert asked["card"]["actions"][0]["type"] == "Action.Execute"
    assert asked["card"]["actions"][0]["title"] == "Yes, cancel"
    assert asked["style"] == asked["card"]["actions"][0]["style"] == "destructive"


def test_columns_have_room_for_their_longest_words() -> None:
    table = Table(
        (Column("id"), Column("what")), ((1, "a few short words here"), (2, "incomprehensibilities"))
    )
    shown = tables.element(tables.grid(table, 10_000))
    first, second = (one["width"] for one in shown["columns"])
    assert second > 4 * first
    assert [one["horizontalCellContentAlignment"] for one in shown["columns"]] == ["Right", "Left"]


def chart(kind: str, rows: tuple[tuple[Any, ...], ...], *, series: str = "") -> dict[str, Any]:
    columns = ("x", "s", "y") if series else ("x", "y")
    drawn = charts.element(ChartData(kind, columns, rows, x="x", y="y", series=series), "T")
    assert drawn is not None
    return drawn


_DAYS = tuple((f"2026-03-{day:02}", day) for day in range(1, 31))


@pytest.mark.parametrize(
    ("kind", "rows", "wanted"),
    [
        ("pie", (("a", 1), ("b", 2)), "Chart.Pie"),
        ("pie", (("a", 1), ("b", -2)), "Chart.Line"),
        ("bar", (("a", 1), ("b", 2)), "Chart.HorizontalBar"),
        ("bar", _DAYS[: charts.COLUMNS], "Chart.VerticalBar"),
        ("bar", _DAYS[: charts.COLUMNS + 1], "Chart.Line"),
        ("line", _DAYS, "Chart.Line"),
        ("area", (("a", 1), ("b", 2)), "Chart.HorizontalBar"),
        ("mystery", (("a", 1),), "Chart.HorizontalBar"),
    ],
)
def test_each_chart_has_the_element_that_can_show_it(kind: str, rows: Any, wanted: str) -> None:
    assert chart(kind, rows)["type"] == wanted


@pytest.mark.parametrize(("kind", "stacked"), [("stacked_bar", True), ("bar", False)])
def test_series_beyond_what_teams_draws_become_one(kind: str, stacked: bool) -> None:
    rows = tuple(("a", f"s{n}", 10 - n) for n in range(6))
    drawn = chart(kind, rows, series="s")
    assert drawn["type"] == "Chart.VerticalBar.Grouped"
    assert drawn["stacked"] is stacked
    assert [one["legend"] for one in drawn["data"]] == ["s0", "s1", "s2", "Other"]
    assert drawn["data"][-1]["values"] == [{"x": "a", "y": 7 + 6 + 5}]
    data = ChartData(kind, ("x", "s", "y"), rows, x="x", y="y", series="s")
    assert charts.note(data) == "Other: 3 more series"


def test_a_line_with_too_many_points_is_thinned_and_says_so() -> None:
    rows = tuple((n, n % 7) for n in range(1_000))
    drawn = chart("line", rows)
    assert len(drawn["data"][0]["values"]) == 200
    assert charts.note(ChartData("line", ("x", "y"), rows, x="x", y="y")) == "every 5th of 1,000 points"


def test_a_chart_that_does_not_fit_its_rows_is_told_by_its_words() -> None:
    image = Image(ChartData("bar", ("x",), (("a",),), x="nope", y="nope"), alt="What it would show")
    assert "What it would show" in text_of(made(Message(text="x", blocks=(image,))))


def test_a_chart_has_its_words_and_a_picture_where_there_is_one() -> None:
    image = GALLERY["result_with_check"].blocks[1]
    content = made(Message(text="x", blocks=(image,)), Look(picture=lambda _: "https://x.example/1.png"))
    drawn = next(parts(content, "Chart."))
    assert drawn["fallback"]["type"] == "Image"
    assert drawn["fallback"]["altText"].startswith("Spent by campaign")
    assert "Spent by campaign: Spring sale 10,400" in text_of(content["body"])


def test_a_file_that_has_a_link_opens_by_a_button() -> None:
    kept = File("y.bin", "application/x", path="ab", recorded=Recorded("r", 1))
    message = Message(text="x", title="Report · #7", blocks=(kept,))
    linked = Look(link=lambda _: "https://x.example/y.bin", linked=True)
    for look in (linked, replace(linked, personal=True)):  # what is kept as a file is not offered
        content = made(message, look)
        assert "y.bin · the link opens for 15 minutes; later say show #7" in text_of(content)
        [button] = parts(content, "Action.OpenUrl")
        assert (button["title"], button["url"]) == ("Download y.bin", "https://x.example/y.bin")
    assert "y.bin · say show #7 for a link to it" in text_of(made(message, Look(linked=True)))


def test_a_file_says_how_to_get_it() -> None:
    file = File("x.csv", "text/csv", Table((Column("a"),), ((1,), (2,))))
    plain = Message(text="x", blocks=(file,), buttons=(Button("CSV", "csv #128"),))
    assert "x.csv (2 rows) · say csv #128 to me in a 1:1 chat" in text_of(made(plain))
    assert "x.csv (2 rows) · offered below" in text_of(made(plain, Look(personal=True)))
    unknown = Message(text="x", blocks=(file, File("y.bin", "application/x", path="ab")))
    assert "x.csv (2 rows) · say csv and the number of its run to me" in text_of(made(unknown))
    assert "y.bin · kept with its run" in text_of(made(unknown))
    assert activities(unknown, mentions={}, look=Look(personal=True))[1:] == []
