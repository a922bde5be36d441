"""Real Argo Rollouts and real Flagger ask the gates of `slo serve`, on a real API server. Skipped without SLO_KUBERNETES=1; see scripts/real."""

import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest
from releases import ROOT, Shop, Version, built, free_ports, get, wait_for

sys.path.insert(0, str(ROOT / "slo-cli" / "tests" / "experiments"))
from cluster import Cluster, programs  # noqa: E402

if os.environ.get("SLO_KUBERNETES") != "1":
    pytest.skip("SLO_KUBERNETES=1 is not set", allow_module_level=True)

# The rate of events and the share of bad ones, by the image that a pod runs.
IMAGES = {"app:old": (100, 0.001), "app:good": (100, 0.001), "app:bad": (100, 0.3), "app:idle": (0, 0)}
# The gates of docs/releases.md, with the labels that these series have.
GATES = """
version: slo-server/v1
listen: 127.0.0.1:{port}
specs: [slo.yaml]
prometheus: {{url: {prometheus}}}
gates:
  argo: {{slos: [shop/availability], new: 'version=~"roll-{{new}}-.*"', old: 'version=~"roll-{{old}}-.*"'}}
  flagger: {{slos: [shop/availability], new: 'version=~"{{name}}-[a-z0-9]+-[a-z0-9]+"', old: 'version=~"{{name}}-primary-.*"'}}
"""


class Site(Shop):
    """A cluster with both programs, a Prometheus that scrapes its pods, and the gates."""

    def __init__(self, folder, cluster, bin):
        super().__init__(folder)
        self.cluster, self.bin = cluster, bin

    def begin(self):
        super().begin()
        for path in sorted(self.bin.glob("*-definitions/*.yaml")):
            self.cluster.kubectl("apply", "--server-side", "-f", str(path))
        self.cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        self.cluster.kubectl("create", "namespace", "roll")
        port = free_ports(5)
        self.gates = f"http://127.0.0.1:{port}/api/v1/gates"
        (self.folder / "serve.yaml").write_text(GATES.format(port=port, prometheus=self.prometheus))
        self.start("serve", built("slo"), "serve", "serve.yaml")
        wait_for("slo serve", lambda: get(f"http://127.0.0.1:{port}/healthz"), 20)
        config = self.cluster.config
        self.start(
            "argo-rollouts", self.bin / "argo-rollouts", f"--kubeconfig={config}", "--leader-elect=false", f"--metricsport={port + 1}",
            f"--healthzPort={port + 2}",
        )  # fmt: skip
        self.start(
            "flagger", self.bin / "flagger", f"-kubeconfig={config}", "-mesh-provider=kubernetes", f"-metrics-server={self.prometheus}",
            f"-port={port + 3}",
        )  # fmt: skip
        self.ends = threading.Event()
        threading.Thread(target=self.count, daemon=True).start()

    def count(self):
        """Each pod counts events as its image does."""
        while not self.ends.wait(0.5):
            try:
                pods = self.cluster.get("pods", "-n", "roll")["items"]
            except OSError:
                continue
            for gone in set(self.versions) - {pod["metadata"]["name"] for pod in pods}:
                self.versions.pop(gone, None)
            for pod in pods:
                name, image = pod["metadata"]["name"], pod["spec"]["containers"][0]["image"]
                if name not in self.versions:
                    self.versions[name] = Version(*IMAGES[image])

    def __exit__(self, *_):
        self.ends.set()
        super().__exit__()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    bin = programs()
    said = subprocess.run([ROOT / "scripts" / "real" / "rollouts"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if bin is None or not said:
        pytest.skip("Kubernetes, Argo Rollouts or Flagger could not be built")
    with Cluster(tmp_path_factory.mktemp("cluster"), bin) as cluster, Site(tmp_path_factory.mktemp("site"), cluster, pathlib.Path(said)) as site:
        yield site


def rollout(site, image):
    labels = {"app": "roll"}
    metric = {
        "name": "slo", "interval": "2s", "count": 15, "failureLimit": 0, "inconclusiveLimit": 14, "consecutiveSuccessLimit": 1,
        "successCondition": 'result.verdict == "pass"', "failureCondition": 'result.verdict == "fail"',
        "provider": {"web": {
            "method": "POST", "url": f"{site.gates}/argo", "headers": [{"key": "Content-Type", "value": "application/json"}],
            "jsonBody": {"new": "{{args.canary-hash}}", "old": "{{args.stable-hash}}"}, "jsonPath": "{$}",
        }},
    }  # fmt: skip
    arguments = [{"name": "canary-hash", "valueFrom": {"podTemplateHashValue": "Latest"}}, {"name": "stable-hash", "valueFrom": {"podTemplateHashValue": "Stable"}}]
    analysis = {"templates": [{"templateName": "slo"}], "args": arguments}
    site.cluster.apply(
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": "slo", "namespace": "roll"},
         "spec": {"args": [{"name": "canary-hash"}, {"name": "stable-hash"}], "metrics": [metric]}},
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "roll", "namespace": "roll"}, "spec": {
            "replicas": 4, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "app", "image": image}]}},
            "strategy": {"canary": {"steps": [{"setWeight": 25}, {"analysis": analysis}]}},
        }},
    )  # fmt: skip


def analysis(site):
    """The phase of the newest analysis, and how often the gate was asked."""
    runs = site.cluster.get("analysisruns", "-n", "roll")["items"]
    newest = max(runs, key=lambda run: run["metadata"]["creationTimestamp"])
    return newest["status"]["phase"], len(newest["status"]["metricResults"][0].get("measurements", []))


@pytest.mark.parametrize("image, phase, judged", [("app:good", "Healthy", "Successful"), ("app:bad", "Degraded", "Failed"), ("app:idle", "Paused", "Inconclusive")])
def test_argo_rollouts(site, image, phase, judged):
    def found():
        return site.cluster.get("rollouts.argoproj.io", "roll", "-n", "roll").get("status", {}).get("phase")

    rollout(site, "app:old")
    wait_for("the old version", lambda: found() == "Healthy", 60)
    # Its pods have been scraped for a while.
    time.sleep(5)
    rollout(site, image)
    wait_for("the analysis", lambda: site.cluster.get("analysisruns", "-n", "roll")["items"], 30)
    wait_for(f"the verdict on {image}", lambda: found() == phase, 90)
    assert analysis(site)[0] == judged and analysis(site)[1] > 1
    site.cluster.kubectl("delete", "rollouts.argoproj.io,analysisruns", "--all", "-n", "roll", "--wait=true")
    site.versions.clear()


def deploy(site, image):
    labels = {"app": "api"}
    container = {"name": "app", "image": image, "ports": [{"containerPort": 8080}]}
    site.cluster.apply({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api", "namespace": "roll", "labels": labels},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}},
    })  # fmt: skip


@pytest.mark.parametrize("image, phase", [("app:good", "Succeeded"), ("app:bad", "Failed"), ("app:idle", "WaitingPromotion")])
def test_flagger(site, image, phase):
    def found():
        return site.cluster.get("canaries.flagger.app", "api", "-n", "roll").get("status", {}).get("phase")

    deploy(site, "app:old")
    hooks = [{"name": "slo", "type": "confirm-promotion", "url": f"{site.gates}/flagger/confirm"}, {"name": "slo-rollback", "type": "rollback", "url": f"{site.gates}/flagger/rollback"}]
    site.cluster.apply({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "api", "namespace": "roll"},
        "spec": {
            "provider": "kubernetes", "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}, "progressDeadlineSeconds": 60,
            "service": {"port": 8080}, "analysis": {"interval": "10s", "threshold": 2, "iterations": 2, "webhooks": hooks},
        },
    })  # fmt: skip
    try:
        wait_for("the primary", lambda: found() == "Initialized", 90)
        time.sleep(5)
        deploy(site, image)
        wait_for(f"the verdict on {image}", lambda: found() == phase, 180)
        if image == "app:idle":
            # It waits, and does not go live however long nobody uses it.
            time.sleep(25)
            assert found() == phase
        running = site.cluster.get("deployment", "api-primary", "-n", "roll")["spec"]["template"]["spec"]["containers"][0]["image"]
        assert running == (image if image == "app:good" else "app:old")
    finally:
        site.cluster.kubectl("delete", "canaries.flagger.app", "--all", "-n", "roll", "--wait=true")
        site.cluster.kubectl("delete", "deployment", "--all", "-n", "roll", "--wait=true")
        site.versions.clear()

