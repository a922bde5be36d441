"""The generated dashboards: valid by Grafana's own types, and every query of them has an answer while there is an outage."""

import json
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.parse

import jsonschema
import pytest
from stack import SPEC, SPEED, built, http_get, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCHEMA = jsonschema.Draft7Validator(json.loads((ROOT / "testdata" / "grafana" / "dashboard.schema.json").read_text()))
SPECS = [SPEC, *sorted((ROOT / "testdata" / "rules").glob("*.spec.yaml")), *sorted((ROOT / "testdata" / "specs" / "valid").glob("*.yaml"))]


def generated(folder, spec=SPEC, *options):
    subprocess.run([built("slo"), "dashboards", str(spec), "--out", str(folder), *options], check=True, capture_output=True)
    return {path.stem: json.loads(path.read_text()) for path in sorted((folder / "dashboards").glob("*.json"))}


def faults(dashboard):
    """What the schema says; of a panel, what its own kind says."""
    for error in SCHEMA.iter_errors(dashboard):
        if error.validator != "anyOf":
            yield f"{list(error.path)}: {error.message[:300]}"
            continue
        others = {cause.schema_path[0] for cause in error.context if cause.validator == "const" and list(cause.path) == ["type"]}
        yield from (f"{list(error.path)} {list(cause.path)}: {cause.message[:300]}" for cause in error.context if cause.schema_path[0] not in others)


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_dashboards_are_of_grafanas_types(spec, tmp_path):
    dashboards = generated(tmp_path, spec)
    assert {"slo-overview", "slo-incident"} < set(dashboards)
    for name, dashboard in dashboards.items():
        assert list(faults(dashboard)) == [], name


def test_the_schema_refuses_what_is_wrong(tmp_path):
    dashboard = generated(tmp_path)["slo-overview"]
    dashboard["panels"][1]["options"]["colorMode"] = "rainbow"
    assert any("rainbow" in fault for fault in faults(dashboard))
    dashboard["panels"][1].pop("options")
    assert list(faults(dashboard))


def test_every_variable_is_used_and_every_link_leads_somewhere(tmp_path):
    dashboards = generated(tmp_path)
    uids = {dashboard["uid"] for dashboard in dashboards.values()}
    assert len(uids) == len(dashboards)
    for name, dashboard in dashboards.items():
        text = json.dumps(dashboard)
        variables = [variable["name"] for variable in dashboard["templating"]["list"]]
        for variable in variables:
            assert re.search(rf"\$({variable}\b|{{{variable}}})", text), (name, variable)
        for variable in re.findall(r"\$(?:{([a-zA-Z_]\w*)[:}]|([a-zA-Z]\w*))", text):
            used = variable[0] or variable[1]
            assert used in variables or used.startswith("__"), (name, used)
        for uid in re.findall(r"/d/([\w-]+)", text):
            assert uid in uids, (name, uid)


def filled(query, begin):
    """A query as Grafana sends it, with all groups shown."""
    query = query.replace("${__from}", str(int(begin * 1000)))
    query = re.sub(r"\$(team|service)\b", ".*", query)
    assert "$" not in query, query
    return query


def test_every_query_has_an_answer_during_an_outage(world, tmp_path):
    world.load("start")
    time.sleep(12)
    for service in ("checkout", "search"):
        world.fault(service, "outage", "40s")
    firing = 'count(ALERTS{alertstate="firing",service=~"checkout|search",severity="page"}) >= 2'
    wait_for("pages", lambda: world.query(firing), 30)
    # Long windows and tickets follow.
    wait_for("tickets", lambda: world.query('ALERTS{alertstate="firing",severity="ticket"}'), 30)
    wait_for("budgets", lambda: len(world.query("slo:error_budget:projected_remaining_ratio")) == 6, 30)
    top = [built("slo"), "top", str(SPEC), "--prometheus", f"http://127.0.0.1:{world.prometheus}", "--time-scale", str(SPEED), "--once"]
    rows = subprocess.run(top, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(rows) == 7 and {row.split()[0] for row in rows[1:3]} == {"checkout/availability", "search/availability"}, rows
    assert "fast" in rows[1] and any(block in rows[1] for block in "▁▂▃▄▅▆▇█"), rows
    begin, asked, silent = time.time() - 60, 0, []
    for name, dashboard in generated(tmp_path, SPEC, "--time-scale", str(SPEED)).items():
        # Nothing fires on a service that is well.
        is_well = name.startswith("login-") or name.endswith("-latency")
        queries = [(panel["title"], target) for panel in dashboard["panels"] for target in panel.get("targets", [])]
        queries += [(note["name"], {"expr": note["expr"], "range": True}) for note in dashboard["annotations"]["list"] if "expr" in note]
        for title, target in queries:
            query = filled(target["expr"], begin)
            found = answer(world, query, begin if target.get("range") else None)
            asked += 1
            if not found and not (is_well and ("ALERTS" in query or "> 0)" in query)):
                silent.append((name, title, query))
    assert silent == []
    assert asked > 100
    for dashboard in generated(tmp_path, SPEC, "--time-scale", str(SPEED)).values():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()
                values = world.query(f"group by ({label}) ({filled(metric, begin)})")
                assert values and all(label in labels for labels, _ in values), variable


def answer(world, query, begin):
    base = f"http://127.0.0.1:{world.prometheus}/api/v1/"
    if begin is None:
        url = f"{base}query?query={urllib.parse.quote(query)}"
    else:
        url = f"{base}query_range?query={urllib.parse.quote(query)}&start={begin}&end={time.time()}&step=1"
    try:
        return json.loads(http_get(url))["data"]["result"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{query}: {error.read().decode()}") from error
