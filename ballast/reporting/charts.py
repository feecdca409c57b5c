"""Plots as PNG bytes, small enough to live in the event log."""

from __future__ import annotations

import polars as pl

from ballast.reporting.panels import BLUE, GREY, ORANGE, panels, plain, png


def positions_chart(positions: pl.DataFrame) -> bytes:
    """Plot the weight of every position and cash balance, one panel per account.

    Parameters
    ----------
    positions : pl.DataFrame
        `Positions`; an account with an unknown value is drawn by name only.
    """
    accounts = positions["account_id"].unique().sort().to_list()
    figure, axes = panels(max(len(accounts), 1), height=5.2)
    for panel, account in zip(axes, accounts, strict=False):
        book = positions.filter(pl.col("account_id") == account).sort("weight", nulls_last=False)
        colours = [GREY if cash else BLUE for cash in book["is_cash"]]
        weights = (book["weight"].fill_null(0.0) * 100).to_list()
        panel.barh(book["commodity"].to_list(), weights, color=colours)
        panel.set_title(f"{account}: share of value, %", fontsize=10)
        plain(panel)
    return png(figure)


def gains_chart(years: pl.DataFrame) -> bytes:
    """Plot realised gains per year, short and long term, one panel per account and currency.

    Parameters
    ----------
    years : pl.DataFrame
        `GainsByYear`.
    """
    books = years.select("account_id", "currency").unique().sort("account_id", "currency").rows()
    figure, axes = panels(max(len(books), 1), height=3.2)
    if not books:
        axes[0].text(0.5, 0.5, "Nothing has been sold.", ha="center", va="center")
        axes[0].set_axis_off()
    for panel, (account, currency) in zip(axes, books, strict=False):
        own = years.filter(account_id=account, currency=currency)
        named = own["tax_year"].unique().sort().to_list()
        places = range(len(named))
        for term, colour, shift in (
            ("short", ORANGE, -0.25),
            ("long", BLUE, 0),
            ("unknown", GREY, 0.25),
        ):
            gains = dict(own.filter(term=term).select("tax_year", "gain").iter_rows())
            heights = [float(gains.get(year, 0)) for year in named]
            panel.bar([at + shift for at in places], heights, 0.24, color=colour, label=term)
        panel.axhline(0, color=GREY, linewidth=0.8)
        panel.set_xticks(list(places), [str(year) for year in named])
        panel.set_xlim(-1, len(named))
        panel.set_title(f"{account}: realised gains, {currency}", fontsize=10)
        panel.legend(fontsize=8, frameon=False)
        plain(panel)
    return png(figure)
