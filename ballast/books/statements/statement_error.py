"""The one error that reading a statement may raise."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ballast.errors import BallastError

_NUMBER = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,3}[0-9]{5,9}(?![A-Za-z0-9])")


class StatementError(BallastError):
    """A statement is refused as a whole; nothing of it may enter the books."""


def masked(broker_account: str) -> str:
    """Hide an account number but for its last three characters, so that it may appear in a log."""
    return "*" * max(len(broker_account) - 3, 3) + broker_account[-3:]


def without_numbers(text: str) -> str:
    """Hide every account number in a text that came from a broker, such as the name of a file or a row of it."""
    return _NUMBER.sub(lambda match: masked(match[0]), text)


def account_of_number(number: str, accounts: Mapping[str, str], *, file_name: str) -> str:
    """Return our account of a broker's number, or refuse the file."""
    if number not in accounts:
        raise StatementError(
            f"the account {masked(number)} is not configured",
            where=file_name,
            remedy="Add its number to the account in the configuration, or remove the file.",
        )
    return accounts[number]
