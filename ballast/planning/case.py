"""Everything that decides one account's plan, as one value that can be stored, hashed and planned again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from pydantic import TypeAdapter

from ballast.market.exchange_rates import Rates
from ballast.money import ZERO, multiply
from ballast.planning.account import Account, Candidate
from ballast.planning.draft import Drafting
from ballast.settings import CostSettings, PlannerSettings
from ballast.trading.costs import Costs
from ballast.trading.sales import SaleLot, basis_used_up

_HASH_DIGITS = 16


@dataclass(frozen=True)
class SecurityFacts:
    """What the planner knows of a security in one account beside its price; a figure that nobody knows is None.

    Parameters
    ----------
    group : str or None
        Country group; None where it belongs to no group with a target.
    preference : float
        Multiplies the priority of purchases and divides that of sales.
    return_score, promise_score, stability_score, quality : float or None
        Scores between 0 and 1.
    dividend_yield : float or None
        Dividends of a year over the price.
    average_cost : Decimal or None
        Per unit, in the currency of the quotation.
    windfall_share : float or None
        Share of the holding that the windfall rule sells; None where it sells nothing.
    no_purchase, no_sale : str or None
        Why it may not be bought or sold now; None where it may.
    lots : tuple of SaleLot
        In the order in which a sale uses them up.
    """

    symbol: str
    name: str = ""
    country: str | None = None
    industry: str | None = None
    group: str | None = None
    preference: float = 1.0
    return_score: float | None = None
    promise_score: float | None = None
    stability_score: float | None = None
    dividend_yield: float | None = None
    quality: float | None = None
    average_cost: Decimal | None = None
    windfall_share: float | None = None
    windfall_score: float | None = None
    windfall_reason: str | None = None
    no_purchase: str | None = None
    no_sale: str | None = None
    lots: tuple[SaleLot, ...] = ()


@dataclass(frozen=True)
class PlanningCase:
    """One account, what is known of its securities, the market's rates and costs, and the settings that hold.

    Parameters
    ----------
    securities : tuple of SecurityFacts
        One per candidate of the account.
    group_targets : mapping of str to float
        Wanted share of the account's value per country group.
    rates : mapping of str to Decimal
        FROM/TO → units of TO per one FROM.
    pending : tuple of str
        Open orders of earlier sessions, in words.
    volatilities : mapping of str to float
        Annual volatility of each security's daily returns, where it is known.
    correlations : mapping of str to float
        ONE|OTHER → correlation of two securities, where it is known.
    targets_only : bool
        Whether it is planned by targets even where there are none; else an account without any is planned by rules.
    single_position : bool
        Whether an order must open a position from nothing or close the whole of one.
    slippage : Decimal
        How much worse than its price a trade may be filled and must still leave the reserve.
    code : str
        Version of the code: another may come to another plan.
    configuration : str
        Fingerprint of the portfolio file.
    """

    account: Account
    securities: tuple[SecurityFacts, ...]
    group_targets: Mapping[str, float]
    rates: Mapping[str, Decimal]
    costs: CostSettings
    planner: PlannerSettings
    pending: tuple[str, ...] = ()
    volatilities: Mapping[str, float] | None = None
    correlations: Mapping[str, float] | None = None
    targets_only: bool = False
    single_position: bool = False
    slippage: Decimal = Decimal(0)
    code: str = ""
    configuration: str = ""

    @cached_property
    def facts(self) -> dict[str, SecurityFacts]:
        """Facts per symbol; of a candidate without any, nothing is known."""
        known = {facts.symbol: facts for facts in self.securities}
        symbols = [candidate.symbol for candidate in self.account.candidates]
        return {symbol: known.get(symbol, SecurityFacts(symbol)) for symbol in symbols}

    @property
    def drafting(self) -> Drafting:
        """Draws up what orders lead to, taxes and slippage included."""
        return Drafting(self.account, self.market, self.tax, self.slippage)

    def tax(self, candidate: Candidate, quantity: Decimal) -> Decimal:
        """Return the tax on the gain of a trade in base currency; a loss is not credited.

        What has no known cost is taken for gain, the worst case. A purchase (positive quantity) is not taxed.
        """
        if quantity >= ZERO or self.planner.gain_tax == ZERO:
            return ZERO
        cost = basis_used_up(self.facts[candidate.symbol].lots, -quantity)
        gain = multiply(-quantity, candidate.price or ZERO) - cost
        tax = multiply(self.planner.gain_tax, max(gain, ZERO))
        return self.market.rates.convert(tax, candidate.currency, self.account.base_currency)

    @cached_property
    def market(self) -> Costs:
        """What trading costs at the rates of the case."""
        return Costs(self.costs, Rates.by_names(self.rates))

    def canonical_json(self) -> str:
        """Return the case as text: the order of inputs and the way in which a number is written do not matter."""
        return json.dumps(_canonical(_ADAPTER.dump_python(self)), sort_keys=True)

    @cached_property
    def inputs_hash(self) -> str:
        """Hash of everything that decides the plan."""
        return _digest(self.canonical_json())

    @cached_property
    def portfolio_hash(self) -> str:
        """Hash of what is held, of the cash, and of the orders that are open."""
        held = {c.symbol: c.quantity for c in self.account.candidates if c.quantity}
        facts = {"held": held, "cash": self.account.cash, "pending": sorted(self.pending)}
        return _digest(json.dumps(_canonical(facts), sort_keys=True))

    @cached_property
    def settings_hash(self) -> str:
        """Hash of the settings that decide the plan: costs, planner and reserve."""
        reserve = [self.account.reserve_share, self.account.reserve_floor, self.slippage]
        facts = {
            "costs": self.costs.model_dump(),
            "planner": self.planner.model_dump(),
            "reserve": reserve,
        }
        return _digest(json.dumps(_canonical(facts), sort_keys=True))

    @cached_property
    def allocation_hash(self) -> str:
        """Hash of the targets of securities and groups."""
        targets = {c.symbol: c.target for c in self.account.candidates if c.target}
        facts = {"targets": targets, "groups": self.group_targets}
        return _digest(json.dumps(_canonical(facts), sort_keys=True))

    def value_base(self, quantity: Decimal, price: Decimal, currency: str) -> Decimal:
        """Return a value in the base currency of the account."""
        return self.market.rates.convert(
            multiply(quantity, price), currency, self.account.base_currency
        )


def case_from_json(text: str) -> PlanningCase:
    """Read what `canonical_json` has written."""
    return _ADAPTER.validate_json(text)


def _canonical(value: object) -> object:
    """Write equal values alike: 1 and 1.00 are one input, and so are two orders of the same candidates."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _canonical(found) for key, found in value.items()}
    if isinstance(value, (list, tuple)):
        found = [_canonical(entry) for entry in value]
        symbols = [
            entry["symbol"] for entry in found if isinstance(entry, dict) and "symbol" in entry
        ]
        if len(symbols) < len(found):
            return found
        order = sorted(range(len(found)), key=lambda place: str(symbols[place]))
        return [found[place] for place in order]
    return value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]


_ADAPTER = TypeAdapter(PlanningCase)
