"""The choice of sales: the fewest trades, and among equally few the least stated cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from ballast.trading.sales import Sale, SaleCosts, SaleLot, Sellable, choose_sales
from tests.ballast.trading.markets import cents, fee_of, rates_from

_examples = settings(max_examples=150, deadline=None)
COSTS = Costs(CostSettings(), rates_from({"EUR": 1, "USD": 2, "HKD": 10}))
FREE = SaleCosts()
# Amounts are rounded to eight decimals on the way.
TINY = Fraction(1, 10**5)


@st.composite
def _holdings(draw: st.DrawFn) -> tuple[Sellable, ...]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        quantity = Decimal(draw(st.integers(1, 11))) / 2
        price = draw(cents(1, 300))
        basis = st.one_of(st.none(), cents(0, 400))
        lots = draw(st.lists(st.builds(SaleLot, st.just(Decimal(2)), basis), max_size=3))
        target = draw(st.one_of(st.none(), cents(0, 900)))
        currency = draw(st.sampled_from(["EUR", "USD", "HKD"]))
        lot_size = draw(st.sampled_from([Decimal(1), Decimal("0.5"), Decimal(2)]))
        found.append(
            Sellable(f"S{number}", quantity, price, currency, lot_size, tuple(lots), target)
        )
    return tuple(found)


_sale_costs = st.builds(
    SaleCosts,
    st.sampled_from([Decimal(0), Decimal("0.25")]),
    st.sampled_from([Decimal(0), Decimal("0.02")]),
)


def _rate(holding: Sellable) -> Fraction:
    return Fraction(COSTS.rates.rate(holding.currency, "EUR"))


def _proceeds(holding: Sellable, quantity: Decimal) -> Fraction:
    value = (quantity * holding.price).quantize(Decimal("0.01"))
    return Fraction(value - fee_of(value, holding.currency, COSTS)) * _rate(holding)


def _cost(holding: Sellable, quantity: Decimal, stated: SaleCosts) -> Fraction:
    """State the cost of a sale share by half-share: each is taken from the lot whose turn it is."""
    value = (quantity * holding.price).quantize(Decimal("0.01"))
    halves = [lot.unit_cost for lot in holding.lots for _ in range(int(lot.quantity * 2))]
    used = halves[: int(quantity * 2)]
    gain = value - sum((cost / 2 for cost in used if cost is not None), Decimal(0))
    held = Fraction(holding.quantity * holding.price) * _rate(holding)
    kept = held - Fraction(value) * _rate(holding)
    target = holding.target_value
    away = 0 if target is None else abs(kept - Fraction(target)) - abs(held - Fraction(target))
    fee = Fraction(fee_of(value, holding.currency, COSTS)) * _rate(holding)
    tax = Fraction(stated.gain_tax) * Fraction(gain) * _rate(holding)
    return fee + tax + Fraction(stated.drift_cost) * away


def _quantities(holding: Sellable) -> list[Decimal]:
    lots = int(holding.quantity / holding.lot_size)
    return [n * holding.lot_size for n in range(lots + 1)]


def _every_choice(holdings: Sequence[Sellable], needed: Decimal) -> Iterator[dict[str, Decimal]]:
    """Enumerate all quantities of all holdings that cover the need, each sale worth more than its fee."""
    for chosen in product(*(_quantities(holding) for holding in holdings)):
        sold = {h.symbol: q for h, q in zip(holdings, chosen, strict=True) if q > 0}
        gains = [_proceeds(h, sold[h.symbol]) for h in holdings if h.symbol in sold]
        if all(gain > 0 for gain in gains) and sum(gains) >= needed:
            yield sold


def _is_one_partial(
    holdings: Sequence[Sellable], sold: dict[str, Decimal], needed: Decimal
) -> bool:
    """All are sold whole but one, of which a lot less would not do."""
    by_symbol = {h.symbol: h for h in holdings}
    for partial, quantity in sold.items():
        others = [s for s in sold if s != partial]
        if any(sold[s] != _quantities(by_symbol[s])[-1] for s in others):
            continue
        fewer = sold | {partial: quantity - by_symbol[partial].lot_size}
        if sum(_proceeds(by_symbol[s], q) for s, q in fewer.items()) < needed:
            return True
    return False


@_examples
@given(_holdings(), cents(0, 2500), _sale_costs, st.sampled_from(["least_cost", "largest_first"]))
def test_sales_are_whole_lots_of_what_is_held_and_cover_the_need_or_are_everything(
    holdings: tuple[Sellable, ...], needed: Decimal, stated: SaleCosts, policy: str
) -> None:
    sales = choose_sales(holdings, needed, COSTS, "EUR", policy, stated)  # type: ignore[arg-type]
    held = {h.symbol: h for h in holdings}
    assert len({sale.symbol for sale in sales}) == len(sales)
    for sale in sales:
        assert 0 < sale.quantity <= held[sale.symbol].quantity
        assert sale.quantity % held[sale.symbol].lot_size == 0
        assert _proceeds(held[sale.symbol], sale.quantity) > 0
    raised = sum(_proceeds(held[sale.symbol], sale.quantity) for sale in sales)
    useful = {h.symbol for h in holdings if _proceeds(h, _quantities(h)[-1]) > 0}
    everything = {s: _quantities(held[s])[-1] for s in useful}
    is_everything = {sale.symbol: sale.quantity for sale in sales} == everything
    assert raised >= needed or is_everything


@settings(max_examples=80, deadline=None)
@given(_holdings(), cents(1, 1500), _sale_costs)
def test_no_choice_has_fewer_trades_and_none_of_its_kind_costs_less(
    holdings: tuple[Sellable, ...], needed: Decimal, stated: SaleCosts
) -> None:
    sales = choose_sales(holdings, needed, COSTS, "EUR", "least_cost", stated)
    possible = list(_every_choice(holdings, needed))
    if not possible:
        return
    fewest = min(len(sold) for sold in possible)
    assert len(sales) == fewest
    by_symbol = {h.symbol: h for h in holdings}

    def cost(sold: dict[str, Decimal]) -> Fraction:
        return sum((_cost(by_symbol[s], q, stated) for s, q in sold.items()), Fraction(0))

    rivals = [
        cost(sold)
        for sold in possible
        if len(sold) == fewest and _is_one_partial(holdings, sold, needed)
    ]
    chosen = cost({sale.symbol: sale.quantity for sale in sales})
    assert abs(chosen - min(rivals)) <= TINY
    assert abs(chosen - sum(_stated(sale) for sale in sales)) <= TINY


def _stated(sale: Sale) -> Fraction:
    assert sale.cost is not None
    return Fraction(sale.cost.total)


def _holding(symbol: str, cost: str | None, **facts: object) -> Sellable:
    lots = (SaleLot(Decimal(100), None if cost is None else Decimal(cost)),)
    holding = Sellable(symbol, Decimal(100), Decimal(50), "EUR", Decimal(1), lots)
    return replace(holding, **facts)  # type: ignore[arg-type]


def _symbols(*holdings: Sellable, stated: SaleCosts, needed: str = "1000") -> list[str]:
    sales = choose_sales(holdings, Decimal(needed), COSTS, "EUR", "least_cost", stated)
    return [sale.symbol for sale in sales]


def test_a_loss_is_sold_before_a_gain_and_an_unknown_basis_last() -> None:
    taxed = SaleCosts(gain_tax=Decimal("0.25"))
    gain, loss, unknown = _holding("G", "20"), _holding("L", "80"), _holding("U", None)
    assert _symbols(gain, loss, unknown, stated=taxed) == ["L"]
    assert _symbols(gain, unknown, stated=taxed) == ["G"]
    assert _symbols(unknown, replace(gain, lots=()), stated=taxed) == ["G"]


def test_what_is_above_its_target_is_sold_before_what_is_below() -> None:
    drift = SaleCosts(drift_cost=Decimal("0.01"))
    above = _holding("Z", None, target_value=Decimal(1000))
    below = _holding("A", None, target_value=Decimal(9000))
    assert _symbols(above, below, stated=drift) == ["Z"]


def test_one_dear_sale_is_preferred_to_two_cheap_ones() -> None:
    taxed = SaleCosts(gain_tax=Decimal("0.25"))
    small = [_holding(s, "80", quantity=Decimal(15)) for s in ("A", "B")]
    assert _symbols(*small, _holding("G", "1"), stated=taxed) == ["G"]


def test_a_sale_uses_up_lots_in_their_order() -> None:
    lots = (SaleLot(Decimal(5), Decimal(50)), SaleLot(Decimal(95), Decimal(0)))
    holding = _holding("A", None, lots=lots)
    taxed = SaleCosts(gain_tax=Decimal("0.5"))
    (small,) = choose_sales([holding], Decimal(200), COSTS, "EUR", "least_cost", taxed)
    (larger,) = choose_sales([holding], Decimal(300), COSTS, "EUR", "least_cost", taxed)
    assert small.cost is not None
    assert larger.cost is not None
    assert (small.quantity, small.cost.tax) == (Decimal(5), Decimal(0))
    assert (larger.quantity, larger.cost.tax) == (Decimal(7), Decimal(50))


@pytest.mark.parametrize("number", [3, 40])
def test_of_many_holdings_the_choice_stays_small_and_covers_the_need(number: int) -> None:
    # Of forty holdings a dozen can be chosen in more than five thousand million ways.
    holdings = [_holding(f"S{n:02}", str(n), quantity=Decimal(10)) for n in range(number)]
    needed = Decimal(490 * min(number, 12))
    taxed = SaleCosts(gain_tax=Decimal("0.25"))
    sales = choose_sales(holdings, needed, COSTS, "EUR", "least_cost", taxed)
    raised = sum(_proceeds(holdings[int(s.symbol[1:])], s.quantity) for s in sales)
    assert raised >= needed
    assert len(sales) == min(number, 12)


def test_nothing_is_sold_for_nothing() -> None:
    assert choose_sales([_holding("A", "1")], Decimal(0), COSTS, "EUR", "least_cost", FREE) == ()
