"""When fills start a reconciliation: after a pause, never later than a limit, and with all of them in the context."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ballast.reconciliation.triggers import Execution, fills_context, wait_after_fills

NOW = datetime(2020, 8, 20, 15, tzinfo=UTC)
QUIET, LONGEST = timedelta(seconds=5), timedelta(seconds=30)
ages = st.lists(st.floats(0, 120), min_size=1, max_size=20)


def fill(seconds_ago: float, order_id: str = "o") -> Execution:
    return Execution("a", order_id, "AAA", date(2020, 8, 20), NOW - timedelta(seconds=seconds_ago))


def is_over(*seconds_ago: float) -> bool:
    fills = [fill(each) for each in seconds_ago]
    return wait_after_fills(fills, NOW, quiet_time=QUIET, longest_wait=LONGEST).is_over


def test_it_waits_until_fills_pause() -> None:
    assert not is_over(4.9)
    assert is_over(5)
    assert not is_over(20, 4)


def test_a_steady_stream_of_fills_does_not_put_it_off_for_ever() -> None:
    assert not is_over(29, 20, 10, 1)
    assert is_over(30, 20, 10, 1)


def test_without_a_fill_nothing_happens_and_it_says_so() -> None:
    wait = wait_after_fills([], NOW, quiet_time=QUIET, longest_wait=LONGEST)
    assert (wait.is_over, "No order" in wait.reason) == (False, True)


@given(ages)
def test_the_wait_is_bounded_whatever_comes(seconds_ago: list[float]) -> None:
    assert is_over(*seconds_ago) == (min(seconds_ago) >= 5 or max(seconds_ago) >= 30)


@given(ages)
def test_the_context_carries_every_fill(seconds_ago: list[float]) -> None:
    fills = [fill(each, f"order {number}") for number, each in enumerate(seconds_ago)]
    context = fills_context(fills)
    assert {each["order_id"] for each in context["fills"]} == {each.order_id for each in fills}
    assert context["until"] == max(each.known_at for each in fills).isoformat()
    assert context == fills_context(fills[::-1])
