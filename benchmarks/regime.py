"""Market states: how many are recognised, how fast, and what became of the falls of the S&P 500.

Twenty simulated series a case with known states: parameters from the first half, labels of the second by a rule that
never looks ahead, balanced accuracy. The oracle knows the parameters; nothing that learns can be expected above it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from unittest.mock import patch

import numpy as np
import polars as pl
from skfolio.datasets import load_sp500_index
from threadpoolctl import threadpool_limits

from ballast.market.regime import detected_regimes, markov
from ballast.market.regime.markov import Floats, Model, filtered, fit_model, state_probabilities
from ballast.market.regime.record import RegimeRecord, regime_record
from ballast.settings import RegimeSettings
from ballast.tables import Bars, polars_schema
from benchmarks import regime_peers as peers
from benchmarks.measure import Report, Row, alternate
from benchmarks.regime_cases import CASES, HALF, Case, Labels, balanced_accuracy, seeds

_SERIES = 20
_ALLOWED_BELOW_ORACLE = 0.01
_LEAST_ACCURACY = 0.70
_SHARE_OF_HMMLEARN, _SHARE_LIKE_FOR_LIKE = 0.25, 0.05
_UPDATE_MILLISECONDS = 1.0
_UPDATES = 200
_LAST = date(2022, 12, 28)
_METHODS = {"model": "model_regime", "rule": "rule_regime"}


def run() -> list[Report]:
    """Measure accuracy, speed, and the record on the S&P 500."""
    report = Report("regime")
    # Threads that wait for each other would slow the peers down, and theirs are tiny products.
    with threadpool_limits(1):
        for name, case in CASES.items():
            _measure_accuracy(report, name, case)
        for name in ("t(5)", "three states"):
            _measure_speed(report, name, CASES[name])
        _measure_update(report)
        _hold_against_the_index(report)
    return [report]


def _measure_accuracy(report: Report, name: str, case: Case) -> None:
    scores: dict[str, list[float]] = {}
    for seed in seeds(_SERIES):
        returns, states = case.series(seed)
        for who, labels in _labels(case, returns).items():
            scores.setdefault(who, []).append(balanced_accuracy(states[HALF:], labels))
    means = {who: float(np.mean(found)) for who, found in scores.items()}
    ours, oracle = means["ours"], means["oracle"]
    rivals = {who: mean for who, mean in means.items() if who not in ("ours", "oracle")}
    best = max(rivals, key=lambda who: rivals[who])
    allowed = _ALLOWED_BELOW_ORACLE
    report.rows += [
        Row(f"{name}: below the oracle", oracle - ours, allowed, "allowed", 1.0, "accuracy"),
        Row(f"{name}: missed", 1 - ours, 1 - rivals[best], f"best peer: {best}", 1.0, "accuracy"),
        Row(
            f"{name}: missed, worst series", 1 - min(scores["ours"]), 1 - _LEAST_ACCURACY,
            "allowed", 1.0, "accuracy",
        ),
    ]  # fmt: skip
    for who, found in scores.items():
        for title, figure in (("mean", means[who]), ("worst series", min(found))):
            table = report.details.setdefault(f"Balanced accuracy, {title}", {})
            table.setdefault(who, {})[name] = figure


def _labels(case: Case, returns: Floats) -> dict[str, Labels]:
    """Return the labels of the second half by everybody."""
    states = case.states
    gaussian = peers.fit_hmmlearn(returns[:HALF], states)
    return {
        "oracle": case.oracle(returns)[HALF:].argmax(axis=1),
        "ours": _recognised(returns, states),
        "hmmlearn, filtered": peers.label_hmmlearn(gaussian, returns, is_corrected=False),
        "hmmlearn, filtered, prior-corrected": peers.label_hmmlearn(
            gaussian, returns, is_corrected=True
        ),
        "jumpmodels, online": peers.jumpmodels(returns, states),
        "smoothed volatility, fast": peers.volatility_threshold(
            returns, states, half_life=peers.FAST
        ),
        "smoothed volatility, slow": peers.volatility_threshold(
            returns, states, half_life=peers.SLOW
        ),
        "200-day rule, sideways is calm": peers.moving_average(returns, states, sideways_is=0),
        "200-day rule, sideways is next": peers.moving_average(returns, states, sideways_is=1),
    }


def _recognised(returns: Floats, states: int) -> Labels:
    by_shape, model = _fit_and_filter(returns, states)
    _, corrected = state_probabilities(model, by_shape)
    return corrected.argmax(axis=1)


def _fit_and_filter(returns: Floats, states: int) -> tuple[Floats, Model]:
    model = fit_model(returns[:HALF], states)
    assert model is not None
    return filtered(model, returns[HALF:])


def _measure_speed(report: Report, name: str, case: Case) -> None:
    series = [case.series(seed)[0] for seed in seeds(5)]

    def on_series(work: Callable[[Floats], object]) -> Callable[[int], object]:
        return lambda number: work(series[number])

    def normal_only(returns: Floats) -> object:
        with patch.object(markov, "SHAPES", (markov.NORMAL,)):
            return fit_model(returns[:HALF], case.states)

    taken = alternate(
        {
            "ours": on_series(partial(_fit_and_filter, states=case.states)),
            "normal only": on_series(normal_only),
            "hmmlearn": on_series(lambda x: peers.fit_hmmlearn(x[:HALF], case.states)),
            "jumpmodels": on_series(partial(peers.jumpmodels, states=case.states)),
        }
    )
    peer = taken["hmmlearn"]
    report.rows += [
        Row(f"fit, {name}", taken["ours"], peer, "hmmlearn, 10 starts", _SHARE_OF_HMMLEARN),
        Row(
            f"fit, {name}, normal only", taken["normal only"], peer, "hmmlearn, 10 starts",
            _SHARE_LIKE_FOR_LIKE,
        ),
        Row(f"fit, {name}", taken["ours"], taken["jumpmodels"], "jumpmodels"),
    ]  # fmt: skip


def _measure_update(report: Report) -> None:
    returns, _ = CASES["three states"].series(0)
    _, model = _fit_and_filter(returns, 3)

    def update(_number: int) -> None:
        known = model
        for at in range(_UPDATES):
            by_shape, known = filtered(known, returns[at : at + 1])
            state_probabilities(known, by_shape)

    taken = alternate({"ours": update})["ours"] / _UPDATES
    report.rows.append(Row("one more session", taken, _UPDATE_MILLISECONDS, "1 ms", 1.0))


def _hold_against_the_index(report: Report) -> None:
    """Label the S&P 500 as time passed, and hold both methods against its falls since both are known."""
    bars = _index()
    settings = RegimeSettings(index="SPX", method="markov")
    label = partial(detected_regimes, bars, settings, _LAST)
    regimes = label().filter(pl.col("model_regime").is_not_null())
    for dwell in (0, 3, 5, 10):
        other = settings.model_copy(update={"minimum_dwell": dwell})
        dwelt = detected_regimes(bars, other, _LAST).filter(pl.col("model_regime").is_not_null())
        _summarise(report, f"model, minimum dwell {dwell}", dwelt, "model_regime")
    two = settings.model_copy(update={"states": 2})
    of_two = detected_regimes(bars, two, _LAST).filter(pl.col("model_regime").is_not_null())
    _summarise(report, "model, two states", of_two, "model_regime")
    _summarise(report, "rule", regimes, "rule_regime")
    records = {who: regime_record(regimes, column) for who, column in _METHODS.items()}
    report.details["S&P 500, falls"] = _falls(records)
    # Fits are remembered by now: this is what the next session of a backfill takes.
    again = alternate({"ours": lambda _number: label()})["ours"]
    report.rows.append(Row("S&P 500 since 1990, all labels again", again))


def _summarise(report: Report, name: str, regimes: pl.DataFrame, column: str) -> None:
    record = regime_record(regimes, column)
    late = record.falls["sessions_late"].median()
    table = report.details.setdefault("S&P 500, records", {})
    table[name] = {
        "falls": record.falls.height,
        "seen": record.seen,
        "sessions late, median": late if isinstance(late, float) else float("nan"),
        "alarms": record.alarms,
        "false alarms": record.false_alarms,
        "false sessions": record.false_sessions,
        "switches a year": record.switches_a_year or 0.0,
        "share in bear": regimes.select((pl.col(column) == "bear").mean()).item(),
    }


def _falls(records: dict[str, RegimeRecord]) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    for who, record in records.items():
        for fall in record.falls.iter_rows(named=True):
            row = table.setdefault(
                str(fall["peak_session"]),
                {"depth": fall["depth"], "sessions to trough": fall["sessions_to_trough"]},
            )
            if fall["sessions_late"] is not None:
                row[f"{who}: sessions late"] = fall["sessions_late"]
                row[f"{who}: fallen by then"] = fall["fallen_share"]
                row[f"{who}: bear before"] = float(fall["was_bear_before"])
    return table


def _index() -> pl.DataFrame:
    """Return `Bars` of the S&P 500 since 1990, as bundled with skfolio."""
    closes = load_sp500_index()["SP500"]
    days = [day.date() for day in closes.index]
    frame = pl.DataFrame({"session": days, "close": closes.to_numpy(dtype=float)})
    return frame.with_columns(
        symbol=pl.lit("SPX"), known_on="session", is_total_return=pl.lit(False),
        source=pl.lit("skfolio"),
    ).match_to_schema(polars_schema(Bars), missing_columns="insert")  # fmt: skip
