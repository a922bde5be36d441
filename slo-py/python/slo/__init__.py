"""SLO mathematics: exact error budgets, burn rates and Prometheus rules.

>>> import slo
>>> slo.ErrorBudget("99.9%", "30d")
ErrorBudget(0.1% = 43m12s per 30d)
"""

from slo import forecast, stats
from slo._slo import (
    DataError,
    ErrorBudget,
    Fault,
    Objective,
    QueryError,
    Rules,
    Slo,
    SloError,
    Spec,
    SpecError,
    Tier,
    load,
    parse,
)

__all__ = [
    "DataError",
    "ErrorBudget",
    "Fault",
    "Objective",
    "QueryError",
    "Rules",
    "Slo",
    "SloError",
    "Spec",
    "SpecError",
    "Tier",
    "forecast",
    "load",
    "parse",
    "stats",
]
