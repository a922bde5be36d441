"""Rows as they come: gaps, late rows, weekdays, nights without traffic, dates that are numbers, few events.

The truth beside each number is pandas', numpy's, or known because the history was simulated from it.
"""

import datetime
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import slo

UTC = datetime.timezone.utc
HOUR, DAY = 3_600, 86_400
MONDAY = 1_788_134_400  # 2026-08-31T00:00Z


def hourly(days, share, begin=MONDAY, traffic=10_000):
    """Hours of which the share of bad events is a function of the day."""
    hours = np.arange(days * 24)
    total = np.full(len(hours), traffic)
    bad = np.array([round(traffic * share(hour // 24)) for hour in hours])
    return slo.Samples(time=begin + HOUR * hours, total=total, bad=bad)


def met(proposal, objective):
    columns = proposal.met.to_numpy()
    return dict(zip(columns["objective"], columns["met"], strict=True))[objective]


@pytest.mark.parametrize("first_day", range(7))
@pytest.mark.parametrize("days", [84, 86, 90])
def test_a_suggested_objective_knows_every_weekday(first_day, days):
    # Every Tuesday fails 1 %: six of seven days meet 99.9 %, whatever weekday the history begins or ends on.
    history = hourly(days, lambda day: 0.01 if (day + first_day) % 7 == 1 else 0, MONDAY + DAY * first_day)
    truth = 6 / 7
    proposal = slo.suggest_objective(history, period="1d")
    assert met(proposal, "99.9%") == pytest.approx(truth, abs=0.04)
    assert proposal.objective == slo.Objective("99%") or proposal.objective is None
    # Of two days, two of seven pairs hold a Tuesday; of seven, all do.
    assert met(slo.suggest_objective(history, period="2d"), "99.9%") == pytest.approx(5 / 7, abs=0.05)
    assert met(slo.suggest_objective(history, period="7d"), "99.9%") == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 6), st.integers(0, 23), st.floats(0.02, 0.3), st.integers(0, 2**32 - 1))
def test_a_suggested_objective_agrees_with_the_days_that_there_were(weekday, hour, chance, seed):
    random = np.random.default_rng(seed)
    is_bad = random.random(182) < chance
    is_bad[weekday::7] = False
    history = hourly(182, lambda day: 0.02 if is_bad[day] else 0, MONDAY + HOUR * 0)
    drawn = met(slo.suggest_objective(history, period="1d", block="1d"), "99.9%")
    # Blocks of a day mix days of the same weekday: more of them are bad in part, and none of them more than twice.
    share = is_bad.mean()
    assert 1 - 2.2 * share - 0.05 <= drawn <= 1 - 0.8 * share + 0.05


def nights_closed():
    """A month of a shop that is open from 8 to 20: a perfect half, then failures."""
    hours = np.arange(30 * 24)
    is_open = (hours % 24 >= 8) & (hours % 24 < 20)
    total = np.where(is_open, 1_000, 0)
    bad = np.where(is_open & (hours >= 15 * 24), 1, 0)
    return hours, is_open, total, bad


@pytest.mark.parametrize("gaps", ["unknown", "zero"])
def test_hours_without_a_row_earn_no_budget(gaps):
    hours, is_open, total, bad = nights_closed()
    budget = slo.ErrorBudget("99.9%", "30d")
    filled = budget.evaluate(slo.Samples(time=MONDAY + HOUR * hours, total=total, bad=bad))
    rows = slo.Samples(time=MONDAY + HOUR * hours[is_open], total=total[is_open], bad=bad[is_open], gaps=gaps)
    left_out = budget.evaluate(rows)
    # pandas: what is left of the events that there were.
    frame = pd.DataFrame({"total": total, "bad": bad})
    truth = 1 - frame.bad.sum() / (0.001 * frame.total.sum())
    for seen in (filled, left_out):
        assert seen.budget_remaining == pytest.approx(truth)
        # The first and the last night are not in the rows.
        assert seen.projected_budget_remaining == pytest.approx(truth, abs=0.02)
        assert seen.burndown().to_numpy()["remaining"][-1] == seen.projected_budget_remaining
    assert left_out.coverage == pytest.approx(1 if gaps == "zero" else 0.5, abs=0.03)


def test_gaps_may_be_refused():
    with pytest.raises(slo.DataError, match='gaps="zero"') as refused:
        slo.Samples({"time": [0, 60, 240], "total": [1] * 3, "bad": [0] * 3}, gaps="refuse")
    assert refused.value.position == 2
    with pytest.raises(slo.SloError, match="'unknown', 'zero', 'refuse'"):
        slo.Samples({"time": [0], "total": [1], "bad": [0]}, gaps="ignore")


def test_an_outage_of_the_monitoring_opens_no_gate():
    # 95 % of the budget is spent, in each half alike; fifteen days in the middle were not seen.
    hours = np.arange(30 * 24)
    total, bad = np.full(len(hours), 1_000), np.where(hours % 20 == 0, 0, 1)
    seen = np.r_[0:180, 540:720]
    budget = slo.ErrorBudget("99.9%")
    whole = budget.evaluate(slo.Samples(time=MONDAY + HOUR * hours, total=total, bad=bad))
    half = budget.evaluate(slo.Samples(time=MONDAY + HOUR * hours[seen], total=total[seen], bad=bad[seen]))
    assert whole.projected_budget_remaining == pytest.approx(0.05)
    assert half.projected_budget_remaining == pytest.approx(0.05)
    gate = slo.gate(half, min_budget=0.1, window="1d")
    assert not gate and gate.verdict == "closed"
    unseen = slo.gate(half, window="1d")
    assert not unseen and unseen.verdict == "inconclusive"
    assert unseen.reasons == ["50.0 % of the period so far was seen, and at least 90.0 % is required"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_rows_that_are_missing_change_no_budget_but_their_own(data):
    # Any length and step, any rows left out: the budget that is left is that of pandas for the rows that are there.
    step = data.draw(st.sampled_from([60, 300, 3_600, 7_200]))
    steps = data.draw(st.integers(30, 400))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    total = random.poisson(50, steps) + 1
    bad = random.binomial(total, 0.01)
    there = random.random(steps) < data.draw(st.floats(0.75, 1))
    there[[0, 1, -1]] = True
    frame = pd.DataFrame({"time": MONDAY + step * np.arange(steps), "total": total, "bad": bad})[there]
    # That so few are left out that the usual time between two rows is the step.
    if (np.diff(frame.time) == step).mean() <= 0.5:
        return
    budget = slo.ErrorBudget("99%", datetime.timedelta(seconds=step * steps))
    seen = budget.evaluate(slo.Samples({name: frame[name].to_numpy() for name in frame}))
    truth = 1 - frame.bad.sum() / (0.01 * frame.total.sum())
    assert seen.budget_remaining == pytest.approx(truth)
    assert seen.projected_budget_remaining == pytest.approx(truth, abs=1e-3)
    assert seen.coverage == pytest.approx(there.mean())


def five_minutes(days=30):
    return pd.date_range("2026-07-01", periods=288 * days, freq="5min", tz="UTC").to_series().reset_index(drop=True)


@pytest.mark.parametrize(
    ("shift", "row", "message"),
    [
        (lambda t: t.mask(t.index == 4_000, t - pd.Timedelta("4min")), 4_000, "row 4000: the time is 1m late"),
        (lambda t: t.mask(t.index == 4_000, t + pd.Timedelta("7s")), 4_000, "row 4000: the time is 7s late"),
        (lambda t: t.mask(t.index == 4_000, t - pd.Timedelta("1s")), 4_000, "row 4000: the time is 1s early"),
        (lambda t: t.mask(t.index >= 8_000, t + pd.Timedelta("1min")), 8_000, "and 639 others are off, too"),
        (lambda t: t.mask(t.index == 0, t + pd.Timedelta("7s")), 0, "row 0: the time is 7s late"),
    ],
)
@pytest.mark.parametrize("step", [None, "5m"])
def test_an_odd_row_is_named(shift, row, message, step):
    times = shift(five_minutes())
    with pytest.raises(slo.DataError, match=message) as refused:
        slo.Samples(time=times, total=np.full(len(times), 100), bad=np.zeros(len(times), int), step=step)
    assert refused.value.position == row and "round the times to whole steps of 5m" in str(refused.value)
    # As the hint says.
    rows = pd.DataFrame({"time": times.dt.round("5min"), "total": 100, "bad": 0}).groupby("time").sum().reset_index()
    assert slo.Samples(rows).step == datetime.timedelta(minutes=5) and slo.Samples(rows).total == 864_000


def test_the_usual_step_is_the_step():
    times = five_minutes(2).drop(index=[5, 6, 100])
    samples = slo.Samples(time=times, total=np.full(len(times), 1), bad=np.zeros(len(times), int))
    assert (samples.step, len(samples)) == (datetime.timedelta(minutes=5), 576)
    assert repr(samples).endswith("2 gaps>")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (pd.period_range("2026-07-01", periods=3, freq="D"), "to_timestamp"),
        (pd.Series(pd.period_range("2026-07", periods=3, freq="M")), "to_timestamp"),
        ([20260701, 20260702, 20260703], "looks like a date"),
        (np.array([20260731, 20260801, 20260802]), "looks like a date"),
        ([2024, 2025, 2026], "looks like a year"),
        (pd.to_timedelta([60, 120, 180], unit="s"), "time"),
    ],
)
def test_what_is_no_time_is_refused(times, message):
    with pytest.raises(slo.SloError, match=message):
        slo.Samples(time=times, total=[1] * 3, bad=[0] * 3)
    frame = pd.DataFrame({"total": [1] * 3, "bad": [0] * 3}).assign(time=times)
    with pytest.raises(slo.SloError):
        slo.Samples(frame)
    # Small numbers are the seconds of somebody's example.
    assert slo.Samples({"time": [0, 1, 2], "total": [1] * 3, "bad": [0] * 3}).step.seconds == 1


@pytest.mark.parametrize(
    ("objective", "total", "bad", "verdict"),
    [
        ("99%", 10, 1, "inconclusive"),
        ("99.9%", 10, 1, "inconclusive"),
        ("99.9%", 20, 1, "inconclusive"),
        ("95%", 20, 1, "open"),
        ("99.9%", 0, 0, "inconclusive"),
        ("99.9%", 1_000, 6, "closed"),
    ],
)
def test_a_failure_of_few_requests_freezes_nobody(objective, total, bad, verdict):
    hours = 30 * 24
    totals, bads = np.full(hours, 1_000), np.zeros(hours, int)
    totals[-1], bads[-1] = total, bad
    gate = slo.gate(slo.ErrorBudget(objective).evaluate(slo.Samples(time=MONDAY + HOUR * np.arange(hours), total=totals, bad=bads)))
    assert (gate.verdict, bool(gate)) == (verdict, verdict != "closed"), gate
    assert pickle.loads(pickle.dumps(gate)) == gate


def test_a_history_has_no_cold_start():
    # The same history, cut at many places: what fires later than a day after a cut fires wherever the cut is.
    random = np.random.default_rng(4)
    steps = 20 * 288
    total = random.poisson(100, steps)
    bad = random.binomial(total, 0.0008)
    budget = slo.ErrorBudget("99.9%")

    def early(warm_up):
        found = 0
        for cut in range(0, 288 * 8, 144):
            samples = slo.Samples(time=MONDAY + 300 * np.arange(cut, steps), total=total[cut:], bad=bad[cut:])
            starts = budget.backtest(samples, warm_up=warm_up).alerts.to_numpy()["start"]
            found += int((starts < np.datetime64(samples.start.replace(tzinfo=None)) + np.timedelta64(1, "D")).sum())
        return found

    whole = budget.backtest(slo.Samples(time=MONDAY + 300 * np.arange(steps), total=total, bad=bad)).alerts
    # Tickets of three days cannot open on the first; pages of an hour hardly do at this rate.
    first_day = [start for start in whole["start"] if start < whole["start"][0] + np.timedelta64(1, "D")]
    assert early(True) <= 2 * len(first_day) and early(False) > 3 * early(True) + 10, (early(True), early(False))
    with pytest.warns(slo.SloWarning, match=r"cannot fire: slow \(1d\), trickle \(3d\)"):
        budget.backtest(slo.Samples(time=MONDAY + 300 * np.arange(288 - 1), total=[1] * 287, bad=[0] * 287))


def test_a_search_counts_repeats():
    # Incidents that flicker: a short window pages again and again for one of them.
    random = np.random.default_rng(1)
    minutes = 40 * 1_440
    total, bad = np.full(minutes, 20), random.binomial(20, 0.0004, minutes)
    for start in (9_000, 25_000, 41_000):
        for burst in range(0, 1_200, 120):
            bad[start + burst : start + burst + 20] = random.binomial(20, 0.2, 20)
    found = slo.ErrorBudget("99.9%").search(slo.Samples(time=MONDAY + 60 * np.arange(minutes), total=total, bad=bad))
    nothing = [one.false_alerts + one.repeats for one in found]
    assert nothing == sorted(nothing) and nothing[0] < 10
    for one in found:
        detected = round((one.recall or 0) * 3)
        assert one.repeats == max(one.alerts - one.false_alerts - detected, 0) and f"{one.repeats} repeats" in repr(one)
    spends = [one.spent for one in found]
    assert spends == sorted(spends, reverse=True)


@pytest.mark.parametrize("size", [1_000, 200_000])
def test_an_edit_of_an_array_changes_no_answer(size):
    total, bad = np.full(size, 100, "uint64"), np.zeros(size, "uint64")
    samples = slo.Samples(time=60 * np.arange(size), total=total, bad=bad)
    seen = slo.ErrorBudget("99%").evaluate(samples)
    before = (seen.sli, seen.bad, seen.burn_rate("1h").to_numpy()["1h"][-1])
    try:
        bad += np.uint64(200)
    except ValueError:
        assert size == 200_000  # Shared, and read-only since.
    again = slo.ErrorBudget("99%").evaluate(samples)
    assert (again.sli, again.bad, again.burn_rate("1h").to_numpy()["1h"][-1]) == before == (1.0, 0, 0.0)


@pytest.mark.parametrize(("period", "step"), [("14d", 300), ("30d", HOUR), ("7d", 600), ("90d", DAY)])
def test_the_usual_alerts_fit_ordinary_rows(period, step):
    steps = 100 * DAY // step
    samples = slo.Samples(time=MONDAY + step * np.arange(steps), total=[100] * steps, bad=[0] * steps)
    budget = slo.ErrorBudget("99.9%", period)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        backtest = budget.backtest(samples)
    assert [one.category for one in told if "rounded to steps" in str(one.message)] == [slo.SloWarning]
    for tier in backtest.policy.tiers:
        assert tier.long.total_seconds() % step == 0 and tier.short.total_seconds() % step == 0
    own = slo.AlertPolicy([slo.Tier("fast", "page", factor=10, long="1h", short="1m")])
    with pytest.raises(slo.SloError, match=r"give policy.fitted"):
        budget.backtest(samples, own)


def test_labels_say_when_steps_began_or_ended():
    # A month of minutes, as pandas and polars group it by: days of 1,440 minutes, none of one.
    times = pd.date_range("2026-10-01", periods=30 * 1_440, freq="1min", tz="UTC")
    events = pd.Series(1, index=times)
    minutes = events.resample("1min").sum()
    ours = slo.ErrorBudget("99%").evaluate(slo.Samples(time=minutes.index, total=minutes.to_numpy(), bad=0 * minutes.to_numpy()))
    days = ours.by("1d").to_pandas()
    assert list(days.total) == list(events.resample("1D").sum()) == [1_440] * 30
    right = events.resample("1min", label="right").sum()
    ended = slo.Samples(time=right.index, total=right.to_numpy(), bad=0 * right.to_numpy(), label="end")
    assert ended == slo.Samples(time=minutes.index, total=minutes.to_numpy(), bad=0 * minutes.to_numpy())
    grouped = pl.DataFrame({"time": times, "total": 1, "bad": 0}).group_by_dynamic("time", every="1h").agg(pl.all().sum())
    assert slo.Samples(grouped).start == datetime.datetime(2026, 10, 1, tzinfo=UTC)


def test_times_of_a_zone_and_rows_in_any_order():
    # The night of the clock change has 25 hours, two of which are called 02:00.
    known = pd.date_range("2026-10-24", "2026-10-27", freq="1h", tz="Europe/Berlin", inclusive="left")
    columns = {"time": known.tz_localize(None), "total": range(73), "bad": [0] * 73}
    with pytest.raises(slo.DataError, match="set the time zone"):
        slo.Samples(columns)
    samples = slo.Samples(columns, tz="Europe/Berlin")
    assert samples == slo.Samples({**columns, "time": known}) and len(samples) == 73
    shuffled = pd.DataFrame({**columns, "time": known}).sample(frac=1, random_state=3)
    assert slo.Samples(shuffled, sort=True) == samples
    with pytest.raises(slo.DataError, match="sort by time.*pass sort=True"):
        slo.Samples(shuffled)
    with pytest.raises(slo.DataError, match="not a time zone"):
        slo.Samples(columns, tz="Berlin")


def test_two_of_three_counts_are_enough():
    rows = {"time": [0, 60], "total": [10, 20], "bad": [1, 2], "good": [9, 18]}
    whole = slo.Samples(rows)
    assert slo.Samples(rows, good="good", bad="bad") == whole
    assert slo.Samples({name: rows[name] for name in ("time", "total", "good")}, good="good") == whole
    assert slo.Samples(time=[0, 60], good=[9, 18], bad=[1, 2]) == whole
    with pytest.raises(slo.SloError, match="give two of them"):
        slo.Samples(rows, total="total", bad="bad", good="good")
    with pytest.raises(slo.DataError, match="11 good events beside 10") as refused:
        slo.Samples(time=[0, 60], total=[10, 10], good=[5, 11])
    assert refused.value.position == 1


def test_a_history_can_be_cut_and_compared():
    samples = slo.Samples({"time": [0, 60, 240, 300], "total": [1, 2, 3, 4], "bad": [0] * 4})
    assert repr(samples[1:5]) == "<Samples: 4 steps of 1m from 1970-01-01T00:01:00Z, 5 events, 0 bad, 1 gap>"
    moment = datetime.datetime(1970, 1, 1, 0, 4, tzinfo=UTC)
    assert samples[moment:].total == 7 and samples[:moment].total == 3 and samples[-1:].total == 4
    assert samples.end == datetime.datetime(1970, 1, 1, 0, 6, tzinfo=UTC) and samples != samples[1:]
    assert len(samples.to_pandas()) == 6 and "4 gaps" not in samples._repr_html_()
    assert pl.DataFrame(samples)["total"].sum() == 10


def test_tables_are_tables():
    table = slo.Samples({"time": [0, 60], "total": [1, 2], "bad": [0, 1]}).to_table()
    assert np.asarray(table).dtype.names == ("time", "total", "bad") and np.asarray(table)["total"].sum() == 3
    assert list(table["bad"]) == [0, 1] and list(table)[1]["total"] == 2
    assert [row["time"] for row in table][0] == datetime.datetime(1970, 1, 1, tzinfo=UTC)
    assert pd.DataFrame(table).total.sum() == 3 and pl.DataFrame(table).height == 2
    assert table.__dataframe__().num_rows() == 2
    lines = repr(table).splitlines()
    assert lines[0] == "<Table of 2 rows>" and lines[1].split() == ["time", "total", "bad"] and lines[3].split()[-2:] == ["2", "1"]
    with pytest.raises(KeyError, match="no column 'errors'; there are time, total, bad"):
        table["errors"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert table.to_pandas().time.dt.tz is not None


def test_errors_say_what_to_do():
    frame = pl.DataFrame({"time": [0, 60], "total": ["10", "10"], "bad": [0, 0]})
    for data, kind, message in [
        (frame.lazy(), slo.SloError, "collect"),
        (frame, slo.DataError, r"cast\(pl.UInt64\)"),
        ([(0, 10, 0)], slo.SloError, "is not a table"),
        ({"time": [0, 60], "total": [1, 1]}, slo.ColumnError, "no column 'bad'; there are time, total"),
    ]:
        with pytest.raises(kind, match=message):
            slo.Samples(data)
    with pytest.raises(KeyError):
        slo.Samples({"time": [0, 60], "total": [1, 1], "bad": [0, 0]}, bad="errors")


def test_a_tier_may_be_given_by_what_it_spends():
    tier = slo.Tier("fast", "page", spent="2%", long="1h", short="5m")
    assert tier == slo.Tier("fast", "page", factor="14.4", long="1h", short="5m") and str(tier.spent) == "1/50"
    assert hash(tier) == hash(slo.Tier("fast", "page", spent="0.02", long="1h", short="5m"))
    assert len({slo.AlertPolicy([tier]), slo.AlertPolicy([tier])}) == 1 and len({slo.ErrorBudget("99%")}) == 1
    for given_twice in ({}, {"factor": 2, "spent": "2%"}):
        with pytest.raises(slo.SloError, match="one of 'factor' and 'spent'"):
            slo.Tier("fast", "page", long="1h", short="5m", **given_twice)


def test_many_services_are_one_table():
    random = np.random.default_rng(2)
    frames = []
    for name in ("web", "api", "search"):
        hours = 24 * 30
        total = random.poisson(500, hours)
        frames.append(pd.DataFrame({"service": name, "time": MONDAY + HOUR * np.arange(hours), "total": total, "bad": random.binomial(total, 0.002)}))
    frame = pd.concat(frames).sample(frac=1, random_state=1).reset_index(drop=True)
    # Rows that are missing in one of them.
    frame = frame.drop(frame[(frame.service == "web") & (frame.time < MONDAY + 5 * HOUR) & (frame.time > MONDAY)].index)
    fleet = slo.fleet(pl.from_pandas(frame), objectives={"web": "99%", "api": slo.ErrorBudget("99.5%", "7d"), "search": "99.9%"})
    assert list(fleet["service"]) == ["api", "search", "web"] and list(fleet["objective"]) == ["99.5%", "99.9%", "99%"]
    for row in fleet:
        own = frame[frame.service == row["service"]].sort_values("time")
        days = 7 if row["service"] == "api" else 30
        budget = slo.ErrorBudget(row["objective"], f"{days}d")
        seen = budget.evaluate(slo.Samples({name: own[name].to_numpy() for name in ("time", "total", "bad")}))
        assert (row["total"], row["bad"], row["sli"]) == (seen.total, seen.bad, seen.sli)
        assert (row["budget_remaining"], row["coverage"]) == (seen.budget_remaining, seen.coverage)
        assert row["projected_budget_remaining"] == seen.projected_budget_remaining
        assert row["time_to_exhaustion"] == seen.time_to_exhaustion()
        last = own[own.time > own.time.max() - DAY * days]
        assert row["bad"] == last.bad.sum()
    with pytest.raises(slo.SloError, match="no objective for 'api'"):
        slo.fleet(frame, objectives={"web": "99%"})
    broken = pd.concat([frame, frame.head(1)])
    with pytest.raises(slo.SloError, match="a duplicate"):
        slo.fleet(broken, objectives="99%")
