"""The store: postings, orders, episodes, reconciliation, guards, alerts, the paper broker's book, publications."""

from resources.store import alert_schema, guard_schema, reconciliation_schema, trading_schema
from resources.store.engine import Store, insert_unknown, open_store, sqlite_url, upsert

__all__ = [
    "Store",
    "alert_schema",
    "guard_schema",
    "insert_unknown",
    "open_store",
    "reconciliation_schema",
    "sqlite_url",
    "trading_schema",
    "upsert",
]
