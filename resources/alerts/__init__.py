"""The outbox of alerts and broadcasts, and the channels that carry them to people and programs."""

from resources.alerts.desk import AlertDesk, DeliverySummary

__all__ = ["AlertDesk", "DeliverySummary"]
