"""Kinds of columns, each with the description that the UI shows."""

from __future__ import annotations

import dataframely as dy

from ballast.money import AMOUNT_SCALE, RATE_SCALE


def amount(description: str, *, nullable: bool = False) -> dy.Decimal:
    """An exact amount of money, a price or a quantity."""
    return dy.Decimal(38, AMOUNT_SCALE, nullable=nullable, metadata={"description": description})


def rate(description: str, *, nullable: bool = False) -> dy.Decimal:
    """An exchange rate, a ratio or an exact share."""
    return dy.Decimal(38, RATE_SCALE, nullable=nullable, metadata={"description": description})


def key(description: str) -> dy.String:
    """A text of the primary key."""
    return dy.String(primary_key=True, min_length=1, metadata={"description": description})


def text(description: str, *, nullable: bool = False) -> dy.String:
    """A text."""
    return dy.String(nullable=nullable, metadata={"description": description})


def number(description: str, *, nullable: bool = True) -> dy.Float64:
    """A figure of analytics."""
    return dy.Float64(nullable=nullable, metadata={"description": description})


def date(description: str, *, nullable: bool = False, primary_key: bool = False) -> dy.Date:
    """A day."""
    return dy.Date(
        nullable=nullable, primary_key=primary_key, metadata={"description": description}
    )


def moment(description: str) -> dy.Datetime:
    """A moment, UTC."""
    return dy.Datetime(time_unit="us", time_zone="UTC", metadata={"description": description})


def flag(description: str) -> dy.Bool:
    """True or false."""
    return dy.Bool(nullable=False, metadata={"description": description})


def count(description: str, *, primary_key: bool = False) -> dy.Int64:
    """A number of things."""
    return dy.Int64(nullable=False, primary_key=primary_key, metadata={"description": description})
