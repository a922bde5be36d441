"""The cases of testdata/, which Rust and the command run too."""

import json
import math
import pathlib
import subprocess
import sys
import warnings
from fractions import Fraction

import jsonschema
import pytest
import slo
import yaml
from slo import forecast, stats

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


@pytest.fixture(scope="module")
def schema():
    command = pathlib.Path(sys.executable).with_name("slo")
    printed = subprocess.run([command, "schema"], capture_output=True, check=True, text=True)
    document = json.loads(printed.stdout)
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@pytest.mark.parametrize("path", [*VALID, *RULES], ids=lambda path: path.stem)
def test_the_schema_accepts_what_the_program_accepts(path, schema):
    for document in yaml.safe_load_all(path.read_text()):
        schema.validate(document)


@pytest.mark.parametrize("name", ["structure", "values", "five_faults"])
def test_the_schema_refuses_what_has_the_wrong_shape(name, schema):
    text = (TESTDATA / "specs" / "invalid" / f"{name}.yaml").read_text()
    assert any(list(schema.iter_errors(document)) for document in yaml.safe_load_all(text))


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


IMPORTS = sorted((TESTDATA / "import").glob("*.yaml"))


@pytest.mark.parametrize("path", IMPORTS, ids=lambda path: path.stem)
def test_specifications_of_other_tools(path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spec = slo.parse(path.read_text())
    assert spec.to_yaml() == path.with_suffix(".native").read_text()
    said = "".join(f"{warning.message}\n" for warning in caught)
    assert said == path.with_suffix(".lost").read_text()


@pytest.mark.parametrize("path", sorted((TESTDATA / "import" / "refused").glob("*.yaml")), ids=lambda path: path.stem)
def test_refused_specifications_of_other_tools(path):
    with pytest.raises(slo.SpecError) as caught:
        slo.parse(path.read_text())
    assert f"{caught.value}\n" == path.with_suffix(".faults").read_text()


def pair(with_, *keys):
    return [tuple(with_[key]) for key in keys]


# The functions of testdata/math that Python has, by the names of the cases.
MATH = {
    "wilson": lambda w: stats.wilson(**w),
    "clopper_pearson": lambda w: stats.clopper_pearson(**w),
    "jeffreys": lambda w: stats.jeffreys(**w),
    "confidence_sequence": lambda w: stats.confidence_sequence(**w),
    "newcombe": lambda w: stats.newcombe(*pair(w, "first", "second"), confidence=w["confidence"]),
    "fisher_p_value": lambda w: stats.fisher_p_value(*pair(w, "first", "second")),
    "two_proportion_z": lambda w: stats.two_proportion_z(*pair(w, "first", "second")),
    "rate_increase_p_value": lambda w: stats.rate_increase_p_value(*pair(w, "first", "second")),
    "garwood": lambda w: [*stats.garwood(**w), stats.rate_at_most(**w)],
    "burn_above": lambda w: stats.burn_above(**w),
    "events_to_demonstrate": lambda w: stats.events_to_demonstrate(**w),
    "events_to_stay_silent": lambda w: [stats.events_to_stay_silent(w["threshold"], bad=bad) for bad in w["bad"]],
    "fewest_bad_events": lambda w: [stats.fewest_bad_events(w["factor"], alpha=alpha) for alpha in w["alpha"]],
    "firing_probability": lambda w: stats.firing_probability(**w),
    "false_starts_per_30d": lambda w: stats.false_starts_per_second(**w) * 2_592_000,
    "erlang_detection": lambda w: stats.erlang_detection(**w),
    "events_per_arm": lambda w: stats.events_per_arm(**w),
    "mixture_evidence": lambda w: [
        stats.mixture_evidence(total=total, bad=bad, p0=w["p0"], one_sided=w["one_sided"]) for bad, total in w["bad_of"]
    ],
    "rate_evidence": lambda w: stats.rate_evidence(**w),
    "best_allowance": lambda w: stats.best_allowance(**w),
    "average_run_length": lambda w: stats.average_run_length(**w),
    "availability": lambda w: stats.availability(**w),
    "sprt_average_events": lambda w: stats.Sprt(**w).average_events,
    "sprt_bad_in_a_row": lambda w: stats.Sprt(**w).bad_in_a_row,
    "sprt_good_in_a_row": lambda w: stats.Sprt(**w).good_in_a_row,
    "spend_at_most": lambda w: [
        forecast.survival(rate=w["rate"], spends=[tuple(spend) for spend in w["spends"]], grid=w["grid"], budget=budget)
        for budget in w["budgets"]
    ],
    "exhaustion_probability": lambda w: forecast.exhaustion_probability(**w),
    "consumed": lambda w: slo.ErrorBudget(w["objective"]).consumed(total=w["total"], bad=w["bad"]),
    "remaining": lambda w: slo.ErrorBudget(w["objective"]).remaining(total=w["total"], bad=w["bad"]),
    "allowed_downtime": lambda w: float(slo.ErrorBudget(w["objective"], w["window"]).downtime_seconds),
    "time_to_exhaustion": lambda w: slo.ErrorBudget("99%", w["period"]).time_to_exhaustion(
        remaining=w["remaining"], burn_rate=w["burn"]
    ),
}
KNOWN = [case for case in json.loads((TESTDATA / "math" / "cases.json").read_text()) if case["call"] in MATH]


def test_every_function_of_python_has_cases():
    assert {case["call"] for case in KNOWN} == set(MATH)


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case["id"])
def test_math(case):
    found, expected = MATH[case["call"]](case["with"]), case["expect"]
    if not isinstance(expected, list):
        found, expected = [found], [expected]
    for one, other in zip(found, expected, strict=True):
        assert math.isclose(one, other, rel_tol=case["tolerance"], abs_tol=case["tolerance"]), (one, other)
