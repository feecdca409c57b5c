"""The single trades that a plan may be made of, with their size, cost, tax, priority and reason."""

from ballast.planning.opportunities.find import opportunities
from ballast.planning.opportunities.opportunity import CATEGORIES, Opportunity, tax_on

__all__ = ["CATEGORIES", "Opportunity", "opportunities", "tax_on"]
