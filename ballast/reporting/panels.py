"""What all plots share: panels side by side or below each other, and PNG bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, GREY, ORANGE, RED = "#2b6cb0", "#a0aec0", "#dd6b20", "#b03a2e"


def panels(count: int, *, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side."""
    figure = _figure(height)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def stacked(ratios: tuple[int, ...], *, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels below each other that share their dates."""
    figure = _figure(height)
    grid = figure.subplots(
        len(ratios), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios}
    )
    return figure, [row[0] for row in grid]


def plain(panel: Axes) -> None:
    """Leave out what carries no information."""
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def png(figure: Figure) -> bytes:
    """Render a figure; drawn once, where saving it would lay it out and draw it twice."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.set_dpi(90)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="png")
    return content.getvalue()


def _figure(height: float) -> Figure:
    # The object interface, because pyplot keeps global state and picks a screen backend.
    from matplotlib.figure import Figure

    return Figure(figsize=(9.6, height), layout="constrained")
