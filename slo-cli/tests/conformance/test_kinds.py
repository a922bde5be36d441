"""Every kind of SLI, groups, time slices and calendar periods on real servers, next to what the samples themselves say."""

import json
import pathlib
import random
import re
import subprocess

import pytest
import servers
import traffic
import yaml
from test_conformance import BEGIN, END, HOURS, LAST

ROOT = pathlib.Path(__file__).resolve().parents[3]
SPEC = """
version: slo/v1
service: kinds
scrape_interval: 15s
slos:
  - name: grouped
    objective: 99.9%
    window: 30d
    by: [route]
    sli: {events: {total: 'requests_total{job="grouped"}', bad: 'requests_total{job="grouped",code="500"}'}}
  - name: queries
    objective: 99.9%
    window: 30d
    sli:
      events:
        total: 'sum(rate(requests_total{job="diurnal"}[{{.window}}])) + sum(rate(requests_total{job="busy"}[{{.window}}]))'
        bad: 'sum(rate(requests_total{job="diurnal",code="500"}[{{.window}}])) + sum(rate(requests_total{job="busy",code="500"}[{{.window}}]))'
  - name: increases
    objective: 99.9%
    window: 30d
    sli:
      events:
        total: 'max(increase(requests_total{job="diurnal",code="200"}[{{.window}}]))'
        good: 'min(increase(requests_total{job="diurnal",code="200"}[{{.window}}]))'
  - name: probe
    objective: 99%
    window: 30d
    sli: {probe: 'probe_success{job="probe"}'}
  - name: backlog
    objective: 99%
    window: 30d
    sli: {gauge: {query: 'queue_length{job="worker"}', good: "<= 100"}}
  - name: raw
    objective: 95%
    window: 30d
    sli: {ratio: '1 - avg(avg_over_time(probe_success{job="probe"}[{{.window}}]))'}
  - name: minutes
    objective: 99%
    window: 30d
    slices: {length: 1m, good: 95%, idle: IDLE}
    sli: {events: {total: 'requests_total{job="sometimes"}', bad: 'requests_total{job="sometimes",code="500"}'}}
  - name: ratios
    objective: 99%
    window: 30d
    slices: {length: 1m, good: ratio}
    sli: {events: {total: 'requests_total{job="sometimes"}', bad: 'requests_total{job="sometimes",code="500"}'}}
"""


def generated(folder, spec, *options):
    file = folder / "spec.yaml"
    file.write_text(spec)
    program = ROOT / "target" / "release" / "slo"
    done = subprocess.run([program, "generate", file, *options], capture_output=True, text=True, check=True)
    return yaml.safe_load(done.stdout)["groups"]


def dashboard_queries(folder, begin):
    """The titles and queries of the panels of what `generated` was given."""
    program = ROOT / "target" / "release" / "slo"
    subprocess.run([program, "dashboards", folder / "spec.yaml", "--out", folder], check=True, capture_output=True)
    for path in sorted((folder / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                query = target["expr"].replace("${__from}", str(int(begin * 1000)))
                yield panel["title"], re.sub(r"\$(team|service)\b", ".*", query)


@pytest.fixture(scope="module", params=servers.FORMS)
def evaluated(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    server = servers.make(request.param, folder)
    routes = [traffic.run(f"grouped-{route}", HOURS, 5, share=lambda t, route=route: 0.01 * (route == "/b")) for route in ("/a", "/b")]
    scenarios = {
        "diurnal": traffic.run("diurnal", HOURS, 5, share=lambda t: 0.9 if t < 0.02 else 0.001),
        # No series is born later: the first value of one is lost to a query.
        "busy": traffic.run("busy", HOURS, 5, share=lambda t: 0.9 if t < 0.02 or 4 <= t < 4.2 else 0.001),
        "sometimes": traffic.run("sometimes", HOURS, 5, rate=lambda t: 5 if t % 1 < 0.7 else 0, share=lambda t: 0.05),
    }
    series = [one for scenario in scenarios.values() for one in scenario.points()]
    for route, scenario in zip(("/a", "/b"), routes):
        scenarios[route] = scenario
        series += [({**labels, "job": "grouped", "route": route}, points) for labels, points in scenario.points()]
    random_ = random.Random(9)
    gauges = {
        ("probe_success", "probe", name): [(at + 3, float(random_.random() > 0.02)) for at in traffic.scrapes(HOURS)]
        for name in ("x", "y")
    }
    gauges |= {
        ("queue_length", "worker", name): [(at + 5, 200 * random_.random() ** 3) for at in traffic.scrapes(HOURS)]
        for name in ("x", "y", "z")
    }
    series += [
        ({"__name__": name, "job": job, "instance": instance}, points) for (name, job, instance), points in gauges.items()
    ]
    server.write(series)
    groups = [
        {**group, "interval": "1m"}
        for idle in ("ignore", "good", "bad")
        for group in generated(folder, SPEC.replace("IDLE", idle).replace("service: kinds", f"service: {idle}"), *server.options)
        if group["name"].endswith("/fast") and (idle == "ignore" or "/minutes/" in group["name"])
    ]
    for group in groups:
        group["offset"] = 1
        group["rules"] = [rule for rule in group["rules"] if ":increase" in rule.get("record", "")]
    server.record(groups, traffic.START, END)
    yield server, scenarios, gauges
    server.stop()


def tiles(server, slo, stream="total", service="ignore", **labels):
    """Every tile of a stream, by its time."""
    more = "".join(f',{name}="{value}"' for name, value in labels.items())
    query = f'slo:sli_{stream}:increase1m{{service="{service}",slo="{slo}"{more}}}'
    found = server.over(query, BEGIN, LAST, 60)
    assert len(found) == 1, found
    return dict(found[0][1])


def test_groups_are_counted_apart(evaluated):
    server, scenarios, _ = evaluated
    for route in ("/a", "/b"):
        truth = scenarios[route].tally(BEGIN - 60, LAST)
        for index, stream in enumerate(("total", "bad")):
            assert sum(tiles(server, "grouped", stream, route=route).values()) == pytest.approx(truth[index], abs=1e-6)


def test_queries_are_counted_exactly(evaluated):
    server, scenarios, _ = evaluated
    if isinstance(server, servers.VictoriaMetrics):
        # Its rates begin with the sample before the range, so a tile and a scrape hold one difference more.
        tolerance = {"rel": 0.01}
    else:
        tolerance = {"rel": 1e-9}
    tallies = [scenarios[name].tally(BEGIN - 60, LAST) for name in ("diurnal", "busy")]
    for index, stream in enumerate(("total", "bad")):
        truth = sum(tally[index] for tally in tallies)
        assert sum(tiles(server, "queries", stream).values()) == pytest.approx(truth, **tolerance)
    total, bad = tiles(server, "increases"), tiles(server, "increases", "bad")
    # Bad is what is not good, and a difference of two estimates may be a little below nothing.
    assert all(-1e-6 <= bad[at] <= total[at] for at in total)


def test_probes_count_samples(evaluated):
    server, _, gauges = evaluated
    samples = [value for (name, *_), points in gauges.items() if name == "probe_success" for at, value in points if BEGIN - 60 < at <= LAST]
    assert sum(tiles(server, "probe").values()) == len(samples)
    assert sum(tiles(server, "probe", "bad").values()) == pytest.approx(samples.count(0.0))


def test_gauges_are_looked_at_once_a_tile(evaluated):
    server, _, gauges = evaluated
    total, bad = tiles(server, "backlog"), tiles(server, "backlog", "bad")
    for at in total:
        values = [
            [value for when, value in points if when <= at][-1] for (name, *_), points in gauges.items() if name == "queue_length"
        ]
        assert (total[at], bad[at]) == (3, sum(value > 100 for value in values))


def test_ratios_weigh_every_tile_the_same(evaluated):
    server, _, gauges = evaluated
    total, bad = tiles(server, "raw"), tiles(server, "raw", "bad")
    assert set(total.values()) == {1.0}
    for at in list(bad)[:100]:
        means = []
        for (name, *_), points in gauges.items():
            if name == "probe_success":
                values = [value for when, value in points if at - 60 < when <= at]
                means.append(sum(values) / len(values))
        assert bad[at] == pytest.approx(1 - sum(means) / len(means), abs=1e-9)


def test_slices_are_judged_by_their_events(evaluated):
    server, scenarios, _ = evaluated
    for idle, empty in (("ignore", (0, 0)), ("good", (1, 0)), ("bad", (1, 1))):
        total, bad = tiles(server, "minutes", service=idle), tiles(server, "minutes", "bad", service=idle)
        seen = 0
        for at in total:
            events, errors = scenarios["sometimes"].tally(at - 60, at)
            seen += events == 0
            expected = (1, int(errors / events > 0.05)) if events else empty
            assert (total[at], bad[at]) == expected, (server.name, idle, at)
        assert seen > 60
    total, bad = tiles(server, "ratios"), tiles(server, "ratios", "bad")
    for at in total:
        events, errors = scenarios["sometimes"].tally(at - 60, at)
        assert (total[at], bad[at]) == (float(events > 0), pytest.approx(errors / events if events else 0.0))


@pytest.mark.parametrize("unit, scrape_interval, fast", [("week", "15s", "14m"), ("month", "1m", "1h")])
def test_calendar_periods_begin_when_the_calendar_says(unit, scrape_interval, fast, tmp_path_factory, tmp_path):
    # At a scrape a minute, coarse tiles last ten: longer than Prometheus looks back for a value.
    spec = f"""
version: slo/v1
service: calendar
scrape_interval: {scrape_interval}
slos:
  - name: shop
    objective: 99%
    window: {{calendar: {unit}, time_zone: Europe/Berlin, start: "2026-01-05 06:00:00"}}
    sli: {{events: {{total: 'requests_total{{job="shop"}}', bad: 'requests_total{{job="shop",code="500"}}'}}}}
"""
    groups = generated(tmp_path, spec)
    rules = {rule["record"]: rule["expr"] for group in groups for rule in group["rules"] if "record" in rule}
    # The bounds are written out from now on; the next one is in the future, which history does not mind.
    first, length = map(int, re.match(r"vector\(\s*(\d+) \+ (\d+)", rules["slo:calendar_period:start_seconds"]).groups())
    boundary = first + length
    scenario = traffic.Scenario("shop")
    instance = traffic.Instance(scenario, "shop-0:80")
    instance.serve(10, 1)
    random_ = random.Random(3)
    begin, end = boundary - 6 * 3600, boundary + 6 * 3600
    for at in range(begin, end, 15):
        # Before the period everything fails; in it, one in ten.
        instance.serve(*((0, 100) if at < boundary else traffic.split(random_, 100, 0.1)))
        instance.scrape(at + 1)
    for form in ("installed", "forky"):
        server = servers.make(form, tmp_path_factory.mktemp("calendar"))
        try:
            server.write(scenario.points())
            server.record(groups, begin, end)
            when = boundary + 5 * 3600
            series = '{service="calendar",slo="shop"}'
            # `@ end()` is the end of a query; of a rule's, the moment that it is evaluated at.
            now = lambda record, at: next(iter(server.at(rules[record], at)[0].values()))
            (start,) = server.at(f"slo:calendar_period:start_seconds{series}", when)[0].values()
            assert start == boundary
            ratio = now(f"slo:sli_error:ratio_{unit}", when)
            total, bad = scenario.tally(boundary, when)
            # The first tile may begin up to two coarse tiles and a fine one before the period.
            early = scenario.tally(boundary - (660 if scrape_interval == "15s" else 1350), boundary)[1]
            assert bad / total - 0.001 <= ratio <= (bad + early) / total + 0.001
            assert now(f"slo:sli_coverage:ratio_{unit}", when) == pytest.approx(1, abs=0.05)
            assert now(f"slo:sli_error:ratio_{unit}", boundary - 3600) == pytest.approx(1, abs=0.01)
            # Five hours at ten times the budget.
            (end_of_period,) = server.at(f"slo:calendar_period:end_seconds{series}", when)[0].values()
            hours = (end_of_period - boundary) / 3600
            seen = float(now("slo:error_budget:projected_remaining_ratio", when))
            burn = server.at(f"slo:burn_rate:ratio_{unit}{series}", when)[0]
            assert seen == pytest.approx(1 - next(iter(burn.values())) * 5 / hours, abs=0.02)
            # Pages know the length of the present period.
            told = set()
            for title, query in dashboard_queries(tmp_path, when):
                found = server.at(query, when)[0]
                assert found or "ALERTS" in query, (title, query)
                if title in ("Budget lasts", "Budget exhausted in"):
                    (left,), (burning,) = (
                        server.at(f"{name}{series}", when)[0].values()
                        for name in ("slo:error_budget:projected_remaining_ratio", f"slo:burn_rate:ratio{fast}")
                    )
                    assert list(found.values()) == [pytest.approx(max(left, 0) * hours * 3600 / burning)]
                    told.add(title)
            assert told == {"Budget lasts", "Budget exhausted in"}
        finally:
            server.stop()


def test_alerts_of_a_calendar_know_the_length_of_the_month(tmp_path):
    spec = """
version: slo/v1
service: shop
slos:
  - name: routes
    objective: 99%
    window: {calendar: month, time_zone: UTC}
    by: [route]
    sli: {events: {total: requests_total, bad: errors_total}}
"""
    [alert] = [
        rule
        for group in generated(tmp_path, spec)
        for rule in group["rules"]
        if rule.get("alert") == "SLOErrorBudgetBurn" and rule["labels"]["burn_tier"] == "fast"
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "a", "rules": [alert]}]}))
    labels, month = 'service="shop",slo="routes"', 31 * 86400
    values = {
        "slo:sli_error:ratio1h": {"/a": 0.2, "/b": 0.01},
        "slo:sli_error:ratio5m": {"/a": 0.2, "/b": 0.01},
        "slo:burn_rate:ratio1h": {"/a": 20, "/b": 1},
        "slo:error_budget:projected_remaining_ratio": {"/a": 0.5, "/b": 0.9},
    }
    series = [
        {"series": f'{name}{{{labels},route="{route}"}}', "values": f"{value}x1"}
        for name, routes in values.items()
        for route, value in routes.items()
    ]
    series += [
        {"series": f"slo:calendar_period:{name}_seconds{{{labels}}}", "values": f"{value}x1"}
        for name, value in [("start", 0), ("end", month)]
    ]
    expected = {**alert["labels"], "service": "shop", "slo": "routes", "route": "/a"}
    # Half of a month of 31 days at twenty times the rate: 18 hours and 36 minutes.
    description = (
        "In the last 1h, 20% of events were bad; 99% over a month in UTC allows 1%. "
        "Burn rate: 20.0× (alerts above 14.4×). Budget left: 50%. Exhausted in: 18h 36m 0s."
    )
    annotations = {**alert["annotations"], "description": description}
    annotations["summary"] = annotations["summary"].replace("{{ $labels.route }}", "/a")
    expected = [{"exp_labels": expected, "exp_annotations": annotations}]
    fires = [{"eval_time": "1m", "alertname": alert["alert"], "exp_alerts": expected}]
    tests = [{"interval": "1m", "input_series": series, "alert_rule_test": fires}]
    test = {"evaluation_interval": "1m", "rule_files": ["rules.yaml"], "tests": tests}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "test.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
