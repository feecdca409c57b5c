"""The plot of a market regime: the index, its average, and what each method says, session by session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ballast.reporting.panels import BLUE, GREY, ORANGE, plain, png, stacked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"bull": "#2e8b57", "sideways": "#c9a227", "bear": "#b03a2e"}
_RIBBONS = (("model_regime", "model"), ("rule_regime", "rule"))
_THICKNESS = 0.8


def regime_chart(regimes: pl.DataFrame, name: str, window: int) -> bytes:
    """Plot an index and its moving average over the regime that counts, and below it one ribbon per method.

    Parameters
    ----------
    regimes : pl.DataFrame
        `Regimes` of one index, oldest first. Where a regime is unknown, nothing is drawn.
    name : str
        Name of the index.
    window : int
        Sessions in the moving average.
    """
    figure, (panel, ribbons) = stacked((8, 2), height=4.2)
    sessions = regimes["session"].to_list()
    panel.plot(sessions, regimes["close"].to_list(), color=BLUE, linewidth=1.3, label="close")
    average = regimes["moving_average"].to_list()
    panel.plot(sessions, average, color=ORANGE, linewidth=1.1, label=f"{window}-session average")
    for regime, start, end in _runs(regimes, "regime"):
        panel.axvspan(start, end, color=_COLOURS[regime], alpha=0.18, linewidth=0)
    panel.set_title(f"{name}: {_decided_by(regimes)}", fontsize=10)
    for place, (column, _) in enumerate(_RIBBONS):
        _draw_ribbon(ribbons, regimes, column, place)
    ribbons.set_yticks(range(len(_RIBBONS)), [label for _, label in _RIBBONS])
    ribbons.set_ylim(len(_RIBBONS) - 0.5, -0.5)
    for regime, colour in _COLOURS.items():
        panel.fill_between([], [], color=colour, alpha=0.5, label=regime)
    panel.legend(fontsize=8, loc="best", framealpha=0.9, ncols=2)
    panel.margins(x=0.005)
    plain(panel)
    plain(ribbons)
    return png(figure)


def _draw_ribbon(panel: Axes, regimes: pl.DataFrame, column: str, place: int) -> None:
    runs = _runs(regimes, column)
    for name, colour in _COLOURS.items():
        spans = [(start, end - start) for regime, start, end in runs if regime == name]
        panel.broken_barh(
            spans, (place - _THICKNESS / 2, _THICKNESS), facecolors=colour, linewidth=0
        )
    panel.axhline(place + 0.5, color=GREY, linewidth=0.4)


def _runs(regimes: pl.DataFrame, column: str) -> list[tuple[str, float, float]]:
    """Return each regime with its first session and the first one of the next, in days since 1970 as on the axis."""
    runs = (
        regimes.select(
            name=column, run=pl.col(column).rle_id(), day=pl.col("session").to_physical()
        )
        .group_by("run", maintain_order=True)
        .agg(pl.col("name", "day").first(), last=pl.col("day").last())
        .with_columns(end=pl.col("day").shift(-1).fill_null(pl.col("last")))
        .filter(pl.col("name").is_not_null())
    )
    return [
        (name, float(start), float(end))
        for name, start, end in runs.select("name", "day", "end").rows()
    ]


def _decided_by(regimes: pl.DataFrame) -> str:
    decided = regimes["method"].drop_nulls()
    if decided.is_empty():
        return "regime"
    by_model = decided[-1] == "markov"
    return f"regime by {'the model of market states' if by_model else 'the moving average'}"
