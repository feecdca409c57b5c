"""Rates of many sessions at once are those of each session alone."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ballast.errors import MissingRateError
from ballast.market.daily_rates import daily_rates
from ballast.market.exchange_rates import cross_rates
from ballast.tables import DailyRates, ReferenceRates
from tests.ballast.builders import D, day, framewise, table

fixings = st.lists(
    st.tuples(
        st.sampled_from(["USD", "GBP"]), st.integers(0, 9), st.decimals("0.01", 200, places=4)
    ),
    max_size=12,
    unique_by=lambda fixing: fixing[:2],
)


@framewise
@given(fixings, st.sampled_from(["EUR", "USD"]), st.integers(0, 4))
def test_every_rate_is_the_one_of_its_session_alone(
    seen: list[tuple[str, int, object]], base: str, age_limit: int
) -> None:
    rows = [{"currency": c, "rate_date": day(n), "per_euro": v} for c, n, v in seen]
    reference = table(ReferenceRates, rows)
    sessions = [day(number) for number in range(10)]
    names = ["EUR", "GBP", "USD"]
    frame = daily_rates(reference, names, base, sessions, age_limit=age_limit)
    DailyRates.validate(frame)
    assert frame.height == 30
    for session, currency, rate, rate_date in frame.iter_rows():
        pair = [currency, base]
        try:
            alone = cross_rates(reference, pair, session, age_limit=age_limit)
        except MissingRateError:
            assert rate is None or currency == base
            continue
        one = alone.row(
            by_predicate=(pl.col("from_currency") == currency) & (pl.col("to_currency") == base),
            named=True,
        )
        assert abs(rate - one["rate"]) <= D("1E-12")
        assert rate_date == one["rate_date"] or currency == base
