"""What a run that has ended is worth telling, and which tellings are one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pipelines.run_alerts import EndedRun, alerts_of_run, innermost_message


def test_a_run_whose_process_died_has_the_reason_of_its_end() -> None:
    run = EndedRun(
        "r", "daily_pipeline", None, date(2024, 3, 1), False, [("none", "Run timed out")], []
    )
    (alert,) = alerts_of_run(run)
    assert "Run timed out" in alert.text
    (again,) = alerts_of_run(replace(run, day=date(2024, 3, 2)))
    assert again.alert_id != alert.alert_id


@pytest.mark.parametrize(
    ("message", "is_same"),
    [
        ("run 7f3a9c12-1111 failed after 31 seconds", True),
        ("the broker refused", False),
    ],
)
def test_failures_that_differ_only_in_particulars_are_one(message: str, is_same: bool) -> None:
    first = EndedRun(
        "r",
        "j",
        None,
        date(2024, 3, 1),
        False,
        [("s", "run 1b2c3d4e-2222 failed after 9 seconds")],
        [],
    )
    ids = {
        a.alert_id
        for run in (first, replace(first, failures=[("s", message)]))
        for a in alerts_of_run(run)
    }
    assert (len(ids) == 1) == is_same


def test_a_reason_that_nobody_recorded_is_said_to_be_missing() -> None:
    assert innermost_message(None) == "no reason was recorded"
