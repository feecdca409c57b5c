"""The schema: what the migrations build, and what its columns take and give back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import resources.store
from ballast.errors import StoreError
from resources.store import Store
from resources.store.column_types import ExactDecimal, UtcDateTime
from resources.store.engine import HEAD_REVISION
from resources.store.schema import metadata

_values = sa.Table(
    "values_of_this_test",
    sa.MetaData(),
    sa.Column("key", sa.Integer, primary_key=True),
    sa.Column("amount", ExactDecimal),
    sa.Column("moment", UtcDateTime),
)
# A fixture lasts for all examples of a test; each example empties the table.
_examples = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_wide = Context(prec=60)
_amounts = st.integers(-(10**38) + 1, 10**38 - 1).map(
    lambda units: Decimal(units).scaleb(-8, context=_wide)
)
_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_moments = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=_zones)  # noqa: DTZ001


@pytest.fixture
def values(store: Store) -> Store:
    with store.write() as connection:
        _values.create(connection)
    return store


def _round_trip(store: Store, column: str, *given_values: object) -> list[object]:
    with store.write() as connection:
        connection.execute(sa.delete(_values))
        rows = [{"key": key, column: value} for key, value in enumerate(given_values)]
        connection.execute(sa.insert(_values), rows)
    with store.read() as connection:
        return list(connection.scalars(sa.select(_values.c[column]).order_by(_values.c.key)))


def test_migrated_schema_equals_the_metadata(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_column_missing_from_the_migrations_would_be_noticed(store: Store) -> None:
    changed = sa.MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["orders"].append_column(sa.Column("forgotten", sa.Integer))
    with store.read() as connection:
        context = MigrationContext.configure(connection)
        assert [difference[0] for difference in compare_metadata(context, changed)] == [
            "add_column"
        ]


def test_head_revision_is_the_head_of_the_migrations() -> None:
    folder = Path(resources.store.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD_REVISION


@_examples
@given(amount=_amounts)
def test_an_amount_comes_back_exactly(values: Store, amount: Decimal) -> None:
    (returned,) = _round_trip(values, "amount", amount)
    assert isinstance(returned, Decimal)
    assert returned == amount


@_examples
@given(amount=_amounts)
def test_equal_amounts_are_equal_in_sql_however_they_are_written(
    values: Store, amount: Decimal
) -> None:
    _round_trip(values, "amount", amount)
    shortest = amount.normalize(_wide) if amount else Decimal("-0")
    with values.read() as connection:
        found = sa.select(_values.c.key).where(_values.c.amount == shortest)
        assert connection.scalars(found).all() == [0]


_NOT_AMOUNTS = (1.5, 1, "1.5", True)
_NOT_EXACT = ("NaN", "sNaN", "Infinity", "1e30", "-1e30", "1e80", "0.000000001")


def test_what_an_amount_column_cannot_keep_exactly_is_refused(values: Store) -> None:
    for amount in (*_NOT_AMOUNTS, *map(Decimal, _NOT_EXACT)):
        with pytest.raises(StoreError, match="amount column") as refused:
            _round_trip(values, "amount", amount)
        assert repr(amount) in str(refused.value)


def test_amounts_are_never_added_up_in_floats(values: Store) -> None:
    _round_trip(values, "amount", Decimal("0.1"), Decimal("0.2"))
    total = sa.select(sa.func.sum(_values.c.amount))
    with values.read() as connection:
        if connection.dialect.name == "sqlite":
            with pytest.raises(StoreError, match="floats"):
                connection.scalar(total)
        else:
            assert connection.scalar(total) == Decimal("0.3")


@_examples
@given(moments=st.lists(_moments, min_size=1, max_size=5))
def test_moments_come_back_in_utc_and_sort_by_time(values: Store, moments: list[datetime]) -> None:
    returned = _round_trip(values, "moment", *moments)
    assert returned == moments
    assert all(isinstance(moment, datetime) and moment.tzinfo is UTC for moment in returned)
    with values.read() as connection:
        ordered = connection.scalars(sa.select(_values.c.moment).order_by(_values.c.moment)).all()
    assert ordered == sorted(moments)


def test_a_timestamp_without_time_zone_is_refused(values: Store) -> None:
    with pytest.raises(StoreError, match="time zone"):
        _round_trip(values, "moment", datetime(2024, 1, 2, 3, 4))  # noqa: DTZ001


def test_unknown_values_stay_unknown(values: Store) -> None:
    assert _round_trip(values, "amount", None) == [None]
    assert _round_trip(values, "moment", None) == [None]
