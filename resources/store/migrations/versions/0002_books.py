"""Postings of every kind, and the registry of imported statements."""

import sqlalchemy as sa
from alembic import op

from resources.store.column_types import ExactDecimal, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("postings") as postings:
        postings.add_column(sa.Column("counter_value", ExactDecimal(38, 8), nullable=True))
        postings.add_column(sa.Column("acquired_on", sa.Date(), nullable=True))
        postings.add_column(sa.Column("concerns", sa.String(64), nullable=True))
        postings.add_column(sa.Column("basis_share", ExactDecimal(38, 8), nullable=True))
        postings.add_column(sa.Column("chosen_lot", sa.String(64), nullable=True))
        postings.add_column(sa.Column("description", sa.Text(), nullable=True))
        postings.alter_column(
            "commodity", type_=sa.String(64), existing_type=sa.String(32), existing_nullable=False
        )
    op.create_table(
        "statement_imports",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_imported", sa.Integer(), nullable=False),
        sa.Column("rows_skipped", sa.Integer(), nullable=False),
        sa.Column("rows_quarantined", sa.Integer(), nullable=False),
        sa.Column("postings", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("imported_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_statement_imports")),
    )
    op.create_table(
        "statement_periods",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint(
            "sha256", "account_id", "first_day", name=op.f("pk_statement_periods")
        ),
    )
    op.create_index(
        "ix_statement_periods_account_id_last_day", "statement_periods", ["account_id", "last_day"]
    )
    op.create_table(
        "statement_closes",
        sa.Column("symbol", sa.String(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("close", ExactDecimal(38, 8), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("symbol", "day", name=op.f("pk_statement_closes")),
    )
    op.create_table(
        "instruments",
        sa.Column("symbol", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("exchange", sa.String(32), nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("multiplier", ExactDecimal(38, 8), nullable=False),
        sa.Column("isin", sa.String(32), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("known_from", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("symbol", "sha256", name=op.f("pk_instruments")),
    )
