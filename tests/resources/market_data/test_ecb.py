"""EcbReferenceRates through httpx, against the European Central Bank on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ballast.errors import MarketDataError
from ballast.tables import ReferenceRates, polars_schema
from resources.market_data.ecb import EcbReferenceRates
from tests.fakes.ecb import FakeEcb, archive, table
from tests.fakes.http import Reply
from tests.resources.market_data.conftest import NetworkBlockedError

THURSDAY, FRIDAY = date(2020, 8, 20), date(2020, 8, 21)
TABLE = table(
    ["USD", "JPY", "ISK"],
    {
        "2020-08-19": ["1.1933", "126.09", "161.90"],
        "2020-08-20": ["1.1850", "125.63", "N/A"],
        "2020-08-21": ["1.1769", "124.68", "162.70"],
    },
)
GOOD = archive(TABLE)


@pytest.fixture
def ecb() -> Iterator[FakeEcb]:
    fake = FakeEcb(Reply(GOOD))
    with fake.server:
        yield fake


@pytest.fixture
def source(ecb: FakeEcb) -> EcbReferenceRates:
    return EcbReferenceRates(base_url=ecb.base_url, timeout=5)


def test_fixings_of_the_window_come_oldest_first(source: EcbReferenceRates) -> None:
    rates = source.reference_rates(["USD", "JPY"], THURSDAY, FRIDAY)
    assert rates.schema == polars_schema(ReferenceRates)
    assert rates.rows() == [
        (THURSDAY, "JPY", Decimal("125.63")),
        (THURSDAY, "USD", Decimal("1.1850")),
        (FRIDAY, "JPY", Decimal("124.68")),
        (FRIDAY, "USD", Decimal("1.1769")),
    ]


def test_a_rate_is_the_published_text(ecb: FakeEcb, source: EcbReferenceRates) -> None:
    published = "1234567890123.123456789012"
    ecb.reply = Reply(archive(table(["IDR"], {"2020-08-20": [published]})))
    rates = source.reference_rates(["IDR"], THURSDAY, THURSDAY)
    assert rates["per_euro"].to_list() == [Decimal(published)]


def test_a_day_that_was_not_fixed_has_no_row(source: EcbReferenceRates) -> None:
    rates = source.reference_rates(["ISK"], THURSDAY, FRIDAY)
    assert rates.rows() == [(FRIDAY, "ISK", Decimal("162.70"))]


def test_a_window_without_fixings_is_empty(source: EcbReferenceRates) -> None:
    rates = source.reference_rates(["USD"], date(2020, 8, 22), date(2020, 8, 23))
    assert rates.is_empty()
    assert rates.schema == polars_schema(ReferenceRates)


def test_the_euro_itself_needs_no_rate(ecb: FakeEcb, source: EcbReferenceRates) -> None:
    assert source.reference_rates(["EUR"], THURSDAY, FRIDAY).is_empty()
    assert not ecb.server.requests
    assert set(source.reference_rates(["EUR", "USD"], THURSDAY, FRIDAY)["currency"]) == {"USD"}


def test_an_unknown_currency_is_an_error_that_names_it(source: EcbReferenceRates) -> None:
    with pytest.raises(MarketDataError, match="TWD"):
        source.reference_rates(["USD", "TWD"], THURSDAY, FRIDAY)


@pytest.mark.parametrize("status", [300, 403, 404, 500])
def test_any_status_but_success_is_an_error_whatever_comes_with_it(
    ecb: FakeEcb, source: EcbReferenceRates, status: int
) -> None:
    ecb.reply = Reply(GOOD, status)
    with pytest.raises(MarketDataError, match="European Central Bank"):
        source.reference_rates(["USD"], THURSDAY, FRIDAY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>maintenance</html>",
        GOOD[: len(GOOD) // 2],
        archive(TABLE, name="other.csv"),
        archive(""),
        archive("<html>maintenance</html>"),
        archive("Date,USD,\n"),
        archive("Date,USD,\n2020-08-20,1.1850,7,8,\n"),
        archive("Date,USD,\n2020-08-20,abc,\n"),
        archive("Date,USD,\n2020-08-20,0,\n"),
        archive("Date,USD,\n2020-08-20,-1.1850,\n"),
        archive("Date,USD,\n20.8.2020,1.1850,\n"),
        archive("Date,USD,\n2020-08-20,1.1850,\n2020-08-20,1.1851,\n"),
    ],
)
def test_a_broken_archive_is_an_error(
    ecb: FakeEcb, source: EcbReferenceRates, content: bytes
) -> None:
    ecb.reply = Reply(content)
    with pytest.raises(MarketDataError, match="European Central Bank"):
        source.reference_rates(["USD"], THURSDAY, FRIDAY)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(position=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
@example(position=len(GOOD) - 6, value=255)
@example(position=len(GOOD) - 76, value=12)
def test_a_damaged_byte_is_an_error_or_harmless(
    ecb: FakeEcb, source: EcbReferenceRates, position: int, value: int
) -> None:
    damaged = bytearray(GOOD)
    damaged[position] = value
    ecb.reply = Reply(bytes(damaged))
    try:
        rates = source.reference_rates(["USD"], THURSDAY, FRIDAY)
    except MarketDataError:
        return
    assert rates["per_euro"].to_list() == [Decimal("1.1850"), Decimal("1.1769")]


def test_silence_is_an_error_after_the_timeout(ecb: FakeEcb) -> None:
    ecb.reply = Reply(GOOD, delay=30)
    with pytest.raises(MarketDataError, match="ReadTimeout"):
        EcbReferenceRates(base_url=ecb.base_url, timeout=0.1).reference_rates(
            ["USD"], THURSDAY, FRIDAY
        )


def test_a_refused_connection_is_an_error(ecb: FakeEcb, source: EcbReferenceRates) -> None:
    ecb.server.close()
    with pytest.raises(MarketDataError, match="ConnectError"):
        source.reference_rates(["USD"], THURSDAY, FRIDAY)


def test_python_cannot_leave_the_machine_in_these_tests() -> None:
    with pytest.raises(NetworkBlockedError):
        socket.create_connection(("192.0.2.1", 443), timeout=1)
