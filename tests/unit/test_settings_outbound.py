"""Settings of mail, webhooks and the alert channel: all mistakes together, and nothing of what is secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import read
from core.errors import Misconfigured

MAIL = {"SMTP_URL": "smtps://bot:secret@mail.example.com", "SMTP_FROM": "slashjob <bot@example.com>"}


def test_mail_webhooks_and_the_alert_channel_are_read(tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    hooks.write_text("crm https://crm.example.com/token\nops https://x.example.com/token teams\n")
    given = {**MAIL, "SLASHJOB_WEBHOOKS_FILE": str(hooks), "SLASHJOB_ALERT_CHANNEL": "slack:#ops"}
    settings = read(given, tmp_path)
    assert settings.smtp_url == MAIL["SMTP_URL"]
    assert settings.webhooks.startswith("crm https://crm.example.com/token")
    assert settings.alert_channel == "slack:#ops"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SMTP_URL": MAIL["SMTP_URL"]}, "Mail is half configured: SMTP_FROM is missing."),
        ({"SMTP_FROM": MAIL["SMTP_FROM"]}, "Mail is half configured: SMTP_URL is missing."),
        (MAIL | {"SMTP_URL": "imap://bot:secret@mail.example.com"}, "SMTP_URL: it is written smtp://"),
        (MAIL | {"SMTP_FROM": "the bot"}, "SMTP_FROM: it is written slashjob <bot@example.com>"),
        (
            {"SLASHJOB_WEBHOOKS": "crm http://crm.example.com/secret"},
            "SLASHJOB_WEBHOOKS: webhook 1: crm: without",
        ),
        ({"SLASHJOB_ALERT_CHANNEL": "#ops"}, "SLASHJOB_ALERT_CHANNEL: '#ops' is no channel"),
        ({"SLASHJOB_WEBHOOK": "crm https://x"}, "Did you mean SLASHJOB_WEBHOOKS?"),
    ],
)
def test_a_mistake_is_told_without_its_secret(tmp_path: Path, given: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(given, tmp_path)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
