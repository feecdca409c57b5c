"""Tables of imported statements."""

from __future__ import annotations

import dataframely as dy

from ballast.tables import columns


class StatementImports(dy.Schema):
    """Every statement file that was ever looked at, refused ones too."""

    sha256 = columns.key("Hash of the content; the same content is imported once")
    file_name = columns.text("Name of the file")
    format = columns.text("activity (CSV), flex (XML) or unknown")
    status = columns.text("imported or refused")
    accounts = columns.text("Accounts of the file, by our names")
    first_day = columns.date("First day of the period", nullable=True)
    last_day = columns.date("Last day of the period", nullable=True)
    rows_read = columns.count("Rows of the file")
    rows_imported = columns.count("Rows that became events")
    rows_skipped = columns.count(
        "Rows that repeat or summarise others, or are of sections that are not read"
    )
    rows_quarantined = columns.count("Rows that could not be used")
    postings = columns.count("Postings that were new")
    detail = columns.text("Why it was refused, or what a person should know")


class StatementIdentities(dy.Schema):
    """The sums of each imported or refused statement."""

    sha256 = columns.key("File")
    account_id = columns.key("Account")
    name = columns.key("The identity")
    subject = columns.key("Currency, security or section")
    file_name = columns.text("Name of the file")
    expected = columns.amount("What the statement states", nullable=True)
    found = columns.amount("What its rows add up to", nullable=True)
    difference = columns.amount("found − expected", nullable=True)
    holds = dy.Bool(nullable=True, metadata={"description": "Null where it cannot be checked"})
    not_checkable = columns.text("Why it cannot be checked", nullable=True)


class StatementQuarantine(dy.Schema):
    """Rows of statements that could not be used."""

    sha256 = columns.key("File")
    line = columns.count("Line of the file", primary_key=True)
    rule = columns.key("Rule that the row breaks")
    file_name = columns.text("Name of the file")
    section = columns.text("Section of the statement")
    text = columns.text("The row")
