"""The first schema of the store."""

import sqlalchemy as sa
from alembic import op

import resources.store.column_types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "current_publications",
        sa.Column("asset", sa.String(length=128), nullable=False),
        sa.Column("partition", sa.String(length=64), nullable=False),
        sa.Column("publication_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset", "partition", name=op.f("pk_current_publications")),
    )
    op.create_table(
        "emergency_episodes",
        sa.Column("episode_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("opened_session", sa.Date(), nullable=False),
        sa.Column("closed_session", sa.Date(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("episode_id", name=op.f("pk_emergency_episodes")),
    )
    op.create_table(
        "order_events",
        sa.Column("client_order_id", sa.String(length=128), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=512), nullable=True),
        sa.Column(
            "recorded_at", resources.store.column_types.UtcDateTime(timezone=True), nullable=False
        ),
        sa.PrimaryKeyConstraint("client_order_id", "sequence", name=op.f("pk_order_events")),
    )
    op.create_table(
        "orders",
        sa.Column("client_order_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("origin_id", sa.String(length=128), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column(
            "quantity",
            resources.store.column_types.ExactDecimal(precision=38, scale=8),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("client_order_id", name=op.f("pk_orders")),
    )
    op.create_index(
        "ix_orders_account_id_session", "orders", ["account_id", "session"], unique=False
    )
    op.create_table(
        "paper_accounts",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("advanced_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_paper_accounts")),
    )
    op.create_table(
        "paper_movements",
        sa.Column("movement_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column(
            "occurred_at", resources.store.column_types.UtcDateTime(timezone=True), nullable=False
        ),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("commodity", sa.String(length=32), nullable=False),
        sa.Column(
            "quantity",
            resources.store.column_types.ExactDecimal(precision=38, scale=8),
            nullable=False,
        ),
        sa.Column(
            "price", resources.store.column_types.ExactDecimal(precision=38, scale=8), nullable=True
        ),
        sa.Column("price_currency", sa.String(length=3), nullable=True),
        sa.PrimaryKeyConstraint("movement_id", name=op.f("pk_paper_movements")),
    )
    op.create_index(
        "ix_paper_movements_account_id_occurred_at",
        "paper_movements",
        ["account_id", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "paper_orders",
        sa.Column("client_order_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column(
            "quantity",
            resources.store.column_types.ExactDecimal(precision=38, scale=8),
            nullable=False,
        ),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=512), nullable=True),
        sa.PrimaryKeyConstraint("client_order_id", name=op.f("pk_paper_orders")),
    )
    op.create_table(
        "postings",
        sa.Column("posting_id", sa.String(length=64), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("bucket_id", sa.String(length=64), nullable=False),
        sa.Column(
            "occurred_at", resources.store.column_types.UtcDateTime(timezone=True), nullable=False
        ),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("commodity", sa.String(length=32), nullable=False),
        sa.Column(
            "quantity",
            resources.store.column_types.ExactDecimal(precision=38, scale=8),
            nullable=False,
        ),
        sa.Column(
            "unit_cost",
            resources.store.column_types.ExactDecimal(precision=38, scale=8),
            nullable=True,
        ),
        sa.Column("cost_currency", sa.String(length=3), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=False),
        sa.Column("reverses", sa.String(length=64), nullable=True),
        sa.Column(
            "recorded_at", resources.store.column_types.UtcDateTime(timezone=True), nullable=False
        ),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_postings")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_postings_source_external_id")),
    )
    op.create_index(
        "ix_postings_account_id_occurred_at",
        "postings",
        ["account_id", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "publications",
        sa.Column(
            "publication_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("asset", sa.String(length=128), nullable=False),
        sa.Column("partition", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("schema_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.String(length=32), nullable=False),
        sa.Column(
            "published_at", resources.store.column_types.UtcDateTime(timezone=True), nullable=False
        ),
        sa.PrimaryKeyConstraint("publication_id", name=op.f("pk_publications")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_publications_asset_partition",
        "publications",
        ["asset", "partition", "publication_id"],
        unique=False,
    )
    op.create_index("ix_publications_path", "publications", ["path"], unique=False)
    op.create_table(
        "recommendations",
        sa.Column("recommendation_id", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("origin_id", sa.String(length=128), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column(
            "quantity",
            resources.store.column_types.ExactDecimal(precision=38, scale=8),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("weight_before", sa.Float(), nullable=True),
        sa.Column("weight_after", sa.Float(), nullable=True),
        sa.Column("inputs_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("recommendation_id", name=op.f("pk_recommendations")),
    )
    op.create_index(
        "ix_recommendations_account_id_status",
        "recommendations",
        ["account_id", "status"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("current_publications")
    op.drop_table("emergency_episodes")
    op.drop_table("order_events")
    op.drop_table("orders")
    op.drop_table("paper_accounts")
    op.drop_table("paper_movements")
    op.drop_table("paper_orders")
    op.drop_table("postings")
    op.drop_table("publications")
    op.drop_table("recommendations")
