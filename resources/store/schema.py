"""Tables of the store: what must be transactional and unique."""

from __future__ import annotations

import sqlalchemy as sa

from resources.store.column_types import ExactDecimal, UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

publications = sa.Table(
    "publications",
    metadata,
    sa.Column(
        "publication_id",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("asset", sa.String(128), nullable=False),
    sa.Column("partition", sa.String(64), nullable=False),
    # Null path: the partition was retired (its rows were merged into another one).
    sa.Column("path", sa.String(512), nullable=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("schema_fingerprint", sa.String(64), nullable=False),
    sa.Column("run_id", sa.String(64), nullable=False),
    sa.Column("code_version", sa.String(64), nullable=False),
    sa.Column("as_of", sa.String(32), nullable=False),
    sa.Column("published_at", UtcDateTime, nullable=False),
    sa.Index("ix_publications_asset_partition", "asset", "partition", "publication_id"),
    sa.Index("ix_publications_path", "path"),
    sqlite_autoincrement=True,
)

current_publications = sa.Table(
    "current_publications",
    metadata,
    sa.Column("asset", sa.String(128), primary_key=True),
    sa.Column("partition", sa.String(64), primary_key=True),
    sa.Column("publication_id", sa.BigInteger, nullable=False),
)

postings = sa.Table(
    "postings",
    metadata,
    sa.Column("posting_id", sa.String(64), primary_key=True),
    sa.Column("transaction_id", sa.String(64), nullable=False),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("bucket_id", sa.String(64), nullable=False),
    sa.Column("occurred_at", UtcDateTime, nullable=False),
    sa.Column("settled_on", sa.Date, nullable=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("commodity", sa.String(64), nullable=False),
    sa.Column("quantity", ExactDecimal, nullable=False),
    sa.Column("unit_cost", ExactDecimal, nullable=True),
    sa.Column("counter_value", ExactDecimal, nullable=True),
    sa.Column("cost_currency", sa.String(3), nullable=True),
    sa.Column("acquired_on", sa.Date, nullable=True),
    sa.Column("concerns", sa.String(64), nullable=True),
    sa.Column("basis_share", ExactDecimal, nullable=True),
    sa.Column("chosen_lot", sa.String(64), nullable=True),
    sa.Column("description", sa.Text, nullable=True),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("external_id", sa.String(128), nullable=False),
    sa.Column("reverses", sa.String(64), nullable=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("source", "external_id"),
    sa.Index("ix_postings_account_id_occurred_at", "account_id", "occurred_at"),
)

# One row per file that was ever looked at, refused ones too; its content is kept beside the lake.
statement_imports = sa.Table(
    "statement_imports",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("format", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("rows_read", sa.Integer, nullable=False),
    sa.Column("rows_imported", sa.Integer, nullable=False),
    sa.Column("rows_skipped", sa.Integer, nullable=False),
    sa.Column("rows_quarantined", sa.Integer, nullable=False),
    sa.Column("postings", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("imported_at", UtcDateTime, nullable=False),
)

statement_periods = sa.Table(
    "statement_periods",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.String(64), primary_key=True),
    sa.Column("first_day", sa.Date, primary_key=True),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Index("ix_statement_periods_account_id_last_day", "account_id", "last_day"),
)

# Closing prices in statements, for securities that no other source prices.
statement_closes = sa.Table(
    "statement_closes",
    metadata,
    sa.Column("symbol", sa.String(64), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("close", ExactDecimal, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)

instruments = sa.Table(
    "instruments",
    metadata,
    sa.Column("symbol", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("exchange", sa.String(32), nullable=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("multiplier", ExactDecimal, nullable=False),
    sa.Column("isin", sa.String(32), nullable=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("known_from", sa.Date, nullable=False),
)

paper_movements = sa.Table(
    "paper_movements",
    metadata,
    sa.Column("movement_id", sa.String(128), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("occurred_at", UtcDateTime, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("event_id", sa.String(128), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("commodity", sa.String(32), nullable=False),
    sa.Column("quantity", ExactDecimal, nullable=False),
    sa.Column("price", ExactDecimal, nullable=True),
    sa.Column("price_currency", sa.String(3), nullable=True),
    sa.Index("ix_paper_movements_account_id_occurred_at", "account_id", "occurred_at"),
)

paper_accounts = sa.Table(
    "paper_accounts",
    metadata,
    sa.Column("account_id", sa.String(64), primary_key=True),
    sa.Column("advanced_to", sa.Date, nullable=True),
)

paper_orders = sa.Table(
    "paper_orders",
    metadata,
    sa.Column("client_order_id", sa.String(128), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("side", sa.String(16), nullable=False),
    sa.Column("symbol", sa.String(32), nullable=False),
    sa.Column("quantity", ExactDecimal, nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("state", sa.String(24), nullable=False),
    sa.Column("detail", sa.String(512), nullable=True),
    # What is still to be filled, and from which session on; null: nothing.
    sa.Column("open_quantity", ExactDecimal, nullable=True),
    sa.Column("open_until", sa.Date, nullable=True),
)

# Which order a fault of the script has taken, and how often it has struck.
paper_faults = sa.Table(
    "paper_faults",
    metadata,
    sa.Column("fault_id", sa.String(128), primary_key=True),
    sa.Column("client_order_id", sa.String(128), nullable=True),
    sa.Column("calls", sa.Integer, nullable=False),
)

recommendations = sa.Table(
    "recommendations",
    metadata,
    sa.Column("recommendation_id", sa.String(128), primary_key=True),
    sa.Column("account_id", sa.String(64), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("origin_id", sa.String(128), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("side", sa.String(16), nullable=False),
    sa.Column("symbol", sa.String(32), nullable=False),
    sa.Column("quantity", ExactDecimal, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("weight_before", sa.Float, nullable=True),
    sa.Column("weight_after", sa.Float, nullable=True),
    sa.Column("inputs_hash", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("portfolio_hash", sa.String(64), nullable=True),
    sa.Index("ix_recommendations_account_id_status", "account_id", "status"),
)
