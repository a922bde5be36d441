"""Experiments over given counts: the plan by hand, and the guard against scipy."""

import pathlib
import re
from datetime import datetime, timedelta, timezone
from fractions import Fraction

import numpy as np
import pytest
import scipy.special
import scipy.stats
import slo
from slo import experiments

START = datetime(2026, 11, 30, 10, tzinfo=timezone.utc)
SLO = "checkout/availability"
TEXT = """
version: slo-experiment/v1
name: kill-a-replica
description: One replica less is not seen by users.
hypothesis: [{slo: checkout/availability, tolerated_burn_rate: 10}]
fault: {kill: {pid_file: run/checkout.pid}}
limits: {spend: 1%, duration: 5m, events: 1000000}
before: {budget_left: 20%}
guard: {confidence: 99%, every: 5s}
"""


def guard(text=TEXT, expected=10_000_000):
    return experiments.FaultExperiment(text).guard(objective="99.9%", expected=expected, start=START)


def test_the_file_is_read():
    experiment = experiments.FaultExperiment(TEXT)
    assert (experiment.name, experiment.fault, experiment.hypotheses) == ("kill-a-replica", "kill", {SLO: Fraction(10)})
    with pytest.raises(slo.SpecError) as raised:
        experiments.FaultExperiment("version: slo-experiment/v1\nname: A B\nlimits: {spend: 200%}\n")
    assert len(raised.value.faults) == 5


def test_the_plan_is_what_one_calculates():
    plan = experiments.FaultExperiment(TEXT).plan({SLO: (30_000, 12)}, seconds=600, objective="99.9%", expected=10_000_000, left=0.5)
    (one,) = plan["slos"]
    assert plan["obstacles"] == []
    assert one["events_per_second"] == 50 and one["events"] == 15_000
    assert one["spend_without_effect"] == pytest.approx(12 / 30_000 * 15_000 / 10_000)
    assert one["spend_as_tolerated"] == pytest.approx(10 * 0.001 * 15_000 / 10_000)
    # The cap of 1 % is 100 failures; one more stops it, and 50 a second go on for three looks of 5 s.
    assert one["spend_at_most"] == pytest.approx((100 + 1 + 750) / 10_000)
    little = experiments.FaultExperiment(TEXT).plan({SLO: (100, 2)}, seconds=600, objective="99.9%", expected=10_000, left=0.1)
    assert len(little["obstacles"]) == 2 and len(little["warnings"]) == 3
    with pytest.raises(slo.SloError, match="`usual` has nothing for checkout/availability"):
        experiments.FaultExperiment(TEXT).plan({}, seconds=600, objective="99.9%", expected=10_000)


def evidence(total, bad, tolerated=0.01):
    """ln of the mixture's e-value, by scipy: a Beta(1, 24) prior, cut off below what is tolerated."""
    a, b = 1.0, 1 / (4 * tolerated) - 1
    posterior, prior = scipy.stats.beta(a + bad, b + total - bad), scipy.stats.beta(a, b)
    mixture = scipy.special.betaln(a + bad, b + total - bad) - scipy.special.betaln(a, b)
    null = bad * np.log(tolerated) + (total - bad) * np.log1p(-tolerated)
    return mixture - null + posterior.logsf(tolerated) - prior.logsf(tolerated)


@pytest.mark.parametrize("total", [10, 100, 1_000, 5_000])
def test_it_stops_where_the_evidence_says_so(total):
    least = next(bad for bad in range(total + 1) if evidence(total, bad) >= np.log(100))
    before, now = guard(expected=10**9), guard(expected=10**9)
    assert before.look({SLO: (total, least - 1)}, at=START) is None
    assert now.look({SLO: (total, least)}, at=START) == "checkout/availability burned its budget faster than tolerated"
    assert now.verdicts == {SLO: "broken"}


def test_it_stops_for_every_other_reason():
    at = START + timedelta(seconds=1)
    assert guard(expected=1_000_000).look({SLO: (10_000, 11)}, at=at) == (
        "checkout/availability spent the share of the budget that the experiment may spend"
    )
    watch = guard()
    assert watch.look({SLO: (100, 0)}, at=at) is None
    assert watch.look({SLO: None}, at=at) is None and watch.look({}, at=at) is None
    assert watch.look({SLO: None}, at=at) == "there was no data about checkout/availability for 3 looks"
    watch = guard()
    watch.look({SLO: (100, 0)}, at=at)
    assert watch.look({SLO: (50, 0)}, at=at) == "the counts of checkout/availability decreased"
    assert guard().look({SLO: (1_000_000, 0)}, at=at) == "it reached its limit of events"
    assert guard().look({SLO: (10, 0)}, at=START + timedelta(minutes=5)) == "it ran for as long as planned"
    with pytest.raises(slo.SloError, match="no hypothesis about `a/b`"):
        guard().look({"a/b": (1, 0)})


def test_counts_that_are_late_are_no_silence():
    experiment = experiments.FaultExperiment(TEXT)
    watch = experiment.guard(objective="99.9%", expected=10**7, start=START, events_per_second=2, lag="15s")
    assert watch.look({SLO: (0, 0)}, at=START + timedelta(seconds=24)) is None
    assert watch.look({SLO: (0, 0)}, at=START + timedelta(seconds=25)) == "checkout/availability has no traffic any more"


def test_verdicts_say_how_much_is_missing():
    watch = guard()
    watch.look({SLO: (1_000, 5)}, at=START)
    assert watch.verdicts == {SLO: "inconclusive"}
    more = watch.events_needed[SLO]
    total = 1_000 + more
    watch.look({SLO: (total, total * 5 // 1_000)}, at=START)
    assert watch.verdicts == {SLO: "held"} and watch.events_needed == {}


def test_healthy_experiments_are_seldom_stopped():
    """Looked at every second for ten minutes, at half of what is tolerated."""
    random, stopped, runs = np.random.default_rng(1), 0, 300
    for _ in range(runs):
        total = np.cumsum(random.poisson(5, 600))
        bad = np.cumsum(random.binomial(np.diff(total, prepend=0), 0.005))
        watch = guard(expected=10**9)
        stopped += any(watch.look({SLO: (int(n), int(k))}, at=START) for n, k in zip(total, bad) if n)
    # At most one in a hundred; five of 300 would come by chance in 18 % of such tests.
    assert stopped <= 8


def test_the_page_runs(tmp_path, monkeypatch):
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "experiments.md").read_text()
    (file,) = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    (tmp_path / "experiment.yaml").write_text(file)
    monkeypatch.chdir(tmp_path)
    exec(code, names := {})
    assert names["plan"]["obstacles"] == [] and names["guard"].verdicts == {SLO: "broken"}
