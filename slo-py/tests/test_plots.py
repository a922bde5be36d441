"""Pictures, drawn by every library, and what is in them."""

import datetime
import json

import numpy as np
import pytest
import slo
import slo.plot
from test_history import month

BUDGET = slo.ErrorBudget("99.9%", "30d")
BACKENDS = ["matplotlib", "plotly", "altair"]


@pytest.fixture(scope="module")
def samples():
    time, total, bad = month()
    return slo.Samples(time=time, total=total, bad=bad, label="end")


def pictures(samples, backend):
    seen, backtest = BUDGET.evaluate(samples), BUDGET.backtest(samples)
    windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]
    policies = {"workbook": slo.AlertPolicy.workbook(), "fast": slo.AlertPolicy(slo.AlertPolicy.workbook().tiers[:1])}
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    arms = [slo.Samples(total=[9_000] * 60, bad=[bad] * 60, start=start, step="1m") for bad in (9, 90)]
    return {
        "burndown": seen.plot.burndown(backend=backend),
        "burn_rate": seen.plot.burn_rate(windows, thresholds=[14.4, 6], backtest=backtest, backend=backend),
        "calendar": seen.plot.calendar(backend=backend, tz="Europe/Berlin"),
        "alerts": backtest.plot.alerts(backend=backend),
        "trade_off": slo.plot.trade_off(BUDGET.search(samples), backend=backend),
        "sweep": slo.plot.trade_off(slo.sweep(samples, objectives=["99.9%"], policies=policies), backend=backend),
        "experiment": slo.plot.experiment(BUDGET.experiment(*arms), backend=backend),
    }


def test_matplotlib_draws_all_of_them(samples, tmp_path):
    for name, figure in pictures(samples, "matplotlib").items():
        path = tmp_path / f"{name}.png"
        figure.savefig(path)
        assert path.stat().st_size > 5_000, name


def test_plotly_draws_all_of_them(samples):
    for name, figure in pictures(samples, "plotly").items():
        document = json.loads(figure.to_json())
        assert document["data"] and document["layout"]["title"]["text"], name


def test_altair_draws_all_of_them(samples):
    for name, chart in pictures(samples, "altair").items():
        # Altair validates against Vega-Lite's schema, and refuses more than 5,000 rows.
        document = json.loads(chart.to_json())
        assert document["layer"], name


def test_every_curve_keeps_its_peak_and_every_window_is_drawn(samples):
    windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "12h"]
    seen = BUDGET.evaluate(samples)
    chart = seen.plot.burn_rate(windows, backend="chart")
    columns = seen.burn_rate(windows).to_numpy()
    assert [line.name for line in chart.lines] == windows and chart.lines[7].dashed
    assert sum(len(line.values) for line in chart.lines) < 5_000
    for line in chart.lines:
        assert np.nanmax(line.values) == np.nanmax(columns[line.name])


def test_curves_are_broken_where_nothing_happened():
    total = np.full(10_000, 100)
    total[4_000:6_000] = 0
    seen = BUDGET.evaluate(slo.Samples(time=60 * np.arange(1, 10_001), total=total, bad=np.zeros(10_000, int), label="end"))
    [line] = seen.plot.burn_rate("5m", backend="chart").lines
    [gap] = np.flatnonzero(np.isnan(line.values))
    before, after = line.times[[gap - 1, gap + 1]].astype("datetime64[s]").astype(int)
    assert before <= 60 * 4_005 and after >= 60 * 6_000


def test_nothing_is_drawn_as_nothing():
    empty = slo.Samples(time=[60, 120], total=[0, 0], bad=[0, 0], label="end")
    for backend in BACKENDS:
        seen = BUDGET.evaluate(empty)
        seen.plot.burn_rate(["1m"], thresholds=[14.4], backtest=BUDGET.backtest(empty), backend=backend)
        seen.plot.burndown(backend=backend)
        seen.plot.calendar(backend=backend)
        BUDGET.backtest(empty).plot.alerts(backend=backend)
        slo.plot.trade_off([], backend=backend)


def test_what_is_not_installed_says_how_to_install_it(samples, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(slo.SloError, match=r"pip install 'slo\[plot\]'"):
        BUDGET.evaluate(samples).plot.burndown()
    with pytest.raises(slo.SloError, match=r"pip install 'slo\[plotly\]'"):
        BUDGET.evaluate(samples).plot.burndown(backend="plotly")
    with pytest.raises(slo.SloError, match="unknown backend 'gnuplot'; write matplotlib"):
        BUDGET.evaluate(samples).plot.burndown(backend="gnuplot")
