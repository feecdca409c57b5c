"""What the broker's own account of events says about the books: what they lack, have too much, or have otherwise.

Both sides are compared event by event, by the identifiers that the broker gave. An event that both know alike is no
finding. The effects of all findings of an account are what booking them would add, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from ballast.books.lots.events import CONVERSIONS
from ballast.books.postings import without_reversed
from ballast.money import ZERO
from ballast.reconciliation.causes import CAUSE_OF_KIND, GAP_SHARE, Cause
from ballast.tables import BrokerActivity, Postings, polars_schema

# Source of postings that a reconciliation has booked.
RECONCILIATION = "reconciliation"
# External ids of such postings that stand for an event of the broker begin with it.
_CORRECTED = "corrected"
# A second report of one event comes soon after the first.
_TWIN_WITHIN = timedelta(days=3)

PostingRow = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One piece of evidence.

    Parameters
    ----------
    evidence : str
        Reference to what proves it.
    source : str
        Where it comes from: broker, books, orders, corporate_actions, calendar, prices or none.
    effects : mapping of str to Decimal
        What the books lack, per commodity; what they have too much is negative.
    book, reverse : tuple of posting rows
        Postings that the books lack, and those that should not stand.
    resolves_itself : bool
        Nothing is to be booked: time makes the two sides agree.
    needs_cash : bool
        It counts only beside cash that fits it.
    """

    evidence: str
    account_id: str
    cause: Cause
    source: str
    description: str
    effects: Mapping[str, Decimal]
    book: tuple[PostingRow, ...] = ()
    reverse: tuple[PostingRow, ...] = ()
    resolves_itself: bool = False
    needs_cash: bool = False
    commodities: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Name the commodities that it concerns."""
        rows = (*self.book, *self.reverse)
        turned = {row["concerns"] for row in rows if row["kind"] in CONVERSIONS}
        named = {row["commodity"] for row in rows} | (turned - {None}) | set(self.effects)
        object.__setattr__(self, "commodities", frozenset(named))


def corrected_id(transaction_id: str, number: int, leg: int) -> str:
    """Name a posting that stands for one of the broker's, whose own name is used up."""
    return f"{_CORRECTED}:{transaction_id}:{number}:{leg}"


def broker_findings(
    ledger: pl.DataFrame, activity: pl.DataFrame, sources: Mapping[str, str]
) -> list[Finding]:
    """Compare the books with what the brokers say happened.

    Parameters
    ----------
    ledger : pl.DataFrame
        `Postings` up to the session.
    activity : pl.DataFrame
        `BrokerActivity` of the same span: everything that happened in the accounts named by `sources`.
    sources : mapping of str to str
        Source of the broker's postings per account; other accounts are left out.

    Returns
    -------
    list of Finding
        In order of account, time and transaction.
    """
    told, booked = _standing(activity, sources), _standing(ledger, sources)
    apart = _apart(told, booked)
    if not apart:
        return []
    theirs = _rows_of(told, apart, polars_schema(BrokerActivity).names())
    ours = _rows_of(booked, apart, polars_schema(Postings).names())
    found = [
        _finding(event, theirs.get(event, []), ours.get(event, []), told, activity)
        for event in sorted(apart)
    ]
    return sorted(found, key=lambda each: (each.account_id, _moment(each), each.evidence))


def _standing(postings: pl.DataFrame, sources: Mapping[str, str]) -> pl.DataFrame:
    own = pl.DataFrame(
        {"account_id": list(sources), "own": list(sources.values())},
        schema={"account_id": pl.String, "own": pl.String},
    )
    replaces = (pl.col("source") == RECONCILIATION) & pl.col("external_id").str.starts_with(
        f"{_CORRECTED}:"
    )
    # Reversals first, whoever booked them: what a correction took back does not stand any more.
    known = without_reversed(postings).join(
        own, on="account_id", how="inner", maintain_order="left"
    )
    return known.filter((pl.col("source") == pl.col("own")) | replaces).with_columns(
        kind=pl.col("kind").cast(pl.String),
        event=pl.when(replaces)
        .then(pl.col("external_id").str.split(":").list.get(1, null_on_oob=True))
        .otherwise("transaction_id")
    )  # fmt: skip


def _apart(told: pl.DataFrame, booked: pl.DataFrame) -> set[str]:
    """Return the events that the two sides do not know alike."""
    key = ["event", "account_id", "commodity", "kind"]
    sums = [side.group_by(key).agg(pl.col("quantity").sum()) for side in (told, booked)]
    joined = sums[0].join(sums[1], on=key, how="full", coalesce=True, suffix="_booked")
    # A leg of nothing (an expiry brings no cash) may be told or left out.
    differs = pl.col("quantity").fill_null(0) != pl.col("quantity_booked").fill_null(0)
    return set(joined.filter(differs)["event"])


def _rows_of(
    postings: pl.DataFrame, events: Iterable[str], names: Sequence[str]
) -> dict[str, list[PostingRow]]:
    chosen = postings.filter(pl.col("event").is_in(sorted(events))).sort("posting_id")
    rows: dict[str, list[PostingRow]] = {}
    for row in chosen.select("event", *names).iter_rows(named=True):
        rows.setdefault(row.pop("event"), []).append(row)
    return rows


def _finding(
    event: str,
    theirs: list[PostingRow],
    ours: list[PostingRow],
    told: pl.DataFrame,
    activity: pl.DataFrame,
) -> Finding:
    first = (theirs or ours)[0]
    effects: dict[str, Decimal] = {}
    for sign, rows in ((1, theirs), (-1, ours)):
        for row in rows:
            effects[row["commodity"]] = effects.get(row["commodity"], ZERO) + sign * row["quantity"]
    cancelling = _cancelling(ours, activity) if not theirs else []
    return Finding(
        evidence=f"event {event[:12]}",
        account_id=first["account_id"],
        cause="broker_correction" if cancelling else _cause(theirs, ours, told),
        source="broker" if theirs or cancelling else "books",
        description=_description(theirs, ours),
        effects={name: amount for name, amount in effects.items() if amount != ZERO},
        book=tuple(theirs or cancelling),
        reverse=() if cancelling else tuple(ours),
    )


def _cancelling(ours: list[PostingRow], activity: pl.DataFrame) -> list[PostingRow]:
    """Return the broker's own postings that take back all of what the books have: they may still come in."""
    ids = [row["posting_id"] for row in ours]
    rows = activity.filter(pl.col("reverses").is_in(ids)).sort("posting_id")
    taken_back = set(rows["reverses"])
    return list(rows.to_dicts()) if taken_back == set(ids) else []


def _cause(theirs: list[PostingRow], ours: list[PostingRow], told: pl.DataFrame) -> Cause:
    if not ours:
        return _cause_of_missing(theirs)
    if not theirs:
        return "duplicate_fill" if _has_twin(told, ours) else "unknown_booking"
    return _cause_of_difference(theirs, ours)


def _cause_of_missing(theirs: list[PostingRow]) -> Cause:
    main = _main(theirs)
    if main["kind"] != "trade":
        return CAUSE_OF_KIND[main["kind"]]
    if any(row.get("is_liquidation") for row in theirs):
        return "broker_liquidation"
    return "manual_trade" if main.get("order_id") is None else "missed_fill"


def _cause_of_difference(theirs: list[PostingRow], ours: list[PostingRow]) -> Cause:
    told, booked = _main(theirs), _main(ours)
    if told["unit_cost"] is None:
        is_mirrored = told["quantity"] * booked["quantity"] < ZERO
        return "wrong_sign" if is_mirrored else CAUSE_OF_KIND[told["kind"]]
    if told["quantity"] * booked["quantity"] < ZERO:
        return "wrong_sign"
    if told["quantity"] != booked["quantity"]:
        return "partial_fill"
    if told["unit_cost"] != booked["unit_cost"]:
        apart = abs(told["unit_cost"] - booked["unit_cost"])
        return (
            "gap"
            if apart >= Decimal(GAP_SHARE) * abs(booked["unit_cost"] or told["unit_cost"])
            else "slippage"
        )
    return "fee"


def _main(rows: list[PostingRow]) -> PostingRow:
    """Return the leg that says what kind of event it is: that of the security, else the first but a fee."""
    return min(
        rows,
        key=lambda row: (row["unit_cost"] is None, row["kind"] == "commission", row["posting_id"]),
    )


def _description(theirs: list[PostingRow], ours: list[PostingRow]) -> str:
    if not ours:
        return f"The broker reports {_in_words(theirs)}; the books do not have it."
    if not theirs:
        return f"The books have {_in_words(ours)}; the broker does not know it."
    return f"The broker reports {_in_words(theirs)}; the books have {_in_words(ours)}."


def _in_words(rows: list[PostingRow]) -> str:
    main = _main(rows)
    price = "" if main["unit_cost"] is None else f" at {main['unit_cost'].normalize():f}"
    return (
        f"{main['kind'].replace('_', ' ')} {main['quantity'].normalize():+f} {main['commodity']}{price}"
        f" on {main['occurred_at']:%Y-%m-%d}"
    )


def _moment(finding: Finding) -> Any:
    return (finding.book or finding.reverse)[0]["occurred_at"]


def _has_twin(told: pl.DataFrame, rows: list[PostingRow]) -> bool:
    """Say whether the broker knows an event of the same facts, and from about the same time."""
    main = _main(rows)
    facts = ("account_id", "kind", "commodity", "quantity", "unit_cost")
    same = [pl.col(name).eq_missing(pl.lit(main[name], dtype=told.schema[name])) for name in facts]
    near = (pl.col("occurred_at") - main["occurred_at"]).abs() <= _TWIN_WITHIN
    return not told.filter(*same, near).is_empty()
