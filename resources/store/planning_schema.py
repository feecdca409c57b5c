"""Tables of the store: what plans were computed from, and the configurations that have been in force."""

from __future__ import annotations

import sqlalchemy as sa

from resources.store.column_types import UtcDateTime
from resources.store.schema import metadata

# Everything that decided a plan, as canonical JSON, compressed: enough to compute it once more.
plan_inputs = sa.Table(
    "plan_inputs",
    metadata,
    sa.Column("inputs_hash", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    # The steps that were recommended, as they were stored.
    sa.Column("steps", sa.LargeBinary, nullable=False),
    sa.Column("code_version", sa.String(32), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_plan_inputs_account_id_session", "account_id", "session"),
)

# One row each time that a run finds another configuration than the one before it; never changed.
configurations = sa.Table(
    "configurations",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)
