"""The program in Microsoft's own local client for Teams, looked at through a browser.

One client and one program for the whole file: each test opens its conversation and starts runs of its own.
The pictures are build output: build/playground.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.acceptance.node_rig import Node
from tests.acceptance.playground_rig import CARD, GROUP, PERSONAL, TEAM, Playground, playground
from tests.acceptance.program_rig import program, until
from tests.acceptance.teams_preview import post
from tests.channels.test_teams_golden import SCREENS, shown

SOME = ("result", "failure_alert", "form", "form_with_errors", "long_table", "hostile", "charts", "digest")
"""screens of the gallery: what the client's renderer does not know is not drawn"""

NUMBER = "role=spinbutton"  # how the client shows Input.Number


@pytest.fixture(scope="module")
def teams(playground_packages: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    with program(tmp_path_factory.mktemp("teams")) as made, playground(playground_packages, made) as client:
        yield client


def test_a_typed_command_is_one_card_that_becomes_the_result(teams: Playground) -> None:
    teams.open(PERSONAL)
    teams.shows("Welcome", "List the jobs")
    before = len(teams.cards())
    teams.say("run gated gate=open-1")
    teams.shows("started gated", "Running", "Cancel")
    teams.picture("running", CARD)
    teams.program.open("open-1")
    teams.shows("Succeeded: gated", "through the gate", "Run again")
    assert len(teams.cards()) == before + 1, "the card was edited in place"
    teams.picture("result", CARD)


def test_run_again_starts_the_same_with_the_same_parameters(teams: Playground) -> None:
    teams.open(PERSONAL)
    teams.say("run count campaign_id=42")
    first = teams.shows("Succeeded: Count the sales", "Campaign 42: 2 sales.")
    teams.press("Run again")
    until(lambda: teams.shows("Succeeded: Count the sales") != first, "it ran again")
    again = teams.shows("Succeeded: Count the sales")
    assert "campaign_id 42" in again
    assert _number(again) > _number(first)


def test_cancel_asks_first_and_then_the_card_says_who_did_it(teams: Playground) -> None:
    teams.open(PERSONAL)
    teams.say("run gated gate=never")
    teams.shows("started gated", "gate never", "Running")
    teams.program.begun("never")
    teams.press("Cancel")
    teams.shows("Cancel gated")
    teams.picture("asked", CARD)
    teams.press("Yes, cancel")
    teams.shows("Cancelled: gated", "gate never", "Cancelled by Alex Wilber")


def test_a_form_shows_mistakes_at_its_fields_and_is_replaced_by_what_was_decided(teams: Playground) -> None:
    teams.open(PERSONAL)
    before = len(teams.cards())
    teams.say("run count")
    teams.shows("campaign_id", "Run for several values")
    teams.page("fill", at=NUMBER, text="0")
    teams.press("Run")
    teams.shows("at least 1")
    teams.picture("mistake", CARD)
    teams.page("fill", at=NUMBER, text="43")
    teams.press("Run")
    teams.shows("Succeeded: Count the sales", "campaign_id 43")
    until(lambda: not any("Run for several" in one for one in teams.cards()[before:]), "the form is gone")
    assert any("started" in one for one in teams.cards()[before:])


def test_a_form_that_is_put_away_starts_nothing(teams: Playground) -> None:
    teams.open(PERSONAL)
    runs = len(teams.program.states())
    teams.say("run count region=US")
    teams.shows("campaign_id", "Run for several values")
    teams.press("Cancel")
    teams.shows("The form was put away")
    assert len(teams.program.states()) == runs


def test_several_values_in_a_form_start_several_runs(teams: Playground) -> None:
    teams.open(PERSONAL)
    teams.say("run count region=EU")
    teams.shows("campaign_id", "Run for several values")
    teams.press("Run for several values")
    teams.shows("such as 42,43 or 1..20")
    teams.page("fill", at=f"{CARD} >> role=textbox", text="42,43")
    teams.press("Run")
    teams.shows("2 of 2 succeeded")


def test_a_failure_is_an_alert_that_calls_who_started_it(teams: Playground) -> None:
    teams.open(PERSONAL)
    teams.say("run no-table")
    teams.shows("Failed: no-table", "no such table: nothing_here", "Alex Wilber", "Run again")
    teams.picture("alert", CARD)


def test_a_group_chat_hears_a_mention_and_gets_the_result(teams: Playground) -> None:
    teams.open(GROUP)
    teams.shows("results and alerts of jobs that are run here are posted here")
    teams.say("run count campaign_id=42", mention=True)
    teams.shows("Succeeded: Count the sales", "Campaign 42: 2 sales.")
    teams.picture("group")


def test_a_channel_post_is_answered_in_its_thread(teams: Playground) -> None:
    teams.open(TEAM)
    teams.shows("results and alerts of jobs that are run here are posted here")
    teams.say("run no-source", mention=True)
    teams.shows("Failed: no-source", "Alex Wilber", "Run again")
    teams.picture("channel")
    threads = teams.program.rows(
        "select distinct c.thread from deliveries d join channels c on c.pk = d.channel where c.thread <> ''"
    )
    assert threads, "what was asked in a thread is answered there"


def test_a_scheduled_result_comes_by_itself(teams: Playground) -> None:
    teams.open(PERSONAL)
    teams.program.run("members", "role", "alexw@example.com", "editor")
    teams.say("schedule count every 2s from 2026-01-05 campaign_id=42 --name soon --yes")
    teams.shows("Scheduled", "every 2 seconds", "soon")
    before = sum("Succeeded: Count" in one for one in teams.cards())
    until(lambda: sum("Succeeded: Count" in one for one in teams.cards()) > before, "it ran by itself")
    teams.picture("scheduled", CARD)
    teams.say("unschedule count soon --yes")
    teams.shows("Removed", "soon")


def test_microsofts_client_draws_what_the_cards_of_the_gallery_say(teams: Playground) -> None:
    assert set(SOME) <= set(SCREENS)
    teams.open(GROUP)
    before = len(teams.cards())
    for name in SOME:
        for activity in shown(name):
            post(teams.url, activity, group=True)
    until(lambda: len(teams.cards()) >= before + len(SOME), "every card")
    told = "\n".join(teams.page("texts", at=CARD))
    for wanted in (
        "117,011.85 EUR",  # a headline number
        "48,210.50",  # a cell of a table
        "Revenue by channel and day: search leads",  # what a chart says in words
        "Is the server running on that host",  # code
        "not a whole number",  # a mistake at its field
        "first 10 of 1,284 rows",
        "*bold* `code` [link](http://x)",  # data is not read as Markdown
        "Ana Souza",  # whom a mention calls
    ):
        assert wanted in told, wanted
    assert teams.page("count", at=f"{CARD} table, {CARD} [role=table]") >= 4
    assert teams.page("count", at=f"{CARD} svg rect, {CARD} svg path") > 20, "charts are drawn"
    assert teams.page("count", at=f'{CARD} a[href="http://x"]') == 0


def _number(card: str) -> int:
    found = re.search(r"#(\d+)", card)
    assert found, card
    return int(found[1])
