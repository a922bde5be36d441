"""Three experiments on a checkout: the weak settings break, and the mended ones hold."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))
import chaos  # noqa: E402


@pytest.fixture(scope="module")
def staging(tmp_path_factory):
    with chaos.Staging(tmp_path_factory.mktemp("staging")) as staging:
        yield staging


@pytest.mark.parametrize(("settings", "expected"), [("WEAK", "broken"), ("MENDED", "held")])
def test_weak_settings_break_and_mended_ones_hold(settings, expected, staging):
    staging.use(getattr(chaos, settings))
    findings = {name: staging.run(name) for name in chaos.EXPERIMENTS}
    assert {name: finding["outcome"] for name, finding in findings.items()} == dict.fromkeys(chaos.EXPERIMENTS, expected)
    for name, finding in findings.items():
        assert finding["not_undone"] == [] and finding["recovered_seconds"] is not None, (name, finding)
        if expected == "broken":
            # Aborted early: the limit is ten seconds.
            assert finding["lasted_seconds"] < 6, (name, finding)
    [broken] = {finding["stop"]["slo"] for name, finding in findings.items() if name == "slow-inventory" and expected == "broken"} or {None}
    assert broken in (None, "checkout/latency")
    report = staging.report("html")
    assert report.count(f'<span class="{"bad" if expected == "broken" else "good"}">{expected}</span>') == 3
