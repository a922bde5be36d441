"""SLO mathematics: exact error budgets, burn rates and Prometheus rules.

>>> import slo
>>> slo.ErrorBudget("99.9%", "30d")
ErrorBudget(0.1% = 43m12s per 30d)
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slo import dynatrace, experiments, forecast, incidents, logs, noise, policy, stats, traces
from slo._errors import ColumnError
from slo._slo import (
    AlertPolicy,
    Backtest,
    Candidate,
    Change,
    DataError,
    ErrorBudget,
    Evaluation,
    Experiment,
    Fault,
    Forecast,
    Gate,
    Objective,
    Prometheus,
    Proposal,
    QueryError,
    Rules,
    Samples,
    Slo,
    SloError,
    SloWarning,
    Spec,
    SpecError,
    Table,
    Tier,
    fleet,
    gate,
    load,
    merge,
    parse,
    suggest_objective,
    sweep,
)

if TYPE_CHECKING:
    from slo import plot, polars, spark

# pandas builds a frame from a sequence of rows.
Sequence.register(Table)

__all__ = [
    "AlertPolicy",
    "Backtest",
    "Candidate",
    "Change",
    "ColumnError",
    "DataError",
    "ErrorBudget",
    "Evaluation",
    "Experiment",
    "Fault",
    "Forecast",
    "Gate",
    "Objective",
    "Prometheus",
    "Proposal",
    "QueryError",
    "Rules",
    "Samples",
    "Slo",
    "SloError",
    "SloWarning",
    "Spec",
    "SpecError",
    "Table",
    "Tier",
    "fleet",
    "dynatrace",
    "experiments",
    "forecast",
    "gate",
    "incidents",
    "logs",
    "noise",
    "load",
    "merge",
    "parse",
    "policy",
    "stats",
    "suggest_objective",
    "sweep",
    "traces",
]


def __getattr__(name: str) -> object:
    # Loaded on first use, because they import other libraries.
    if name in ("plot", "polars", "spark"):
        import importlib

        return importlib.import_module(f"slo.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("slo")
    raise AttributeError(f"module 'slo' has no attribute {name!r}")
