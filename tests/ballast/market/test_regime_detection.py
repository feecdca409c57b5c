"""The regime of the watched indices: both methods, their confidence, and regions."""

from __future__ import annotations

import functools
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from ballast.errors import HistoryTooShortError
from ballast.market.regime import (
    detected_regimes,
    main_regime,
    moving_average_regime,
    regional_regimes,
)
from ballast.settings import RegimeSettings
from ballast.tables import Regimes
from tests.ballast.builders import Row, bar, bars, day, securities, table
from tests.ballast.market.market_states import LAST_RECORDED, THREE, closes_of, recorded_index

SETTINGS = RegimeSettings(index="IDX", method="markov")
COUNT = 900
LAST = day(COUNT - 1)
PROBABILITIES = ("probability_bull", "probability_sideways", "probability_bear")


def closes(seed: int = 1, level: float = 100.0) -> list[float]:
    return closes_of(THREE.simulate(COUNT, seed)[0][1:], level)


def index(values: list[float], symbol: str = "IDX") -> list[Row]:
    return [bar(symbol, day(number), value) for number, value in enumerate(values)]


@functools.cache
def usual() -> pl.DataFrame:
    return detected_regimes(bars(*index(closes())), SETTINGS, LAST)


def test_the_table_says_what_both_methods_say() -> None:
    found = usual()
    ruled = moving_average_regime(bars(*index(closes())), SETTINGS, LAST)
    same = ("index_symbol", "session", "close", "moving_average", "distance", "rule_regime")
    assert_frame_equal(found.select(same), ruled.select(same))
    labelled = found.filter(pl.col("model_regime").is_not_null())
    assert set(labelled["model_regime"]) == {"bull", "sideways", "bear"}
    assert_frame_equal(
        labelled.select(regime="model_regime"), labelled.select("regime"), check_exact=True
    )
    assert set(labelled["method"]) == {"markov"}
    total = labelled.select(pl.sum_horizontal(PROBABILITIES)).to_series().to_numpy()
    np.testing.assert_allclose(total, 1.0)
    shares = dict(found.select("regime", "reserve_share").unique().iter_rows())
    assert shares == SETTINGS.reserve_shares | {None: 0.05}


def test_the_rule_decides_while_the_model_has_too_little_history() -> None:
    early = usual().filter(pl.col("model_regime").is_null())
    assert early.height > 504
    assert early["regime"].to_list() == early["rule_regime"].to_list()
    assert set(early["method"].drop_nulls()) == {"rule"}
    unknown = early.select("state_volatility", *PROBABILITIES).null_count().row(0)
    assert unknown == (early.height,) * 4
    assert (early["confidence"].is_null() == early["regime"].is_null()).all()
    assert early.filter(pl.col("regime").is_null())["method"].is_null().all()


def test_the_rule_can_be_chosen_and_the_model_is_shown_beside_it() -> None:
    chosen = SETTINGS.model_copy(update={"method": "rule"})
    found = detected_regimes(bars(*index(closes())), chosen, LAST)
    assert found["regime"].to_list() == found["rule_regime"].to_list()
    assert_frame_equal(
        found.select("rule_regime", "model_regime", *PROBABILITIES),
        usual().select("rule_regime", "model_regime", *PROBABILITIES),
    )
    assert set(found["method"].drop_nulls()) == {"rule"}


def test_the_confidence_of_the_model_is_its_probability_in_proportion_to_its_history() -> None:
    row = usual().row(-1, named=True)
    fitted_to = (LAST.replace(day=1) - day(0)).days - 1
    expected = row[f"probability_{row['regime']}"] * fitted_to / 1_260
    assert row["confidence"] == pytest.approx(expected)


def by_rule(values: list[float], expected: list[date] | None = None) -> pl.DataFrame:
    settings = RegimeSettings(index="IDX", method="rule")
    last = day(len(values) - 1)
    return detected_regimes(bars(*index(values)), settings, last, {"IDX": expected or []})


def test_the_confidence_of_the_rule_is_the_chance_to_stay_between_its_thresholds() -> None:
    values = closes()
    table = by_rule(values)
    returns = np.diff(np.log(values))
    edges = {"bear": (-np.inf, -0.05), "sideways": (-0.05, 0.05), "bull": (0.05, np.inf)}
    seen = set()
    for number, row in enumerate(table.iter_rows(named=True)):
        if row["regime"] is None:
            assert row["confidence"] is None
            continue
        low, high = edges[row["regime"]]
        spread = np.std(returns[number - 63 : number], ddof=1)
        chance = stats.norm(row["distance"], spread)
        assert row["confidence"] == pytest.approx(chance.cdf(high) - chance.cdf(low), abs=1e-9)
        seen.add(row["regime"])
    assert seen == set(edges)


@pytest.mark.parametrize(("last", "confidence"), [(100.0, 1.0), (100.0 * 199 * 1.05 / 198.95, 0.5)])
def test_the_rule_is_as_sure_as_the_index_is_far_from_its_thresholds(
    last: float, confidence: float
) -> None:
    row = by_rule([100.0] * 199 + [last]).row(-1, named=True)
    assert row["regime"] == ("bull" if last > 101.0 else "sideways")
    assert row["confidence"] == pytest.approx(confidence)


def test_row_order_and_duplicates_are_irrelevant() -> None:
    rows = index(closes()) + index(closes(2), "AAA")
    shuffled = [rows[at] for at in np.random.default_rng(1).permutation(len(rows))]
    assert_frame_equal(detected_regimes(bars(*shuffled, *shuffled[:300]), SETTINGS, LAST), usual())


def test_of_two_versions_of_a_bar_the_newer_counts_in_any_order() -> None:
    rows = index(closes())
    wrong = rows[600] | {"close": 1.0}
    right = rows[600] | {"known_on": day(700)}
    others = [row for row in rows if row["session"] != day(600)]
    for versions in ([wrong, right], [right, wrong]):
        found = detected_regimes(bars(*versions, *others), SETTINGS, LAST)
        assert_frame_equal(found, usual())


@pytest.mark.parametrize("factor", [0.001, 0.37, 64.0, 1e5])
def test_the_scale_of_the_index_is_irrelevant(factor: float) -> None:
    scaled = detected_regimes(bars(*index(closes(level=100.0 * factor))), SETTINGS, LAST)
    names = ("regime", "rule_regime", "model_regime", "reserve_share", "method")
    assert_frame_equal(scaled.select(names), usual().select(names))
    columns = ("confidence", "state_volatility", *PROBABILITIES)
    assert_frame_equal(scaled.select(columns), usual().select(columns), abs_tol=1e-4)


def test_what_is_asked_later_does_not_change_what_was_said() -> None:
    index_bars = recorded_index()
    settings = RegimeSettings(method="markov")
    whole = detected_regimes(index_bars, settings, LAST_RECORDED)
    for session in whole["session"].gather_every(97):
        known = index_bars.filter(pl.col("session") <= session)
        then = detected_regimes(known, settings, session)
        assert_frame_equal(then, whole.head(then.height), check_exact=True)
        assert_frame_equal(detected_regimes(index_bars, settings, session), then, check_exact=True)


def trust(regimes: pl.DataFrame) -> float:
    """Return what the newest confidence is as a share of the probability of the regime."""
    row = regimes.row(-1, named=True)
    return float(row["confidence"] / row[f"probability_{row['regime']}"])


def test_a_missing_close_lowers_the_confidence() -> None:
    every = {"IDX": [day(number) for number in range(COUNT)]}
    whole = detected_regimes(bars(*index(closes())), SETTINGS, LAST, every)
    assert_frame_equal(whole, usual())
    # After the first of the month, so that the fit stays the same.
    gap = [row for row in index(closes()) if not day(885) <= row["session"] < day(891)]
    found = detected_regimes(bars(*gap), SETTINGS, LAST, every)
    assert found.height == COUNT - 6
    assert trust(found) == pytest.approx(trust(whole) * 57 / 63)


def test_each_session_that_the_newest_close_is_old_halves_the_confidence() -> None:
    rows = bars(*index(closes()))
    confidence = []
    for late in range(3):
        asked = LAST + timedelta(days=late)
        every = [day(number) for number in range(COUNT + late)]
        found = detected_regimes(rows, SETTINGS, asked, {"IDX": every})
        assert found["regime"].to_list() == usual()["regime"].to_list()
        assert_frame_equal(found.head(COUNT - 1), usual().head(COUNT - 1))
        confidence.append(found["confidence"][-1])
    assert confidence[1] == pytest.approx(confidence[0] * 0.5 * 62 / 63)
    assert confidence[2] == pytest.approx(confidence[0] * 0.25 * 61 / 63)


@pytest.mark.parametrize("method", ["markov", "rule"])
@pytest.mark.parametrize(("late", "is_known"), [(5, True), (6, False), (150, False)])
def test_the_regime_of_a_stale_index_is_unknown_and_the_largest_reserve_applies(
    method: str, late: int, is_known: bool
) -> None:
    settings = SETTINGS.model_copy(update={"method": method, "reserve_sideways": 0.07})
    every = {"IDX": [day(number) for number in range(COUNT + late)]}
    rows = bars(*index(closes()))
    fresh = detected_regimes(rows, settings, LAST, every)
    found = detected_regimes(rows, settings, LAST + timedelta(days=late), every)
    assert_frame_equal(found.head(COUNT - 1), fresh.head(COUNT - 1))
    row, said = main_regime(found, "IDX"), main_regime(fresh, "IDX")
    both = ("rule_regime", "model_regime", "close", "distance")
    assert [row[name] for name in both] == [said[name] for name in both]
    if is_known:
        assert (row["regime"], row["reserve_share"]) == (said["regime"], said["reserve_share"])
    else:
        assert (row["regime"], row["method"], row["confidence"]) == (None, None, None)
        assert row["reserve_share"] == 0.07


def test_how_old_a_close_may_be_is_a_setting() -> None:
    every = {"IDX": [day(number) for number in range(COUNT + 1)]}
    strict = SETTINGS.model_copy(update={"stale_sessions": 0})
    found = detected_regimes(bars(*index(closes())), strict, LAST + timedelta(days=1), every)
    assert main_regime(found, "IDX")["regime"] is None


def test_a_return_over_a_gap_is_no_turbulence() -> None:
    """A month without closes ends with the return of a month, which is large and says little."""
    calm = list(100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.006, 800))))
    rows = [row for row in index(calm) if not day(760) <= row["session"] < day(790)]
    rows[-10:] = [row | {"close": row["close"] * 1.04} for row in rows[-10:]]
    settings = SETTINGS.model_copy(update={"minimum_dwell": 0})
    every = [day(number) for number in range(800)]
    seen, unseen = (
        detected_regimes(bars(*rows), settings, day(799), expected).filter(session=day(790))
        for expected in ({"IDX": every}, None)
    )
    assert seen["probability_bear"][0] < unseen["probability_bear"][0]


def regional(**regions: str) -> RegimeSettings:
    return SETTINGS.model_copy(update={"regions": regions})


def test_each_region_has_a_regime_of_its_own() -> None:
    rows = bars(*index(closes()), *index(closes(2), "EUX"), *index(closes(3), "OTHER"))
    settings = regional(EUR="EUX", Japan="NIK")
    found = detected_regimes(rows, settings, LAST)
    assert found["index_symbol"].unique(maintain_order=True).to_list() == ["EUX", "IDX"]
    assert_frame_equal(found.filter(index_symbol="IDX"), usual())
    alone = RegimeSettings(index="EUX", method="markov")
    assert_frame_equal(found.filter(index_symbol="EUX"), detected_regimes(rows, alone, LAST))
    assert main_regime(found.sample(fraction=1.0, shuffle=True, seed=1), "IDX") == usual().row(
        -1, named=True
    )


def test_securities_follow_the_index_of_their_region() -> None:
    settings = regional(EUR="EUX", France="CAC", XNYS="NYX", Japan="NIK")
    newest = {"IDX": "bull", "EUX": "bear", "CAC": "sideways", "NYX": None}
    regimes = table(
        Regimes,
        [
            {"index_symbol": symbol, "session": day(n), "regime": regime if n else "old"}
            for symbol, regime in newest.items()
            for n in (1, 0)
        ],
    )
    listed = pl.concat(
        [
            securities("AAA", currency="EUR", exchange="XAMS"),
            securities("BBB", currency="EUR", exchange="XPAR", country="France"),
            securities("CCC", currency="USD", exchange="XNYS", country="United States"),
            securities("DDD", currency="JPY", exchange="XTKS", country="Japan"),
            securities("EEE", currency="GBP", exchange="XLON"),
        ]
    )
    found = regional_regimes(regimes, listed, settings)
    assert found.select("symbol", "region", "index_symbol", "regime").rows() == [
        ("AAA", "EUR", "EUX", "bear"),
        ("BBB", "France", "CAC", "sideways"),
        ("CCC", "XNYS", "NYX", None),
        ("DDD", "Japan", "NIK", None),
        ("EEE", None, "IDX", "bull"),
    ]
    assert regional_regimes(regimes, listed, SETTINGS)["regime"].unique().to_list() == ["bull"]


def test_an_index_without_any_close_is_an_error_that_names_it() -> None:
    for rows in (index([100.0], "AAA"), [bar("IDX", day(1), 100.0)]):
        with pytest.raises(HistoryTooShortError, match="IDX"):
            detected_regimes(bars(*rows), SETTINGS, day(0))
    with pytest.raises(HistoryTooShortError, match="IDX"):
        main_regime(usual().filter(index_symbol="AAA"), "IDX")


def test_one_close_is_no_regime() -> None:
    found = detected_regimes(bars(bar("IDX", date(2020, 1, 2), 100.0)), SETTINGS, date(2020, 1, 2))
    row = found.row(0, named=True)
    assert (row["regime"], row["confidence"], row["reserve_share"]) == (None, None, 0.05)
