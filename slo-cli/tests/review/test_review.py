"""`slo review`: sound manifests, faults that are planted in them, suppressions, suggestions, and the outputs."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "examples"))
from running import built  # noqa: E402

SOUND = (HERE / "sound.yaml").read_text()


def review(*words, stdin=None):
    ran = subprocess.run([built("slo"), "review", *map(str, words)], input=stdin, capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout, ran.stderr


def findings(text, *words, spec=True):
    specs = [HERE / "slo.yaml"] if spec else []
    _, out, error = review("-", *specs, *words, "--format", "json", stdin=text)
    assert out, error
    return json.loads(out)["findings"]


def planted(*edits):
    text = SOUND
    for old, new in edits:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


# What is planted, and what is then found: the check, the object, and the severity.
FAULTS = {
    "one pod": (
        [("metadata: {name: payments, namespace: shop}\nspec:\n  replicas: 3", "metadata: {name: payments, namespace: shop}\nspec:\n  replicas: 1"),
         ("metadata: {name: payments, namespace: shop}\nspec: {maxUnavailable: 1,", "metadata: {name: payments, namespace: shop}\nspec: {maxUnavailable: 100%,")],
        ("single-replica", "Deployment/shop/payments", "high"),
    ),
    "no eviction allowed": (
        [("metadata: {name: checkout, namespace: shop}\nspec: {maxUnavailable: 1,", "metadata: {name: checkout, namespace: shop}\nspec: {minAvailable: 4,")],
        ("pdb-blocks-drain", "PodDisruptionBudget/shop/checkout", "high"),
    ),
    "all pods at once": (
        [("strategy: {type: RollingUpdate}", "strategy: {type: Recreate}")],
        ("rollout-without-pods", "Deployment/shop/cart", "high"),
    ),
    "killed while it waits": (
        [("terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 10")],
        ("grace-too-short", "Deployment/shop/checkout", "high"),
    ),
    "an autoscaler without requests": (
        [("name: cart\n          image: registry.example.com/cart:1.1.0\n          ports: [{name: http, containerPort: 8080}]\n          resources: {requests: {cpu: 250m, memory: 128Mi}",
          "name: cart\n          image: registry.example.com/cart:1.1.0\n          ports: [{name: http, containerPort: 8080}]\n          resources: {requests: {memory: 128Mi}")],
        ("hpa-without-requests", "HorizontalPodAutoscaler/shop/cart", "high"),
    ),
    "an autoscaler that follows errors": (
        [("{type: Pods, pods: {metric: {name: http_requests_per_second}", "{type: External, external: {metric: {name: slo:burn_rate:ratio5m}")],
        ("hpa-on-errors", "HorizontalPodAutoscaler/shop/checkout", "high"),
    ),
    "a selector with a typing error": (
        [("metadata: {name: worker, namespace: shop}\nspec: {selector: {matchLabels: {app: worker}}",
          "metadata: {name: worker, namespace: shop}\nspec: {selector: {matchLabels: {app: wroker}}")],
        ("selects-nothing", "PodMonitor/shop/worker", "medium"),
    ),
    "another scrape interval": (
        [("{matchLabels: {app: checkout}}, endpoints: [{port: http, interval: 15s}]", "{matchLabels: {app: checkout}}, endpoints: [{port: http, interval: 60s}]")],
        ("scrape-interval", "ServiceMonitor/shop/checkout", "medium"),
    ),
    "an impatient liveness probe": (
        [("path: /livez, port: http}, timeoutSeconds: 5", "path: /livez, port: http}, timeoutSeconds: 1")],
        ("impatient-liveness-probe", "Deployment/shop/checkout", "medium"),
    ),
    "lost metrics": (
        [(', ignoreNullValues: "false"', "")],
        ("keda-null-values", "ScaledObject/shop/worker", "medium"),
    ),
}  # fmt: skip


def short(finding):
    return finding["check"], finding["object"], finding["severity"]


def test_sound_manifests_have_no_finding():
    assert findings(SOUND) == []
    code, out, error = review(HERE / "sound.yaml", HERE / "slo.yaml")
    assert (code, out) == (0, "") and "18 objects, 4 SLOs: 0 high, 0 medium, 0 low" in error


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_alone(fault):
    edits, expected = FAULTS[fault]
    found = findings(planted(*edits))
    assert expected in [short(finding) for finding in found], found
    others = [short(finding) for finding in found if short(finding) != expected]
    assert all(severity != "high" for _, _, severity in others), others
    finding = next(finding for finding in found if short(finding) == expected)
    line = planted(*edits).splitlines()[finding["line"] - 1]
    assert line.strip(), finding


def test_ten_faults_in_one_chart_are_all_found_and_nothing_else_is_high():
    text = planted(*[edit for edits, _ in FAULTS.values() for edit in edits])
    found = [short(finding) for finding in findings(text)]
    expected = {expected for _, expected in FAULTS.values()}
    assert expected <= set(found), expected - set(found)
    assert {one for one in found if one[2] == "high"} == {one for one in expected if one[2] == "high"}
    code, out, error = review("-", HERE / "slo.yaml", stdin=text)
    assert code == 1 and "6 high" in error
    assert "standard input:" in out and "hint: " in out


def test_what_fails_is_chosen():
    text = planted(*FAULTS["lost metrics"][0])
    assert review("-", HERE / "slo.yaml", stdin=text)[0] == 0
    assert review("-", HERE / "slo.yaml", "--fail-on", "medium", stdin=text)[0] == 1
    assert review("-", HERE / "slo.yaml", "--fail-on", "bad", stdin=text)[0] == 2


def test_replicas_are_held_against_the_objective():
    def replicas(number):
        return planted(("metadata: {name: payments, namespace: shop}\nspec:\n  replicas: 3", f"metadata: {{name: payments, namespace: shop}}\nspec:\n  replicas: {number}"))

    # With pods that are up 99.5 % of the time: 1 - 0.005^2 = 99.9975 %, and 99.5 % while one is evicted.
    (two,) = findings(replicas(2))
    assert short(two) == ("replicas-below-objective", "Deployment/shop/payments", "medium")
    assert "at least 1 of 2 are up 99.9975% of the time, and 99.5000% while one is evicted" in two["why"] and two["mend"] == "write `replicas: 3`"
    worse = findings(replicas(2), "--pod-availability", "95%")
    assert ("replicas-below-objective", "Deployment/shop/payments", "high") in [short(finding) for finding in worse]
    needed = replicas(3).replace("metadata: {name: payments, namespace: shop}\nspec:\n  replicas", 'metadata: {name: payments, namespace: shop, annotations: {slo.dev/pods-needed: "2"}}\nspec:\n  replicas')
    assert [short(finding)[0] for finding in findings(needed)] == ["replicas-below-objective"]


def test_a_finding_may_be_accepted_until_a_day():
    def accepted(line):
        edits, _ = FAULTS["all pods at once"]
        text = planted(*edits)
        return text.replace("metadata: {name: cart, namespace: shop}", f"metadata: {{name: cart, namespace: shop, annotations: {{slo.dev/accept: {json.dumps(line)}}}}}", 1)

    text = accepted("rollout-without-pods until 2999-01-01: the cart writes to one volume")
    code, out, error = review("-", HERE / "slo.yaml", stdin=text)
    assert code == 0 and "accepted until 2999-01-01: the cart writes to one volume" in out and "0 high" in error and "1 accepted" in error
    for line, told in [
        ("rollout-without-pods until 2020-01-01: once", "is over since that day"),
        ("rollout-without-pods: for ever", "gives no day on which it ends"),
        ("rollout-without-pods until 2999-01-01", "gives no reason"),
        ("rollout-without-pods until soon: x", "gives no day"),
        ("everything until 2999-01-01: x", "names no check"),
    ]:
        code, out, _ = review("-", HERE / "slo.yaml", stdin=accepted(line))
        assert code == 1 and "bad-suppression" in out and told in out, line


def test_an_slo_of_nothing_here_is_told_where_it_is():
    spec = "version: slo/v1\nservice: x\nslos:\n  - name: far\n    objective: 99%\n    window: 30d\n    alerting: {page: {response: a}}\n    sli: {events: {total: 't_total{job=\"far\"}', bad: 'b_total{job=\"far\"}'}}\n"
    (finding,) = [finding for finding in findings(f"{spec}---\n{SOUND}", spec=False) if finding["check"] == "slo-selects-nothing"]
    assert (finding["severity"], finding["line"], finding["object"]) == ("low", 4, "SLO x/far")


def test_two_workloads_may_share_a_budget():
    both = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec: {replicas: 2, template: {metadata: {labels: {part-of: shop, app: a}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b}
spec: {replicas: 2, template: {metadata: {labels: {part-of: shop, app: b}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shop}
spec: {minAvailable: 2, selector: {matchLabels: {part-of: shop}}}
"""
    assert "pdb-blocks-drain" not in [finding["check"] for finding in findings(both, spec=False)]
    assert "pdb-blocks-drain" in [finding["check"] for finding in findings(both.replace("minAvailable: 2", "minAvailable: 4"), spec=False)]


def test_sarif_has_rules_and_places():
    text = planted(*FAULTS["no eviction allowed"][0])
    code, out, _ = review("-", HERE / "slo.yaml", "--format", "sarif", stdin=text)
    (run,) = json.loads(out)["runs"]
    (result,) = run["results"]
    assert code == 1 and result["level"] == "error" and run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "pdb-blocks-drain"
    region = result["locations"][0]["physicalLocation"]["region"]
    assert text.splitlines()[region["startLine"] - 1][region["startColumn"] - 1 :].startswith("4, selector")


def test_every_check_is_documented():
    text = (ROOT / "docs" / "review.md").read_text()
    (run,) = json.loads(review("-", "--format", "sarif", stdin=SOUND)[1])["runs"]
    for rule in run["tool"]["driver"]["rules"]:
        assert f"\n### {rule['id']}\n" in text, rule["id"]
    assert text.count("\n### ") == len(run["tool"]["driver"]["rules"])


def test_what_is_suggested_has_no_finding():
    # Those that are there keep their names, and scalers that are there are kept as they are.
    _, out, _ = review("-", HERE / "slo.yaml", "--suggest", stdin=SOUND)
    kinds = [(document["kind"], document["metadata"]["name"]) for document in yaml.safe_load_all(out)]
    assert kinds == [("PodDisruptionBudget", "checkout"), ("PodDisruptionBudget", "cart"), ("PodDisruptionBudget", "payments"), ("HorizontalPodAutoscaler", "payments")]
    bare = "---\n".join(text for text in SOUND.split("---\n") if not ("kind: PodDisruptionBudget" in text or "kind: HorizontalPodAutoscaler" in text))
    _, out, _ = review("-", HERE / "slo.yaml", "--suggest", stdin=bare)
    documents = list(yaml.safe_load_all(out))
    assert [document["kind"] for document in documents] == ["PodDisruptionBudget", "HorizontalPodAutoscaler"] * 3
    assert all(document["spec"]["maxUnavailable"] == 1 for document in documents[::2])
    checkout = documents[1]["spec"]
    assert checkout["minReplicas"] == 3 and checkout["maxReplicas"] == 12
    assert findings(f"{bare}---\n{out}") == []
    # Without a request of CPU, there is nothing to scale on.
    edits, _ = FAULTS["an autoscaler without requests"]
    _, out, _ = review("-", HERE / "slo.yaml", "--suggest", stdin=bare.replace(*edits[0]))
    assert ("HorizontalPodAutoscaler", "cart") not in [(document["kind"], document["metadata"]["name"]) for document in yaml.safe_load_all(out)]
    code, _, error = review("-", "--suggest", stdin=SOUND)
    assert code == 1 and "no workload here has an SLO" in error


def test_keda_objects_are_suggested_with_what_they_lack():
    spec = "version: slo/v1\nservice: worker\nslos: [{name: jobs, objective: 99%, window: 30d, sli: {events: {total: 'jobs_total{app=\"worker\"}', bad: 'jobs_failed{app=\"worker\"}'}}}]\n"
    text = planted(*FAULTS["lost metrics"][0]) + "---\n" + spec
    _, out, _ = review("-", "--suggest", stdin=text)
    scaled = next(document for document in yaml.safe_load_all(out) if document["kind"] == "ScaledObject")
    assert scaled["spec"]["triggers"][0]["metadata"]["ignoreNullValues"] == "false" and scaled["spec"]["fallback"]["replicas"] == 4
    assert scaled["spec"]["minReplicaCount"] == 3 and scaled["spec"]["maxReplicaCount"] == 20


def test_manifests_and_specs_may_be_in_one_stream_and_faults_keep_their_lines():
    spec = (HERE / "slo.yaml").read_text()
    assert findings(f"{SOUND}---\n{spec}", spec=False) == []
    code, _, error = review("-", stdin=f"{SOUND}---\n{spec.replace('99.9%', '199.9%', 1)}")
    line = len(SOUND.splitlines()) + 1 + 1 + next(index for index, text in enumerate(spec.splitlines()) if "99.9%" in text)
    assert code == 1 and f"standard input:{line}:" in error


def test_what_cannot_be_read_does_not_hide_the_rest():
    deep = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nx: " + "{a: " * 60 + "1" + "}" * 60 + "\n"
    edits, expected = FAULTS["no eviction allowed"]
    text = f"{deep}---\n{planted(*edits)}"
    _, out, error = review("-", HERE / "slo.yaml", "--format", "json", stdin=text)
    (finding,) = json.loads(out)["findings"]
    assert short(finding) == expected and "left out: standard input:3:" in error
    assert text.splitlines()[finding["line"] - 1].startswith("spec: {minAvailable: 4")
    assert review("-", stdin="a: 1\n")[0] == 1


# A folder with manifests that other projects publish, rendered: `SLO_PUBLIC_MANIFESTS=folder`.
PUBLIC = os.environ.get("SLO_PUBLIC_MANIFESTS")


@pytest.mark.skipif(not PUBLIC, reason="SLO_PUBLIC_MANIFESTS is not set")
def test_public_manifests():
    """No crash, and no high finding but of budgets that allow no eviction, autoscalers that cannot scale, and those that follow errors."""
    files = sorted(pathlib.Path(PUBLIC).glob("*.yaml"))
    assert len(files) >= 30
    for file in files:
        code, out, error = review(file, "--format", "json")
        assert code in (0, 1), (file, error)
        for finding in json.loads(out)["findings"]:
            assert finding["severity"] != "high" or finding["check"] in ("pdb-blocks-drain", "hpa-without-requests", "hpa-on-errors"), finding


# As `az aks show -o json` prints it, shortened.
CLUSTER = {
    "name": "prod", "location": "westeurope", "type": "Microsoft.ContainerService/ManagedClusters",
    "agentPoolProfiles": [{
        "name": "nodepool1", "mode": "System", "count": 6, "enableAutoScaling": True, "minCount": 3, "maxCount": 9, "availabilityZones": ["1", "2", "3"],
        "scaleSetPriority": None, "nodeTaints": None, "type": "VirtualMachineScaleSets",
        "upgradeSettings": {"drainTimeoutInMinutes": None, "maxSurge": "33%", "maxUnavailable": "0", "nodeSoakDurationInMinutes": None, "undrainableNodeBehavior": None},
    }],
}  # fmt: skip


def pool(**fields):
    return {**CLUSTER, "agentPoolProfiles": [{**CLUSTER["agentPoolProfiles"][0], **fields}]}


def with_pools(tmp_path, pools, *edits):
    """The findings of manifests beside node pools, without those that the manifests have alone."""
    path = tmp_path / "pools.json"
    path.write_text(json.dumps(pools))
    text = planted(*edits)
    before = findings(text)
    return [finding for finding in findings(text, path) if finding not in before]


LONE = [("metadata: {name: payments, namespace: shop}\nspec:\n  replicas: 3", "metadata: {name: payments, namespace: shop}\nspec:\n  replicas: 1"),
        ("metadata: {name: payments, namespace: shop}\nspec: {maxUnavailable: 1,", "metadata: {name: payments, namespace: shop}\nspec: {maxUnavailable: 100%,")]  # fmt: skip


def test_an_upgrade_of_sound_workloads_costs_nothing(tmp_path):
    assert with_pools(tmp_path, CLUSTER) == []


def test_an_upgrade_of_a_lone_pod_is_priced(tmp_path):
    [finding] = with_pools(tmp_path, CLUSTER, *LONE)
    assert (finding["check"], finding["object"]) == ("upgrade-costs-budget", "Deployment/shop/payments")
    # 33 % of 6 nodes are 2 at a time, so there are 3 rounds of 30 s.
    assert "drains the 6 nodes of the pool nodepool1 2 at a time, and 1 of 1 pods may go at once" in finding["why"] and "up to 90 s of outage" in finding["why"]
    # `az aks nodepool list` prints the pools alone; Azure's API nests them.
    flat = [{**CLUSTER["agentPoolProfiles"][0], "type": "Microsoft.ContainerService/managedClusters/agentPools"}]
    nested = {"value": [{"name": "nodepool1", "type": "Microsoft.ContainerService/managedClusters/agentPools", "properties": CLUSTER["agentPoolProfiles"][0]}]}
    for shape in (flat, nested["value"]):
        [other] = with_pools(tmp_path, shape, *LONE)
        assert other["why"] == finding["why"]
    [default] = with_pools(tmp_path, pool(upgradeSettings=None), *LONE)
    assert "1 at a time" in default["why"] and "up to 180 s of outage" in default["why"]


def test_nodes_that_a_pod_does_not_tolerate_do_not_count(tmp_path):
    assert with_pools(tmp_path, pool(scaleSetPriority="Spot"), *LONE) == []
    assert with_pools(tmp_path, pool(nodeTaints=["CriticalAddonsOnly=true:NoSchedule"]), *LONE) == []
    assert with_pools(tmp_path, pool(osType="Windows"), *LONE) == []
    assert len(with_pools(tmp_path, pool(nodeTaints=["a=b:PreferNoSchedule"], osType="Linux"), *LONE)) == 1
    # A pod that selects a label runs on the pools that have it.
    text = planted(*LONE)
    path = tmp_path / "pools.json"
    for labels, count in ((None, 0), ({"disk": "fast"}, 1)):
        path.write_text(json.dumps(pool(nodeLabels=labels)))
        documents = list(yaml.safe_load_all(text))
        for one in documents:
            if one and (one["kind"], one["metadata"]["name"]) == ("Deployment", "payments"):
                one["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "fast", "kubernetes.io/os": "linux"}
        found = findings(yaml.safe_dump_all(documents), path)
        assert len([one for one in found if one["check"] == "upgrade-costs-budget"]) == count


def test_a_drain_that_takes_longer_than_an_upgrade_waits(tmp_path):
    [finding] = [one for one in with_pools(tmp_path, pool(upgradeSettings={"maxSurge": "1", "drainTimeoutInMinutes": 1})) if one["object"].startswith("AgentPool")]
    assert (finding["check"], finding["severity"], finding["object"]) == ("drain-timeout", "high", "AgentPool/nodepool1")
    assert "gives up after 1 min" in finding["why"]


def test_nodes_of_one_zone(tmp_path):
    found = with_pools(tmp_path, pool(availabilityZones=["2"]))
    assert {(one["check"], one["severity"]) for one in found} == {("one-zone", "low")} and "all of them in zone 2" in found[0]["why"]
    assert {one["check"] for one in with_pools(tmp_path, pool(availabilityZones=None))} == {"one-zone"}
