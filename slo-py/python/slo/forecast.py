"""Forecasts of the budget: when it will be spent, and whether it lasts.

>>> from slo import forecast
>>> round(forecast.survival(rate=3, spends=[(0.05, 0.6), (0.2, 0.3), (0.6, 0.1)]), 4)
0.9138
"""

from slo._slo import exhaustion_probability, survival

__all__ = ["exhaustion_probability", "survival"]
