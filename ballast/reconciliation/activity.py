"""What a broker says happened in an account, in the shape of postings, with what only the events themselves tell."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ballast.books.broker_events import BrokerEvent, ExchangeFill, Fill
from ballast.books.postings import postings_of, transaction_of
from ballast.tables import BrokerActivity, polars_schema


def broker_activity(events: Sequence[BrokerEvent], *, source: str) -> pl.DataFrame:
    """Return `BrokerActivity` of a broker's events.

    Parameters
    ----------
    events : sequence of BrokerEvent
        Everything that happened in some accounts.
    source : str
        Name of the broker, under which the books keep its postings.
    """
    postings = postings_of(events, source=source)
    fills = [event for event in events if isinstance(event, Fill | ExchangeFill)]
    # Of two that share an id and differ, the one that counts in the postings, too.
    by_id = {
        transaction_of(fill, source=source): fill for fill in sorted(fills, key=repr, reverse=True)
    }
    facts = pl.DataFrame(
        {
            "transaction_id": list(by_id),
            "order_id": [fill.client_order_id for fill in by_id.values()],
            "is_liquidation": [getattr(f, "kind", "") == "liquidation" for f in by_id.values()],
        },
        schema={"transaction_id": pl.String, "order_id": pl.String, "is_liquidation": pl.Boolean},
    )
    frame = postings.join(facts, on="transaction_id", how="left", maintain_order="left")
    return BrokerActivity.validate(
        frame.with_columns(pl.col("is_liquidation").fill_null(False)).select(
            polars_schema(BrokerActivity).names()
        )
    )
