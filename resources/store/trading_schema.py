"""Tables of the store: orders with everything that happened to them, the gate's answers, and emergency episodes."""

from __future__ import annotations

import sqlalchemy as sa

from resources.store.column_types import ExactDecimal, UtcDateTime
from resources.store.schema import metadata

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("client_order_id", sa.String(128), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("origin_id", sa.String(128), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("side", sa.String(16), nullable=False),
    sa.Column("symbol", sa.String(32), nullable=False),
    sa.Column("quantity", ExactDecimal, nullable=False),
    sa.Column("price", ExactDecimal, nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("decided_at", UtcDateTime, nullable=True),
    sa.Index("ix_orders_account_id_session", "account_id", "session"),
)

# Append-only: the state of an order is the fold of its events, and each row has the state after it.
order_events = sa.Table(
    "order_events",
    metadata,
    sa.Column("client_order_id", sa.String(128), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("state", sa.String(24), nullable=False),
    sa.Column("fill_id", sa.String(128), nullable=True),
    sa.Column("quantity", ExactDecimal, nullable=True),
    sa.Column("detail", sa.String(512), nullable=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)

executions = sa.Table(
    "executions",
    metadata,
    sa.Column("account_id", sa.String(64), primary_key=True),
    sa.Column("fill_id", sa.String(128), primary_key=True),
    sa.Column("client_order_id", sa.String(128), nullable=False),
    sa.Column("side", sa.String(16), nullable=False),
    sa.Column("symbol", sa.String(32), nullable=False),
    sa.Column("quantity", ExactDecimal, nullable=False),
    # The price in its currency; for an exchange, units of TO per one of FROM.
    sa.Column("price", ExactDecimal, nullable=True),
    sa.Column("currency", sa.String(3), nullable=True),
    sa.Column("fee", ExactDecimal, nullable=True),
    sa.Column("fee_currency", sa.String(3), nullable=True),
    sa.Column("filled_at", UtcDateTime, nullable=False),
    sa.Column("remark", sa.String(16), nullable=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_executions_client_order_id", "client_order_id"),
    sa.Index("ix_executions_recorded_at", "recorded_at"),
)

# One row per time that the gate judged an order and came to other answers than the time before.
gate_decisions = sa.Table(
    "gate_decisions",
    metadata,
    sa.Column("client_order_id", sa.String(128), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("side", sa.String(16), nullable=False),
    sa.Column("symbol", sa.String(32), nullable=False),
    sa.Column("quantity", ExactDecimal, nullable=False),
    sa.Column("is_passed", sa.Boolean, nullable=False),
    sa.Column("judged_at", UtcDateTime, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_gate_decisions_account_id_session", "account_id", "session"),
)

gate_answers = sa.Table(
    "gate_answers",
    metadata,
    sa.Column("client_order_id", sa.String(128), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("layer", sa.String(32), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

emergency_episodes = sa.Table(
    "emergency_episodes",
    metadata,
    sa.Column("episode_id", sa.String(128), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("opened_session", sa.Date, nullable=False),
    sa.Column("closed_session", sa.Date, nullable=True),
    sa.Column("outcome", sa.String(32), nullable=False),
)

# The timeline of an episode; a step that was recorded stays.
emergency_steps = sa.Table(
    "emergency_steps",
    metadata,
    sa.Column("episode_id", sa.String(128), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("phase", sa.String(16), nullable=False),
    sa.Column("client_order_id", sa.String(128), nullable=True),
    # What is missing, in the base currency of the account, before the step.
    sa.Column("shortfall", ExactDecimal, nullable=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)
