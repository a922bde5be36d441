"""Experiments on pods and nodes of a real API server. Skipped without SLO_KUBERNETES=1, and without a build with the feature."""

import json
import os
import random
import signal
import time

import pytest
from cluster import Cluster, programs
from faults import wait_for
from prometheus import Prometheus
from test_experiments import KILLS, Experiment

pytestmark = pytest.mark.skipif(not os.environ.get("SLO_KUBERNETES"), reason="a control plane takes six minutes to build: set SLO_KUBERNETES=1")

PODS = "{pods: {namespace: shop, selector: app=checkout}}"
EVICT = "{pods: {namespace: shop, selector: app=checkout, evict: true}}"
DRAIN = "{drain: {selector: pool=spare}}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    bin = programs()
    if not bin:
        pytest.skip("Kubernetes could not be built")
    with Cluster(tmp_path_factory.mktemp("cluster"), bin) as cluster:
        os.environ["KUBECONFIG"] = str(cluster.config)
        yield cluster


@pytest.fixture
def checkout(cluster):
    cluster.deploy("checkout", 4)
    yield cluster
    cluster.kubectl("delete", "namespace", "shop", "--wait=true")


@pytest.fixture
def prometheus():
    with Prometheus() as prometheus:
        yield prometheus


def cordoned(cluster):
    return [node["metadata"]["name"] for node in cluster.get("nodes")["items"] if node["spec"].get("unschedulable")]


def finding(experiment):
    process = experiment.start()
    out, error = process.communicate(timeout=120)
    assert out, error
    return json.loads(out)


def test_a_pod_is_deleted_and_its_deployment_makes_a_new_one(checkout, tmp_path, prometheus):
    before = checkout.pods()
    found = finding(Experiment(tmp_path, prometheus, PODS, duration="3s"))
    assert (found["outcome"], found["not_undone"]) == ("held", [])
    after = checkout.pods()
    assert len(after) == 4 and len(set(before) & set(after)) == 3


def test_no_more_pods_than_the_blast_radius(checkout, tmp_path, prometheus):
    before = checkout.pods()
    finding(Experiment(tmp_path, prometheus, PODS, duration="3s", more="blast_radius: {targets: 3}"))
    assert len(set(before) & set(checkout.pods())) == 1


def test_a_disruption_budget_may_refuse_an_eviction(cluster, tmp_path, prometheus):
    cluster.deploy("checkout", 4, at_least=4)
    try:
        before = cluster.pods()
        found = finding(Experiment(tmp_path, prometheus, EVICT, duration="3s"))
        assert "disruption budget" in found["stop"]["error"] and found["not_undone"] == [], found
        assert cluster.pods() == before
        cluster.deploy("checkout", 4, at_least=3)
        assert finding(Experiment(tmp_path, prometheus, EVICT, duration="3s"))["outcome"] == "held"
        assert len(set(before) & set(cluster.pods())) == 3
    finally:
        cluster.kubectl("delete", "namespace", "shop", "--wait=true")


def test_a_node_is_drained_and_takes_pods_again(checkout, tmp_path, prometheus):
    experiment = Experiment(tmp_path, prometheus, DRAIN)
    process = experiment.start()
    experiment.injected(process)
    [node] = cordoned(checkout)
    wait_for("the pods on the other node", lambda: len(checkout.pods()) == 4, 30)
    placed = {pod["spec"]["nodeName"] for pod in checkout.get("pods", "-n", "shop")["items"]}
    assert node not in placed and len(placed) == 1
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert cordoned(checkout) == []


def test_nothing_that_matches_is_told(checkout, tmp_path, prometheus):
    told = Experiment(tmp_path, prometheus, "{pods: {namespace: shop, selector: app=nothing}}").do("plan")
    assert told.returncode == 4 and "pods app=nothing in shop: none is ready" in told.stderr, told
    told = Experiment(tmp_path, prometheus, "{drain: {selector: pool=nothing}}").do("plan")
    assert told.returncode == 4 and "nodes pool=nothing: none takes pods" in told.stderr, told


@pytest.mark.parametrize("fault", [PODS, DRAIN], ids=["pods", "drain"])
def test_the_controller_may_be_killed_at_any_moment(fault, checkout, tmp_path, prometheus):
    experiment = Experiment(tmp_path, prometheus, fault)
    chance = random.Random(KILLS)
    began, slowest = 0, 0.0
    # A run counts once it has begun.
    while began < KILLS:
        process = experiment.start()
        time.sleep(chance.uniform(0, chance.choice([0.3, 0.9])))
        kills_both = chance.random() < 0.1
        if kills_both:
            for pid in experiment.watchdogs():
                os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()
        start = time.monotonic()
        wait_for("the end of the watchdog", lambda: not experiment.watchdogs(), 60)
        told = experiment.do("abort")
        assert told.returncode == 0, told.stderr
        assert cordoned(checkout) == [] and len(checkout.pods()) == 4, told.stderr
        slowest = max(slowest, time.monotonic() - start)
        began += "begun" in experiment.events()
        for path in experiment.journals.glob("*.jsonl"):
            path.unlink()
    print(f"{fault}: {began} runs killed; all was as before after {slowest:.1f} s at most")
