"""Read a statement file of any format."""

from __future__ import annotations

from collections.abc import Mapping

from ballast.books.statements.activity import parse_activity_statement
from ballast.books.statements.flex import parse_flex
from ballast.books.statements.model import Statement
from ballast.books.statements.rows import decoded


def read_statements(
    content: bytes, file_name: str, accounts: Mapping[str, str]
) -> tuple[Statement, ...]:
    """Read a statement file, whose format its content tells.

    Parameters
    ----------
    accounts : mapping of str to str
        Our account by the broker's number; a file about any other account is refused.

    Returns
    -------
    tuple of Statement
        One per account and period.

    Raises
    ------
    StatementError
        If the file cannot be used as a whole; the sums of it are checked by `require_identities`.
    """
    text = decoded(content, file_name=file_name)
    if text.lstrip().startswith("<"):
        return parse_flex(content, file_name=file_name, accounts=accounts)
    return parse_activity_statement(content, file_name=file_name, accounts=accounts)
