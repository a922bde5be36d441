"""The chart and the plain manifests on a real API server, in a namespace that is `restricted`. Skipped without SLO_KUBERNETES=1; see scripts/real."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "slo-cli" / "tests" / "experiments"))
from cluster import Cluster, programs  # noqa: E402

if os.environ.get("SLO_KUBERNETES") != "1":
    pytest.skip("SLO_KUBERNETES=1 is not set", allow_module_level=True)

CHART = ROOT / "deploy" / "helm" / "slo"
PLAIN = ROOT / "deploy" / "kubernetes" / "slo.yaml"
SLO = {
    "apiVersion": "slo.dev/v1", "kind": "SLO", "metadata": {"name": "checkout", "namespace": "shop"},
    "spec": {
        "service": "checkout",
        "slos": [{"name": "availability", "objective": "99.9%", "window": "30d", "sli": {"events": {"total": "requests_total", "bad": "errors_total"}}}],
    },
}  # fmt: skip
SERVER = {
    "server": {
        "enabled": True, "secrets": ["tokens"],
        "config": {"intake": {"bearer_file": "/etc/slo/secrets/tokens/a"}, "access": {"responders": {"basic_file": "/etc/slo/secrets/tokens/b"}}},
    },
    "networkPolicy": {"enabled": True},
}  # fmt: skip
# What the controller may do in the namespaces that it watches, and what it may not.
ASKED = [
    ("watch", "slos.slo.dev", True), ("update", "slos.slo.dev", False), ("patch", "slos/status.slo.dev", True),
    ("list", "prometheusservicelevels.sloth.slok.dev", True), ("patch", "servicelevelobjectives/status.pyrra.dev", True),
    ("create", "prometheusrules.monitoring.coreos.com", True), ("delete", "prometheusrules.monitoring.coreos.com", False),
    ("create", "events.events.k8s.io", True), ("get", "secrets", False), ("get", "configmaps", False), ("create", "pods", False),
]  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    bin = programs()
    if bin is None:
        pytest.skip("Kubernetes could not be built")
    with Cluster(tmp_path_factory.mktemp("cluster"), bin) as cluster:
        for name in ("shop", "search"):
            cluster.kubectl("create", "namespace", name)
        yield cluster


@pytest.fixture(params=["helm3", "helm4"])
def helm(request, cluster, tmp_path):
    """A function that runs Helm, in a new namespace that is `restricted`."""
    said = subprocess.run([ROOT / "scripts" / "real" / "helm"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if not said:
        pytest.skip("Helm could not be built")
    (program,) = pathlib.Path(said).glob(f"{request.param}-*")
    namespace = f"{request.node.originalname.removeprefix('test_').replace('_', '-')[:40]}-{request.param}"
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": restricted}})
    environment = {**os.environ, "KUBECONFIG": str(cluster.config), "HELM_CACHE_HOME": str(tmp_path)}

    def run(*words, values=None, check=True):
        command = [program, *words, "--namespace", namespace]
        ran = subprocess.run(command, env=environment, input=json.dumps(values or {}), capture_output=True, text=True)
        assert ran.returncode == 0 or not check, ran.stderr
        return ran

    run.namespace = namespace
    yield run
    for release in run("list", "--short").stdout.split():
        run("uninstall", release)
    cluster.kubectl("delete", "crd", "slos.slo.dev", "--ignore-not-found")


def upgrade(helm, values=None, release="slo", **more):
    words = ["upgrade", "--install", release, str(CHART), "--values", "-", "--wait", "--timeout", "60s"]
    return helm(*words, values=values, **more)


def may(cluster, account, verb, resource, namespace, name=""):
    """Whether a service account may do this. The resource may be of a kind that the cluster does not have."""
    kind, _, group = resource.partition(".")
    kind, _, part = kind.partition("/")
    what = {"verb": verb, "resource": kind, "subresource": part, "group": group, "namespace": namespace, "name": name}
    review = {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:{account}", "resourceAttributes": what},
    }  # fmt: skip
    return json.loads(cluster.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))["status"]["allowed"]


def test_it_runs_and_may_do_no_more_than_it_needs(helm, cluster):
    upgrade(helm)
    assert len(cluster.pods(helm.namespace)) == 2
    nodes = [pod["spec"]["nodeName"] for pod in cluster.get("pods", "-n", helm.namespace)["items"]]
    assert sorted(nodes) == cluster.nodes
    account = f"{helm.namespace}:slo-controller"
    asked = {(verb, resource): may(cluster, account, verb, resource, "shop") for verb, resource, _ in ASKED}
    assert asked == {(verb, resource): allowed for verb, resource, allowed in ASKED}
    lease = "leases.coordination.k8s.io"
    assert may(cluster, account, "create", lease, helm.namespace) and not may(cluster, account, "create", lease, "shop")
    assert may(cluster, account, "update", lease, helm.namespace, "slo-controller") and not may(cluster, account, "update", lease, helm.namespace, "another")
    upgrade(helm, {"controller": {"takeOver": True, "namespaces": ["shop"]}})
    assert may(cluster, account, "delete", "prometheusrules.monitoring.coreos.com", "shop")
    assert not may(cluster, account, "get", "slos.slo.dev", "search")


def test_the_kind_and_its_objects_stay(helm, cluster):
    upgrade(helm)
    cluster.apply(SLO)
    helm("uninstall", "slo", "--wait")
    assert cluster.get("slos.slo.dev", "checkout", "-n", "shop")["spec"]["service"] == "checkout"
    # It is its own again, and of no other release.
    upgrade(helm)
    other = upgrade(helm, release="slo-2", check=False)
    assert other.returncode != 0 and "slos.slo.dev" in other.stderr
    helm("uninstall", "slo-2", check=False)
    upgrade(helm, {"crds": {"install": False}, "controller": {"namespaces": ["search"]}}, release="slo-2")
    assert cluster.get("slos.slo.dev", "checkout", "-n", "shop")


def test_the_server_runs_on_a_volume(helm, cluster):
    cluster.kubectl("create", "secret", "generic", "tokens", "-n", helm.namespace, "--from-literal=a=x", "--from-literal=b=y:z")
    # Nothing makes volumes here.
    claim = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "storageClassName": helm.namespace, "hostPath": {"path": "/tmp"}}
    cluster.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": helm.namespace}, "spec": claim})
    server = SERVER["server"] | {"sqlite": {"storageClass": helm.namespace}}
    upgrade(helm, SERVER | {"server": server})
    assert "slo-server-0" in cluster.pods(helm.namespace)
    helm("uninstall", "slo", "--wait")
    assert cluster.get("pvc", "record-slo-server-0", "-n", helm.namespace)["status"]["phase"] == "Bound"


def test_plain_manifests(cluster):
    cluster.kubectl("apply", "--server-side", "-f", str(PLAIN))
    cluster.kubectl("rollout", "status", "deployment/slo-controller", "-n", "slo-system", "--timeout=60s")
    assert len(cluster.pods("slo-system")) == 2
    # A second time, nothing changes.
    before = cluster.get("deployment", "slo-controller", "-n", "slo-system")["metadata"]["generation"]
    cluster.kubectl("apply", "--server-side", "-f", str(PLAIN))
    assert cluster.get("deployment", "slo-controller", "-n", "slo-system")["metadata"]["generation"] == before
    cluster.apply(SLO)
    # As the README says to uninstall it.
    cluster.kubectl("delete", "namespace", "slo-system")
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", "slo-controller")
    assert cluster.get("slos.slo.dev", "checkout", "-n", "shop")
