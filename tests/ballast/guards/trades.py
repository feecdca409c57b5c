"""Sales of one account, one after the other, by what each gained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import polars as pl

from tests.ballast.builders import at
from tests.ballast.guards.accounts import SESSION


def gains(*results: int | None, closed_on: date = SESSION, account: str = "one") -> pl.DataFrame:
    """`RealisedGains` as far as the guards read them; the order of the rows says nothing."""
    rows = [
        {
            "account_id": account, "closing_id": f"{account}-sale-{number}", "kind": "trade",
            "closed_on": closed_on, "gain": None if gain is None else Decimal(gain),
        }
        for number, gain in enumerate(results)
    ]  # fmt: skip
    schema = {
        "account_id": pl.String, "closing_id": pl.String, "kind": pl.String,
        "closed_on": pl.Date, "gain": pl.Decimal(38, 8),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema).sort("gain", nulls_last=True)


def ledger_of(results: Sequence[int | None], account: str = "one") -> pl.DataFrame:
    """`Postings` as far as the guards read them."""
    return pl.DataFrame(
        {
            "posting_id": [f"{account}-sale-{number}" for number in range(len(results))],
            "occurred_at": [at(number) for number in range(len(results))],
        },
        schema={"posting_id": pl.String, "occurred_at": pl.Datetime("us", "UTC")},
    )
