"""Plots of performance: value, drawdown, where the return came from."""

from __future__ import annotations

import polars as pl

from ballast.reporting.panels import BLUE, GREY, ORANGE, RED, panels, plain, png, stacked

_MOST_LABELS = 14


def performance_chart(values: pl.DataFrame, drawdowns: pl.DataFrame, currency: str) -> bytes:
    """Plot the value of the portfolio and its accounts, and how far each return is below its high.

    Parameters
    ----------
    values : pl.DataFrame
        `PortfolioValues` of the levels total and account; unknown values are gaps.
    drawdowns : pl.DataFrame
        `Drawdowns` of the same subjects.
    currency : str
        Base currency.
    """
    figure, (above, below) = stacked((2, 1), height=5.0)
    colours = {"total": BLUE}
    others = values.filter(pl.col("level") == "account")["subject"].unique().sort().to_list()
    colours |= dict(zip(others, [ORANGE, GREY, RED, "#2e8b57", "#805ad5"] * 9, strict=False))
    for subject, colour in colours.items():
        line = values.filter(pl.col("subject") == subject).sort("session")
        amounts = line["value_base"].cast(pl.Float64).to_list()
        above.plot(line["session"].to_list(), amounts, color=colour, linewidth=1.2, label=subject)
        fall = drawdowns.filter(pl.col("subject") == subject).sort("session")
        percent = (fall["drawdown"] * 100).to_list()
        below.plot(fall["session"].to_list(), percent, color=colour, linewidth=1.0)
    above.set_title(f"Value, {currency}", fontsize=10)
    below.set_title("Drawdown of the time-weighted return, %", fontsize=10)
    above.legend(fontsize=8, frameon=False)
    for panel in (above, below):
        panel.margins(x=0.005)
        plain(panel)
    return png(figure)


def attribution_chart(contributions: pl.DataFrame) -> bytes:
    """Plot what securities and countries contributed to the return of the whole portfolio.

    Parameters
    ----------
    contributions : pl.DataFrame
        `PeriodContributions` of the level total.
    """
    dimensions = ("security", "country")
    figure, axes = panels(len(dimensions), height=4.4)
    for panel, dimension in zip(axes, dimensions, strict=True):
        parts = contributions.filter(
            pl.col("dimension") == dimension, pl.col("contribution").is_not_null()
        )
        largest = parts.sort(pl.col("contribution").abs(), descending=True).head(_MOST_LABELS)
        shown = largest.sort("contribution")
        points = (shown["contribution"] * 100).to_list()
        colours = [BLUE if point >= 0 else RED for point in points]
        panel.barh(shown["label"].cast(pl.String).to_list(), points, color=colours)
        panel.set_title(f"Contribution by {dimension}, percentage points", fontsize=10)
        plain(panel)
    return png(figure)
