"""Which rows of two sides belong together, and which of those pairs are not the same.

Invariants: every key of either side is paired once; a key or value that is null is equal to nothing, so it is never
passed over; the result does not depend on the order of the rows, nor on which of the two ways below found it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl

from ballast.errors import InvalidTableError

# Below this the compiler takes longer to load than Polars to join.
_WORTH_COMPILING = 1_000_000
_WORTH_RUNNING = 20_000
_COMPILED = "ballast.reconciliation.compiled"
_LOCAL, _BROKER = "local_row", "broker_row"
ROWS = pl.Schema({_LOCAL: pl.Int64, _BROKER: pl.Int64})


def unequal_rows(
    local: pl.DataFrame,
    broker: pl.DataFrame,
    key: Sequence[str],
    values: Sequence[str],
    *,
    is_large: bool | None = None,
) -> pl.DataFrame:
    """Return the pairs of rows that are not the same in every value, and the rows without a partner.

    Parameters
    ----------
    local, broker : pl.DataFrame
        Both with the columns of key and values, in the same types.
    key : sequence of str
        Columns that together name a row of a side once; texts or whole numbers.
    values : sequence of str
        Columns compared exactly. A null value is equal to nothing, another null included.
    is_large : bool, optional
        Whether to pair with compiled code; by default, if it is worth it.

    Returns
    -------
    pl.DataFrame
        local_row, broker_row: numbers of rows, null where a side has none. In no particular order. Amounts that 64 bits
        cannot hold may be among them though they are the same, so whoever judges the pairs compares them.

    Raises
    ------
    InvalidTableError
        If a side repeats a key, or the sides differ in the type of a column.
    """
    _refuse_different_types(local, broker, [*key, *values])
    if is_large is None:
        is_large = local.height + broker.height >= _least_worth_compiling()
    found = _compiled(local, broker, key, values) if is_large else None
    return _joined(local, broker, key, values) if found is None else found


def side_by_side(
    local: pl.DataFrame,
    broker: pl.DataFrame,
    key: Sequence[str],
    values: Sequence[str],
    rows: pl.DataFrame,
) -> pl.DataFrame:
    """Return the key of each pair of rows and the values of both sides as `NAME_local` and `NAME_broker`."""
    mine = local.select(pl.col(*key, *values).gather(rows[_LOCAL]))
    yours = broker.select(pl.col(*key, *values).gather(rows[_BROKER]))
    is_mine = rows[_LOCAL].is_not_null()
    return pl.DataFrame(
        [
            *(mine[name].zip_with(is_mine, yours[name]) for name in key),
            *(mine[name].alias(f"{name}_local") for name in values),
            *(yours[name].alias(f"{name}_broker") for name in values),
        ]
    )


def differences(
    local: pl.DataFrame,
    broker: pl.DataFrame,
    key: Sequence[str],
    tolerances: Mapping[str, Decimal],
) -> pl.DataFrame:
    """Name every difference of two sides, one row per key and field.

    Parameters
    ----------
    local, broker : pl.DataFrame
        Both with the columns of the key and one exact amount per tolerance.
    key : sequence of str
        Columns that together name a row of a side once.
    tolerances : mapping of str to Decimal
        Largest difference that still counts as equal, per column of amounts.

    Returns
    -------
    pl.DataFrame
        The key, field, kind, local_value, broker_value, difference (broker − local), sorted by key and field. The kind
        is missing_local or missing_broker (once per key, for the first field), differs, or unknown where a side that
        has the row does not know the value.

    Raises
    ------
    InvalidTableError
        If a side repeats a key, or the sides differ in the type of a column.
    """
    fields = list(tolerances)
    rows = unequal_rows(local, broker, key, fields)
    pairs = side_by_side(local, broker, key, fields, rows).with_columns(rows)
    tables = [
        _of_one_field(pairs, key, field, tolerances[field], is_first=field == fields[0])
        for field in fields
    ]
    return pl.concat(tables).sort(*key, "field", "kind", nulls_last=True)


def _of_one_field(
    pairs: pl.DataFrame, key: Sequence[str], field: str, tolerance: Decimal, *, is_first: bool
) -> pl.DataFrame:
    mine, yours = pl.col(f"{field}_local"), pl.col(f"{field}_broker")
    is_alone = pl.col(_LOCAL).is_null() | pl.col(_BROKER).is_null()
    is_near = (yours - mine).abs() <= tolerance
    kind = (
        pl.when(pl.col(_LOCAL).is_null())
        .then(pl.lit("missing_local"))
        .when(pl.col(_BROKER).is_null())
        .then(pl.lit("missing_broker"))
        .when(mine.is_null() | yours.is_null())
        .then(pl.lit("unknown"))
        .otherwise(pl.lit("differs"))
    )
    return pairs.filter(
        pl.when(is_alone).then(pl.lit(is_first)).otherwise(~is_near.fill_null(False))
    ).select(
        *key,
        field=pl.lit(field),
        kind=kind,
        local_value=mine,
        broker_value=yours,
        difference=yours - mine,
    )


def _least_worth_compiling() -> int:
    """Return how many rows are enough; once this process has the compiled code, fewer are."""
    module = sys.modules.get(_COMPILED)
    is_ready = module is not None and bool(module.match.signatures)
    return _WORTH_RUNNING if is_ready else _WORTH_COMPILING


def _compiled(
    local: pl.DataFrame, broker: pl.DataFrame, key: Sequence[str], values: Sequence[str]
) -> pl.DataFrame | None:
    """Return None where the compiled code is the wrong tool."""
    types = {name: local.schema[name] for name in values}
    texts = [name for name, kind in types.items() if kind == pl.String]
    if len(key) > 2 or not all(
        kind.is_decimal() or kind.is_integer() or kind == pl.String for kind in types.values()
    ):
        return None
    if texts:
        local, broker = _with_numbers(local, broker, texts)
    # Imported where it pays: the compiler takes a quarter of a second to load.
    from ballast.reconciliation.partitioned import RepeatedKeyError
    from ballast.reconciliation.partitioned import unequal_rows as find

    try:
        found = find(local, broker, key, values)
    except RepeatedKeyError:
        raise _repeated(key) from None
    if found is None:
        return None
    rows = pl.DataFrame(found, schema=ROWS).with_columns(pl.all().replace(-1, None))
    # What only the broker has is not paired with anything, so that nothing else would find it twice.
    alone = broker.select(key).select(
        pl.all().gather(rows.filter(pl.col(_LOCAL).is_null())[_BROKER])
    )
    if _repeats(alone, key).collect().item():
        raise _repeated(key)
    return rows


def _with_numbers(
    local: pl.DataFrame, broker: pl.DataFrame, names: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Replace texts by numbers that are equal where the texts are."""
    both = pl.concat([local.select(names), broker.select(names)]).select(
        pl.all().cast(pl.Categorical).to_physical().cast(pl.Int64)
    )
    return (
        local.with_columns(both.head(local.height)),
        broker.with_columns(both.tail(broker.height)),
    )


def _joined(
    local: pl.DataFrame, broker: pl.DataFrame, key: Sequence[str], values: Sequence[str]
) -> pl.DataFrame:
    pairs = (
        local.lazy()
        .with_row_index(_LOCAL)
        .join(broker.lazy().with_row_index(_BROKER), on=list(key), how="full", suffix="_right")
    )
    is_same: pl.Expr = pl.all_horizontal(
        pl.col(_LOCAL).is_not_null() & pl.col(_BROKER).is_not_null(),
        *((pl.col(name) == pl.col(f"{name}_right")).fill_null(False) for name in values),
    )
    unequal = pairs.filter(~is_same).select(pl.col(_LOCAL, _BROKER).cast(pl.Int64))
    found, *repeats = pl.collect_all([unequal, _repeats(local, key), _repeats(broker, key)])
    if any(frame.item() for frame in repeats):
        raise _repeated(key)
    return found


def _repeats(side: pl.DataFrame, key: Sequence[str]) -> pl.LazyFrame:
    """Return whether a key is repeated; a null is none: rows without a key are told apart by nothing."""
    named = side.lazy().select(key).drop_nulls()
    return named.select(pl.struct(key).n_unique() < pl.len())


def _repeated(key: Sequence[str]) -> InvalidTableError:
    return InvalidTableError(
        "A key occurs more than once on one side", where=", ".join(key),
        remedy="Add up the rows of a key before the sides are compared.",
    )  # fmt: skip


def _refuse_different_types(
    local: pl.DataFrame, broker: pl.DataFrame, names: Sequence[str]
) -> None:
    for name in names:
        mine, yours = local.schema[name], broker.schema[name]
        if mine != yours:
            raise InvalidTableError(
                f"The sides keep {name} as {mine} and as {yours}", where=name,
                remedy="Bring both sides to the same type before they are compared.",
            )  # fmt: skip
