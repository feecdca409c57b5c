"""Plot of the reconciliation: which account agreed with its broker on which day."""

from __future__ import annotations

import polars as pl

from ballast.reporting.panels import panels, png

# In order of trouble; what was never compared stays white.
_STATES = ("clean", "inconclusive", "different", "unavailable")
_COLOURS = ("#ffffff", "#2e8b57", "#c9a227", "#b03a2e", "#6b6b6b")


def reconciliation_heat_map(results: pl.DataFrame) -> bytes:
    """Plot accounts × sessions: green where all agrees, red with the number of differences, grey where nobody answered.

    Parameters
    ----------
    results : pl.DataFrame
        account_id, session, is_clean, is_available, discrepancies, inconclusive; one row per account and session.
    """
    from matplotlib.colors import ListedColormap

    accounts = results["account_id"].unique().sort().to_list()
    sessions = results["session"].unique().sort().to_list()
    cells = [[0] * len(sessions) for _ in accounts]
    figure, (panel,) = panels(1, height=max(1.2, 0.32 * len(accounts) + 1.0))
    for row in results.iter_rows(named=True):
        line, column = accounts.index(row["account_id"]), sessions.index(row["session"])
        cells[line][column] = 1 + _STATES.index(_state(row))
        if row["discrepancies"] and row["is_available"]:
            panel.text(
                column, line, str(row["discrepancies"]), ha="center", va="center", fontsize=7
            )
    panel.imshow(cells or [[0]], cmap=ListedColormap(_COLOURS), vmin=0, vmax=4, aspect="auto")
    panel.set_yticks(range(len(accounts)), accounts, fontsize=8)
    step = max(1, len(sessions) // 10)
    panel.set_xticks(
        range(0, len(sessions), step), [f"{day:%d %b}" for day in sessions[::step]], fontsize=8
    )
    panel.set_title(
        "Books and broker: green agree, yellow undecided, red differ, grey not answered", fontsize=9
    )
    # White lines between the cells.
    panel.set_xticks([column - 0.5 for column in range(1, len(sessions))], minor=True)
    panel.set_yticks([line - 0.5 for line in range(1, len(accounts))], minor=True)
    panel.grid(which="minor", color="white", linewidth=1.5)
    panel.tick_params(which="both", length=0)
    return png(figure)


def _state(row: dict[str, object]) -> str:
    if not row["is_available"]:
        return "unavailable"
    if row["discrepancies"]:
        return "different"
    return "inconclusive" if row["inconclusive"] else "clean"
