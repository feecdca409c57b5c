"""Secrets stay in the environment: they are looked for in everything that is written."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.alerts import Alert
from resources.discretion import discreet_logs
from resources.redaction import HIDDEN, redaction_of
from resources.store import Store
from tests.fakes.http import LoopbackServer, Reply
from tests.resources.alerts.desks import Routes, alert, everything_stored

_TOKEN = "tok3n-0f-Th1s-Test"
_letters = st.text("abcdefXYZ0123456789-_", min_size=8, max_size=40).filter(
    lambda text: any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
)

# Nothing that an address could be made of, and nothing that is shown instead.
_others = st.text(st.characters(categories=["P", "Z", "Lo"], exclude_characters="-_*:/@"))


@given(token=_letters, password=_letters, around=st.tuples(_others, _others))
def test_no_part_of_an_address_survives(token: str, password: str, around: tuple[str, str]) -> None:
    redact = redaction_of([f"service://user:{password}@host.example.org/{token}?key={token}x"])
    for secret in (token, password, token.upper(), f"{token}x"):
        said = redact(f"{around[0]}{secret}{around[1]}")
        assert said.replace(HIDDEN, "") == "".join(around)


def test_what_is_no_secret_stays_readable() -> None:
    redact = redaction_of([f"slack://T1JJ3T3L2/A1BRTD4JD/{_TOKEN}/#general", None, ""])
    text = "In general 12,345.67 EUR are missing; see https://slack.com and example.org."
    assert redact(text) == text
    assert redaction_of([])(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgresql://me:pw@db/ballast is down", "postgresql://***@db/ballast is down"),
        ("no credentials: https://example.org/a", "no credentials: https://example.org/a"),
    ],
)
def test_credentials_of_any_url_are_hidden_even_if_nobody_knows_them(
    text: str, hidden: str
) -> None:
    assert redaction_of([])(text) == hidden


def test_a_secret_is_found_as_written_and_as_it_is_decoded() -> None:
    redact = redaction_of(["mailto://me:p%40ssw0rd%21x@example.org"])
    assert redact("p%40ssw0rd%21x and p@ssw0rd!x") == f"{HIDDEN} and {HIDDEN}"


def test_log_records_are_redacted_while_something_is_sent_and_only_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    log = logging.getLogger("some.library.underneath")
    redact = redaction_of([f"service://{_TOKEN}"])
    with discreet_logs(redact) as warnings:
        log.debug("calling %s", _TOKEN)
        log.warning("failed at %s", f"/{_TOKEN}/")
        log.warning("wrong format %d", _TOKEN)
        try:
            raise ValueError(_TOKEN)
        except ValueError:
            log.exception("raised")
    assert _TOKEN not in caplog.text
    assert "ValueError" in caplog.text
    assert warnings[0] == f"failed at /{HIDDEN}/"
    caplog.clear()
    log.warning("ordinary %s", "record")
    assert caplog.messages == ["ordinary record"]


@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_planted_token_is_nowhere_to_be_found(
    store: Store,
    status: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    caplog.set_level(1)
    with LoopbackServer(lambda request: Reply(request.path.encode(), status=status)) as server:
        host = server.url.removeprefix("http://")
        routes = Routes().add("chat", f"json://user:{_TOKEN}@{host}/{_TOKEN}x?:key={_TOKEN}y")
        desk = routes.desk(store)
        leaky = Alert(
            "leaky", "run_failed", "critical", f"Title {_TOKEN}", f"POST /{_TOKEN}x failed"
        )
        desk.post([alert("a"), leaky])
        summary = desk.deliver()
        tried = desk.try_routes(leaky)
        (first, *_rest) = server.requests
        assert _TOKEN in first.path
    said = capfd.readouterr()
    records = "".join(str(record.__dict__) for record in caplog.records)
    database = b"".join(path.read_bytes() for path in tmp_path.glob("ballast.db*"))
    written = "\n".join(
        [everything_stored(store), str(summary), str(tried), repr(desk), records, caplog.text,
         said.out, said.err, database.decode("latin-1")]
    )  # fmt: skip
    for spelling in (_TOKEN, base64.b64encode(f"user:{_TOKEN}".encode()).decode()):
        assert spelling not in written
    assert "Title ***" in everything_stored(store)
    assert (summary.failed > 0) == (status != 200)
