"""The lots of what an account holds, in the order in which a sale uses them up."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ballast.money import ZERO
from ballast.settings import LotMethod
from ballast.trading.sales import SaleLot

# The column that each method goes by, and whether the largest comes first; what is equal goes by the day.
_USED_UP: dict[LotMethod, tuple[str, bool]] = {
    "fifo": ("opened_at", False),
    "lifo": ("opened_at", True),
    "hifo": ("unit_cost", True),
    "lofo": ("unit_cost", False),
    "average": ("opened_at", False),
}


def sale_lots(
    lots: pl.DataFrame, account_id: str, method: LotMethod, currencies: Mapping[str, str]
) -> dict[str, tuple[SaleLot, ...]]:
    """Return the lots of each security that an account holds.

    Parameters
    ----------
    lots : pl.DataFrame
        `TaxLots`; what is sold short is left out.
    currencies : mapping of str to str
        Currency of the quotation per security. A basis in another currency counts as unknown.
    """
    column, is_descending = _USED_UP[method]
    own = lots.filter(
        (pl.col("account_id") == account_id)
        & pl.col("symbol").is_in(list(currencies))
        & (pl.col("quantity") > ZERO)
    ).sort([column, "opened_at", "lot_id"], descending=[is_descending, False, False])
    found: dict[str, tuple[SaleLot, ...]] = {}
    for row in own.iter_rows(named=True):
        is_known = row["currency"] == currencies[row["symbol"]]
        lot = SaleLot(row["quantity"], row["unit_cost"] if is_known else None)
        found[row["symbol"]] = (*found.get(row["symbol"], ()), lot)
    return found
