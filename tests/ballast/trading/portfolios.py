"""Random portfolios that are short of cash, with what their brokers do to them; the same for the same seed."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

from ballast.settings import CostSettings
from ballast.trading.costs import Costs
from ballast.trading.currency_pairs import CurrencyPair
from ballast.trading.emergency import Policy, Situation
from ballast.trading.sales import SaleCosts, SaleLot, SalePolicy, Sellable
from tests.ballast.trading.episodes import Broker
from tests.ballast.trading.markets import CURRENCIES, rates_from

ZERO = Decimal(0)
_PER_EURO = {"USD": (80, 160), "GBP": (70, 100), "HKD": (700, 1100), "JPY": (9000, 17000)}
_POLICIES: tuple[SalePolicy, ...] = ("least_cost", "least_cost", "largest_first")


def portfolio(seed: int) -> tuple[Broker, Policy]:
    """Draw an account that is short of cash in at least one currency, its broker and its policy."""
    chance = random.Random(seed)
    costs = _costs(chance)
    sellable = tuple(_holding(chance, number, costs) for number in range(chance.randint(0, 6)))
    pairs = _pairs(chance)
    start = Situation(
        "a",
        chance.choice(["EUR", "USD"]),
        _balances(chance, costs),
        sellable,
        frozenset(),
        minimums=_minimums(chance, costs),
        offered_pairs=pairs,
    )
    names = [s.symbol for s in sellable]
    if pairs is None:
        names += [f"{a}/{b}" for a in CURRENCIES for b in CURRENCIES if a != b]
    else:
        names += [f"{p.base}/{p.quote}" for p in pairs] + [f"{p.quote}/{p.base}" for p in pairs]
    hindered = chance.random() < 0.6
    broker = Broker(
        start,
        costs,
        chance,
        halted_until={
            name: chance.choice([1, 2, 99]) for name in _some(chance, names, 0.1 * hindered)
        },
        refusing=frozenset(_some(chance, names, 0.1 * hindered)),
        partial_fills={name: chance.randint(1, 2) for name in _some(chance, names, 0.2)},
        settlement_days=chance.choice([0, 0, 1, 2]),
        fill_days=chance.choice([0, 0, 1]),
    )
    sale_costs = SaleCosts(
        Decimal(chance.choice(["0", "0.25"])), Decimal(chance.choice(["0", "0.01"]))
    )
    buffer = Decimal(chance.choice(["0.02", "0.05"]))
    return broker, Policy(buffer, Decimal("0.02"), chance.choice(_POLICIES), sale_costs)


def _costs(chance: random.Random) -> Costs:
    per_euro = {"EUR": Fraction(1)}
    for currency, (low, high) in _PER_EURO.items():
        per_euro[currency] = Fraction(chance.randint(low * 100, high * 100), 10_000)
    settings = CostSettings(
        fixed=Decimal(chance.randint(0, 500)).scaleb(-2),
        currency=chance.choice(["EUR", "GBP", "USD"]),
        percent=Decimal(chance.randint(0, 50)).scaleb(-4),
        exchange_percent=Decimal(chance.choice([0, 5, 20, 100])).scaleb(-4),
    )
    return Costs(settings, rates_from(per_euro))


def _amount(chance: random.Random, costs: Costs, currency: str, high: int) -> Decimal:
    """Draw an amount of a currency that is worth up to as many euros, one in three a hundredth of it."""
    share = Decimal(chance.choice(["1", "1", "0.01"]))
    euros = Decimal(chance.randint(1, high * 100)).scaleb(-2) * share
    return (euros * costs.rates.rate("EUR", currency)).quantize(Decimal("0.01"))


def _balances(chance: random.Random, costs: Costs) -> dict[str, Decimal]:
    names = chance.sample(CURRENCIES, chance.randint(1, 5))
    drawn = {name: _amount(chance, costs, name, 10_000) for name in names}
    signed = {name: amount * chance.choice([1, 1, -1, 0]) for name, amount in drawn.items()}
    short = chance.choice(names)
    return signed | {short: -drawn[short] - Decimal("0.01")}


def _minimums(chance: random.Random, costs: Costs) -> dict[str, Decimal]:
    if chance.random() < 0.7:
        return {}
    return {
        name: _amount(chance, costs, name, 500) for name in _some(chance, list(CURRENCIES), 0.4)
    }


def _holding(chance: random.Random, number: int, costs: Costs) -> Sellable:
    currency = chance.choice(CURRENCIES)
    price = max(_amount(chance, costs, currency, 500), Decimal("0.01"))
    lot = chance.choice([Decimal(1), Decimal(1), Decimal(100), Decimal("0.5")])
    value = _amount(chance, costs, currency, 10_000)
    quantity = max(1, int(value / price)) + chance.choice([ZERO, Decimal("0.25")])
    lots = tuple(
        SaleLot(quantity / 4, chance.choice([None, price / 2, price * 2]))
        for _ in range(chance.randint(0, 4))
    )
    target = chance.choice([None, ZERO, Decimal(chance.randint(0, 10_000))])
    return Sellable(f"S{number}", quantity, price, currency, lot, lots, target)


def _pairs(chance: random.Random) -> tuple[CurrencyPair, ...] | None:
    if chance.random() < 0.3:
        return None
    every = [(a, b) for n, a in enumerate(CURRENCIES) for b in CURRENCIES[n + 1 :]]
    chosen = [(a, b) for a, b in every if a == "EUR" or chance.random() < 0.3]
    if chance.random() < 0.3:
        chosen = chance.sample(every, chance.randint(0, 6))
    turned = [(b, a) if chance.random() < 0.5 else (a, b) for a, b in chosen]
    increments = [Decimal("0.01"), Decimal("0.01"), Decimal(1)]
    return tuple(CurrencyPair(a, b, chance.choice(increments)) for a, b in turned)


def _some(chance: random.Random, names: list[str], share: float) -> list[str]:
    return [name for name in names if chance.random() < share]
