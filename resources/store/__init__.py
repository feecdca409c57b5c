"""The store: postings, orders, episodes, plans, reconciliation, guards, alerts, the paper book, publications."""

from resources.store import (
    alert_schema,
    guard_schema,
    planning_schema,
    reconciliation_schema,
    trading_schema,
)
from resources.store.engine import Store, insert_unknown, open_store, sqlite_url, upsert

__all__ = [
    "Store",
    "alert_schema",
    "guard_schema",
    "insert_unknown",
    "open_store",
    "planning_schema",
    "reconciliation_schema",
    "sqlite_url",
    "trading_schema",
    "upsert",
]
