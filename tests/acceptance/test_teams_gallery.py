"""Screens of the gallery in Microsoft's own client: what its renderer does not know is not drawn."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.node_rig import Node
from tests.acceptance.playground_rig import CARD, client
from tests.acceptance.program_rig import until
from tests.acceptance.teams_preview import post, silent_bot
from tests.channels.test_teams_golden import SCREENS, shown

SOME = ("result", "failure_alert", "form", "form_with_errors", "long_table", "hostile", "charts", "digest")


def test_microsofts_client_draws_what_the_cards_say(playground_packages: Node, tmp_path: Path) -> None:
    assert set(SOME) <= set(SCREENS)
    with silent_bot() as endpoint, client(playground_packages, tmp_path, endpoint) as (url, page):
        for name in SOME:
            for activity in shown(name):
                post(url, activity)
        until(lambda: page("count", at=CARD) >= len(SOME), "every card")
        told = "\n".join(page("texts", at=CARD))
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
        assert page("count", at=f"{CARD} table, {CARD} [role=table]") >= 4
        assert page("count", at=f"{CARD} svg rect, {CARD} svg path") > 20, "charts are drawn"
        assert page("count", at=f'{CARD} a[href="http://x"]') == 0
