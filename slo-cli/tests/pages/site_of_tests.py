"""Services under load, a real Prometheus, and `slo serve` on both."""

import base64
import json
import os
import pathlib
import ssl
import sys
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import Processes, built, free_ports, get, post, program, wait_for  # noqa: E402, F401

SPEC = ROOT / "examples" / "three-services" / "slo.yaml"

RUNBOOK = """
runbooks:
  checkout-down:
    when: {slo: checkout/availability}
    steps:
      - {name: look, diagnose: {command: [/bin/echo, "the pool is <b>empty</b>"]}}
      - {name: restart, remediate: {command: [/bin/echo, "restarted"], approval: required, repeatable: true}}
"""


class Answer:
    """What a server answered."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()


def ask(url, method="GET", body=None, basic=None, context=None, **headers):
    """An answer, whatever its status; redirects are not followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    if basic:
        headers["Authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named, method=method)
    opener = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=context or ssl.create_default_context()))
    try:
        with opener.open(request, timeout=30) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


class Stack(Processes):
    """Three services that count what happens to them, and the Prometheus that they start."""

    def begin(self):
        self.port = free_ports(6)
        self.prometheus = f"http://127.0.0.1:{self.port + 4}"
        self.start("three-services", built("three-services"), "--port", self.port, "--prometheus")
        ready = "slo:error_budget:projected_remaining_ratio"
        query = f"{self.prometheus}/api/v1/query?query=count({ready})"
        wait_for("Prometheus", lambda: '"6"' in get(query), 120)

    def break_checkout(self, seconds):
        post(f"http://127.0.0.1:{self.port}/faults/checkout/outage?for={seconds}s")

    def mend_checkout(self):
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}/faults/checkout", method="DELETE"), timeout=5)

    def slo_serve(self, name="serve", prometheus=None, *options, port=None):
        """`slo serve` on specs: its address."""
        port = port or free_ports(1)
        address = prometheus or self.prometheus
        self.start(name, built("slo"), "serve", SPEC, "--prometheus", address, "--listen", f"127.0.0.1:{port}", "--time-scale", "60", *options)
        log = self.folder / f"{name}.log"
        line = wait_for("slo serve", lambda: [line for line in log.read_text().splitlines() if line.startswith("listening on ")], 20)[-1]
        return line.removeprefix("listening on ")

    def slo_serve_config(self, name, config):
        """`slo serve` on a configuration file: its address."""
        port = free_ports(1)
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        file = folder / "serve.yaml"
        if "listen:" not in config:
            config = f"listen: 127.0.0.1:{port}\n{config}"
        prometheus = f"prometheus: {{url: '{self.prometheus}'}}\n"
        file.write_text(f"version: slo-server/v1\nspecs: [{SPEC}]\n{prometheus}{config}")
        os.chmod(file, 0o600)
        self.start(name, built("slo"), "serve", file, "--time-scale", "60")
        log = self.folder / f"{name}.log"
        line = wait_for("slo serve", lambda: [line for line in log.read_text().splitlines() if line.startswith("listening on ")], 20)[-1]
        return line.removeprefix("listening on ")


def alert(group="g", status="firing"):
    """A delivery of Alertmanager's on checkout/availability."""
    end = "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-23T07:27:20Z"
    labels = {"alertname": "SLOBurn", "service": "checkout", "slo": "availability", "severity": "page", "burn_tier": "fast"}
    return json.dumps({
        "version": "4", "groupKey": group, "status": status, "receiver": "slo", "truncatedAlerts": 0,
        "alerts": [{"status": status, "labels": labels, "annotations": {"summary": "checkout <i>burns</i> its budget"}, "startsAt": "2026-11-23T06:27:20Z", "endsAt": end}],
    }).encode()  # fmt: skip
