"""Tables of the store: what must be transactional and unique.

Amounts are exact on every database: NUMERIC where it exists, canonical text on SQLite, whose own
numeric type is a float.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from ballast.errors import StoreError
from ballast.money import ZERO, to_amount


class _RefusedValueError(StoreError, sa.exc.DontWrapMixin):
    """A value that a column cannot hold exactly; SQLAlchemy hands it on as it is."""


_DIGITS = 30
_TOO_WIDE = f"does not fit {_DIGITS} digits and eight decimals"


class ExactDecimal(TypeDecorator[Decimal]):
    """Decimal with eight decimals that never passes through a float."""

    impl = sa.Numeric(38, 8)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use text where the database has no exact numeric type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(48))
        return dialect.type_descriptor(sa.Numeric(38, 8))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Refuse what would be changed on its way; write canonical text on SQLite."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise _not_exact(value, "is not a Decimal")
        if not value.is_finite():
            raise _not_exact(value, "is not a finite amount")
        try:
            exact = to_amount(value)
        except InvalidOperation:
            raise _not_exact(value, _TOO_WIDE) from None
        if exact != value or exact.adjusted() >= _DIGITS:
            raise _not_exact(value, _TOO_WIDE)
        # A negative zero would be a second text for one amount.
        return format(exact or ZERO.quantize(exact), "f") if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Return a Decimal on every database."""
        if isinstance(value, float):
            raise _not_exact(value, "was computed by SQLite in floats")
        return None if value is None else Decimal(value)


def _not_exact(value: object, fault: str) -> StoreError:
    return _RefusedValueError(
        f"{value!r} {fault}",
        where="amount column",
        remedy="Hand over and add up amounts as Decimal; round them with ballast.money first.",
    )


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC timestamp."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use ISO text on SQLite, which has no timestamp type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive timestamps; write sortable text on SQLite."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise _RefusedValueError(
                f"{value!r} has no time zone", where="timestamp column", remedy="Use UTC."
            )
        utc = value.astimezone(UTC)
        return utc.isoformat(timespec="microseconds") if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware UTC timestamp on every database."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


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
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("detail", sa.String(512), nullable=True),
)

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
    sa.Index("ix_orders_account_id_session", "account_id", "session"),
)

order_events = sa.Table(
    "order_events",
    metadata,
    sa.Column("client_order_id", sa.String(128), primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("detail", sa.String(512), nullable=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
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
    sa.Index("ix_recommendations_account_id_status", "account_id", "status"),
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
