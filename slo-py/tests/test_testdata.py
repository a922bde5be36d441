"""The cases of testdata/, which Rust and the command run too."""

import json
import math
import pathlib
from fractions import Fraction

import pytest
import slo

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "testdata"
BUDGETS = json.loads((TESTDATA / "budgets" / "cases.json").read_text())
VALID = sorted((TESTDATA / "specs" / "valid").glob("*.yaml"))
INVALID = sorted((TESTDATA / "specs" / "invalid").glob("*.yaml"))
RULES = sorted((TESTDATA / "rules").glob("*.spec.yaml"))


def test_there_are_cases():
    assert len(BUDGETS) >= 50
    assert VALID and INVALID and RULES


@pytest.mark.parametrize("case", BUDGETS, ids=lambda case: "{objective} {period} {bad}/{total}".format(**case))
def test_budgets(case):
    budget = slo.ErrorBudget(case["objective"], case["period"])
    counts = {"total": case["total"], "bad": case["bad"]}
    assert budget.ratio == Fraction(case["budget"])
    assert budget.downtime_seconds == Fraction(case["downtime_seconds"])
    assert budget.allowed(case["total"]) == Fraction(case["allowed"])
    for name in ["burn_rate", "consumed", "remaining"]:
        value = getattr(budget, name)(**counts)
        if case[name] is None:
            assert value is None
        else:
            assert math.isclose(value, case[name], rel_tol=1e-15)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_specs(path):
    spec = slo.load(path)
    assert len(spec) > 0
    assert len(spec.rules()) > 20 * len(spec)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_specs(path):
    with pytest.raises(slo.SpecError) as caught:
        slo.parse(path.read_text())
    assert f"{caught.value}\n" == path.with_suffix(".faults").read_text()
    assert len(caught.value.faults) > 0


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rule_files(path):
    golden = path.with_name(path.name.replace(".spec.", ".rules.")).read_text()
    assert slo.load(path).rules().to_yaml() == golden
