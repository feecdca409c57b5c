"""The single trades that a plan may be made of, with their size, cost, tax, priority and reason."""

from ballast.planning.opportunities.find import follows_targets, opportunities
from ballast.planning.opportunities.opportunity import CATEGORIES, Opportunity

__all__ = ["CATEGORIES", "Opportunity", "follows_targets", "opportunities"]
