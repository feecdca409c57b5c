"""What speaks for selling a position, what forbids it, and how much of it would be sold.

The score is a rule of thumb of five components; it ranks and does not decide. What forbids a sale is told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from ballast.planning.scores.blends import blended
from ballast.planning.scores.maps import steps
from ballast.settings import ScoreSettings

_SHORT_TERM_YEARS = 0.25
_BLOCKED_LOSS = -0.20
_BALANCE = {"country_fullness": 0.50, "industry_fullness": 0.30, "concentration": 0.20}
_INSTABILITY = {"rate_score": 0.40, "volatility_rise_score": 0.30, "stretch_score": 0.30}
_LEAST_SHARE, _SHARE_PER_SCORE, _LARGEST_SHARE = 0.10, 0.40, 0.50
# Half of the smallest unit of a quantity: 0.1 × 30 shares are 3 shares, whatever the last digit says.
_SLACK = 1e-9
_DECIMALS = 10


def with_sell_scores(
    positions: pl.DataFrame, session: date, settings: ScoreSettings, *, minimum_hold_days: int
) -> pl.DataFrame:
    """Add sell_score with its five components, sell_blocked_by and sell_share.

    Parameters
    ----------
    positions : pl.DataFrame
        is_held, allow_sell, gain, days_held, weight, country_fullness, industry_fullness, volatility, volatility_30,
        ema_distance, current_drawdown, days_in_drawdown, last_bought, last_sold, units, lot_size, value_base; null
        where unknown. `is_held` is false of what is sold short.
    session : date
        Days are counted up to it.
    settings : ScoreSettings
        Weights of the components and what forbids a sale.
    minimum_hold_days : int
        Days from the last purchase until a sale is suggested.
    """
    weights: Mapping[str, float] = settings.sell_weights.model_dump()
    held = pl.col("is_held")
    parts = positions.with_columns(**_parts()).with_columns(
        underperformance=_underperformance(),
        time_held=steps(pl.col("days_held"), [(90, 0.0), (180, 0.3), (365, 0.6), (730, 0.8)], 1.0),
        portfolio_balance=blended(_BALANCE),
        instability=_at_least(blended(_INSTABILITY), pl.col("gain")),
        drawdown=_fallen(),
    )
    scored = parts.with_columns(sell_score=blended(weights))
    scored = scored.with_columns(
        pl.when(held).then(name).alias(name) for name in ("sell_score", *weights)
    )
    blocked = scored.with_columns(sell_blocked_by=_blocked_by(session, settings, minimum_hold_days))
    return blocked.with_columns(sell_share=_share(settings.minimum_sale))


def _parts() -> dict[str, pl.Expr]:
    weight, rise = pl.col("weight"), pl.col("volatility_30") / pl.col("volatility")
    years = pl.col("days_held") / 365
    # Rounded, so that a limit is met when the figures say so.
    annual = _finite((1 + pl.col("gain")).pow(1 / years) - 1).round(_DECIMALS)
    young = pl.col("days_held") <= 30
    return {
        "annual_gain": pl.when(years < _SHORT_TERM_YEARS).then("gain").otherwise(annual),
        # Above 10 % the scale reaches further, to 15 %, so that the value steps down there.
        "concentration": pl.when(weight <= 0.10)
        .then((weight / 0.10).clip(lower_bound=0.0))
        .when(weight.is_not_null())
        .then((weight / 0.15).clip(upper_bound=1.0)),
        "rate_score": pl.when(pl.col("days_held").is_not_null() & young)
        .then(0.5)
        .otherwise(_rising(annual, (0.20, 0.4), (0.30, 0.7), (0.50, 1.0))),
        "volatility_rise_score": _rising(_finite(rise), (1.2, 0.4), (1.5, 0.7), (2.0, 1.0)),
        "stretch_score": _rising(pl.col("ema_distance"), (0.10, 0.4), (0.20, 0.7), (0.30, 1.0)),
    }


def _rising(x: pl.Expr, *limits: tuple[float, float]) -> pl.Expr:
    """Return 0.1 up to the first limit, and beyond each limit its value."""
    places = [limit for limit, _ in limits]
    values = [0.1, *(value for _, value in limits)]
    below = list(zip(places, values, strict=False))
    return steps(x, below, values[-1], limit_belongs="left")


def _underperformance() -> pl.Expr:
    annual = pl.col("annual_gain")
    wanting = steps(annual, [(-0.05, 0.9), (0.0, 0.7), (0.08, 0.5)], 0.3)
    about_right = (annual >= 0.08) & (annual <= 0.15)
    return (
        pl.when(annual.is_null())
        .then(None)
        .when(pl.col("gain") < _BLOCKED_LOSS)
        .then(0.0)
        .when(about_right)
        .then(0.1)
        .otherwise(wanting)
    )


def _at_least(score: pl.Expr, gain: pl.Expr) -> pl.Expr:
    """A position that has gained much is never called stable."""
    floor = steps(gain.fill_null(0.0), [(0.75, 0.0), (1.0, 0.1)], 0.2, limit_belongs="left")
    return pl.when(score.is_not_null()).then(pl.max_horizontal(score, floor))


def _fallen() -> pl.Expr:
    depth, days = pl.col("current_drawdown"), pl.col("days_in_drawdown")
    lasting = pl.when(days > 180).then(0.9).when(days > 90).then(0.7).otherwise(0.5)
    score = (
        pl.when(depth < -0.25).then(1.0).when(depth < -0.15).then(lasting)
        .when(depth < -0.10).then(0.3).otherwise(0.1)
    )  # fmt: skip
    return pl.when(depth.is_not_null()).then(score)


def _blocked_by(session: date, settings: ScoreSettings, held: int) -> pl.Expr:
    """Say everything that forbids a sale; a trade that never happened forbids nothing."""
    since_purchase = (pl.lit(session) - pl.col("last_bought")).dt.total_days()
    since_sale = (pl.lit(session) - pl.col("last_sold")).dt.total_days()
    loss, cooldown = settings.maximum_loss, settings.sale_cooldown_days
    reasons = [
        pl.when(~pl.col("allow_sell")).then(pl.lit("it may not be sold")),
        pl.when(pl.col("gain").is_null()).then(pl.lit("its gain is unknown")),
        pl.when(pl.col("gain") < -loss).then(
            pl.format(f"a loss of {{}} %, more than {loss:.0%}", (pl.col("gain") * -100).round(1))
        ),
        pl.when(since_purchase < held).then(
            pl.format(f"bought {{}} days ago, less than {held}", since_purchase)
        ),
        pl.when(since_sale < cooldown).then(
            pl.format(f"sold {{}} days ago, less than {cooldown}", since_sale)
        ),
    ]
    text = pl.concat_str(reasons, separator="; ", ignore_nulls=True)
    return pl.when(pl.col("is_held") & (text != "")).then(text)


def _share(minimum_sale: float) -> pl.Expr:
    """Return the share in whole lots, of which one stays; null when nothing is to be sold."""
    units, lot = pl.col("units"), pl.col("lot_size")
    wanted = (_LEAST_SHARE + _SHARE_PER_SCORE * pl.col("sell_score")).clip(
        _LEAST_SHARE, _LARGEST_SHARE
    )
    most = (units / lot + _SLACK).floor() - 1
    lots = pl.min_horizontal((units * wanted / lot + _SLACK).floor(), most)
    share = lots * lot / units
    is_worth_it = share * pl.col("value_base") >= minimum_sale
    allowed = pl.col("is_held") & pl.col("sell_blocked_by").is_null()
    return pl.when(allowed & (lots >= 1) & is_worth_it).then(share)


def _finite(figure: pl.Expr) -> pl.Expr:
    return pl.when(figure.is_finite()).then(figure)
