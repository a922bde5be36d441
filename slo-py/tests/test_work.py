"""Policies, sweeps, comparisons, forecasts, gates and experiments."""

import datetime
import json
import pathlib
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import slo
from slo import stats
from test_history import month

UTC = datetime.UTC
BUDGET = slo.ErrorBudget("99.9%", "30d")
SPEC = {
    "version": "slo/v1",
    "service": "shop",
    "slos": [
        {
            "name": "orders",
            "objective": "99.9%",
            "window": "30d",
            "sli": {"events": {"total": "orders_total", "bad": "failed_orders_total"}},
        }
    ],
}


@pytest.fixture(scope="module")
def samples():
    time, total, bad = month()
    return slo.Samples(time=time, total=total, bad=bad, label="end")


def spec(window="30d", **service):
    return slo.parse({**SPEC, **service, "slos": [{**SPEC["slos"][0], "window": window}]})


def test_specs_are_dicts_too():
    orders = spec()["shop/orders"]
    assert orders.objective == slo.Objective("99.9%") and orders == slo.parse(orders.to_yaml())["shop/orders"]
    moment = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    excluded = [{"from": moment, "to": moment + datetime.timedelta(hours=2)}]
    assert "exclude" in slo.parse({**SPEC, "exclude": excluded}).to_yaml()
    with pytest.raises(TypeError, match="cannot hold a value of type set"):
        slo.parse({"version": {1}})
    with pytest.raises(slo.SpecError, match="objectve"):
        slo.parse({**SPEC, "slos": [{"objectve": 1}]})


def test_calendar_months_begin_on_the_first():
    orders = spec({"calendar": "month", "time_zone": "Europe/Berlin"})["shop/orders"]
    # 20 February to 10 March 2026, in hours.
    time = pd.date_range("2026-02-20T01:00", "2026-03-11T00:00", freq="h", tz="UTC")
    march = np.asarray(time > pd.Timestamp("2026-03-01", tz="Europe/Berlin"))
    bad = np.where(march, 2, 50)
    seen = orders.evaluate(slo.Samples(time=time, total=np.full(len(time), 1_000), bad=bad, label="end"))
    assert (seen.total, seen.bad) == (march.sum() * 1_000, march.sum() * 2)
    # March has a day of 23 hours there.
    assert seen.period == datetime.timedelta(days=31, hours=-1) and seen.coverage == march.sum() / (31 * 24 - 1)
    assert seen.projected_budget_remaining == pytest.approx(1 - 2 * seen.coverage)
    assert len(seen.burndown()) == march.sum()
    with pytest.raises(slo.SloError, match="starts anew"):
        seen.forecast()


def test_excluded_times_do_not_count(samples):
    night = {"from": "1970-01-01T16:39:00Z", "to": "1970-01-01T16:51:00Z", "reason": "moving house"}
    orders, plain = spec(exclude=[night])["shop/orders"], spec()["shop/orders"]
    _, total, bad = month()
    # Minutes 1,000 to 1,010, and two around them.
    counts = np.ones(len(total), bool)
    counts[999:1011] = False
    seen = orders.evaluate(samples)
    assert (seen.total, seen.bad) == (total[counts].sum(), bad[counts].sum())
    assert orders.backtest(samples).pages == plain.backtest(samples).pages - 1


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_stretches_are_those_of_pandas(unit, zone):
    time = pd.date_range("2026-02-20T05:00", periods=24 * 60, freq="h", tz="UTC")
    random = np.random.default_rng(3)
    total = random.integers(0, 100, len(time))
    seen = BUDGET.evaluate(slo.Samples(time=time, total=total, bad=total // 50, label="end"))
    ours = seen.by(unit, tz=zone).to_pandas()
    begins = (time - pd.Timedelta("1h")).tz_convert(zone)
    key = {"day": begins.normalize(), "week": begins.normalize() - pd.to_timedelta(begins.day_of_week, "D"), "month": begins.strftime("%Y%m")}
    by_pandas = pd.DataFrame({"total": total, "bad": total // 50}).groupby(np.asarray(key[unit].astype(str))).sum()
    assert list(ours.total) == list(by_pandas.total) and list(ours.bad) == list(by_pandas.bad)
    assert (ours.end[:-1].to_numpy() == ours.start[1:].to_numpy()).all()


def test_equal_stretches_are_of_the_clock():
    time = pd.date_range("2026-02-20T22:00", periods=48, freq="h", tz="UTC")
    seen = BUDGET.evaluate(slo.Samples(time=time, total=np.ones(48, int), bad=np.zeros(48, int), label="end"))
    days = seen.by("1d").to_pandas()
    assert list(days.total) == [3, 24, 21] and str(days.start[1]) == "2026-02-21 00:00:00+00:00"
    weeks = seen.by("7d").to_pandas()
    assert weeks.start[1].dayofweek == 0 if len(weeks) > 1 else weeks.total.sum() == 48
    with pytest.raises(slo.SloError, match="not a whole number of steps"):
        seen.by("90m")
    with pytest.raises(slo.SloError, match='hint: write "day"'):
        seen.by("1d", tz="Europe/Berlin")
    with pytest.raises(slo.SloError, match="not a time zone"):
        seen.by("day", tz="Europe/Nowhere")


def test_columns_have_the_names_that_were_written(samples):
    seen = BUDGET.evaluate(samples)
    assert seen.burn_rate(["24h", datetime.timedelta(hours=6)]).columns == ["time", "24h", "6h"]
    for windows, what in [([], "no windows"), (["1h", "1h"], "given twice"), ("", "empty|not a")]:
        with pytest.raises(slo.SloError, match=what):
            seen.burn_rate(windows)
    for windows in [5, [5]]:
        with pytest.raises(TypeError):
            seen.burn_rate(windows)
    one, two = (seen.burn_rate(["5m", "1h", "6h"], threads=threads).to_arrow() for threads in (1, 3))
    assert one.equals(two)
    with pytest.raises(slo.SloError, match="0 threads"):
        seen.burn_rate("1h", threads=0)


def test_a_policy_of_ones_own(samples):
    tiers = [
        slo.Tier("fast", "page", factor="10", long="1h", short="5m", fewest_bad=3),
        slo.Tier("slow", "ticket", factor=Fraction(3, 2), long="1d", short="2h"),
    ]
    policy = slo.AlertPolicy(tiers)
    assert policy.tiers == tiers and len(policy) == 2 and "with 3 or more bad events" in repr(policy)
    backtest = BUDGET.backtest(samples, policy)
    assert set(backtest.alerts.to_numpy()["burn_tier"]) <= {"fast", "slow"} and backtest.policy == policy
    assert backtest.tickets >= 1
    with pytest.raises(slo.SloError, match="fastest first"):
        slo.AlertPolicy(tiers[::-1])
    with pytest.raises(slo.SloError, match="not a burn tier"):
        slo.Tier("quick", "page", factor=1, long="1h", short="5m")
    with pytest.raises(slo.SloError, match="no threshold"):
        tiers[0].threshold
    with pytest.raises(slo.SloError, match="custom minimum of bad events"):
        policy.to_yaml()


def test_the_workbook_follows_the_period_and_warns():
    week = slo.AlertPolicy.workbook("7d")
    assert [tier.factor for tier in week.tiers] == [Fraction(72, 5), 6, 3, 1]
    assert week.tiers[0].long == datetime.timedelta(minutes=14)
    assert slo.AlertPolicy.workbook(spec()["shop/orders"]) == spec()["shop/orders"].policy
    with pytest.warns(slo.SloWarning, match="never fires"):
        low = slo.AlertPolicy.workbook(slo.ErrorBudget("90%"))
    assert all(tier.factor <= 5 for tier in low.firing_at("90%", "0.5").tiers)
    assert [tier.fewest_bad for tier in low.guarded().tiers] == [4, 6, 12, 0]
    text = {**SPEC, "slos": [{**SPEC["slos"][0]}]}
    import yaml

    text["slos"][0] |= yaml.safe_load(week.guarded().to_yaml())
    text["slos"][0]["window"] = "7d"
    assert slo.parse(text)["shop/orders"].policy == week.guarded()


def test_given_incidents_are_what_alerts_are_held_against(samples):
    at = lambda minute: datetime.datetime.fromtimestamp(60 * minute, UTC)  # noqa: E731
    known = [(at(1_000), at(1_010)), (at(30_000), at(30_060))]
    backtest = BUDGET.backtest(samples, incidents=known)
    found = backtest.incidents.to_pandas()
    assert list(found.bad) == [int(month()[2][start:end].sum()) for start, end in [(1_000, 1_010), (30_000, 30_060)]]
    assert backtest.recall == 0.5 and found.detected_after.isna().tolist() == [False, True]
    # The other pages are about nothing that is known.
    assert backtest.false_pages == backtest.pages - 1
    as_table = BUDGET.backtest(samples, incidents=pd.DataFrame(known, columns=["start", "end"]))
    assert as_table.incidents.to_polars().equals(backtest.incidents.to_polars())
    with pytest.warns(slo.SloWarning, match="1 of the incidents given lie outside"):
        BUDGET.backtest(samples, incidents=[*known, (at(10**6), at(10**6 + 5))]).recall
    with pytest.raises(slo.DataError, match="row 0 does not end after it starts"):
        BUDGET.backtest(samples, incidents=[(at(5), at(1))])
    with pytest.raises(TypeError, match="a datetime with a time zone, not str"):
        BUDGET.backtest(samples, incidents=[("2026-01-01", "2026-01-02")])
    with pytest.raises(slo.SloError, match="write a share of one"):
        BUDGET.backtest(samples, significant=float("nan"))
    with pytest.raises(slo.DataError, match="row 0 is not a pair"):
        BUDGET.backtest(samples, incidents=[at(5)])
    own = BUDGET.backtest(samples)
    assert BUDGET.backtest(samples, incidents=own.incidents).recall == own.recall


def test_a_sweep_is_its_backtests(samples):
    policies = {"workbook": slo.AlertPolicy.workbook(), "fast only": slo.AlertPolicy(slo.AlertPolicy.workbook().tiers[:1])}
    table = slo.sweep(samples, objectives=["99.5%", "99.9%"], policies=policies, significant=0.01).to_pandas()
    assert len(table) == 4
    for row in table.itertuples():
        backtest = slo.ErrorBudget(row.objective).backtest(samples, policies[row.policy], significant=0.01)
        assert (row.pages, row.false_pages, row.tickets) == (backtest.pages, backtest.false_pages, backtest.tickets)
        assert row.recall == pytest.approx(backtest.recall, nan_ok=True)
        assert row.detected_p50 == pytest.approx(backtest.detection_seconds(0.5) or np.nan, nan_ok=True)
    for _, rows in table.groupby("objective"):
        for row in rows.itertuples():
            better = (rows.pages <= row.pages) & (rows.spent <= row.spent)
            better &= (rows.pages < row.pages) | (rows.spent < row.spent)
            assert row.beaten_by == better.sum()
        assert (rows.beaten_by == 0).any()
    with pytest.raises(TypeError):
        slo.sweep(samples, objectives=["99%"], policies={"none": 5})
    with pytest.raises(slo.SloError, match="no objectives"):
        slo.sweep(samples, objectives=[], policies=policies)


def test_a_stream_of_incidents_is_for_every_policy(samples):
    at = lambda minute: datetime.datetime.fromtimestamp(60 * minute, UTC)  # noqa: E731
    known = pa.table({"start": [at(1_000)], "end": [at(1_010)]})
    stream = pa.RecordBatchReader.from_batches(known.schema, known.to_batches())
    policies = {"usual": slo.AlertPolicy.workbook(), "guarded": slo.AlertPolicy.workbook().guarded()}
    table = slo.sweep(samples, objectives=["99.5%", "99.9%"], policies=policies, incidents=stream).to_numpy()
    assert list(table["incidents"]) == [1] * 4 and list(table["recall"]) == [1.0] * 4
    assert BUDGET.search(samples, incidents=[(at(1_000), at(1_010))], least_recall=1.0)[0].recall == 1.0


def test_a_policy_of_another_period_is_told(samples):
    with pytest.warns(slo.SloWarning, match="for a period of 7d, but the budget has 30d"):
        BUDGET.backtest(samples, slo.AlertPolicy.workbook("7d"))


def test_what_is_not_known_is_not_covered():
    rows = {"time": [60, 60 * 43_200], "total": [1_000, 1_000], "bad": [0, 0]}
    seen = BUDGET.evaluate(slo.Samples(rows, step="1m", label="end"))
    assert seen.coverage == pytest.approx(2 / 43_200) and not slo.gate(seen, min_coverage=0.9)
    # What is excluded is not expected to have events, and not missed.
    night = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-06T00:00:00Z"}
    orders = spec(exclude=[night])["shop/orders"]
    half = slo.Samples(time=3_600 * np.arange(1, 361), total=np.full(360, 1_000), bad=np.full(360, 1), label="end")
    seen = orders.evaluate(half)
    assert (seen.total, seen.coverage) == (240_000, pytest.approx(240 / 600))
    assert seen.projected_budget_remaining == pytest.approx(1 - 240 / 600)
    assert "excluded" in list(half.check().to_numpy()["kind"]) or len(half.check()) == 0


def test_a_gate_wants_to_see_now():
    assert slo.gate(evaluated([0] * 720 + [0])).is_open
    silent = slo.Samples(time=3_600 * np.arange(1, 721), total=[1_000] * 700 + [0] * 20, bad=[0] * 720, label="end")
    gate = slo.gate(BUDGET.evaluate(silent))
    assert gate and (gate.verdict, gate.reasons, gate.doubts) == ("inconclusive", [], ["there were no recent events"])
    # Steps of a day have no last hour.
    days = slo.Samples(time=86_400 * np.arange(1, 31), total=[1_000] * 30, bad=[0] * 30, label="end")
    assert slo.gate(BUDGET.evaluate(days)).is_open and BUDGET.evaluate(days).time_to_exhaustion() is None


def test_shares_are_shares():
    hours = evaluated([0] * (24 * 60))
    for p in (95, -1, float("nan")):
        with pytest.raises(slo.SloError, match="is not a share of one; write 0.05"):
            hours.forecast().quantile(p)


def evaluated(bad, step="1h", budget=BUDGET):
    bad = np.asarray(bad)
    start = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    return budget.evaluate(slo.Samples(total=np.full(len(bad), 1_000), bad=bad, start=start, step=step))


def test_months_are_compared_by_their_incidents():
    random = np.random.default_rng(7)

    def one(incidents):
        bad = np.zeros(720, int)
        for hour in random.choice(716, incidents, replace=False):
            bad[hour : hour + 3] = 200
        return bad

    quiet, loud = one(2), one(20)
    change = evaluated(loud).compare(evaluated(quiet))
    assert change.verdict == "worse" and change.probability_worse > 0.99
    assert change.difference == pytest.approx((loud.sum() - quiet.sum()) / 720_000)
    assert change.burn_rates == (pytest.approx(quiet.sum() / 720), pytest.approx(loud.sum() / 720))
    assert evaluated(quiet).compare(evaluated(loud)).verdict == "better"
    # One more of two incidents shows nothing; independent events would.
    change = evaluated(one(3)).compare(evaluated(one(2)))
    low, high = change.interval
    assert low < 0 < high and change.verdict == "no difference shown"
    assert stats.newcombe((720_000, 1_200), (720_000, 1_800))[0] > 0
    # A single event decides nothing.
    assert evaluated([1]).compare(evaluated([0])).verdict == "no difference shown"
    with pytest.raises(slo.SloError, match="the objectives differ"):
        evaluated(quiet).compare(slo.ErrorBudget("99%").evaluate(slo.Samples({"time": [1, 2], "total": [1, 1], "bad": [0, 0]}, label="end")))
    with pytest.raises(slo.SloError, match="of the same step first"):
        evaluated(quiet).compare(evaluated([0] * 5, "30m"))


def test_the_interval_is_that_of_scipy():
    scipy_stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(11)
    parts = []
    for _ in range(2):
        bad = np.minimum(random.poisson(0.2, 2_000) + 90 * (random.random(2_000) < 0.01), 1_000)
        # Blocks of six hours; all steps have as many events.
        blocks = np.add.reduceat(bad, np.arange(0, 2_000, 6))
        sizes = np.add.reduceat(np.full(2_000, 1_000), np.arange(0, 2_000, 6))
        deviation = blocks - bad.mean() / 1_000 * sizes
        variance = len(blocks) / (len(blocks) - 1) * (deviation**2).sum() / 2e6**2
        parts.append((bad, variance, (deviation**2).sum() ** 2 / (deviation**4).sum()))
    (before, v1, df1), (after, v2, df2) = parts
    freedom = (v1 + v2) ** 2 / (v1**2 / df1 + v2**2 / df2)
    difference = (after.mean() - before.mean()) / 1_000
    expected = scipy_stats.t.interval(0.95, freedom, difference, np.sqrt(v1 + v2))
    change = evaluated(after).compare(evaluated(before))
    assert change.interval == pytest.approx(expected, rel=1e-9)
    assert change.probability_worse == pytest.approx(scipy_stats.t.sf(-difference / np.sqrt(v1 + v2), freedom), rel=1e-9)


def test_forecasts_have_intervals():
    hours = 24 * 60
    bad = np.where(np.arange(hours) % 240 == 5, 120, 0)
    bad[24 * 55] = 250
    seen = evaluated(bad)
    forecast = seen.forecast(horizon="14d", block="12h", seed=7)
    assert 0.2 < forecast.probability < 0.7 and forecast.horizon == datetime.timedelta(days=14)
    assert forecast.quantile(0.05) < forecast.quantile(0.15) and forecast.quantile(0.95) is None
    assert forecast.expected_events == 14 * 24 * 1_000
    assert evaluated([0] * hours).forecast().probability == 0
    with pytest.raises(slo.SloError, match="shorter than the period"):
        evaluated([0] * 24).forecast()


def test_the_gate_closes_for_a_reason():
    quiet = evaluated([0] * 720)
    assert slo.gate(quiet) and slo.gate(quiet).reasons == []
    spent = slo.gate(evaluated([2] * 720), max_burn_rate=3)
    assert not spent and spent.reasons == ["-100.0 % of the period's budget is left (projected), and more than 0.0 % is required"]
    burning = slo.gate(evaluated([0] * 719 + [50]))
    assert [reason.split(" with")[0] for reason in burning.reasons] == ["the burn rate is above 1"]
    # A single failure is no reason.
    assert slo.gate(evaluated([0] * 719 + [1])).is_open
    # A new service has been seen since it began.
    assert slo.gate(evaluated([0] * 24), min_coverage=0.5)
    assert not slo.gate(quiet, min_budget=1.0)
    assert "No changes" in burning._repr_html_() and "closed" in repr(burning)


def arm(total, bad, steps=60, start=0):
    begin = datetime.datetime(2026, 1, 1, 0, start, tzinfo=UTC)
    return slo.Samples(total=np.full(steps, total), bad=np.full(steps, bad), start=begin, step="1m")


def test_experiments_are_looked_at_all_the_time():
    experiment = BUDGET.experiment(arm(9_000, 9), arm(1_000, 11))
    looks = experiment.looks.to_pandas()
    first = looks[looks.verdict != "inconclusive"].iloc[0]
    assert experiment.verdict == "degraded" == first.verdict and experiment.decided_at == first.time.to_pydatetime()
    assert experiment.interval == (first.low, first.high) and experiment.margin == pytest.approx(0.001)
    n = first.name + 1
    one, two = (stats.confidence_sequence(total=t * n, bad=b * n, confidence=0.975) for t, b in [(9_000, 9), (1_000, 11)])
    assert experiment.interval == pytest.approx((two[0] - one[1], two[1] - one[0]))
    same = BUDGET.experiment(arm(90_000, 90), arm(50_000, 50))
    assert same.verdict == "not degraded" and same.events_needed is None
    early = BUDGET.experiment(arm(900, 1, 3), arm(100, 1, 3))
    assert early.verdict == "inconclusive" and early.decided_at is None and early.events_needed > 0
    with pytest.raises(slo.SloError, match="same start and step"):
        BUDGET.experiment(arm(1, 0), arm(1, 0, start=5))
    with pytest.raises(slo.SloError, match="control has 60 steps, treatment 5"):
        BUDGET.experiment(arm(1, 0), arm(1, 0, 5))
    with pytest.raises(slo.SloError, match="write 1 or more"):
        BUDGET.experiment(arm(1, 0), arm(1, 0), tolerated_burn_rate="0.5")
    nothing = BUDGET.experiment(arm(0, 0), arm(0, 0))
    assert (nothing.verdict, nothing.interval) == ("inconclusive", None) and "no events" in repr(nothing)


def test_everything_that_is_kept_can_be_pickled(samples):
    orders = spec()["shop/orders"]
    month_of = spec({"calendar": "month", "time_zone": "Europe/Berlin"})["shop/orders"]
    for value in [orders, month_of, orders.policy, orders.tiers[0], slo.AlertPolicy.workbook("7d").guarded()]:
        assert pickle.loads(pickle.dumps(value)) == value
    siblings = slo.load(pathlib.Path(__file__).parents[2] / "examples" / "three-services" / "slo.yaml")
    for one in siblings.values():
        assert pickle.loads(pickle.dumps(one)) == one
    table = orders.backtest(samples).incidents
    assert pickle.loads(pickle.dumps(table)).to_polars().equals(table.to_polars())
    with pytest.raises(slo.SpecError) as caught:
        slo.parse("version: slo/v1")
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    assert pickle.loads(pickle.dumps(caught.value.faults)) == caught.value.faults
    whole = pickle.loads(pickle.dumps(spec()))
    assert whole.keys() == ["shop/orders"] and whole["shop/orders"] == orders
    seen = month_of.evaluate(samples)
    again = pickle.loads(pickle.dumps(seen))
    assert repr(again) == repr(seen) and again.burndown().to_polars().equals(seen.burndown().to_polars())
    backtest = orders.backtest(samples, every="5m", significant=0.01)
    again = pickle.loads(pickle.dumps(backtest))
    assert repr(again) == repr(backtest) and again.alerts.to_polars().equals(backtest.alerts.to_polars())


def test_everything_shows_itself_in_a_notebook(samples):
    orders = spec()["shop/orders"]
    for value, word in [
        (spec(), "shop/orders"),
        (orders, "14.4×"),
        (orders.budget, "43m12s"),
        (orders.policy, "<td>6h</td>"),
        (orders.backtest(samples), "100 % of them paged"),
        (orders.evaluate(samples), "of the budget left"),
    ]:
        assert word in value._repr_html_(), value


def test_dashboards_are_those_of_the_command(tmp_path):
    path = pathlib.Path(__file__).parents[2] / "examples" / "three-services" / "slo.yaml"
    command = pathlib.Path(sys.executable).with_name("slo")
    subprocess.run([command, "dashboards", path, "--out", tmp_path], check=True, capture_output=True)
    written = {file.name: json.loads(file.read_text()) for file in (tmp_path / "dashboards").iterdir()}
    assert {name: json.loads(text) for name, text in slo.load(path).dashboards().items()} == written


def test_rules_come_with_tests(tmp_path):
    [(name, text)] = spec()["shop/orders"].rules().to_tests("shop.rules.yaml").items()
    assert name == "shop" and "rule_files" in text and "shop.rules.yaml" in text


def test_rules_are_made_for_every_target(tmp_path):
    text = (
        "{version: slo/v1, service: shop, slos: [{name: a, objective: 99%, window: 30d,"
        " sli: {events: {total: t, bad: b}}}]}"
    )
    spec = slo.parse(f"{text}\n---\n{text.replace('shop', 'till')}")
    plain = spec.rules().to_yaml()
    assert plain == spec.rules(target="prometheus").to_yaml() and plain.count("groups:\n") == 1
    thanos = spec.rules(target="thanos").to_yaml()
    assert thanos.replace("    partial_response_strategy: abort\n", "") == plain != thanos
    assert spec.rules(target="mimir").to_yaml().count("\n---\n") == 1
    exact = spec.rules(target="victoriametrics")
    assert str(exact) == exact.to_yaml() != plain and len(exact) <= len(spec.rules())
    objects = spec.rules(target="operator").to_yaml(namespace="prod", labels={"release": "p"})
    assert objects.count("  namespace: prod\n") == 2 == objects.count("    release: p\n")
    # As the command writes them.
    path = tmp_path / "slo.yaml"
    path.write_text(spec.to_yaml())
    command = [pathlib.Path(sys.executable).with_name("slo"), "generate", path, "--target"]
    for target in ["thanos", "mimir", "operator", "victoriametrics", "prometheus"]:
        written = subprocess.run([*command, target], capture_output=True, text=True, check=True)
        assert written.stdout == spec.rules(target=target).to_yaml()
    with pytest.raises(slo.SloError, match='make the rules with target="operator"'):
        spec.rules().to_yaml(namespace="prod")
    with pytest.raises(slo.SloError, match="`grafana` is not a target"):
        spec["shop/a"].rules(target="grafana")
    with pytest.raises(slo.SloError, match="`X y` is not a Kubernetes namespace"):
        spec.rules(target="operator").to_yaml(namespace="X y")
    with pytest.raises(slo.SloError, match="`a b=c` is not a Kubernetes label"):
        spec.rules(target="operator").to_yaml(labels={"a b": "c"})
