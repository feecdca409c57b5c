"""Every metric that Ballast exposes: its name, kind, labels and meaning.

Names follow the earlier system where it had one; what only Ballast knows begins with `ballast_`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
# Label values and what was counted or measured under them.
Samples = Iterable[tuple[Sequence[str], float]]


@dataclass(frozen=True)
class Definition:
    """A metric.

    Parameters
    ----------
    name : str
        As it is exposed.
    kind : {"counter", "gauge", "histogram"}
        A counter never falls.
    labels : tuple of str
        Names of the labels.
    meaning : str
        One sentence, with the unit.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str

    def family(self, samples: Samples) -> Family:
        """Return the metric with its samples; without any it is not exposed at all."""
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(self.name, self.meaning, labels=self.labels)
        for values, value in samples:
            family.add_metric(list(values), value)
        return family

    def distribution(self, buckets: Sequence[tuple[str, float]], total: float) -> Family:
        """Return a histogram.

        Parameters
        ----------
        buckets : sequence of (str, float)
            Upper limits, the last one `+Inf`, and how many observations are not above them.
        total : float
            Sum of all observations.
        """
        family = HistogramMetricFamily(self.name, self.meaning)
        family.add_metric([], list(buckets), total)
        return family


DIVERGENCES = Definition(
    "reconciliation_divergences_total", "counter", ("reason",),
    "Differences between books and broker by cause; one that changes its cause counts under both.",
)  # fmt: skip
SYNCS = Definition(
    "position_syncs_total", "counter", ("account", "status"),
    "Times that the broker was asked for an account; status is ok or unavailable.",
)  # fmt: skip
LATENCY = Definition(
    "reconciliation_latency_seconds", "histogram", (),
    "Duration of the reconciliation of one account, in seconds.",
)  # fmt: skip
GUARD_TRIGGERS = Definition(
    "drawdown_guard_triggers_total", "counter", ("account", "kind"),
    "Falls that reached a limit of the drawdown guard; kind is warning or execution.",
)  # fmt: skip
AUTOCLOSED = Definition(
    "positions_autoclosed_total", "counter", ("reason",),
    "Positions that a guard closed, by the guard.",
)  # fmt: skip
ALERTS = Definition(
    "ballast_alerts_total", "counter", ("kind", "severity"),
    "Alerts posted, whoever was told of them.",
)  # fmt: skip
DELIVERIES = Definition(
    "ballast_alert_deliveries_total", "counter", ("route", "status"),
    "Alerts that came to an end on a route; status is delivered or given_up.",
)  # fmt: skip
EQUITY = Definition(
    "account_equity", "gauge", ("account", "currency"),
    "Value of the account at the newest session, in its base currency; absent while any part is unknown.",
)  # fmt: skip
DRAWDOWN = Definition(
    "account_drawdown_percent", "gauge", ("account",),
    "How far the account is below its peak at the newest session, in percent; absent while unknown.",
)  # fmt: skip
POSITIONS = Definition(
    "positions_total", "gauge", ("account",),
    "Securities held at the newest session.",
)  # fmt: skip
OPEN_DISCREPANCIES = Definition(
    "ballast_open_discrepancies", "gauge", ("severity",),
    "Differences between books and broker that are open now.",
)  # fmt: skip
BLOCKED = Definition(
    "ballast_account_blocked", "gauge", ("account", "by"),
    "1 while nothing may be planned for the account; by is reconciliation or guards.",
)  # fmt: skip
KILL_SWITCH = Definition(
    "ballast_kill_switch_latched", "gauge", ("account", "level"),
    "1 while the kill switch holds for the account; level is reduce_only or halt.",
)  # fmt: skip
ALERTS_WAITING = Definition(
    "ballast_alerts_waiting", "gauge", ("route",),
    "Deliveries that are still to be made.",
)  # fmt: skip
LAST_SESSION = Definition(
    "ballast_last_session_timestamp_seconds", "gauge", (),
    "End of the newest session that was carried through to its report, as a Unix time.",
)  # fmt: skip
LAST_REPORT = Definition(
    "ballast_last_report_timestamp_seconds", "gauge", (),
    "When the report of that session was published, as a Unix time.",
)  # fmt: skip
SOURCE_UP = Definition(
    "ballast_metrics_source_up", "gauge", ("source",),
    "0 when a source of metrics could not be read, so that its metrics are missing.",
)  # fmt: skip

DEFINITIONS = (
    DIVERGENCES, SYNCS, LATENCY, GUARD_TRIGGERS, AUTOCLOSED, ALERTS, DELIVERIES, EQUITY, DRAWDOWN,
    POSITIONS, OPEN_DISCREPANCIES, BLOCKED, KILL_SWITCH, ALERTS_WAITING, LAST_SESSION, LAST_REPORT,
    SOURCE_UP,
)  # fmt: skip


def with_zeros(
    found: Mapping[tuple[str, ...], float], expected: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], float]:
    """Add what has not happened yet as zero, because the first increase of an absent counter is not seen."""
    return dict.fromkeys(expected, 0.0) | dict(found)
