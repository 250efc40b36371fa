"""What the Bot Connector says no with, and what can be done about it.

The codes are those of its error bodies: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference
"""

from __future__ import annotations

from datetime import timedelta

from core.errors import DeliveryError, Fault

GONE = frozenset({404, 403})
"""statuses of an edit that mean: there is nothing (any more) that could be edited"""

TOO_BIG = frozenset({400, 413})
"""statuses that mean: not this content; it is sent again as plain text"""

NOT_THERE = "The bot is not (or no longer) in that conversation. Add the app to the team or chat again."
BLOCKED = "The person has blocked the bot, or removed the app. They can add it again in Teams."
PERMANENT = {
    "BotNotInConversationRoster": NOT_THERE,
    "BotNotInstalled": NOT_THERE,
    "ConversationNotFound": "The conversation is gone, or the bot cannot see it. Add the app there again.",
    "MessageWritesBlocked": BLOCKED,
    "ConversationBlockedByUser": BLOCKED,
    "BotDisabledByAdmin": "An admin of Teams has blocked the app. They can allow it in the admin center.",
    "ForbiddenOperationException": "Teams does not let the bot post there. An owner can change who may.",
    "NotEnoughPermissions": "Teams does not let the bot post there. An owner can change who may.",
    "InvalidBotApiHost": "The address of the conversation is not one of Teams. Say something there again.",
    "MessageSizeTooBig": "The message is larger than Teams takes.",
}
"""code -> a sentence that says how to mend it; trying again cannot help before that."""


class Unsent(Fault):
    """It certainly did not arrive: it may be sent again, after `pause` where one was asked for."""

    def __init__(self, sentence: str, pause: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.pause = pause


class Barred(Unsent):
    """The bot itself is turned away, wherever it speaks: its login, or the token that it has.

    `lasting`: it has been for so long that somebody has to mend it; what is owed is better told elsewhere.
    """

    def __init__(self, sentence: str, pause: timedelta, *, lasting: bool) -> None:
        super().__init__(sentence, pause)
        self.lasting = lasting


class Unsure(Fault):
    """It may have arrived or not."""


class Refused(Fault):
    """The Bot Connector does not take it; `code` is its own word, empty where it said none."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(f"{status} {code}".strip())
        self.status = status
        self.code = code


def told(refused: Refused) -> DeliveryError:
    """The refusal as the notifier understands it: trying again cannot help."""
    sentence = PERMANENT.get(refused.code)
    if sentence is None:
        sentence = NOT_THERE if refused.status in (403, 404) else "Teams does not take the message."
    return DeliveryError(f"{sentence} (Teams: {refused})", permanent=True)


def not_sent(unsent: Unsent) -> DeliveryError:
    """What did not arrive as the notifier understands it: tried again, unless the bot is barred for long."""
    if isinstance(unsent, Barred) and unsent.lasting:
        return DeliveryError(unsent.sentence, permanent=True)
    return DeliveryError(unsent.sentence, retry_after=unsent.pause)
