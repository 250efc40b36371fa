"""Who is there and where: organizations, members and their identities, channels, installations."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint

from core.definitions import Role
from core.store.dialects import Instant, Json, Number
from core.store.tables.columns import metadata, one_of, pk, public_id, ref

organizations = Table(
    "organizations",
    metadata,
    pk(),
    public_id(),
    Column("name", sa.Text, nullable=False, unique=True),
    Column("timezone", sa.Text, nullable=False, server_default="UTC"),
    Column("paused_at", Instant, nullable=True),  # nothing new starts
    Column("paused_by", Number, nullable=True),
    Column("paused_why", sa.Text, nullable=False, server_default=""),
    Column("max_running", sa.Integer, nullable=False, server_default="50"),  # runs at once
    Column("alert_channel", Number, nullable=True),  # the channel of what has no other
    Column("created_at", Instant, nullable=False),
)

members = Table(
    "members",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations", index=True),
    Column("name", sa.Text, nullable=False),
    Column("email", sa.Text, nullable=False, server_default=""),
    Column("role", sa.Text, nullable=True),  # NULL = nobody: known, but may do nothing
    Column("timezone", sa.Text, nullable=False, server_default=""),  # IANA; empty: not told by a platform
    Column("machine", sa.Boolean, nullable=False, server_default=sa.false()),  # a key of the HTTP API
    Column("created_at", Instant, nullable=False),
    Column("joined", Number, nullable=True),  # became one with that member, and is nobody by itself
    CheckConstraint(one_of("role", Role), name="role"),
)

identities = Table(
    "identities",
    metadata,
    pk(),
    ref("member", "members", index=True),
    Column("platform", sa.Text, nullable=False),
    Column("tenant", sa.Text, nullable=False),
    Column("external_id", sa.Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("platform", "tenant", "external_id"),  # one member per platform identity
)

link_codes = Table(
    "link_codes",
    metadata,
    pk(),
    ref("organization", "organizations"),
    ref("member", "members"),
    Column("hash", sa.Text, nullable=False),
    Column("ends_at", Instant, nullable=False),
    UniqueConstraint("member"),  # a new code takes the place of the old one
)

channels = Table(
    "channels",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations"),
    Column("platform", sa.Text, nullable=False),
    Column("address", sa.Text, nullable=False),
    Column("thread", sa.Text, nullable=False, server_default=""),
    Column("name", sa.Text, nullable=False, server_default=""),
    Column("reference", Json, nullable=True),
    Column("state", sa.Text, nullable=False, server_default="ok"),
    Column("state_reason", sa.Text, nullable=False, server_default=""),
    Column("same_as", Number, nullable=True),  # of a name such as #ops: the channel that it means
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("organization", "platform", "address", "thread"),
    CheckConstraint("state IN ('ok', 'broken')", name="state"),
)

consents = Table(
    "consents",  # channels that another company reads too
    metadata,
    pk(),
    ref("organization", "organizations"),
    Column("platform", sa.Text, nullable=False),
    Column("address", sa.Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("member", Number, nullable=True),  # who said yes
    Column("given_at", Instant, nullable=True),
    UniqueConstraint("organization", "platform", "address"),  # asked once
)

installations = Table(
    "installations",
    metadata,
    pk(),
    public_id(),
    ref("organization", "organizations", index=True),
    Column("platform", sa.Text, nullable=False),
    Column("tenant", sa.Text, nullable=False, server_default=""),  # a workspace; empty: a whole enterprise
    Column("enterprise", sa.Text, nullable=False, server_default=""),
    Column("name", sa.Text, nullable=False, server_default=""),
    Column("token", sa.Text, nullable=True),  # sealed; erased when it is revoked
    Column("bot_user", sa.Text, nullable=False, server_default=""),
    Column("bot", sa.Text, nullable=False, server_default=""),
    Column("app", sa.Text, nullable=False, server_default=""),
    Column("scopes", sa.Text, nullable=False, server_default=""),
    Column("installed_by", sa.Text, nullable=False, server_default=""),
    Column("installed_at", Instant, nullable=False),
    Column("revoked_at", Instant, nullable=True),
    UniqueConstraint("platform", "tenant", "enterprise"),  # a new installation replaces the old one
)
