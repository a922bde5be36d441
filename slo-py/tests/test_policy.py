"""`slo.policy`: stages by hand, decisions, postmortems, and the policy of a spec."""

from datetime import datetime, timedelta, timezone
from fractions import Fraction

import numpy
import pytest

import slo
from slo.policy import ErrorBudgetPolicy

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
POLICY = ErrorBudgetPolicy(caution="0.25", exceptions=["security"], hysteresis="0.05", postmortem="0.2")


def hours(count):
    return [START + timedelta(hours=hour) for hour in range(count)]


def by_hand(left):
    """The stages of `POLICY`, from their definition."""
    stage, stages = "open", []
    for value in left:
        if value is not None:
            frozen = value <= (0.05 if stage == "freeze" else 0)
            careful = value <= (0.3 if stage != "open" else 0.25)
            stage = "freeze" if frozen else "caution" if careful else "open"
        stages.append(stage)
    return stages


def test_stages_are_those_of_the_definition():
    random = numpy.random.default_rng(3)
    for _ in range(200):
        left = [None if random.random() < 0.1 else round(float(random.uniform(-0.3, 0.6)), 2) for _ in range(60)]
        standing = POLICY.standing({"time": hours(60), "remaining": left})
        stages = by_hand(left)
        assert standing.stage == stages[-1]
        found = {row["time"]: row["stage"] for row in standing.changes}
        # What it was before the first value, nobody knows.
        first = next(place for place, value in enumerate(left) if value is not None)
        pairs = zip(hours(60), stages, ["open", *stages], strict=False)
        told = {at: stage for place, (at, stage, before) in enumerate(pairs) if stage != before and place > first}
        assert found == told
        assert standing.since == (max(told) if told else None)
        if left[-1] is None:
            assert (standing.remaining, standing.decision(), standing.decision("security")) == (None, "unknown", "go")
        else:
            assert standing.decision() == ("stop" if stages[-1] == "freeze" else "go")


def test_incidents_above_the_bound_need_a_postmortem():
    incidents = {"began": hours(3), "ended": hours(4)[1:], "total": [100] * 3, "bad": [10, 20, 30], "spent": [0.1, 0.2, 0.3]}
    standing = POLICY.standing({"time": hours(1), "remaining": [0.4]}, incidents=incidents)
    [row] = standing.postmortems
    assert (row["bad"], row["spent"], row["began"]) == (30, 0.3, hours(3)[2])
    assert str(standing).endswith("2026-11-01 02:00 (30.0 %).")


def test_what_is_not_known_has_no_stage():
    standing = POLICY.standing({"time": hours(2), "remaining": [None, None]})
    assert (standing.stage, standing.decision(), repr(standing)) == (None, "unknown", "<PolicyStanding: unknown>")


def test_a_spec_has_its_policy():
    spec = {
        "version": "slo/v1",
        "service": "shop",
        "policy": {"freeze": {"at": "0%", "exceptions": ["security"]}, "caution": "25%", "hysteresis": "5%", "postmortem": "20%"},
        "slos": [{"name": "a", "objective": "99%", "window": "30d", "sli": {"probe": "up"}}],
    }
    policy = slo.parse(spec)["shop/a"].error_budget_policy
    assert policy == POLICY
    assert (policy.caution, policy.freeze, policy.hysteresis, policy.postmortem) == (Fraction(1, 4), 0, Fraction(1, 20), Fraction(1, 5))
    del spec["policy"]
    assert slo.parse(spec)["shop/a"].error_budget_policy is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: ErrorBudgetPolicy(freeze=1),
        lambda: ErrorBudgetPolicy(caution="0"),
        lambda: ErrorBudgetPolicy(postmortem=0),
        lambda: ErrorBudgetPolicy(exceptions=["all kinds"]),
        lambda: POLICY.standing({"time": hours(2)[::-1], "remaining": [1, 1]}),
        lambda: POLICY.standing({"time": hours(2), "remaining": [1]}),
        lambda: POLICY.standing({"time": hours(2)}),
    ],
)
def test_refuses_what_does_not_fit(make):
    with pytest.raises(slo.SloError):
        make()
