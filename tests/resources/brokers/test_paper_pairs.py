"""The paper broker where only some pairs of currencies are offered: in units of their base, never beyond the amount."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.books.broker_events import ExchangeFill
from ballast.trading.currency_pairs import CurrencyPair
from resources.brokers.paper import PaperBroker
from resources.brokers.paper_rules import Refusal, execute
from tests.conformance.bench import State
from tests.resources.brokers.papers import NewStore, event, market, order, paper

D = Decimal
DAY = date(2020, 8, 5)
OPENING = [
    event(number, date(2020, 8, 3), "deposit", currency, amount)
    for number, (currency, amount) in enumerate(
        [("USD", "50000"), ("EUR", "9000"), ("HKD", "900000")], 2
    )
]
EURUSD, HKDEUR = CurrencyPair("EUR", "USD"), CurrencyPair("HKD", "EUR", D(100))


@pytest.fixture
def with_pairs(new_store: NewStore) -> PaperBroker:
    broker = paper(new_store(), OPENING)
    return replace(broker, market=replace(broker.market, pairs=(EURUSD, HKDEUR)))


def test_a_pair_that_is_not_offered_is_refused_in_both_directions(with_pairs: PaperBroker) -> None:
    assert with_pairs.currency_pairs("america") == (EURUSD, HKDEUR)
    before = with_pairs.balances("america", DAY)
    for name, pair in (("1", "USD/HKD"), ("2", "HKD/USD")):
        status = with_pairs.submit(order(name, "exchange", pair, "1000", DAY))
        assert (status.state, status.detail) == ("rejected", f"the pair {pair} is not offered")
    assert with_pairs.balances("america", DAY) == before


def test_a_pair_is_exchanged_in_both_directions_in_units_of_its_base(
    with_pairs: PaperBroker,
) -> None:
    for name, pair in (("1", "EUR/USD"), ("2", "USD/EUR"), ("3", "HKD/EUR"), ("4", "EUR/HKD")):
        assert with_pairs.submit(order(name, "exchange", pair, "1250.01", DAY)).state == "filled"
        status = with_pairs.status("america", f"america.{name}")
        assert status is not None
        (fill,) = status.fills
        assert isinstance(fill, ExchangeFill)
        assert (fill.from_currency, fill.to_currency) == tuple(pair.split("/"))
        assert fill.from_amount <= D("1250.01")
        units = fill.from_amount if pair == "HKD/EUR" else fill.to_amount
        assert "HKD" not in pair or units % 100 == 0
    events = with_pairs.activity("america", DAY)
    assert State().after(*events).cash == with_pairs.balances("america", DAY)  # type: ignore[arg-type]


def test_less_than_one_unit_of_the_pair_buys_nothing(with_pairs: PaperBroker) -> None:
    status = with_pairs.submit(order("1", "exchange", "EUR/HKD", "1.00", DAY))
    assert status.state == "rejected"
    assert "would not yield a cent" in str(status.detail)


@settings(max_examples=150, deadline=None)
@given(
    # Amounts of less than a cent as well: a purchase is rounded up to cents, but not beyond them.
    st.integers(1, 50_000_000).map(lambda thousandths: D(thousandths) / 1000),
    st.sampled_from(["EUR/USD", "USD/EUR", "HKD/EUR", "EUR/HKD"]),
    st.sampled_from(["0.01", "1", "25"]),
)
def test_an_exchange_over_a_pair_never_costs_more_than_its_amount_nor_yields_a_better_rate(
    amount: Decimal, pair: str, increment: str
) -> None:
    step = D(increment)
    offered = replace(
        market(), pairs=(replace(EURUSD, increment=step), replace(HKDEUR, increment=step))
    )
    outcome = execute(
        offered, {"EUR": D(10**7), "USD": D(10**7), "HKD": D(10**7)}, event_id="1",
        side="exchange", symbol=pair, quantity=amount, session=DAY,
        filled_at=datetime(2020, 8, 5, 20, tzinfo=UTC),
    )  # fmt: skip
    source, _, target = pair.partition("/")
    rate = market().rates(DAY).rate(source, target)
    # A sale is in units of the source, a purchase in units of the target.
    is_sale = pair in {"EUR/USD", "HKD/EUR"}
    units = (amount if is_sale else amount * rate) // step * step
    if isinstance(outcome, Refusal):
        assert units == 0 or units * rate < D("0.01")
        return
    gone, arrived, fee = (movement.quantity for movement in outcome)
    assert 0 < -gone <= amount
    assert fee <= 0
    assert (-gone if is_sale else arrived) == units
    # Within the last cent of either side, nothing is gained, and no more than a unit is kept back.
    assert arrived <= (D("0.01") - gone) * rate
    assert amount + gone <= (step if is_sale else step / rate) + D("0.01")
