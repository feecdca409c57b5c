"""The domain of Ballast: pure functions on typed frames; no Dagster, no database, no network, no clock."""
