"""`slo controller` on a real API server, with the permissions of the chart and no more. Skipped without SLO_KUBERNETES=1; see scripts/real."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "slo-cli" / "tests" / "experiments"))
from cluster import Cluster, programs  # noqa: E402
from running import built, free_ports, get, wait_for  # noqa: E402

if os.environ.get("SLO_KUBERNETES") != "1":
    pytest.skip("SLO_KUBERNETES=1 is not set", allow_module_level=True)

MANIFESTS = ROOT / "deploy" / "kubernetes" / "slo.yaml"
EVENTS = {"total": 'http_requests_total{job="checkout"}', "bad": 'http_requests_total{job="checkout", code=~"5.."}'}
ONE = {"name": "availability", "objective": "99.9%", "window": "30d", "sli": {"events": EVENTS}}
SLOTH = {
    "service": "checkout",
    "slos": [{
        "name": "availability", "objective": 99.9,
        "sli": {"events": {
            "errorQuery": 'sum(rate(http_requests_total{job="checkout",code=~"5.."}[{{.window}}]))',
            "totalQuery": 'sum(rate(http_requests_total{job="checkout"}[{{.window}}]))',
        }},
        "alerting": {"name": "CheckoutAvailability", "pageAlert": {"labels": {"severity": "page"}}, "ticketAlert": {"labels": {"severity": "ticket"}}},
    }],
}  # fmt: skip
PYRRA = {
    "target": "99.9", "window": "4w",
    "indicator": {"ratio": {"errors": {"metric": 'http_requests_total{job="checkout",code=~"5.."}'}, "total": {"metric": 'http_requests_total{job="checkout"}'}}},
}  # fmt: skip
KINDS = {
    "SLO": ("slo.dev/v1", "slos.slo.dev"),
    "PrometheusServiceLevel": ("sloth.slok.dev/v1", "prometheusservicelevels.sloth.slok.dev"),
    "ServiceLevelObjective": ("pyrra.dev/v1alpha1", "servicelevelobjectives.pyrra.dev"),
}


def definitions():
    said = subprocess.run([ROOT / "scripts" / "real" / "definitions"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if not said:
        pytest.skip("the definitions could not be had")
    return pathlib.Path(said)


class Shop(Cluster):
    """A cluster with the definitions, and the permissions of the chart."""

    def begin(self):
        super().begin()
        for name in ("prometheusrules", "sloth", "pyrra"):
            self.kubectl("apply", "--server-side", "-f", str(definitions() / f"{name}.yaml"))
        made = [one for one in yaml.safe_load_all(MANIFESTS.read_text()) if one]
        kinds = ("Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
        for kind in kinds:
            self.apply(*[one for one in made if one["kind"] == kind])
        (account,) = [one["metadata"] for one in made if one["kind"] == "ServiceAccount"]
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        token = wait_for("a token", lambda: self.kubectl("create", "token", account["name"], "-n", account["namespace"], "--duration=2h"), 20)
        config = json.loads(self.config.read_text())
        config["users"][0]["user"] = {"token": token.strip()}
        config["contexts"][0]["context"]["namespace"] = account["namespace"]
        self.least = self.folder / "least.kubeconfig"
        self.least.write_text(json.dumps(config))
        # What --take-over needs besides.
        self.apply(
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "take-over"},
             "rules": [{"apiGroups": ["monitoring.coreos.com"], "resources": ["prometheusrules"], "verbs": ["delete"]}]},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "take-over"},
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "take-over"},
             "subjects": [{"kind": "ServiceAccount", **{key: account[key] for key in ("name", "namespace")}}]},
        )  # fmt: skip

    def put(self, name, spec, kind="SLO", namespace="shop"):
        self.apply({"apiVersion": KINDS[kind][0], "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec})

    def see(self, name, kind="SLO", namespace="shop"):
        return self.get(KINDS[kind][1], name, "-n", namespace)

    def rule(self, name, namespace="shop"):
        return self.get("prometheusrules", name, "-n", namespace)

    def rules(self, namespace="shop"):
        return [rule["metadata"]["name"] for rule in self.get("prometheusrules", "-n", namespace)["items"]]

    def ready(self, name, namespace="shop"):
        """The condition of an object, once it is of the newest generation."""

        def found():
            object = self.see(name, namespace=namespace)
            for one in object.get("status", {}).get("conditions", []):
                if one["type"] == "Ready" and one["observedGeneration"] == object["metadata"]["generation"]:
                    return one
            return None

        return wait_for(f"the condition of {name}", found, 20)

    def becomes(self, reason, name, namespace="shop", seconds=20):
        return wait_for(f"{name} {reason}", lambda: (one := self.ready(name, namespace))["reason"] == reason and one, seconds)

    def told(self, name, namespace="shop"):
        """The reasons and notes of the events of an object."""
        events = self.get("events.events.k8s.io", "-n", namespace)["items"]
        return [(event["type"], event["reason"], event["note"]) for event in events if event["regarding"]["name"] == name]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    bin = programs()
    if bin is None:
        pytest.skip("Kubernetes could not be built")
    with Shop(tmp_path_factory.mktemp("cluster"), bin, nodes=0) as cluster:
        yield cluster


@pytest.fixture
def shop(cluster):
    for namespace in ("shop", "other"):
        cluster.kubectl("create", "namespace", namespace)
    yield cluster
    for namespace in ("shop", "other"):
        cluster.kubectl("delete", "namespace", namespace, "--wait=true")


class Controller:
    """A process of `slo controller`."""

    def __init__(self, cluster, *options, name="one"):
        self.log = cluster.folder / f"{name}.log"
        self.port = free_ports(1)
        command = [built("slo"), "controller", "--listen", f"127.0.0.1:{self.port}", *options]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(command, env={"KUBECONFIG": str(cluster.least)}, stdout=log, stderr=log)
        wait_for("the controller", lambda: self.get("/readyz") == "ok\n", 20)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def value(self, metric):
        values = [line.rsplit(" ", 1)[1] for line in self.get("/metrics").splitlines() if line.startswith(metric)]
        return float(values[0]) if values else None

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(timeout=15)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Told to end, it gives the lease back, and the next test need not wait.
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=10)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def controller(shop):
    with Controller(shop) as controller:
        yield controller
        assert controller.process.poll() is None, controller.log.read_text()


def alerts(rule):
    rules = [one for group in rule["spec"].get("groups", []) for one in group["rules"]]
    return {one["labels"]["severity"] for one in rules if "alert" in one and "severity" in one.get("labels", {})}


def test_the_rules_are_those_that_generate_writes(shop, controller, tmp_path):
    shop.put("checkout", {"service": "checkout", "labels": {"team": "payments"}, "slos": [ONE]})
    ready = shop.ready("checkout")
    assert (ready["status"], ready["reason"]) == ("True", "RulesWritten")
    object = shop.see("checkout")
    # An object from the API server is a spec as it is.
    spec = tmp_path / "slo.yaml"
    spec.write_text(shop.kubectl("get", "slos.slo.dev", "checkout", "-n", "shop", "-o", "yaml"))
    written = subprocess.run([built("slo"), "generate", "--target", "operator", spec], capture_output=True, text=True, check=True).stdout
    rule = shop.rule("slo-checkout")
    assert rule["spec"] == yaml.safe_load(written)["spec"]
    (owner,) = rule["metadata"]["ownerReferences"]
    assert owner["uid"] == object["metadata"]["uid"] and owner["controller"] and "blockOwnerDeletion" not in owner
    assert ("Normal", "RulesWritten", "the rules are in PrometheusRule slo-checkout") in shop.told("checkout")
    shown = shop.kubectl("get", "slos.slo.dev", "-n", "shop").split("\n")[1].split()
    assert shown[:5] == ["checkout", "checkout", "1", "True", "RulesWritten"]
    wait_for("the count", lambda: controller.value('slo_controller_objects{kind="SLO",reason="RulesWritten"}') == 1, 5)
    # A change of the objective changes the rules; deletion deletes them.
    shop.put("checkout", {"service": "checkout", "slos": [{**ONE, "objective": "99%"}]})
    wait_for("the new rules", lambda: "0.144" in json.dumps(shop.rule("slo-checkout")), 10)
    shop.kubectl("delete", "slos.slo.dev", "checkout", "-n", "shop")
    wait_for("no rules", lambda: shop.rules() == [], 20)


@pytest.mark.parametrize(
    "slo, told",
    [
        ({**ONE, "objectve": "99%"}, 'unknown field "spec.slos[0].objectve"'),
        ({**ONE, "objective": "100%"}, "the objective must be below 100%"),
        ({**ONE, "objective": "0.0%"}, "the objective must be above 0%"),
        ({**ONE, "sli": {"events": EVENTS, "probe": "up"}}, "write exactly one of `events`, `latency`, `probe`, `gauge` and `ratio`"),
        ({**ONE, "sli": {"events": {"total": "a"}}}, "write exactly two of `total`, `good` and `bad`"),
        ({**ONE, "objectives": [{"objective": "99%", "window": "30d"}]}, "move them into its items"),
        ({"name": "x", "sli": {"probe": "up"}, "window": "30d"}, "write `objective` and `window`, or a list of `objectives`"),
        ({**ONE, "window": None, "objectives": None}, "spec.slos[0]"),
        (
            {**ONE, "alerting": {"tiers": [{"burn_tier": "fast", "severity": "page", "long": "1h", "short": "5m"}]}},
            "write `spent` or `factor`, and not both",
        ),
        ({**ONE, "name": "a b"}, "spec.slos[0].name"),
    ],
)
def test_what_is_wrong_is_refused_at_the_door(shop, slo, told):
    with pytest.raises(OSError) as error:
        shop.put("checkout", {"service": "checkout", "slos": [slo]})
    assert told in str(error.value)


def test_more_that_is_refused_at_the_door(shop):
    for spec, told in [
        ({"service": "checkout", "slos": [ONE, ONE]}, "Duplicate value"),
        ({"service": "checkout", "slos": []}, "at least 1 items"),
        ({"service": "checkout", "slos": [ONE], "exclude": [{"from": "2026-12-02T00:00:00Z", "to": "2026-12-01T00:00:00Z"}]}, "`from` must be before `to`"),
    ]:
        with pytest.raises(OSError) as error:
            shop.put("checkout", spec)
        assert told in str(error.value)


def test_every_native_document_is_an_object(shop, controller):
    """All valid test specs are accepted, and have the rules that `slo generate` makes of them."""
    for path in sorted((ROOT / "testdata" / "specs" / "valid").glob("*.yaml")):
        for number, spec in enumerate(yaml.safe_load_all(path.read_text())):
            spec = json.loads(json.dumps(spec, default=lambda time: time.isoformat().replace("+00:00", "Z")))
            del spec["version"]
            name = f"{path.stem}-{number}"
            shop.put(name, spec)
            assert shop.ready(name)["status"] == "True", shop.ready(name)


def test_every_fault_and_its_place(shop, controller):
    shop.put("checkout", {"service": "checkout", "slos": [ONE]})
    shop.becomes("RulesWritten", "checkout")
    before = shop.rule("slo-checkout")["spec"]
    two = {**ONE, "name": "two", "window": "400d"}
    shop.put("checkout", {"service": "checkout", "slos": [{**ONE, "sli": {"events": {"total": "up{", "bad": "x"}}}, two]})
    ready = shop.becomes("Invalid", "checkout")
    assert ready["status"] == "False" and ready["message"].startswith("2 faults; the rules of the last valid version stay: spec.slos[0].sli.events.total: ")
    assert "spec.slos[1].window: " in ready["message"]
    assert shop.rule("slo-checkout")["spec"] == before
    assert [reason for kind, reason, _ in shop.told("checkout") if kind == "Warning"] == ["Invalid"]
    wait_for("the count", lambda: controller.value('slo_controller_objects{kind="SLO",reason="Invalid"}') == 1, 5)
    shop.put("checkout", {"service": "checkout", "slos": [ONE]})
    shop.becomes("RulesWritten", "checkout")


def test_what_others_do_to_the_rules_is_undone(shop, controller):
    shop.put("checkout", {"service": "checkout", "slos": [ONE]})
    shop.becomes("RulesWritten", "checkout")
    wanted = shop.rule("slo-checkout")["spec"]
    for spoil in [
        [{"op": "replace", "path": "/spec/groups/0/rules/0/expr", "value": "vector(0)"}],
        [{"op": "remove", "path": "/spec/groups/1"}],
        [{"op": "add", "path": "/spec/groups/-", "value": {"name": "mine", "rules": [{"record": "a:b", "expr": "1"}]}}],
        [{"op": "replace", "path": "/spec", "value": {}}],
        [{"op": "remove", "path": "/metadata/ownerReferences"}],
        [{"op": "remove", "path": "/metadata/labels"}],
    ]:
        shop.kubectl("patch", "prometheusrule", "slo-checkout", "-n", "shop", "--type=json", "-p", json.dumps(spoil))
        if "metadata" in spoil[0]["path"]:
            # The owner cannot be told by its reference any more: the next look restores it.
            shop.put("checkout", {"service": "checkout", "labels": {"look": spoil[0]["path"].rsplit("/", 1)[1].lower()}, "slos": [ONE]})
            wait_for("the metadata", lambda: "ownerReferences" in (meta := shop.rule("slo-checkout")["metadata"]) and "labels" in meta, 20)
            shop.put("checkout", {"service": "checkout", "slos": [ONE]})
        # Who spoils again and again waits longer and longer.
        wait_for(f"the rules after {spoil}", lambda: shop.rule("slo-checkout")["spec"] == wanted, 30)
    shop.kubectl("delete", "prometheusrule", "slo-checkout", "-n", "shop")
    wait_for("the rules", lambda: shop.rule("slo-checkout")["spec"] == wanted, 60)
    said = controller.log.read_text().split("listening")[-1]
    assert said.count(" has changed PrometheusRule") == 4 and "RulesRestored: kubectl-patch has changed" in said, said
    assert said.count("RulesRestored: somebody else has deleted PrometheusRule") == 1, said
    assert "RulesRestored" in [reason for _, reason, _ in shop.told("checkout")]
    # Labels that somebody adds stay.
    shop.kubectl("label", "prometheusrule", "slo-checkout", "-n", "shop", "mine=1")
    shop.put("checkout", {"service": "checkout", "slos": [{**ONE, "objective": "99%"}]})
    wait_for("the new rules", lambda: "0.144" in json.dumps(shop.rule("slo-checkout")), 10)
    assert shop.rule("slo-checkout")["metadata"]["labels"]["mine"] == "1"


def test_a_rule_of_somebody_else_is_not_touched(shop, controller):
    mine = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "slo-checkout", "namespace": "shop"}, "spec": {"groups": []}}
    shop.apply(mine)
    time.sleep(1)
    shop.put("checkout", {"service": "checkout", "slos": [ONE]})
    ready = shop.becomes("Conflict", "checkout")
    assert "PrometheusRule slo-checkout is there, and is not of this object" in ready["message"]
    assert shop.rule("slo-checkout")["spec"] == {"groups": []}
    shop.kubectl("delete", "prometheusrule", "slo-checkout", "-n", "shop")
    shop.becomes("RulesWritten", "checkout", seconds=45)


def test_an_slo_of_two_objects_is_recorded_once(shop, controller):
    shop.put("first", {"service": "checkout", "slos": [ONE]})
    shop.becomes("RulesWritten", "first")
    time.sleep(1.1)
    shop.put("second", {"service": "checkout", "slos": [ONE, {**ONE, "name": "more"}]})
    ready = shop.becomes("Duplicate", "second")
    assert ready["status"] == "False" and "SLO shop/first has availability" in ready["message"]
    groups = [group["name"] for group in shop.rule("slo-second")["spec"]["groups"]]
    assert groups and all(name.startswith("slo/checkout/more/") for name in groups)
    shop.kubectl("delete", "slos.slo.dev", "first", "-n", "shop")
    shop.becomes("RulesWritten", "second")
    assert any(group["name"].startswith("slo/checkout/availability/") for group in shop.rule("slo-second")["spec"]["groups"])
    # In another namespace it may be for another Prometheus.
    shop.put("third", {"service": "checkout", "slos": [ONE]}, namespace="other")
    ready = shop.becomes("RulesWritten", "third", "other")
    assert "SLO shop/second has the SLO checkout/availability, too: one Prometheus must not read both" in ready["message"]


def test_only_the_namespaces_that_are_named(shop):
    with Controller(shop, "--namespace", "other", "--object-label", "release=prometheus"):
        shop.put("checkout", {"service": "checkout", "slos": [ONE]})
        shop.put("checkout", {"service": "checkout", "slos": [ONE]}, namespace="other")
        shop.becomes("RulesWritten", "checkout", "other")
        assert shop.rule("slo-checkout", "other")["metadata"]["labels"]["release"] == "prometheus"
        assert shop.rules() == []


def test_nothing_is_written_again_while_nothing_changes(shop):
    versions = lambda: (shop.see("checkout")["metadata"]["resourceVersion"], shop.rule("slo-checkout")["metadata"]["resourceVersion"])  # noqa: E731
    with Controller(shop) as one:
        shop.put("checkout", {"service": "checkout", "slos": [ONE]})
        shop.becomes("RulesWritten", "checkout")
        time.sleep(2)
        before, looks = versions(), one.value('slo_events_total{service="slo-controller"')
        time.sleep(5)
        assert (versions(), one.value('slo_events_total{service="slo-controller"')) == (before, looks)
    # Nor by the next process.
    with Controller(shop, name="two") as two:
        wait_for("a look", lambda: two.value('slo_controller_objects{kind="SLO",reason="RulesWritten"}') == 1, 10)
        assert versions() == before


def test_a_kind_that_is_defined_later(shop, cluster):
    crd = definitions() / "pyrra.yaml"
    cluster.kubectl("delete", "crd", "servicelevelobjectives.pyrra.dev", "--wait=true")
    try:
        with Controller(shop) as controller:
            assert "cannot watch" not in controller.log.read_text()
            cluster.kubectl("apply", "--server-side", "-f", str(crd))
            cluster.kubectl("wait", "--for=condition=Established", "crd/servicelevelobjectives.pyrra.dev", "--timeout=30s")
            shop.put("checkout", PYRRA, "ServiceLevelObjective")
            wait_for("the rules", lambda: shop.rules() == ["slo-pyrra-checkout"], 60)
            assert shop.see("checkout", "ServiceLevelObjective")["status"]["type"] == "PrometheusRule"
            # When its definition goes, so do its objects.
            cluster.kubectl("delete", "crd", "servicelevelobjectives.pyrra.dev", "--wait=true")
            wait_for("no rules", lambda: shop.rules() == [], 30)
            assert controller.process.poll() is None
    finally:
        cluster.kubectl("apply", "--server-side", "-f", str(crd))
        cluster.kubectl("wait", "--for=condition=Established", "crd/servicelevelobjectives.pyrra.dev", "--timeout=30s")


def test_one_of_two_writes_and_the_other_takes_its_place(shop):
    with Controller(shop) as one, Controller(shop, name="two") as two:
        assert (wait_for("a leader", lambda: one.value("slo_controller_leader"), 30), two.value("slo_controller_leader")) == (1, 0)
        shop.put("checkout", {"service": "checkout", "slos": [ONE]})
        shop.becomes("RulesWritten", "checkout")
        # Told to end, it gives the lease back.
        start = time.monotonic()
        one.end()
        wait_for("the next leader", lambda: two.value("slo_controller_leader") == 1, 10)
        assert time.monotonic() - start < 6
        with Controller(shop, name="three") as three:
            # Killed, it cannot.
            two.end(signal.SIGKILL)
            shop.put("checkout", {"service": "checkout", "slos": [{**ONE, "objective": "99%"}]})
            start = time.monotonic()
            wait_for("the next leader", lambda: three.value("slo_controller_leader") == 1, 30)
            assert time.monotonic() - start > 5
            wait_for("the new rules", lambda: "0.144" in json.dumps(shop.rule("slo-checkout")), 10)


def test_a_leader_that_was_frozen_writes_nothing(shop):
    with Controller(shop) as one:
        wait_for("a leader", lambda: one.value("slo_controller_leader"), 30)
        with Controller(shop, name="two") as two:
            one.process.send_signal(signal.SIGSTOP)
            wait_for("the next leader", lambda: two.value("slo_controller_leader") == 1, 40)
            one.process.send_signal(signal.SIGCONT)
            wait_for("that it knows", lambda: one.value("slo_controller_leader") == 0, 10)
            shop.put("checkout", {"service": "checkout", "slos": [ONE]})
            shop.becomes("RulesWritten", "checkout")
            assert "RulesWritten" not in one.log.read_text().rsplit("does not lead", 1)[1]


def test_the_api_server_may_go_away(shop, controller):
    shop.put("checkout", {"service": "checkout", "slos": [ONE]})
    shop.becomes("RulesWritten", "checkout")
    server = shop.processes["kube-apiserver"]
    server.send_signal(signal.SIGSTOP)
    time.sleep(12)
    server.send_signal(signal.SIGCONT)
    wait_for("the API server", lambda: shop.kubectl("get", "--raw", "/readyz") == "ok", 60)
    shop.put("checkout", {"service": "checkout", "slos": [{**ONE, "objective": "99%"}]})
    wait_for("the new rules", lambda: "0.144" in json.dumps(shop.rule("slo-checkout")), 60)


def test_killed_at_any_moment(shop):
    """Objects come, change and go while the controller is killed again and again. In the end all rules are right."""
    wanted = {}
    for round in range(12):
        with Controller(shop, name="killed") as controller:
            for number in range(round * 5, round * 5 + 5):
                objective = "99%" if number % 2 else "99.9%"
                shop.put(f"slo-{number}", {"service": f"s{number}", "slos": [{**ONE, "objective": objective}]})
                wanted[f"slo-slo-{number}"] = "0.144" if number % 2 else "0.0144"
            if round:
                shop.kubectl("delete", "slos.slo.dev", f"slo-{round * 5 - 5}", "-n", "shop")
                del wanted[f"slo-slo-{round * 5 - 5}"]
            time.sleep(0.3 * (round % 5))
            controller.end(signal.SIGKILL)
        # The next one waits until the lease is over; here, nobody else is there.
        shop.kubectl("delete", "lease", "slo-controller", "-n", "slo-system", "--ignore-not-found")
    with Controller(shop):
        right = lambda: sorted(shop.rules()) == sorted(wanted) and all(wanted[name] in json.dumps(shop.rule(name)) for name in wanted)  # noqa: E731
        wait_for("all rules", right, 60)


class Watching(threading.Thread):
    """Notes at every change which severities are alerted on, by any rule of the namespace."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        command = [cluster.bin / "kubectl", f"--kubeconfig={cluster.config}", "get", "prometheusrules", "-n", "shop", "--watch", "--output-watch-events", "-o", "json"]
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
        self.seen = []

    def run(self):
        known, decoder, text = {}, json.JSONDecoder(), ""
        for line in self.process.stdout:
            text += line
            with contextlib.suppress(json.JSONDecodeError):
                event, _ = decoder.raw_decode(text)
                text = ""
                rule = event["object"]
                known[rule["metadata"]["name"]] = set() if event["type"] == "DELETED" else alerts(rule)
                self.seen.append((event["type"], rule["metadata"]["name"], set().union(*known.values())))


def back(shop, rule, annotation, **ago):
    """Puts the time that an annotation says back, as if so much time had gone by."""
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - sum(ago.values())))
    shop.kubectl("annotate", "prometheusrule", rule, "-n", "shop", "--overwrite", f"{annotation}={then}")


def start_sloth(cluster):
    sloth = subprocess.run([ROOT / "scripts" / "real" / "sloth"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if not sloth:
        pytest.skip("Sloth could not be built")
    port = free_ports(2)
    running = cluster.start(
        "sloth", sloth, "kubernetes-controller", "--kube-local", f"--kube-config={cluster.config}", "--kube-context=all",
        f"--metrics-listen-addr=127.0.0.1:{port}", f"--hot-reload-addr=127.0.0.1:{port + 1}", "--no-color",
    )  # fmt: skip
    # Until it listens, others could take its port.
    wait_for("Sloth", lambda: get(f"http://127.0.0.1:{port}/metrics"), 30)
    return running


def start_pyrra(cluster):
    pyrra = subprocess.run([ROOT / "scripts" / "real" / "pyrra"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if not pyrra:
        pytest.skip("Pyrra could not be built")
    os.environ["KUBECONFIG"] = str(cluster.config)
    return cluster.start("pyrra", pyrra, "kubernetes", f"--metrics-addr=127.0.0.1:{free_ports(1)}", "--disable-webhooks")


@pytest.mark.parametrize("naming", ["native", "sloth"])
@pytest.mark.parametrize("tool", ["Sloth", "Pyrra"])
def test_takes_over_without_a_gap(shop, tool, naming):
    kind, spec, start = {"Sloth": ("PrometheusServiceLevel", SLOTH, start_sloth), "Pyrra": ("ServiceLevelObjective", PYRRA, start_pyrra)}[tool]
    own = f"slo-{tool.lower()}-checkout"
    running = start(shop)
    try:
        shop.put("checkout", spec, kind)
        wait_for(f"{tool}'s rules", lambda: "checkout" in shop.rules(), 60)
        watching = Watching(shop)
        watching.start()
        wait_for("the watch", lambda: watching.seen, 10)
        with Controller(shop, "--naming", naming) as controller:
            # First it records only, and nothing that the other tool records.
            wait_for("our rules", lambda: own in shop.rules(), 20)
            records = lambda name: {one.get("record") for group in shop.rule(name)["spec"]["groups"] for one in group["rules"]} - {None}  # noqa: E731
            assert alerts(shop.rule(own)) == set() and records(own) and not records(own) & records("checkout")
            wait_for("an event", lambda: "Recording" in [reason for _, reason, _ in shop.told("checkout")], 10)
            # It stays so, however long: nobody has told it to take over.
            back(shop, own, "slo.dev/recording-since", days=5 * 86_400)
            time.sleep(2)
            looks = controller.value('slo_events_total{service="slo-controller"')
            time.sleep(4)
            assert alerts(shop.rule(own)) == set() and controller.value('slo_events_total{service="slo-controller"') == looks
            # A time that somebody writes does not make it skip a step.
            back(shop, own, "slo.dev/alerting-since", days=5 * 86_400)
            time.sleep(2)
            assert alerts(shop.rule(own)) == set() and "checkout" in shop.rules()
            controller.end()
        with Controller(shop, "--take-over", "--naming", naming):
            wait_for("our alerts", lambda: alerts(shop.rule(own)), 20)
            assert not records(own) & records("checkout")
            running.terminate()
            running.wait()
            assert "checkout" in shop.rules()
            back(shop, own, "slo.dev/alerting-since", minutes=11 * 60)
            wait_for("that the other rules are gone", lambda: shop.rules() == [own], 20)
            told = wait_for("an event", lambda: [note for _, reason, note in shop.told("checkout") if reason == "TakenOver"], 10)
            assert told == [f"PrometheusRule checkout of {tool} is deleted: {own} has its alerts"]
            whole = lambda: "slo.dev/alerting-since" not in shop.rule(own)["metadata"].get("annotations", {})  # noqa: E731
            wait_for("the whole rules", whole, 20)
            assert len(records(own)) > 10
            status = wait_for("the status", lambda: shop.see("checkout", kind).get("status"), 10)
            if tool == "Sloth":
                assert (status["promOpRulesGenerated"], status["processedSLOs"], status["promOpRulesGeneratedSLOs"]) == (True, 1, 1)
            else:
                assert status["type"] == "PrometheusRule"
        time.sleep(1)
        watching.process.kill()
        # At every moment somebody alerts on both severities.
        first = next(severities for _, _, severities in watching.seen if severities)
        assert len(first) == 2 and ("DELETED", "checkout") in [(event, name) for event, name, _ in watching.seen]
        assert all(len(severities) >= 2 for _, _, severities in watching.seen), watching.seen
    finally:
        running.kill()
        running.wait()
        shop.processes.pop(tool.lower(), None)


def test_what_is_not_as_in_sloth_is_told(shop, controller):
    shop.put("checkout", {**SLOTH, "sloPlugins": {"chain": [{"id": "x"}]}}, "PrometheusServiceLevel")
    note = wait_for("an event", lambda: [note for _, reason, note in shop.told("checkout") if reason == "RulesWritten"], 30)[0]
    assert "not as in Sloth: spec.sloPlugins: " in note
    assert ("Warning", "RulesWritten") in [(kind, reason) for kind, reason, _ in shop.told("checkout")]


def test_new_objects_of_a_tool_that_runs_are_not_paged_twice(shop):
    running = start_sloth(shop)
    try:
        with Controller(shop):
            # It has to find its definition first.
            time.sleep(5)
            for number in range(5):
                shop.put(f"new-{number}", {**SLOTH, "service": f"new-{number}"}, "PrometheusServiceLevel")
            wait_for("all rules", lambda: len(shop.rules()) == 10, 60)
            time.sleep(2)
            for number in range(5):
                assert alerts(shop.rule(f"new-{number}")) and not alerts(shop.rule(f"slo-sloth-new-{number}"))
    finally:
        running.kill()
        running.wait()
        shop.processes.pop("sloth", None)


def test_what_the_api_server_refuses_is_told(shop, controller):
    many = "|".join(f"/a/long/path/of/the/shop/{number}" for number in range(400))
    # SLOs of the same counters share their tiles, so these differ.
    counters = lambda number: {"total": f'a{number}_total{{path=~"{many}"}}', "bad": f'a{number}_total{{path=~"{many}",code="500"}}'}  # noqa: E731
    slos = [{**ONE, "name": f"slo-{number}", "sli": {"events": counters(number)}} for number in range(10)]
    large = {"apiVersion": "slo.dev/v1", "kind": "SLO", "metadata": {"name": "large", "namespace": "shop"}, "spec": {"service": "large", "slos": slos}}
    # An annotation of what was applied last would be too large.
    shop.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(large))
    ready = shop.becomes("Refused", "large", seconds=40)
    assert "they take 2.6 MB, so split the object: " in ready["message"] and ready["status"] == "False"
    policy = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "no-rules"}}
    rule = {"apiGroups": ["monitoring.coreos.com"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["prometheusrules"]}
    try:
        shop.apply(
            {**policy, "kind": "ValidatingAdmissionPolicy", "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "object.metadata.name != 'slo-denied'", "message": "rules are frozen"}],
            }},
            {**policy, "kind": "ValidatingAdmissionPolicyBinding", "spec": {"policyName": "no-rules", "validationActions": ["Deny"]}},
        )  # fmt: skip
        time.sleep(3)
        shop.put("denied", {"service": "denied", "slos": [ONE]})
        assert "rules are frozen" in shop.becomes("Refused", "denied")["message"]
    finally:
        shop.kubectl("delete", "validatingadmissionpolicies,validatingadmissionpolicybindings", "no-rules")


def test_a_deleted_object_that_waits_for_a_finalizer_frees_its_slos(shop, controller):
    shop.put("old", {"service": "checkout", "slos": [ONE]})
    shop.becomes("RulesWritten", "old")
    shop.kubectl("patch", "slos.slo.dev", "old", "-n", "shop", "--type=merge", "-p", '{"metadata": {"finalizers": ["example.com/foreign"]}}')
    time.sleep(1.1)
    shop.put("new", {"service": "checkout", "slos": [ONE]})
    shop.becomes("Duplicate", "new")
    shop.kubectl("delete", "slos.slo.dev", "old", "-n", "shop", "--wait=false")
    shop.becomes("RulesWritten", "new")
    shop.kubectl("patch", "slos.slo.dev", "old", "-n", "shop", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    wait_for("the count", lambda: controller.value('slo_controller_objects{kind="SLO",reason="RulesWritten"}') == 1, 10)


def test_a_kind_that_may_not_be_read_does_not_keep_the_others_waiting(shop, tmp_path):
    everything = json.loads(shop.kubectl("get", "clusterroles", "-o", "json"))["items"]
    (role,) = [one for one in everything if any("slos" in rule["resources"] for rule in one.get("rules", []) if "resources" in rule) and "slo" in one["metadata"]["name"]]
    kept = json.loads(json.dumps(role))
    kept["metadata"] = {"name": role["metadata"]["name"]}
    kept["rules"] = [rule for rule in kept["rules"] if not {"sloth.slok.dev", "pyrra.dev"} & set(rule["apiGroups"])]
    try:
        shop.apply(kept)
        with Controller(shop) as controller:
            shop.put("checkout", {"service": "checkout", "slos": [ONE]})
            shop.becomes("RulesWritten", "checkout")
            time.sleep(5)
            said = controller.log.read_text().split("listening")[-1]
            assert said.count("cannot watch PrometheusServiceLevel: ") == 1 and "Status {" not in said, said
    finally:
        role["metadata"] = {"name": role["metadata"]["name"]}
        shop.apply(role)
