"""Samples, evaluations and backtests, held against numpy and pandas."""

import datetime
import pickle
import subprocess
import sys
import textwrap
import xml.etree.ElementTree

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import slo
from hypothesis import given, settings
from hypothesis import strategies as st

MINUTE = 60


def month(days=30, seed=1):
    """A month of minutes with three incidents."""
    random = np.random.default_rng(seed)
    steps = days * 1440
    total = random.poisson(600, steps).astype(np.uint64)
    bad = random.binomial(total.astype(np.int64), 0.0002).astype(np.uint64)
    for start, length, share in [(1000, 10, 1.0), (20_000, 45, 0.05), (35_000, 600, 0.008)]:
        rows = slice(start, start + length)
        bad[rows] = np.maximum(bad[rows], (total[rows] * share).astype(np.uint64))
    return np.arange(1, steps + 1) * MINUTE, total, bad


@pytest.fixture(scope="module")
def columns():
    return month()


@pytest.fixture(scope="module")
def samples(columns):
    time, total, bad = columns
    return slo.Samples(time=time, total=total, bad=bad, label="end")


BUDGET = slo.ErrorBudget("99.9%", "30d")


def test_every_way_in_says_the_same(columns):
    time, total, bad = columns
    times = (time * 1_000).astype("datetime64[ms]")
    utc = pd.to_datetime(times, utc=True)
    ways = {
        "arrays": slo.Samples(time=time, total=total, bad=bad, label="end"),
        "times": slo.Samples(time=times, total=total, bad=bad, label="end"),
        "signed": slo.Samples(time=time, total=total.astype(np.int32), bad=bad.astype(float), label="end"),
        "mapping": slo.Samples({"time": time, "total": total, "bad": bad}, label="end"),
        "names": slo.Samples({"ts": time, "n": total, "e": bad}, time="ts", total="n", bad="e", label="end"),
        "polars": slo.Samples(pl.DataFrame({"time": times, "total": total, "bad": bad}), label="end"),
        "pyarrow": slo.Samples(pa.table({"time": times, "total": total, "bad": bad}), label="end"),
        "batch": slo.Samples(pa.RecordBatch.from_pydict({"time": times, "total": total, "bad": bad}), label="end"),
        "chunks": slo.Samples(
            pa.concat_tables(
                pa.table({"time": time[rows], "total": total[rows], "bad": bad[rows].astype(np.int16)})
                for rows in (slice(0, 100), slice(100, None))
            ), label="end"
        ),
        "pandas": slo.Samples({"time": utc.tz_localize(None), "total": pd.Series(total), "bad": pd.Series(bad)}, label="end"),
        "start": slo.Samples(
            total=total, bad=bad, start=datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), step="1m"
        ),
        "counters": slo.Samples(
            time=np.concatenate([[0], time]),
            total=np.concatenate([[7], 7 + np.cumsum(total)]),
            bad=np.concatenate([[0], np.cumsum(bad)]),
            kind="counter",
        ),
    }
    seen = {name: (len(way), way.start, way.step, way.total, way.bad) for name, way in ways.items()}
    wanted = (len(time), datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(minutes=1))
    assert set(seen.values()) == {(*wanted, int(total.sum()), int(bad.sum()))}, seen
    assert all(len(way.check()) == 0 for way in ways.values())


def test_gaps_have_no_events_and_are_told():
    samples = slo.Samples({"time": [60, 120, 300, 360], "total": [5, 5, 5, 5], "bad": [0, 0, 1, 0]}, label="end")
    assert (len(samples), samples.total, samples.bad) == (6, 20, 1)
    found = samples.check().to_numpy()
    assert list(found["kind"]) == ["gap"] and list(found["steps"]) == [2]
    assert found["start"][0] == np.datetime64("1970-01-01T00:02:00")
    assert found["end"][0] == np.datetime64("1970-01-01T00:04:00")


def test_counters_reset():
    samples = slo.Samples(
        {"time": [0, 60, 120, 180], "total": [90, 100, 4, 10], "bad": [3, 3, 0, 1]}, kind="counter"
    )
    assert (len(samples), samples.total, samples.bad) == (3, 10 + 4 + 6, 0 + 0 + 1)
    found = samples.check().to_numpy()
    assert list(found["kind"]) == ["reset"]


@pytest.mark.parametrize(
    ("data", "position", "message"),
    [
        ({"time": [60, 180, 120], "total": [1, 1, 1], "bad": [0, 0, 0]}, 2, "earlier than the one before"),
        ({"time": [60, 120, 120], "total": [1, 1, 1], "bad": [0, 0, 0]}, 2, "a duplicate"),
        ({"time": [60, 120, 181.5], "total": [1, 1, 1], "bad": [0, 0, 0]}, 2, "1s500ms late: 2 of 3 rows are in steps of 1m"),
        ({"time": [60, 120], "total": [1, -1], "bad": [0, 0]}, 1, "'total' at 1 is -1"),
        ({"time": [60, 120], "total": [1.0, float("nan")], "bad": [0, 0]}, 1, "'total' at 1 is NaN"),
        ({"time": [60, 120], "total": [1.0, 1.5], "bad": [0, 0]}, 1, "'total' at 1 is 1.5"),
        ({"time": [60, 120], "total": [1, 1], "bad": [0, 2]}, 1, "2 bad events are more than the total of 1"),
        ({"time": [60, 120], "total": [1, 1, 1], "bad": [0, 0, 0]}, 2, "'time' has 2 rows, 'total' 3"),
        ({"time": [60, 120], "total": [1, 1, 1], "bad": [0, 0]}, 2, "'total' has 3 rows, 'bad' 2"),
        ({"time": [60, float("nan")], "total": [1, 1], "bad": [0, 0]}, 1, "'time' at 1 is NaN"),
        ({"time": [1.76e12, 1.76e12 + 60_000], "total": [1, 1], "bad": [0, 0]}, 0, "are these milliseconds"),
        ({"time": ["a", "b"], "total": [1, 1], "bad": [0, 0]}, 0, "not a type of times"),
        ({"time": [60, 120], "total": ["a", "b"], "bad": [0, 0]}, 0, "cannot hold counts"),
        ({"time": [60], "total": [1], "bad": [0]}, None, "one row does not define a step"),
    ],
)
def test_refuses_with_the_position(data, position, message):
    with pytest.raises(slo.DataError, match=message) as error:
        slo.Samples(data, label="end")
    assert error.value.position == position


def test_refuses_nulls_in_arrow():
    table = pa.table({"time": [60, 120], "total": [1, None], "bad": [0, 0]})
    with pytest.raises(slo.DataError, match="'total' at 1 is null") as error:
        slo.Samples(table, label="end")
    assert error.value.position == 1


def test_evaluates_the_last_period(columns, samples):
    _, total, bad = columns
    seen = BUDGET.evaluate(samples)
    assert (seen.total, seen.bad, seen.coverage) == (int(total.sum()), int(bad.sum()), 1.0)
    assert seen.sli == 1 - bad.sum() / total.sum()
    assert seen.budget_remaining == pytest.approx(1 - bad.sum() / total.sum() / 0.001, rel=1e-12)
    assert seen.met == (seen.budget_remaining >= 0)
    week = slo.ErrorBudget("99.9%", "7d").evaluate(samples)
    assert (week.total, week.bad) == (int(total[-7 * 1440 :].sum()), int(bad[-7 * 1440 :].sum()))


@pytest.mark.parametrize("window", ["5m", "1h", "6h", "3d"])
def test_burn_rates_are_those_of_numpy_and_pandas(columns, samples, window):
    _, total, bad = columns
    steps = int(pd.Timedelta(window.replace("d", "D")) / pd.Timedelta("1m"))
    ours = BUDGET.evaluate(samples).burn_rate(window).to_numpy()[window]
    sums = [np.concatenate([[0], np.cumsum(column)]).astype(float) for column in (bad, total)]
    begin = np.maximum(np.arange(1, len(total) + 1) - steps, 0)
    by_numpy = (sums[0][1:] - sums[0][begin]) / (sums[1][1:] - sums[1][begin]) / 0.001
    np.testing.assert_allclose(ours, by_numpy, rtol=1e-12)
    frame = pd.DataFrame({"bad": bad.astype(float), "total": total.astype(float)})
    rolled = frame.rolling(steps, min_periods=1).sum()
    np.testing.assert_allclose(ours, rolled.bad / rolled.total / 0.001, rtol=1e-9)


def test_windows_without_events_have_no_burn_rate():
    samples = slo.Samples({"time": [60, 120, 240], "total": [1, 0, 1], "bad": [1, 0, 0]}, label="end")
    rates = slo.ErrorBudget("99%", "4m").evaluate(samples).burn_rate(["1m", "2m"])
    assert rates.to_arrow().column("1m").to_pylist() == [pytest.approx(100), None, None, 0]
    assert rates.to_polars()["2m"].to_list() == [pytest.approx(100), pytest.approx(100), None, 0]
    assert np.isnan(rates.to_numpy()["1m"][1])


def test_days_add_up(columns, samples):
    _, total, bad = columns
    days = BUDGET.evaluate(samples).by("1d").to_pandas()
    assert list(days.total) == list(total.reshape(-1, 1440).sum(axis=1))
    assert days.spent.sum() == pytest.approx(bad.sum() / (total.sum() * 0.001))
    assert str(days.start.dt.tz) == "UTC" and days.start[1] - days.start[0] == pd.Timedelta("1D")


def test_the_budget_burns_down(columns, samples):
    seen = BUDGET.evaluate(samples)
    down = seen.burndown().to_numpy()
    assert down["remaining"][-1] == pytest.approx(seen.budget_remaining)
    assert down["ideal"][-1] == pytest.approx(0, abs=1e-12) and len(down["ideal"]) == 43_200
    assert (np.diff(down["remaining"]) <= 1e-15).all()


@pytest.mark.parametrize("warm_up", [True, False])
def test_alerts_are_those_of_numpy(columns, samples, warm_up):
    _, total, bad = columns
    fired = BUDGET.backtest(samples, warm_up=warm_up).alerts.to_pandas()
    sums = [np.concatenate([[0], np.cumsum(column)]).astype(np.int64) for column in (bad, total)]
    ends = np.arange(1, len(total) + 1)

    def above(steps, factor):
        begin = np.maximum(ends - steps, 0)
        window_bad, window_total = (column[ends] - column[begin] for column in sums)
        # Exactly: bad / total > factor / 1000, in whole numbers.
        return window_bad * 10_000 > window_total * int(factor * 10)

    for tier, long, short, factor in [
        ("fast", 60, 5, 14.4),
        ("medium", 360, 30, 6),
        ("slow", 1440, 120, 3),
        ("trickle", 4320, 360, 1),
    ]:
        is_full = ends >= (long if warm_up else 0)
        fires = np.concatenate([[False], above(long, factor) & above(short, factor) & is_full, [False]])
        edges = np.flatnonzero(np.diff(fires.astype(int)))
        starts = (edges[::2] + 1) * MINUTE
        ours = fired[fired.burn_tier == tier].start.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
        assert list(ours.astype(int)) == list(starts), tier


def test_a_backtest_finds_incidents_and_what_paged(samples):
    backtest = BUDGET.backtest(samples)
    incidents = backtest.incidents.to_pandas()
    assert len(incidents) == 3
    assert (backtest.precision, backtest.recall) == (1.0, 1.0) and backtest.pages >= 3
    assert incidents.detected_after.min() <= MINUTE
    assert 0 < backtest.detection_seconds(0.5) < 3600
    assert "3 incidents" in repr(backtest)


def test_proposes_what_the_history_supports(samples):
    week = slo.suggest_objective(samples, period="1d")
    assert week.independent_periods == pytest.approx(30)
    met = week.met.to_pandas()
    assert list(met.met) == sorted(met.met, reverse=True)
    assert week.objective is not None
    month = slo.suggest_objective(samples)
    assert month.objective is None and month.periods_needed == pytest.approx(20)


def test_tables_are_shown():
    samples = slo.Samples({"time": range(60, 60 * 30, 60), "total": [1] * 29, "bad": [0] * 29}, label="end")
    table = slo.ErrorBudget("99%", "10m").evaluate(samples).burn_rate("5m")
    assert (table.columns, len(table)) == (["time", "5m"], 29)
    html = table._repr_html_()
    assert "<th>5m</th>" in html and "9 more rows" in html and html.count("<tr>") == 21


COUNTS = st.integers(0, 10**6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(COUNTS, st.floats(0, 1)), min_size=2, max_size=300), st.integers(1, 400))
def test_any_window_of_any_history_is_a_sum(rows, steps):
    total = np.array([count for count, _ in rows], dtype=np.uint64)
    bad = np.array([int(count * share) for count, share in rows], dtype=np.uint64)
    samples = slo.Samples(total=total, bad=bad, start=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), step="1m")
    budget = slo.ErrorBudget("99.9%", datetime.timedelta(minutes=steps))
    seen = budget.evaluate(samples)
    assert (seen.total, seen.bad) == (int(total[-steps:].sum()), int(bad[-steps:].sum()))
    window = f"{steps}m" if steps % 60 else f"{steps // 60}h"
    rate = seen.burn_rate(datetime.timedelta(minutes=steps)).to_numpy()
    last = next(value for name, value in rate.items() if name != "time")[-1]
    expected = seen.bad / seen.total * 1000 if seen.total else None
    assert (last == pytest.approx(expected, rel=1e-12)) if expected is not None else np.isnan(last), window


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.floats(), st.integers(-(2**63), 2**63 - 1)), min_size=2, max_size=20))
def test_bad_numbers_never_crash(values):
    times = [60 * (index + 1) for index in range(len(values))]
    try:
        samples = slo.Samples({"time": times, "total": values, "bad": [0] * len(values)}, label="end")
    except (slo.DataError, OverflowError) as error:
        assert getattr(error, "position", 0) >= 0
    else:
        assert samples.total == sum(int(value) for value in values)


def test_importing_loads_nothing_heavy():
    check = "import slo, sys; print([name for name in ('numpy', 'pandas', 'polars', 'pyarrow') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout == "[]\n"


def test_pickles_come_back(columns, samples):
    again = pickle.loads(pickle.dumps(samples))
    assert (again.start, again.step, again.total, again.bad) == (samples.start, samples.step, samples.total, samples.bad)
    ours, theirs = (BUDGET.evaluate(one).by("1h").to_polars() for one in (samples, again))
    assert ours.equals(theirs)


def test_an_evaluation_is_shown_without_any_library(samples):
    html = BUDGET.evaluate(samples)._repr_html_()
    picture = xml.etree.ElementTree.fromstring(html[html.index("<svg") :])
    assert picture.tag.endswith("svg") and "of the budget left" in html
    line = picture.find(".//{http://www.w3.org/2000/svg}polyline").get("points").split()
    assert 100 < len(line) <= 600
    assert "NaN" not in html


def test_pictures_are_drawn(samples, tmp_path):
    evaluation, backtest = BUDGET.evaluate(samples), BUDGET.backtest(samples)
    figures = {
        "burndown": evaluation.plot.burndown(),
        "burn_rate": evaluation.plot.burn_rate(["1h", "6h"], thresholds=[14.4, 6], backtest=backtest),
        "calendar": evaluation.plot.calendar(),
        "alerts": backtest.plot.alerts(),
    }
    for name, figure in figures.items():
        path = tmp_path / f"{name}.png"
        figure.savefig(path)
        assert path.stat().st_size > 5_000, name
    [axes] = figures["burn_rate"].axes
    curve = axes.lines[0]
    # Thinned, and the peak is there.
    assert len(curve.get_xdata()) <= 2_000
    assert curve.get_ydata().max() == np.nanmax(evaluation.burn_rate("1h").to_numpy()["1h"])


def test_finds_policies_that_the_history_speaks_for(samples):
    front = BUDGET.search(samples, least_recall=1.0)
    assert front and all(one.recall == 1.0 for one in front)
    # Nothing on the front is beaten by another.
    costs = [(one.false_alerts, one.spent) for one in front]
    assert costs == sorted(costs) and [spent for _, spent in costs] == sorted((s for _, s in costs), reverse=True)
    best = front[0]
    assert len(best.rules) <= 2 and all(long > short for long, short, _ in best.rules)
    text = f"""
version: slo/v1
service: checkout
slos:
  - name: availability
    objective: 99.9%
    window: 30d
    sli: {{events: {{total: requests_total, bad: errors_total}}}}
{textwrap.indent(best.to_yaml(), "    ")}"""
    adopted = slo.parse(text)["checkout/availability"]
    assert {(tier.long, tier.short, float(tier.factor)) for tier in adopted.tiers} == set(best.rules)
    # The same replay gives the same alerts.
    backtest = adopted.backtest(samples)
    assert (backtest.pages, backtest.recall) == (best.alerts, 1.0)
