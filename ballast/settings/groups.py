"""Sections of the portfolio file: groups of countries and of industries, and the share that each should have."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from ballast.settings.types import StrictModel


class GroupSettings(StrictModel):
    """Countries or industries that are planned together; what no group names belongs to OTHER."""

    name: str = Field(min_length=1, description="Name of the group, for instance Europe.")
    members: tuple[str, ...] = Field(
        (),
        description="Countries or industries, as the securities name them; of several industries each counts.",
    )
    target: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        strict=True,
        description=(
            "Wanted share of what is invested; 0 allows no more than the tolerance; left out, the group has no limits."
        ),
    )

    @model_validator(mode="after")
    def _only_the_rest_has_no_members(self) -> Self:
        if bool(self.members) == (self.name == OTHER):
            raise ValueError(
                f"group {self.name!r}: name at least one member, and none for {OTHER!r}"
            )
        return self


OTHER = "OTHER"


def problems_of(section: str, groups: tuple[GroupSettings, ...]) -> list[str]:
    """Return what is wrong with the groups of a section among each other."""
    names = [group.name for group in groups]
    members = [member for group in groups for member in group.members]
    total = sum(group.target or 0.0 for group in groups)
    return [
        *(f"{section}: {name!r} is defined twice" for name in _repeated(names)),
        *(f"{section}: {member!r} is in two groups" for member in _repeated(members)),
        *([f"{section}: targets add up to {total:.4f}, more than 1"] if total > 1 + 1e-9 else []),
    ]


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
