"""Explain every difference: a typed cause backed by evidence, and to the last digit what remains unexplained.

Invariants: for every quantity and every cash balance the lines and the unexplained remainder add up to the difference
exactly; no cause without evidence; one account's evidence never explains another's difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import polars as pl

from ballast.books.postings import without_reversed
from ballast.market.exchange_rates import Rates
from ballast.money import ZERO
from ballast.reconciliation.causes import UNEXPLAINED
from ballast.reconciliation.clues import Clues
from ballast.reconciliation.findings import Finding, PostingRow, broker_findings
from ballast.reconciliation.inference import infer
from ballast.reconciliation.row_causes import NO_DIFFERENCE, SUMS, with_causes
from ballast.settings import ReconciliationSettings
from ballast.tables import (
    BrokerActivity,
    CorporateActions,
    ExplainedLines,
    Orders,
    Postings,
    polars_schema,
)

_EURO = "EUR"

Key = tuple[str, str]


@dataclass(frozen=True)
class Evidence:
    """What may explain differences.

    Parameters
    ----------
    ledger : pl.DataFrame
        `Postings` up to the session.
    securities, prices : pl.DataFrame
        `Securities` and `Prices` of the session.
    rates : Rates
        Exchange rates of the session.
    activity : pl.DataFrame
        `BrokerActivity`: everything that happened in the accounts named by `sources`.
    sources : mapping of str to str
        Source of the broker's postings, for each account whose broker told what happened.
    orders, actions : pl.DataFrame
        `Orders` and `CorporateActions`.
    """

    session: date
    ledger: pl.DataFrame
    securities: pl.DataFrame
    prices: pl.DataFrame
    rates: Rates
    activity: pl.DataFrame = field(default_factory=BrokerActivity.create_empty)
    sources: Mapping[str, str] = field(default_factory=dict)
    orders: pl.DataFrame = field(default_factory=Orders.create_empty)
    actions: pl.DataFrame = field(default_factory=CorporateActions.create_empty)


@dataclass(frozen=True)
class Explained:
    """The differences with their causes.

    Parameters
    ----------
    table : pl.DataFrame
        The comparison with the columns cause, evidence, explained and unexplained.
    lines : pl.DataFrame
        `ExplainedLines`.
    findings : sequence of Finding
        The evidence that counts.
    remainders : mapping of (account, item) to Decimal
        What no evidence accounts for.
    """

    table: pl.DataFrame
    lines: pl.DataFrame
    findings: Sequence[Finding]
    remainders: Mapping[Key, Decimal]


def explain(
    comparison: pl.DataFrame, evidence: Evidence, settings: Mapping[str, ReconciliationSettings]
) -> Explained:
    """Find the cause of every difference.

    Parameters
    ----------
    comparison : pl.DataFrame
        `Comparison`.
    evidence : Evidence
        What may explain differences.
    settings : mapping of str to ReconciliationSettings
        Per account.
    """
    differing = comparison.filter(~pl.col("outcome").is_in(NO_DIFFERENCE))
    additive = {
        (row["account_id"], row["item"]): row["difference"]
        for row in differing.filter(pl.col("field").is_in(SUMS)).iter_rows(named=True)
    }
    accounts = differing["account_id"].unique().sort().to_list()
    told = {a: source for a, source in evidence.sources.items() if a in accounts}
    of_broker = broker_findings(evidence.ledger, evidence.activity, told) if told else []
    found: list[Finding] = []
    for account in accounts:
        items = set(differing.filter(pl.col("account_id") == account)["item"])
        own = [f for f in of_broker if f.account_id == account and f.commodities & items]
        left = {
            item: difference - sum((f.effects.get(item, ZERO) for f in own), ZERO)
            for (owner, item), difference in additive.items()
            if owner == account
        }
        found += own
        if any(left.values()):
            found += infer(left, _clues(account, evidence))
    amounts = _amounts(additive, found)
    remainders = {
        key: left
        for key, difference in additive.items()
        if (left := difference - sum((a for _, a in amounts[key]), ZERO)) != ZERO
    }
    rounded = {
        key: left
        for key, left in remainders.items()
        if is_rounding(key, left, evidence, settings[key[0]])
    }
    lines = _lines(amounts, remainders, rounded)
    table = with_causes(comparison, differing, lines, of_broker)
    return Explained(table, lines, found, remainders)


def is_rounding(
    key: Key, remainder: Decimal, evidence: Evidence, settings: ReconciliationSettings
) -> bool:
    """Say whether what is left of a cash balance, or of a position where that is allowed, is of rounding size."""
    listed = dict(evidence.securities.select("symbol", "currency").iter_rows())
    item = key[1]
    if item in listed:
        prices = dict(evidence.prices.select("symbol", "price").iter_rows())
        price = prices.get(item) if settings.accept_rounding_of_positions else None
    else:
        price = Decimal(1)
    rate = evidence.rates.by_pair.get((listed.get(item, item), _EURO))
    if price is None or rate is None:
        return False
    return bool(abs(remainder) * price * rate <= settings.rounding_limit)


def _clues(account: str, evidence: Evidence) -> Clues:
    session = evidence.session
    standing = without_reversed(evidence.ledger.filter(pl.col("account_id") == account)).sort(
        "occurred_at", "posting_id"
    )
    transactions: dict[str, list[PostingRow]] = {}
    rows = standing.with_columns(kind=pl.col("kind").cast(pl.String))
    for row in rows.select(polars_schema(Postings).names()).iter_rows(named=True):
        transactions.setdefault(row["transaction_id"], []).append(row)
    activity = evidence.activity.filter(pl.col("account_id") == account)
    told = (
        activity.filter(pl.col("order_id").is_not_null() & pl.col("unit_cost").is_not_null())
        .group_by(client_order_id="order_id")
        .agg(told=pl.col("quantity").sum().abs())
    )
    # Of an order that was told in part the rest may be missing.
    orders = (
        evidence.orders.filter((pl.col("account_id") == account) & (pl.col("session") <= session))
        .join(told, on="client_order_id", how="left")
        .filter((pl.col("told") < pl.col("quantity")).fill_null(True))
    )
    listed = evidence.securities.select("symbol", "currency")
    known = evidence.prices.filter(pl.col("price").is_not_null())
    return Clues(
        account_id=account,
        session=session,
        transactions=list(transactions.values()),
        orders=orders.to_dicts(),
        actions=evidence.actions.filter(pl.col("ex_date") <= session)
        .sort("ex_date", "symbol", "kind", descending=[True, False, False])
        .to_dicts(),
        prices=dict(known.select("symbol", "price").iter_rows()),
        currencies=dict(listed.iter_rows()),
        rates=evidence.rates.by_pair,
        source=evidence.sources.get(account),
        confirmed=frozenset(activity["transaction_id"]),
    )


def _amounts(
    additive: Mapping[Key, Decimal], found: Sequence[Finding]
) -> dict[Key, list[tuple[Finding, Decimal]]]:
    amounts: dict[Key, list[tuple[Finding, Decimal]]] = {key: [] for key in additive}
    for finding in found:
        for commodity, amount in finding.effects.items():
            if (finding.account_id, commodity) in amounts:
                amounts[finding.account_id, commodity].append((finding, amount))
    return amounts


def _lines(
    amounts: Mapping[Key, Sequence[tuple[Finding, Decimal]]],
    remainders: Mapping[Key, Decimal],
    rounded: Mapping[Key, Decimal],
) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    for (account, item), parts in sorted(amounts.items(), key=lambda each: each[0]):
        own: list[dict[str, object]] = [
            {
                "cause": finding.cause,
                "amount": amount,
                "evidence": finding.evidence,
                "source": finding.source,
                "description": finding.description,
            }
            for finding, amount in parts
        ]
        if (account, item) in remainders:
            own.append(_remainder(account, item, remainders, rounded))
        rows += [
            {"account_id": account, "item": item, "number": number, **line}
            for number, line in enumerate(own, 1)
        ]
    return ExplainedLines.validate(pl.DataFrame(rows, schema=polars_schema(ExplainedLines)))


def _remainder(
    account: str, item: str, remainders: Mapping[Key, Decimal], rounded: Mapping[Key, Decimal]
) -> dict[str, object]:
    line: dict[str, object] = {"amount": remainders[account, item], "source": "none"}
    if (account, item) in rounded:
        return line | {
            "cause": "rounding",
            "evidence": f"size of {item}",
            "description": "What the rounding of postings to cents may add up to.",
        }
    return line | {
        "cause": UNEXPLAINED,
        "evidence": None,
        "description": "No evidence accounts for it.",
    }
