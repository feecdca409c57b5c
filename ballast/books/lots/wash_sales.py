"""US wash sales: a loss is deferred as far as the same security was bought within 30 days before or after the sale.

The deferred part of a loss is added to the basis of the units that replaced those sold, and the time for which those
were held to the holding period of these; nothing is lost. All accounts count together (IRC section 1091).

Simplifications: only long units that are sold at a known loss; only purchases of the same symbol in the same currency,
not options or what is substantially identical; part of a lot is no replacement for the rest of it (Rev. Rul. 56-602);
units bought before the sale replace as far as they are still held after it; units that replaced others leave their lot
first; a split between a sale and its replacement does not change how many units replace how many; at average cost a
deferred loss belongs to the lot, not to the common basis; a retirement account is an account like any other.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import polars as pl

from ballast.books.lots.book import realised_gains
from ballast.books.lots.conversions import proportional
from ballast.books.lots.events import REALISING
from ballast.books.lots.matching import Matched
from ballast.books.lots.terms import term
from ballast.money import ZERO, scale
from ballast.tables import RealisedGains

WINDOW = timedelta(days=30)
_PURCHASES = ("trade", "assignment", "exercise")

_Row = dict[str, Any]


@dataclass(frozen=True)
class Deferred:
    """What wash sales make of gains and open lots.

    Parameters
    ----------
    gains : pl.DataFrame
        `RealisedGains` with the deferred losses. What replaced units is a row of its own, with the basis that the loss
        was added to and a day of acquisition as much earlier as the units it replaced had been held.
    lots : pl.DataFrame
        Open lots, with a row of their own for units that replaced others.
    gone : Decimal
        Deferred losses of units that were transferred or converted, or whose gain is unknown.
    """

    gains: pl.DataFrame
    lots: pl.DataFrame
    gone: Decimal


@dataclass
class _Replacement:
    """Units that replaced others, with what was added to their basis."""

    units: Decimal
    added: Decimal
    acquired_on: date


@dataclass
class _Purchase:
    """A lot that a purchase opened; `free` are the units that have replaced nothing."""

    lot_id: str
    currency: str | None
    on: date
    free: Decimal
    replacements: list[_Replacement] = field(default_factory=list)

    def take(self, units: Decimal) -> Iterator[_Replacement]:
        """Remove units and yield those of them that replaced others."""
        while units > ZERO and self.replacements:
            first = self.replacements[0]
            taken = min(units, first.units)
            added = first.added if taken == first.units else scale(first.added, taken, first.units)
            yield _Replacement(taken, added, first.acquired_on)
            first.units -= taken
            first.added -= added
            units -= taken
            if first.units == ZERO:
                self.replacements.pop(0)
        self.free = max(self.free - units, ZERO)

    def multiply(self, after: Decimal, before: Decimal) -> None:
        """Apply a split."""
        self.free = scale(self.free, after, before)
        for replacement in self.replacements:
            replacement.units = scale(replacement.units, after, before)


def defer_losses(matched: Matched, events: pl.DataFrame) -> Deferred:
    """Defer the losses of wash sales.

    Parameters
    ----------
    matched : Matched
        Open lots and matches of all accounts together.
    events : pl.DataFrame
        The `lot_events` that they are made of. What is not among them, like a purchase that is still to come, defers
        nothing.
    """
    gains = realised_gains(matched.matches)
    rows = _by_closing(gains)
    others = _by_closing(matched.matches.filter(~pl.col("kind").is_in(REALISING)))
    purchases = _purchases(matched, events)
    by_symbol: dict[str, list[_Purchase]] = defaultdict(list)
    for purchase, event in purchases.values():
        insort(by_symbol[event["symbol"]], purchase, key=lambda other: other.on)
    opened: dict[tuple[str, str], list[_Purchase]] = defaultdict(list)
    held = pl.col("quantity").cum_sum().over("account_id", "symbol")
    found: list[_Row] = []
    gone = ZERO
    for event in events.with_columns(after=held).iter_rows(named=True):
        instrument, posting = (event["account_id"], event["symbol"]), event["posting_id"]
        before = event["after"] - event["quantity"]
        if event["kind"] == "split" and before * event["after"] > ZERO:
            for purchase in opened[instrument]:
                purchase.multiply(event["after"], before)
        for match in others.get(posting, []):
            if match["lot_id"] in purchases:
                taken = purchases[match["lot_id"]][0].take(match["quantity"])
                gone += sum((replacement.added for replacement in taken), ZERO)
        parts = [part for row in rows.get(posting, []) for part in _parts(row, purchases)]
        for part in parts:
            gone += part.pop("gone")
            _defer(part, by_symbol[event["symbol"]])
        found += parts
        if posting in purchases:
            opened[instrument].append(purchases[posting][0])
    lots = _with_replacements(matched.lots, purchases)
    on_lots = sum((r.added for p, _ in purchases.values() for r in p.replacements), ZERO)
    attached = Decimal(lots["amount"].sum()) - Decimal(matched.lots["amount"].sum())
    return Deferred(_gains(found, gains), lots, gone + on_lots - attached)


def _by_closing(frame: pl.DataFrame) -> dict[str, list[_Row]]:
    rows: dict[str, list[_Row]] = defaultdict(list)
    for row in frame.iter_rows(named=True):
        rows[row["closing_id"]].append(row)
    return rows


def _purchases(matched: Matched, events: pl.DataFrame) -> dict[str, tuple[_Purchase, _Row]]:
    """Return the long lots that purchases of known cost opened, in order of time."""
    covered = dict(
        matched.matches.filter("is_short_sale")
        .group_by("closing_id")
        .agg(pl.col("quantity").sum())
        .iter_rows()
    )
    bought = events.filter(
        pl.col("kind").is_in(_PURCHASES) & (pl.col("quantity") > 0) & pl.col("amount").is_not_null()
    )
    found = {}
    for event in bought.iter_rows(named=True):
        units = event["quantity"] - covered.get(event["posting_id"], ZERO)
        if units > ZERO:
            lot = _Purchase(event["posting_id"], event["currency"], event["traded_on"], units)
            found[lot.lot_id] = (lot, event)
    return found


def _parts(row: _Row, purchases: dict[str, tuple[_Purchase, _Row]]) -> Iterator[_Row]:
    """Split a gain into the units that had replaced others and the rest."""
    purchase, _ = purchases.get(row["lot_id"], (None, None))
    if purchase is None or row["quantity"] == ZERO:
        yield row | {"gone": ZERO}
        return
    taken = list(purchase.take(row["quantity"]))
    rest = row["quantity"] - sum((replacement.units for replacement in taken), ZERO)
    if row["gain"] is None:
        yield row | {"gone": sum((replacement.added for replacement in taken), ZERO)}
        return
    if rest > ZERO:
        taken.append(_Replacement(rest, ZERO, row["acquired_on"]))
    units = [part.units for part in taken]
    proceeds = proportional(row["proceeds"], units, row["quantity"])
    costs = proportional(row["cost_basis"], units, row["quantity"])
    for number, (part, brought, cost) in enumerate(zip(taken, proceeds, costs, strict=True)):
        yield row | {
            "match_id": f"{row['match_id']}:{number}" if len(taken) > 1 else row["match_id"],
            "acquired_on": part.acquired_on,
            "quantity": part.units,
            "proceeds": brought,
            "cost_basis": cost + part.added,
            "gain": brought - cost - part.added,
            "gone": ZERO,
        }


def _defer(gain: _Row, purchases: list[_Purchase]) -> None:
    """Add a loss to the basis of what replaced the units, as far as it was replaced."""
    if gain["is_short_sale"] or gain["gain"] is None or gain["gain"] >= ZERO:
        return
    left, loss = gain["quantity"], -gain["gain"]
    # Nothing can be added to a holding period by units of which nobody knows since when they were held.
    since = gain["acquired_on"] or gain["closed_on"]
    held_for = gain["closed_on"] - since
    # In order of their days, so that only those of the window are looked at.
    first = bisect_left(purchases, gain["closed_on"] - WINDOW, key=lambda purchase: purchase.on)
    for purchase in islice(purchases, first, None):
        if left == ZERO or purchase.on > gain["closed_on"] + WINDOW:
            return
        units = min(left, purchase.free)
        is_other = purchase.lot_id != gain["lot_id"] and purchase.currency == gain["currency"]
        if units == ZERO or not is_other:
            continue
        added = loss if units == left else scale(loss, units, left)
        purchase.free -= units
        purchase.replacements.append(_Replacement(units, added, purchase.on - held_for))
        gain["disallowed_loss"] += added
        loss -= added
        left -= units


def _gains(found: list[_Row], gains: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(found, schema=gains.schema).with_columns(
        term=pl.when("is_short_sale").then("term").otherwise(term("acquired_on", "closed_on"))
    )
    return RealisedGains.validate(frame)


def _with_replacements(
    lots: pl.DataFrame, purchases: dict[str, tuple[_Purchase, _Row]]
) -> pl.DataFrame:
    """Give the units of open lots that replaced others rows of their own."""
    found: list[_Row] = []
    for lot in lots.iter_rows(named=True):
        purchase, _ = purchases.get(lot["lot_id"], (None, None))
        if purchase is None or not purchase.replacements or lot["amount"] is None:
            found.append(lot)
            continue
        rest, amount = lot["quantity"], lot["amount"]
        for number, part in enumerate(purchase.replacements):
            units = min(part.units, rest)
            if units == ZERO:
                break
            share = amount if units == rest else scale(amount, units, rest)
            found.append(
                lot
                | {
                    "lot_id": f"{lot['lot_id']}:{number}",
                    "acquired_on": part.acquired_on,
                    "quantity_acquired": units,
                    "quantity": units,
                    "amount": share + part.added,
                }
            )
            rest, amount = rest - units, amount - share
        if rest > ZERO:
            gone = lot["quantity"] - rest
            acquired = lot["quantity_acquired"] - gone
            found.append(lot | {"quantity_acquired": acquired, "quantity": rest, "amount": amount})
    return pl.DataFrame(found, schema=lots.schema)
