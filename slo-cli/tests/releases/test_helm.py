"""`slo release` with real Helm on a real API server. Skipped without SLO_KUBERNETES=1; see scripts/real."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "slo-cli" / "tests" / "experiments"))
from cluster import Cluster, programs  # noqa: E402
from running import built, wait_for  # noqa: E402

if os.environ.get("SLO_KUBERNETES") != "1":
    pytest.skip("SLO_KUBERNETES=1 is not set", allow_module_level=True)

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: 2
  selector: {matchLabels: {app: {{ .Values.selector }}}}
  template:
    metadata: {labels: {app: {{ .Values.selector }}}}
    spec:
      terminationGracePeriodSeconds: 0
      {{- if .Values.stuck }}
      nodeSelector: {no: such-node}
      {{- end }}
      containers: [{name: api, image: "{{ .Values.image }}"}]
"""
CLAIM = """
{{- if .Values.claim }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
{{- end }}
"""
VALUES = "image: shop/api:1\nselector: api\nstuck: false\nclaim: false\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    bin = programs()
    if bin is None:
        pytest.skip("Kubernetes could not be built")
    with Cluster(tmp_path_factory.mktemp("cluster"), bin) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["helm3", "helm4"])
def helm(request, cluster, tmp_path_factory):
    """A function that runs Helm, with a chart."""
    said = subprocess.run([ROOT / "scripts" / "real" / "helm"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if not said:
        pytest.skip("Helm could not be built")
    folder = tmp_path_factory.mktemp(request.param)
    (program,) = pathlib.Path(said).glob(f"{request.param}-*")
    (folder / "helm").symlink_to(program)
    (folder / "kubectl").symlink_to(cluster.bin / "kubectl")
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: api\nversion: 0.1.0\n")
    (chart / "values.yaml").write_text(VALUES)
    (chart / "templates" / "deployment.yaml").write_text(DEPLOYMENT)
    (chart / "templates" / "claim.yaml").write_text(CLAIM)
    environment = {**os.environ, "KUBECONFIG": str(cluster.config), "PATH": f"{folder}:{os.environ['PATH']}", "HELM_CACHE_HOME": str(folder / "cache")}

    class Helm:
        name = request.param

        def __init__(self):
            self.chart, self.environment = str(chart), environment

        def namespace(self, name):
            cluster.kubectl("create", "namespace", f"{self.name}-{name}")
            return f"{self.name}-{name}"

        def run(self, *words, check=True):
            return subprocess.run(["helm", *words], env=environment, capture_output=True, text=True, check=check)

        def upgrade(self, namespace, *words, check=True):
            return self.run("upgrade", "--install", "api", self.chart, "-n", namespace, "--wait", "--timeout", "20s", *words, check=check)

        def release(self, namespace, *words, name="api"):
            ran = subprocess.run([built("slo"), "release", name, "-n", namespace, *words], env=environment, capture_output=True, text=True)
            return ran.returncode, ran.stdout + ran.stderr

        def report(self, namespace):
            ran = subprocess.run([built("slo"), "release", "api", "-n", namespace, "--format", "json"], env=environment, capture_output=True, text=True)
            return json.loads(ran.stdout)

    return Helm()


def test_a_failed_upgrade_is_rolled_back(helm):
    namespace = helm.namespace("failed")
    helm.upgrade(namespace)
    assert helm.release(namespace) == (0, helm.release(namespace)[1])
    assert helm.upgrade(namespace, "--set", "stuck=true", "--timeout", "4s", check=False).returncode == 1
    code, said = helm.release(namespace)
    assert code == 1 and "revision 2 failed (timeout)" in said and "nothing speaks against going back" in said
    assert "0 of 1 pods of shop/api:1 are ready" in said
    code, said = helm.release(namespace, "--execute")
    assert code == 0, said
    assert helm.report(namespace)["revisions"][-1]["description"] == "Rollback to 1"
    assert helm.release(namespace)[0] == 0
    # The Deployment says the same of itself.
    code, said = helm.release(namespace, name="deployment/api")
    assert code == 0 and "is live" in said


def test_an_immutable_field(helm):
    namespace = helm.namespace("immutable")
    helm.upgrade(namespace)
    assert helm.upgrade(namespace, "--set", "selector=other", check=False).returncode == 1
    code, said = helm.release(namespace)
    assert code == 1 and "revision 2 failed (immutable field)" in said and "nothing speaks against going back" in said
    assert helm.release(namespace, "--execute")[0] == 0
    assert helm.report(namespace)["condition"]["condition"] == "live"


def test_an_upgrade_whose_helm_was_killed(helm):
    namespace = helm.namespace("killed")
    helm.upgrade(namespace)
    words = ["helm", "upgrade", "api", helm.chart, "-n", namespace, "--wait", "--timeout", "60s", "--set", "stuck=true"]
    upgrade = subprocess.Popen(words, env=helm.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for("the upgrade", lambda: helm.report(namespace)["revisions"][-1]["status"] == "pending-upgrade", 20)
    code, said = helm.release(namespace)
    assert code == 4 and "may still be at it" in said
    upgrade.send_signal(signal.SIGKILL)
    upgrade.wait()
    assert "in progress" in helm.upgrade(namespace, check=False).stderr
    # Five minutes later, it is stuck; here it is read with the times of a longer wait.
    files = {"history": helm.run("history", "api", "-n", namespace, "-o", "json").stdout}
    history = pathlib.Path(helm.chart) / "history.json"
    history.write_text(files["history"].replace(time.strftime("%Y-", time.gmtime()), "2020-"))
    code, said = helm.release(namespace, "--history", str(history))
    assert code == 1 and "whoever worked on it has died" in said and f"helm rollback api 1 --wait --timeout 5m --namespace {namespace}" in said
    helm.run("rollback", "api", "1", "--wait", "--timeout", "20s", "-n", namespace)
    assert helm.release(namespace)[0] == 0 and helm.report(namespace)["revisions"][1]["status"] == "pending-upgrade"


def test_a_rollback_that_would_lose_data_is_not_run(helm):
    namespace = helm.namespace("data")
    helm.upgrade(namespace)
    helm.upgrade(namespace, "--set", "claim=true,stuck=true", "--timeout", "4s", check=False)
    code, said = helm.release(namespace, "--execute")
    assert code == 1 and "PersistentVolumeClaim/data: the rollback deletes it, and the data with it" in said and "nothing was done" in said
    assert helm.report(namespace)["advice"]["safety"] == "unsafe"
    assert helm.release(namespace, "--execute", "--accept-risks")[0] == 0
