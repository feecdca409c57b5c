"""The second key of live mode: an environment variable that names the accounts."""

from __future__ import annotations

import os

from ballast.trading.modes import LIVE_VARIABLE


def confirmed_accounts() -> frozenset[str]:
    """Return the accounts for which the environment confirms live trading."""
    named = os.environ.get(LIVE_VARIABLE, "")
    return frozenset(filter(None, (name.strip() for name in named.split(","))))
