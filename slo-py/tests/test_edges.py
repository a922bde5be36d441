"""Histories that are no whole period, alerts at the edges, and what is refused."""

import pickle

import numpy as np
import pytest
import slo

BUDGET = slo.ErrorBudget("99.9%", "30d")


def steady(days, bad=1, total=1_000, step=60):
    steps = days * 86_400 // step
    return slo.Samples(time=step * np.arange(1, steps + 1), total=np.full(steps, total), bad=np.full(steps, bad), label="end")


def test_a_part_of_a_period_has_spent_a_part_of_its_budget():
    # Three days at a burn rate of 1 are a tenth of the month's budget.
    seen = BUDGET.evaluate(steady(3))
    assert seen.budget_remaining == pytest.approx(0, abs=1e-12), "of the events seen"
    assert seen.projected_budget_remaining == pytest.approx(0.9)
    down = seen.burndown().to_numpy()
    assert (down["remaining"][-1], down["ideal"][-1]) == (pytest.approx(0.9), pytest.approx(0.9))
    assert seen.by("1d").to_numpy()["spent"] == pytest.approx([1 / 30] * 3)
    assert seen.time_to_exhaustion() == pytest.approx(27 * 86_400)


def test_more_than_a_period_is_priced_by_the_last():
    seen = BUDGET.evaluate(steady(90))
    assert seen.by("1d").to_numpy()["spent"] == pytest.approx([1 / 30] * 90)
    axes, _ = seen.plot.calendar().axes
    assert f"a day's even share is {100 / 30:.1f}" in axes.get_title(loc="left"), "however long the history is"


def test_a_silent_month_is_priced_by_the_history():
    minutes = 60 * 1_440
    total = np.where(np.arange(minutes) < minutes // 2, 1_000, 0)
    samples = slo.Samples(time=60 * np.arange(1, minutes + 1), total=total, bad=total // 1_000, label="end")
    incidents = BUDGET.backtest(samples, significant=0.5).incidents.to_numpy()
    assert all(incidents["excess"] < 1.01)


def outage(first, last, steps=3_000):
    bad = np.zeros(steps, dtype=np.uint64)
    bad[first:last] = 100
    return slo.Samples(time=60 * np.arange(1, steps + 1), total=np.full(steps, 100), bad=bad, label="end")


def test_an_alert_that_still_fires_has_no_end():
    backtest = BUDGET.backtest(outage(2_900, 3_000))
    ends = backtest.alerts.to_arrow().column("end").to_pylist()
    assert ends and set(ends) == {None}
    assert backtest.end.timestamp() == 3_000 * 60
    over = BUDGET.backtest(outage(100, 110)).alerts.to_arrow().column("end").to_pylist()
    assert over and None not in over
    backtest.plot.alerts()


def test_an_alert_that_is_seldom_evaluated_is_late_and_not_false():
    backtest = BUDGET.backtest(outage(1_001, 1_002), every="5m", significant=0.01)
    assert (backtest.pages, backtest.precision, backtest.recall) == (1, 1.0, 1.0)


def test_tiers_that_cannot_fire_are_left_out_with_a_warning():
    with pytest.warns(slo.SloWarning, match=r'the fast tier never fires.*firing_at\("90%", "0.5"\)'):
        backtest = slo.ErrorBudget("90%").backtest(outage(100, 400))
    assert "fast" not in set(backtest.alerts.to_numpy()["burn_tier"]) and backtest.pages == 1


@pytest.mark.parametrize(
    ("data", "kind", "row"),
    [
        ({"time": [60, 120, 300], "total": [5, 5, 1], "bad": [0, 0, 2]}, "increment", 2),
        ({"time": [0, 60], "total": [0, 1], "bad": [0, 2]}, "counter", 1),
        ({"time": [0, 60, 240], "total": [0, 9, 10], "bad": [0, 2, 9]}, "counter", 2),
    ],
)
def test_the_position_is_that_of_the_row(data, kind, row):
    with pytest.raises(slo.DataError) as error:
        slo.Samples(data, kind=kind, label="end")
    assert error.value.position == row


def test_what_was_found_is_pickled_too():
    samples = slo.Samples({"time": [0, 60, 240], "total": [9, 4, 10], "bad": [0, 0, 1]}, kind="counter")
    again = pickle.loads(pickle.dumps(samples))
    assert len(samples.check()) == 2
    assert again.check().to_polars().equals(samples.check().to_polars()) and repr(again) == repr(samples)


SPEC = """
version: slo/v1
service: a
newborn: ignore
target_labels: [pod]
{service}
slos:
  - name: b
    objective: 99.9%
    window: {window}
    sli: {{events: {{total: requests_total, bad: errors_total}}}}
    {slo}
  - name: c
    objective: 99%
    window: 30d
    sli: {{events: {{total: jobs_total, bad: failed_jobs_total}}}}
"""


def spec(service="", window="30d", slo_part=""):
    return slo.parse(SPEC.format(service=service, window=window, slo=slo_part))


def test_the_rules_of_one_slo_are_those_of_the_spec():
    exclude = 'exclude: [{from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z"}]'
    whole = spec(exclude)
    everything = whole.rules().to_yaml()
    for one in whole.values():
        groups = one.rules().to_yaml().split("\n", 2)[2]  # after a comment and the key
        assert groups in everything, one


def test_each_group_has_a_budget_of_its_own():
    grouped, single = spec(slo_part="by: [region, service]")["a/b"], spec()["a/b"]
    history = steady(4)
    group = {"region": "eu", "exported_service": "web"}
    assert grouped.evaluate(history, group=group).sli == single.evaluate(history).sli
    assert grouped.backtest(history, group=group).pages == single.backtest(history).pages
    for wrong in (None, {}, {"region": "eu"}, {**group, "zone": "a"}):
        for ask in (grouped.evaluate, grouped.backtest):
            with pytest.raises(slo.SloError, match="each group has a budget of its own"):
                ask(history, group=wrong)
    with pytest.raises(slo.SloError, match="has no groups"):
        single.evaluate(history, group=group)


def test_time_slices_are_judged_as_pandas_counts_them():
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(7)
    steps = 2 * 24 * 120
    total = random.poisson(3, steps) * (random.random(steps) > 0.3)
    bad = random.binomial(total, 0.02 + 0.3 * (np.arange(steps) // 120 == 20))
    frame = pandas.DataFrame(
        {"time": pandas.date_range("2026-11-01", periods=steps, freq="30s", tz="UTC"), "total": total, "bad": bad}
    )
    minutes = frame.set_index("time").resample("1min").sum()
    some = minutes[minutes.total > 0]
    failed = (10 * some.bad > some.total).sum()
    for idle, slices in (("ignore", len(some)), ("good", len(minutes)), ("bad", len(minutes))):
        one = spec(slo_part=f"slices: {{length: 1m, good: 90%, idle: {idle}}}")["a/b"]
        seen = one.evaluate(slo.Samples(frame))
        bad_slices = failed + (len(minutes) - len(some) if idle == "bad" else 0)
        assert (seen.total, seen.bad) == (slices, bad_slices), idle
    # Of what nobody saw, no slice is known.
    holes = one.evaluate(slo.Samples(frame.drop(frame.index[100:220])))
    assert holes.total == len(minutes) - 60
    shares = spec(slo_part="slices: {length: 1m, good: ratio, idle: ignore}")["a/b"]
    with pytest.raises(slo.SloError, match="shares"):
        shares.evaluate(slo.Samples(frame))


def test_a_search_has_no_more_rules_than_a_spec():
    with pytest.raises(slo.SloError, match="4 tiers at most"):
        BUDGET.search(steady(1), most_rules=5)
