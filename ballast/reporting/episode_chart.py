"""Plot of emergencies: what is missing in each account, step by step."""

from __future__ import annotations

import polars as pl

from ballast.reporting.panels import BLUE, panels, plain, png

_COLOURS = {
    "opened": "#b03a2e",
    "blocked": "#b03a2e",
    "cannot_pay": "#b03a2e",
    "halted": "#b03a2e",
    "exchange": BLUE,
    "sell": "#c9a227",
    "wait": "#6b6b6b",
    "advised": "#6b6b6b",
    "repaired": "#2e8b57",
}


def episode_chart(steps: pl.DataFrame) -> bytes:
    """Plot the shortfall of each account before every step of its episodes.

    Parameters
    ----------
    steps : pl.DataFrame
        `EmergencySteps`; one panel per account, nothing but a title where there are none.
    """
    accounts = steps["account_id"].unique().sort().to_list()
    figure, axes = panels(max(len(accounts), 1), height=2.8)
    if not accounts:
        axes[0].set_title("No account was short of cash", fontsize=10)
        plain(axes[0])
    for panel, account in zip(axes, accounts, strict=False):
        own = steps.filter((pl.col("account_id") == account) & pl.col("shortfall").is_not_null())
        missing = [float(amount) for amount in own["shortfall"]]
        places = list(range(1, len(missing) + 1))
        panel.step(places, missing, where="post", color="#bbbbbb", linewidth=1.0)
        colours = [_COLOURS.get(phase, BLUE) for phase in own["phase"]]
        panel.scatter(places, missing, c=colours, s=28, zorder=3)
        for place, amount, phase in zip(places, missing, own["phase"], strict=True):
            panel.annotate(
                phase, (place, amount), xytext=(4, 4), textcoords="offset points", fontsize=7
            )
        panel.set_title(f"{account}: missing before each step, base currency", fontsize=10)
        panel.set_xticks(places)
        plain(panel)
    return png(figure)
