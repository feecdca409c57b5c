"""One convention for exchange rates, and an error where one is missing."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.errors import MissingRateError
from ballast.market.exchange_rates import Rates, cross_rates
from ballast.tables import ReferenceRates
from tests.ballast.builders import D, Row, day, framewise, table

CURRENCIES = ("EUR", "USD", "HKD", "JPY")
fixings = st.decimals("0.01", 20000, places=4)
quotations = st.fixed_dictionaries({c: fixings for c in CURRENCIES if c != "EUR"})


def fixing(currency: str, per_euro: str | Decimal, on: int = 10) -> Row:
    return {"currency": currency, "per_euro": D(per_euro), "rate_date": day(on)}


def reference(*rows: Row) -> pl.DataFrame:
    return table(ReferenceRates, rows)


def crossed(*rows: Row, currencies: tuple[str, ...] = ("EUR", "USD"), on: int = 10) -> pl.DataFrame:
    return cross_rates(reference(*rows), currencies, day(on), age_limit=7)


def rates(*rows: Row, **more: object) -> Rates:
    return Rates.of(crossed(*rows, **more))


def test_a_rate_is_the_units_of_the_target_per_one_of_the_source() -> None:
    found = rates(fixing("USD", "1.25"), fixing("HKD", "10"), currencies=CURRENCIES[:3])
    assert found.rate("EUR", "USD") == D("1.25")
    assert found.rate("USD", "EUR") == D("0.8")
    assert found.rate("USD", "HKD") == D(8)
    assert found.convert(D(100), "USD", "EUR") == D(80)


@framewise
@given(quotations)
def test_every_pair_is_the_quotient_of_its_fixings(per_euro: dict[str, Decimal]) -> None:
    found = rates(*(fixing(c, value) for c, value in per_euro.items()), currencies=CURRENCIES)
    units = {"EUR": Fraction(1)} | {c: Fraction(value) for c, value in per_euro.items()}
    for source in CURRENCIES:
        for target in CURRENCIES:
            exactly = units[target] / units[source]
            assert abs(Fraction(found.rate(source, target)) - exactly) <= Fraction(5, 10**13)


@framewise
@given(quotations)
def test_there_and_back_is_one_within_the_last_digits(per_euro: dict[str, Decimal]) -> None:
    found = rates(*(fixing(c, value) for c, value in per_euro.items()), currencies=CURRENCIES)
    for source in CURRENCIES:
        for target in CURRENCIES:
            there, back = found.rate(source, target), found.rate(target, source)
            # Each is rounded by half a unit of the twelfth decimal, which the other one multiplies.
            assert abs(there * back - 1) <= (there + back + 1) * D("5e-13")


@framewise
@given(quotations, st.decimals(0, 10**9, places=2))
def test_converting_what_is_needed_gives_what_was_wanted(
    per_euro: dict[str, Decimal], wanted: Decimal
) -> None:
    found = rates(*(fixing(c, value) for c, value in per_euro.items()), currencies=CURRENCIES)
    for source in CURRENCIES:
        rate = found.rate(source, "USD")
        given_up = found.needed(wanted, "USD", source)
        assert abs(found.convert(given_up, source, "USD") - wanted) <= rate * D("1e-8") + D("1e-8")


def test_every_ordered_pair_occurs_once_a_currency_with_itself_included() -> None:
    frame = crossed(fixing("USD", "1.25"), currencies=("USD", "EUR", "USD"))
    assert frame.select("from_currency", "to_currency").rows() == [
        ("EUR", "EUR"), ("EUR", "USD"), ("USD", "EUR"), ("USD", "USD"),
    ]  # fmt: skip
    own = frame.filter(pl.col("from_currency") == pl.col("to_currency"))
    assert own["rate"].to_list() == [D(1), D(1)]


def test_the_newest_fixing_counts_and_later_ones_are_ignored() -> None:
    rows = [fixing("USD", "1.1", 8), fixing("USD", "1.2", 9), fixing("USD", "9", 11)]
    assert rates(*rows).rate("EUR", "USD") == D("1.2")
    assert_frame_equal(crossed(*reversed(rows)), crossed(*rows[:2]))


def test_the_date_of_a_rate_is_that_of_the_older_fixing() -> None:
    frame = crossed(fixing("USD", "1.25", 8), fixing("HKD", "9", 9), currencies=CURRENCIES[:3])
    dates = {(a, b): on for a, b, _, on in frame.iter_rows()}
    assert dates["USD", "HKD"] == dates["HKD", "USD"] == dates["EUR", "USD"] == day(8)
    assert dates["EUR", "HKD"] == day(9)
    assert dates["EUR", "EUR"] == day(10)


def test_a_fixing_at_the_age_limit_is_usable_and_one_day_older_is_missing() -> None:
    assert rates(fixing("USD", "1.25", 3)).rate("EUR", "USD") == D("1.25")
    with pytest.raises(MissingRateError, match="USD"):
        crossed(fixing("USD", "1.25", 2))


@pytest.mark.parametrize(
    "rows", [[], [fixing("USD", "0")], [fixing("USD", "-1.1")], [fixing("USD", "1.1", 11)]]
)
def test_a_missing_or_impossible_rate_is_an_error_that_names_the_currency(rows: list[Row]) -> None:
    with pytest.raises(MissingRateError, match="USD") as error:
        crossed(*rows, fixing("HKD", "9"), currencies=CURRENCIES[:3])
    assert "HKD" not in str(error.value)


def test_every_missing_currency_is_named_at_once() -> None:
    with pytest.raises(MissingRateError, match="HKD, USD"):
        crossed(currencies=CURRENCIES[:3])


def test_the_euro_needs_no_fixing_and_cannot_be_given_another_one() -> None:
    assert rates(fixing("EUR", "2"), currencies=("EUR",)).rate("EUR", "EUR") == D(1)


def test_an_unknown_pair_is_never_one() -> None:
    found = rates(fixing("USD", "1.25"))
    for ask in (found.rate, lambda a, b: found.convert(D(5), a, b)):
        with pytest.raises(MissingRateError, match="JPY"):
            ask("JPY", "EUR")
    with pytest.raises(MissingRateError, match="JPY"):
        found.needed(D(5), "EUR", "JPY")


def test_nothing_and_the_same_currency_need_no_rate() -> None:
    nothing = Rates({})
    assert nothing.convert(D(0), "JPY", "EUR") == D(0)
    assert nothing.convert(D("5.5"), "JPY", "JPY") == D("5.5")
    assert nothing.rate("JPY", "JPY") == D(1)
