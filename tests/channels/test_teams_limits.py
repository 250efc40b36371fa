"""Each limit of Teams that the rendering keeps, on both sides of its edge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.teams import buttons, limits, tables
from adapters.teams.render import Mention, activities
from core.messages import Button, Code, Column, Facts, Message, Paragraph, Table
from tests.channels import teams_schema
from tests.channels.teams_schema import text_of
from tests.channels.test_teams_forms import parts


def rendered(message: Message, **mentions: Mention) -> list[dict[str, Any]]:
    made = activities(message, mentions=mentions)
    for one in made:
        assert teams_schema.activity_mistakes(one) == []
        assert limits.size(one) <= limits.ACTIVITY
    return made


def said(made: list[dict[str, Any]]) -> str:
    return text_of([one["attachments"][0]["content"] for one in made])


def test_sizes_are_counted_as_teams_counts_them() -> None:
    assert limits.size("ab") == 8
    assert limits.size("é") == limits.size("x")
    assert limits.size("👍") == limits.size("xx")
    assert limits.size('"') == limits.size("xx")
    assert limits.size("\ud800") == limits.size("x")


@pytest.mark.parametrize("letter", ["x", "é", "成", "👍", '"', "\\"])
def test_text_goes_on_in_the_next_card_and_nothing_is_lost(letter: str) -> None:
    width = (
        len(json.dumps(letter, ensure_ascii=False)) - 2
        if letter in '"\\'
        else len(letter.encode("utf-16-le")) // 2
    )
    fits = Message(text="Long", title="Long", blocks=(Paragraph(letter * (30_000 // width)),))
    over = Message(text="Long", title="Long", blocks=(Paragraph(letter * (45_000 // width)),))
    assert len(rendered(fits)) == 1
    made = rendered(over)
    assert len(made) == 2
    assert said(made).count(letter) == 45_000 // width
    assert "Part 1 of 2" in said(made[:1])
    assert "Part 2 of 2" in said(made[1:])
    assert made[1]["summary"].startswith("(2 of 2) Long")


def test_what_does_not_fit_into_all_cards_is_cut_and_says_where_the_whole_is() -> None:
    blocks = tuple(Paragraph(f"{number} " + "word " * 5_000) for number in range(8))
    made = rendered(Message(text="x", blocks=blocks, buttons=(Button("View", "show #128"),)))
    assert len(made) == limits.PARTS
    assert said(made[-1:]).endswith("Cut to fit Teams: say show #128 for the rest.")
    whole = rendered(Message(text="x", blocks=blocks[:4], buttons=(Button("View", "show #128"),)))
    assert "Cut to fit" not in said(whole)


@pytest.mark.parametrize(
    ("length", "cut"), [(2_499, False), (2_500, False), (2_501, True), (3_001, True), (50_000, True)]
)
def test_long_code_keeps_its_beginning_and_its_end(length: int, cut: bool) -> None:
    text = said(rendered(Message(text="x", blocks=(Code("a" + "x" * (length - 2) + "z"),))))
    assert ("characters left out" in text) is cut
    assert ("Cut to fit Teams." in text) is cut
    assert text.replace("\nCut to fit Teams.", "").endswith("z")


@pytest.mark.parametrize(("lines", "cut"), [(40, False), (41, True)])
def test_many_lines_of_code_lose_their_middle(lines: int, cut: bool) -> None:
    text = said(rendered(Message(text="x", blocks=(Code("\n".join(map(str, range(lines)))),))))
    assert ("1 lines left out" in text) is cut


@pytest.mark.parametrize(("lines", "cut"), [(limits.LINES, False), (limits.LINES + 1, True)])
def test_a_paragraph_of_too_many_lines_is_cut(lines: int, cut: bool) -> None:
    text = said(rendered(Message(text="x", blocks=(Paragraph("\n".join(map(str, range(lines)))),))))
    assert ("Cut to fit Teams." in text) is cut


@pytest.mark.parametrize(("rows", "shown"), [(50, 50), (51, 50), (1_284, 50)])
def test_a_table_shows_so_many_rows_and_says_of_how_many(rows: int, shown: int) -> None:
    table = Table((Column("n"),), tuple((n,) for n in range(rows)), shown_rows=2_000)
    made = tables.grid(table, limits.ACTIVITY)
    assert len(made.rows) == shown
    assert made.note == (f"first {shown} of {rows:,} rows" if rows > shown else "")


@pytest.mark.parametrize(("columns", "shown"), [(6, 6), (7, 6)])
def test_a_table_shows_so_many_columns_and_names_the_others(columns: int, shown: int) -> None:
    table = Table(tuple(Column(f"c{n}") for n in range(columns)), (tuple(range(columns)),), shown_columns=20)
    made = tables.grid(table, limits.ACTIVITY)
    assert len(made.titles) == shown
    assert made.note == ("6 of 7 columns (without c6)" if columns > shown else "")


def test_a_table_of_long_cells_fits_into_a_card() -> None:
    row = tuple("成" * 400 for _ in range(6))
    table = Table(tuple(Column(f"c{n}") for n in range(6)), (row,) * 50, shown_rows=50, shown_columns=6)
    made = rendered(Message(text="x", blocks=(table,)))
    assert "of 50 rows" in said(made)
    assert "long cells cut" in said(made)


@pytest.mark.parametrize(("length", "cut"), [(limits.CELL, False), (limits.CELL + 1, True)])
def test_a_long_cell_is_cut_and_says_so(length: int, cut: bool) -> None:
    made = tables.grid(Table((Column("c"),), (("x" * length,),)), limits.ACTIVITY)
    assert (made.note == "long cells cut") is cut
    assert len(made.rows[0][0]) == limits.CELL


@pytest.mark.parametrize(("count", "rows"), [(6, [6]), (7, [6, 1]), (40, [6, 6, 6, 6, 6, 6, 4])])
def test_buttons_stand_in_rows_of_as_many_as_a_card_shows(count: int, rows: list[int]) -> None:
    made = buttons.rows([Button(f"b{n}", "list") for n in range(count)])
    assert [len(one["actions"]) for one in made] == rows


def test_a_button_too_many_or_too_long_is_named() -> None:
    long = Button("Long", "run x note=" + "y" * limits.BUTTON_DATA)
    many = tuple(Button(f"b{n}", "list") for n in range(limits.BUTTONS + 1))
    made = rendered(Message(text="x", buttons=(long, *many)))
    assert "type it instead: Long, b40" in said(made)
    fits = Button("Fits", "x" * limits.BUTTON_DATA)
    assert buttons.too_long([fits]) == []


@pytest.mark.parametrize(("length", "shown"), [(75, 75), (76, 75)])
def test_a_label_is_cut(length: int, shown: int) -> None:
    made = rendered(Message(text="x", buttons=(Button("y" * length, "list"),)))
    title = next(parts(made, "Action."))["title"]
    assert len(title) == shown
    assert title.endswith("…") is (length > shown)


@pytest.mark.parametrize(("length", "cut"), [(limits.HEADING, False), (limits.HEADING + 1, True)])
def test_a_title_is_cut_and_says_so(length: int, cut: bool) -> None:
    text = said(rendered(Message(text="x", title="t" * length)))
    assert ("Cut to fit Teams." in text) is cut


def test_the_summary_is_cut() -> None:
    assert len(rendered(Message(text="x" * limits.SUMMARY))[0]["summary"]) == limits.SUMMARY
    assert rendered(Message(text="x" * (limits.SUMMARY + 1)))[0]["summary"].endswith("…")


def test_only_so_many_people_are_called() -> None:
    people = {f"m{n}": Mention(f"29:{n}", f"Member {n}") for n in range(limits.MENTIONS + 1)}
    made = rendered(Message(text="x", mentions=tuple(people)), **people)
    assert len(made[0]["attachments"][0]["content"]["msteams"]["entities"]) == limits.MENTIONS


def test_a_long_fact_is_cut_and_says_so() -> None:
    text = said(rendered(Message(text="x", blocks=(Facts((("a", "x" * (limits.TEXT + 1)),)),))))
    assert "Cut to fit Teams." in text
    assert "Cut to fit" not in said(rendered(Message(text="x", blocks=(Facts((("a", "x" * limits.TEXT),)),))))
