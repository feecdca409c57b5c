"""What the guards remember."""

import sqlalchemy as sa
from alembic import op

from resources.store.column_types import ExactDecimal, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kill_switch_events",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("level", sa.String(16), nullable=True),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.String(128), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("restarts_peak", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_kill_switch_events")),
        sa.UniqueConstraint("event_id", name=op.f("uq_kill_switch_events_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_kill_switch_events_scope", "kill_switch_events", ["scope", "sequence"])
    op.create_table(
        "position_snapshots",
        sa.Column("snapshot_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("equity", ExactDecimal(38, 8), nullable=True),
        sa.Column("balance", ExactDecimal(38, 8), nullable=True),
        sa.Column("peak", ExactDecimal(38, 8), nullable=True),
        sa.Column("drawdown", ExactDecimal(38, 8), nullable=True),
        sa.Column("open_profit", ExactDecimal(38, 8), nullable=True),
        sa.Column("positions", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f("pk_position_snapshots")),
    )
    op.create_index(
        "ix_position_snapshots_account_id_session", "position_snapshots", ["account_id", "session"]
    )
    op.create_table(
        "drawdown_alerts",
        sa.Column("alert_id", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("guard", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("threshold", ExactDecimal(38, 8), nullable=False),
        sa.Column("measured", ExactDecimal(38, 8), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("positions", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_drawdown_alerts")),
    )
    op.create_index(
        "ix_drawdown_alerts_account_id_session", "drawdown_alerts", ["account_id", "session"]
    )
    op.create_table(
        "guard_closes",
        sa.Column("close_id", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("guard", sa.String(32), nullable=False),
        sa.Column("episode", sa.String(128), nullable=False),
        sa.Column("symbol", sa.String(64), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("close_id", name=op.f("pk_guard_closes")),
    )
    op.create_index("ix_guard_closes_account_id_session", "guard_closes", ["account_id", "session"])
    op.create_table(
        "guard_close_events",
        sa.Column("close_id", sa.String(255), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("client_order_id", sa.String(128), nullable=True),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("quantity", ExactDecimal(38, 8), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("close_id", "sequence", name=op.f("pk_guard_close_events")),
    )
