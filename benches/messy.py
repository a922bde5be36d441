"""What the Python package makes of messy rows, beside the truth.

    python benches/messy.py --json now.json                 # what the installed package says
    python benches/messy.py --before earlier.json           # a table, with what an earlier one said

The truth is known because the histories are made so, or is numpy's. `docs/benchmarks.md` has the table.
"""

import argparse
import json
import pathlib
import time
import warnings

import numpy as np
import polars as pl

import slo

HOUR, DAY, MONDAY = 3_600, 86_400, 1_788_134_400  # 2026-08-31T00:00Z


def samples(step, total, bad, begin=MONDAY, rows=None):
    """Increments of steps; the label is the beginning where the package knows labels, as rows are grouped everywhere."""
    times = begin + step * np.arange(len(total))
    rows = slice(None) if rows is None else rows
    columns = {"time": times[rows], "total": np.asarray(total)[rows], "bad": np.asarray(bad)[rows]}
    try:
        return slo.Samples(**columns, label="start")
    except TypeError:
        return slo.Samples(**columns | {"time": columns["time"] + step})


def met(proposal, objective):
    columns = proposal.met.to_numpy()
    return float(dict(zip(columns["objective"], columns["met"]))[objective])


def weekdays():
    hours = np.arange(84 * 24)
    bad = np.where(hours // 24 % 7 == 1, 100, 0)
    found = [met(slo.suggest_objective(samples(HOUR, np.full(len(hours), 10_000), bad), period="1d"), "99.9%")]
    tuesday = np.where((hours // 24 + 1) % 7 == 1, 100, 0)
    history = samples(HOUR, np.full(len(hours), 10_000), tuesday, MONDAY + DAY)
    found.append(met(slo.suggest_objective(history, period="1d"), "99.9%"))
    return " and ".join(f"{one:.3f}" for one in found)


def nights():
    hours = np.arange(30 * 24)
    is_open = (hours % 24 >= 8) & (hours % 24 < 20)
    total = np.where(is_open, 1_000, 0)
    bad = np.where(is_open & (hours >= 15 * 24), 1, 0)
    seen = slo.ErrorBudget("99.9%", "30d").evaluate(samples(HOUR, total, bad, rows=is_open))
    return f"{seen.projected_budget_remaining:.3f}"


def monitoring():
    hours = np.arange(30 * 24)
    total, bad = np.full(len(hours), 1_000), np.where(hours % 20 == 0, 0, 1)
    seen = slo.ErrorBudget("99.9%").evaluate(samples(HOUR, total, bad, rows=np.r_[0:180, 540:720]))
    gate = slo.gate(seen, min_budget=0.1, window="1d")
    return f"{seen.projected_budget_remaining:.3f}, {'open' if gate else 'closed'}"


def odd_row():
    times = MONDAY + 300 * np.arange(288 * 30)
    times[4_000] -= 240
    columns = {"time": times, "total": np.full(len(times), 1_000), "bad": np.where(np.arange(len(times)) < 8_000, 3, 0)}
    seen = slo.ErrorBudget("99.9%").evaluate(slo.Samples(**columns))
    return f"budget left {seen.projected_budget_remaining:+.2f}, coverage {seen.coverage:.2f}"


def dates():
    return repr(slo.Samples(time=[20260701, 20260702, 20260703], total=[1] * 3, bad=[0] * 3))


def one_of_ten():
    total, bad = np.full(30 * 24, 1_000), np.zeros(30 * 24, int)
    total[-1], bad[-1] = 10, 1
    gate = slo.gate(slo.ErrorBudget("99.9%").evaluate(samples(HOUR, total, bad)))
    return getattr(gate, "verdict", "open" if gate else "closed")


def cold_start():
    random = np.random.default_rng(4)
    total = random.poisson(100, 40 * 288)
    bad = random.binomial(total, 0.0008)
    budget = slo.ErrorBudget("99.9%")

    def first_day(cut):
        history = samples(300, total[cut:], bad[cut:], MONDAY + 300 * cut)
        starts = budget.backtest(history).alerts.to_numpy()["start"]
        return int((starts < np.datetime64(history.start.replace(tzinfo=None)) + np.timedelta64(1, "D")).sum())

    return str(sum(first_day(cut) for cut in range(0, 288 * 8, 36)))


def repeats():
    random = np.random.default_rng(1)
    minutes = 40 * 1_440
    total, bad = np.full(minutes, 20), random.binomial(20, 0.0004, minutes)
    for start in (9_000, 25_000, 41_000):
        for burst in range(0, 1_200, 120):
            bad[start + burst : start + burst + 20] = random.binomial(20, 0.2, 20)
    first = slo.ErrorBudget("99.9%").search(samples(60, total, bad))[0]
    return f"{first.alerts} alerts"


def edits():
    total, bad = np.full(1_000, 100, "uint64"), np.zeros(1_000, "uint64")
    history = samples(60, total, bad)
    seen = slo.ErrorBudget("99%").evaluate(history)
    bad += np.uint64(200)
    return f"{slo.ErrorBudget('99%').evaluate(history).sli}, {seen.bad} bad, burn {seen.burn_rate('1h').to_numpy()['1h'][-1]:g}"


def fortnight():
    history = samples(300, np.full(20 * 288, 100), np.zeros(20 * 288, int))
    return f"{len(slo.ErrorBudget('99.9%', '14d').backtest(history).alerts)} alerts"


# What is asked, the truth, and what finds out.
CASES = [
    ("A. every Tuesday fails 1 %: days that meet 99.9 %, from a Monday and from a Tuesday on", "0.857 on either day", weekdays),
    ("B. nights without rows: budget left", "0.500", nights),
    ("B. 15 days without rows: budget left, gate at 10 %", "0.050, closed", monitoring),
    ("C. one row four minutes early, of an overspent month", "refused, row 4000 named", odd_row),
    ("D. dates as numbers, `[20260701, …]`", "refused", dates),
    ("E. one failure in ten requests after a perfect month: the gate", "inconclusive, does not block", one_of_ten),
    ("F. alerts on the first day of 64 histories", "few: a day of 40", cold_start),
    ("G. alerts of the best policy of a search, for three flapping incidents", "3 incidents", repeats),
    ("H. an array is edited after it was passed", "1.0, 0 bad", edits),
    ("I. a fortnight of five-minute rows and the usual alerts", "fits, and says so", fortnight),
]


def answer(case):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return case()
    except slo.SloError as error:
        return f"refused: {str(error).splitlines()[0]}"


def fleet():
    """Many services in one table and one call, and by a loop written by hand."""
    services, minutes = 100, 30 * 1_440
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "service": np.repeat([f"service-{number:03}" for number in range(services)], minutes),
            "time": np.tile(MONDAY + 60 * np.arange(minutes), services),
            "total": random.poisson(50, services * minutes) + 3,
            "bad": random.binomial(3, 0.01, services * minutes),
        }
    )
    start = time.perf_counter()
    table = slo.fleet(frame, objectives="99.9%")
    at_once = time.perf_counter() - start
    start = time.perf_counter()
    budget = slo.ErrorBudget("99.9%")
    left = [budget.evaluate(slo.Samples(one.drop("service"))).budget_remaining for one in frame.partition_by("service")]
    by_hand = time.perf_counter() - start
    assert np.allclose(np.asarray(table.to_polars()["budget_remaining"]), left)
    return services, at_once, by_hand


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the answers to this file")
    parser.add_argument("--before", help="answers of an earlier package, as --json writes them")
    asked = parser.parse_args()
    answers = {name: answer(case) for name, _, case in CASES}
    if asked.json:
        pathlib.Path(asked.json).write_text(json.dumps(answers, indent=1), encoding="utf-8")
    before = json.loads(pathlib.Path(asked.before).read_text(encoding="utf-8")) if asked.before else {}
    print("| | truth | before | now |\n|---|---|---|---|")
    for name, truth, _ in CASES:
        print(f"| {name} | {truth} | {before.get(name, '–')} | {answers[name]} |")
    if hasattr(slo, "fleet"):
        services, at_once, by_hand = fleet()
        print(f"\n{services} services of a month of minutes into one table: {at_once * 1e3:.0f} ms by `slo.fleet`, "
              f"{by_hand * 1e3:.0f} ms by a loop over their rows")


if __name__ == "__main__":
    main()
