"""SLO mathematics: exact error budgets, burn rates and Prometheus rules.

>>> import slo
>>> slo.ErrorBudget("99.9%", "30d")
ErrorBudget(0.1% = 43m12s per 30d)
"""

from slo import forecast, stats
from slo._slo import (
    Backtest,
    Candidate,
    DataError,
    ErrorBudget,
    Evaluation,
    Fault,
    Objective,
    Prometheus,
    Proposal,
    QueryError,
    Rules,
    Samples,
    Slo,
    SloError,
    Spec,
    SpecError,
    Table,
    Tier,
    load,
    parse,
    suggest_objective,
)

__all__ = [
    "Backtest",
    "Candidate",
    "DataError",
    "ErrorBudget",
    "Evaluation",
    "Fault",
    "Objective",
    "Prometheus",
    "Proposal",
    "QueryError",
    "Rules",
    "Samples",
    "Slo",
    "SloError",
    "Spec",
    "SpecError",
    "Table",
    "Tier",
    "forecast",
    "load",
    "parse",
    "stats",
    "suggest_objective",
]
