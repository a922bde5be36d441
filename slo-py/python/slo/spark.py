"""Many SLOs over many months in PySpark, with one task for each SLO.

Each function takes a DataFrame with a row for each SLO and step of time, and a mapping of keys to SLOs. The results are the
same as in one process. ``groupBy().applyInArrow()`` collects the rows of each SLO, so the columns of one SLO must fit into the
memory of a worker: a month of seconds is 40 MB.

>>> import slo.spark                                                      # doctest: +SKIP
>>> frame = spark.read.parquet("s3://metrics/events/")                   # doctest: +SKIP
>>> spec = slo.load("slo.yaml")                                          # doctest: +SKIP
>>> slo.spark.backtest(frame, spec, step="15s").orderBy("start").show()  # doctest: +SKIP

Spark's workers run the ``python3`` of their PATH: set ``PYSPARK_PYTHON`` to one that has this package. An SLO without rows has
no rows in the result.

If histories are also split by time, run :func:`by` on each part, and add up the events and the bad events.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import slo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

__all__ = ["backtest", "by", "evaluate"]

_ALERTS = "burn_tier string, severity string, start timestamp, end timestamp"
_STRETCHES = "start timestamp, end timestamp, total long, bad long, sli double, burn_rate double, spent double"
_EVALUATION = (
    "start timestamp, end timestamp, total long, bad long, sli double, budget_remaining double, "
    "projected_budget_remaining double, coverage double, gaps long, resets long"
)


def evaluate(
    frame: Any,
    slos: Mapping[str, slo.Slo] | Mapping[str, slo.ErrorBudget],
    *,
    key: str = "slo",
    step: str | timedelta,
    time: str = "time",
    total: str = "total",
    bad: str = "bad",
    kind: str = "increment",
    label: str | None = None,
) -> Any:
    """Evaluate each SLO over its history.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        ``key``, ``time`` (a timestamp, or seconds since the Unix epoch), ``total`` and ``bad``; in any order.
    slos : Spec, or mapping of keys to Slo or ErrorBudget
    key : str, default ``"slo"``
        The column with the key of the SLO.
    step : str or timedelta
        The length of a step.
    time, total, bad, kind, label
        As for :class:`slo.Samples`.

    Returns
    -------
    pyspark.sql.DataFrame
        ``key``, ``start``, ``end``, ``total``, ``bad``, ``sli``, ``budget_remaining``, ``projected_budget_remaining``,
        ``coverage``, ``gaps`` and ``resets``: a row for each SLO.
    """

    def work(one: slo.Slo | slo.ErrorBudget, samples: slo.Samples) -> dict[str, list[Any]]:
        seen = one.evaluate(samples)
        found = samples.check().to_numpy()["kind"].tolist()
        return {
            "start": [seen.start],
            "end": [seen.end],
            "total": [seen.total],
            "bad": [seen.bad],
            "sli": [seen.sli],
            "budget_remaining": [seen.budget_remaining],
            "projected_budget_remaining": [seen.projected_budget_remaining],
            "coverage": [seen.coverage],
            "gaps": [found.count("gap")],
            "resets": [found.count("reset")],
        }

    return _each(frame, slos, work, _EVALUATION, key, step, time, total, bad, kind, label)


def backtest(
    frame: Any,
    slos: Mapping[str, slo.Slo] | Mapping[str, slo.ErrorBudget],
    policy: slo.AlertPolicy | None = None,
    *,
    every: str | timedelta | None = None,
    key: str = "slo",
    step: str | timedelta,
    time: str = "time",
    total: str = "total",
    bad: str = "bad",
    kind: str = "increment",
    label: str | None = None,
) -> Any:
    """Replay the alerts of each SLO over its history.

    Parameters are those of :func:`evaluate` and :meth:`slo.Slo.backtest`.

    Returns
    -------
    pyspark.sql.DataFrame
        ``key``, and the columns of :attr:`slo.Backtest.alerts`.
    """

    def work(one: slo.Slo | slo.ErrorBudget, samples: slo.Samples) -> slo.Table:
        return one.backtest(samples, policy, every=every).alerts

    return _each(frame, slos, work, _ALERTS, key, step, time, total, bad, kind, label)


def by(
    frame: Any,
    slos: Mapping[str, slo.Slo] | Mapping[str, slo.ErrorBudget],
    length: str | timedelta,
    *,
    tz: str | None = None,
    key: str = "slo",
    step: str | timedelta,
    time: str = "time",
    total: str = "total",
    bad: str = "bad",
    kind: str = "increment",
    label: str | None = None,
) -> Any:
    """The history of each SLO in stretches, such as days.

    Parameters are those of :func:`evaluate` and :meth:`slo.Evaluation.by`.

    Returns
    -------
    pyspark.sql.DataFrame
        ``key``, and the columns of :meth:`slo.Evaluation.by`.
    """

    def work(one: slo.Slo | slo.ErrorBudget, samples: slo.Samples) -> slo.Table:
        return one.evaluate(samples).by(length, tz=tz)

    return _each(frame, slos, work, _STRETCHES, key, step, time, total, bad, kind, label)


def _each(
    frame: Any,
    slos: Mapping[str, slo.Slo] | Mapping[str, slo.ErrorBudget],
    work: Callable[[slo.Slo | slo.ErrorBudget, slo.Samples], Any],
    schema: str,
    key: str,
    step: str | timedelta,
    time: str,
    total: str,
    bad: str,
    kind: str,
    label: str | None,
) -> Any:
    """A row or more of ``schema`` for each SLO of the frame."""
    known: dict[str, slo.Slo | slo.ErrorBudget] = dict(slos.items())

    def apply(keys: Any, rows: Any) -> Any:
        pa: Any = importlib.import_module("pyarrow")
        [name] = (value.as_py() for value in keys)
        one = known.get(name)
        if one is None:
            raise slo.SloError(f"no SLO {name!r}; there are {', '.join(known)}")
        ordered = rows.select([time, total, bad]).sort_by(time)
        samples = slo.Samples(ordered, time=time, total=total, bad=bad, kind=kind, label=label, step=step)  # type: ignore[arg-type]
        made = pa.table(work(one, samples))
        types = {"string": pa.string(), "timestamp": pa.timestamp("us", "UTC"), "long": pa.int64(), "double": pa.float64()}
        fields = [field.split() for field in schema.split(", ")]
        made = made.cast(pa.schema([(column, types[spark_type]) for column, spark_type in fields]))
        return made.add_column(0, key, pa.array([name] * len(made), pa.string()))

    return frame.select(key, time, total, bad).groupBy(key).applyInArrow(apply, f"`{key}` string, {schema}")
