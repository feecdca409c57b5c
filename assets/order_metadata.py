"""Orders for people: one row per order with its cost, one per judgement of the gate, one per event."""

from __future__ import annotations

import polars as pl

from ballast.trading.gate import LAYERS

_MARKS = {"pass": "✓", "not_applicable": "–", "bypassed": "bypassed"}


def orders_table(orders: pl.DataFrame, answers: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """Return the orders of a session, written or stopped, with what was filled and what it cost.

    Parameters
    ----------
    orders, answers, fills : pl.DataFrame
        `Orders`, `GateAnswers`, `Executions`.
    """
    cost = fills.group_by("client_order_id").agg(
        fee=pl.col("fee").sum(),
        fee_currency=pl.col("fee_currency").first(),
        fill_price=(pl.col("price") * pl.col("quantity")).sum() / pl.col("quantity").sum(),
    )
    written = orders.join(cost, on="client_order_id", how="left").select(
        "client_order_id", "origin", "side", "symbol", "quantity", "state", "filled",
        "fill_price", "fee", "fee_currency", "detail",
    )  # fmt: skip
    stopped = _newest(answers).filter(
        (pl.col("verdict") == "block")
        & ~pl.col("client_order_id").is_in(orders["client_order_id"].implode())
    )
    by_layer = stopped.group_by("client_order_id", maintain_order=True).first()
    not_written = by_layer.select(
        "client_order_id", "origin", "side", "symbol", "quantity",
        state=pl.lit("stopped by ") + pl.col("layer"),
        detail=pl.col("reason"),
    )  # fmt: skip
    every = pl.concat([written, not_written], how="diagonal_relaxed")
    # What nobody said is no figure that is unknown.
    return in_order(every).with_columns(pl.col("detail").fill_null(""))


def gate_table(answers: pl.DataFrame) -> pl.DataFrame:
    """Return one row per judgement with a column per layer: a mark where it lets pass, the reason where it stops."""
    if answers.is_empty():
        return pl.DataFrame()
    said = (
        pl.when(pl.col("verdict") == "block")
        .then(pl.lit("✗ ") + pl.col("reason"))
        .otherwise(pl.col("verdict").replace_strict(_MARKS, default=pl.col("verdict")))
    )
    wide = answers.with_columns(said=said).pivot(
        "layer", index=["client_order_id", "attempt", "side", "symbol"], values="said"
    )
    return in_order(wide).select("client_order_id", "attempt", "side", "symbol", *LAYERS)


def history_table(history: pl.DataFrame) -> pl.DataFrame:
    """Return the events of each order in one line."""
    return history.group_by("client_order_id", maintain_order=True).agg(
        history=pl.col("state").str.join(" → "), last_recorded=pl.col("recorded_at").last()
    )


def in_order(table: pl.DataFrame) -> pl.DataFrame:
    """Sort by the number at the end of the order's id, within account and plan or episode."""
    name = pl.col("client_order_id")
    return table.sort(
        name.str.extract(r"^([^.]+\.[^.]+)\."),
        name.str.extract(r"(\d+)$").cast(pl.Int64),
        name,
        maintain_order=True,
    )


def _newest(answers: pl.DataFrame) -> pl.DataFrame:
    return answers.filter(pl.col("attempt") == pl.col("attempt").max().over("client_order_id"))
