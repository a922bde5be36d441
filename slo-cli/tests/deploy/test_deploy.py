"""The image and the chart in `deploy`: what Helm renders, permissions, security, and the plain manifests."""

import functools
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import kubernetes_validate
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import built  # noqa: E402

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "slo"
WORKSPACE = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
# The oldest Kubernetes that the chart is for, and the newest that is known here.
KUBERNETES = ["1.29", kubernetes_validate.latest_version()]
ACCESS = {
    "intake": {"bearer_file": "/etc/slo/secrets/tokens/alertmanager"},
    "access": {"responders": {"basic_file": "/etc/slo/secrets/tokens/responders"}},
}
SPEC = (ROOT / "testdata" / "rules" / "checkout.spec.yaml").read_text()
# Values that people set: each case is what they are in `values.yaml`.
VALUES = {
    "defaults": {},
    "namespaces": {"controller": {"namespaces": ["shop", "search"]}},
    "take over": {"controller": {"takeOver": True}},
    "all arguments": {
        "controller": {
            "address": "[::]", "namespaces": ["shop"], "naming": "sloth", "anchored": True, "takeOver": True, "scrapeInterval": "30s", "period": "30d",
            "objectLabels": {"release": "prometheus", "app.kubernetes.io/part-of": "slo"}, "serviceLabel": "job", "extraLabels": {"cluster": "eu-1: \"a\""},
        },
    },
    "no CRD": {"crds": {"install": False}},
    "no service account": {"controller": {"serviceAccount": {"create": False, "name": "mine"}}},
    "OpenShift": {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}},
    "SQLite": {"server": {"enabled": True, "secrets": ["tokens"], "config": ACCESS, "specs": {"checkout.yaml": SPEC}, "sqlite": {"storageClass": "fast"}}},
    "PostgreSQL": {
        "server": {
            "enabled": True, "replicas": 2, "secrets": ["tokens"], "serviceAccountName": "runbooks",
            "config": ACCESS | {"base_path": "/slo/", "tls": {"certificate_file": "/etc/slo/secrets/tokens/crt", "key_file": "/etc/slo/secrets/tokens/key"}},
            "postgres": {"url": "postgres://slo@db/slo", "passwordSecret": {"name": "database"}},
        },
    },
    "everything else": {
        "fullnameOverride": "x" * 45, "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["registry"]},
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]},
        **{
            component: {
                "podAnnotations": {"a.io/b": "c"}, "podLabels": {"team": "sre"}, "priorityClassName": "high", "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}],
            } | more
            for component, more in {"controller": {"replicas": 1}, "server": {"enabled": True, "config": ACCESS}}.items()
        },
    },
}  # fmt: skip
READ = {"get", "list", "watch"}
RULES = READ | {"create", "patch"}
LEASE = {("coordination.k8s.io", "leases", None): {"create"}, ("coordination.k8s.io", "leases", "slo-controller"): {"get", "update"}}


@functools.cache
def helms():
    """The programs of Helm 3 and 4. They take minutes to build, so that is done with SLO_KUBERNETES=1 only."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "slo" / "real" / "helm"
    if os.environ.get("SLO_KUBERNETES") != "1" and len(list(cache.glob("helm*-*"))) < 2:
        pytest.skip("Helm is not built: set SLO_KUBERNETES=1")
    said = subprocess.run([ROOT / "scripts" / "real" / "helm"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if not said:
        pytest.skip("Helm could not be built")
    return {version: str(next(pathlib.Path(said).glob(f"{version}-*"))) for version in ("helm3", "helm4")}


@pytest.fixture(scope="module", params=["helm3", "helm4"])
def helm(request, tmp_path_factory):
    """A function that renders the chart with values."""
    environment = {**os.environ, "HELM_CACHE_HOME": str(tmp_path_factory.mktemp(request.param))}

    def run(*words, values=None):
        command = [helms()[request.param], *map(str, words), "--kube-version", "1.29.0", "--values", "-"]
        return subprocess.run(command, env=environment, input=json.dumps(values or {}), capture_output=True, text=True)

    return run


def rendered(helm, values, release="slo"):
    ran = helm("template", release, CHART, "--namespace", "slo-system", values=values)
    assert ran.returncode == 0, ran.stderr
    return [one for one in yaml.safe_load_all(ran.stdout) if one]


def of_kind(objects, kind):
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def pods(objects):
    """The templates of pods, by the kind of their object."""
    return {one["kind"]: one["spec"]["template"] for one in objects if one["kind"] in ("Deployment", "StatefulSet")}


def permissions(role):
    """The verbs of each resource, and of each name if a rule is limited to names."""
    verbs = {}
    for rule in role["rules"]:
        assert set(rule) <= {"apiGroups", "resources", "resourceNames", "verbs"}
        for key in itertools.product(rule["apiGroups"], rule["resources"], rule.get("resourceNames", [None])):
            verbs.setdefault(key, set()).update(rule["verbs"])
    return verbs


def expected_permissions(rules):
    kinds = [("slo.dev", "slos"), ("sloth.slok.dev", "prometheusservicelevels"), ("pyrra.dev", "servicelevelobjectives")]
    return {
        **{(group, kind, None): READ for group, kind in kinds},
        **{(group, f"{kind}/status", None): {"patch"} for group, kind in kinds},
        ("monitoring.coreos.com", "prometheusrules", None): rules,
        ("events.k8s.io", "events", None): {"create", "patch"},
    }


def test_hadolint_has_nothing_against_the_dockerfile():
    program = shutil.which("hadolint", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    assert program, "hadolint is missing: run scripts/setup"
    ran = subprocess.run([program, "--failure-threshold", "style", DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr


def test_the_image_is_of_this_workspace():
    text = (DEPLOY / "Dockerfile").read_text()
    package = WORKSPACE["package"]
    assert f"ARG VERSION={package['version']}\n" in text
    assert f'org.opencontainers.image.licenses="{package["license"]}"' in text
    assert f'org.opencontainers.image.source="{package["repository"]}"' in text
    numbers = [tuple(map(int, version.split("."))) for version in (re.search(r"RUST_VERSION=(\S+)", text)[1], package["rust-version"])]
    assert numbers[0] >= numbers[1]
    final = text.rpartition("\nFROM ")[2]
    assert final.startswith("gcr.io/distroless/static-") and "\nUSER 65532:65532\n" in final and '\nENTRYPOINT ["/slo"]\n' in final


def test_the_context_of_the_image_has_the_workspace_and_little_else():
    lines = [line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    let_in = [line[1:] for line in lines if line.startswith("!")]
    first = {member.partition("/")[0] for member in WORKSPACE["members"]} | {"Cargo.toml", "Cargo.lock", "LICENSE-MIT", "LICENSE-APACHE"}
    matched = {name: [one for one in let_in if pathlib.PurePath(name).match(one)] for name in first}
    assert all(matched.values()), matched
    assert not any(pathlib.PurePath(name).match(one) for name in ("target", ".git", "docs", "fuzz", "testdata") for one in let_in)


def test_the_chart_is_of_this_workspace():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = WORKSPACE["package"]["version"]
    assert (chart["apiVersion"], chart["version"], chart["appVersion"]) == ("v2", version, version)


@pytest.mark.parametrize("case", VALUES)
def test_lint_is_content(helm, case):
    ran = helm("lint", "--strict", CHART, values=VALUES[case])
    assert ran.returncode == 0 and "WARNING" not in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("release", ["slo", "other"])
@pytest.mark.parametrize("case", VALUES)
def test_every_object_is_valid(helm, case, release):
    objects = rendered(helm, VALUES[case], release)
    for one, version in itertools.product(objects, KUBERNETES):
        if one["kind"] == "PodMonitor":
            # Of the Prometheus operator; only written where it is asked for.
            assert one["apiVersion"] == "monitoring.coreos.com/v1" and VALUES[case]["podMonitor"]["enabled"]
            continue
        kubernetes_validate.validate(one, version, strict=True)
    named = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects]
    assert len(named) == len(set(named)), named
    assert all(len(name) <= 63 for _, _, name in named)
    assert all(namespace == "slo-system" for kind, namespace, _ in named if kind not in ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Role", "RoleBinding"))


def test_both_versions_of_helm_render_the_same():
    texts = []
    for program in helms().values():
        ran = subprocess.run([DEPLOY / "render", "/dev/stdout"], env={**os.environ, "HELM": program}, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        texts.append(ran.stdout)
    assert texts[0] == texts[1]
    # If this fails, run deploy/render.
    assert texts[0] == (DEPLOY / "kubernetes" / "slo.yaml").read_text()


def test_the_plain_manifests_are_the_chart_and_a_namespace(helm):
    plain = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "slo.yaml").read_text()))
    assert plain[0]["kind"] == "Namespace" and plain[0]["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert plain[1:] == rendered(helm, {})


def test_selectors_select_the_pods(helm):
    objects = rendered(helm, VALUES["everything else"])
    labels = {template["metadata"]["labels"]["app.kubernetes.io/component"]: template["metadata"]["labels"] for template in pods(objects).values()}
    seen = set()
    for one in objects:
        spec = one.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") if one["kind"] != "CustomResourceDefinition" else None
        if selector is None:
            continue
        component = one["metadata"]["labels"]["app.kubernetes.io/component"]
        selector = selector.get("matchLabels", selector)
        assert selector.items() <= labels[component].items(), one["kind"]
        assert selector["app.kubernetes.io/component"] == component
        seen.add((one["kind"], component))
    both = {"Service", "PodMonitor", "NetworkPolicy"}
    assert seen == {(kind, component) for kind in both for component in labels} | {("Deployment", "controller"), ("PodDisruptionBudget", "controller"), ("StatefulSet", "server")}


@pytest.mark.parametrize("case", VALUES)
def test_permissions_are_the_least(helm, case):
    controller = VALUES[case].get("controller", {})
    namespaces = controller.get("namespaces", [])
    rules = RULES | {"delete"} if controller.get("takeOver") else RULES
    objects = rendered(helm, VALUES[case])
    roles = {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]): permissions(one) for one in objects if one["kind"] in ("Role", "ClusterRole")}
    name = VALUES[case].get("fullnameOverride", "slo") + "-controller"
    places = [("Role", namespace, name) for namespace in namespaces] or [("ClusterRole", None, name)]
    assert roles == {("Role", "slo-system", f"{name}-lease"): LEASE, **{place: expected_permissions(rules) for place in places}}
    # Each is given to the controller and to nobody else.
    account = controller.get("serviceAccount", {}).get("name", name)
    bindings = [one for one in objects if one["kind"].endswith("RoleBinding")]
    assert {(one["roleRef"]["kind"], one["metadata"].get("namespace"), one["roleRef"]["name"]) for one in bindings} == set(roles)
    for one in bindings:
        assert one["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "slo-system"}]
    templates = pods(objects)
    assert templates["Deployment"]["spec"]["serviceAccountName"] == account
    assert ("ServiceAccount" in {one["kind"] for one in objects}) == controller.get("serviceAccount", {}).get("create", True)
    if "StatefulSet" in templates:
        own = VALUES[case]["server"].get("serviceAccountName")
        spec = templates["StatefulSet"]["spec"]
        assert (spec.get("serviceAccountName"), spec["automountServiceAccountToken"]) == (own, own is not None)


@pytest.mark.parametrize("case", VALUES)
def test_pods_are_restricted(helm, case):
    """The Pod Security Standard `restricted`, and a read-only root."""
    for kind, template in pods(rendered(helm, VALUES[case])).items():
        spec = template["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"} & set(spec)
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True and context["seccompProfile"] == {"type": "RuntimeDefault"}
        ids = {name: context.get(name) for name in ("runAsUser", "runAsGroup", "fsGroup")}
        expected = None if case == "OpenShift" else 65532
        assert ids == {"runAsUser": expected, "runAsGroup": expected, "fsGroup": expected if kind == "StatefulSet" else None}
        assert all(set(volume) - {"name"} <= {"configMap", "emptyDir", "secret"} for volume in spec.get("volumes", []))
        (container,) = spec["containers"]
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert all("hostPort" not in port and port["containerPort"] >= 1024 for port in container["ports"])
        resources = container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"} and set(resources["limits"]) == {"memory"}
        assert {"livenessProbe", "readinessProbe"} <= set(container)


def test_the_controller_gets_its_arguments(helm):
    def arguments(case):
        return pods(rendered(helm, VALUES[case]))["Deployment"]["spec"]["containers"][0]["args"]

    assert arguments("defaults") == ["controller", "--listen=0.0.0.0:9095", "--naming=native"]
    assert arguments("all arguments") == [
        "controller", "--listen=[::]:9095", "--namespace=shop", "--naming=sloth", "--anchored",
        "--object-label=app.kubernetes.io/part-of=slo", "--object-label=release=prometheus", "--take-over", "--scrape-interval=30s", "--period=30d",
        "--service-label=job", '--extra-labels=cluster=eu-1: "a"',
    ]  # fmt: skip


def test_replicas_outlive_a_node_and_an_upgrade(helm):
    objects = rendered(helm, {})
    spec = of_kind(objects, "Deployment")["slo-controller"]["spec"]
    assert spec["replicas"] == 2 and spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"] == spec["selector"] and spread["topologyKey"] == "kubernetes.io/hostname"
    assert of_kind(objects, "PodDisruptionBudget")["slo-controller"]["spec"]["maxUnavailable"] == 1
    # It stops within 10 seconds.
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > 10


def test_the_crd_is_kept_and_else_as_in_its_file(helm):
    (crd,) = of_kind(rendered(helm, {}), "CustomResourceDefinition").values()
    assert crd["metadata"]["annotations"].pop("helm.sh/resource-policy") == "keep"
    if not crd["metadata"]["annotations"]:
        del crd["metadata"]["annotations"]
    assert crd == yaml.safe_load((CHART / "files" / "crd.yaml").read_text())
    names = crd["spec"]["names"]
    assert (crd["metadata"]["name"], names["kind"], names["plural"]) == ("slos.slo.dev", "SLO", "slos") and "shortNames" not in names
    assert not of_kind(rendered(helm, VALUES["no CRD"]), "CustomResourceDefinition")


@pytest.mark.parametrize("annotations", ["", "  annotations:\n    a: b\n"])
def test_a_crd_of_another_file_is_kept_as_text(helm, tmp_path, annotations):
    chart = tmp_path / "slo"
    shutil.copytree(CHART, chart)
    text = (chart / "files" / "crd.yaml").read_text().replace("metadata:\n", f"metadata:\n{annotations}", 1)
    # A number that Helm would write as 1e+07, and text that looks like a template.
    old = "            metadata:\n              type: object\n"
    assert old in text
    text = text.replace(old, old + "              maxProperties: 10000000\n              description: '{{ no }}'\n", 1)
    (chart / "files" / "crd.yaml").write_text(text)
    ran = helm("template", "slo", chart)
    assert "maxProperties: 10000000\n" in ran.stdout and "'{{ no }}'" in ran.stdout, ran.stderr
    (crd,) = of_kind([one for one in yaml.safe_load_all(ran.stdout) if one], "CustomResourceDefinition").values()
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"} | ({"a": "b"} if annotations else {})


def test_the_crd_is_the_one_that_slo_writes():
    ran = subprocess.run([built("slo"), "schema", "--crd"], capture_output=True, text=True, check=True)
    assert (CHART / "files" / "crd.yaml").read_text() == ran.stdout, "run: slo schema --crd > deploy/helm/slo/files/crd.yaml && deploy/render"


@pytest.mark.parametrize("case", ["SQLite", "PostgreSQL"])
def test_the_server_takes_its_configuration(helm, tmp_path, case):
    """The files of the volumes are laid out as in the pod, below another folder."""
    objects = rendered(helm, VALUES[case])
    maps = of_kind(objects, "ConfigMap")
    stateful = of_kind(objects, "StatefulSet")["slo-server"]
    spec = stateful["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    secrets = {volume["secret"]["secretName"]: mounted[volume["name"]] for volume in spec["volumes"] if "secret" in volume}
    content = {"tokens": {"alertmanager": "a-token", "responders": "sre:a-password"}, "database": {"password": "another"}}
    key, certificate = tmp_path / "key", tmp_path / "crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=slo", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    content["tokens"] |= {"key": key.read_text(), "crt": certificate.read_text()}
    folders = {mounted["config"]: maps["slo-server"]["data"], **{path: content[name] for name, path in secrets.items()}}
    if "specs" in mounted:
        folders[mounted["specs"]] = maps["slo-server-specs"]["data"]
    root = tmp_path / "root"
    for folder, files in folders.items():
        # As Kubernetes lays them out: links into a hidden folder.
        target = root / folder[1:] / "..data"
        target.mkdir(parents=True)
        for name, text in files.items():
            (target / name).write_text(text.replace("/etc/slo", f"{root}/etc/slo").replace("/var/lib/slo", f"{root}/var/lib/slo"))
            (target.parent / name).symlink_to(target / name)
    (root / "var" / "lib" / "slo").mkdir(parents=True)
    command, file = container["args"]
    ran = subprocess.run([built("slo"), command, f"{root}{file}", "--check"], capture_output=True, text=True)
    assert ran.returncode == 0 and "warning" not in ran.stderr, ran.stdout + ran.stderr
    config = yaml.safe_load(maps["slo-server"]["data"]["serve.yaml"])
    assert config["listen"].endswith(f":{container['ports'][0]['containerPort']}")
    claims = [claim["metadata"]["name"] for claim in stateful["spec"].get("volumeClaimTemplates", [])]
    probe = container["readinessProbe"]["httpGet"]
    if case == "SQLite":
        assert claims == ["record"] and config["store"].startswith(f"sqlite:{mounted['record']}/")
        assert "SLOs: 2" in ran.stdout and (probe["path"], probe.get("scheme")) == ("/healthz", None)
    else:
        assert claims == [] and config["store"] == {"url": "postgres://slo@db/slo", "password_file": "/etc/slo/secrets/database/password"}
        assert (probe["path"], probe["scheme"]) == ("/slo/healthz", "HTTPS")
        assert "slo-server" in of_kind(objects, "PodDisruptionBudget") and "topologySpreadConstraints" in spec


def test_another_configuration_restarts_the_server(helm):
    def template(**more):
        return pods(rendered(helm, {"server": VALUES["SQLite"]["server"] | more}))["StatefulSet"]

    assert template() == template()
    for more in ({"config": ACCESS | {"time_zone": "Europe/Berlin"}}, {"specs": {"checkout.yaml": SPEC + "\n"}}):
        assert template(**more)["metadata"]["annotations"] != template()["metadata"]["annotations"]


def test_the_chart_knows_the_keys_of_the_server():
    source = (ROOT / "slo-server" / "src" / "config" / "read.rs").read_text()
    known = set(re.findall(r'"(\w+)"', re.search(r"const KNOWN[^=]*= \[(.*?)\];", source, re.S)[1]))
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]["server"]["properties"]["config"]["properties"]) == known - {"version", "listen", "store", "specs"}


def test_every_value_has_a_comment_and_is_in_the_schema():
    lines = (CHART / "values.yaml").read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        key = re.match(r"( *)(\w+):", line)
        # Mappings whose keys say enough: those of Kubernetes, and those that only group.
        if key and key[2] not in ("image", "crds", "serviceAccount", "passwordSecret", "requests", "limits", "cpu", "memory"):
            assert before.strip().startswith("#"), line
    schema = json.loads((CHART / "values.schema.json").read_text())

    def check(values, schema, at):
        if "properties" not in schema:
            return
        assert schema["additionalProperties"] is False, at
        assert set(schema["properties"]) - {"global"} == set(values), at
        for name, value in values.items():
            if isinstance(value, dict) and at + name != "server.config":
                check(value, schema["properties"][name], f"{at}{name}.")

    check(yaml.safe_load("\n".join(lines)), schema, "")


SERVER = {"enabled": True, "config": ACCESS}
REFUSED = {
    "an unknown key": {"replicas": 2},
    "an unknown key of the controller": {"controller": {"namespace": "shop"}},
    "a name of series that is none": {"controller": {"naming": "pyrra"}},
    "a namespace that is none": {"controller": {"namespaces": ["Shop"]}},
    "a namespace twice": {"controller": {"namespaces": ["shop", "shop"]}},
    "a number as text": {"controller": {"replicas": "two"}},
    "a privileged port": {"controller": {"port": 80}},
    "a duration that is none": {"controller": {"scrapeInterval": "30 seconds"}},
    "a label that is none": {"controller": {"objectLabels": {"release": "a b"}}},
    "a label that Prometheus does not know": {"controller": {"extraLabels": {"a-b": "c"}}},
    "a label that selects pods": {"controller": {"podLabels": {"app.kubernetes.io/name": "mine"}}},
    "an unnamed account": {"controller": {"serviceAccount": {"create": False}}},
    "an amount that is none": {"controller": {"resources": {"limits": {"memory": "1 GB"}}}},
    "root": {"podSecurityContext": {"runAsUser": 0}},
    "a digest that is none": {"image": {"digest": "sha256:123"}},
    "no callers": {"server": {"enabled": True}},
    "a key that the chart writes": {"server": {**SERVER, "config": {**ACCESS, "store": "sqlite:slo.db"}}},
    "an unknown key of the server": {"server": {**SERVER, "config": {**ACCESS, "notifiy": {}}}},
    "replicas that share SQLite": {"server": {**SERVER, "replicas": 2}},
    "a password in a URL": {"server": {**SERVER, "postgres": {"url": "postgres://slo:secret@db/slo"}}},
    "a spec that is not read": {"server": {**SERVER, "specs": {"checkout.txt": "a"}}},
    "a peer that is none": {"networkPolicy": {"from": [{"namespaces": ["a"]}]}},
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_values_are_refused(helm, case):
    ran = helm("template", "slo", CHART, values=REFUSED[case])
    assert ran.returncode != 0 and "schema" in ran.stderr, ran.stdout + ran.stderr


def test_values_of_a_chart_around_it_are_taken(helm):
    assert rendered(helm, {"global": {"a": 1}})


def test_the_values_in_the_readme_are_taken(helm):
    (block,) = re.findall(r"```yaml\n(.*?)```", (DEPLOY / "README.md").read_text(), re.S)
    assert "StatefulSet" in pods(rendered(helm, yaml.safe_load(block)))


def test_the_plain_manifests_have_no_grave_finding():
    ran = subprocess.run([built("slo"), "review", DEPLOY / "kubernetes" / "slo.yaml", "--format", "json"], capture_output=True, text=True)
    findings = json.loads(ran.stdout)["findings"]
    assert ran.returncode == 0 and not [one for one in findings if one["severity"] == "high"], findings


def test_the_readme_names_each_permission():
    text = (DEPLOY / "README.md").read_text()
    for _, resource, _ in [*expected_permissions(RULES), *LEASE]:
        assert f"`{resource}`" in text or resource.endswith("/status"), resource
