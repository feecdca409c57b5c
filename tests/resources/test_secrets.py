"""Which variables are secret, and what of each stays readable."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.redaction import HIDDEN, Redaction
from resources.secrets import redaction_of_environment

_passwords = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=6)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("BALLAST_STORE_URL", "postgresql://me:s3cr3t@db/ballast", "s3cr3t"),
        ("BALLAST_STORE_URL", "postgresql://db/ballast?user=me&password=s3cr3t", "s3cr3t"),
        ("BALLAST_STORE_URL", "postgresql://me:p@ss/w0rd@db/ballast", "p@ss/w0rd"),
        ("BALLAST_REDIS_URL", "redis://:s3cr3t@cache/0", "s3cr3t"),
        ("BALLAST_ALERTS_CHAT", "json://chat.example.org/t0ken-1", "t0ken-1"),
        ("BALLAST_BROKER_URL", "https://api.example.org/t0ken-1/?key=k3y-2-3", "k3y-2-3"),
        ("BALLAST_BROKER_TOKEN", "word", "word"),
        ("BALLAST_BROKER_API_KEY", "many lines\nof a k3y", "of a k3y"),
        ("BALLAST_FLEX_SECRET", "a", None),
        ("BALLAST_PORTFOLIO", "/srv/portfolio-2024.toml", None),
        ("BALLAST_ALERTS_CHAT", "", None),
        ("OTHER_TOKEN", "s3cr3t", None),
    ],
)
def test_each_secret_variable_is_known_by_its_name(
    name: str, value: str, secret: str | None
) -> None:
    redact = redaction_of_environment({name: value})
    if secret is None:
        assert redact.secrets == frozenset()
    else:
        assert redact(f"<{secret}>") == f"<{HIDDEN}>"


def test_host_and_name_of_a_database_stay_readable() -> None:
    redact = redaction_of_environment(
        {"BALLAST_STORE_URL": "postgresql://me:s3cr3t@db-1/book_2024"}
    )
    text = "db-1: database book_2024 does not exist"
    assert redact(text) == text
    assert redact("postgresql://me:s3cr3t@db-1/book_2024") == "postgresql://***@db-1/book_2024"


def test_basic_authentication_is_a_spelling_of_the_password() -> None:
    redact = redaction_of_environment({"BALLAST_BROKER_URL": "https://me:s3cr%2Ft@example.org"})
    header = base64.b64encode(b"me:s3cr/t").decode().rstrip("=")
    assert redact(f"Authorization: Basic {header}==") == f"Authorization: Basic {HIDDEN}=="


def test_few_letters_are_no_secret_inside_of_others() -> None:
    redact = redaction_of_environment({"BALLAST_STORE_URL": "postgresql://me:pwd@db/ballast"})
    assert redact("pwd, iVBORw0pwdGgo") == f"{HIDDEN}, iVBORw0pwdGgo"


@given(password=_passwords)
def test_a_password_is_found_however_it_is_written(password: str) -> None:
    redact = Redaction(frozenset({password}))
    for text in (password, repr(password)[1:-1], base64.b64encode(password.encode()).decode()):
        assert redact(f"\n{text}\n").strip("\n=") == HIDDEN
