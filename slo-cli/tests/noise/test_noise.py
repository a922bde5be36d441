"""`slo noise` on a real Prometheus with ten days of alerts and events, on webhooks, and its patch."""

import json
import pathlib
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import Processes, built, free_ports, get, program, wait_for  # noqa: E402

SPEC = """# The shop.
version: slo/v1
service: shop
scrape_interval: 1m
slos:
  - name: orders
    objective: 99.9%
    window: 30d
    sli:
      events:
        total: orders_total
        bad: orders_total{code="500"}
  - name: carts
    objective: 99%
    window: 30d
    sli: {events: {total: carts_total, bad: 'carts_total{code="500"}'}}
    alerting:
      page: {labels: {severity: page}}
"""
DAYS = 10


class Server(Processes):
    """Few orders, of which single ones fail; the alerts that the default rules then send; and a disk that flaps."""

    def begin(self):
        chance = random.Random(5)
        self.until = datetime.now(timezone.utc).replace(second=0, microsecond=0)
        minutes = DAYS * 1_440
        self.first = self.until - timedelta(minutes=minutes)
        at = lambda minute: f"{(self.first + timedelta(minutes=minute)).timestamp():.0f}"  # noqa: E731
        series, counts = {}, {}

        def count(name, code, minute, new):
            counts[name, code] = counts.get((name, code), 0) + new
            series.setdefault((name, code), []).append(f'{name}_total{{code="{code}"}} {counts[name, code]} {at(minute)}')

        failures = {minute for minute in range(600, minutes, 900) if minute != 9_600}
        for minute in range(minutes):
            # An order a minute or two; one outage of an hour.
            outage = 7_000 <= minute < 7_060
            count("orders", "200", minute, 0 if outage else chance.choice([0, 1]))
            count("orders", "500", minute, 3 if outage else int(minute in failures))
            count("carts", "200", minute, 50)
            count("carts", "500", minute, 0)
        lines = []
        for name in ("orders", "carts"):
            lines += [f"# TYPE {name} counter", *series[name, "200"], *series[name, "500"]]
        lines.append("# TYPE ALERTS gauge")
        labels = 'alertname="SLOErrorBudgetBurn",alertstate="firing",burn_tier="fast",service="shop",severity="page",slo="orders"'
        fires = {failure + offset for failure in failures for offset in range(1, 5)} | set(range(7_001, 7_100))
        lines += [f"ALERTS{{{labels}}} 1 {at(minute)}" for minute in sorted(fires) if minute < minutes]
        labels = 'alertname="DiskBusy",alertstate="firing",severity="ticket"'
        busy = sorted(hour * 60 + minute for hour in range(5, 200, 8) for minute in (*range(3), *range(12, 15)))
        lines += [f"ALERTS{{{labels}}} 1 {at(minute)}" for minute in busy]
        (self.folder / "data.om").write_text("\n".join([*lines, "# EOF"]) + "\n")
        subprocess.run([program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h", "data.om", "data"], cwd=self.folder, check=True, capture_output=True)
        (self.folder / "prometheus.yaml").write_text("{}\n")
        (self.folder / "slo.yaml").write_text(SPEC)
        port = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.start(
            # What is backfilled has no marks of staleness.
            "prometheus", program("prometheus"), "--config.file=prometheus.yaml", "--storage.tsdb.path=data", "--query.lookback-delta=59s",
            "--storage.tsdb.retention.time=30d", f"--web.listen-address=127.0.0.1:{port}",
        )  # fmt: skip
        wait_for("Prometheus", lambda: "success" in get(f"{self.url}/api/v1/query?query=1"), 60)


def slo(*words, folder=None):
    ran = subprocess.run([built("slo"), *map(str, words)], capture_output=True, text=True, timeout=120, cwd=folder)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


def noise(server, *words):
    return slo("noise", "slo.yaml", "--prometheus", server.url, "--last", f"{DAYS}d", *words, folder=server.folder)


def test_what_alerts_cost_and_what_would_have_spared_them(server):
    code, out, talk = noise(server, "--format", "json", "--hours", "Mon-Fri 09:00-17:00")
    assert code == 0, talk
    found = json.loads(out)
    alerts = {alert["alert"]: alert for alert in found["noise"]["alerts"]}
    burn, disk = alerts["SLOErrorBudgetBurn"], alerts["DiskBusy"]
    assert (burn["firings"], burn["priced"], burn["for_nothing"]) == (16, 16, 0)
    assert burn["severity"] == "page" and found["noise"]["pages"] == 16
    assert (disk["firings"], disk["flaps"], disk["priced"], disk["spent"]) == (50, 25, 0, None)
    assert disk["median_seconds"] == 180 and 20 < disk["out_of_hours"] < 50
    measures = {measure["measure"]: measure for measure in found["noise"]["measures"]}
    assert (measures["hold"]["hold"], measures["hold"]["spared"]) == ("5m", 50)
    assert (measures["keep"]["keep"], measures["keep"]["spared"]) == ("30m", 25)
    orders, carts = found["what_if"]
    assert (orders["slo"], carts["slo"]) == ("shop/orders", "shop/carts")
    changes = {one["change"]: one for one in orders["changes"]}
    assert changes["as_is"]["pages"] > 10 and changes["guard"]["pages"] == 1 == changes["guard"]["true_pages"]
    assert orders["best"]["change"] == "guard" and carts["best"] is None
    # A failed order costs more than 1 % of what few orders allow; of 30 % it is less.
    burn = json.loads(noise(server, "--format", "json", "--worth", "30%")[1])["noise"]["alerts"]
    assert next(alert for alert in burn if alert["alert"] == "SLOErrorBudgetBurn")["for_nothing"] == 15


def test_tables_and_the_page(server, tmp_path):
    code, out, talk = noise(server, "--worth", "30%")
    assert code == 0 and out.startswith("66 firings and 16 pages in 10 days\n"), talk
    assert "DiskBusy (ticket): fire only after 5m" in out and "with a guard" in out
    row = next(line for line in out.splitlines() if line.startswith("SLOErrorBudgetBurn shop/orders (page)"))
    assert "15 of 16" in row and "6% (1%–28%)" in row
    path = tmp_path / "noise.html"
    code, out, talk = noise(server, "--format", "html", "--out", path)
    page = path.read_text()
    assert (code, out) == (0, "") and page.startswith("<!doctype html>") and "<svg" in page and "keep_firing_for: 30m" in page


def test_the_patch_applies_and_spares_the_pages(server, tmp_path):
    code, patch, talk = noise(server, "--patch")
    assert code == 0, talk
    assert "+    alerting: {low_traffic: guard}" in patch and patch.count("@@ ") == 1
    (tmp_path / "slo.yaml").write_text(SPEC)
    subprocess.run(["patch", "-p1"], input=patch, text=True, cwd=tmp_path, check=True, capture_output=True)
    patched = (tmp_path / "slo.yaml").read_text()
    assert patched == SPEC.replace("  - name: orders\n", "  - name: orders\n    alerting: {low_traffic: guard}\n")
    assert slo("validate", tmp_path / "slo.yaml")[0] == 0
    code, out, _ = slo("noise", tmp_path / "slo.yaml", "--prometheus", server.url, "--last", f"{DAYS}d", "--patch")
    assert (code, out) == (0, "")


def webhook(status, began, ended, name="Lag"):
    alert = {"status": status, "labels": {"alertname": name, "severity": "page"}, "startsAt": began, "endsAt": ended or "0001-01-01T00:00:00Z"}
    return json.dumps({"version": "4", "groupKey": "g", "status": status, "alerts": [alert]})


def test_webhooks_are_a_history(tmp_path):
    now, lines = datetime.now(timezone.utc), []
    for number in range(6):
        began = now - timedelta(days=1, minutes=-20 * number)
        text, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in (began, began + timedelta(minutes=5)))
        lines += [webhook("firing", text, None), webhook("firing", text, None), webhook("resolved", text, end)]
    path = tmp_path / "webhooks.jsonl"
    path.write_text("\n".join(lines) + "\n")
    code, out, talk = slo("noise", "--webhooks", path, "--last", "7d", "--format", "json")
    assert code == 0, talk
    (alert,) = json.loads(out)["noise"]["alerts"]
    assert (alert["firings"], alert["repeats"], alert["flaps"], alert["median_seconds"]) == (6, 6, 5, 300)
    path.write_text(lines[0] + "\n{}\n")
    code, _, talk = slo("noise", "--webhooks", path)
    assert code == 1 and "webhooks.jsonl:2: not a webhook of Alertmanager" in talk


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "--prometheus"),
        (["--webhooks", "none.jsonl"], 3, "none.jsonl"),
        (["--prometheus", "http://127.0.0.1:1"], 3, "127.0.0.1:1"),
        (["--webhooks", "x", "--hours", "sometimes"], 2, "Mon-Fri 09:00-17:00"),
        (["--webhooks", "x", "--worth", "0.5"], 2, "write 1%"),
    ],
)
def test_wrong_calls(words, code, told):
    got, out, talk = slo("noise", *words)
    assert (got, out) == (code, "") and told in talk
