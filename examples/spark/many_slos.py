#!/usr/bin/env python3
"""Many SLOs in PySpark, and the same in one process.

Generates a month of twenty services, writes it as Parquet, asks Spark in local mode what alerts would have fired and how much
of each budget is left, and holds the answers against those of this process.

usage: many_slos.py [SLOS]
"""

import os
import pathlib
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import slo
import slo.spark
from pyspark.sql import SparkSession

STEPS, STEP = 30 * 1440, "1m"
START = np.datetime64("2026-11-01T00:00:00", "s")


def history(seed: int) -> dict[str, np.ndarray]:
    """A month of minutes with a few incidents; one of the counters is restarted, and an hour is missing."""
    random = np.random.default_rng(seed)
    total = random.poisson(500, STEPS)
    bad = random.binomial(total, 0.0002)
    for begin in random.integers(0, STEPS - 600, 3):
        length, share = random.integers(5, 600), random.choice([0.5, 0.05, 0.008])
        bad[begin : begin + length] = np.maximum(bad[begin : begin + length], total[begin : begin + length] * share)
    there = np.ones(STEPS, bool)
    there[20_000:20_060] = False
    columns = {"time": START + np.arange(STEPS) * np.timedelta64(60, "s"), "total": total, "bad": bad}
    return {name: column[there] for name, column in columns.items()}


def main() -> None:
    # The workers are of this Python.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    slos = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    budgets = {f"service-{number}/availability": slo.ErrorBudget("99.9%", "30d") for number in range(slos)}
    tables = []
    for seed, key in enumerate(budgets):
        columns = history(seed)
        tables.append(pa.table({"slo": [key] * len(columns["total"]), **columns}))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "events.parquet"
        pq.write_table(pa.concat_tables(tables), path)
        builder = SparkSession.builder.master("local[2]").appName("slo").config("spark.sql.session.timeZone", "UTC")
        spark = builder.config("spark.ui.enabled", "false").getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        frame = spark.read.parquet(str(path))
        alerts = slo.spark.backtest(frame, budgets, step=STEP).toArrow()
        states = slo.spark.evaluate(frame, budgets, step=STEP).toArrow()
        days = slo.spark.by(frame, budgets, "day", step=STEP).toArrow()
        spark.stop()

    for table, one_process in [(alerts, one_backtest), (states, one_evaluation), (days, one_by_day)]:
        rows = {key: [] for key in budgets}
        for row in table.to_pylist():
            rows[row.pop("slo")].append(row)
        for (key, found), part in zip(rows.items(), tables, strict=True):
            expected = one_process(budgets[key], slo.Samples(part.drop(["slo"]), step=STEP))
            order = ["start", "burn_tier"] if "burn_tier" in table.column_names else ["start"]
            by_order = lambda row: [row[name] for name in order]  # noqa: E731
            assert sorted(found, key=by_order) == sorted(expected, key=by_order), key
    print(f"{slos} SLOs, {sum(len(table) for table in tables):,} rows, {len(alerts)} alerts, {len(days)} days: "
          "Spark and one process say the same")  # fmt: skip


def one_backtest(budget: slo.ErrorBudget, samples: slo.Samples) -> list[dict[str, object]]:
    return budget.backtest(samples).alerts.to_arrow().to_pylist()


def one_by_day(budget: slo.ErrorBudget, samples: slo.Samples) -> list[dict[str, object]]:
    return budget.evaluate(samples).by("day").to_arrow().to_pylist()


def one_evaluation(budget: slo.ErrorBudget, samples: slo.Samples) -> list[dict[str, object]]:
    seen = budget.evaluate(samples)
    row = {name: getattr(seen, name) for name in ("total", "bad", "sli", "budget_remaining", "coverage")}
    row |= {"projected_budget_remaining": seen.projected_budget_remaining, "gaps": 1, "resets": 0}
    return [row | {"start": seen.start, "end": seen.end}]


if __name__ == "__main__":
    main()
