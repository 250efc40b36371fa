from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import placeholders


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("select :a", ("a",)),
        ("select :a, :b, :a", ("a", "b")),
        ("select x::int, :a::date", ("a",)),
        ("select ':no', :yes", ("yes",)),
        ("select 'it''s :no', :yes", ("yes",)),
        (r"select E'it\'s :no', :yes", ("yes",)),
        ('select "a:no" from t where x=:yes', ("yes",)),
        ("select `a:no`, :yes", ("yes",)),
        ("select 1 -- :no\n, :yes", ("yes",)),
        ("select /* :no */ :yes", ("yes",)),
        ("select $$ :no $$, $t$ :no $$ :no $t$, :yes", ("yes",)),
        ("select a[1:2], a[x:y], b[:yes]", ("yes",)),
        ("select '10:30', :yes", ("yes",)),
        ("select 1 where a=:yes-1", ("yes",)),
        ("limit:n", ()),
        ("select 'open :no", ()),
        ("select /* open :no", ()),
        ("select :1, : a", ()),
        ("select :Ähm", ()),
    ],
)
def test_placeholders_are_told_from_casts_strings_comments_and_slices(
    statement: str, names: tuple[str, ...]
) -> None:
    assert placeholders.names(statement) == names


@given(st.text(alphabet="ab:'\"$-/*\n`[]E\\ 1", max_size=60))
def test_the_pieces_joined_are_the_statement(statement: str) -> None:
    assert "".join(piece.text for piece in placeholders.split(statement)) == statement


def test_rewriting_changes_placeholders_and_nothing_else() -> None:
    statement = "select ':a', 100 % 7, x::int from t where a = :a and b like '%:a%' -- :a"
    assert placeholders.rewrite(statement, lambda name: f"<{name}>") == (
        "select ':a', 100 % 7, x::int from t where a = <a> and b like '%:a%' -- :a"
    )
