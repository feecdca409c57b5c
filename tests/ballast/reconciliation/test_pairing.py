"""Pairing of two sides, with and without compiled code, against plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.errors import InvalidTableError
from ballast.money import AMOUNT
from ballast.reconciliation import partitioned
from ballast.reconciliation.interning import HashCollisionError, codes_of
from ballast.reconciliation.pairing import differences, side_by_side, unequal_rows
from tests.ballast.builders import D, framewise

SCHEMA = {"account": pl.String, "symbol": pl.String, "quantity": AMOUNT, "price": AMOUNT}
KEY, VALUES = ["account", "symbol"], ["quantity", "price"]
EXACT = {"quantity": D(0), "price": D(0)}

names = st.sampled_from(["a", "b", "", "ü", "a much longer name than fits into a view"])
# Beyond 64 bits of hundred-millionths, at their border, and next to it.
amounts = st.none() | st.integers(-2, 2).map(Decimal) | st.sampled_from(
    [D("92233720368.54775807"), D("-92233720368.54775808"), D("92233720368.54775808"), D(10) ** 20]
)  # fmt: skip
keys = st.tuples(names, names)
sides = st.dictionaries(keys, st.tuples(amounts, amounts), max_size=12)
BOTH_WAYS = pytest.mark.parametrize("is_large", [False, True])

Side = dict[tuple[str, str], tuple[Decimal | None, Decimal | None]]


def frame(side: Side) -> pl.DataFrame:
    return pl.DataFrame([(*key, *values) for key, values in side.items()], SCHEMA, orient="row")


def pairs(rows: pl.DataFrame) -> set[tuple[int | None, int | None]]:
    found = rows.rows()
    assert len(set(found)) == len(found)
    return set(found)


def expected(local: Side, broker: Side) -> set[tuple[int | None, int | None]]:
    """Return the numbers of rows that plain Python finds: dictionaries and a loop over the union."""
    mine, yours = list(local), list(broker)
    found: set[tuple[int | None, int | None]] = set()
    for key in {*mine, *yours}:
        one = mine.index(key) if key in local else None
        other = yours.index(key) if key in broker else None
        is_same = one is not None and other is not None and all(
            a is not None and a == b for a, b in zip(local[key], broker[key], strict=True)
        )  # fmt: skip
        if not is_same:
            found.add((one, other))
    return found


@BOTH_WAYS
@framewise
@given(local=sides, broker=sides)
@example(local={("a", "b"): (None, D(1))}, broker={("a", "b"): (None, D(1))})
@example(local={("a", "b"): (D(10) ** 20, D(1))}, broker={("a", "b"): (D(10) ** 20, D(1))})
def test_every_pair_that_is_not_the_same_is_found_and_nothing_that_is(
    local: Side, broker: Side, is_large: bool
) -> None:
    found = unequal_rows(frame(local), frame(broker), KEY, VALUES, is_large=is_large)
    exactly = expected(local, broker)
    beyond = {
        (list(local).index(key), list(broker).index(key))
        for key in set(local) & set(broker)
        if any(value is not None and abs(value) > 92233720368 for value in local[key])
    }
    # What 64 bits cannot hold is looked at again, so it may be among them though it is the same.
    assert exactly <= pairs(found) <= exactly | beyond
    if not is_large:
        assert pairs(found) == exactly


@framewise
@given(sides, sides)
def test_both_ways_name_the_same_differences(local: Side, broker: Side) -> None:
    one, other = frame(local), frame(broker)
    tables = []
    for is_large in (False, True):
        rows = unequal_rows(one, other, KEY, VALUES, is_large=is_large)
        both = side_by_side(one, other, KEY, VALUES, rows)
        differs = ~pl.all_horizontal(
            (pl.col(f"{name}_local") == pl.col(f"{name}_broker")).fill_null(False)
            for name in VALUES
        )
        tables.append(both.filter(differs).sort(pl.all()))
    assert_frame_equal(*tables)


@pytest.mark.parametrize("count", [0, 1, 4096, 60_000])
@pytest.mark.parametrize("keys_apart", [1, 3, 1 << 33])
def test_many_rows_in_many_parts_are_paired_as_a_join_pairs_them(
    count: int, keys_apart: int
) -> None:
    draw = np.random.default_rng(count)
    keys = (np.arange(count) - count // 2) * keys_apart
    values = draw.integers(0, 7, count)
    order = draw.permutation(count)
    faults = draw.random(count)
    local = pl.DataFrame({"key": keys, "value": values})
    broker = pl.DataFrame(
        {
            "key": np.where(faults < 0.001, keys + count * keys_apart, keys)[order],
            "value": np.where(faults > 0.999, 8, values)[order],
        }
    )
    found = [
        unequal_rows(local[1:], broker[1:], ["key"], ["value"], is_large=is_large)
        for is_large in (False, True)
    ]
    assert pairs(found[0]) == pairs(found[1])
    assert count < 4096 or len(pairs(found[0])) > 2


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_finds_the_same(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    local = pl.DataFrame({"key": range(20_000), "value": range(20_000)})
    broker = local.reverse().with_columns(value=pl.when(pl.col("key") == 77).then(0).otherwise("value"))  # fmt: skip
    found = unequal_rows(local, broker[1:], ["key"], ["value"], is_large=True)
    assert pairs(found) == {(77, 20_000 - 77 - 2), (19_999, None)}


@BOTH_WAYS
@pytest.mark.parametrize("side", ["local", "broker"])
@pytest.mark.parametrize("other", [["x", "y"], ["y"], []])
def test_a_repeated_key_is_refused_on_either_side(
    is_large: bool, side: str, other: list[str]
) -> None:
    twice = pl.DataFrame({"key": ["x", "y", "x"], "value": [1, 2, 3]})
    once = pl.DataFrame(
        {"key": other, "value": [1] * len(other)}, {"key": pl.String, "value": pl.Int64}
    )
    given_sides = (twice, once) if side == "local" else (once, twice)
    with pytest.raises(InvalidTableError, match=r"more than once.*key"):
        unequal_rows(*given_sides, ["key"], ["value"], is_large=is_large)


@BOTH_WAYS
def test_a_key_that_is_null_has_no_partner_and_is_not_passed_over(is_large: bool) -> None:
    side = pl.DataFrame({"key": [None, "x", None], "value": [1, 2, 1]})
    found = unequal_rows(side, side, ["key"], ["value"], is_large=is_large)
    assert pairs(found) == {(0, None), (2, None), (None, 0), (None, 2)}


@BOTH_WAYS
def test_texts_are_compared_as_values_too(is_large: bool) -> None:
    local = pl.DataFrame({"key": [1, 2, 3, 4], "value": ["USD", "EUR", None, "ZAR"]})
    broker = pl.DataFrame({"key": [4, 3, 2, 1], "value": ["ZAR", None, "USD", "USD"]})
    found = unequal_rows(local, broker, ["key"], ["value"], is_large=is_large)
    assert pairs(found) == {(1, 2), (2, 1)}


@BOTH_WAYS
@pytest.mark.parametrize(
    "keys_of",
    [
        [[1, 2], [3, 4]],
        [[-1, 2], [3, 2**40]],
        [[2**32 - 1, 2**32], [0, 1]],
        [[-(2**63), 2**63 - 1], [1, 2]],
    ],
    ids=["interned", "wide", "at the border", "extreme"],
)
def test_whole_numbers_are_keys_whatever_their_size(
    is_large: bool, keys_of: Sequence[list[int]]
) -> None:
    crossed = [(one, other) for one in keys_of[0] for other in keys_of[1]]
    local = pl.DataFrame(crossed, ["one", "other"], orient="row").with_columns(
        value=pl.int_range(pl.len())
    )
    broker = local.reverse().with_columns(value=pl.col("value").replace(3, 9))
    found = unequal_rows(local, broker, ["one", "other"], ["value"], is_large=is_large)
    assert pairs(found) == {(3, 0)}


@BOTH_WAYS
def test_a_key_of_three_columns_is_a_key(is_large: bool) -> None:
    local = pl.DataFrame({"one": [1, 1], "two": [2, 2], "three": [3, 4], "value": [5, 5]})
    broker = local.with_columns(three=pl.Series([3, 5]))
    found = unequal_rows(local, broker, ["one", "two", "three"], ["value"], is_large=is_large)
    assert pairs(found) == {(1, None), (None, 1)}


def test_sides_of_different_types_are_refused() -> None:
    one = pl.DataFrame({"key": ["x"], "value": [1]})
    with pytest.raises(InvalidTableError, match=r"value as Int64 and as Float64"):
        unequal_rows(one, one.cast({"value": pl.Float64}), ["key"], ["value"])


def test_texts_of_one_hash_are_noticed_and_paired_another_way() -> None:
    def weak(texts: pl.Series) -> pl.Series:
        return texts.str.len_bytes().cast(pl.UInt64)

    side = pl.DataFrame({"key": ["aa", "bb"], "value": [1, 2]})
    with pytest.raises(HashCollisionError):
        codes_of(side["key"], weak)
    assert partitioned.unequal_rows(side, side, ["key"], ["value"], weak) is None
    apart = side.with_columns(key=pl.Series(["aa", "bbb"]))
    found = partitioned.unequal_rows(apart, apart[::-1], ["key"], ["value"], weak)
    assert found is not None
    assert found.shape == (0, 2)


@framewise
@given(st.lists(st.text(max_size=20), max_size=50))
def test_equal_texts_have_equal_numbers_and_only_they(texts: list[str]) -> None:
    codes = codes_of(pl.Series(texts, dtype=pl.String)).tolist()
    order = list(dict.fromkeys(texts))
    assert codes == [order.index(text) for text in texts]


def test_the_table_of_texts_grows_with_them() -> None:
    texts = pl.Series([f"text {n % 70_000}" for n in range(150_000)])
    assert codes_of(texts).tolist() == [n % 70_000 for n in range(150_000)]


def test_each_difference_is_named_once_with_both_values() -> None:
    same, unknown = (D(1), D(5)), (D(1), None)
    local: Side = {
        ("a", "same"): same, ("a", "near"): same, ("a", "both"): same, ("a", "mine"): unknown,
        ("a", "price"): unknown, ("a", "neither"): unknown,
    }  # fmt: skip
    broker: Side = {
        ("a", "same"): same, ("a", "near"): (D(1), D("5.1")), ("a", "both"): (D(3), D(4)),
        ("b", "mine"): unknown, ("a", "price"): same, ("a", "neither"): unknown,
    }  # fmt: skip
    found = differences(frame(local), frame(broker), KEY, {"quantity": D(0), "price": D("0.1")})
    assert found.select(*KEY, "field", "kind", "local_value", "broker_value", "difference").rows() == [
        ("a", "both", "price", "differs", D(5), D(4), D(-1)),
        ("a", "both", "quantity", "differs", D(1), D(3), D(2)),
        ("a", "mine", "quantity", "missing_broker", D(1), None, None),
        ("a", "neither", "price", "unknown", None, None, None),
        ("a", "price", "price", "unknown", None, D(5), None),
        ("b", "mine", "quantity", "missing_local", None, D(1), None),
    ]  # fmt: skip


@framewise
@given(sides, sides)
def test_differences_from_the_other_side_are_the_same_with_the_signs_turned(
    local: Side, broker: Side
) -> None:
    there = differences(frame(local), frame(broker), KEY, EXACT)
    back = differences(frame(broker), frame(local), KEY, EXACT)
    turned = {"missing_local": "missing_broker", "missing_broker": "missing_local"}
    assert_frame_equal(
        there,
        back.select(
            *KEY,
            "field",
            pl.col("kind").replace(turned),
            local_value="broker_value",
            broker_value="local_value",
            difference=-pl.col("difference"),
        ),
    )


@framewise
@given(sides)
def test_a_side_beside_itself_differs_only_in_what_it_does_not_know(side: Side) -> None:
    found = differences(frame(side), frame(side), KEY, EXACT)
    assert set(found["kind"]) <= {"unknown"}
    assert found.height == sum(value is None for values in side.values() for value in values)
