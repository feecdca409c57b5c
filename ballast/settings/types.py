"""Types of settings, and the strict section that all of them are fields of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
# TOML has types of its own: a number in quotes or `true` for 1 is a mistake, not a spelling.
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
LotMethod = Literal["fifo", "lifo", "hifo", "lofo", "average"]
Share = Annotated[Number, Field(ge=0.0, le=1.0)]


class StrictModel(BaseModel):
    """A section in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
