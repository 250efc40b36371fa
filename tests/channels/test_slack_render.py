from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.render.cells import write_cell
from adapters.slack import buttons, plain
from adapters.slack.render import Look, reduced, render
from adapters.slack.text import clean, cut, one_line, width
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
    escape,
    unmarked,
)
from tests.channels import slack_schema
from tests.channels.gallery import GALLERY

MINTED = re.compile(r"<@U[A-Z0-9]+>")
NOISE = st.text(
    st.one_of(st.characters(), st.sampled_from("<>&*_~`|@#!\n\\:/\u202e\ud800")), min_size=0, max_size=80
)
PINGS = st.sampled_from(
    [
        "<!channel>",
        "<!here|x>",
        "<@U1>",
        "<#C1|x>",
        "<http://evil|bank.com>",
        "<!subteam^S1>",
        "&lt;!channel&gt;",
    ]
)
TEXT = st.builds(lambda before, ping, after: before + ping + after, NOISE, PINGS, NOISE)


def everywhere(text: str) -> Message:
    """A message that says the text in every place that a text can have."""
    return Message(
        text=text,
        title=text,
        tone=Tone.SUCCESS,
        blocks=(
            Paragraph(text),
            Paragraph(f"*{escape(text)}*", marked=True),
            Facts(((text, text), ("short", "value"))),
            Headlines((Headline(text, text, text),)),
            Table((Column(text),), ((text,),), text),
            Table((Column(text),), ((text,),), text),
            Code(text),
            File(text, "text/csv", Table((Column(text),), ((text,),))),
        ),
        buttons=(Button(text, text, confirm=text),),
        form=Form(text, text, (Field(text, text, hint=text, value=text, error=text),)),
        mentions=(text,),
    )


def parsed(value: Any) -> list[str]:
    """Every text that Slack reads marks and mentions in; fails at anything that notifies by itself."""
    if isinstance(value, list):
        return [text for one in value for text in parsed(one)]
    if not isinstance(value, dict):
        return []
    if value.get("type") == "mrkdwn":
        return [value["text"]]
    assert value.get("type") not in ("user", "broadcast", "usergroup", "link", "channel", "date")
    return [text for one in value.values() for text in parsed(one)]


@settings(max_examples=60, deadline=None)
@given(TEXT)
def test_no_text_of_others_can_ping_or_link(text: str) -> None:
    message = everywhere(text)
    made = render(message, Look(people={text: "U1"}))
    assert slack_schema.mistakes(made.blocks) == []
    for one in [made.text, reduced(message).text, *parsed(made.blocks)]:
        assert not re.search(r"[<>]", MINTED.sub("", one))
        assert not re.search(r"&(?!amp;|lt;|gt;)", one)
    assert "text" not in made.payload() or "link_names" not in made.payload()


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.one_of(st.characters(), st.sampled_from("👩\u200d💻🏽é\u0301")), max_size=60),
    st.integers(1, 60),
)
def test_a_cut_keeps_to_its_limit_and_to_whole_letters(text: str, limit: int) -> None:
    made = cut(text, limit)
    assert len(made) <= limit
    if made != text:
        assert made.endswith("…")
        assert not made.endswith("\u200d…")
        assert text.startswith(made[:-1])


@pytest.mark.parametrize("name", GALLERY)
def test_everything_that_is_said_is_there_or_in_a_file(name: str) -> None:
    message = GALLERY[name]
    made = render(message)
    said = _bare("".join([*literal(made.blocks), *(file.text for file in made.files)]))
    for block in message.blocks:
        match block:
            case Paragraph():
                assert _bare(clean(unmarked(block.text) if block.marked else block.text)) in said
            case Facts():
                for label, value in block.items:
                    assert _bare(clean(label)) in said
                    assert _bare(clean(value)) in said
            case Code():
                assert _bare(clean(block.text)) in said
            case Headlines():
                for one in block.items:
                    assert _bare(clean(one.value)) in said
            case Table():
                for row in block.rows[: block.shown_rows]:
                    first = write_cell(row[0], block.columns[0].format)
                    assert _bare(clean(first)) in said
            case File():
                assert block in made.files
            case Image():
                assert _bare(clean(block.alt)) in said
    for button in message.buttons:
        assert _bare(cut(one_line(button.label), 75)) in said


def _bare(text: str) -> str:
    """Without blanks: these move where styles and lines end."""
    return re.sub(r"\s", "", text)


def literal(value: Any) -> list[str]:
    """Every text as people read it."""
    if isinstance(value, list):
        return [text for one in value for text in literal(one)]
    if not isinstance(value, dict):
        return []
    own = value["text"] if isinstance(value.get("text"), str) else ""
    if value.get("type") == "mrkdwn":
        own = own.replace("*", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return [own, *(text for one in value.values() for text in literal(one))]


@pytest.mark.parametrize("name", GALLERY)
def test_the_fallback_begins_with_the_outcome(name: str) -> None:
    made = render(GALLERY[name])
    assert clean(GALLERY[name].text)[:10].startswith(made.text[:10].split("&")[0])


@pytest.mark.parametrize(
    ("tone", "title"), [(Tone.FAILURE, "A thing"), (Tone.SUCCESS, "A thing"), (Tone.WARNING, "A")]
)
def test_a_sign_never_stands_without_its_word(tone: Tone, title: str) -> None:
    (heading, *_) = render(Message("x", title=title, tone=tone)).blocks
    assert f"{title} · {tone}" in literal(heading)


def test_a_title_that_says_its_outcome_is_left_alone() -> None:
    assert "Job failed" in literal(render(Message("x", title="Job failed", tone=Tone.FAILURE)).blocks)


@pytest.mark.parametrize("name", GALLERY)
def test_a_button_carries_a_command_that_the_parser_reads(name: str) -> None:
    for block in render(GALLERY[name]).blocks:
        for element in block["elements"] if block["type"] == "actions" else ():
            if element["action_id"].startswith(buttons.SAY):
                assert element["value"] in [button.command for button in GALLERY[name].buttons]
                assert commands.parse(element["value"])


def test_a_danger_asks_first() -> None:
    (row,) = [one for one in render(GALLERY["acknowledgement"]).blocks if one["type"] == "actions"]
    (button,) = row["elements"]
    assert button["style"] == "danger"
    assert button["confirm"]["text"]["text"] == "Cancel #128? Ana started it just now."


def test_a_form_is_told_field_by_field_and_opened_by_its_button() -> None:
    blocks = render(GALLERY["form_with_errors"]).blocks
    said = " ".join(literal(blocks))
    assert "campaign_id" in said
    assert "not a whole number" in said
    (button,) = [one for block in blocks if block["type"] == "actions" for one in block["elements"]]
    assert button["action_id"] == f"{buttons.FILL}:0"
    assert button["value"] == "run weekly-report"  # no value that was wrong
    assert button["text"]["text"] == "Fill in"


def test_a_form_s_button_keeps_what_was_right_and_never_a_secret() -> None:
    fields = (
        Field("region", "Region", value="EU West"),
        Field("token", "Token", "secret", value="hunter2"),
        Field("n", "N", "integer", value="x", error="no"),
    )
    form = Form("Run", "run weekly-report", fields)
    assert commands.parse(buttons.prefilled(form)).values == {"region": "EU West"}
    long = Form("Run", "run weekly-report", (Field("note", "Note", value="x" * 3_000),))
    assert buttons.fill_in(long)["value"] == "run weekly-report"
    assert "hunter2" not in str(render(Message("t", form=form)).blocks) + plain.write(Message("t", form=form))


def test_members_whom_slack_does_not_know_are_not_called() -> None:
    message = Message("Failed", mentions=("1", "2", "2", "3"))
    blocks = render(message, Look(people={"1": "U1", "2": "U2", "3": "<!channel>"})).blocks
    assert parsed(blocks) == ["<@U1> <@U2>"]
    assert parsed(render(message).blocks) == []


def test_long_code_keeps_its_end() -> None:
    lines = [f"line {number}" for number in range(1_000)]
    said = literal(render(Message("t", blocks=(Code("\n".join(lines)),))).blocks)
    (code,) = [one for one in said if "line 0" in one]
    assert "line 999" in code
    assert "… 960 lines left out …" in code


def test_an_empty_table_says_so() -> None:
    said = literal(render(Message("t", blocks=(Table((Column("n"),), (), "Nothing"),))).blocks)
    assert "No rows." in said


def test_empty_cells_show_a_dash_because_slack_takes_no_empty_ones() -> None:
    blocks = render(Message("t", blocks=(Table((Column(""), Column("b")), (("", None),)),))).blocks
    assert slack_schema.mistakes(blocks) == []


def test_numbers_stand_right() -> None:
    (table,) = [one for one in render(GALLERY["result"]).blocks if one["type"] == "table"]
    assert [one["align"] for one in table["column_settings"]] == ["left", "right", "right", "right"]


def test_wide_letters_take_two_columns() -> None:
    assert width("検索") == 4
    assert width("e\u0301a") == 2


def test_refused_blocks_become_the_whole_as_text_and_file() -> None:
    made = reduced(GALLERY["long_text"], Look(people={}))
    assert made.blocks == []
    assert "blocks" not in made.payload()
    assert len(made.text) <= 4_000
    assert made.text.endswith("The whole is attached as message.txt.")
    assert "line 120 of the log" in made.files[0].text
