"""The parts of addresses: what each name in braces stands for."""

from __future__ import annotations

from adapters.rest.chats import BATCH_ID, CHAT_ID
from adapters.rest.endpoint import Parameter

PARTS = {
    "job_id": Parameter("A job: its id or its name.", "weekly-report"),
    "chat_id": Parameter("A chat: its id, which is its run's, or the run's number.", CHAT_ID),
    "batch": Parameter("A batch: its number or its id.", BATCH_ID),
    "run": Parameter("A run: its id or its number.", "128.3"),
    "schedule": Parameter("A schedule of the job, by its name.", "mondays"),
    "member": Parameter("A member: the id, the e-mail address or the name.", "ana@example.com"),
    "key": Parameter("A key: its id or its name.", "Data pipeline"),
    "set": Parameter("A parameter set of the job, by its name.", "emea"),
    "channel": Parameter("A channel as in job files, encoded.", "slack:C0123456789"),
    "digest": Parameter("A digest of the channel, by its name.", "friday"),
    "file": Parameter("A signed link's own part.", "eyJ…"),
}
