"""Alerts for people, through the real library to servers on loopback that answer like the services."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from ballast.alerts import Alert
from resources.alerts.people import PeopleChannel
from resources.redaction import redaction_of
from tests.fakes.http import LoopbackServer, Reply, Request
from tests.fakes.smtp import MailServer
from tests.resources.alerts.desks import alert

_DISCORD = "discord://123456789012345678/" + "d1Sc0rdT0ken" * 5
_TELEGRAM = "tgram://123456789:" + "T3legramT0ken" * 2 + "xxxxxxxxx/12345/"
_SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"


def _answer(request: Request) -> Reply:
    if "/sendMessage" in request.path:
        return Reply(json.dumps({"ok": True, "result": {"message_id": 1}}).encode())
    if request.path.startswith("/services"):
        return Reply(b"ok")
    return Reply(status=204)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> LoopbackServer:
    server = LoopbackServer(_answer)
    _point_at(monkeypatch, server.url)
    return server


def _point_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"{url}/api/webhooks")
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{url}/bot")
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{url}/services")


def _channel(address: str) -> PeopleChannel:
    return PeopleChannel("BALLAST_ALERTS_CHAT", address, redaction_of([address]))


def _discord_text(body: dict[str, Any]) -> str:
    return str(body["content"])


def _telegram_text(body: dict[str, Any]) -> str:
    return str(body["text"])


def _slack_text(body: dict[str, Any]) -> str:
    (attachment,) = body["attachments"]
    return str(body.get("text", "")) + str(attachment)


@pytest.mark.parametrize(
    ("address", "path", "text_of"),
    [
        (_DISCORD, "/api/webhooks/123456789012345678/", _discord_text),
        (_TELEGRAM, "/bot123456789:", _telegram_text),
        (_SLACK, "/services/T1JJ3T3L2/A1BRTD4JD/", _slack_text),
    ],
)
def test_a_chat_is_told_title_and_text(
    services: LoopbackServer, address: str, path: str, text_of: Callable[[dict[str, Any]], str]
) -> None:
    with services:
        assert _channel(address).send(alert("a")) is None
        (request,) = services.requests
    assert request.path.startswith(path)
    told = text_of(json.loads(request.body))
    assert "Cash differs" in told
    assert "3.20 EUR" in told


def test_a_mail_has_the_title_as_subject_and_markdown_as_html() -> None:
    with MailServer() as server:
        address = f"mailto://127.0.0.1:{server.port}?from=ballast@example.org&to=me@example.org&mode=insecure"
        assert _channel(address).send(alert("a")) is None
        (mail,) = server.mails
    assert mail["Subject"] == "Cash differs (a)"
    body = mail.get_body(("html",))
    assert body is not None
    assert "<strong>3.20 EUR</strong>" in body.get_content()


def test_severity_is_shown_in_the_way_of_the_service(web: LoopbackServer) -> None:
    address = web.url.replace("http", "json")
    for severity in ("info", "warning", "critical"):
        assert _channel(address).send(alert("a", severity)) is None  # type: ignore[arg-type]
    assert [json.loads(request.body)["type"] for request in web.requests] == [
        "info",
        "warning",
        "failure",
    ]


def test_a_text_that_is_too_long_is_cut_instead_of_refused(services: LoopbackServer) -> None:
    long = Alert("a", "reconciliation", "critical", "Title", "difference " * 1000)
    with services:
        assert _channel(_DISCORD).send(long) is None
        (request,) = services.requests
    assert 1500 < len(json.loads(request.body)["content"]) <= 2000


def test_an_alert_without_text_is_its_title(web: LoopbackServer) -> None:
    bare = Alert("a", "reconciliation", "critical", "Cash differs", "")
    assert _channel(web.url.replace("http", "json")).send(bare) is None
    assert json.loads(web.requests[0].body)["message"] == "Cash differs"


def test_an_address_is_one_address(web: LoopbackServer) -> None:
    two = f"{web.url.replace('http', 'json')}/one, {web.url.replace('http', 'json')}/two"
    problem = _channel(two).send(alert("a"))
    # Half a delivery could be neither repeated nor left alone.
    assert problem is None or "no single address" in problem
    assert len(web.requests) <= 1


def test_a_service_that_raises_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, web: LoopbackServer
) -> None:
    def explode(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("a bug of the plugin")

    monkeypatch.setattr("apprise.Apprise.instantiate", explode)
    problem = _channel(web.url.replace("http", "json")).send(alert("a"))
    assert problem == "RuntimeError: a bug of the plugin"


@pytest.mark.parametrize("address", [_DISCORD, _TELEGRAM, _SLACK])
@pytest.mark.parametrize("failure", ["refused", "unreachable"])
def test_no_failure_shows_the_address(
    address: str,
    failure: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def echo(request: Request) -> Reply:
        # A service that repeats the secret in its answer.
        return Reply(f"bad token in {request.path}".encode(), status=401)

    caplog.set_level(1)
    server = LoopbackServer(echo)
    _point_at(monkeypatch, server.url)
    if failure == "unreachable":
        server.close()
    with server:
        problem = _channel(address).send(alert("a"))
    assert problem is not None
    assert "did not accept it" in problem
    said = (
        problem
        + repr(_channel(address))
        + "".join(record.getMessage() + str(record.__dict__) for record in caplog.records)
    )
    secrets = [part for part in address.split("://")[1].split("/") if len(part) > 8]
    assert secrets
    for secret in [*secrets, *map(quote, secrets)]:
        assert secret not in said
    assert caplog.records
