"""`slo dynatrace` on a stand-in that has Dynatrace's limits, and its problems as incidents of a real `slo serve`."""

import json
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

import pytest
from environment import TOKEN, Environment, fault_of_event, fault_of_line, fault_of_slo

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "slo-cli" / "tests" / "pages"), str(ROOT / "slo-cli" / "tests" / "serve")]
from site_of_tests import SPEC, Stack, ask, built, wait_for  # noqa: E402

MAPPING = """
version: slo-dynatrace/v1
slos:
  checkout/availability:
    good: builtin:service.errors.server.successCount:splitBy()
    total: builtin:service.requestCount.server:splitBy()
    filter: type(SERVICE),entityName.equals("checkout ${x}")
  checkout/latency:
    dql: |
      fetch spans | makeTimeseries {total = count(), good = countIf(duration <= 200ms)}
      | fieldsAdd sli = 100 * (good[] / total[])
"""


@pytest.fixture
def environment():
    with Environment() as environment:
        yield environment


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return tmp_path


def slo(*arguments, check=True):
    return subprocess.run([built("slo"), "dynatrace", *map(str, arguments)], capture_output=True, text=True, check=check)


def only(folder, name):
    """The mapping of one SLO."""
    text = MAPPING.split(f"  {name}:\n")[1]
    body = re.split(r"(?m)^  \S", text)[0]
    path = folder / "one.yaml"
    path.write_text(f"version: slo-dynatrace/v1\nslos:\n  {name}:\n{body}")
    return path


def test_a_classic_slo_is_one_that_dynatrace_takes(folder, environment):
    done = slo("slos", SPEC, "--mapping", only(folder, "checkout/availability"))
    [body] = json.loads(done.stdout)
    assert fault_of_slo(body) is None
    assert body["metricExpression"] == "(100)*(builtin:service.errors.server.successCount:splitBy())/(builtin:service.requestCount.server:splitBy())"
    assert body["enabled"] is True and body["target"] < body["warning"] <= 100
    spec = json.loads(subprocess.run([built("slo"), "explain", SPEC, "--format", "json"], capture_output=True, text=True, check=True).stdout)
    [known] = [one for one in spec if (one["service"], one["slo"]) == ("checkout", "availability")]
    assert body["errorBudgetBurnRate"]["fastBurnThreshold"] == float(known["alerts"][0]["factor"])
    # What is not in the mapping is told.
    assert "checkout/latency is left out" in done.stderr and "search/availability is left out" in done.stderr
    request = urllib.request.Request(f"{environment.url}/api/v2/slo", json.dumps(body).encode(), {"Authorization": f"Api-Token {TOKEN}", "Content-Type": "application/json"})
    assert urllib.request.urlopen(request).status == 201 and environment.slos == [body]


def test_a_platform_slo_has_its_query(folder):
    [body] = json.loads(slo("slos", SPEC, "--mapping", only(folder, "checkout/latency"), "--kind", "platform").stdout)
    assert "sli = 100" in body["customSli"]["indicator"] and body["tags"][:2] == ["service:checkout", "slo:latency"]
    [criteria] = body["criteria"]
    assert re.fullmatch("now-[0-9]+d", criteria["timeframeFrom"]) and criteria["timeframeTo"] == "now"
    assert criteria["target"] < criteria["warning"] <= 100


def test_terraform_says_the_same(folder):
    mapping = only(folder, "checkout/availability")
    [body] = json.loads(slo("slos", SPEC, "--mapping", mapping).stdout)
    text = slo("slos", SPEC, "--mapping", mapping, "--format", "terraform").stdout
    assert text.startswith('resource "dynatrace_slo_v2" "checkout_availability" {\n')
    values = dict(re.findall(r"(?m)^  +(\w+) = (.*)$", text))
    assert set(values) == {
        "name", "enabled", "custom_description", "evaluation_type", "evaluation_window", "filter", "metric_expression", "metric_name",
        "target_success", "target_warning", "burn_rate_visualization_enabled", "fast_burn_threshold",
    } - (set() if "description" in body else {"custom_description"})  # fmt: skip
    # A dollar sign before a brace begins no template.
    assert values["filter"] == '"type(SERVICE),entityName.equals(\\"checkout $${x}\\")"'
    assert float(values["target_success"]) == body["target"] and float(values["target_warning"]) == body["warning"]
    out = folder / "slos.tf"
    slo("slos", SPEC, "--mapping", only(folder, "checkout/latency"), "--kind", "platform", "--format", "terraform", "--out", out)
    text = out.read_text()
    assert 'resource "dynatrace_platform_slo" "checkout_latency"' in text and "criteria_detail {" in text and "custom_sli {" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace("checkout/latency", "checkout/none"), "no spec has the SLO `checkout/none`"),
        (lambda text: text.replace("    total:", "    totals:"), "unknown key `totals`"),
        (lambda text: text.replace("    good:", "    # good:").replace("    total:", "    dql: sli #").replace("    filter:", "    # filter:"), "no SLO has `good` and `total`, which this kind needs"),
    ],
)
def test_what_cannot_be_written_is_refused(folder, change, expected):
    path = folder / "changed.yaml"
    path.write_text(change(MAPPING) if "none" not in expected else change(MAPPING).replace("    dql: |", "    good: a\n    total: b\n    dql: |"))
    done = slo("slos", SPEC, "--mapping", path, check=False)
    assert done.returncode == 1 and expected in done.stderr, done.stderr


def test_one_mapping_serves_both_kinds(folder):
    for kind, name, other in [("classic", "checkout/availability", "checkout/latency"), ("platform", "checkout/latency", "checkout/availability")]:
        done = slo("slos", SPEC, "--mapping", folder / "mapping.yaml", "--kind", kind)
        assert [body["name"] for body in json.loads(done.stdout)] == [name]
        assert f"{other} is left out: " in done.stderr


def test_groups_slices_and_calendars_are_refused(folder):
    for more, expected in [
        ("by: [route]", "it has groups"),
        ("slices: {length: 1m, good: 95%}", "it is judged by time slices"),
        ("window: {calendar: month, time_zone: UTC}", "it has a calendar period"),
    ]:
        window = "" if "window" in more else "window: 30d, "
        spec = folder / "spec.yaml"
        spec.write_text(f"{{version: slo/v1, service: a, slos: [{{name: b, objective: 99%, {window}{more}, sli: {{events: {{total: t_total, bad: b_total}}}}}}]}}")
        mapping = folder / "b.yaml"
        mapping.write_text("{version: slo-dynatrace/v1, slos: {a/b: {good: x, total: y}}}")
        done = slo("slos", spec, "--mapping", mapping, check=False)
        assert done.returncode == 1 and expected in done.stderr, done.stderr


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("dynatrace")) as stack:
        yield stack


def test_budgets_are_lines_that_dynatrace_takes(stack, folder, environment):
    asked = ["metrics", SPEC, "--prometheus", stack.prometheus, "--time-scale", 60]
    lines = slo(*asked).stdout.splitlines()
    assert lines and [fault_of_line(line) for line in lines] == [None] * len(lines)
    keys = {line.split(",")[0] for line in lines}
    assert keys == {"slo.sli", "slo.objective", "slo.error_budget.remaining", "slo.error_budget.projected_remaining", "slo.burn_rate"}
    sent = slo(*asked, "--environment", environment.url, "--token-file", folder / "token")
    assert sent.stderr == f"sent {len(environment.lines)} lines\n" and {line.split(" ")[0] for line in lines} == {line.split(" ")[0] for line in environment.lines}
    assert environment.refused == []


def test_budgets_of_other_rules_are_left_out(stack, folder):
    spec = folder / "changed.yaml"
    spec.write_text(SPEC.read_text().replace("window: 30d", "window: 7d", 1))
    done = slo("metrics", spec, "--prometheus", stack.prometheus, "--time-scale", 60)
    assert "checkout/availability is left out: the loaded rules are for another period" in done.stderr
    assert 'slo="latency"' in done.stdout and 'service="checkout",slo="availability"' not in done.stdout


def test_a_deployment_is_an_event(folder, environment):
    command = ["deployment", "checkout", "2.4.0", "--url", "https://ci.example.com/7", "--who", "ann"]
    event = json.loads(slo(*command, "--entities", 'type(SERVICE),entityName("checkout")').stdout)
    assert fault_of_event(event) is None and event["eventType"] == "CUSTOM_DEPLOYMENT"
    assert event["properties"]["dt.event.deployment.version"] == "2.4.0" and event["entitySelector"].startswith("type(SERVICE)")
    done = slo(*command, "--environment", environment.url, "--token-file", folder / "token")
    assert done.stderr == "sent: checkout 2.4.0 went live\n" and len(environment.events) == 1
    old = slo(*command, "--at", "2020-01-01T00:00:00Z", check=False)
    assert old.returncode == 1 and "no deployment that is older than 30d" in old.stderr


def test_refusals_are_told_and_secrets_are_not(folder, environment):
    command = ["deployment", "checkout", "2.4.0", "--environment", environment.url, "--token-file"]
    (folder / "wrong").write_text("dt0c01.WRONG")
    done = slo(*command, folder / "wrong", check=False)
    assert done.returncode == 3 and "401" in done.stderr and "the token needs the scope" in done.stderr and "WRONG" not in done.stderr
    environment.busy = 429
    done = slo(*command, folder / "token", check=False)
    assert done.returncode == 3 and "429" in done.stderr and "Too many requests" in done.stderr
    done = slo("deployment", "a", "1", "--environment", "ftp://x", "--token-file", folder / "token", check=False)
    assert done.returncode == 1 and "is not the address of an environment" in done.stderr


def problem(state, start, end=-1):
    tags = [{"context": "CONTEXTLESS", "key": key, "value": value} for key, value in (("service", "checkout"), ("slo", "availability"))]
    details = {"problemId": "-42_1", "startTime": start, "endTime": end, "impactLevel": "SERVICES", "severityLevel": "ERROR", "entityTags": tags}
    return json.dumps({
        "State": state, "PID": "-42_1", "ProblemTitle": "Failure rate increase", "ProblemSeverity": "ERROR",
        "ProblemURL": "https://abc.live.dynatrace.com/#problems/problemdetails;pid=-42_1", "ImpactedEntity": "Web service checkout",
        "Tags": "service:checkout, slo:availability", "ProblemDetails": details,
    }).encode()  # fmt: skip


def test_problems_are_incidents_and_incidents_are_errors(stack, folder, environment):
    url = stack.slo_serve_config("problems", "store: sqlite:slo.db\n")
    start = int(time.time() * 1_000) - 120_000
    post = lambda body: ask(f"{url}/alerts/dynatrace", "POST", body, Content_Type="application/json")  # noqa: E731
    assert post(problem("OPEN", start)).json() == {"status": "recorded"}
    assert post(problem("OPEN", start)).json() == {"status": "repeated"}
    [one] = wait_for("an incident", lambda: ask(f"{url}/api/v1/incidents").json(), 20)
    assert (one["service"], one["slo"], one["severity"], one["state"]) == ("checkout", "availability", "page", "firing")
    store = f"sqlite:{stack.folder}/problems/slo.db"
    event = json.loads(slo("incident", one["incident"][:8], "--store", store).stdout)
    assert fault_of_event(event) is None and event["eventType"] == "ERROR_EVENT" and event["startTime"] == start
    slo("incident", one["incident"], "--store", store, "--environment", environment.url, "--token-file", folder / "token")
    assert environment.events[0]["properties"]["slo"] == "availability" and environment.refused == []
    # Another event would open another problem.
    assert environment.events == [event]
    assert post(problem("RESOLVED", start, start + 60_000)).json() == {"status": "recorded"}
    # What is over opens no problem that stays.
    over = json.loads(slo("incident", one["incident"], "--store", store).stdout)
    assert over["endTime"] == start + 60_000 and "timeout" not in over and fault_of_event(over) is None
    assert len(over["properties"]["dt.event.description"].splitlines()) > 1
    [one] = ask(f"{url}/api/v1/incidents").json()
    assert one["state"] == "resolved" and one["deliveries"] == 3
    refused = post(b'{"State":"OPEN","PID":"1"}')
    assert refused.status == 400 and "ProblemDetailsJSONv2" in refused.text()
