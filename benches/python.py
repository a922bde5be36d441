"""Burn rates of four window pairs and alert states, beside what people use: run by `scripts/bench python`.

Every contender gets the same columns of 64-bit counts, and is timed in this process. docs/benchmarks.md says where one of
them could do better.
"""

import concurrent.futures
import datetime
import gc
import os
import pathlib
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
        last, result = result, None  # the memory of one result, not of two
    return min(times) * 1e3, last


def episodes(fires):
    edges = np.flatnonzero(np.diff(np.concatenate([[False], fires, [False]]).astype(np.int8)))
    return list(zip(edges[::2], edges[1::2]))


def answer(want_series, window):
    """From the sums of windows, each made when it is wanted, so that the memory of one serves the next.

    Comparing sums takes less than dividing them.
    """
    if want_series:
        rates = {}
        with np.errstate(invalid="ignore"):
            for name, seconds in WINDOWS.items():
                bad, total = window(seconds)
                rates[name] = np.divide(bad, np.multiply(total, BUDGET, out=total), out=bad)
        return rates
    found = []
    for long, short, factor in TIERS:
        limit, states = factor * BUDGET, None
        for name in (long, short):
            bad, total = window(WINDOWS[name])
            above = bad > np.multiply(total, limit, out=total)
            states = above if states is None else states & above
        found.append(episodes(states))
    return found


def by_numpy(total, bad, step, want_series):
    cumulated = [np.concatenate([[0], np.cumsum(column.view(np.int64))]) for column in (bad, total)]

    def window(seconds):
        steps = seconds // step
        rolled = [column[1:].astype(float) for column in cumulated]
        for column, sums in zip(cumulated, rolled):
            sums[steps:] -= column[1:-steps]
        return rolled

    return answer(want_series, window)


def by_pandas(total, bad, step, want_series):
    frame = pd.DataFrame({"bad": bad, "total": total}).astype(float)

    def window(seconds):
        rolled = frame.rolling(seconds // step, min_periods=1).sum()
        return rolled.bad.to_numpy(copy=True), rolled.total.to_numpy(copy=True)

    return answer(want_series, window)


def by_polars(total, bad, step, want_series):
    frame = pl.DataFrame({"bad": bad, "total": total})
    window = {
        name: [pl.col(column).rolling_sum(seconds // step, min_samples=1) for column in ("bad", "total")]
        for name, seconds in WINDOWS.items()
    }
    if want_series:
        return frame.select((bad / (total * BUDGET)).alias(name) for name, (bad, total) in window.items())
    states = frame.select(
        (
            (window[long][0] > factor * BUDGET * window[long][1]) & (window[short][0] > factor * BUDGET * window[short][1])
        ).alias(long)
        for long, short, factor in TIERS
    )
    return [episodes(states[long].to_numpy()) for long, *_ in TIERS]


def by_bottleneck(total, bad, step, want_series):
    columns = [column.astype(float) for column in (bad, total)]
    return answer(
        want_series, lambda seconds: [bn.move_sum(column, seconds // step, min_count=1) for column in columns]
    )


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
def numba_edges(total, bad, longs, shorts, factors, budget, edges, counts):
    for tier in numba.prange(len(longs)):
        long_total, long_bad, short_total, short_bad = 0, 0, 0, 0
        long, short, limit = longs[tier], shorts[tier], factors[tier] * budget
        firing, count = False, 0
        for index in range(len(total)):
            long_total += total[index]
            long_bad += bad[index]
            short_total += total[index]
            short_bad += bad[index]
            if index >= long:
                long_total -= total[index - long]
                long_bad -= bad[index - long]
            if index >= short:
                short_total -= total[index - short]
                short_bad -= bad[index - short]
            fires = long_bad > limit * long_total and short_bad > limit * short_total
            if fires != firing:
                edges[tier, count] = index
                count += 1
                firing = fires
        if firing:
            edges[tier, count] = len(total)
            count += 1
        counts[tier] = count


def by_numba(total, bad, step, want_series):
    total, bad = total.view(np.int64), bad.view(np.int64)
    if want_series:
        rates = np.empty((len(WINDOWS), len(total)))
        numba_rates(total, bad, np.array([seconds // step for seconds in WINDOWS.values()]), BUDGET, rates)
        return dict(zip(WINDOWS, rates))
    # Memory that is not written is not taken.
    edges, counts = np.empty((len(TIERS), len(total) + 1), np.int64), np.zeros(len(TIERS), np.int64)
    longs, shorts = (np.array([WINDOWS[tier[which]] // step for tier in TIERS]) for which in (0, 1))
    factors = np.array([factor for *_, factor in TIERS])
    numba_edges(total, bad, longs, shorts, factors, BUDGET, edges, counts)
    return [list(zip(edges[tier, : counts[tier] : 2], edges[tier, 1 : counts[tier] : 2])) for tier in range(len(TIERS))]


def by_duckdb(total, bad, step, want_series):
    frame = pa.table({"i": np.arange(len(total)), "bad": bad, "total": total})

    def window(column, name):
        return f"sum({column}) OVER (ORDER BY i ROWS {WINDOWS[name] // step - 1} PRECEDING)"

    if want_series:
        rates = [f"{window('bad', name)} / ({window('total', name)} * {BUDGET}) AS \"{name}\"" for name in WINDOWS]
        return duckdb.sql(f"SELECT {', '.join(rates)} FROM frame ORDER BY i").fetchnumpy()
    states = [
        f"{window('bad', long)} > {factor * BUDGET} * {window('total', long)}"
        f" AND {window('bad', short)} > {factor * BUDGET} * {window('total', short)} AS \"{long}\""
        for long, short, factor in TIERS
    ]
    fired = duckdb.sql(f"SELECT {', '.join(states)} FROM frame ORDER BY i").fetchnumpy()
    return [episodes(fired[long]) for long, *_ in TIERS]


def ours(total, bad, step, want_series, threads=None):
    samples = slo.Samples(total=total, bad=bad, start=START, step=datetime.timedelta(seconds=step))
    budget = slo.ErrorBudget("99.9%", "30d")
    if want_series:
        return budget.evaluate(samples).burn_rate(list(WINDOWS), threads=threads)
    return budget.backtest(samples, threads=threads).alerts


def sums_by_numpy(total, bad):
    return int(total.sum()), int(bad.sum())


def sums_by_polars(total, bad):
    return pl.Series(total).sum(), pl.Series(bad).sum()


def sums_by_bottleneck(total, bad):
    return int(bn.nansum(total.view(np.int64))), int(bn.nansum(bad.view(np.int64)))


# Adding up both columns: nothing that looks at them is faster. The fastest counts.
FLOORS = [sums_by_numpy, sums_by_polars, sums_by_bottleneck]
CONTENDERS = {
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


def episodes_of(result, step):
    """When alerts began and ended, by tier, in steps: to hold the contenders against each other."""
    if isinstance(result, list):
        return [[(int(begin), int(end)) for begin, end in tier] for tier in result]
    frame = result.to_numpy()
    last = np.datetime64(START.replace(tzinfo=None)) + np.timedelta64(30, "D") + np.timedelta64(step, "s")
    edges = [frame["start"], np.where(np.isnat(frame["end"]), last, frame["end"])]
    steps = [(edge - np.datetime64(START.replace(tzinfo=None))) // np.timedelta64(step, "s") for edge in edges]
    tiers = ["fast", "medium", "slow", "trickle"]
    # Ours are the times of the evaluations after those steps.
    return [[(int(b) - 1, int(e) - 1) for b, e in zip(*(edge[frame["burn_tier"] == tier] for edge in steps))] for tier in tiers]


def same_series(one, other):
    one, other = ({name: np.asarray(columns[name]) for name in WINDOWS} for columns in (one.to_numpy(), other))
    return all(np.allclose(one[name], other[name], rtol=1e-7, atol=1e-7, equal_nan=True) for name in WINDOWS)


def peak(work):
    """How many more megabytes the process takes at most while it works."""
    gc.collect()
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    result = work()
    return memory("VmHWM") - before, result


def memory(what):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def main():
    # Histories of a second are shared by ten SLOs each: all of them would be 4 GB.
    runs = [(15, 1, 1), (15, 100, 100), (1, 1, 1), (1, 100, 10)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for want_series in (False, True):
            print("alert episodes" if not want_series else "burn rates, seven full series")
            for step, slos, distinct in runs:
                if want_series and (step, slos) == (1, 100):
                    continue  # 14 GB of results
                compare(pool, step, slos, distinct, want_series)


def compare(pool, step, slos, distinct, want_series):
    columns = [history(step, seed) for seed in range(distinct)]
    columns *= slos // distinct
    repeat = {1: 15, 100: 3}[slos]
    floor = min(best(lambda: [sums(*pair) for pair in columns], repeat)[0] for sums in FLOORS)
    print(f"  30 days at {step} s, {slos} SLO{'s' if slos > 1 else ''}; adding up both columns: {floor:.3g} ms")
    print(f"    {'':<24} {'ms':>9} {'beside ours':>12} {'of the floor':>13} {'extra MB':>9}")
    mine, wanted = None, None
    for name, work in CONTENDERS.items():
        if name in SLOW and (slos > 1 or (name == "duckdb" and step == 1)):
            continue
        if step == 1 and slos > 1 and name not in ("slo", "numba, in parallel", "numpy"):
            continue

        def all_of_them(work=work, name=name):
            if name == "slo" and slos > 1:
                # An SLO a thread: they work while Python goes on.
                return list(pool.map(lambda pair: work(*pair, step, want_series, 1), columns))
            return [work(total, bad, step, want_series) for total, bad in columns]

        few = [(total[:20_000].copy(), bad[:20_000].copy()) for total, bad in columns[:1]]
        work(*few[0], step if step > 1 else 15, want_series)  # numba compiles
        extra, results = peak(all_of_them)
        for number, result in enumerate(results[:distinct]):
            if want_series:
                if name == "slo" and number < 3:
                    wanted = [*(wanted or []), result]
                elif number < 3 and not same_series(wanted[number], result):
                    sys.exit(f"{name} finds other burn rates")
                continue
            if name == "slo":
                wanted = [*(wanted or []), episodes_of(result, step)]
            elif episodes_of(result, step) != wanted[number]:
                sys.exit(f"{name} finds other alerts")
        del results
        millis = best(all_of_them, repeat)[0]
        mine = mine or millis
        print(f"    {name:<24} {millis:9.2f} {millis / mine:11.1f}× {millis / floor:12.1f}× {extra:9.1f}")


main()
