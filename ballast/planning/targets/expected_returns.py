"""What each security is expected to return per year.

    base      growth of the price + dividend yield
    estimate  (1 − s) · base + s · target · quality / ½        s is smaller in a bull market
    shifts    − bear shift · target, + outlook · target, + (preference − 1) · target
    result    estimate and shifts, clamped, less the cost of a trade of the usual size

The shifts are added: as factors they would raise the estimate of a security that is expected to lose whenever they mean
to lower it. At an estimate equal to the target both are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ballast.settings.optimiser import OptimiserSettings

_NEUTRAL_QUALITY = 0.5
_HIGHEST_COST = 0.02
# Parts of the account and of the position that a usual trade in something held is worth.
_OF_ACCOUNT, _OF_POSITION = 0.05, 0.50


@dataclass(frozen=True)
class TradeCosts:
    """What a trade of the usual size costs in an account; amounts in its base currency.

    Parameters
    ----------
    fixed, percent : float
        Fee per trade, and as a share of its value.
    smallest : float
        Smallest trade that is worth its cost: the usual size of a first purchase.
    account_value : float
        Value of the account, cash included.
    """

    fixed: float
    percent: float
    smallest: float
    account_value: float

    def share(self, weight: pl.Expr) -> pl.Expr:
        """Return the cost of a usual trade as a share of it, two percent at most."""
        position = weight.fill_null(0.0) * self.account_value
        held = pl.min_horizontal(pl.lit(self.account_value * _OF_ACCOUNT), position * _OF_POSITION)
        size = pl.when(position > 0).then(held).otherwise(self.smallest)
        # Without a fee there may be no size that is worth it either.
        fee = self.fixed / size if self.fixed > 0 else 0.0
        cost = fee + self.percent
        return pl.min_horizontal(cost, pl.lit(_HIGHEST_COST))


def expected_returns(
    facts: pl.DataFrame,
    settings: OptimiserSettings,
    *,
    regime: str | None,
    outlook: float,
    costs: TradeCosts,
) -> pl.DataFrame:
    """Return the expected return of every security, or why it is unknown.

    Parameters
    ----------
    facts : pl.DataFrame
        One row per security: symbol, `growth` and `dividend_yield` per year, `quality` between 0 and 1, each null where
        unknown, `preference` (1 is neutral), and the `current_weight` in the account.
    regime : str, optional
        bull, sideways, bear, or None when it is unknown, which is no reason to shift.
    outlook : float
        Shift as a share of the target return.
    costs : TradeCosts
        What a trade costs in this account.

    Returns
    -------
    pl.DataFrame
        `facts` with `expected_return` per year and `return_reason`, in their order. A growth of zero is a value; an
        unknown growth makes the return unknown. An unknown dividend yield adds nothing and an unknown quality is
        neutral; both are said.
    """
    target = settings.target_return
    share = settings.score_share_bull if regime == "bull" else settings.score_share
    market = outlook - (settings.bear_shift if regime == "bear" else 0.0)
    base = pl.col("growth") + pl.col("dividend_yield").fill_null(0.0)
    quality = pl.col("quality").fill_null(_NEUTRAL_QUALITY).clip(lower_bound=0.0)
    estimate = base * (1 - share) + quality / _NEUTRAL_QUALITY * (share * target)
    shifted = estimate + (market + pl.col("preference") - 1.0) * target
    notes = [
        pl.when(pl.col(column).is_null()).then(pl.lit(note))
        for column, note in (
            ("dividend_yield", "dividend yield unknown, none counted"),
            ("quality", "quality unknown, taken as neutral"),
        )
    ]
    return facts.with_columns(
        expected_return=shifted.clip(settings.return_floor, settings.return_cap)
        - costs.share(pl.col("current_weight")),
        return_reason=pl.when(pl.col("growth").is_null())
        .then(pl.lit("no growth is known over five or ten years"))
        .otherwise(pl.concat_str(notes, separator="; ", ignore_nulls=True).replace({"": None})),
    )
