"""The portfolio file: everything wrong with it is named, nothing of it is guessed."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.configuration import (
    Portfolio,
    load,
    parse,
    securities_table,
    target_weights_table,
)
from ballast.errors import ConfigurationError
from ballast.tables import Securities, TargetWeights
from tests.ballast.builders import D, framewise

REPOSITORY_FILE = Path(__file__).parents[2] / "portfolio.toml"

ACCOUNT = '[[accounts]]\nid = "main"\n'
INDEX = '[[securities]]\nsymbol = "^GSPC"\nname = "S&P 500"\nexchange = "XNYS"\ncurrency = "USD"\n'
APPLE = '[[securities]]\nsymbol = "AAPL"\nname = "Apple"\nexchange = "XNYS"\ncurrency = "USD"\n'
SMALLEST = ACCOUNT + INDEX + APPLE


def parsed(*parts: str) -> Portfolio:
    """Parse top-level settings and sections, followed by the smallest lists that are valid."""
    return parse("\n".join([*parts, SMALLEST]), where="portfolio.toml")


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as error:
        parse(text, where="the file")
    assert error.value.where == "the file"
    assert error.value.remedy
    return error.value.what


def test_the_portfolio_of_the_repository_is_valid() -> None:
    portfolio = load(REPOSITORY_FILE)
    assert [account.id for account in portfolio.accounts] == ["europe", "america"]
    assert portfolio.mode == "research"
    assert portfolio.base_currencies == {"europe": "EUR", "america": "USD"}
    assert portfolio.currencies == ("EUR", "HKD", "USD")
    assert portfolio.exchanges == ("XAMS", "XHKG", "XNYS")


def test_what_is_not_said_has_its_default() -> None:
    portfolio = parsed()
    assert portfolio.base_currency == "EUR"
    assert portfolio.mode == "research"
    assert (portfolio.costs.fixed, portfolio.costs.percent) == (D("2.00"), D("0.002"))
    assert (portfolio.regime.window, portfolio.regime.bull_threshold) == (200, 0.05)
    assert portfolio.reconciliation.cash_tolerance == D("1.00")
    assert portfolio.base_currencies == {"main": "EUR"}


def test_money_in_the_file_never_passes_through_a_float() -> None:
    costs = parsed('[costs]\nfixed = 0.1\npercent = "0.30000000000000001"\n').costs
    assert (costs.fixed, costs.percent) == (D("0.1"), D("0.30000000000000001"))
    assert isinstance(costs.fixed, Decimal)


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ("basecurrency = 'EUR'", "basecurrency"),
        ("[costs]\nfixd = 1", "costs.fixd"),
        ("[sesions]\nfirst = 2020-01-01", "sesions"),
        ("[regime]\nwindow = 'long'", "regime.window"),
        ("[regime]\nwindow = '200'", "regime.window"),
        ("[regime]\nwindow = 200.0", "regime.window"),
        ("[market_data]\nstale_limit = true", "market_data.stale_limit"),
        ("[market_data]\njump_limit = '0.4'", "market_data.jump_limit"),
        ("[costs]\nfixed = 'two'", "costs.fixed"),
        ("[costs]\nfixed = nan", "costs.fixed"),
        ("[sessions]\nfirst = 'soon'", "sessions.first"),
        ("mode = 'margin'", "mode"),
        ("[market_data]\nsource = 'bloomberg'", "market_data.source"),
        ("base_currency = 'euro'", "base_currency"),
        ("[regime]\nwindow = 19", "regime.window"),
        ("[regime]\nwindow = 401", "regime.window"),
        ("[regime]\nbear_threshold = 0.05", "regime.bear_threshold"),
        ("[regime]\nbull_threshold = nan", "regime.bull_threshold"),
        ("[regime]\nreserve_bear = 0.41", "regime.reserve_bear"),
        ("[market_data]\njump_limit = 0.0", "market_data.jump_limit"),
        ("[market_data]\njump_limit = inf", "market_data.jump_limit"),
        ("[costs]\nfixed = -0.01", "costs.fixed"),
        ("[costs]\npercent = 1", "costs.percent"),
        ("[reconciliation]\ncash_tolerance = -1", "reconciliation.cash_tolerance"),
        ("[planner]\nmaximum_trades = 0", "planner.maximum_trades"),
        ("[sessions]\nfirst = 2020-01-02\nlast = 2020-01-01", "sessions"),
    ],
)
def test_an_unknown_key_a_wrong_type_or_a_value_out_of_range_is_named(
    section: str, place: str
) -> None:
    assert f"{place}: " in refusal(f"{section}\n{SMALLEST}")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (SMALLEST + 'lot = "1"', "securities.1.lot"),
        (SMALLEST + "lot_size = 0", "securities.1.lot_size"),
        (SMALLEST + 'allow_buy = "no"', "securities.1.allow_buy"),
        (SMALLEST + 'kind = "bond"', "securities.1.kind"),
        (SMALLEST.replace('"XNYS"', '"NYSE"', 1), "securities.0.exchange"),
        (SMALLEST.replace('id = "main"', 'id = "Main account"'), "accounts.0.id"),
        (SMALLEST.replace('id = "main"', 'id = "main"\nbroker = "x"'), "accounts.0.broker"),
        (ACCOUNT, "securities"),
        (INDEX, "accounts"),
    ],
)
def test_an_entry_of_a_list_is_named_with_its_number(text: str, place: str) -> None:
    assert refusal(text).startswith(f"{place}: ")


def targets(**weights: float | str) -> str:
    lines = "".join(f'"{symbol}" = {weight}\n' for symbol, weight in weights.items())
    return f"{ACCOUNT}[accounts.targets]\n{lines}{INDEX}{APPLE}"


@pytest.mark.parametrize("weight", [-0.01, 1.01, "nan", "true", "'0.5'"])
def test_a_target_outside_zero_to_one_is_named(weight: float | str) -> None:
    assert refusal(targets(AAPL=weight)).startswith("accounts.0.targets.AAPL: ")


def test_targets_above_one_together_are_refused_with_account_and_sum() -> None:
    text = f'{ACCOUNT}[accounts.targets]\n"AAPL" = 0.7\n"^GSPC" = 0.4\n{INDEX}{APPLE}'
    assert "'main'" in refusal(text)
    assert "1.1000" in refusal(text)


def test_targets_of_exactly_one_are_accepted_whatever_floats_make_of_the_sum() -> None:
    weights = [0.03, 0.15, 0.22, 0.17, 0.04, 0.25, 0.06, 0.08]
    assert sum(weights) > 1.0
    listed = "".join(APPLE.replace('"AAPL"', f'"S{number}"') for number in range(8))
    lines = "".join(f"S{number} = {weight}\n" for number, weight in enumerate(weights))
    portfolio = parse(f"{ACCOUNT}[accounts.targets]\n{lines}{INDEX}{listed}", where="x")
    assert list(portfolio.accounts[0].targets.values()) == weights


def test_a_target_for_an_unknown_security_names_account_and_symbol() -> None:
    assert "account 'main' targets unknown securities: ['MSFT']" in refusal(targets(MSFT=0.5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALLEST + APPLE, "securities listed twice: ['AAPL']"),
        (SMALLEST + ACCOUNT, "accounts listed twice: ['main']"),
        (ACCOUNT + APPLE, "regime.index '^GSPC' is not among the securities"),
        ("accounts = []\n" + INDEX, "list at least one entry under [[accounts]]"),
        ("securities = []\n" + ACCOUNT, "list at least one entry under [[securities]]"),
        (SMALLEST + APPLE.replace('"AAPL"', '"USD"'), "symbols that are also currencies in use: ['USD']"),
        (SMALLEST + APPLE.replace('"AAPL"', '"EUR"'), "symbols that are also currencies in use: ['EUR']"),
    ],
)  # fmt: skip
def test_names_that_do_not_fit_together_are_named(text: str, said: str) -> None:
    assert said in refusal(text)


def test_all_problems_are_named_at_once_and_no_others() -> None:
    text = f"mode = 'margin'\n[costs]\nfixd = 1\nfixed = -1\n{targets(AAPL=2)}"
    problems = refusal(text).split("; ")
    places = {problem.partition(": ")[0] for problem in problems}
    assert places == {"mode", "costs.fixd", "costs.fixed", "accounts.0.targets.AAPL"}


def test_all_names_that_do_not_fit_are_named_at_once() -> None:
    text = targets(MSFT=0.5) + APPLE + ACCOUNT
    said = refusal(text)
    for part in ("listed twice: ['AAPL']", "listed twice: ['main']", "['MSFT']"):
        assert part in said


@pytest.mark.parametrize("text", ["base_currency = EUR\n", "[costs\n", "a = 1\na = 2\n"])
def test_broken_toml_is_refused_with_its_line(text: str) -> None:
    assert "line" in refusal(text)


def test_a_file_that_cannot_be_read_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.toml.*BALLAST_PORTFOLIO"):
        load(tmp_path / "absent.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes('base_currency = "EUR" # gr\xfc\xdfe'.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"UTF-8.*latin\.toml"):
        load(latin)


def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parsed().costs.fixed = D(0)  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        "base_currency = 'USD'",
        "mode = 'paper'",
        "[costs]\nfixed = '2.01'",
        "[regime]\nwindow = 199",
        "[market_data]\njump_limit = 0.41",
        "[paper]\nopening = 'mine.csv'",
        "[sessions]\nfirst = 2019-01-03",
    ],
)
def test_the_fingerprint_changes_with_what_can_change_a_result(change: str) -> None:
    assert parsed(change).fingerprint() != parsed().fingerprint()


def test_the_fingerprint_changes_with_targets_and_securities() -> None:
    prints = [parse(text, where="x").fingerprint() for text in (
        targets(AAPL=0.5), targets(AAPL=0.6), SMALLEST, SMALLEST + "lot_size = 2",
    )]  # fmt: skip
    assert len(set(prints)) == 4


def test_the_fingerprint_ignores_where_data_is_kept_and_how_the_file_is_written() -> None:
    assert parsed("[storage]\ndirectory = '/elsewhere'").fingerprint() == parsed().fingerprint()
    assert parsed("# a comment\nmode = 'research'").fingerprint() == parsed().fingerprint()


def test_the_tables_hold_what_the_file_says() -> None:
    portfolio = load(REPOSITORY_FILE)
    raw = tomllib.loads(REPOSITORY_FILE.read_text())
    table, weights = securities_table(portfolio), target_weights_table(portfolio)
    Securities.validate(table)
    TargetWeights.validate(weights)
    assert table["symbol"].to_list() == sorted(entry["symbol"] for entry in raw["securities"])
    assert table.filter(symbol="0700.HK")["lot_size"].to_list() == [D(100)]
    assert table.filter(symbol="^GSPC").select("allow_buy", "kind").rows() == [(False, "index")]
    wanted = weights.select("account_id", "symbol", "target_weight")
    assert {(a, s): w for a, s, w in wanted.iter_rows()} == {
        (account["id"], symbol): weight
        for account in raw["accounts"]
        for symbol, weight in account["targets"].items()
    }


def test_a_portfolio_without_targets_has_an_empty_table_of_them() -> None:
    assert target_weights_table(parsed()).is_empty()


@framewise
@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.dates(date(2000, 1, 1), date(2030, 1, 1)))
def test_the_last_session_is_never_before_the_first(first: date, last: date) -> None:
    section = f"[sessions]\nfirst = {first}\nlast = {last}"
    if last < first:
        assert refusal(section + "\n" + SMALLEST).startswith("sessions: ")
    else:
        assert parsed(section).sessions.last == last


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (SMALLEST + "maximum_weight = 1.1", "securities.1.maximum_weight"),
        (SMALLEST + "minimum_weight = '0.1'", "securities.1.minimum_weight"),
        (SMALLEST + "minimum_weight = 0.3\nmaximum_weight = 0.2", "securities.1"),
        (SMALLEST + "preference = 3.1", "securities.1.preference"),
        (f"[optimiser]\nblend = 1.1\n{SMALLEST}", "optimiser.blend"),
        (f"[optimiser]\nminimum_history = 400\n{SMALLEST}", "optimiser"),
        (f'[[country_groups]]\nname = "X"\nmembers = ["Y"]\ntarget = true\n{SMALLEST}', "country_groups.0.target"),
        (f'[[industry_groups]]\nname = "X"\n{SMALLEST}', "industry_groups.0"),
    ],
)  # fmt: skip
def test_what_an_optimiser_may_do_is_within_its_range(text: str, place: str) -> None:
    assert refusal(text).startswith(f"{place}: ")


def test_an_account_has_one_source_of_targets_and_a_known_universe() -> None:
    both = targets(AAPL=0.5).replace(
        "[accounts.targets]", 'targets_from = "optimiser"\n[accounts.targets]'
    )
    assert "leave out `targets`" in refusal(both)
    unknown = ACCOUNT + 'universe = ["MSFT"]\n' + INDEX + APPLE
    assert "account 'main' has unknown securities in universe: ['MSFT']" in refusal(unknown)


def test_groups_that_contradict_each_other_are_named_with_their_section() -> None:
    group = '[[country_groups]]\nname = "X"\nmembers = ["Y"]\n'
    said = refusal(group + group + SMALLEST)
    assert "country_groups: 'X' is defined twice" in said
    assert "country_groups: 'Y' is in two groups" in said


_CHOOSING = """
[[accounts]]
id = "named"
targets = { "A" = 0.5 }
[[accounts]]
id = "free"
[[accounts]]
id = "optimised"
targets_from = "optimiser"
universe = ["A", "SOLD"]
[[securities]]
symbol = "^GSPC"
name = "Index"
exchange = "XNYS"
currency = "USD"
kind = "index"
[[securities]]
symbol = "A"
name = "A"
exchange = "XNYS"
currency = "USD"
[[securities]]
symbol = "B"
name = "B"
exchange = "XNYS"
currency = "USD"
[[securities]]
symbol = "SOLD"
name = "Only sold"
exchange = "XNYS"
currency = "USD"
allow_buy = false
"""


def test_an_account_may_come_to_hold_its_targets_or_what_it_chooses_from_by_itself() -> None:
    assert parse(_CHOOSING, where="test").choices == {
        "named": {"A"},
        "free": {"A", "B"},
        "optimised": {"A"},
    }


def test_minimum_weights_that_no_account_can_hold_are_refused() -> None:
    heavy = _CHOOSING.replace('universe = ["A", "SOLD"]', 'universe = ["A", "B"]').replace(
        'currency = "USD"\n[[securities]]\nsymbol = "B"',
        'currency = "USD"\nminimum_weight = 0.6\n[[securities]]\nsymbol = "B"\nminimum_weight = 0.5',
    )
    with pytest.raises(ConfigurationError, match="optimised"):
        parse(heavy, where="test")
