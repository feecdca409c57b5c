"""What the settings of the regime refuse."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ballast.settings import RegimeSettings


@pytest.mark.parametrize(("least", "window"), [(504, 504), (504, 559), (3_000, 2_520)])
def test_a_model_that_could_never_be_fitted_is_refused(least: int, window: int) -> None:
    with pytest.raises(
        ValidationError, match=r"least_history .* may be at most 90 % of fit_window"
    ):
        RegimeSettings(least_history=least, fit_window=window)


@pytest.mark.parametrize(("least", "window"), [(504, 560), (2_268, 2_520)])
def test_sessions_without_a_close_leave_enough_history(least: int, window: int) -> None:
    assert RegimeSettings(least_history=least, fit_window=window).least_history == least
