"""Blanks are filled once, and values are never read again."""

from __future__ import annotations

import pytest

from core import blanks


@pytest.mark.parametrize(
    ("text", "names", "filled"),
    [
        ("/campaigns/{id}/{region}/{id}", ("id", "region"), "/campaigns/{region}/EU/{region}"),
        ("{{id}}", (), "{id}"),
        ("{print $1} {} {7} {Id}", (), "{print $1} {} {7} {Id}"),
        ('{"a": {"b": "{id}"}}', ("id",), '{"a": {"b": "{region}"}}'),
    ],
)
def test_a_blank_is_a_name_in_braces(text: str, names: tuple[str, ...], filled: str) -> None:
    assert blanks.names(text) == names
    assert blanks.fill(text, {"id": "{region}", "region": "EU"}) == filled


def test_a_blank_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="nope"):
        blanks.fill("{nope}", {})
