"""Scripts of faults that a person writes, and what is wrong with those that cannot be played."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ballast.errors import ConfigurationError
from resources.brokers.faults import FAULT_KINDS, Fault
from resources.brokers.faults_script import COLUMNS, read_script
from tests.resources.brokers.test_faults_invariants import scripts

_CSV = """fault_id,account_id,session,kind,symbol,factor,until,amount,currency,questions,told
# The first week.

lost,america,2020-08-04,lost_fill,AAPL,,,,,,nowhere
half,america,2020-08-05,partial_fill,,0.5,,,,,
late,america,2020-08-05,late_fill,,,2020-08-10,,,,
fee,europe,2020-08-05,fee,,,,12.50,EUR,,
line,europe,2020-08-06,unreachable,,,,,,balances lots,
"""
_TOML = """
[[faults]]
fault_id = "lost"
account_id = "america"
session = 2020-08-04
kind = "lost_fill"
symbol = "AAPL"
told = "nowhere"

[[faults]]
fault_id = "half"
account_id = "america"
session = "2020-08-05"
kind = "partial_fill"
factor = 0.5

[[faults]]
fault_id = "late"
account_id = "america"
session = 2020-08-05
kind = "late_fill"
until = 2020-08-10

[[faults]]
fault_id = "fee"
account_id = "europe"
session = 2020-08-05
kind = "fee"
amount = "12.50"
currency = "EUR"

[[faults]]
fault_id = "line"
account_id = "europe"
session = 2020-08-06
kind = "unreachable"
questions = ["balances", "lots"]
"""
_DAYS = date(2020, 8, 4), date(2020, 8, 5), date(2020, 8, 6)
_SCRIPT = (
    Fault("lost", "america", _DAYS[0], "lost_fill", symbol="AAPL", told="nowhere"),
    Fault("half", "america", _DAYS[1], "partial_fill", factor=Decimal("0.5")),
    Fault("late", "america", _DAYS[1], "late_fill", until=date(2020, 8, 10)),
    Fault("fee", "europe", _DAYS[1], "fee", amount=Decimal("12.50"), currency="EUR"),
    Fault("line", "europe", _DAYS[2], "unreachable", questions=("balances", "lots")),
)


def written(folder: Path, text: str, name: str = "script.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "name"), [(_CSV, "script.csv"), (_TOML, "script.toml")])
def test_a_script_is_read_as_it_is_written(tmp_path: Path, text: str, name: str) -> None:
    assert read_script(written(tmp_path, text, name)) == _SCRIPT


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(scripts(), st.booleans())
def test_any_script_can_be_written_down(tmp_path: Path, script: list[Fault], as_toml: bool) -> None:
    if as_toml:
        tables = [_filled(fault).items() for fault in script]
        text = "\n".join(
            "\n".join(["[[faults]]", *(f'{name} = "{value}"' for name, value in table)])
            for table in tables
        )
    else:
        lines = [",".join(_filled(fault).get(name, "") for name in COLUMNS) for fault in script]
        text = "\n".join([",".join(COLUMNS), *lines])
    path = written(tmp_path, text, "any.toml" if as_toml else "any.csv")
    assert read_script(path) == tuple(script)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "columns .* are missing"),
        ("fault_id,account_id,session\n", r"\['kind'\] are missing"),
        ("fault_id,account_id,session,kind,colour\n", r"\['colour'\] are unknown"),
        ("fault_id,account_id,session,kind\na,b,2020-08-05\n", "line 2 has 3 cells"),
        ("fault_id,account_id,session,kind\na,b,5.8.2020,lost_fill\n", "line 2 .* isoformat"),
        ("fault_id,account_id,session,kind\na,b,2020-08-05,lost\n", "line 2 .* none of lost_fill"),
        (
            "fault_id,account_id,session,kind\na,,2020-08-05,lost_fill\n",
            "line 2 .* account_id is miss",
        ),
        (
            "fault_id,account_id,session,kind,factor\na,b,2020-08-05,partial_fill,half\n",
            "no.* number",
        ),
        (
            "fault_id,account_id,session,kind,factor\na,b,2020-08-05,partial_fill,NaN\n",
            "no.* number",
        ),
        (
            "fault_id,account_id,session,kind,factor\na,b,2020-08-05,lost_fill,0.5\n",
            "no use for factor",
        ),
    ],
)
def test_a_script_that_cannot_be_read_is_refused_with_the_place(
    tmp_path: Path, text: str, why: str
) -> None:
    with pytest.raises(ConfigurationError, match=why) as refused:
        read_script(written(tmp_path, text))
    assert "script.csv" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("faults = 3", "tables"),
        ("[[fault]]\n", "tables"),
        ("faults = [1]", "table"),
        ("[[faults]]\ncolour = 1", "missing"),
        ("= 1", "cannot be read"),
    ],
)
def test_a_toml_of_another_shape_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        read_script(written(tmp_path, text, "script.toml"))


def test_a_script_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_script(tmp_path / "nowhere.csv")


def test_every_kind_says_what_it_means_in_columns_that_there_are() -> None:
    for facts in FAULT_KINDS.values():
        assert facts.meaning.endswith(".")
        assert set(facts.needs) | set(facts.may) <= set(COLUMNS)


def _filled(fault: Fault) -> dict[str, str]:
    values = {field.name: getattr(fault, field.name) for field in fields(fault)}
    return {
        name: " ".join(value) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
        if value not in (None, ())
    }
