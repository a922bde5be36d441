"""The running programs of the end-to-end test, and what each of them says."""

import http.server
import json
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import built, free_ports, program, wait_for  # noqa: E402, F401

SPEC = ROOT / "examples" / "three-services" / "slo.yaml"
SPEED = 60
SCRAPE_SECONDS = 15 / SPEED
# A minute's tile, a fifth of the shortest alert window.
TILE_SECONDS = 60 / SPEED


def http_get(url, timeout=10):
    with urllib.request.urlopen(url, timeout=timeout) as response:
        return response.read()


def http_post(url, timeout=30):
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=timeout) as response:
        return response.read()


class World:
    """The running programs, and what each of them says."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.notifications = []
        self.port = free_ports(4)

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "w")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder))

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)

    # What the process says.

    def statuses(self):
        report = json.loads(http_get(f"http://127.0.0.1:{self.port}/slo.json"))
        assert report["time_scale"] == SPEED
        return {f"{status['service']}/{status['slo']}": status for status in report["slos"]}

    # What the load generator says.

    def load(self, action):
        http_post(f"http://127.0.0.1:{self.port}/load/{action}")

    def sent(self):
        report = json.loads(http_get(f"http://127.0.0.1:{self.port}/load.json"))
        tallies = {}
        for count in report["services"]:
            assert count["lost"] == 0, count
            service = count["service"]
            tallies[f"{service}/availability"] = (count["answered"], count["errors"])
            tallies[f"{service}/latency"] = (count["answered"] - count["errors"], count["slow"])
        return tallies

    def fault(self, service, kind, length):
        http_post(f"http://127.0.0.1:{self.port}/faults/{service}/{kind}?for={length}")

    # What Prometheus says.

    def query(self, query):
        url = f"http://127.0.0.1:{self.prometheus}/api/v1/query?query={urllib.parse.quote(query)}"
        answer = json.loads(http_get(url))
        assert answer["status"] == "success", answer
        return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]

    def missed(self, group):
        """Evaluations of a rule group that Prometheus left out, being too busy, by SLO."""
        text = http_get(f"http://127.0.0.1:{self.prometheus}/metrics").decode()
        pattern = rf'^prometheus_rule_group_iterations_missed_total{{rule_group=".*;slo/(.*)/{group}"}} (.*)$'
        return {key: float(count) for key, count in re.findall(pattern, text, re.MULTILINE)}

    def recorded(self, metric):
        """The values of a recorded metric, by SLO."""
        return {f"{labels['service']}/{labels['slo']}": value for labels, value in self.query(metric)}


def listen(world):
    """A webhook that keeps what Alertmanager posts."""

    class Webhook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            world.notifications.append((time.monotonic(), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
