"""Yahoo on loopback, and no way to any other machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from resources.market_data.yahoo import YahooMarketData
from tests.fakes.yahoo import FakeYahoo, LoopbackSession, forget_library_state
from tests.resources.market_data.yahoo_listings import PLAIN, SPLIT

_REFUSING_PROXY = "http://127.0.0.1:9"


class NetworkBlockedError(Exception):
    """A test tried to leave the machine."""


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def connect_to_loopback(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            raise NetworkBlockedError(f"{address} is not loopback")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_to_loopback)
    # yfinance opens its sockets in libcurl, out of Python's reach; libcurl heeds proxies.
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, _REFUSING_PROXY)
        monkeypatch.setenv(name.upper(), _REFUSING_PROXY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture
def yahoo() -> Iterator[FakeYahoo]:
    forget_library_state()
    fake = FakeYahoo({"PLAIN": PLAIN, "SPLIT": SPLIT})
    with fake.server:
        yield fake
    forget_library_state()


@pytest.fixture
def source(yahoo: FakeYahoo) -> YahooMarketData:
    session = LoopbackSession(yahoo.server.url)
    return YahooMarketData(session=session, pause=0, retries=2, backoff=0)
