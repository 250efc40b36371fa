"""What a program writes is kept in constant memory, is readable, and shows no secret."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.agents import endings
from adapters.agents.output import TAIL_LIMIT, Errors, Output, readable
from adapters.agents.secrecy import of
from core.entries import Answered, Headlined, Returned
from core.parameters import MASK
from tests.acceptance.command_rig import Asked, ask


@given(st.lists(st.binary(max_size=50)))
def test_output_keeps_the_head_and_says_how_much_it_was(pieces: list[bytes]) -> None:
    output = Output(limit=64)
    for piece in pieces:
        output.feed(piece)
    whole = b"".join(pieces)
    assert bytes(output.head) == whole[:64]
    assert output.size == len(whole)
    assert output.cut == (len(whole) > 64)


def test_the_tail_begins_with_a_whole_line() -> None:
    output = Output()
    for number in range(10_000):
        output.feed(b"line %d\n" % number)
    first, *_, last = output.tail().splitlines()
    assert first.startswith("line ")
    assert last == "line 9999"
    assert len(output.tail()) <= TAIL_LIMIT


def test_a_hundred_megabytes_are_not_kept() -> None:
    output, errors = Output(), Errors()
    piece = b"x" * (1 << 20)
    for _ in range(100):
        output.feed(piece)
        errors.feed(piece)
    assert output.size == 100 << 20
    assert len(output.head) == 1 << 20
    assert len(output.tail()) <= TAIL_LIMIT
    assert len(errors.tail()) <= TAIL_LIMIT


@given(st.lists(st.sampled_from([b"a", b"\n", b"xyz\n", b'{"progress": "p"}\n', b'{"prog', b'ress": "q"}'])))
def test_lines_come_together_however_they_were_cut(pieces: list[bytes]) -> None:
    errors = Errors()
    for piece in pieces:
        errors.feed(piece)
    errors.end()
    lines = b"".join(pieces).decode().split("\n")
    wanted = [line for line in lines if not line.startswith('{"progress"')]
    assert errors.tail().split() == " ".join(wanted).split()


def test_only_the_newest_progress_is_told_and_once() -> None:
    errors = Errors()
    errors.feed(b'{"progress": {"text": "one"}}\n{"progress": {"text": "two", "done": 1}}\nnoise\n')
    assert errors.progress() == {"text": "two", "done": 1}
    assert errors.progress() is None
    errors.feed(b'{"progress": "three"}\n')
    assert errors.progress() == {"text": "three"}
    assert errors.tail() == "noise\n"


@pytest.mark.parametrize(
    "line", [b'{"progress": ', b'{"progress"}', b'{"progress": 7}', b'{"progress": []}', b'{"progress": NaN']
)
def test_a_line_that_only_looks_like_progress_moves_nothing(line: bytes) -> None:
    errors = Errors()
    errors.feed(line + b"\n")
    assert errors.progress() is None


def test_a_line_without_an_end_is_no_progress_and_costs_no_memory() -> None:
    errors = Errors()
    for _ in range(100):
        errors.feed(b'{"progress": "' + b"x" * 10_000)
    errors.feed(b'"}\n{"progress": "after"}\n')
    assert errors.progress() == {"text": "after"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xff\xfeab", "��ab"),
        ("ä€".encode()[:-1], "ä�"),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07x", "red x"),
        (b"a\r\nb\rc", "a\nb\nc"),
        (b"a\0b\x08c\td", "a�b�c\td"),
    ],
)
def test_broken_text_and_colours_become_readable(data: bytes, text: str) -> None:
    assert readable(data) == text


@given(st.binary(max_size=300))
def test_readable_text_can_be_stored_anywhere(data: bytes) -> None:
    text = readable(data)
    text.encode()
    assert "\0" not in text
    assert "\x1b" not in text


def test_the_last_lines_are_few_and_short() -> None:
    text = "\n".join([f"line {number}\n" for number in range(50)] + ["x" * 3000])
    lines = endings.last_lines(text).splitlines()
    assert len(lines) == 20
    assert lines[0] == "line 31"
    assert len(lines[-1]) == 500
    assert lines[-1].endswith("…")


SECRET = 'hun"ter/22 ü\nsecond line'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        'hun"ter/22 ü',
        "second line",
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_covered_in_every_form(form: str) -> None:
    secrets = of(_with_secret(SECRET).task)
    masked = secrets.mask(f"before {form} end")
    assert MASK in masked
    assert not any(part in masked for part in ("hun", "ter", "second", "line", "aHVu"))
    assert masked.startswith("before ")
    assert masked.endswith(" end")


@pytest.mark.parametrize(("value", "covered"), [(1234, True), (123, False), ("abcd", True), ("abc", False)])
def test_a_secret_of_four_characters_is_covered_a_shorter_one_would_hide_half_of_everything(
    value: object, covered: bool
) -> None:
    secrets = of(_with_secret(value).task)
    assert (secrets.mask(f"it is {value}") == f"it is {MASK}") == covered


def test_a_secret_is_covered_in_entries_numbers_and_files() -> None:
    secrets = of(_with_secret(271828).task)
    table = Returned("t", ("a", "271828"), ((271828, "x271828", 1.5, None, True),))
    assert secrets.entry(table) == Returned("t", ("a", MASK), ((MASK, f"x{MASK}", 1.5, None, True),))
    assert secrets.entry(Headlined("n", 271828)) == Headlined("n", MASK)
    assert secrets.entry(Answered("no secret", marked=True)) == Answered("no secret", marked=True)
    assert secrets.mask_bytes(b"\xff271828") == b"\xff" + MASK.encode()


@pytest.mark.parametrize("kept", range(1, len("correct horse")))
def test_a_cut_in_the_middle_of_a_secret_shows_none_of_it(kept: int) -> None:
    secrets = of(_with_secret("correct horse").task)
    assert secrets.mask_end("answer: " + "correct horse"[:kept]) == "answer: "


def test_variables_of_the_worker_are_secrets_too() -> None:
    assert of(ask("run").task, ("api-key-1",)).mask("with api-key-1") == f"with {MASK}"


def _with_secret(value: object) -> Asked:
    return ask("run", parameters={"token": value, "name": "open"}, secret=("token",))
