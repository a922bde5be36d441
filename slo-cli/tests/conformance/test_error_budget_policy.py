"""Error-budget policies on real servers: a freeze begins with an outage, and ends when it has left the period."""

import json
import pathlib
import subprocess

import pytest
import servers
import traffic
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "target" / "release" / "slo"
HOURS = 27
PERIOD = 24
HOUR = 3_600
SPEC = """
version: slo/v1
service: shop
policy:
  caution: 25%
  freeze: {at: 0%, exceptions: [security, reliability]}
  hysteresis: 5%
  postmortem: 20%
slos:
  - name: orders
    objective: 99%
    window: 1d
    sli: {events: {total: 'requests_total{job="orders"}', bad: 'requests_total{job="orders",code="500"}'}}
"""


# Of the same traffic by route.
ROUTES = SPEC.replace("service: shop", "service: routes").replace("objective: 99%", "objective: 99%\n    by: [route]").replace('"orders"', '"routes"')
# Requests a second, of each route.
RATE = 5


def routes():
    """A route that is always good, and one that is there for the last two hours and has an outage of 18 minutes."""
    all_series = []
    for route, first in (("/old", 0), ("/new", 25)):
        good, bad, points = 0, 0, {"200": [], "500": []}
        for at in range(int(first * HOUR), HOURS * HOUR, traffic.SCRAPE):
            failing = route == "/new" and 26.1 * HOUR < at <= 26.4 * HOUR
            bad += RATE * traffic.SCRAPE * failing / 2
            good += RATE * traffic.SCRAPE * (1 - failing / 2)
            for code, count in (("200", good), ("500", bad)):
                points[code].append((traffic.START + at, float(count)))
        all_series += [({"__name__": "requests_total", "job": "routes", "route": route, "code": code}, points[code]) for code in points]
    return all_series


def share(hour):
    """Two outages: the first spends more than the budget of a period, the second most of it."""
    return 0.6 if 1 < hour < 1.8 or 26.1 < hour < 26.4 else 0.001


@pytest.fixture(scope="module", params=["installed", "victoriametrics"])
def world(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    server = servers.make(request.param, folder)
    spec = folder / "spec.yaml"
    spec.write_text(SPEC)
    orders = traffic.run("orders", HOURS, 5, share=share)
    (folder / "routes.yaml").write_text(ROUTES)
    server.write(orders.points() + routes())
    rules = command("generate", spec, folder / "routes.yaml", *server.options).stdout
    groups = [group for text in yaml.safe_load_all(rules) for group in text["groups"]]
    server.record(groups, traffic.START, traffic.START + HOURS * HOUR)
    yield server, spec, orders
    server.stop()


def command(*arguments, check=True):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=check)


def policy(world, hour, *options):
    server, spec, _ = world
    end = traffic.START + int(hour * HOUR)
    return command("policy", spec, "--prometheus", server.url, "--end", end, *options, check=False)


def decided(world, hour, *options):
    done = policy(world, hour, "--format", "json", *options)
    answer = json.loads(done.stdout)
    [slo] = answer["slos"]
    return done.returncode, answer["decision"], slo


def left(orders, hour):
    """The share of the period's budget that is left, if the period has as many events an hour as were seen."""
    end = traffic.START + hour * HOUR
    seen = min(hour, PERIOD)
    total, bad = orders.tally(end - seen * HOUR, end)
    return 1 - bad / (0.01 * total * PERIOD / seen)


def test_an_outage_freezes_releases(world):
    code, decision, slo = decided(world, 2)
    assert (code, decision, slo["stage"]) == (1, "stop", "freeze")
    truth = left(world[2], 2)
    assert truth < -0.1 and slo["projected_budget_remaining"] == pytest.approx(truth, abs=0.03)
    since = slo["since"] / 1_000 - traffic.START
    assert HOUR < since <= 1.8 * HOUR
    assert slo["ends_above"] == 0.05
    assert [change["stage"] for change in slo["changes"]] == ["caution", "freeze"]
    [incident] = slo["postmortems"]
    bad = world[2].tally(traffic.START + HOUR, traffic.START + 1.8 * HOUR)[1]
    assert incident["bad"] == pytest.approx(bad, rel=0.02)
    assert incident["budget_spent"] > 1


def test_a_freeze_lets_its_exceptions_through(world):
    code, decision, slo = decided(world, 2, "--change", "security")
    assert (code, decision, slo["decision"]) == (0, "go", "go")
    assert decided(world, 2, "--change", "feature")[:2] == (1, "stop")
    told = policy(world, 2)
    assert "shop/orders  freeze" in told.stdout
    assert "Only changes of the kinds security, reliability may go live, until more than 5 % is left." in told.stdout
    assert "A postmortem is needed for each incident that spent more than 20 % of a period's budget" in told.stdout
    assert "Freeze since 2025-10-09" in told.stderr


def test_the_stages_follow_the_budget(world):
    assert decided(world, 20)[:2] == (1, "stop")
    code, decision, slo = decided(world, 26)
    assert (code, decision, slo["stage"]) == (0, "go", "open")
    assert [change["stage"] for change in slo["changes"]] == ["caution", "freeze", "caution", "open"]
    code, decision, slo = decided(world, 26.8)
    assert (code, decision, slo["stage"]) == (0, "go", "caution")
    truth = left(world[2], 26.8)
    assert 0 < truth < 0.25 and slo["projected_budget_remaining"] == pytest.approx(truth, abs=0.03)
    [incident] = slo["postmortems"]
    assert incident["start"] / 1_000 >= traffic.START + 26 * HOUR


def test_what_is_not_known_is_not_decided(world):
    code, decision, slo = decided(world, HOURS + 2)
    assert (code, decision, slo["projected_budget_remaining"]) == (4, "unknown", None)
    assert "It is not known how much of the period's budget is left" in policy(world, HOURS + 2).stderr


def test_rules_of_another_period_decide_nothing(world, tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.replace("window: 1d", "window: 7d"))
    end = traffic.START + 2 * HOUR
    done = command("policy", spec, "--prometheus", world[0].url, "--end", end, check=False)
    assert done.returncode == 4 and "--time-scale" in done.stderr


def test_reports_say_what_the_policy_says(world):
    server, spec, _ = world
    asked = [spec, "--prometheus", server.url, "--last", "1h30m", "--end", traffic.START + 2 * HOUR]
    [slo] = json.loads(command("report", *asked, "--format", "json").stdout)["slos"]
    assert slo["policy"]["stage"] == "freeze"
    # Its history is longer than the time that is reported.
    short = [spec, "--prometheus", server.url, "--last", "15m", "--end", traffic.START + 2 * HOUR]
    [other] = json.loads(command("report", *short, "--format", "json").stdout)["slos"]
    assert abs(other["policy"]["since"] - slo["policy"]["since"]) <= 600_000
    # The share is that of a period's budget, not of that of an hour and a half.
    of_period = slo["policy"]["postmortems"][0]["budget_spent"]
    assert of_period == pytest.approx(slo["incidents"][0]["budget_spent"] * slo["coverage"] * 1.5 / PERIOD)
    for form in ("markdown", "html"):
        assert "Error-budget policy." in command("report", *asked, "--format", form).stdout


def test_an_incident_of_a_new_group_is_priced_by_the_time_of_the_group(world):
    server, spec, _ = world
    end = traffic.START + int(26.8 * HOUR)
    done = command("policy", spec.with_name("routes.yaml"), "--prometheus", server.url, "--end", end, "--format", "json", check=False)
    groups = {slo["group"]["route"]: slo for slo in json.loads(done.stdout)["slos"]}
    assert groups["/old"]["postmortems"] == []
    # 2,700 bad requests, of the 4,320 that may be bad in a day with as many requests as the route has.
    spent = 0.5 * 0.3 * HOUR / (0.01 * PERIOD * HOUR)
    [incident] = groups["/new"]["postmortems"]
    assert incident["budget_spent"] == pytest.approx(spent, rel=0.05)
    assert groups["/new"]["projected_budget_remaining"] == pytest.approx(1 - spent, abs=0.05)


def test_a_spec_without_a_policy_decides_nothing(world, tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.replace("policy:", "labels: {a: b}\nx:").split("x:")[0] + "slos:" + SPEC.split("slos:")[1])
    done = command("policy", spec, "--prometheus", world[0].url, check=False)
    assert done.returncode == 2 and "no service has an error-budget policy" in done.stderr
