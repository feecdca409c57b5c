"""Decide which clues account for a difference that the broker's own account of events leaves open.

A clue counts only if it accounts for a whole difference to the last digit (of cash: to the cent), alone or with at most
two others; a clue that would merely make a difference smaller proves nothing. A trade counts only beside cash that fits
its price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import combinations

from ballast.money import CENT, ZERO, divide, multiply, scale, to_amount
from ballast.reconciliation.clue_kinds import all_clues
from ballast.reconciliation.clues import Clues
from ballast.reconciliation.findings import Finding

_MOST_TOGETHER = 3
_MOST_CLUES = 14
# How far the price that cash implies may be from the last close.
_PLAUSIBLE_PRICE = Decimal("0.10")
_PLAUSIBLE_RATE = Decimal("0.02")

Residual = dict[str, Decimal]


def infer(residual: Mapping[str, Decimal], clues: Clues) -> list[Finding]:
    """Account for what the broker's events leave open.

    Parameters
    ----------
    residual : mapping of str to Decimal
        broker − local per differing commodity of the account, less what is accounted for already.

    Returns
    -------
    list of Finding
        For each commodity their effects add up to the residual, or to a part of it that they fully account for.
    """
    left = {item: amount for item, amount in residual.items() if amount != ZERO}
    candidates = all_clues(clues)
    securities = sorted(item for item in left if clues.is_security(item))
    currencies = sorted(item for item in left if not clues.is_security(item))
    found = _search(securities, left, candidates, allowed=ZERO)
    found = _paid(found, left, candidates, clues)
    found += _search(currencies, left, candidates, allowed=CENT)
    found += _trades_by_hand(left, clues)
    return found + _exchanges(left, clues)


def _search(
    items: Sequence[str], left: Residual, candidates: list[Finding], *, allowed: Decimal
) -> list[Finding]:
    found: list[Finding] = []
    for item in items:
        for finding in _fitting(left, item, candidates, allowed):
            found.append(finding)
            candidates.remove(finding)
            _take(left, finding.effects)
    return found


def _fitting(
    left: Residual, item: str, candidates: Sequence[Finding], allowed: Decimal
) -> tuple[Finding, ...]:
    """Return the fewest clues that account for the whole difference of an item, and make no other one larger."""
    wanted = left[item]
    if wanted == ZERO:
        return ()
    concerned = [each for each in candidates if each.effects.get(item)][:_MOST_CLUES]
    for size in range(1, _MOST_TOGETHER + 1):
        for chosen in combinations(concerned, size):
            effects = _sums(chosen)
            missing = abs(wanted - effects[item])
            is_one_event_each = len({each.evidence for each in chosen}) == size
            if missing <= allowed and is_one_event_each and _shrink(left, effects):
                return chosen
    return ()


def _sums(findings: Sequence[Finding]) -> Residual:
    sums: Residual = {}
    for finding in findings:
        _take(sums, {name: -amount for name, amount in finding.effects.items()})
    return sums


def _shrink(left: Residual, effects: Mapping[str, Decimal]) -> bool:
    """Say whether effects bring every difference that they touch nearer to nothing."""
    return all(
        abs(left.get(commodity, ZERO) - amount) < abs(left.get(commodity, ZERO))
        for commodity, amount in effects.items()
        if amount != ZERO
    )


def _paid(
    found: Sequence[Finding], left: Residual, candidates: list[Finding], clues: Clues
) -> list[Finding]:
    """Add the cash of filled orders: all that differs in their currency, if it fits their prices.

    A dividend that is due comes first where the rest fits better without it. An order that may not have been filled at
    all counts for nothing without fitting cash.
    """
    unpaid = [each for each in found if each.source == "orders"]
    paid = [each for each in found if each.source != "orders"]
    for currency in sorted({clues.currencies[_symbol(each)] for each in unpaid}):
        own = [each for each in unpaid if clues.currencies[_symbol(each)] == currency]
        expected = _expected(own, clues)
        if expected is not None:
            paid += _due(currency, sum(expected, ZERO), left, candidates)
        costs = None if expected is None else _allotted(expected, left.get(currency, ZERO))
        if costs is not None:
            paid += [_trade(each, currency, cost) for each, cost in zip(own, costs, strict=True)]
            left[currency] = ZERO
            continue
        for each in own:
            if each.needs_cash:
                _take(left, {name: -amount for name, amount in each.effects.items()})
            else:
                paid.append(_trade(each, currency, None))
    return paid


def _due(
    currency: str, expected: Decimal, left: Residual, candidates: list[Finding]
) -> list[Finding]:
    """Return the dividends without which the cash comes nearer to what trades should have cost."""
    found = []
    for each in [c for c in candidates if c.cause == "dividend" and c.effects.get(currency)]:
        amount, cash = each.effects[currency], left.get(currency, ZERO)
        if abs(cash - amount - expected) < abs(cash - expected):
            found.append(each)
            candidates.remove(each)
            _take(left, each.effects)
    return found


def _expected(trades: Sequence[Finding], clues: Clues) -> list[Decimal] | None:
    """Return what trades should have brought or cost at the last closes; None where one is unknown."""
    prices = [clues.prices.get(_symbol(each)) for each in trades]
    return (
        [
            -multiply(each.effects[_symbol(each)], price)
            for each, price in zip(trades, prices, strict=True)
            if price is not None
        ]
        if None not in prices
        else None
    )


def _allotted(expected: Sequence[Decimal], cash: Decimal) -> list[Decimal] | None:
    """Share out cash among trades by what they should have cost; None if it does not fit."""
    total = sum(expected, ZERO)
    if total == ZERO or not _is_near(cash, total, _PLAUSIBLE_PRICE):
        return None
    shares = [scale(cash, each, total) for each in expected[:-1]]
    return [*shares, cash - sum(shares, ZERO)]


def _trades_by_hand(left: Residual, clues: Clues) -> list[Finding]:
    """Return trades that no order asked for: units and cash that moved against each other at about the last close."""
    found = []
    for symbol in sorted(item for item in left if clues.is_security(item)):
        units, currency, price = left[symbol], clues.currencies[symbol], clues.prices.get(symbol)
        cash = left.get(currency, ZERO)
        if (
            units == ZERO
            or price is None
            or not _is_near(cash, -multiply(units, price), _PLAUSIBLE_PRICE)
        ):
            continue
        finding = Finding(
            evidence=f"price {symbol} {clues.session}",
            account_id=clues.account_id,
            cause="manual_trade",
            source="prices",
            description=(
                f"{units.normalize():+f} {symbol} and {cash:+,.2f} {currency} moved against each other, at about the"
                f" last close of {price.normalize():f}; no order of ours asked for it."
            ),
            effects={symbol: units},
        )
        found.append(_trade(finding, currency, cash))
        _take(left, found[-1].effects)
    return found


def _exchanges(left: Residual, clues: Clues) -> list[Finding]:
    """Return exchanges of currency: two balances that moved against each other at about the rate of the session."""
    found = []
    open_items = [
        i for i, amount in sorted(left.items()) if amount != ZERO and not clues.is_security(i)
    ]
    for source in open_items:
        for target in open_items:
            rate = clues.rates.get((source, target))
            given, taken = left[source], left[target]
            if rate is None or source == target or given >= ZERO or taken <= ZERO:
                continue
            if not _is_near(taken, -multiply(given, rate), _PLAUSIBLE_RATE):
                continue
            finding = Finding(
                evidence=f"rate {source}/{target} {clues.session}",
                account_id=clues.account_id,
                cause="fx_conversion",
                source="prices",
                description=(
                    f"{given:,.2f} {source} became {taken:,.2f} {target}, at about the rate of {rate.normalize():f}."
                ),
                effects={source: given, target: taken},
                book=(_adjustment(source, given), _adjustment(target, taken)),
            )
            found.append(finding)
            _take(left, finding.effects)
    return found


def _trade(finding: Finding, currency: str, cash: Decimal | None) -> Finding:
    """Complete a trade with what it cost; without that, its basis stays unknown."""
    symbol = _symbol(finding)
    units = finding.effects[symbol]
    shares = dict(_adjustment(symbol, units))
    if cash is None:
        return replace(finding, book=(shares,))
    shares |= {
        "unit_cost": divide(abs(cash), abs(units)),
        "counter_value": to_amount(abs(cash)),
        "cost_currency": currency,
    }
    return replace(
        finding,
        effects={symbol: units, currency: cash},
        book=(shares, dict(_adjustment(currency, cash)) | {"concerns": symbol}),
    )


def _adjustment(commodity: str, quantity: Decimal) -> Mapping[str, object]:
    return {"kind": "adjustment", "commodity": commodity, "quantity": to_amount(quantity)}


def _symbol(finding: Finding) -> str:
    return next(iter(finding.effects))


def _is_near(amount: Decimal, expected: Decimal, share: Decimal) -> bool:
    return expected != ZERO and abs(amount - expected) <= multiply(abs(expected), share)


def _take(left: Residual, effects: Mapping[str, Decimal]) -> None:
    for commodity, amount in effects.items():
        left[commodity] = left.get(commodity, ZERO) - amount
