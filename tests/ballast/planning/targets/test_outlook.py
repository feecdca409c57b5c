"""The outlook: continuous in its inputs, bounded, silent where it knows nothing, and never from the future."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.errors import MarketDataError
from ballast.planning.targets.outlook import outlook_of, read_outlook
from tests.ballast.builders import arithmetic

HEADER = "known_on,vix,yield_slope,price_earnings\n"


@pytest.mark.parametrize(
    ("inputs", "shift"),
    [
        ({"vix": 20.0}, 0.0),
        ({"vix": 0.0}, 0.05),
        ({"vix": 40.0}, -0.05),
        ({"vix": 80.0}, -0.10),
        ({"yield_slope": 0.0}, 0.0),
        ({"yield_slope": -0.02}, -0.075),
        ({"yield_slope": 0.03}, 0.045),
        ({"price_earnings": 22.0}, 0.0),
        ({"price_earnings": 39.0}, -0.10),
        ({"price_earnings": 5.0}, 0.05),
        ({"vix": 80.0, "yield_slope": -0.05, "price_earnings": 60.0}, -0.20),
        ({}, 0.0),
        ({"vix": None, "yield_slope": float("nan")}, 0.0),
    ],
)
def test_each_input_shifts_along_its_line(inputs: dict[str, float | None], shift: float) -> None:
    assert outlook_of(inputs).shift == pytest.approx(shift)


@arithmetic
@given(st.floats(0, 90), st.floats(-0.05, 0.05), st.floats(1, 80))
def test_a_small_change_of_an_input_makes_a_small_change_of_the_shift(
    vix: float, slope: float, ratio: float
) -> None:
    here = outlook_of({"vix": vix, "yield_slope": slope, "price_earnings": ratio}).shift
    there = outlook_of(
        {"vix": vix + 1e-3, "yield_slope": slope + 1e-6, "price_earnings": ratio + 1e-3}
    )
    assert abs(there.shift - here) < 1e-4
    assert abs(here) <= 0.20


def test_what_is_unknown_is_named() -> None:
    assert (
        outlook_of({"vix": 20.0}).explanation
        == "vix 20: +0.000, yield_slope unknown, price_earnings unknown"
    )


def test_the_newest_row_that_was_known_counts(tmp_path: Path) -> None:
    path = tmp_path / "outlook.csv"
    path.write_text(HEADER + "2020-03-10,40,,\n2020-03-01,20,0.0,22\n2020-03-20,80,,\n")
    found = read_outlook(path, date(2020, 3, 15))
    assert found.shift == pytest.approx(-0.05)
    assert found.explanation.startswith("as of 2020-03-10: vix 40")
    assert "yield_slope unknown" in found.explanation


@pytest.mark.parametrize("session", [date(2020, 2, 1), date(2020, 6, 1)])
def test_rows_of_the_future_and_of_long_ago_say_nothing(tmp_path: Path, session: date) -> None:
    path = tmp_path / "outlook.csv"
    path.write_text(HEADER + "2020-03-10,40,,\n")
    assert read_outlook(path, session).shift == 0.0
    assert "knows nothing" in read_outlook(path, session).explanation


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",45,,", "line 3: known_on is missing"),
        ("2020-03-02,-1,,", "line 3: vix is -1"),
        ("2020-03-02,4000,,", "line 3: vix is 4000"),
        ("2020-03-02,,0.5,", "line 3: yield_slope is 0.5"),
        ("2020-03-02,,-1.2,", "line 3: yield_slope is -1.2"),
        ("2020-03-02,,,0", "line 3: price_earnings is 0"),
        ("2020-03-02,,,-14", "line 3: price_earnings is -14"),
        ("2020-03-02,nan,,", "line 3: vix is nan"),
        ("2020-03-02,,inf,", "line 3: yield_slope is inf"),
        ("2020-03-01,40,,", "line 3: 2020-03-01 is there twice"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "outlook.csv"
    path.write_text(HEADER + "2020-03-01,20,0.0,22\n" + row + "\n2020-03-05,20,0.0,22\n")
    with pytest.raises(MarketDataError, match=r"outlook\.csv") as refused:
        read_outlook(path, date(2020, 3, 15))
    assert said in str(refused.value)


def test_columns_count_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "outlook.csv"
    path.write_text("known_on,price_earnings,vix,yield_slope\n2020-03-10,,40,\n")
    assert read_outlook(path, date(2020, 3, 15)).shift == pytest.approx(-0.05)


@pytest.mark.parametrize(
    "text",
    [
        "known_on,a,b,c\n2020-03-10,40,,\n",
        "known_on,vix,yield_slope\n2020-03-10,40,\n",
        "known_on,vix,yield_slope,price_earnings,more\n2020-03-10,40,,,\n",
    ],
)
def test_other_columns_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "outlook.csv"
    path.write_text(text)
    with pytest.raises(MarketDataError, match="has the columns known_on, "):
        read_outlook(path, date(2020, 3, 15))


@pytest.mark.parametrize("text", [None, "day,vix\n2020-01-01,3\n", HEADER + "2020-01-01,high,,\n"])
def test_a_file_that_cannot_be_read_is_refused_with_a_remedy(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "outlook.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(MarketDataError, match=r"outlook\.csv.*known_on"):
        read_outlook(path, date(2020, 1, 2))
