"""Expressions for polars: burn rates and alerts of many SLOs in one query, on all of polars' threads.

>>> import polars as pl
>>> import slo.polars
>>> frame = pl.DataFrame({"slo": ["a"] * 3, "total": [100, 100, 100], "bad": [0, 1, 0]})
>>> burn = slo.polars.burn_rate("total", "bad", objective="99%", window="2m", step="1m")
>>> frame.select(burn.over("slo"))["burn_rate"].to_list()
[0.0, 0.5, 0.5]

The rows of each SLO must be steps of the same length, in order, with none missing: see :meth:`Samples.check`.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import polars as pl
from polars.plugins import register_plugin_function

import slo._slo
from slo._slo import Objective, SloError, _steps

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal

    from slo._slo import Tier

__all__ = ["burn_rate", "fires"]

_LIBRARY = pathlib.Path(slo._slo.__file__)


def _call(name: str, total: str | pl.Expr, bad: str | pl.Expr, numbers: list[int]) -> pl.Expr:
    counts = [pl.col(column) if isinstance(column, str) else column for column in (total, bad)]
    return register_plugin_function(
        plugin_path=_LIBRARY,
        function_name=name,
        args=[*counts, *(pl.lit(number, pl.UInt64) for number in numbers)],
        use_abs_path=True,
    )


def burn_rate(
    total: str | pl.Expr,
    bad: str | pl.Expr,
    *,
    objective: str | Decimal | float | Objective,
    window: str | timedelta,
    step: str | timedelta,
) -> pl.Expr:
    """The burn rate over ``window``, after every row: null where there were no events.

    Parameters
    ----------
    total, bad : str or Expr
        Events and bad events of each step: whole numbers, none of them null.
    objective : str, Decimal, float or Objective
    window, step : str or timedelta
        The window is a whole number of steps; at the beginning, it is only as long as the history so far.
    """
    share = Objective(objective).ratio * 10**12
    expression = _call("slo_burn_rate", total, bad, [_steps(window, step), int(share)])
    return expression.alias("burn_rate")


def fires(
    total: str | pl.Expr,
    bad: str | pl.Expr,
    *,
    tier: Tier,
    objective: str | Decimal | float | Objective,
    step: str | timedelta,
) -> pl.Expr:
    """Whether the alert of a tier fires, after every row: exactly as in the rules.

    Parameters
    ----------
    total, bad : str or Expr
        Events and bad events of each step: whole numbers, none of them null.
    tier : Tier
    objective : str, Decimal, float or Objective
    step : str or timedelta
        Windows are whole numbers of steps.
    """
    threshold = tier.factor * Objective(objective).budget
    if threshold >= 1 or max(threshold.numerator, threshold.denominator) >= 2**64:
        raise SloError(f"the {tier.burn_tier} tier never fires at {objective}: no error ratio is above {threshold}")
    windows = [_steps(window, step) for window in (tier.long, tier.short)]
    numbers = [*windows, threshold.numerator, threshold.denominator, tier.fewest_bad]
    return _call("slo_fires", total, bad, numbers).alias(tier.burn_tier)
