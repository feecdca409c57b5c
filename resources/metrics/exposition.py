"""Metrics as text: for whoever scrapes, and as a file for those who collect files.

A source that cannot be read takes none of the others along: its metrics are missing, and `ballast_metrics_source_up`
says so.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from ballast.errors import BallastError
from resources.lake import Lake
from resources.metrics.families import DEFINITIONS, SOURCE_UP, Family
from resources.metrics.published import published_metrics
from resources.metrics.stored import alert_metrics, guard_metrics, reconciliation_metrics
from resources.store import Store

METRIC_NAMES = tuple(definition.name for definition in DEFINITIONS)

_log = logging.getLogger(__name__)


# Compared by identity: a registry keeps its collectors in a dictionary.
@dataclass(frozen=True, eq=False)
class Metrics(Collector):
    """Computes every metric anew whenever it is asked.

    Parameters
    ----------
    store : Store
        Gives counters and what is open.
    lake : Lake
        Gives what is known of the newest session.
    base_currencies : mapping of str to str
        Base currency of each account.
    routes : sequence of str
        Names of the routes of alerts.
    """

    store: Store
    lake: Lake
    base_currencies: Mapping[str, str]
    routes: Sequence[str] = ()

    def collect(self) -> Iterator[Family]:
        """Yield all metrics of which anything is known."""
        accounts = list(self.base_currencies)
        sources: dict[str, Callable[[], Iterable[Family]]] = {
            "reconciliation": lambda: reconciliation_metrics(self.store, accounts),
            "guards": lambda: guard_metrics(self.store, accounts),
            "alerts": lambda: alert_metrics(self.store, self.routes),
            "published": lambda: published_metrics(self.lake, self.base_currencies),
        }
        up = []
        for name, source in sources.items():
            try:
                found = list(source())
            except (BallastError, sa.exc.SQLAlchemyError, pl.exceptions.PolarsError, OSError):
                _log.warning("metrics of %s could not be read", name, exc_info=True)
                up.append(((name,), 0.0))
                continue
            up.append(((name,), 1.0))
            yield from (family for family in found if family.samples)
        yield SOURCE_UP.family(up)

    def registry(self) -> CollectorRegistry:
        """Return a registry of these metrics alone; the process that answers is of no interest."""
        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def render(self) -> bytes:
        """Return the metrics in the text format of Prometheus."""
        return generate_latest(self.registry())

    def write(self, path: Path) -> Path:
        """Write the metrics into a file that is there as a whole or not at all, and return its path.

        Its folder is what node_exporter is pointed at with `--collector.textfile.directory`.
        """
        text = self.render()
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: two runs may end at once. It does not end like a file that is collected.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
            # The collector is another user.
            partial.chmod(0o644)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        return path
