"""What Slack says no with, and what can be done about it. The words are those of the Web API's reference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from core.errors import DeliveryError, Fault

NOT_HERE = frozenset({"not_in_channel", "channel_not_found"})
"""The bot is no member: `not_in_channel` of a public channel, `channel_not_found` of any other."""

GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""There is nothing (any more) that can be edited: a new message takes its place."""

NO_THREAD = frozenset({"thread_not_found", "cannot_reply_to_message", "message_not_found"})
"""The message that the thread hangs on was deleted: it is said in the channel."""

REFUSED_BLOCKS = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "block_mismatch",
        "only_one_table_allowed",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
    }
)
"""Our payload is not taken: it is sent again as plain text, with a file."""

UNSURE = frozenset({"internal_error", "fatal_error", "service_unavailable"})
"""Slack says itself that part of it may have been done."""

PERMANENT = {
    "is_archived": "The channel is archived. Unarchive it, or let the job post somewhere else.",
    "restricted_action": "The bot may not post there. An admin of Slack can change who may.",
    "restricted_action_read_only_channel": "Only some may post there. Let its managers add the bot.",
    "restricted_action_thread_locked": "The thread is locked. Unlock it, or run the job elsewhere.",
    "restricted_action_thread_only_channel": "It takes replies only. Let the job post somewhere else.",
    "restricted_action_non_threadable_channel": "It takes no replies. Run the job in another channel.",
    "ekm_access_denied": "Its encryption keys do not let the bot post. An admin of Slack can allow it.",
    "team_access_not_granted": "The bot may not work in that workspace. An admin of Slack can add it there.",
    "channel_type_not_supported": "Apps may not post in that kind of conversation. Choose a channel.",
    "messages_tab_disabled": "The app takes no direct messages. Turn on the Messages tab under App Home.",
    "user_not_found": "Slack does not know that person (any more). Choose somebody else.",
    "user_disabled": "That person's Slack account is deactivated. Choose somebody else.",
    "cannot_dm_bot": "A bot gets no direct messages. Choose a person or a channel.",
    "missing_scope": "The app lacks a permission. Add the scope of manifest.yml and install the app again.",
    "not_allowed_token_type": "The token is of the wrong kind. SLACK_BOT_TOKEN begins with xoxb-.",
    "no_permission": "The token may not do this. Install the app again with the scopes of manifest.yml.",
    "access_denied": "Slack denies the bot access. An admin of Slack can say why.",
    "org_login_required": "The workspace is moving to another organization. Install the app again then.",
    "invalid_auth": "Slack does not know the token. Set SLACK_BOT_TOKEN to the one of the app's OAuth page.",
    "not_authed": "No token was given. Set SLACK_BOT_TOKEN to the one of the app's OAuth page.",
    "token_revoked": "The token was revoked. Install the app again, and set SLACK_BOT_TOKEN to the new one.",
    "token_expired": "The token has expired. Install the app again without token rotation.",
    "account_inactive": "The app was removed from the workspace. Install it again.",
    "app_uninstalled": "The app was removed from the workspace. Install it again.",
    "not_in_channel": "The bot is no member of the channel. Say there: /invite @slashjob",
    "channel_not_found": "The bot does not see the channel, or it is gone. Say there: /invite @slashjob",
}
"""word -> a sentence that says how to mend it; trying again cannot help before that."""


class Refused(Fault):
    """Slack answered `ok: false`; `word` is its error, `details` what it says about the payload."""

    def __init__(self, word: str, details: Sequence[str] = (), needed: str = "") -> None:
        super().__init__(word)
        self.word = word
        self.details = tuple(details)
        self.needed = needed

    @property
    def of_picture(self) -> bool:
        """An uploaded picture is not usable (yet): Slack takes a moment to look at it."""
        return self.word in REFUSED_BLOCKS and any("slack file" in one for one in self.details)


class Limited(Fault):
    """429: nothing of the kind before `pause` has passed."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__(f"Slack asks to wait {pause.total_seconds():.0f} s.")
        self.pause = pause


def told(refused: Refused) -> DeliveryError:
    """The refusal as the notifier understands it."""
    sentence = PERMANENT.get(refused.word)
    if sentence is not None:
        missing = f" It needs {refused.needed}." if refused.needed else ""
        return DeliveryError(f"{sentence}{missing} (Slack: {refused.word})", permanent=True)
    if refused.word in UNSURE:
        return DeliveryError(f"Slack may have it or not ({refused.word}).", unknown=True)
    return DeliveryError(f"Slack answered {refused.word}.")
