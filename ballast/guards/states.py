"""What a state of a guard stops, and how states are told apart without a division."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from ballast.money import AMOUNT, from_units
from ballast.tables import GUARD_STATES, GuardStatus, polars_schema

ACCOUNT = "account"
STATE = polars_schema(GuardStatus)["state"]

BUY, SELL = "buy", "sell"
_NOTHING: frozenset[str] = frozenset()
_PLANS = frozenset({BUY, SELL})

# Sides of planned orders that a state stops. Repairs of cash and the closes of guards are stopped by the switch alone.
RESTRICTIONS = {
    "ok": _NOTHING,
    "warn": _NOTHING,
    "block_sells": frozenset({SELL}),
    "block_buys": frozenset({BUY}),
    "reduce_only": _PLANS,
    "act": _PLANS,
    "halt": _PLANS,
    "unknown": _PLANS,
}

EFFECTS = {
    "ok": "Nothing is stopped.",
    "warn": "Nothing is stopped; a person is told.",
    "block_sells": "Nothing is sold by plan.",
    "block_buys": "Nothing is bought.",
    "reduce_only": "Nothing is traded by plan; only repairs of negative cash and closes by a guard may be sent.",
    "act": "Nothing is traded by plan, and positions are closed (research mode: their sale is proposed).",
    "halt": "Nothing is traded by plan, and the kill switch is tripped where the settings say so.",
    "unknown": "Nothing is traded by plan until the figure is known.",
}

_HUNDREDTHS_OF_A_PERCENT = 10_000
# A figure with two decimals, in units of the eight that amounts are kept in.
_UNITS_PER_HUNDREDTH = 1_000_000


def restrictions(states: Iterable[str]) -> frozenset[str]:
    """Return the sides of planned orders that states stop together."""
    return frozenset().union(*(RESTRICTIONS[state] for state in states))


def first_match(*cases: tuple[pl.Expr, str], otherwise: str = "ok") -> pl.Expr:
    """Return the state of the first condition that holds; a condition that is null does not hold."""
    chain: Any = pl
    for condition, state in cases:
        chain = chain.when(condition).then(pl.lit(state))
    found: pl.Expr = chain.otherwise(pl.lit(otherwise))
    return found.cast(STATE)


def rounded_percent(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Return part ÷ whole in percent, rounded once, half to even, to 0.01 percentage point.

    Parameters
    ----------
    part, whole : pl.Expr
        Amounts; null where `whole` is not positive.
    """
    divisor = pl.when(whole > 0).then(whole.to_physical())
    scaled = part.to_physical() * _HUNDREDTHS_OF_A_PERCENT
    floor = scaled // divisor
    twice_the_rest = (scaled - floor * divisor) * 2
    is_odd = floor % 2 != 0
    up = (twice_the_rest > divisor) | ((twice_the_rest == divisor) & is_odd)
    return from_units((floor + up.cast(pl.Int128)) * _UNITS_PER_HUNDREDTH)


def in_percent(amount: pl.Expr) -> pl.Expr:
    """Write a percentage for a person."""
    return pl.format("{} %", amount.cast(pl.Decimal(38, 2)))


def limit(value: Any, *, percent: bool = False) -> pl.Expr:
    """Return a limit of the settings as an amount; `percent` turns a share into a percentage."""
    return pl.lit(value * 100 if percent else value).cast(AMOUNT)


def rows(frame: pl.DataFrame, guard: str, *, unit: str, **columns: pl.Expr) -> pl.DataFrame:
    """Return the rows of one guard, all columns of `GuardStatus` but the effect.

    Parameters
    ----------
    frame : pl.DataFrame
        What was judged, with account_id and state.
    **columns : pl.Expr
        measured and explanation, and where there are any subject, warning_limit, acting_limit and episode.
    """
    nothing = pl.lit(None)
    complete = {
        "subject": pl.lit(ACCOUNT),
        "warning_limit": nothing,
        "acting_limit": nothing,
        "episode": nothing,
        **columns,
    }
    is_ok = pl.col("state") == GUARD_STATES[0]
    return frame.select(
        "account_id",
        "state",
        guard=pl.lit(guard),
        subject=complete["subject"],
        unit=pl.lit(unit),
        explanation=complete["explanation"],
        episode=pl.when(~is_ok).then(complete["episode"].cast(pl.String)),
        **{
            name: complete[name].cast(AMOUNT)
            for name in ("measured", "warning_limit", "acting_limit")
        },
    )
