"""Tables of the store: alerts, what became of their delivery, and what the metrics have counted."""

from __future__ import annotations

import sqlalchemy as sa

from resources.store.column_types import UtcDateTime
from resources.store.schema import metadata

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("alert_id", sa.String(128), primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("account_id", sa.String(64), nullable=True),
    sa.Column("session", sa.Date, nullable=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_alerts_recorded_at", "recorded_at"),
)

broadcasts = sa.Table(
    "broadcasts",
    metadata,
    sa.Column("message_id", sa.String(128), primary_key=True),
    sa.Column("channel", sa.String(64), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_broadcasts_recorded_at", "recorded_at"),
)

# One row per alert and route that it takes, and one per broadcast.
alert_deliveries = sa.Table(
    "alert_deliveries",
    metadata,
    sa.Column("item_id", sa.String(128), primary_key=True),
    sa.Column("route", sa.String(64), primary_key=True),
    # waiting: not tried yet; failed: tried, and tried again when due; delivered and given_up are final.
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # Null: at once.
    sa.Column("next_attempt_at", UtcDateTime, nullable=True),
    # Whoever holds the lease is sending it now; after `leased_until` its process is taken for dead.
    sa.Column("lease", sa.String(32), nullable=True),
    sa.Column("leased_until", UtcDateTime, nullable=True),
    sa.Column("last_error", sa.Text, nullable=True),
    sa.Column("delivered_at", UtcDateTime, nullable=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_alert_deliveries_status_route", "status", "route"),
)

# A difference changes its cause while it is open; a counter must not fall when it does, so each pair counts once.
counted_divergences = sa.Table(
    "counted_divergences",
    metadata,
    sa.Column("discrepancy_id", sa.String(64), primary_key=True),
    sa.Column("cause", sa.String(32), primary_key=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)
