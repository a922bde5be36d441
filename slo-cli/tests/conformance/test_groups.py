"""SLOs with groups, and of different policies, on real servers: reports judge each group, dashboards answer for all."""

import json
import pathlib
import re
import subprocess

import pytest
import servers
import traffic
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "target" / "release" / "slo"
HOURS = 4
END = traffic.START + HOURS * 3600
SPEC = """
version: slo/v1
service: shop
labels: {team: web}
slos:
  - name: routes
    objective: 99%
    window: 30d
    by: [route]
    sli: {events: {total: 'requests_total{job="routes"}', bad: 'requests_total{job="routes",code="500"}'}}
  - name: services
    objective: 99%
    window: 30d
    by: [service]
    sli: {events: {total: 'requests_total{job="routes"}', bad: 'requests_total{job="routes",code="500"}'}}
  - name: week
    objective: 99%
    window: 7d
    labels: {route: none}
    sli: {events: {total: 'requests_total{job="week"}', bad: 'requests_total{job="week",code="500"}'}}
  - name: minutes
    objective: 99%
    window: 30d
    slices: {length: 1m, good: 95%, idle: ignore}
    sli: {events: {total: 'requests_total{job="week"}', bad: 'requests_total{job="week",code="500"}'}}
"""
# A small route that is down is nothing beside a large one that is not.
ROUTES = {"/small": (1, 0.5), "/large": (200, 0.001)}


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=True)


@pytest.fixture(scope="module", params=["installed", "victoriametrics"])
def world(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("groups")
    server = servers.make(request.param, folder)
    spec = folder / "spec.yaml"
    spec.write_text(SPEC)
    routes = {
        route: traffic.run(f"routes{route}", HOURS, 5, rate=lambda t, rate=rate: rate, share=lambda t, share=share: share)
        for route, (rate, share) in ROUTES.items()
    }
    series = [
        ({**labels, "job": "routes", "route": route, "service": route.strip("/")}, points)
        for route, one in routes.items()
        for labels, points in one.points()
    ]
    series += traffic.run("week", HOURS, 5, share=lambda t: 0.5 if 2 < t < 3 else 0.001).points()
    server.write(series)
    groups = yaml.safe_load(run("generate", spec, *server.options).stdout)["groups"]
    server.record(groups, traffic.START, END)
    # Alerts as a server would have written them, of which one only waits.
    alerts = []
    groups_that_burn = [("routes", {"route": "/small"}), ("services", {"exported_service": "small"}), ("week", {}), ("minutes", {})]
    for slo, more in groups_that_burn:
        labels = {"alertname": "SLOErrorBudgetBurn", "service": "shop", "slo": slo, "team": "web", "burn_tier": "fast", **more}
        # A label that others have groups by.
        if slo == "week":
            labels["route"] = "none"
        for severity in ("page", "ticket"):
            state = "pending" if slo == "week" and severity == "ticket" else "firing"
            times = [END + second for second in range(-3600, 61, 15)]
            labels["severity"] = severity
            alerts.append(({**labels, "__name__": "ALERTS", "alertstate": state}, [(at, 1.0) for at in times]))
            alerts.append(({**labels, "__name__": "ALERTS_FOR_STATE"}, [(at, END - 3600.0) for at in times]))
    # Of a specification that the dashboards know nothing of.
    for name in ("slo:error_budget:projected_remaining_ratio", "slo:burn_rate:ratio1h", "slo:burn_rate:ratio14m"):
        for route in ("/a", "/b"):
            labels = {"__name__": name, "service": "other", "slo": "groups", "route": route}
            alerts.append((labels, [(END + second, 0.5) for second in range(-3600, 61, 15)]))
    server.write(alerts)
    yield server, spec, routes
    server.stop()


def test_reports_judge_each_group(world):
    server, spec, routes = world
    asked = ["report", spec, "--prometheus", server.url, "--last", "3h", "--end", END]
    slos = json.loads(run(*asked, "--format", "json").stdout)["slos"]
    small, large = [one for one in slos if one["slo"] == "routes"]
    # The worst first.
    assert (small["group"], large["group"]) == ({"route": "/small"}, {"route": "/large"})
    begin, end = END - 3 * 3600 - 359, END - 359
    for one in (small, large):
        assert (one["total"], one["bad"]) == pytest.approx(routes[one["group"]["route"]].tally(begin, end), abs=1e-6)
    assert (small["met"], large["met"]) == (False, True) and small["coverage"] == large["coverage"] > 0.99
    assert small["incidents"] and small["budget_remaining"] < -40
    text = run(*asked).stdout
    assert "| shop/routes route=/small | 99% |" in text and "| shop/routes route=/large | 99% |" in text
    # Of groups, only those have a section of which there is something to tell.
    assert "## shop/routes route=/small" in text and "## shop/routes route=/large" not in text
    html = run(*asked, "--format", "html").stdout
    for link in re.findall(r'href="#(\w+)"', html):
        assert f'id="{link}"' in html


def test_a_label_that_the_rules_set_is_exported(world):
    server, spec, routes = world
    asked = ["report", spec, "--prometheus", server.url, "--last", "3h", "--end", END, "--format", "json"]
    slos = json.loads(run(*asked).stdout)["slos"]
    by_service = {one["group"]["exported_service"]: one for one in slos if one["slo"] == "services"}
    by_route = {one["group"]["route"].strip("/"): one for one in slos if one["slo"] == "routes"}
    assert by_service.keys() == by_route.keys() == {"small", "large"}
    for name, one in by_service.items():
        assert (one["total"], one["bad"]) == (by_route[name]["total"], by_route[name]["bad"])
    # The rules' own label is what they say.
    found, _ = server.at('slo:error_budget:projected_remaining_ratio{slo="services"}', END)
    assert all('service="shop"' in labels and "exported_service=" in labels for labels in found) and len(found) == 2


def test_a_backtest_fires_as_the_rules_do(world):
    server, spec, routes = world
    asked = ["backtest", spec, "--prometheus", server.url, *server.options, "--last", f"{HOURS}h", "--end", END]
    ran = run(*asked, "--format", "json")
    slos = json.loads(ran.stdout)["slos"]
    keys = [(one["slo"], *one["group"].values()) for one in slos]
    assert sorted(keys) == sorted(
        [("routes", "/small"), ("routes", "/large"), ("services", "small"), ("services", "large"), ("week",), ("minutes",)]
    )
    for one in slos:
        if one["slo"] == "routes":
            truth = routes[one["group"]["route"]].tally(one["start"] / 1000, one["end"] / 1000)
            # Of the first minute, nobody knows how much came before its first scrape.
            assert (one["total"], one["bad"]) == pytest.approx(truth, rel=5e-3)
    # Long windows are longer than the history: it says so.
    assert "shop/routes: the slow tier cannot fire" in ran.stderr
    rules = yaml.safe_load(run("generate", spec, *server.options).stdout)
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") != "SLOErrorBudgetBurn" or rule["labels"]["burn_tier"] != "fast":
                continue
            name = rule["labels"]["slo"]
            # Both windows are full from then on: before that, rules fire on less.
            full, fired = traffic.START + 3600, {}
            for labels, points in server.over(rule["expr"], traffic.START, END, 60):
                of = tuple(labels[label] for label in ("route", "exported_service") if label in labels)
                fired[of] = [at for at, _ in points if at >= full]
            for one in (one for one in slos if one["slo"] == name):
                mine = [alert["start"] / 1000 for alert in one["alerts"] if alert["burn_tier"] == "fast"]
                seen = fired.get(tuple(one["group"].values()), [])
                assert bool(mine) == bool(seen), (name, mine, seen[:3])
                assert not mine or abs(mine[0] - seen[0]) <= 180, (name, mine, seen[:3])
    assert {one["slo"] for one in slos if one["pages"]} == {"routes", "services", "week", "minutes"}


def test_incidents_last_as_long_as_they_did(world):
    server, spec, _ = world
    asked = ["report", spec, "--prometheus", server.url, "--last", "3h", "--end", END, "--format", "json"]
    [week] = [one for one in json.loads(run(*asked).stdout)["slos"] if one["slo"] == "week"]
    [incident] = week["incidents"]
    # From the third hour on, for an hour: to the minute, known a minute or two late.
    begin, end = traffic.START + 2 * 3600, traffic.START + 3 * 3600
    assert begin - 60 <= incident["start"] / 1000 <= begin + 120
    assert end - 60 <= incident["end"] / 1000 <= end + 120


def test_every_query_of_the_dashboards_has_an_answer(world, tmp_path):
    server, spec, _ = world
    run("dashboards", spec, "--out", tmp_path)
    pages = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "dashboards").glob("*.json")}
    assert set(pages) == {"slo-overview", "slo-incident", "shop-routes", "shop-services", "shop-week", "shop-minutes"}
    values = {}
    for name, page in pages.items():
        for panel in page["panels"]:
            for target in panel.get("targets", []):
                query = target["expr"].replace("${__from}", str(END * 1000 - 3_600_000))
                query = re.sub(r"\$(team|service|route|exported_service)\b", ".*", query)
                assert "$" not in query, query
                found, _ = server.at(query, END)
                assert found, (name, panel["title"], query)
                values.setdefault((name, panel["title"]), []).append(found)
    [paging] = values["slo-overview", "Paging"]
    assert list(paging.values()) == [4.0]
    # What only waits to fire is not told of.
    [waiting] = values["shop-week", "Firing alerts"]
    assert len(waiting) == 1 and 'severity="page"' in next(iter(waiting)) and list(waiting.values()) == [3600.0]
    # Each SLO is told of over its own window: two SLOs, and the worse of two groups of each of the others.
    burning = values["slo-overview", "SLOs by time to exhaustion"][4]
    assert {re.search(r'slo="(\w+)"', labels)[1] for labels in burning} == {"routes", "services", "week", "minutes"}
    (worst,) = [value for labels, value in burning.items() if '"routes"' in labels]
    assert worst == pytest.approx(50, rel=0.2)
    # On the incident page, of what has groups that one is told of which fires.
    firing = values["slo-incident", "Firing alerts"]
    assert len(firing) == 4
    for rows in [*firing, *values["slo-incident", "Burn rate of SLOs with alerts"], *values["slo-incident", "Stages"]]:
        routes = {re.search(r'route="([^"]*)"', labels)[1] for labels in rows if 'slo="routes"' in labels}
        assert routes <= {"/small"}, rows
    # Rows of one table have the labels of the same alerts.
    assert all(rows.keys() == firing[0].keys() for rows in firing), firing
    assert any('route="/small"' in labels for labels in firing[0])
