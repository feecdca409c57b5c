"""Metrics for Prometheus, computed from what is stored and published whenever somebody asks."""

from resources.metrics.exposition import METRIC_NAMES, Metrics

__all__ = ["METRIC_NAMES", "Metrics"]
