"""Experiments for other tools, held against what their vendors publish."""

import json
import os
import pathlib
import subprocess
import sys
import warnings

import jsonschema
import pytest
import yaml
from faults import Sleeper, built, wait_for
from prometheus import Prometheus
from test_experiments import Experiment, stopping

#: CRDs of Chaos Mesh (podchaos, networkchaos, stresschaos) and of Litmus (chaosengine), from their repositories: see scripts/real/crds.
CRDS = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "slo" / "real" / "crds"

TEXT = """
version: slo-experiment/v1
name: x
hypothesis: [{{slo: checkout/availability, tolerated_burn_rate: 5}}]
fault: {fault}
limits: {{spend: 1%, duration: 90s}}
{more}"""

PROXY = "proxy: {control: 'http://127.0.0.1:1', "
#: Each fault, the kind that each tool makes of it, or what it says instead.
FAULTS = {
    "{kill: {pid_file: a}}": ("PodChaos", "pod-delete"),
    "{pods: {namespace: shop, selector: app=checkout}}": ("PodChaos", "pod-delete"),
    "{pods: {namespace: shop, selector: app=checkout, evict: true}}": ("cannot evict pods", "cannot evict pods"),
    "{stop: {pid_file: a}}": ("PodChaos", "cannot stop processes"),
    "{" + PROXY + "latency: 300ms, jitter: 50ms}}": ("NetworkChaos", "pod-network-latency"),
    "{" + PROXY + "bandwidth: 64KiB}}": ("NetworkChaos", "cannot limit the bandwidth"),
    "{" + PROXY + "black_hole: true}}": ("NetworkChaos", "pod-network-loss"),
    "{" + PROXY + "reset: true}}": ("cannot reset connections", "cannot limit the bandwidth or reset connections"),
    "{pressure: {cpu: 2}}": ("StressChaos", "pod-cpu-hog"),
    "{pressure: {memory: 512MiB}}": ("StressChaos", "pod-memory-hog"),
    "{pressure: {disk: {folder: /tmp, size: 1GiB}}}": ("cannot fill disks", "disk-fill"),
    "{pressure: {descriptors: 10}}": ("cannot fill disks or use up file descriptors", "cannot use up two things"),
    "{service: {control: 'http://127.0.0.1:1', errors: 10%}}": ("cannot arm the fault layer", "cannot arm the fault layer"),
    "{node: [{pid_file: a}]}": ("cannot take away a node", "cannot take away a node"),
    "{drain: {selector: pool=spare}}": ("cannot drain nodes", "node-drain"),
}


def closed(schema):
    """The schema, in which a field that it does not know is a fault."""
    if isinstance(schema, dict):
        schema = {name: closed(value) for name, value in schema.items()}
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


def check(manifest):
    path = CRDS / f"{manifest['kind'].lower()}.yaml"
    if not path.exists():
        warnings.warn(f"SKIPPED: {path} is missing, so manifests are not held against it: run scripts/real/crds", stacklevel=2)
        return
    versions = yaml.safe_load(path.read_text())["spec"]["versions"]
    schema = closed(versions[0]["schema"]["openAPIV3Schema"])
    # Kubernetes has its own for this.
    schema["properties"]["metadata"] = {"type": "object"}
    jsonschema.validate(manifest, schema)


def export(folder, fault, *options, more=""):
    (folder / "x.yaml").write_text(TEXT.format(fault=fault, more=more))
    command = [built("slo"), "experiment", "export", "x.yaml", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("tool", ["chaos-mesh", "litmus"])
def test_manifests_fit_the_schemas_of_their_vendors(fault, tool, tmp_path):
    expected = FAULTS[fault][tool == "litmus"]
    pods = [] if "pods:" in fault or "drain:" in fault else ["--namespace", "shop", "--selector", "app=checkout,tier=web"]
    told = export(tmp_path, fault, "--target", tool, *pods)
    if " " in expected:
        assert told.returncode == 1 and expected in told.stderr, told
        return
    manifest = yaml.safe_load(told.stdout)
    name = manifest["kind"] if tool == "chaos-mesh" else manifest["spec"]["experiments"][0]["name"]
    assert name == expected, told.stdout
    check(manifest)


def test_a_share_of_pods(tmp_path):
    fault, pods = "{" + PROXY + "latency: 300ms}}", ["--namespace", "shop", "--selector", "app=checkout"]
    told = export(tmp_path, fault, "--target", "chaos-mesh", *pods, more="blast_radius: {share: 25%}")
    spec = yaml.safe_load(told.stdout)["spec"]
    assert (spec["mode"], spec["value"], spec["duration"], spec["delay"]) == ("fixed-percent", "25", "90s", {"latency": "300ms"})
    assert spec["selector"] == {"namespaces": ["shop"], "labelSelectors": {"app": "checkout"}}
    refused = export(tmp_path, fault, "--target", "litmus", *pods, more="blast_radius: {share: 0.5%}")
    assert refused.returncode == 1 and "not a whole number of percent" in refused.stderr
    nobody = export(tmp_path, fault, "--target", "litmus")
    assert nobody.returncode == 1 and "--namespace shop --selector app=checkout" in nobody.stderr


CHAOS = pathlib.Path(sys.executable).parent / "chaos"


@pytest.mark.skipif(not CHAOS.exists(), reason="Chaos Toolkit is missing: run scripts/setup")
def test_chaos_toolkit_runs_what_is_exported_and_its_journal_is_judged(tmp_path):
    sleeper = Sleeper(tmp_path, "victim")
    # `slo` is found on the path, and keeps its journals in the home folder.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "slo").write_text(
        f'#!/bin/sh\nverb=$2\nshift 2\nexec {built("slo")} experiment $verb "$@" '
        f'$([ $verb = export ] || echo --journals {tmp_path}/journals)\n'
    )
    (tmp_path / "bin" / "slo").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "HOME": str(tmp_path)}
    try:
        with Prometheus() as prometheus:
            experiment = Experiment(tmp_path, prometheus, stopping(sleeper), duration="2s")
            options = ["--target", "chaos-toolkit", "--prometheus", prometheus.url, "--out", "chaos.json"]
            command = [built("slo"), "experiment", "export", "experiment.yaml", "slo.yaml", *options]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

            def chaos(*words):
                ran = subprocess.run([CHAOS, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
                assert ran.returncode == 0, ran.stdout + ran.stderr
                return ran.stdout + ran.stderr

            assert "experiment syntax and semantic look valid" in chaos("validate", "chaos.json")
            chaos("run", "chaos.json")
            journal = json.loads((tmp_path / "journal.json").read_text())
            assert (journal["status"], journal["deviated"]) == ("completed", False)
            assert sleeper.sleeps() and [run["outcome"] for run in experiment.runs()] == ["held"]

            judge = [built("slo"), "experiment", "judge", "journal.json", *experiment.command("plan")[3:]]
            told = subprocess.run(judge, cwd=tmp_path, capture_output=True, text=True)
            finding = json.loads(told.stdout)
            assert (told.returncode, finding["outcome"]) == (0, "held"), told
            assert 900 < finding["slos"][0]["events"] < 4_000
            # Chaos Toolkit's own abort leaves faults in place, and runs no rollback.
            journal["rollbacks"], journal["run"][0]["status"] = [], "aborted"
            (tmp_path / "journal.json").write_text(json.dumps(journal))
            told = subprocess.run(judge, cwd=tmp_path, capture_output=True, text=True)
            assert "no rollback ran, so the fault may still be in place" in told.stderr and "x: aborted" in told.stderr, told.stderr
    finally:
        wait_for("the end of the fault", lambda: sleeper.sleeps(), 10)
        sleeper.end()


def test_what_is_no_journal_is_told(tmp_path):
    (tmp_path / "slo.yaml").write_text("")
    for text, told in [("{}", "not a journal of Chaos Toolkit"), ('{"experiment": {"title": "x"}}', "the journal has no action")]:
        (tmp_path / "journal.json").write_text(text)
        command = [built("slo"), "experiment", "judge", "journal.json", "x.yaml", "slo.yaml", "--prometheus", "http://127.0.0.1:1"]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == 1 and ran.stderr.startswith("journal.json: ") and told in ran.stderr, ran
