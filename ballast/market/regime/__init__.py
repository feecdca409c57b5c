"""The market regime: by the moving-average rule, and by a hidden Markov model that never looks ahead."""

from ballast.market.regime.detection import detected_regimes, main_regime, regional_regimes
from ballast.market.regime.rule import moving_average_regime

__all__ = ["detected_regimes", "main_regime", "moving_average_regime", "regional_regimes"]
