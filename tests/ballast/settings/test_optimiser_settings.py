"""What the settings of the optimiser refuse among each other."""

from __future__ import annotations

import pytest

from ballast.settings import AccountSettings, SecuritySettings
from ballast.settings.optimiser import problems_of_minimums


def problems(universe: tuple[str, ...] | None, minimum: float) -> list[str]:
    account = AccountSettings(id="main", targets_from="optimiser", universe=universe)
    securities = [
        SecuritySettings(
            symbol=f"S{n}", name="x", exchange="XAMS", currency="EUR", minimum_weight=minimum,
            maximum_weight=0.5, allow_buy=n != 3,
        )
        for n in range(4)
    ]  # fmt: skip
    return problems_of_minimums([account], securities)


@pytest.mark.parametrize("universe", [("S0", "S1"), ("S0", "S1", "S3")])
def test_minimum_weights_may_add_up_to_the_whole_account(universe: tuple[str, ...]) -> None:
    assert problems(universe, 0.5) == []


def test_minimum_weights_of_a_universe_may_not_add_up_to_more() -> None:
    assert problems(("S0", "S1", "S2", "S3"), 0.4) == [
        "account 'main': minimum_weight of its universe adds up to 1.2000, more than 1"
    ]


def test_without_a_universe_it_is_not_known_what_an_account_will_choose_from() -> None:
    assert problems(None, 0.4) == []
