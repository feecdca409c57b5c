"""Plots of plans: weights before and after, what the score is made of, and what the plan is up against."""

from __future__ import annotations

import polars as pl

from ballast.reporting.panels import BLUE, GREY, ORANGE, panels, plain, png

_GREEN, _RED = "#2e8b57", "#b03a2e"


def plan_chart(recommendations: pl.DataFrame) -> bytes:
    """Plot weight before and after each trade beside its target, one panel per account.

    Parameters
    ----------
    recommendations : pl.DataFrame
        `Recommendations`; exchanges are left out.
    """
    trades = recommendations.filter(pl.col("side") != "exchange")
    accounts = trades["account_id"].unique().sort().to_list()
    figure, axes = panels(max(len(accounts), 1), height=5.2)
    if not accounts:
        axes[0].text(0.5, 0.5, "No trades are recommended.", ha="center", va="center")
        axes[0].set_axis_off()
    for panel, account in zip(axes, accounts, strict=False):
        book = trades.filter(pl.col("account_id") == account).sort("step", descending=True)
        rows = range(book.height)
        before = (book["weight_before"] * 100).to_list()
        after = (book["weight_after"] * 100).to_list()
        panel.hlines(rows, before, after, color=GREY, linewidth=1.5)
        panel.scatter(before, rows, color=GREY, s=22, label="before", zorder=3)
        panel.scatter(after, rows, color=BLUE, s=22, label="after", zorder=3)
        target = (book["target_weight"] * 100).to_list()
        panel.scatter(target, rows, color=ORANGE, marker="|", s=90, label="target", zorder=4)
        labels = [f"{side} {symbol}" for side, symbol in book.select("side", "symbol").iter_rows()]
        panel.set_yticks(list(rows), labels)
        panel.tick_params(labelsize=8)
        panel.set_title(f"{account}: weight, %", fontsize=10)
        panel.legend(fontsize=8, frameon=False)
        panel.spines[["top", "right"]].set_visible(False)
    return png(figure)


def score_waterfall(components: pl.DataFrame, plans: pl.DataFrame) -> bytes:
    """Plot how the parts of the score carry it from before each plan to after it, in points of 100.

    Parameters
    ----------
    components : pl.DataFrame
        `PlanComponents`.
    plans : pl.DataFrame
        `Plans`; an account without a score is left out.
    """
    scored = plans.filter(pl.col("score_before").is_not_null()).sort("account_id")
    figure, axes = panels(max(scored.height, 1), height=3.8)
    if scored.is_empty():
        axes[0].text(0.5, 0.5, "No account has a score.", ha="center", va="center")
        axes[0].set_axis_off()
    for panel, plan in zip(axes, scored.iter_rows(named=True), strict=False):
        parts = components.filter(pl.col("account_id") == plan["account_id"])
        before, after = 100 * plan["score_before"], 100 * plan["score_after"]
        steps = [100 * value for value in parts["contribution"].to_list()]
        level, floors = before, []
        for step in steps:
            floors.append(min(level, level + step))
            level += step
        names = ["before", *parts["component"].to_list(), "after"]
        lowest = min([before, after, *floors])
        highest = max([before, after, *(f + abs(s) for f, s in zip(floors, steps, strict=True))])
        room = max(highest - lowest, 0.1)
        ground = lowest - 0.15 * room
        panel.bar([0, len(names) - 1], [before - ground, after - ground], bottom=ground, color=BLUE)
        colours = [_GREEN if step >= 0 else _RED for step in steps]
        panel.bar(range(1, len(names) - 1), [abs(s) for s in steps], bottom=floors, color=colours)
        for place, (floor, step) in enumerate(zip(floors, steps, strict=True), start=1):
            panel.text(
                place, floor + abs(step), f"{step:+.2f}", ha="center", va="bottom", fontsize=7
            )
        panel.text(0, before, f"{before:.2f}", ha="center", va="bottom", fontsize=7)
        panel.text(len(names) - 1, after, f"{after:.2f}", ha="center", va="bottom", fontsize=7)
        panel.set_ylim(ground, highest + 0.12 * room)
        panel.set_xticks(range(len(names)), names, rotation=35, ha="right")
        panel.set_title(f"{plan['account_id']}: end-state score, points", fontsize=10)
        plain(panel)
    return png(figure)


def alternatives_chart(alternatives: pl.DataFrame, plans: pl.DataFrame) -> bytes:
    """Plot the plans that no other beats in every objective: what each adds to the score, and what it costs.

    Parameters
    ----------
    alternatives : pl.DataFrame
        `PlanAlternatives`.
    plans : pl.DataFrame
        `Plans`.
    """
    is_recommended = pl.col("view") == "recommended"
    front = alternatives.filter(pl.col("view").is_in(["pareto", "recommended"]))
    accounts = front["account_id"].unique().sort().to_list()
    figure, axes = panels(max(len(accounts), 1), height=3.4)
    if not accounts:
        axes[0].text(0.5, 0.5, "No plans to compare.", ha="center", va="center")
        axes[0].set_axis_off()
    currencies = dict(plans.select("account_id", "base_currency").iter_rows())
    for panel, account in zip(axes, accounts, strict=False):
        own = front.filter(pl.col("account_id") == account)
        for is_chosen, colour, label in ((False, GREY, "others"), (True, ORANGE, "recommended")):
            some = own.filter(is_recommended if is_chosen else ~is_recommended)
            spent = (some["cost"] + some["tax"]).to_list()
            gained = (some["improvement"] * 100).to_list()
            panel.scatter(spent, gained, color=colour, s=30, label=label, zorder=3)
        panel.set_xlabel(f"fees and taxes, {currencies.get(account, '')}", fontsize=8)
        panel.set_ylabel("points gained", fontsize=8)
        panel.set_title(f"{account}: plans that no other beats", fontsize=10)
        panel.legend(fontsize=8, frameon=False)
        plain(panel)
    return png(figure)
