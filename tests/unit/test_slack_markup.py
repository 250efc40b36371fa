"""What somebody typed, out of Slack's markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import inbound, markup
from core.commands import parse

BOT = "UBOT1"


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("run x", "run x"),
        ("a &lt;1&gt; &amp; b", "a <1> & b"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),  # the ampersand is decoded last of all
        ("role <@U1|bob> editor", "role @U1 editor"),
        ("role <@W1> editor", "role @W1 editor"),
        ("to <#C1|general>", "to #general"),
        ("to <#C1|>", "to #C1"),
        ("<!channel> <!here|here> <!subteam^S1|@ops>", "@channel @here @ops"),
        ("<!date^1392734382^{date}|yesterday>", "yesterday"),
        ("url=<http://example.com|example.com>", "url=example.com"),
        ("url=<https://example.com/a?b=1&amp;c=2>", "url=https://example.com/a?b=1&c=2"),
        ("<http://evil.example|bank.example>", "http://evil.example"),
        ("owner=<mailto:a@b.org|a@b.org>", "owner=a@b.org"),
        ("<mailto:a@b.org>", "a@b.org"),
        ("<tel:+31|+31>", "+31"),
        ("note=&lt;!channel&gt;", "note=<!channel>"),
        ("note=&lt;@U1&gt;", "note=<@U1>"),
    ],
)
def test_markup_is_what_was_typed(sent: str, typed: str) -> None:
    assert markup.plain(sent) == typed


@given(st.text())
def test_what_slack_escapes_comes_back_as_it_was(typed: str) -> None:
    sent = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert markup.plain(sent) == typed


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (f"<@{BOT}> run x", "run x"),
        (f"<@{BOT}|slashjob> run x", "run x"),
        (f"hey <@{BOT}>, run x", "run x"),
        (f"<@{BOT}>: run x", "run x"),
        (f"run x <@{BOT}>", "run x"),
        (f"<@{BOT}>", ""),
        (f"<@{BOT}> `run x`", "run x"),
        (f"<@{BOT}> ```run x```", "run x"),
        ("run x", "run x"),
        (f"<@{BOT}> role <@U1> editor", "role @U1 editor"),
    ],
)
def test_what_is_said_to_the_bot_is_without_its_name(sent: str, line: str) -> None:
    assert markup.addressed(sent, BOT) == line


@pytest.mark.parametrize(
    ("curly", "straight"),
    [
        ("run x name=“weekly report” —queue", 'run x name="weekly report" --queue'),
        ("run x name=„weekly report“", 'run x name="weekly report"'),
        ("run x name=‘weekly report’", "run x name='weekly report'"),
        ("run\u00a0x\u202fname=1\u200b", "run x name=1"),
        ("/job run x name=1", "run x name=1"),
        ("run x name=it’s", 'run x name="it’s"'),
        ('run x name="“as typed”"', "run x name='“as typed”'"),
    ],
)
def test_smart_punctuation_reads_like_the_straight_one(curly: str, straight: str) -> None:
    told = parse(markup.addressed(f"<@{BOT}> {curly}", BOT))
    assert told == parse(straight)
    said = inbound.command({"team_id": "T", "user_id": "U", "trigger_id": "1", "text": curly})
    assert parse(said.text) == told


def test_a_payload_without_a_person_is_malformed() -> None:
    for body in ({}, {"team_id": "T"}, {"user_id": "U"}, {"team_id": 1, "user_id": ["U"]}):
        with pytest.raises(inbound.Malformed):
            inbound.command(body)


def test_a_thread_is_where_replies_stand_and_its_first_message_stands_in_the_channel() -> None:
    body = {"team": {"id": "T"}, "user": {"id": "U"}, "channel": {"id": "C"}, "actions": [{"value": "list"}]}
    reply = inbound.press({**body, "message": {"ts": "2", "thread_ts": "1"}})
    first = inbound.press({**body, "message": {"ts": "1", "thread_ts": "1"}})
    hidden = inbound.press({**body, "container": {"message_ts": "3", "thread_ts": "1"}})
    assert (reply.origin.thread, first.origin.thread, hidden.origin.thread) == ("1", "", "1")


def test_a_response_url_stays_with_its_channel() -> None:
    said = inbound.command({"team_id": "T", "user_id": "U", "channel_id": "C", "response_url": "https://x"})
    assert said.origin.at("C", "1").response_url == "https://x"
    assert said.origin.at("D").response_url == ""


@given(
    st.dictionaries(st.text(max_size=10), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())))
)
def test_any_payload_is_read_or_malformed(body: dict[str, object]) -> None:
    for read in (inbound.command, inbound.press, inbound.interaction, inbound.message_shortcut):
        try:
            read(body)
        except inbound.Malformed:
            continue
