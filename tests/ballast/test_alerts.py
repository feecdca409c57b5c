"""Alerts and broadcasts: who is told, under which identity, in which words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ballast.alerts import (
    SEVERITIES,
    Alert,
    Broadcast,
    Route,
    discrepancy_broadcast,
    identity,
    result_broadcast,
    routes_of,
)
from ballast.settings import AlertSettings

_MOMENT = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
_severities = st.sampled_from(SEVERITIES)
_kinds = st.sampled_from(["reconciliation", "drawdown", "run_failed"])
_facts = st.lists(st.one_of(st.text(), st.none(), st.dates(), st.decimals()), max_size=4)
_routes = st.lists(
    st.builds(
        Route,
        name=st.sampled_from("abcd"),
        least_severity=_severities,
        kinds=st.lists(_kinds, max_size=2),
    ),
    unique_by=lambda route: route.name,
)


def _alert(severity: str, kind: str = "drawdown") -> Alert:
    return Alert("a", kind, severity, "title", "text")  # type: ignore[arg-type]


def test_a_route_takes_its_severity_and_everything_above() -> None:
    routes = [Route("all", "info"), Route("phone", "critical"), Route("usual")]
    assert routes_of(_alert("info"), routes) == ("all",)
    assert routes_of(_alert("warning"), routes) == ("all", "usual")
    assert routes_of(_alert("critical"), routes) == ("all", "phone", "usual")


def test_a_route_may_take_only_some_kinds() -> None:
    routes = [Route("guards", "info", ["drawdown"]), Route("books", "info", ["reconciliation"])]
    assert routes_of(_alert("critical"), routes) == ("guards",)


@given(routes=_routes, kind=_kinds, severities=st.tuples(_severities, _severities))
def test_what_is_more_urgent_reaches_nobody_less(
    routes: list[Route], kind: str, severities: tuple[str, str]
) -> None:
    lower, higher = sorted(severities, key=SEVERITIES.index)  # type: ignore[arg-type]
    assert set(routes_of(_alert(lower, kind), routes)) <= set(
        routes_of(_alert(higher, kind), routes)
    )


@given(facts=_facts, others=_facts)
def test_an_identity_follows_from_the_facts_and_nothing_else(
    facts: list[object], others: list[object]
) -> None:
    same = [None if fact is None else str(fact) for fact in facts] == [
        None if fact is None else str(fact) for fact in others
    ]
    assert (identity("cash", *facts) == identity("cash", *others)) == same


def test_an_identity_does_not_depend_on_the_machine() -> None:
    found = identity("cash", "europe", date(2024, 3, 1), Decimal("1.50"), None)
    assert found == "cash:f8e2ef2760a78f597138bdafd95b1348"


def test_an_alert_without_identity_or_with_an_unknown_severity_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 128 characters"):
        Alert("", "drawdown", "info", "title", "text")
    with pytest.raises(ValueError, match="1 to 128 characters"):
        Broadcast("x" * 129, "channel", "{}")
    with pytest.raises(ValueError, match="'urgent' is none of info, warning, critical"):
        _alert("urgent")


def test_a_result_is_told_with_the_keys_that_listeners_know() -> None:
    message = result_broadcast(
        run_id="run-1",
        account_id="europe",
        timestamp=_MOMENT,
        is_clean=False,
        discrepancy_count=2,
        positions_checked=14,
        duration_ms=12.5,
        context={"trigger": "post_fill", "fills": ["F-1", "F-2"]},
    )
    assert message.channel == "reconciliation:result"
    assert json.loads(message.payload) == {
        "run_id": "run-1",
        "account_id": "europe",
        "timestamp": "2024-03-01T09:30:00+00:00",
        "is_clean": False,
        "discrepancy_count": 2,
        "positions_checked": 14,
        "duration_ms": 12.5,
        "context": {"trigger": "post_fill", "fills": ["F-1", "F-2"]},
    }


def _discrepancy(**changes: object) -> Broadcast:
    facts: dict[str, object] = {
        "run_id": "run-1",
        "discrepancy_type": "quantity_mismatch",
        "severity": "critical",
        "symbol": "MSFT",
        "local_value": Decimal("100.00000000"),
        "broker_value": Decimal("90"),
        "timestamp": _MOMENT,
        "account_id": "europe",
    }
    return discrepancy_broadcast(**(facts | changes))  # type: ignore[arg-type]


def test_a_discrepancy_is_told_with_the_keys_that_listeners_know() -> None:
    message = _discrepancy()
    assert message.channel == "reconciliation:discrepancy"
    assert json.loads(message.payload) == {
        "run_id": "run-1",
        "type": "quantity_mismatch",
        "severity": "critical",
        "symbol": "MSFT",
        "local_value": "100.00000000",
        "broker_value": "90",
        "timestamp": "2024-03-01T09:30:00+00:00",
        "account_id": "europe",
    }


def test_an_unknown_value_is_null_and_never_a_word() -> None:
    payload = json.loads(_discrepancy(local_value=None, symbol=None).payload)
    assert payload["local_value"] is None
    assert payload["symbol"] is None


@given(
    value=st.decimals(
        allow_nan=False, allow_infinity=False, places=8, min_value=-(10**20), max_value=10**20
    )
)
def test_an_amount_arrives_exactly_and_without_an_exponent(value: Decimal) -> None:
    told = json.loads(_discrepancy(local_value=value).payload)["local_value"]
    assert Decimal(told) == value
    assert "e" not in told.lower()


def test_a_moment_keeps_its_zone_and_one_without_is_refused() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    told = json.loads(_discrepancy(timestamp=_MOMENT.astimezone(kathmandu)).payload)["timestamp"]
    assert datetime.fromisoformat(told) == _MOMENT
    with pytest.raises(ValueError, match="no time zone"):
        _discrepancy(timestamp=_MOMENT.replace(tzinfo=None))


def test_each_difference_of_a_run_has_an_identity_of_its_own() -> None:
    told = [
        _discrepancy(),
        _discrepancy(symbol="AAPL"),
        _discrepancy(account_id="america"),
        _discrepancy(run_id="run-2"),
        _discrepancy(discrepancy_type="cost_mismatch", field="average_cost"),
        _discrepancy(discrepancy_type="cost_mismatch", field="cost_basis"),
        _discrepancy(broker_value=None),
    ]
    assert len({message.message_id for message in told}) == len(told)
    later = _discrepancy(timestamp=_MOMENT + timedelta(seconds=1))
    assert later.message_id == told[0].message_id


def _route(**changes: object) -> dict[str, object]:
    return {"name": "discord", "environment": "BALLAST_ALERTS_DISCORD"} | changes


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"routes": [_route(), _route()]}, "routes listed twice: \\['discord'\\]"),
        ({"routes": [_route(name="redis")]}, "a route cannot be called 'redis'"),
        ({"routes": [_route(environment="DISCORD")]}, "environment"),
        ({"routes": [_route(environment="https://discord.com/api/webhooks/1/x")]}, "environment"),
        ({"routes": [_route(least_severity="urgent")]}, "least_severity"),
        ({"routes": [_route(url="discord://1/x")]}, "url"),
        ({"first_retry": 60, "longest_retry": 30}, "longest_retry \\(30\\) is less than"),
    ],
)
def test_a_wrong_route_is_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AlertSettings.model_validate(settings)
