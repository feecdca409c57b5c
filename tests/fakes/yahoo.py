"""Yahoo Finance on loopback: the services that yfinance reads, with listings, profiles and faults."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from curl_cffi.requests import Response, Session

from tests.fakes.http import LoopbackServer, Reply, Request

_CHART = "/v8/finance/chart/"
_SUMMARY = "/v10/finance/quoteSummary/"
_QUOTE = "/v7/finance/quote"
_SERIES = "/ws/fundamentals-timeseries/"
_COOKIE = "A3=biscuit; Domain=.yahoo.com; Path=/; Max-Age=31536000"

TOO_MANY_REQUESTS = Reply(b"Too Many Requests", 429)
SERVER_ERROR = Reply(b"oops", 500)
MALFORMED = Reply(b'{"chart": {"result": [{"meta"', headers={"Content-Type": "application/json"})


@dataclass(frozen=True)
class Listing:
    """A security as Yahoo shows it: quotes adjusted for all splits, None where it has a gap.

    A dividend is an amount, or an amount and the currency that Yahoo names for it.
    """

    closes: Mapping[date, float | None]
    volumes: Mapping[date, int | None] = field(default_factory=dict)
    splits: Mapping[date, tuple[float, float]] = field(default_factory=dict)
    dividends: Mapping[date, float | tuple[float, str] | None] = field(default_factory=dict)
    currency: str | None = "USD"
    time_zone: str = "America/New_York"
    opens_at: time = time(9, 30)


class FakeYahoo:
    """Answers for its listings and profiles; each fault replaces the answer to one request, in order.

    A profile holds what the summary of a security shows, by module.
    """

    def __init__(self, listings: Mapping[str, Listing]) -> None:
        self.listings = dict(listings)
        self.profiles: dict[str, Mapping[str, Mapping[str, object]]] = {}
        self.faults: deque[Reply | None] = deque()
        self.lasting_fault: Reply | None = None
        self.server = LoopbackServer(self._answer)

    @property
    def charts_asked(self) -> list[Request]:
        return [request for request in self.server.requests if request.path.startswith(_CHART)]

    @property
    def summaries_asked(self) -> list[str]:
        paths = [request.path for request in self.server.requests]
        return [unquote(p.removeprefix(_SUMMARY)) for p in paths if p.startswith(_SUMMARY)]

    def _answer(self, request: Request) -> Reply:
        if request.path.startswith((_CHART, _SUMMARY)):
            fault = self.faults.popleft() if self.faults else self.lasting_fault
            if fault:
                return fault
        if request.path.startswith(_CHART):
            return self._chart(unquote(request.path.removeprefix(_CHART)), request.query)
        if request.path.startswith(_SUMMARY):
            return self._summary(unquote(request.path.removeprefix(_SUMMARY)))
        if request.path.startswith(_QUOTE):
            return _json_reply({"quoteResponse": {"result": [], "error": None}})
        if request.path.startswith(_SERIES):
            return _json_reply({"timeseries": {"result": [], "error": None}})
        if request.path == "/v1/test/getcrumb":
            return Reply(b"crumb")
        return Reply(status=404, headers={"Set-Cookie": _COOKIE})

    def _summary(self, symbol: str) -> Reply:
        profile = self.profiles.get(symbol)
        if profile is None:
            error = {"code": "Not Found", "description": f"Quote not found for symbol: {symbol}"}
            return _json_reply({"quoteSummary": {"result": None, "error": error}}, 404)
        return _json_reply({"quoteSummary": {"result": [profile], "error": None}})

    def _chart(self, symbol: str, query: dict[str, str]) -> Reply:
        listing = self.listings.get(symbol)
        if listing is None:
            reason = "No data found, symbol may be delisted"
            error = {"code": "Not Found", "description": reason}
            return _json_reply({"chart": {"result": None, "error": error}}, 404)
        return _json_reply({"chart": {"result": [_result(symbol, listing, query)], "error": None}})


def _json_reply(content: object, status: int = 200) -> Reply:
    return Reply(json.dumps(content).encode(), status, {"Content-Type": "application/json"})


def _result(symbol: str, listing: Listing, query: dict[str, str]) -> dict[str, Any]:
    zone = ZoneInfo(listing.time_zone)

    def stamp(day: date) -> int:
        return int(datetime.combine(day, listing.opens_at, zone).timestamp())

    def is_asked(day: date) -> bool:
        if "period1" not in query:
            return True
        return int(query["period1"]) <= stamp(day) < int(query["period2"])

    days = [day for day in sorted(listing.closes) if is_asked(day)]
    closes = [listing.closes[day] for day in days]
    quote = dict.fromkeys(("open", "high", "low", "close"), closes)
    volumes = [listing.volumes.get(day) for day in days]
    result: dict[str, Any] = {
        "meta": {
            "symbol": symbol,
            "currency": listing.currency,
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": listing.time_zone,
            "dataGranularity": "1d",
            "priceHint": 2,
            "validRanges": ["1d", "5d", "1mo", "max"],
        },
        "events": {
            "splits": {
                str(stamp(day)): {
                    "date": stamp(day),
                    "numerator": numerator,
                    "denominator": denominator,
                }
                for day, (numerator, denominator) in listing.splits.items()
                if is_asked(day)
            },
            "dividends": {
                str(stamp(day)): {"date": stamp(day), **_payment(paid)}
                for day, paid in listing.dividends.items()
                if is_asked(day)
            },
        },
        # Yahoo answers a range without sessions with empty objects and no timestamps.
        "indicators": {"quote": [{}], "adjclose": [{}]},
    }
    if days:
        result["timestamp"] = [stamp(day) for day in days]
        result["indicators"] = {
            "quote": [{**quote, "volume": volumes}],
            # Adjusted for dividends too: close to what a careless reader would take.
            "adjclose": [{"adjclose": [close and close * 0.9 for close in closes]}],
        }
    return result


def _payment(paid: float | tuple[float, str] | None) -> dict[str, float | str | None]:
    if isinstance(paid, tuple):
        return {"amount": paid[0], "currency": paid[1]}
    return {"amount": paid}


class LoopbackSession(Session[Response]):
    """Sends every request to one server, whatever host it names."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._loopback = url

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Response:
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
        return super().request(method, self._loopback + (path or "/"), *args, **kwargs)


def forget_library_state() -> None:
    """Undo what yfinance keeps for the life of the process: session, cookies, answers, zones."""
    import yfinance

    from resources.market_data import yahoo

    yahoo._library.cache_clear()
    yfinance.data.SingletonMeta._instances.clear()
    yfinance.data.YfData.cache_get.cache_clear()
    yfinance.cache._TzCacheManager._tz_cache = None
    yfinance.cache._CookieCacheManager._Cookie_cache = None
    yfinance.base._tz_info_fetch_ctr = 0
