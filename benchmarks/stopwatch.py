"""Where the time of a run goes: exclusive milliseconds per kind of work, by wrapping functions of the product."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

# Names are looked up where they are used; one that is gone is counted with what calls it.
_WORK: dict[str, tuple[str, ...]] = {
    "flushes of files and folders": ("os:fsync",),
    "store transactions": (
        "resources.store.engine:Store.write",
        "resources.store.engine:Store.read",
    ),
    "publication, the rest": ("resources.lake:Lake.publish",),
    "writing Parquet": ("resources.lake:Lake._write_file",),
    "validation": ("resources.lake:validated",),
    "catalog": ("resources.workspace:refresh_catalog",),
    "merging of the history": ("resources.history:PriceHistory.merge",),
    "reading the history": (
        "resources.history:PriceHistory.as_of",
        "resources.history:PriceHistory.actions",
    ),
    "reading tables": ("resources.lake:Snapshot.read", "resources.lake:Lake.snapshot"),
    "plots": (
        "assets.books:positions_chart",
        "assets.regime:regime_chart",
        "assets.planning:plan_chart",
        "assets.lots:gains_chart",
        "assets.performance:performance_chart",
        "assets.performance:attribution_chart",
    ),
    "metadata and data versions": (
        "assets.session_run:SessionRun.result",
        "assets.session_run:data_version",
    ),
    "source of prices": (
        "resources.market_data.recorded:RecordedMarketData.bars",
        "resources.market_data.recorded:RecordedMarketData.corporate_actions",
        "benchmarks.synthetic:SyntheticMarketData.bars",
    ),
    "brokers and ledger": ("assets.books:import_events", "assets.control:ask_brokers"),
    "history: windows, quality, versions": (
        "ballast.market.history:as_of",
        "ballast.market.history:combine",
        "ballast.market.history:combine_actions",
        "ballast.market.history:windows",
        "ballast.market.history:new_versions",
        "ballast.market.history:corrections",
        "ballast.market.quality:judge",
        "ballast.market.quality:gaps",
    ),
    "lots": ("assets.lots:match_postings", "assets.lots:realised_gains"),
    "performance and risk": (
        "assets.performance:value_portfolios",
        "assets.performance:measure",
        "assets.performance:contributions",
        "assets.performance:linked_contributions",
        "assets.performance:daily_rates",
        "assets.risk:measure",
        "assets.risk:correlations",
        "assets.risk:security_returns",
        "assets.risk:true_ranges",
    ),
    "other computations": (
        "assets.market:latest_prices",
        "assets.market:cross_rates",
        "assets.books:snapshot_of",
        "assets.books:account_values",
        "assets.reconciliation_run:compare",
        "assets.regime:adjusted_for_splits",
        "assets.regime:detected_regimes",
        "assets.targets:target_inputs",
        "ballast.planning.targets.proposal:propose",
        "assets.planning:planning_cases",
        "assets.planning:best_plan",
        "assets.planning:recommendations_table",
        "assets.planning:plans_table",
        "assets.reporting:render",
    ),
}


class Stopwatch:
    """Milliseconds per kind of work since it was set to zero."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        # Time of callees, which is not their caller's.
        self._inner = [0.0]

    def zero(self) -> None:
        """Forget what was spent."""
        self.spent = dict.fromkeys(_WORK, 0.0)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Wrap the product's functions while it is open."""
        self.zero()
        with ExitStack() as stack:
            for label, places in _WORK.items():
                for place in places:
                    module, _, path = place.partition(":")
                    holder, name = _holder(import_module(module), path)
                    if holder is not None:
                        work = self._timing(getattr(holder, name), label)
                        stack.enter_context(patch.object(holder, name, work))
            yield

    @contextmanager
    def _counting(self, label: str) -> Iterator[None]:
        started = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            taken = (time.perf_counter() - started) * 1e3
            self.spent[label] += taken - self._inner.pop()
            self._inner[-1] += taken

    def _timing(self, work: Callable[..., Any], label: str) -> Callable[..., Any]:
        @functools.wraps(work)
        def timing(*arguments: Any, **options: Any) -> Any:
            with self._counting(label):
                return work(*arguments, **options)

        @functools.wraps(work)
        @contextmanager
        def timing_block(*arguments: Any, **options: Any) -> Iterator[Any]:
            with self._counting(label), work(*arguments, **options) as given:
                yield given

        is_block = inspect.isgeneratorfunction(inspect.unwrap(work))
        return timing_block if is_block else timing


def _holder(module: object, path: str) -> tuple[object | None, str]:
    *parents, name = path.split(".")
    holder: object | None = module
    for parent in parents:
        holder = getattr(holder, parent, None)
    return (holder if hasattr(holder, name) else None), name
