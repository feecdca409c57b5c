"""Plots of the scores: a web of the groups per security."""

from __future__ import annotations

import math

import polars as pl

from ballast.reporting.panels import BLUE, GREY, ORANGE, png

MOST_WEBS = 6
_AXES = {
    "long_term": "long term",
    "fundamentals": "fundamentals",
    "opportunity": "opportunity",
    "dividends": "dividends",
    "short_term": "short term",
    "technicals": "technicals",
    "opinion": "opinion",
    "diversification": "spread",
}
_NEUTRAL = 0.5


def scores_chart(scores: pl.DataFrame) -> bytes:
    """Plot a web of eight groups for each security, side by side.

    Parameters
    ----------
    scores : pl.DataFrame
        title and the eight groups, at most `MOST_WEBS` rows; a group that is unknown is an open circle at 0.5, which
        is what it counts as.
    """
    from matplotlib.figure import Figure

    count = max(scores.height, 1)
    columns = min(count, 3)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(9.6, 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, subplot_kw={"projection": "polar"})
    places = list(panels.flat)
    angles = [2 * math.pi * number / len(_AXES) for number in range(len(_AXES))]
    for panel in places[scores.height :]:
        panel.set_axis_off()
    if scores.is_empty():
        places[0].text(0, 0, "There is nothing to score.", ha="center", va="center")
    for panel, row in zip(places, scores.iter_rows(named=True), strict=False):
        values = [row[name] for name in _AXES]
        shown = [_NEUTRAL if value is None else value for value in values]
        around = [*angles, angles[0]]
        panel.plot(around, [*shown, shown[0]], color=BLUE, linewidth=1.3)
        panel.fill(around, [*shown, shown[0]], color=BLUE, alpha=0.15)
        unknown = [angle for angle, value in zip(angles, values, strict=True) if value is None]
        panel.scatter(
            unknown,
            [_NEUTRAL] * len(unknown),
            facecolors="white",
            edgecolors=ORANGE,
            s=22,
            zorder=3,
        )
        panel.set_theta_offset(math.pi / 2)
        panel.set_theta_direction(-1)
        panel.set_ylim(0, 1)
        panel.set_yticks([0.5, 1.0], ["", ""])
        panel.set_xticks(angles, list(_AXES.values()))
        panel.tick_params(labelsize=7, pad=3)
        panel.set_title(row["title"], fontsize=9)
        panel.grid(linewidth=0.5)
        panel.spines["polar"].set_color(GREY)
    return png(figure)
