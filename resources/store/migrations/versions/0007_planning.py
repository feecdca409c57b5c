"""What plans were computed from, and the history of the configuration."""

import sqlalchemy as sa
from alembic import op

from resources.store.column_types import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("recommendations", sa.Column("portfolio_hash", sa.String(64), nullable=True))
    op.create_table(
        "plan_inputs",
        sa.Column("inputs_hash", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("steps", sa.LargeBinary(), nullable=False),
        sa.Column("code_version", sa.String(32), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("inputs_hash", name=op.f("pk_plan_inputs")),
    )
    op.create_index("ix_plan_inputs_account_id_session", "plan_inputs", ["account_id", "session"])
    op.create_table(
        "configurations",
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_configurations")),
    )
