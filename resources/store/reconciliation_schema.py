"""Tables of the store: what the reconciliation remembers."""

from __future__ import annotations

import sqlalchemy as sa

from resources.store.column_types import ExactDecimal, UtcDateTime
from resources.store.schema import metadata

# One row per run and account.
reconciliation_results = sa.Table(
    "reconciliation_results",
    metadata,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.String(64), primary_key=True),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("trigger", sa.String(16), nullable=False),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("is_clean", sa.Boolean, nullable=False),
    sa.Column("is_available", sa.Boolean, nullable=False),
    sa.Column("discrepancies", sa.Integer, nullable=False),
    sa.Column("inconclusive", sa.Integer, nullable=False),
    sa.Column("positions_checked", sa.Integer, nullable=False),
    sa.Column("duration_ms", sa.Float, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_reconciliation_results_account_id_session", "account_id", "session"),
)

# One row per difference from the session in which it appears until it is gone.
discrepancies = sa.Table(
    "discrepancies",
    metadata,
    sa.Column("discrepancy_id", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("item", sa.String(64), nullable=False),
    sa.Column("field", sa.String(16), nullable=False),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("cause", sa.String(32), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("local_value", ExactDecimal, nullable=True),
    sa.Column("broker_value", ExactDecimal, nullable=True),
    sa.Column("difference", ExactDecimal, nullable=True),
    sa.Column("first_seen", sa.Date, nullable=False),
    sa.Column("last_seen", sa.Date, nullable=False),
    sa.Column("sessions_seen", sa.Integer, nullable=False),
    sa.Column("resolved_on", sa.Date, nullable=True),
    sa.Column("last_run_id", sa.String(64), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_discrepancies_account_id_resolved_on", "account_id", "resolved_on"),
)

proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("proposal_id", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("cause", sa.String(32), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=True),
    sa.Column("postings", sa.Text, nullable=False),
    sa.Column("accepts_itself", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("decided_by", sa.String(128), nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_proposals_account_id_status", "account_id", "status"),
)
