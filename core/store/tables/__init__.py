"""The tables (DESIGN.md, section 6). `pk` is the row's number, `id` its public UUIDv7.

What a constraint means stands beside it; every rule of the kind "at most one" is one of these.
"""

from core.store.tables.columns import metadata
from core.store.tables.definitions import agents, job_versions, jobs, parameter_sets, sources
from core.store.tables.digests import digest_posts, digests
from core.store.tables.incidents import incidents
from core.store.tables.keys import api_keys
from core.store.tables.notices import deliveries, notify_rules
from core.store.tables.people import (
    channels,
    consents,
    identities,
    installations,
    link_codes,
    members,
    organizations,
)
from core.store.tables.records import audit, facts
from core.store.tables.schedules import firings, schedules
from core.store.tables.work import (
    attempts,
    batches,
    callbacks,
    chat_entries,
    locks,
    requests,
    run_files,
    runs,
    workers,
)

__all__ = [
    "agents",
    "api_keys",
    "attempts",
    "audit",
    "batches",
    "callbacks",
    "channels",
    "chat_entries",
    "consents",
    "deliveries",
    "digest_posts",
    "digests",
    "facts",
    "firings",
    "identities",
    "incidents",
    "installations",
    "job_versions",
    "jobs",
    "link_codes",
    "locks",
    "members",
    "metadata",
    "notify_rules",
    "organizations",
    "parameter_sets",
    "requests",
    "run_files",
    "runs",
    "schedules",
    "sources",
    "workers",
]
