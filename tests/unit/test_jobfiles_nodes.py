"""YAML as source text with lines: nothing is interpreted, nothing runs away."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.jobfiles import nodes
from core.jobfiles.nodes import Listing, Mapping, Node, Scalar, Unreadable
from tests.limits import within


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers say the same."""
    if request.param == "python":
        monkeypatch.setattr(nodes, "Loader", yaml.SafeLoader)


def plain(node: Node | None) -> Any:
    match node:
        case Mapping():
            return {key.text: plain(value) for key, value in node.items}
        case Listing():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.text
    return None


def refused(text: str) -> Unreadable:
    with pytest.raises(Unreadable) as mistake:
        nodes.compose(text)
    return mistake.value


@pytest.mark.parametrize(
    "text", ["on", "no", "Yes", "12:30", "010", "0x1F", "1_000", "2026-01-05", "1e3", ".5", "~"]
)
def test_a_bare_scalar_is_its_source_text(text: str) -> None:
    root = nodes.compose(f"key: {text}\n")
    assert isinstance(root, Mapping)
    assert root.get("key") == Scalar(text, bare=True, line=1)


def test_quotes_are_told_apart_from_bare_text() -> None:
    root = nodes.compose("a: null\nb: 'null'\nc: \"\"\nd:\ne: |\n  null\n")
    assert isinstance(root, Mapping)
    assert [value.is_null for _, value in root.items if isinstance(value, Scalar)] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_lines_count_from_one() -> None:
    root = nodes.compose("# first\na:\n  - x\n  - y: 1\n")
    assert isinstance(root, Mapping)
    key, value = root.items[0]
    assert isinstance(value, Listing)
    assert (key.line, [item.line for item in value.items]) == (2, [3, 4])


def test_repeated_keys_are_found() -> None:
    root = nodes.compose("a: 1\nb: 2\na: 3\n")
    assert isinstance(root, Mapping)
    assert [(again.line, first.line) for again, first in root.duplicates()] == [(3, 1)]


def test_an_alias_is_what_it_refers_to() -> None:
    assert plain(nodes.compose("a: &x [1, 2]\nb: *x\n")) == {"a": ["1", "2"], "b": ["1", "2"]}


def test_nothing_but_comments_is_nothing() -> None:
    assert nodes.compose("# only this\n") is None
    assert nodes.compose("") is None


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: [1, 2\nb: 3\n", 2, "this is not YAML"),
        ("a: 1\n\tb: 2\n", 2, "indent with spaces"),
        ("a:\n  - 1\n\t- 2\n", 3, "indent with spaces"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "the tag"),
        ("a: !!int 3\n", 1, "the tag"),
        ("a: !secret x\n", 1, "the tag"),
        ("a: *nowhere\n", 1, "refers to nothing"),
        ("a: &a [*a]\n", 1, "inside of what it refers to"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", 3, "merge keys"),
        ("? [a, b]\n: 1\n", 1, "a key is a name"),
        ('a: "\\ud800"\n', 1, "character"),
        ('a: "\\0"\n', 1, "a character that no text may hold"),
        ("[" * 60, 1, "deep"),
        (bomb(40, 9), 6, "more than 100,000 values"),
    ],
)
def test_what_is_not_read_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    mistake = refused(text)
    assert said in mistake.sentence
    assert mistake.line == line


@pytest.mark.parametrize(
    "text", ["[" * 500_000, "{a: " * 200_000, "- " * 400_000, "&a [" * 100_000, "a: [" + "[]," * 60_000]
)
def test_a_hostile_file_is_refused_soon(text: str) -> None:
    with within(60):
        refused(text)


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (b"a: 1\nb: \xe4\n", 2, "not UTF-8 (byte 0xe4)"),
        ("a: 1".encode("utf-16"), 1, "UTF-16"),
        (b"a: 1\nb: \x07\n", 2, "control character U+0007"),
        (b"a: \x00", 1, "control character U+0000"),
        (b"x" * 1_000_001, 1, "larger than 1,000 kB"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_line(data: bytes, line: int, said: str) -> None:
    with pytest.raises(Unreadable) as mistake:
        nodes.decode(data)
    assert said in mistake.value.sentence
    assert mistake.value.line == line


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert nodes.decode(b"\xef\xbb\xbfa: 1") == "a: 1"


@given(st.text(max_size=200) | st.text("-:[]{}&*!|>'\"#%@`,? \n\tab", max_size=80))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    try:
        nodes.compose(nodes.decode(text.encode("utf-8", "surrogatepass")))
    except Unreadable as mistake:
        told = mistake
    else:
        return
    assert told.line >= 1
    assert "\n" not in told.sentence
