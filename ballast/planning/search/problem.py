"""One account's problem as arrays: what it holds, which trades it may make, and what an end state is worth."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from ballast.errors import BallastError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

NO_GROUP = -1
# Rounding of a sum of amounts, relative to the account's value.
TOLERANCE = 1e-12


class ProblemError(BallastError):
    """A problem is refused because its arrays contradict each other or say nothing that can be planned."""


@dataclass(frozen=True)
class Profile:
    """How much each part of the end-state score counts (docs/search.md).

    Parameters
    ----------
    expected_return, diversification, promise, stability, opinion : float
        Weights a, b, c, d, e, none negative; `diversification` weighs the portfolio score: groups, dividends, quality.
    """

    expected_return: float
    diversification: float
    promise: float
    stability: float
    opinion: float


BALANCED = Profile(0.35, 0.25, 0.20, 0.15, 0.05)
CONSERVATIVE = Profile(0.25, 0.30, 0.20, 0.20, 0.05)
AGGRESSIVE = Profile(0.45, 0.20, 0.25, 0.05, 0.05)


@dataclass(frozen=True, eq=False)
class Problem:
    """What a search is about: n securities in sorted order, m candidate trades, g target groups.

    All amounts are floats in the base currency of the account; scores run from 0 to 1.

    Parameters
    ----------
    holdings : array of n
        Value per security now, never negative.
    cash : float
        May be negative.
    reserve_share, reserve_floor : float
        What a sequence that buys must leave in cash: the larger of this share of the total after it (0 to 1) and this
        amount. A sequence that only sells needs no reserve.
    trade_security : array of m
        Index into the securities.
    trade_value : array of m
        Gross value; positive buys, negative sells.
    trade_cost : array of m
        Fees, an exchange of currency included; never negative.
    trade_tax : array of m
        Tax on the realised gain of a sale, negative for a loss that saves tax; 0 for purchases.
    trade_priority : array of m
        As the candidates' section gives it; the named views use it.
    trade_category : array of m
        Codes of `ballast.planning.search.views.Category`.
    return_score, promise_score, stability_score : array of n
        Expected return (TR), long-term promise (LP) and stability (ST), where missing has become the neutral 0.5.
    dividend_yield, quality : array of n
        Yield as a fraction, and the security score.
    group : array of n
        Index of the country group, or -1 where it belongs to none that has a target.
    group_targets : array of g
        Wanted share of each group.
    targets : array of n
        Wanted weights; nan where there is none, and then the security does not count in the tracking error.
    covariance : array of (n, n), optional
        Of returns; the tracking error is a volatility over the same horizon. Without it, it is the active share.
    profile : Profile
    cost_penalty : float
        What is taken off the score for each unit of (costs and taxes ÷ total), besides what they take from cash.

    Raises
    ------
    ProblemError
        If shapes disagree, a number is not finite, or a sign is impossible.
    """

    holdings: F64
    cash: float
    reserve_share: float
    reserve_floor: float
    trade_security: I64
    trade_value: F64
    trade_cost: F64
    trade_tax: F64
    trade_priority: F64
    trade_category: I64
    return_score: F64
    promise_score: F64
    stability_score: F64
    dividend_yield: F64
    quality: F64
    group: I64
    group_targets: F64
    targets: F64
    covariance: F64 | None = None
    profile: Profile = BALANCED
    cost_penalty: float = 0.1

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_numbers(self)

    @property
    def securities(self) -> int:
        """Number of securities."""
        return len(self.holdings)

    @property
    def trades(self) -> int:
        """Number of candidate trades."""
        return len(self.trade_security)

    @property
    def groups(self) -> int:
        """Number of groups that have a target."""
        return len(self.group_targets)

    @property
    def total(self) -> float:
        """Value of everything now: holdings and cash."""
        return float(self.holdings.sum() + self.cash)

    @property
    def is_buy(self) -> Flags:
        """Which trades buy."""
        return np.asarray(self.trade_value > 0.0)

    @property
    def fits(self) -> Flags:
        """Which trades sell no more than is held; a purchase always fits."""
        held = self.holdings[self.trade_security] if self.trades else np.zeros(0)
        return np.asarray(-self.trade_value <= held * (1.0 + TOLERANCE))

    def with_trades(self, chosen: I64) -> Problem:
        """Return the same account with these of its trades, in this order."""
        return replace(
            self,
            **{name: getattr(self, name)[chosen] for name in _PER_TRADE},
        )


def execution_order(problem: Problem) -> I64:
    """Return the trades sorted by what they are: sales first, then by security, value, cost, tax, category, priority.

    Trades that are equal in all of this are interchangeable, so a search in this order does not depend on the order in
    which the candidates were given.
    """
    return np.lexsort(
        (
            problem.trade_priority,
            problem.trade_category,
            problem.trade_tax,
            problem.trade_cost,
            problem.trade_value,
            problem.trade_security,
            problem.is_buy,
        )
    ).astype(np.int64)


_PER_TRADE = (
    "trade_security", "trade_value", "trade_cost", "trade_tax", "trade_priority", "trade_category",
)  # fmt: skip
_PER_SECURITY = (
    "holdings", "return_score", "promise_score", "stability_score", "dividend_yield", "quality",
    "group", "targets",
)  # fmt: skip
_MAY_BE_NAN = ("targets",)


def _check_shapes(problem: Problem) -> None:
    securities, trades = len(problem.holdings), len(problem.trade_security)
    expected = dict.fromkeys(_PER_SECURITY, (securities,))
    expected |= dict.fromkeys(_PER_TRADE, (trades,))
    for name, shape in expected.items():
        if getattr(problem, name).shape != shape:
            _refuse(f"{name} has shape {getattr(problem, name).shape}, not {shape}", name)
    if problem.covariance is not None and problem.covariance.shape != (securities, securities):
        _refuse(f"covariance has shape {problem.covariance.shape}", "covariance")


def _check_numbers(problem: Problem) -> None:
    for field in fields(problem):
        value = getattr(problem, field.name)
        if isinstance(value, Profile):
            if min(vars(value).values()) < 0.0:
                _refuse("A weight of the profile is negative", field.name)
        elif value is not None and field.name not in _MAY_BE_NAN and not np.isfinite(value).all():
            _refuse(f"{field.name} has a value that is not a number", field.name)
    trades, buys = problem.trade_security, problem.trade_value > 0.0
    impossible = {
        "holdings": (problem.holdings < 0.0).any(),
        "cash": not problem.total > 0.0,
        "reserve_share": not 0.0 <= problem.reserve_share <= 1.0,
        "trade_security": bool(len(trades))
        and (trades.min() < 0 or trades.max() >= len(problem.holdings)),
        "trade_value": (problem.trade_value == 0.0).any(),
        "trade_cost": (problem.trade_cost < 0.0).any(),
        "trade_tax": (problem.trade_tax[buys] != 0.0).any(),
        "group": bool(len(problem.group))
        and (problem.group.min() < NO_GROUP or problem.group.max() >= problem.groups),
        "targets": (problem.targets < 0.0).any(),
        "cost_penalty": problem.cost_penalty < 0.0,
    }
    for name, is_impossible in impossible.items():
        if is_impossible:
            _refuse(f"{name} has a value that cannot be: {_RULES[name]}", name)


_RULES = {
    "holdings": "no holding is negative",
    "cash": "holdings and cash together must be worth something",
    "reserve_share": "it lies between 0 and 1",
    "trade_security": "it is an index into the securities",
    "trade_value": "a trade buys or sells something",
    "trade_cost": "no cost is negative",
    "trade_tax": "a purchase is not taxed",
    "group": "it is an index into the targets of groups, or -1",
    "targets": "no wanted weight is negative",
    "cost_penalty": "it is not negative",
}


def _refuse(what: str, name: str) -> None:
    raise ProblemError(
        f"{what}.", where=f"Problem.{name}", remedy="Correct what the problem was made from."
    )
