"""Every limit of Slack that we keep, in one place. Block Kit: https://docs.slack.dev/reference/block-kit.

Characters are counted after escaping, which is what is sent.
"""

from __future__ import annotations

from datetime import timedelta

# Messages
MESSAGE_BLOCKS = 50  # blocks, https://docs.slack.dev/reference/block-kit/blocks
VIEW_BLOCKS = 100  # blocks of a modal or a home tab, as above
MESSAGE_CHARS = 12_000  # characters over all blocks: msg_blocks_too_long was seen at 13,200 (bolt-js #2509)
TEXT = 4_000  # characters of `text`: chat.update refuses more (msg_too_long), chat.postMessage advises it
TABLES = 1  # table blocks of a message, else only_one_table_allowed (.../blocks/table-block)
ATTACHMENTS = 100  # legacy attachments, https://docs.slack.dev/reference/methods/chat.postMessage

# Blocks
SECTION = 3_000  # characters of a section's text, .../blocks/section-block
FIELD = 2_000  # characters of one field of a section, as above
FIELDS = 10  # fields of a section, as above
HEADER = 150  # characters, .../blocks/header-block
CONTEXT = 10  # elements of a context block, .../blocks/context-block
CONTEXT_TEXT = 2_000  # characters of one of them (slackblocks 3.0)
IMAGE_ALT = 2_000  # characters of an image's alternative text, .../blocks/image-block
IMAGE_TITLE = 2_000  # characters, as above
BLOCK_ID = 255  # characters, .../blocks
ACTION_ID = 255  # characters, .../block-elements/button-element
ACTIONS = 25  # elements of an actions block, .../blocks/actions-block

# Tables: https://docs.slack.dev/reference/block-kit/blocks/table-block
TABLE_ROWS = 100  # rows, the row of titles is one of them
TABLE_COLUMNS = 20  # cells of a row, and column_settings
TABLE_CHARS = 10_000  # characters over all cells of a message

# Buttons and choices: https://docs.slack.dev/reference/block-kit/block-elements
BUTTON = 75  # characters of a button's text
BUTTON_VALUE = 2_000  # characters
BUTTON_URL = 3_000  # characters
CONFIRM_TITLE = 100  # characters, .../composition-objects/confirmation-dialog-object
CONFIRM_TEXT = 300  # characters, as above
CONFIRM_BUTTON = 30  # characters of each of its two buttons, as above
OPTION = 75  # characters of an option's text, .../composition-objects/option-object
OPTION_VALUE = 150  # characters, as above
OPTIONS = 100  # options of a menu, or of one group of it
OVERFLOW = 5  # options of an overflow menu
CHECKBOXES = 10  # options of checkboxes and radio buttons
PLACEHOLDER = 150  # characters
INPUT_VALUE = 3_000  # characters of a text input

# Modals: https://docs.slack.dev/surfaces/modals
MODAL_TITLE = 24  # characters, also of the submit and the close button
PRIVATE_METADATA = 3_000  # characters
CALLBACK_ID = 255  # characters
VIEW_STACK = 3  # views on top of each other
VIEW_BYTES = 250_000  # bytes of a view, https://docs.slack.dev/reference/methods/views.publish
INPUT_LABEL = 2_000  # characters of an input's label and hint, .../blocks/input-block

# Answers in time
ACKNOWLEDGE = timedelta(seconds=3)  # command, interaction, event: operation_timeout after it
TRIGGER = timedelta(seconds=3)  # a trigger_id opens one view within it
RESPONSE_URL = timedelta(minutes=30)  # life of a response_url
RESPONSE_URL_USES = 5  # messages by one response_url
SIGNATURE = timedelta(minutes=5)  # age of a signed request

# Pace: https://docs.slack.dev/apis/web-api/rate-limits
POST_PAUSE = timedelta(seconds=1)  # between two messages to one channel
UPDATES = 45  # edits a minute in one workspace: tier 3 allows 50
UPDATES_KEPT = 10  # of them kept for endings: progress may wait, results not
UNFURLS = 5  # domains of an app whose links are unfurled
