"""Rule groups for Azure Monitor: within its limits, the same in ARM and Bicep, and with the expressions of the rule files."""

import json
import pathlib
import re
import subprocess
import sys

import pytest
import yaml
from pycep import BicepParser

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import built, program  # noqa: E402

VALID = ROOT / "testdata" / "specs" / "valid"
SPECS = [*sorted(path for path in (ROOT / "testdata" / "rules").glob("*.spec.yaml") if path.stem != "several.spec"), VALID / "minimal.yaml", VALID / "kinds.yaml"]
# What Azure documents, and what Microsoft's converter of rule files checks.
NAME = re.compile(r"^[^:@/#{}%&+*<>?]+$")
DURATION = re.compile(r"^PT(\d+H)?(\d+M)?(\d+S)?$")
LABEL = re.compile(r"^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,1023}$")
TRICKY = r"""
version: slo/v1
service: tricky
labels: {copy: "[copy]", odd: "it's \\ ${x} [y]"}
slos:
  - name: odd
    description: "[It's $ and ${b} and \\d, in brackets]"
    objective: 99.9%
    window: 30d
    sli: {events: {total: 'requests_total{path=~"/a\\.b|c\\d+", x="''"}', bad: 'requests_total{path=~"/a\\.b|c\\d+", x="''", code=~"5.."}'}}
    alerting: {page: {runbook: "https://x/${y}?z=[1]"}, keep_firing_for: 10m, absent: {for: 90s, severity: ticket}}
"""


def slo(*words):
    return subprocess.run([built("slo"), *map(str, words)], capture_output=True, text=True)


def generated(target, spec):
    done = slo("generate", spec, "--target", target)
    assert done.returncode == 0, done.stderr
    return done.stdout


def unescaped(value):
    """A value of an ARM template as the resource has it."""
    if isinstance(value, dict):
        return {("copy" if key == "[string('copy')]" else key): unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        if value.startswith("[["):
            return value[1:]
        # What the deployment fills in.
        return ("filled", re.search(r"parameters\('(\w+)'\)", value).group(1))
    return value


def of_bicep(value):
    """A value that pycep has read: it keeps escapes as they are, and says a parameter by its name."""
    if isinstance(value, dict):
        return {key.strip("'"): of_bicep(item) for key, item in value.items()}
    if isinstance(value, list):
        return [of_bicep(item) for item in value]
    if isinstance(value, str):
        if value in ("location", "azureMonitorWorkspaceId", "pageActions", "ticketActions"):
            return ("filled", value)
        return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match.group(1), match.group(1)), value)
    return value


@pytest.fixture(params=[*SPECS, "tricky"], ids=lambda spec: spec if isinstance(spec, str) else spec.stem)
def spec(request, tmp_path):
    path = tmp_path / "slo.yaml"
    if request.param == "tricky":
        path.write_text(TRICKY)
        return path
    documents = list(yaml.safe_load_all(request.param.read_text()))
    for document in documents:
        # Azure takes neither quarters nor tiles of 30s; see below.
        document["slos"] = [one for one in document["slos"] if "quarter" not in json.dumps(one) and one["name"] != "own-tiers"]
    path.write_text(yaml.safe_dump_all(documents[:1]))
    return path


@pytest.fixture
def template(spec):
    return json.loads(generated("azure", spec))


def test_within_the_limits(template):
    assert len(json.dumps(template)) < 4_000_000 and 0 < len(template["resources"]) <= 800
    names = [resource["name"].lower() for resource in template["resources"]]
    assert len(set(names)) == len(names)
    for resource in template["resources"]:
        assert set(resource) == {"type", "apiVersion", "name", "location", "properties"}
        assert (resource["type"], resource["apiVersion"]) == ("Microsoft.AlertsManagement/prometheusRuleGroups", "2023-03-01")
        assert NAME.match(resource["name"]) and len(resource["name"]) <= 260
        properties = resource["properties"]
        assert set(properties) == {"description", "enabled", "scopes", "interval", "rules"}
        assert DURATION.match(properties["interval"]) and 1 <= len(properties["rules"]) <= 20
        for rule in properties["rules"]:
            assert ("record" in rule) != ("alert" in rule) and rule["expression"]
            allowed = {"record", "expression", "labels"} if "record" in rule else {
                "alert", "expression", "for", "severity", "labels", "annotations", "resolveConfiguration", "actions",
            }  # fmt: skip
            assert set(rule) <= allowed
            assert len(rule["labels"]) <= 10
            for name, text in {**unescaped(rule["labels"]), **unescaped(rule.get("annotations", {}))}.items():
                assert LABEL.match(name) and len(text) <= 1024
            if "alert" in rule:
                assert rule["severity"] in (0, 2) and rule["actions"] == f"[parameters('{'page' if rule['severity'] == 0 else 'ticket'}Actions')]"
                assert "query" not in json.dumps(rule["annotations"])
                if resolve := rule.get("resolveConfiguration"):
                    assert resolve["autoResolved"] and re.match(r"^PT([1-9]|1[0-5])M$", resolve["timeToResolve"])


def test_bicep_says_the_same(spec, template):
    read = BicepParser().parse(text=generated("azure-bicep", spec))
    assert set(read["parameters"]) == set(template["parameters"])
    resources = read["resources"].values()
    assert {(one["type"], one["api_version"]) for one in resources} == {("Microsoft.AlertsManagement/prometheusRuleGroups", "2023-03-01")}
    wanted = [{key: unescaped(one[key]) for key in ("name", "location", "properties")} for one in template["resources"]]
    assert [of_bicep(one["config"]) for one in resources] == wanted


def test_the_expressions_are_those_of_the_rule_file(spec, template, tmp_path):
    """Prometheus reads the rules of the template, and they are the rules that it would have been given."""
    groups = []
    for resource in template["resources"]:
        rules = [unescaped({key: value for key, value in rule.items() if key in ("record", "alert", "labels")}) for rule in resource["properties"]["rules"]]
        for rule, written in zip(rules, resource["properties"]["rules"]):
            rule["expr"] = unescaped(written["expression"])
        groups.append({"name": resource["name"], "rules": rules})
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}))
    checked = subprocess.run([program("promtool"), "check", "rules", path], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr + checked.stdout
    usual = yaml.safe_load(generated("prometheus", spec))["groups"]

    def flat(groups):
        return [
            (rule.get("record") or rule["alert"], re.sub(r"\s+", "", rule["expr"]), rule.get("labels", {})) for group in groups for rule in group["rules"]
        ]

    assert flat(groups) == flat(usual)


def test_groups_of_more_than_twenty_rules_are_split(tmp_path):
    path = tmp_path / "many.yaml"
    tiers = [("fast", "page", "1h", "5m"), ("medium", "page", "6h", "30m"), ("slow", "ticket", "5h", "25m"), ("trickle", "ticket", "4h", "20m")]
    tiers = [{"burn_tier": tier, "severity": severity, "factor": str(20 - 5 * number), "long": long, "short": short} for number, (tier, severity, long, short) in enumerate(tiers)]
    one = {"name": "a", "objective": "99%", "window": "30d", "sli": {"events": {"total": "t", "bad": "b"}}, "alerting": {"tiers": tiers}}
    path.write_text(yaml.safe_dump({"version": "slo/v1", "service": "many", "slos": [one]}))
    made = json.loads(generated("azure", path))["resources"]
    sizes = {one["name"]: len(one["properties"]["rules"]) for one in made}
    assert sizes["slo-many-a-fast-1"] == 20 and 1 <= sizes["slo-many-a-fast-2"] <= 20, sizes


@pytest.mark.parametrize(
    "more, told",
    [
        ("{name: a, objective: 99%, window: 90d, sli: {probe: up}}", "the period of s/a is 90d, and Azure's queries reach back 32 days at most, the delay of the rules included"),
        ("{name: a, objective: 99%, window: {calendar: quarter, time_zone: UTC}, sli: {probe: up}}", "reach back 32 days at most, the delay of the rules included"),
        ("{name: a, objective: 99%, window: 30d, sli: {probe: up}}, {name: A, objective: 99%, window: 30d, sli: {probe: up}}", "Azure cannot tell `s/a` from `s/A`"),
        (
            "{name: a, objective: 99%, window: 30d, sli: {probe: up}, labels: {" + ", ".join(f"l{n}: x" for n in range(11)) + "}}",
            "labels, and Azure takes 10",
        ),
        (
            "{name: a, objective: 99%, window: 30d, sli: {probe: up}, alerting: {tiers: [{burn_tier: fast, severity: page, factor: 14, long: 30m, short: 150s}]}}",
            "would be evaluated every 30s, and Azure evaluates every 1m to 1d",
        ),
        ("{name: a, description: " + "x" * 2000 + ", objective: 99%, window: 30d, sli: {probe: up}}", "more than 1024 characters"),
    ],
)
def test_what_azure_does_not_take_is_refused(tmp_path, more, told):
    path = tmp_path / "slo.yaml"
    path.write_text("{version: slo/v1, service: s, scrape_interval: 5s, slos: [" + more + "]}")
    for target in ("azure", "azure-bicep"):
        done = slo("generate", path, "--target", target, "--out", tmp_path / "out")
        assert done.returncode == 1 and told in done.stderr and "hint: " in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def test_files_and_what_is_told(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(
            "{version: slo/v1, service: %s, slos: [{name: x, objective: 99%%, window: 30d, sli: {probe: up}, alerting: {keep_firing_for: 1h}}]}" % name
        )
    done = slo("generate", tmp_path / "a.yaml", tmp_path / "b.yaml", "--target", "azure")
    assert done.returncode == 2 and "hint: give --out DIR" in done.stderr
    for target, ending in (("azure", "json"), ("azure-bicep", "bicep")):
        done = slo("generate", tmp_path / "a.yaml", tmp_path / "b.yaml", "--target", target, "--out", tmp_path / "out")
        assert done.returncode == 0 and "warning: a: SLOErrorBudgetBurn is resolved after 15m without its condition, not after 1h" in done.stderr
        assert (tmp_path / "out" / "rules" / f"a.{ending}").is_file() and (tmp_path / "out" / "rules" / f"b.{ending}").is_file()
    done = slo("generate", tmp_path / "a.yaml", "--target", "azure", "--anchored")
    assert done.returncode == 2
    done = slo("generate", tmp_path / "a.yaml", "--target", "azure", "--namespace", "x")
    assert done.returncode == 2
