"""Tables of the store: what the guards remember."""

from __future__ import annotations

import sqlalchemy as sa

from resources.store.column_types import ExactDecimal, UtcDateTime
from resources.store.schema import metadata

# Append-only; the state of a switch is the fold of its events.
kill_switch_events = sa.Table(
    "kill_switch_events",
    metadata,
    sa.Column(
        "sequence",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("event_id", sa.String(255), nullable=False),
    sa.Column("scope", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("level", sa.String(16), nullable=True),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("requested_by", sa.String(128), nullable=False),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("restarts_peak", sa.Boolean, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("event_id"),
    sa.Index("ix_kill_switch_events_scope", "scope", "sequence"),
    sqlite_autoincrement=True,
)

# One row per account, session and version of the facts; a later correction adds one.
position_snapshots = sa.Table(
    "position_snapshots",
    metadata,
    sa.Column("snapshot_id", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("equity", ExactDecimal, nullable=True),
    sa.Column("balance", ExactDecimal, nullable=True),
    sa.Column("peak", ExactDecimal, nullable=True),
    sa.Column("drawdown", ExactDecimal, nullable=True),
    sa.Column("open_profit", ExactDecimal, nullable=True),
    sa.Column("positions", sa.Integer, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_position_snapshots_account_id_session", "account_id", "session"),
)

drawdown_alerts = sa.Table(
    "drawdown_alerts",
    metadata,
    sa.Column("alert_id", sa.String(255), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("guard", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("threshold", ExactDecimal, nullable=False),
    sa.Column("measured", ExactDecimal, nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("positions", sa.Integer, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_drawdown_alerts_account_id_session", "account_id", "session"),
)

guard_closes = sa.Table(
    "guard_closes",
    metadata,
    sa.Column("close_id", sa.String(255), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("guard", sa.String(32), nullable=False),
    sa.Column("episode", sa.String(128), nullable=False),
    sa.Column("symbol", sa.String(64), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("ix_guard_closes_account_id_session", "account_id", "session"),
)

guard_close_events = sa.Table(
    "guard_close_events",
    metadata,
    sa.Column("close_id", sa.String(255), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("client_order_id", sa.String(128), nullable=True),
    sa.Column("side", sa.String(16), nullable=False),
    sa.Column("quantity", ExactDecimal, nullable=False),
    sa.Column("detail", sa.Text, nullable=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)
