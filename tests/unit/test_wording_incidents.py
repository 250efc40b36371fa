"""What is said of failures that go on, and in digests: who, since when, how often, and nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core import incidents as kinds
from core.commands import parse, spell
from core.lifecycles import Status
from core.messages import Facts, Message, Paragraph, Table, Tone
from core.wording import digests, incidents
from tests.channels.troubles import (
    ACKED,
    ANA,
    AROUND,
    EIGHT,
    EMPTY,
    FULL,
    INCIDENT,
    NOW,
    RECOVERED,
    REPEATED,
    TROUBLES,
    digest,
    view,
)


def lines(message: Message) -> str:
    """Its paragraphs and facts."""
    found = [one.text for one in message.blocks if isinstance(one, Paragraph)]
    found += [
        f"{name}: {value}" for one in message.blocks if isinstance(one, Facts) for name, value in one.items
    ]
    return "\n".join(found)


@pytest.mark.parametrize("name", TROUBLES)
def test_every_button_is_a_line_that_can_be_said(name: str) -> None:
    for button in TROUBLES[name].buttons:
        assert spell(parse(button.command)) == button.command


@pytest.mark.parametrize("name", TROUBLES)
def test_nothing_is_said_twice_in_a_row(name: str) -> None:
    message = TROUBLES[name]
    assert message.title or not any(
        isinstance(one, Paragraph) and one.text == message.text for one in message.blocks
    )


def test_a_failure_of_yesterday_is_told_with_its_date() -> None:
    older = replace(REPEATED, opened_at=EIGHT - timedelta(days=1))
    assert "since Sun 29 Mar 2026 08:00" in incidents.alert(view(133), older, AROUND).title


def test_the_alert_offers_to_look_after_it_until_somebody_does() -> None:
    assert "ack #133" in [one.command for one in incidents.alert(view(133), REPEATED, AROUND).buttons]
    acked = incidents.alert(view(133), ACKED, AROUND)
    assert "ack #133" not in [one.command for one in acked.buttons]
    assert "looked after by: Ana Souza: the shop's database is being moved" in lines(acked)


def test_a_reminder_that_comes_late_says_that_it_is_over() -> None:
    late = incidents.reminder(view(133), replace(RECOVERED, acked_by=None), AROUND)
    assert late.text.startswith("Over by now")
    assert late.tone is Tone.NEUTRAL


def test_a_recovery_counts_all_that_ended_with_it_and_notifies_who_looked_after_it() -> None:
    other = replace(
        INCIDENT, pk=2, failures=3, opened_at=EIGHT - timedelta(hours=1), ended_at=NOW, ended_by=134
    )
    said = incidents.recovered(view(134, Status.SUCCEEDED), [RECOVERED, other])
    assert said.text.endswith("#134 succeeded after 8 failures, 3 h 10 min.")
    assert said.mentions == (str(ANA),)


def test_a_recovery_of_a_paused_job_says_that_it_is_still_paused() -> None:
    said = incidents.recovered(view(134, Status.SUCCEEDED, paused="10 failures in a row"), [RECOVERED])
    assert "still paused: 10 failures in a row" in lines(said)
    assert said.buttons[0].command == "resume weekly-report"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Row 17 is odd.", "Row 18 is odd.", True),
        ('No column "a".', 'No column "b".', True),
        ("It met an error (reference a1b2c3d4).", "It met an error (reference beefcafe).", True),
        ("The source shop does not answer.", "The source stock does not answer.", False),
    ],
)
def test_what_a_failure_is_called_tells_kinds_apart(one: str, other: str, alike: bool) -> None:
    first, second = (kinds.cause([("failed", sentence, 1)]) for sentence in (one, other))
    assert (first == second) is alike


def test_a_batch_has_the_kind_that_most_of_its_runs_have() -> None:
    assert kinds.cause([("failed", "a", 1), ("timed_out", "b", 3), ("failed", "c", 2)]) == "timed_out"
    assert kinds.cause([("failed", "a", 2), ("failed", "c", 2)]) == "failed: a"


def test_a_digest_begins_with_what_went_wrong() -> None:
    assert digests.post(digest(), FULL).text == "5 of 84 batches failed since Fri 27 Mar 2026 09:00"
    quiet = replace(FULL, ran=FULL.ran[1:])
    assert digests.post(digest(), quiet).text.startswith("1 job still failing; 72 batches ran")
    well = replace(quiet, troubles=(), lost=())
    assert digests.post(digest(), well).text.startswith("All went well: 72 batches of 1 job")


def test_an_empty_digest_says_so_and_what_comes() -> None:
    said = digests.post(digest(), EMPTY)
    assert said.text.startswith("Nothing ran since")
    assert "today 10:00: Stock levels (hourly)" in lines(said)
    assert said.tone is Tone.NEUTRAL


def test_a_long_digest_is_cut_with_its_rest_in_the_thread() -> None:
    many = replace(FULL, ran=FULL.ran * 5, absent=FULL.absent * 6)
    head, tail = digests.post(digest(), many), digests.rest(digest(), many)
    assert many.long
    assert "The rest is in the thread." in lines(head)
    for message, rows, absent in ((head, 8, 8), (tail, 2, 4)):
        [table] = [one for one in message.blocks if isinstance(one, Table)]
        assert len(table.rows) == rows
        assert lines(message).count(" skipped: ") + lines(message).count(" missed: ") == absent
    assert not FULL.long


def test_columns_that_are_all_nought_are_left_out() -> None:
    [table] = [
        one
        for one in digests.post(digest(), replace(FULL, ran=FULL.ran[:1])).blocks
        if isinstance(one, Table)
    ]
    assert [one.title for one in table.columns] == ["job", "ran", "failed", "newest"]
