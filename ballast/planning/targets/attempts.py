"""What was tried for a proposal and what came of it, so that every fallback can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["used", "adjusted", "failed"]


@dataclass(frozen=True)
class Attempt:
    """One thing that was tried.

    Parameters
    ----------
    part : str
        What was computed.
    outcome : str
        used; adjusted, that is used, but not as it was asked for; or failed.
    detail : str
        What came of it; for what failed, why.
    level, objective : str, optional
        Limits of groups (full, halved, none), and objective of mean-variance.
    """

    part: str
    outcome: Outcome
    detail: str
    level: str | None = None
    objective: str | None = None
