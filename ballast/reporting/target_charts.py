"""Plots of the wanted weights: the efficient frontier with what is held and proposed, and how securities correlate."""

from __future__ import annotations

import numpy as np
import polars as pl

from ballast.reporting.panels import BLUE, GREY, ORANGE, RED, panels, plain, png

_MOST_LABELS = 14
_PORTFOLIOS = {"current": (GREY, "o"), "configured": (ORANGE, "s"), "proposed": (RED, "*")}
# A picture travels in the event log, so that what it shows is limited.
_MOST_ACCOUNTS, _MOST_SECURITIES = 4, 60
# Securities in each map by the number of maps; of more maps, the last.
_LARGEST_MAPS = {1: 30, 2: 20}
_SMALL_MAP = 14


def frontier_chart(points: pl.DataFrame) -> bytes:
    """Plot expected return over risk, one panel per account.

    Parameters
    ----------
    points : pl.DataFrame
        `EfficientFrontier`; of many accounts and securities the first by name.
    """
    accounts = points["account_id"].unique().sort().to_list()[:_MOST_ACCOUNTS]
    figure, axes = panels(max(len(accounts), 1), height=4.2)
    if not accounts:
        axes[0].text(0.5, 0.5, "No account has a proposal.", ha="center", va="center")
        axes[0].set_axis_off()
    for panel, account in zip(axes, accounts, strict=False):
        own = points.filter(pl.col("account_id") == account)
        risk, gain, labels = _of_kind(own, "security")
        shown = slice(_MOST_SECURITIES)
        panel.scatter(risk[shown], gain[shown], s=14, color=GREY, zorder=2)
        for x, y, label in list(zip(risk, gain, labels, strict=True))[:_MOST_LABELS]:
            panel.annotate(label, (x, y), fontsize=6.5, xytext=(3, 2), textcoords="offset points")
        risk, gain, _ = _of_kind(own, "frontier")
        panel.plot(risk, gain, color=BLUE, linewidth=1.4, label="efficient frontier")
        for kind, (colour, marker) in _PORTFOLIOS.items():
            risk, gain, labels = _of_kind(own, kind)
            if labels:
                panel.scatter(risk, gain, s=70, color=colour, marker=marker, label=kind, zorder=4)
        panel.set_title(f"{account}: expected return over volatility, % per year", fontsize=10)
        panel.legend(fontsize=8, frameon=False, loc="upper left")
        plain(panel)
    return png(figure)


def correlation_chart(maps: dict[str, tuple[tuple[str, ...], np.ndarray]]) -> bytes:
    """Plot the correlation of every pair of securities, one panel per account.

    Parameters
    ----------
    maps : dict of str to (symbols, array of shape (n, n))
        Per account; of many accounts and securities the first by name.
    """
    drawn = sorted(maps.items())[:_MOST_ACCOUNTS]
    largest = _LARGEST_MAPS.get(len(drawn), _SMALL_MAP)
    figure, axes = panels(max(len(drawn), 1), height=4.6)
    if not drawn:
        axes[0].text(0.5, 0.5, "No account has a proposal.", ha="center", va="center")
        axes[0].set_axis_off()
    for panel, (account, (symbols, correlation)) in zip(axes, drawn, strict=False):
        shown = symbols[:largest]
        size = len(shown)
        panel.imshow(
            correlation[:size, :size], vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest"
        )
        panel.set_xticks(range(size), shown, rotation=90, fontsize=6.5)
        panel.set_yticks(range(size), shown, fontsize=6.5)
        panel.set_title(f"{account}: correlation, from −1 (blue) to 1 (red)", fontsize=10)
    return png(figure)


def _of_kind(points: pl.DataFrame, kind: str) -> tuple[list[float], list[float], list[str]]:
    """Return risk and expected return in percent, and the labels, of one kind of points."""
    own = points.filter(pl.col("kind") == kind).sort("label")
    return (
        (own["volatility"] * 100).to_list(),
        (own["expected_return"] * 100).to_list(),
        own["label"].to_list(),
    )
