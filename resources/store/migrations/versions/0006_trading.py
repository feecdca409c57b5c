"""Orders as events with their fills, the gate's answers, and the timeline of emergencies."""

import sqlalchemy as sa
from alembic import op

from resources.store.column_types import ExactDecimal, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_AMOUNT = ExactDecimal(38, 8)
_MOMENT = UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("orders", sa.Column("price", _AMOUNT, nullable=True))
    op.add_column("orders", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("orders", sa.Column("decided_at", _MOMENT, nullable=True))
    with op.batch_alter_table("order_events") as table:
        table.alter_column("state", existing_type=sa.String(16), type_=sa.String(24))
        table.add_column(sa.Column("kind", sa.String(24), nullable=False, server_default="written"))
        table.add_column(sa.Column("fill_id", sa.String(128), nullable=True))
        table.add_column(sa.Column("quantity", _AMOUNT, nullable=True))
    # Until now every event was named by the state that it led to.
    named = {
        "submitted": "sent",
        "filled": "filled",
        "rejected": "rejected",
        "unknown": "timed_out",
    }
    for state, kind in named.items():
        op.execute(
            sa.text("UPDATE order_events SET kind = :kind WHERE state = :state").bindparams(
                kind=kind, state=state
            )
        )
    # An order of which only the intent is known may have been sent: it is asked about before anything is sent.
    op.execute(
        "INSERT INTO order_events (client_order_id, sequence, kind, state, recorded_at)"
        " SELECT client_order_id, 1, 'sent', 'submitted', recorded_at FROM order_events AS first"
        " WHERE state = 'intent' AND sequence = 0 AND NOT EXISTS"
        " (SELECT 1 FROM order_events AS later"
        " WHERE later.client_order_id = first.client_order_id AND later.sequence > 0)"
    )
    with op.batch_alter_table("order_events") as table:
        table.alter_column("kind", existing_type=sa.String(24), server_default=None)
    with op.batch_alter_table("paper_orders") as table:
        table.alter_column("state", existing_type=sa.String(16), type_=sa.String(24))
        table.add_column(sa.Column("open_quantity", _AMOUNT, nullable=True))
        table.add_column(sa.Column("open_until", sa.Date(), nullable=True))
    op.create_table(
        "paper_faults",
        sa.Column("fault_id", sa.String(128), nullable=False),
        sa.Column("client_order_id", sa.String(128), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("fault_id", name=op.f("pk_paper_faults")),
    )
    op.create_table(
        "executions",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("fill_id", sa.String(128), nullable=False),
        sa.Column("client_order_id", sa.String(128), nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("quantity", _AMOUNT, nullable=False),
        sa.Column("price", _AMOUNT, nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("fee", _AMOUNT, nullable=True),
        sa.Column("fee_currency", sa.String(3), nullable=True),
        sa.Column("filled_at", _MOMENT, nullable=False),
        sa.Column("remark", sa.String(16), nullable=True),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "fill_id", name=op.f("pk_executions")),
    )
    op.create_index("ix_executions_client_order_id", "executions", ["client_order_id"])
    op.create_index("ix_executions_recorded_at", "executions", ["recorded_at"])
    op.create_table(
        "gate_decisions",
        sa.Column("client_order_id", sa.String(128), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("quantity", _AMOUNT, nullable=False),
        sa.Column("is_passed", sa.Boolean(), nullable=False),
        sa.Column("judged_at", _MOMENT, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("client_order_id", "attempt", name=op.f("pk_gate_decisions")),
    )
    op.create_index(
        "ix_gate_decisions_account_id_session", "gate_decisions", ["account_id", "session"]
    )
    op.create_table(
        "gate_answers",
        sa.Column("client_order_id", sa.String(128), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("layer", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "client_order_id", "attempt", "number", name=op.f("pk_gate_answers")
        ),
    )
    op.create_table(
        "emergency_steps",
        sa.Column("episode_id", sa.String(128), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("client_order_id", sa.String(128), nullable=True),
        sa.Column("shortfall", _AMOUNT, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("episode_id", "number", name=op.f("pk_emergency_steps")),
    )
