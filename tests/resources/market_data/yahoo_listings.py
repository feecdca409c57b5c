"""The listings that the tests of the Yahoo adapter start from: one week of June 2024."""

from __future__ import annotations

from datetime import date

from tests.fakes.yahoo import Listing

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2024, 6, day) for day in range(3, 8))
WEEK = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
LATER = date(2024, 9, 2)

PLAIN = Listing(
    closes=dict(zip(WEEK, (100.0, 101.0, 102.0, 103.0, 104.0), strict=True)),
    volumes=dict(zip(WEEK, (10, 20, 30, 40, 50), strict=True)),
)
# Two for one on Wednesday: before it the share traded at 200 and 202, with half the volume.
SPLIT = Listing(
    closes=dict(zip(WEEK, (100.0, 101.0, 102.0, 103.0, 104.0), strict=True)),
    volumes=dict(zip(WEEK, (10, 20, 30, 40, 50), strict=True)),
    splits={WEDNESDAY: (2, 1)},
    dividends={TUESDAY: 0.25, THURSDAY: 0.3},
)
