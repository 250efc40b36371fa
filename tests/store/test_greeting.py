"""What `serve` says when it has begun to serve."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot import cli
from bot.settings import Settings
from core.store.database import Store
from core.turns import Turns
from tests.store.rig import Rig


def bot(turns: Turns) -> Any:
    return cast(Any, SimpleNamespace(turns=turns, settings=Settings(), admin_code="4711"))


async def test_whoever_serves_tells_how_to_become_the_first_admin(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    await cli.greet(bot(Rig(store).turns), 8080)
    assert capsys.readouterr().err.splitlines() == [
        "slashjob serves on http://127.0.0.1:8080",
        "There is no admin yet. Become one in chat with: /job claim 4711",
    ]


async def test_a_database_that_leaves_while_a_bot_greets_does_not_end_it(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    away = Store("postgresql://nobody@127.0.0.1:1/none")
    await cli.greet(bot(Turns(away)), 8080)
    await away.close()
    assert capsys.readouterr().err == "slashjob serves on http://127.0.0.1:8080\n"
    assert "serve.admins_not_looked_at" in caplog.messages
