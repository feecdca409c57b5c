"""Plot of the drawdown of each account with its limits."""

from __future__ import annotations

import polars as pl

from ballast.reporting.panels import BLUE, GREY, ORANGE, RED, panels, plain, png
from ballast.settings import GuardSettings

# Two years.
_SESSIONS_SHOWN = 504
_COLOURS = (BLUE, "#2e8b57", "#805ad5", GREY)


def guard_chart(growth: pl.DataFrame, settings: GuardSettings) -> bytes:
    """Plot the drawdown of every account over the last two years, and the two limits.

    Parameters
    ----------
    growth : pl.DataFrame
        `Drawdowns` of the level account; unknown values are gaps.
    """
    figure, (panel,) = panels(1, height=3.2)
    accounts = growth["subject"].unique().sort().to_list()
    for number, account in enumerate(accounts):
        line = growth.filter(pl.col("subject") == account).sort("session").tail(_SESSIONS_SHOWN)
        percent = (line["drawdown"] * 100).to_list()
        colour = _COLOURS[number % len(_COLOURS)]
        panel.plot(line["session"].to_list(), percent, color=colour, linewidth=1.1, label=account)
    for share, colour, label in (
        (settings.drawdown_warning, ORANGE, "warns"),
        (settings.drawdown_limit, RED, "closes"),
    ):
        panel.axhline(-100 * float(share), color=colour, linewidth=1.0, linestyle="--", label=label)
    panel.set_title("Drawdown of the time-weighted return, %", fontsize=10)
    panel.legend(fontsize=8, frameon=False)
    panel.margins(x=0.005)
    plain(panel)
    return png(figure)
