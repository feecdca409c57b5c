"""Column types that keep amounts and moments exact on every database.

NUMERIC where it exists, canonical text on SQLite, whose own numeric type is a float and which has no timestamps.
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
