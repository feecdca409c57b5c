"""The store: postings, orders, episodes, the paper broker's book, the lake's publications."""

from resources.store.engine import Store, insert_unknown, open_store, sqlite_url, upsert

__all__ = ["Store", "insert_unknown", "open_store", "sqlite_url", "upsert"]
