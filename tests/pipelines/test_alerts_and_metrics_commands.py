"""`ballast alerts` and `ballast metrics`, and the server that is scraped."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ballast.errors import ConfigurationError
from pipelines.command_line import main
from pipelines.metrics_server import serving
from resources.workspace import open_workspace
from tests.demonstration import REPOSITORY
from tests.fakes.http import LoopbackServer, Reply
from tests.resources.alerts.desks import alert

_ROUTES = """
[[alerts.routes]]
name = "chat"
environment = "BALLAST_ALERTS_CHAT"
least_severity = "critical"

[[alerts.routes]]
name = "mail"
environment = "BALLAST_ALERTS_MAIL"
"""


@pytest.fixture
def portfolio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "portfolio.toml"
    path.write_text((REPOSITORY / "portfolio.toml").read_text())
    # Set here, so that what the command line sets is undone.
    monkeypatch.setenv("BALLAST_PORTFOLIO", str(path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return path


def test_without_a_route_the_test_says_where_to_read(
    portfolio: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alerts", "test"]) == 1
    assert "docs/alerts.md" in capsys.readouterr().err
    assert (REPOSITORY / "docs" / "alerts.md").exists()


def test_the_test_tries_every_route_and_names_those_that_fail(
    portfolio: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    portfolio.write_text(portfolio.read_text() + _ROUTES)
    with LoopbackServer(lambda _request: Reply(b"{}")) as server:
        monkeypatch.setenv("BALLAST_ALERTS_CHAT", server.url.replace("http", "json"))
        assert main(["alerts", "test"]) == 1
        said = capsys.readouterr().out.splitlines()
        assert [line.split(maxsplit=1) for line in said] == [
            ["chat", "delivered"],
            ["mail", "BALLAST_ALERTS_MAIL is not set"],
        ]
        assert json.loads(server.requests[0].body)["title"] == "Ballast can reach you"


def test_the_test_succeeds_when_every_route_works_however_often(
    portfolio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio.write_text(portfolio.read_text() + _ROUTES)
    with LoopbackServer(lambda _request: Reply(b"{}")) as server:
        for name in ("CHAT", "MAIL"):
            monkeypatch.setenv(f"BALLAST_ALERTS_{name}", server.url.replace("http", "json"))
        assert [main(["alerts", "test"]), main(["alerts", "test"])] == [0, 0]
        assert len(server.requests) == 4


def test_what_waits_can_be_delivered_from_a_terminal(
    portfolio: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    portfolio.write_text(portfolio.read_text() + _ROUTES)
    with LoopbackServer(lambda _request: Reply(b"{}")) as server:
        monkeypatch.setenv("BALLAST_ALERTS_CHAT", server.url.replace("http", "json"))
        open_workspace(portfolio).alerts.post([alert("a")])
        assert main(["alerts", "deliver"]) == 1
    said = capsys.readouterr()
    assert said.out == "1 delivered, 1 failed, 1 waiting\n"
    assert said.err == "route mail: BALLAST_ALERTS_MAIL is not set\n"


def test_the_file_of_metrics_can_be_renewed_from_a_terminal(
    portfolio: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["metrics", "--write"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == portfolio.parent / "data" / "metrics" / "ballast.prom"
    assert list(text_string_to_metric_families(path.read_text()))


def _waiting(address: str) -> dict[str, float]:
    text = httpx.get(address).raise_for_status().text
    return {
        sample.labels["route"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "ballast_alerts_waiting"
    }


def test_each_scrape_shows_what_is_stored_by_then(portfolio: Path) -> None:
    portfolio.write_text(portfolio.read_text() + _ROUTES)
    workspace = open_workspace(portfolio)
    with serving(workspace.metrics, port=0) as address:
        assert address.startswith("http://127.0.0.1:")
        assert _waiting(address) == {"chat": 0, "mail": 0}
        workspace.alerts.post([alert("a", "warning")])
        assert _waiting(address) == {"chat": 0, "mail": 1}
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_a_port_that_is_taken_is_refused_with_a_remedy(portfolio: Path) -> None:
    metrics = open_workspace(portfolio).metrics
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"--port {port}"),
            serving(metrics, port),
        ):
            pytest.fail("served at a port that was taken")
