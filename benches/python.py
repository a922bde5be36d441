"""Burn rates of four window pairs and alert states, beside what people use: run by `scripts/bench python`.

Every contender gets the same columns of 64-bit counts, and is timed in this process. docs/benchmarks.md says where one of
them could do better.
"""

import datetime
import sys
import time

import bottleneck as bn
import duckdb
import numba
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import slo

WINDOWS = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21_600, "1d": 86_400, "3d": 259_200}
TIERS = [("1h", "5m", 14.4), ("6h", "30m", 6.0), ("1d", "2h", 3.0), ("3d", "6h", 1.0)]
BUDGET = 0.001
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def history(step, seed):
    random = np.random.default_rng(seed)
    steps = 30 * 86_400 // step
    total = random.poisson(40 * step, steps).astype(np.uint64)
    bad = random.binomial(total.astype(np.int64), 0.0003).astype(np.uint64)
    for begin in random.integers(0, steps - 200, 3):
        bad[begin : begin + 200] = total[begin : begin + 200] // 10
    return total, bad


def best(work, repeat):
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return min(times) * 1e3, result


def episodes(fires):
    edges = np.flatnonzero(np.diff(np.concatenate([[False], fires, [False]]).astype(np.int8)))
    return list(zip(edges[::2], edges[1::2]))


def by_numpy(total, bad, step, want_series):
    sums = [np.concatenate([[0], np.cumsum(column)]) for column in (bad, total)]
    rates = {}
    for name, seconds in WINDOWS.items():
        steps = seconds // step
        window = []
        for column in sums:
            rolled = column[1:].astype(float)
            rolled[steps:] -= column[1:-steps]
            window.append(rolled)
        with np.errstate(invalid="ignore"):
            rates[name] = window[0] / window[1] / BUDGET
    if want_series:
        return rates
    return [episodes((rates[long] > factor) & (rates[short] > factor)) for long, short, factor in TIERS]


def by_pandas(total, bad, step, want_series):
    frame = pd.DataFrame({"bad": bad, "total": total}).astype(float)
    rates = {}
    for name, seconds in WINDOWS.items():
        rolled = frame.rolling(seconds // step, min_periods=1).sum()
        rates[name] = (rolled.bad / rolled.total / BUDGET).to_numpy()
    if want_series:
        return rates
    return [episodes((rates[long] > factor) & (rates[short] > factor)) for long, short, factor in TIERS]


def by_polars(total, bad, step, want_series):
    frame = pl.DataFrame({"bad": bad, "total": total})
    rate = [
        (
            pl.col("bad").rolling_sum(seconds // step, min_samples=1)
            / pl.col("total").rolling_sum(seconds // step, min_samples=1)
            / BUDGET
        ).alias(name)
        for name, seconds in WINDOWS.items()
    ]
    rates = frame.select(rate)
    if want_series:
        return rates
    fires = [(pl.col(long) > factor) & (pl.col(short) > factor) for long, short, factor in TIERS]
    states = rates.select(fire.alias(str(number)) for number, fire in enumerate(fires))
    return [episodes(states[str(number)].to_numpy()) for number in range(len(TIERS))]


def by_bottleneck(total, bad, step, want_series):
    rates = {}
    for name, seconds in WINDOWS.items():
        window = [bn.move_sum(column.astype(float), seconds // step, min_count=1) for column in (bad, total)]
        rates[name] = window[0] / window[1] / BUDGET
    if want_series:
        return rates
    return [episodes((rates[long] > factor) & (rates[short] > factor)) for long, short, factor in TIERS]


@numba.njit(parallel=True, cache=False)
def numba_rates(total, bad, steps, budget, rates):
    for window in numba.prange(len(steps)):
        width, all_of, bad_of = steps[window], 0, 0
        for index in range(len(total)):
            all_of += total[index]
            bad_of += bad[index]
            if index >= width:
                all_of -= total[index - width]
                bad_of -= bad[index - width]
            rates[window, index] = bad_of / all_of / budget if all_of else np.nan


@numba.njit(parallel=True, cache=False)
def numba_fires(total, bad, longs, shorts, factors, budget, fires):
    for tier in numba.prange(len(longs)):
        sums = np.zeros(4, dtype=np.int64)
        for index in range(len(total)):
            for which, width in ((0, longs[tier]), (2, shorts[tier])):
                sums[which] += total[index]
                sums[which + 1] += bad[index]
                if index >= width:
                    sums[which] -= total[index - width]
                    sums[which + 1] -= bad[index - width]
            limit = factors[tier] * budget
            fires[tier, index] = sums[1] > limit * sums[0] and sums[3] > limit * sums[2]


def by_numba(total, bad, step, want_series):
    total, bad = total.view(np.int64), bad.view(np.int64)
    if want_series:
        rates = np.empty((len(WINDOWS), len(total)))
        numba_rates(total, bad, np.array([seconds // step for seconds in WINDOWS.values()]), BUDGET, rates)
        return rates
    fires = np.empty((len(TIERS), len(total)), dtype=np.bool_)
    longs, shorts = (np.array([WINDOWS[tier[which]] // step for tier in TIERS]) for which in (0, 1))
    factors = np.array([factor for *_, factor in TIERS])
    numba_fires(total, bad, longs, shorts, factors, BUDGET, fires)
    return [episodes(tier) for tier in fires]


DUCKDB_RATES = ", ".join(
    f"sum(bad) OVER (ORDER BY i ROWS {{{name!r}}} PRECEDING) / sum(total) OVER (ORDER BY i ROWS {{{name!r}}} PRECEDING)"
    f" / {BUDGET} AS \"{name}\""
    for name in WINDOWS
)


def by_duckdb(total, bad, step, want_series):
    frame = pa.table({"i": np.arange(len(total)), "bad": bad, "total": total})
    widths = {name: seconds // step - 1 for name, seconds in WINDOWS.items()}
    query = DUCKDB_RATES
    for name, width in widths.items():
        query = query.replace(f"{{{name!r}}}", str(width))
    rates = duckdb.sql(f"SELECT {query} FROM frame ORDER BY i").fetchnumpy()
    if want_series:
        return rates
    return [episodes((rates[long] > factor) & (rates[short] > factor)) for long, short, factor in TIERS]


def ours(total, bad, step, want_series):
    samples = slo.Samples(total=total, bad=bad, start=START, step=datetime.timedelta(seconds=step))
    budget = slo.ErrorBudget("99.9%", "30d")
    if want_series:
        return budget.evaluate(samples).burn_rate(list(WINDOWS))
    return budget.backtest(samples).alerts


def floor(total, bad, _step, _want_series):
    return int(total.sum()), int(bad.sum())


CONTENDERS = {
    "adding up both columns": floor,
    "slo": ours,
    "numba, in parallel": by_numba,
    "numpy": by_numpy,
    "bottleneck": by_bottleneck,
    "polars": by_polars,
    "pandas": by_pandas,
    "duckdb": by_duckdb,
}
# Those that would take minutes.
SLOW = {"pandas", "duckdb"}


def alerts_of(result):
    """When alerts began, by tier, to hold the contenders against each other."""
    if isinstance(result, list):
        return [[int(begin) for begin, _ in tier] for tier in result]
    frame = result.to_numpy()
    begin = (frame["start"] - np.datetime64(START.replace(tzinfo=None))).astype("timedelta64[ms]").astype(np.int64)
    tiers = ["fast", "medium", "slow", "trickle"]
    return [list(begin[frame["burn_tier"] == tier]) for tier in tiers]


def main():
    runs = [(15, 1), (15, 100), (1, 1)]
    for want_series in (False, True):
        print("alert episodes" if not want_series else "burn rates, seven full series")
        for step, slos in runs:
            columns = [history(step, seed) for seed in range(slos)]
            print(f"  30 days at {step} s, {slos} SLO{'s' if slos > 1 else ''}")
            mine = None
            for name, work in CONTENDERS.items():
                if name in SLOW and (slos > 1 or (name == "duckdb" and step == 1)):
                    continue

                def all_of_them():
                    return [work(total, bad, step, want_series) for total, bad in columns]

                all_of_them()  # numba compiles, and memory is there
                millis, results = best(all_of_them, 3 if slos > 1 else 7)
                if name == "slo":
                    mine = millis
                    alerts = [alerts_of(result) for result in results] if not want_series else None
                elif not want_series and name != "adding up both columns":
                    begins = [[[(one + 1) * step * 1000 for one in tier] for tier in alerts_of(result)] for result in results]
                    if begins != alerts:
                        sys.exit(f"{name} finds other alerts")
                times = f"{millis / mine:7.1f} times ours" if mine else ""
                print(f"    {name:<24} {millis:9.2f} ms {times}")


main()
