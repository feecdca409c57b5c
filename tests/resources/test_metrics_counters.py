"""Counters are counted anew at each scrape, by any process: whatever is added, none of them falls."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.lake import Lake
from resources.metrics import Metrics
from resources.metrics.families import DEFINITIONS
from resources.store import Store
from resources.store.guard_schema import drawdown_alerts, guard_close_events, guard_closes
from resources.store.reconciliation_schema import discrepancies, reconciliation_results
from tests.resources.alerts.desks import Routes, alert
from tests.resources.metric_rows import (
    ACCOUNTS,
    SESSION,
    Exposed,
    close,
    discrepancy,
    drawdown_alert,
    exposed,
    result,
    write,
)
from tests.resources.migrated import empty_store

_causes = st.sampled_from(["fee", "missed_fill", "unexplained"])
_appended = st.lists(
    st.one_of(
        st.tuples(st.just("result"), st.integers(0, 50), st.floats(0, 1e6)),
        st.tuples(st.just("discrepancy"), st.integers(0, 5), _causes),
        st.tuples(st.just("resolved"), st.integers(0, 5), _causes),
        st.tuples(st.just("fall"), st.integers(0, 20), st.sampled_from(["warning", "execution"])),
        st.tuples(st.just("close"), st.integers(0, 20), st.sampled_from(["failed", "closed"])),
        st.tuples(st.just("alert"), st.integers(0, 20), st.sampled_from(["info", "critical"])),
        st.tuples(st.just("deliver"), st.just(0), st.just("")),
    ),
    max_size=6,
)
_COUNTED = tuple(
    definition.name for definition in DEFINITIONS if definition.kind in {"counter", "histogram"}
)


def _append(store: Store, what: str, number: int, fact: Any) -> None:
    if what == "result":
        with store.read() as connection:
            known = connection.scalar(
                sa.select(sa.func.count()).select_from(reconciliation_results)
            )
        write(store, reconciliation_results, result(int(known or 0), fact))
    elif what in {"discrepancy", "resolved"}:
        resolved_on = SESSION if what == "resolved" else None
        write(store, discrepancies, discrepancy(number, fact, resolved_on=resolved_on))
    elif what == "fall":
        write(
            store,
            drawdown_alerts,
            drawdown_alert(number, "warning") | {"alert_id": f"{number}{fact}", "kind": fact},
        )
    elif what == "close":
        facts, events = close(number, "ordered", fact)
        write(store, guard_closes, facts)
        with store.write() as connection:
            last = connection.scalar(
                sa.select(sa.func.count())
                .select_from(guard_close_events)
                .where(guard_close_events.c.close_id == facts["close_id"])
            )
            connection.execute(sa.insert(guard_close_events), [events[-1] | {"sequence": last}])
    else:
        desk = Routes(limits={"give_up_after": 1}).add("chat", None).desk(store)
        desk.post([alert(f"a{number}", fact)] if what == "alert" else [])
        desk.deliver()


@settings(max_examples=15)
@given(steps=_appended)
def test_no_counter_ever_falls(
    steps: list[tuple[str, int, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("counters")
    store = empty_store(folder)
    before: Exposed = {}
    for step in steps:
        _append(store, *step)
        # Each scrape is another process, as it were: nothing is remembered but what is stored.
        now = exposed(Metrics(store, Lake(folder / "lake", store), ACCOUNTS, ["chat"]))
        counted = {key: value for key, value in now.items() if key[0].startswith(_COUNTED)}
        assert all(counted.get(key, -1) >= value for key, value in before.items())
        before = counted
    store.close()
