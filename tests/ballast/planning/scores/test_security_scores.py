"""The scores of securities against loops over lists, and what must never change them."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ballast.planning.scores.security import security_scores
from ballast.settings import GroupWeights, PerformanceSettings, ScoreSettings
from ballast.tables import Fundamentals, SecurityScores, polars_schema
from tests.ballast.builders import actions, bars, table
from tests.ballast.planning.scores.histories import (
    SESSION,
    History,
    flat,
    growing,
    random_history,
    tables,
    weekdays,
)
from tests.ballast.planning.scores.loops import scores as by_loops

few = settings(max_examples=15, deadline=None)
universes = st.lists(
    st.tuples(
        st.integers(0, 10**6), st.integers(1, 700), st.sampled_from([0.02, 0.02, 0.15, 0.22, 0.5])
    ),
    min_size=1,
    max_size=4,
).map(lambda drawn: [random_history(f"S{number}", *each) for number, each in enumerate(drawn)])
PLAIN = ScoreSettings()
ALWAYS_KNOWN = {"symbol", "quality", "known_share", "history_sessions"}


def scored(
    histories: list[History], session: date = SESSION, settings: ScoreSettings = PLAIN
) -> pl.DataFrame:
    symbols = [history.symbol for history in histories]
    return security_scores(symbols, *tables(histories), session, settings, PerformanceSettings())


def only(frame: pl.DataFrame) -> dict[str, object]:
    return frame.row(0, named=True)


def missing_of(row: dict[str, object]) -> list[str]:
    return str(row["missing"]).split(", ")


def assert_like_the_loop(row: dict[str, object], history: History, session: date) -> None:
    for name, expected in by_loops(history, session).items():
        if expected is None:
            assert row[name] is None, name
        else:
            assert row[name] == pytest.approx(expected, rel=1e-9, abs=1e-9), name


@few
@given(universes)
def test_metrics_and_scores_are_those_of_loops_over_each_security(histories: list[History]) -> None:
    found = scored(histories)
    for history, row in zip(histories, found.iter_rows(named=True), strict=True):
        assert_like_the_loop(row, history, SESSION)


@pytest.mark.parametrize("seed", range(4))
def test_a_history_of_ten_years_is_scored_as_by_a_loop(seed: int) -> None:
    history = random_history("S", seed, 2_750)
    assert_like_the_loop(only(scored([history])), history, SESSION)


@few
@given(universes)
def test_scores_are_between_0_and_1_or_unknown(histories: list[History]) -> None:
    found = scored(histories)
    SecurityScores.validate(found)
    bounded = [name for name in found.columns if name.endswith("_score")]
    for name in [*bounded, "quality", "known_share", *GROUPS]:
        assert found[name].drop_nulls().is_between(0, 1).all(), name


GROUPS = (
    "long_term", "fundamentals", "opportunity", "dividends", "short_term", "technicals", "opinion",
)  # fmt: skip


@few
@given(universes, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(histories: list[History], source: object) -> None:
    seed = source.randrange(1000)  # type: ignore[attr-defined]
    frames = [frame.sample(fraction=1.0, shuffle=True, seed=seed) for frame in tables(histories)]
    symbols = [history.symbol for history in reversed(histories)]
    shuffled = security_scores(symbols, *frames, SESSION, ScoreSettings(), PerformanceSettings())
    assert_frame_equal(shuffled, scored(histories), check_exact=True)


@few
@given(universes, st.integers(-3, 3))
def test_the_unit_of_the_price_does_not_matter(histories: list[History], power: int) -> None:
    # A power of two, which moves no digit of a float.
    unit = 2.0**power
    other = [
        History(
            each.symbol,
            each.days,
            [close * unit for close in each.closes],
            [high and high * unit for high in each.highs],
            each.splits,
            [],
            {
                name: (day, value * unit if name == "target_price" else value)
                for name, (day, value) in each.figures.items()
            },
            each.is_total_return,
        )
        for each in histories
    ]
    for each in histories:
        each.dividends = []
    in_prices = ["close", "high_52_weeks"]
    assert_frame_equal(scored(other).drop(in_prices), scored(histories).drop(in_prices))


@few
@given(universes, st.integers(1, 400))
def test_what_comes_later_changes_nothing(histories: list[History], days: int) -> None:
    session = SESSION - timedelta(days=days)
    alive = [each for each in histories if each.days[0] <= session]
    known = [
        History(
            each.symbol,
            [day for day in each.days if day <= session],
            [c for day, c in zip(each.days, each.closes, strict=True) if day <= session],
            [h for day, h in zip(each.days, each.highs, strict=True) if day <= session],
            [event for event in each.splits if event[0] <= session],
            [event for event in each.dividends if event[0] <= session],
            {name: fact for name, fact in each.figures.items() if fact[0] <= session},
            each.is_total_return,
        )
        for each in alive
    ]
    assert_frame_equal(scored(alive, session), scored(known, session), check_exact=True)


def test_a_security_of_which_nothing_is_known_is_neutral_and_says_what_is_missing() -> None:
    nothing = security_scores(
        ["S"], bars(), actions(), table(Fundamentals, []), SESSION, ScoreSettings(),
        PerformanceSettings(),
    )  # fmt: skip
    row = only(nothing)
    assert row["quality"] == pytest.approx(0.5)
    assert row["known_share"] == 0.0
    assert row["history_sessions"] == 0
    missing = str(row["missing"]).split(", ")
    assert {"cagr", "sharpe", "rsi", "price_earnings", "recommendation"} <= set(missing)
    assert all(
        row[name] is None for name in nothing.columns if name not in {*ALWAYS_KNOWN, "missing"}
    )


def test_nothing_is_missing_where_everything_is_known() -> None:
    history = random_history("S", 3, 2_750)
    history.is_total_return = False
    names = (
        "trailing_pe", "forward_pe", "profit_margin", "debt_to_equity", "current_ratio",
        "payout_ratio", "recommendation", "target_price",
    )  # fmt: skip
    history.figures = dict.fromkeys(names, (SESSION, 1.5))
    row = only(scored([history]))
    assert row["missing"] is None
    assert row["known_share"] == pytest.approx(1.0)


def test_a_missing_metric_is_null_and_counts_as_one_half() -> None:
    history = growing("S", 0.0004, 100)
    row = only(scored([history]))
    assert row["rsi"] is not None
    assert row["ema_distance"] is None
    assert row["technicals"] == pytest.approx(
        0.35 * row["rsi_score"] + 0.35 * row["bollinger_score"] + 0.30 * 0.5  # type: ignore[operator]
    )
    assert "ema_distance" in str(row["missing"])


def test_a_young_listing_has_no_long_horizon_but_is_scored() -> None:
    row = only(scored([random_history("S", 1, 163)]))
    assert row["cagr"] is row["cagr_5y"] is row["cagr_10y"] is row["dividend_yield"] is None
    assert row["return_score"] is None
    assert row["short_term"] is not None
    assert 0 < row["known_share"] < 1  # type: ignore[operator]


def test_a_price_that_never_moves_has_no_ratios_and_no_indicators() -> None:
    row = only(scored([flat("S", 300)]))
    for name in ("sharpe", "sortino", "rsi", "bollinger_position"):
        assert row[name] is None, name
    assert row["volatility"] == 0.0
    assert row["ema_distance"] == pytest.approx(0.0)


def test_a_price_that_never_moves_is_not_called_safe() -> None:
    row = only(scored([flat("S", 300)]))
    for name in ("max_drawdown", "current_drawdown", "drawdown_score", "stability_score"):
        assert row[name] is None, name
    assert "max_drawdown" in missing_of(row)


@pytest.mark.parametrize(("years_ago", "unknown"), [(5, "cagr_5y"), (10, "cagr_10y")])
def test_the_growth_that_is_unknown_is_named(years_ago: int, unknown: str) -> None:
    whole = growing("S", 0.0003, 2_900)
    lost = (SESSION.year - years_ago, SESSION.month)
    kept = [n for n, day in enumerate(whole.days) if (day.year, day.month) != lost]
    days, closes = [whole.days[n] for n in kept], [whole.closes[n] for n in kept]
    row = only(scored([History("S", days, closes, [None] * len(kept))]))
    assert row["consistency"] is None
    assert [name for name in missing_of(row) if name.startswith("cagr")] == [unknown]


def test_a_figure_that_is_too_old_counts_as_missing() -> None:
    history = growing("S", 0.0004, 100)
    history.figures = {"profit_margin": (SESSION - timedelta(days=120), 0.1)}
    assert only(scored([history]))["profit_margin"] == 0.1
    older = ScoreSettings(fundamentals_age=119)
    assert only(scored([history], settings=older))["profit_margin"] is None


def test_weights_are_proportions() -> None:
    history = random_history("S", 5, 400)
    only_risk = GroupWeights(
        long_term=0.0, fundamentals=0.0, opportunity=0.0, dividends=0.0, short_term=5.0,
        technicals=0.0, opinion=0.0, diversification=0.0,
    )  # fmt: skip
    row = only(scored([history], settings=ScoreSettings(weights=only_risk)))
    assert row["quality"] == pytest.approx(row["short_term"])
    assert row["known_share"] == pytest.approx(1.0)


def test_weights_that_leave_nothing_of_a_security_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one weight beside"):
        GroupWeights(
            long_term=0.0, fundamentals=0.0, opportunity=0.0, dividends=0.0, short_term=0.0,
            technicals=0.0, opinion=0.0,
        )  # fmt: skip


def test_no_securities_are_no_rows() -> None:
    frame = security_scores(
        [], bars(), actions(), table(Fundamentals, []), SESSION, ScoreSettings(), PerformanceSettings()
    )  # fmt: skip
    assert frame.is_empty()
    assert frame.schema == polars_schema(SecurityScores)


def test_others_are_ignored() -> None:
    one, other = random_history("A", 1, 300), random_history("B", 2, 300)
    both = tables([one, other])
    frame = security_scores(["A"], *both, SESSION, ScoreSettings(), PerformanceSettings())
    assert_frame_equal(frame, scored([one]), check_exact=True)


def test_a_split_and_a_dividend_do_not_look_like_a_fall() -> None:
    days = weekdays(300)
    rising = [1 + number / 1000 for number in range(300)]
    plain = History("S", days, [100.0 * each for each in rising], [None] * 300)
    closes = [
        (100.0 if number < 100 else 50.0) * each - (1.0 if number >= 200 else 0.0)
        for number, each in enumerate(rising)
    ]
    eventful = History(
        "S",
        days,
        closes,
        [None] * 300,
        splits=[(days[100], 2.0)],
        dividends=[(days[200], 1.0)],
    )
    assert only(scored([plain]))["max_drawdown"] == 0.0
    row = only(scored([eventful]))
    assert row["max_drawdown"] == pytest.approx(0.0, abs=1e-12)
    assert row["high_52_weeks"] == pytest.approx(max(closes[100:]))
