"""The last close so far, against a search by hand."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ballast.market.carried_prices import carried_prices
from tests.ballast.builders import D, actions, bar, bars, day, framewise, split

quotes = st.lists(
    st.tuples(st.sampled_from(["AAA", "BBB", "CCC"]), st.integers(0, 12), st.integers(1, 99)),
    max_size=20,
    unique_by=lambda quote: quote[:2],
)
numbers = st.lists(st.integers(0, 12), unique=True, max_size=10).map(sorted)


@framewise
@given(quotes, numbers)
def test_it_is_the_newest_close_up_to_the_session(
    seen: list[tuple[str, int, int]], sessions: list[int]
) -> None:
    rows = [bar(symbol, day(number), float(close)) for symbol, number, close in seen]
    prices = carried_prices(["BBB", "AAA"], [day(n) for n in sessions], bars(*rows), actions())
    wanted = [(s, at) for s in ("AAA", "BBB", "CCC") for at in range(len(sessions))]
    found = prices.look_up(pl.DataFrame(wanted, schema=["s", "at"], orient="row"), "s", "at")
    for symbol, at, price, observed in found.iter_rows():
        known = [(n, c) for s, n, c in seen if s == symbol != "CCC" and n <= sessions[at]]
        newest = max(known, default=None)
        expected = (None, None) if newest is None else (D(newest[1]), day(newest[0]))
        assert (price, observed) == expected


def test_only_a_split_between_close_and_session_restates_it() -> None:
    rows = [bar("AAA", day(n), close) for n, close in ((1, 80.0), (5, 20.0))]
    splits = [split("AAA", day(1), "3"), split("AAA", day(3), "2"), split("AAA", day(4), "2")]
    prices = carried_prices(
        ["AAA"],
        [day(n) for n in range(6)],
        bars(*rows),
        actions(*splits, split("ZZZ", day(3), "9")),
    )
    assert prices.price.to_list() == [None, D(80), D(80), D(40), D(20), D(20)]
