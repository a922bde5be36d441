"""The whole way, against a real Prometheus and a real Alertmanager.

Three services run under load; Prometheus scrapes them and evaluates the generated rules; an outage
pages through Alertmanager and resolves. What the process, Prometheus and the load generator know of
SLI, burn rate and budget is compared: process and generator agree exactly, Prometheus within a scrape.

Time runs 60 times faster: an hour's window is a minute long, in the process by `--time-scale`, in the
rules by `slo generate --time-scale`.
"""

import json
import math
import subprocess
import time

import slo
from stack import SCRAPE_SECONDS, SPEC, SPEED, TILE_SECONDS, built, http_get, wait_for

# Requests a second at the peak of the day, which is 1.6 times the mean.
PEAK_RATE = {"checkout": 40 * 1.6, "search": 120 * 1.6, "login": 25 * 1.6}


def slack(key, bad_share, missed, tile_seconds):
    """How far Prometheus may be off in all and in bad requests: one scrape, and the tiles it left out.

    Of the bad, a scrape holds one at most, except where there was an outage.
    """
    rate = PEAK_RATE[key.split("/")[0]]
    lost = rate * tile_seconds * missed
    of_scrape = rate * SCRAPE_SECONDS
    return of_scrape + lost, (of_scrape if bad_share > 0.05 else 1) + lost


def pages(world, status):
    """The fast page of checkout's availability, in the notifications with `status`."""
    wanted = {"service": "checkout", "slo": "availability", "burn_tier": "fast"}
    return [
        (when, alert)
        for when, notification in list(world.notifications)
        for alert in notification["alerts"]
        if alert["status"] == status and wanted.items() <= alert["labels"].items()
    ]


def alerted(world):
    """The SLOs that paged."""
    return {
        f"{alert['labels']['service']}/{alert['labels']['slo']}"
        for _, notification in list(world.notifications)
        for alert in notification["alerts"]
        if alert["labels"]["severity"] == "page"
    }


def test_an_outage_pages_and_resolves(world):
    world.load("start")
    time.sleep(12)
    assert alerted(world) == set(), "nothing pages while all is well"
    states = {key: status["state"] for key, status in world.statuses().items()}
    assert states["checkout/availability"] == "ok"

    began = time.monotonic()
    world.fault("checkout", "outage", "10s")
    when, alert = wait_for("the page", lambda: pages(world, "firing"), 15)[0]
    assert when - began < 10, "the page came while the outage lasted"
    assert alert["labels"]["severity"] == "page"
    assert alert["labels"]["team"] == "payments"
    annotations = alert["annotations"]
    assert annotations["runbook_url"] == "https://runbooks.example.com/checkout"
    assert annotations["summary"] == "checkout/availability is burning its error budget too fast"
    assert "Burn rate: " in annotations["description"], annotations
    assert "error" not in annotations["description"] and "{{" not in annotations["description"], annotations
    wait_for("the process's own page", lambda: world.statuses()["checkout/availability"]["state"] == "page", 5)

    # The short window of five seconds forgets the outage, and the page resolves.
    resolved, _ = wait_for("the resolved page", lambda: pages(world, "resolved"), 30)[0]
    assert resolved - began > 10, "the page resolved before the outage ended"
    assert alerted(world) == {"checkout/availability"}, "only what was broken pages"


def settle(world):
    """Stops the load, and waits until a scrape and the evaluation after it have seen the end."""
    world.load("stop")
    time.sleep(SCRAPE_SECONDS + 2 * TILE_SECONDS + 0.2)


def test_process_prometheus_and_load_generator_agree(world):
    """Over the whole run, which is shorter than the window of six hours (six minutes here)."""
    settle(world)
    sent = world.sent()
    statuses = world.statuses()
    spec = slo.load(SPEC)
    error_ratio = world.recorded("slo:sli_error:ratio6m")
    burn_rate = world.recorded("slo:burn_rate:ratio6m")
    totals = world.recorded("sum_over_time(slo:sli_total:increase1s[6m])")
    bads = world.recorded("sum_over_time(slo:sli_bad:increase1s[6m])")
    missed = world.missed("fast")
    assert set(sent) == set(statuses) == set(spec) == set(error_ratio) == set(missed)
    assert sent["checkout/availability"][1] > 100, "the outage was seen"

    for key, (total, bad) in sent.items():
        status, budget = statuses[key], spec[key].budget
        # The process has counted what was sent and got back, each request once.
        assert (status["total"], status["bad"]) == (total, bad), key
        window = next(window for window in status["windows"] if window["window"] == "6h")
        assert (window["total"], window["bad"]) == (total, bad), key
        # Python makes the same numbers of it.
        assert status["sli"] == (total - bad) / total
        assert window["burn_rate"] == budget.burn_rate(total=total, bad=bad)
        assert status["budget_remaining"] == budget.remaining(total=total, bad=bad)
        # Prometheus differs by no more than one scrape.
        total_slack, bad_slack = slack(key, bad / total, missed[key], TILE_SECONDS)
        assert abs(totals[key] - total) <= total_slack, (key, totals[key], total)
        assert abs(bads[key] - bad) <= bad_slack, (key, bads[key], bad)
        print(f"{key}: {total} events, {bad} bad; Prometheus {totals[key]:.2f} and {bads[key]:.2f}")
        # The error of a ratio of two counts, each off by its slack.
        ratio_slack = (bad_slack + total_slack * bad / total) / (total - total_slack)
        assert math.isclose(error_ratio[key], bad / total, rel_tol=0, abs_tol=ratio_slack), key
        assert math.isclose(burn_rate[key], error_ratio[key] / float(budget.ratio), rel_tol=1e-9), key


def test_the_period_budget_agrees(world):
    """The budget, which is summed from tiles of five seconds and so is known a little later."""
    time.sleep(8 * TILE_SECONDS)
    sent, spec = world.sent(), slo.load(SPEC)
    remaining = world.recorded("slo:error_budget:remaining_ratio")
    totals = world.recorded("sum_over_time(slo:sli_total:increase5s[12h])")
    bads = world.recorded("sum_over_time(slo:sli_bad:increase5s[12h])")
    fast, tiles = world.missed("fast"), world.missed("tiles")
    for key, (total, bad) in sent.items():
        total_slack, bad_slack = slack(key, bad / total, fast[key] + 5 * tiles[key], TILE_SECONDS)
        assert abs(totals[key] - total) <= total_slack, (key, totals[key], total)
        assert abs(bads[key] - bad) <= bad_slack, (key, bads[key], bad)
        # The budget is made of just these counts, and so is at most as far off as they are.
        expected = 1 - bads[key] / totals[key] / float(spec[key].budget.ratio)
        assert math.isclose(remaining[key], expected, rel_tol=1e-9, abs_tol=1e-9), key


def test_a_short_window_agrees_to_the_request(world):
    """The five-minute window (five seconds here), its beginning in a pause without any request."""
    settle(world)
    time.sleep(4)
    before, missed = world.sent(), world.missed("fast")
    world.fault("search", "slow", "3s")
    world.load("start")
    time.sleep(1.5)
    world.load("stop")
    # Two tiles after the last scrape: the window still begins in the pause.
    time.sleep(SCRAPE_SECONDS + TILE_SECONDS + 0.2)
    statuses, burn_rate = world.statuses(), world.recorded("slo:burn_rate:ratio5s")
    spec = slo.load(SPEC)
    for key, (total, bad) in world.sent().items():
        total, bad = total - before[key][0], bad - before[key][1]
        window = next(window for window in statuses[key]["windows"] if window["window"] == "5m")
        assert (window["total"], window["bad"]) == (total, bad), key
        assert window["burn_rate"] == spec[key].budget.burn_rate(total=total, bad=bad), key
        # Nothing was under way at either end of the window, so a scrape more or less changes nothing; only
        # a tile that Prometheus left out would.
        if world.missed("fast")[key] == missed[key]:
            assert math.isclose(burn_rate[key], window["burn_rate"], rel_tol=1e-9), key
    assert statuses["search/latency"]["windows"][0]["burn_rate"] > 10, "slow searches were seen"


def test_status_shows_what_prometheus_recorded(world):
    command = [built("slo"), "status", str(SPEC), "--time-scale", str(SPEED)]
    command += ["--prometheus", f"http://127.0.0.1:{world.prometheus}"]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(table)
    assert [line.split()[0] for line in table.splitlines()] == ["SLO", *slo.load(SPEC)]
    report = subprocess.run([*command, "--format", "json"], check=True, capture_output=True).stdout
    rows = {f"{row['service']}/{row['slo']}": row for row in json.loads(report)}
    recorded = world.recorded("slo:error_budget:remaining_ratio")
    assert {key: row["budget_remaining"] for key, row in rows.items()} == recorded
    assert all(0 < row["coverage"] <= 1 for row in rows.values())
    assert rows["checkout/availability"]["sli"] < 0.99 < rows["login/availability"]["sli"]


def test_nothing_that_is_no_number_was_ever_recorded(world):
    url = f"http://127.0.0.1:{world.prometheus}/api/v1/label/__name__/values"
    names = [name for name in json.loads(http_get(url))["data"] if name.startswith("slo")]
    assert len(names) > 20
    for name in names:
        # Only NaN differs from itself.
        assert world.query(f"count_over_time(({name} != {name})[10m:1s])") == [], name


def test_every_rule_is_healthy(world):
    url = f"http://127.0.0.1:{world.prometheus}/api/v1/rules"
    groups = json.loads(http_get(url))["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(groups) == 18
    assert [rule for rule in rules if rule["health"] != "ok"] == []
