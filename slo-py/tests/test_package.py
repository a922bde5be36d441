"""What is Python's own: conversions, errors, types, the command."""

import doctest
import pathlib
import pickle
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
import slo
import slo._slo
import slo.polars

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "three-services" / "slo.yaml"


@pytest.mark.parametrize("value", ["99.9%", Decimal("0.999"), 0.999, slo.Objective("99.9%")])
def test_objectives_are_exact_in_every_notation(value):
    assert slo.Objective(value).budget == Fraction(1, 1000)
    assert slo.Objective(value) == slo.Objective("99.90%")


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (99.9, slo.SloError, 'write "99.9%"'),
        (100, slo.SloError, 'write "99.9%"'),
        ("99.9", slo.SloError, "write 99.9%"),
        ("100%", slo.SloError, "write 99.99% or lower"),
        (float("nan"), slo.SloError, "not a decimal number"),
        (-0.5, slo.SloError, "not a decimal number"),
        (None, TypeError, "not NoneType"),
        ([], TypeError, "not list"),
    ],
)
def test_other_values_are_refused_with_a_way_out(value, kind, text):
    with pytest.raises(kind, match=text):
        slo.Objective(value)


@pytest.mark.parametrize("period", ["28d", "4w", timedelta(days=28)])
def test_periods_are_text_or_timedelta(period):
    budget = slo.ErrorBudget("99%", period)
    assert budget.period == timedelta(days=28)
    assert budget == slo.ErrorBudget("99%", "28d")


@pytest.mark.parametrize("period", ["28", timedelta(0), timedelta(days=-1), timedelta(microseconds=1)])
def test_other_periods_are_refused(period):
    with pytest.raises(slo.SloError):
        slo.ErrorBudget("99%", period)


def test_counts_that_contradict_each_other_are_refused():
    budget = slo.ErrorBudget("99.9%")
    with pytest.raises(slo.DataError, match="2 bad events are more than the total of 1"):
        budget.burn_rate(total=1, bad=2)
    with pytest.raises(slo.DataError, match="not a burn rate"):
        budget.time_to_exhaustion(remaining=0.5, burn_rate=float("nan"))
    with pytest.raises(OverflowError):
        budget.burn_rate(total=-1, bad=0)


def test_the_exceptions_are_one_tree():
    for kind in [slo.SpecError, slo.DataError, slo.QueryError]:
        assert issubclass(kind, slo.SloError)
    assert issubclass(slo.SloError, ValueError)


def test_a_spec_is_a_mapping():
    spec = slo.load(EXAMPLE)
    assert list(spec) == spec.keys() and len(spec) == 6
    assert "checkout/availability" in spec and "checkout" not in spec
    assert dict(spec.items()) == dict(spec)
    with pytest.raises(KeyError, match="there are checkout/availability"):
        spec["checkout"]


def test_an_slo_knows_its_parts():
    availability = slo.load(str(EXAMPLE))["checkout/availability"]
    assert (availability.service, availability.name) == ("checkout", "availability")
    assert availability.period == timedelta(days=30)
    assert repr(availability.budget) == "ErrorBudget(0.1% = 43m12s per 30d)"
    assert [tier.factor for tier in availability.tiers] == [Fraction(72, 5), 6, 3, 1]
    assert availability.tiers[0].threshold == Fraction(144, 10_000)
    assert availability.tiers[0].short == timedelta(minutes=5)
    assert "> 0.0144" in str(availability.rules())
    assert "> 0.0144" in str(availability.rules(time_scale=60))


def test_tiers_may_be_guarded_against_low_traffic():
    spec = slo.load(EXAMPLE.parents[2] / "testdata" / "rules" / "guarded.spec.yaml")
    assert [tier.fewest_bad for tier in spec["reports/availability"].tiers] == [4, 6, 12, 0]


def test_a_file_that_is_not_there_is_an_os_error():
    with pytest.raises(FileNotFoundError) as caught:
        slo.load("missing.yaml")
    assert caught.value.filename == "missing.yaml"


def test_faults_say_where_and_how_to_mend_them():
    with pytest.raises(slo.SpecError) as caught:
        slo.parse("version: slo/v1\nservice: a\nslos:\n  - name: b\n    objectve: 99%\n    window: 30d\n    sli: {}\n")
    fault = next(fault for fault in caught.value.faults if "objectve" in fault.message)
    assert (fault.line, fault.column, fault.place) == (5, 5, "slos[0]")
    assert fault.hint == "did you mean `objective`?"


def test_values_survive_pickling():
    for value in [slo.Objective("99.95%"), slo.ErrorBudget("99.9%", "28d")]:
        assert pickle.loads(pickle.dumps(value)) == value


def test_the_examples_in_the_documentation_hold():
    results = [doctest.testmod(slo), doctest.testmod(slo.polars)]
    finder = doctest.DocTestFinder()
    runner = doctest.DocTestRunner()
    for name in slo.__all__:
        for example in finder.find(getattr(slo, name), name, module=False, globs={}):
            runner.run(example)
    results.append(runner.summarize())
    assert sum(result.attempted for result in results) >= 7
    assert sum(result.failed for result in results) == 0


def run(*args):
    command = [sys.executable, "-c", "from slo._command import main; main()", *args]
    return subprocess.run(command, capture_output=True, text=True)


def test_what_is_for_other_libraries_is_loaded_when_it_is_asked_for():
    code = "import slo, sys; assert 'polars' not in sys.modules; slo.polars.burn_rate; slo.plot.burndown; slo.spark.by; print(slo.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        slo.nothing


def test_the_command_is_the_same_program():
    done = run("budget", "--objective", "99.9%")
    assert done.returncode == 0 and "43m12s" in done.stdout and done.stderr == ""
    assert run("validate", "missing.yaml").returncode == 3
    assert run("bogus").returncode == 2


def test_importing_loads_nothing_heavy():
    code = "import sys, slo; print(sorted({'numpy', 'pandas', 'fractions', 'datetime'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
