"""Breaks the shop in six ways, with Prometheus, Alertmanager, `slo serve`, and stand-ins for PagerDuty and Slack.

    python3 story.py                # all scenarios, one after the other; prints each timeline
    python3 story.py pool disk      # some of them
    python3 story.py --html FILE    # also write the Slack and PagerDuty messages as an HTML page

The rules run 60 times faster: an hour is a minute.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from render import page  # noqa: E402
from running import Processes, built, free_ports, get, post, program, wait_for  # noqa: E402
from vendors import Vendors  # noqa: E402

SPEED = 60
PORTS = {"shop": 0, "next": 1, "prometheus": 2, "alertmanager": 3, "serve": 4}
ROUTING_KEY = "R0123456789ABCDEF0123456789ABCDE"
# What the runbook does after its diagnoses: a person approves; it heals by itself; it tries the wrong things first.
RESPONSES = {
    "approved": """
      - {{name: recycle the pool, remediate: {{command: [{act}, "{shop}", recycle], cooldown: 1s, at_most: 10/h}}}}
""",
    "heals": """
      - name: recycle the pool
        remediate: {{command: [{act}, "{shop}", recycle], approval: waived, cooldown: 1s, at_most: 10/h}}
""",
    "wrong": """
      - name: shed load
        remediate:
          {{command: [{act}, "{shop}", "{next}", shed], approval: waived, verify_within: 1m, undo: {{command: [{act}, "{shop}", "{next}", unshed]}}}}
      - name: flush the cache
        remediate:
          {{command: [{act}, "{next}", flush], approval: waived, verify_within: 20s, undo: {{command: [{act}, "{next}", unflush]}}}}
      - name: switch the feature off
        remediate: {{command: [{act}, "{next}", mend], approval: waived}}
""",
}


class Stack(Processes):
    """Everything that runs, in one folder."""

    def __init__(self, folder, alertmanager=None, slack="webhook"):
        super().__init__(folder)
        self.alertmanager = alertmanager or program("alertmanager", "prometheus-alertmanager")
        self.slack = slack
        self.response = "approved"
        self.first = free_ports(len(PORTS))
        self.spool = self.folder / "spool"
        self.vendors = Vendors()

    def port(self, name):
        return self.first + PORTS[name]

    def url(self, name):
        return f"http://127.0.0.1:{self.port(name)}"

    def shop(self, name, *options):
        self.start(name, built("shop"), "serve", "--port", self.port(name), "--spool", self.spool, *options)
        wait_for(name, lambda: get(f"{self.url(name)}/healthz"), 20)

    def buyers(self, *shops):
        self.end("buyers")
        from_ = [part for shop in shops for part in ("--from", f"127.0.0.1:{self.port(shop)}")]
        self.start("buyers", built("shop"), "buy", "--rate", 60, *from_)

    def __enter__(self):
        self.vendors.__enter__()
        return super().__enter__()

    def begin(self):
        slo, spec = built("slo"), HERE / "slo.yaml"
        self.spool.mkdir()
        if os.geteuid() == 0:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", self.spool], check=True)
        subprocess.run([slo, "generate", spec, "--time-scale", str(SPEED), "--out", self.folder], check=True, stderr=subprocess.DEVNULL)
        # Alertmanager sends the same group of alerts to PagerDuty and to `slo serve`.
        secrets = self.folder / "secrets"
        (secrets / "default").mkdir(parents=True)
        (secrets / "default" / "pagerduty-routing-key").write_text(ROUTING_KEY)
        options = ["--page", "pagerduty", "--response", self.url("serve"), "--secrets", secrets, "--alertmanager-version", "0.25"]
        config = subprocess.run([slo, "alertmanager", spec, *options], check=True, capture_output=True, text=True).stdout
        # As fast as the rest.
        config = config.replace("group_wait: 10s", "group_wait: 1s").replace("group_interval: 1m", "group_interval: 1s")
        config = f"global: {{pagerduty_url: '{self.vendors.url}/v2/enqueue'}}\n{config}"
        (self.folder / "alertmanager.yml").write_text(config)
        (self.folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 1s}}
rule_files: ['rules/*.yaml']
alerting:
  alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{self.port("alertmanager")}']}}]}}]
scrape_configs:
  - job_name: shop
    static_configs:
      - {{targets: ['127.0.0.1:{self.port("shop")}'], labels: {{version: v1}}}}
      - {{targets: ['127.0.0.1:{self.port("next")}'], labels: {{version: v2}}}}
""")
        self.write_serve()
        self.start(
            "alertmanager", self.alertmanager, f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/alertmanager", f"--web.listen-address=127.0.0.1:{self.port('alertmanager')}",
            "--cluster.listen-address=",
        )
        wait_for("Alertmanager", lambda: get(f"{self.url('alertmanager')}/-/ready"), 30)
        self.serve()
        self.shop("shop")
        self.start(
            "prometheus", program("prometheus"), f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/tsdb", f"--web.listen-address=127.0.0.1:{self.port('prometheus')}",
            "--rules.alert.resend-delay=1s",
        )
        wait_for("Prometheus", lambda: get(f"{self.url('prometheus')}/-/ready"), 30)
        self.buyers("shop")
        time.sleep(8)

    def write_serve(self):
        slack = self.folder / "slack"
        if self.slack == "webhook":
            slack.write_text(f"{self.vendors.url}/slack")
            door = "{webhook_file: slack}"
        else:
            slack.write_text("xoxb-1234567890-abcdef")
            door = f"{{token_file: slack, channel: '#incidents', url: '{self.vendors.url}/api'}}"
        (self.folder / "pagerduty").write_text(ROUTING_KEY)
        python, checks, shop = program("python3"), HERE / "checks", self.url("shop")
        steps = RESPONSES[self.response].format(act=f"{python}, {checks}/act.py", shop=shop, next=self.url("next"))
        (self.folder / "serve.yaml").write_text(f"""
version: slo-server/v1
listen: 127.0.0.1:{self.port("serve")}
store: sqlite:slo.db
specs: [{HERE / "slo.yaml"}]
prometheus: {{url: "{self.url("prometheus")}"}}
notify:
  pagerduty: {{routing_key_file: pagerduty, url: "{self.vendors.url}"}}
  slack: {door}
runbooks:
  shop-down:
    steps:
      - diagnose: prometheus
      - diagnose: host
      - {{name: pool, diagnose: {{command: [{python}, {checks}/pool.py, "{shop}"], timeout: 5s}}}}
{steps}""")

    def respond(self, response):
        """Restarts `slo serve` with another end of the runbook, unless it has it."""
        if self.response != response:
            self.response = response
            self.end("serve")
            self.write_serve()
            self.serve()

    def serve(self):
        self.start("serve", built("slo"), "serve", self.folder / "serve.yaml", "--time-scale", str(SPEED))
        wait_for("slo serve", lambda: get(f"{self.url('serve')}/healthz"), 20)

    def __exit__(self, *_):
        self.end_all()
        self.vendors.__exit__()
        if os.path.ismount(self.spool):
            subprocess.run(["umount", "-l", self.spool], check=True)

    # Reads the incident record.

    def slo(self, *options):
        command = [built("slo"), "incidents", *options, "--store", f"sqlite:{self.folder}/slo.db"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def episodes(self):
        return json.loads(self.slo("list", "--format", "json"))

    def shown(self, incident):
        return json.loads(self.slo("show", incident, "--format", "json"))

    def record(self, episode):
        """The entries on an episode."""
        return [entry for entry in self.shown(episode["incident"])["record"] if entry.get("episode") == began(episode)]

    def fires(self, known=()):
        """The new firing episode, once it was diagnosed."""

        def found():
            new = [one for one in self.episodes() if one["state"] == "firing" and one["episode"] not in known]
            steps = new[0]["steps"] if new else []
            diagnosed = [step for step in steps if step["name"] in ("prometheus", "host", "pool")]
            if diagnosed and all(step["state"] not in ("waiting", "running") for step in diagnosed):
                return new[0]

        return wait_for("an incident that was diagnosed", found, 90)

    def is_over(self, episode):
        def over():
            one = next(one for one in self.episodes() if one["episode"] == episode)
            return one if one["state"] == "resolved" else None

        return wait_for("the end of the incident", over, 150)

    def findings(self, incident):
        record = self.shown(incident)["record"]
        return [finding for entry in record if entry["event"] == "step_ended" for finding in entry["output"].get("findings", [])]


def began(episode):
    """The start of an episode in milliseconds, by which the record names it."""
    return round(datetime.datetime.fromisoformat(episode["began"]).timestamp() * 1_000)


def pool(stack):
    """A bug leaks connections. An approved remediation resets the pool."""
    stack.respond("approved")
    known = {one["episode"] for one in stack.episodes()}
    post(f"{stack.url('shop')}/leak")
    episode = stack.fires(known)
    wait_for("the request for approval", lambda: any(entry["event"] == "approval_asked" for entry in stack.record(episode)), 20)
    stack.slo("approve", episode["incident"], "recycle the pool", "--who", "ann")
    return stack.is_over(episode["episode"])


def disk(stack):
    """The disk for orders is full. Somebody frees space."""
    stack.respond("approved")
    known = {one["episode"] for one in stack.episodes()}
    full = stack.spool / "core.1234"
    with contextlib.suppress(OSError), open(full, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65_536)
    episode = stack.fires(known)
    full.unlink()
    return stack.is_over(episode["episode"])


def release(stack):
    """A new version fails. Somebody rolls it back."""
    stack.respond("approved")
    known = {one["episode"] for one in stack.episodes()}
    stack.shop("next", "--broken")
    stack.buyers("shop", "next")
    episode = stack.fires(known)
    stack.buyers("shop")
    stack.end("next")
    return stack.is_over(episode["episode"])


def limit(stack):
    """A CPU limit that is far too low throttles the shop. Somebody raises it."""
    stack.respond("approved")
    known = {one["episode"] for one in stack.episodes()}
    unified = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
    folder = pathlib.Path("/sys/fs/cgroup") / ("" if unified else "cpu") / f"shop-{os.getpid()}"
    if unified:
        pathlib.Path("/sys/fs/cgroup/cgroup.subtree_control").write_text("+cpu")
    folder.mkdir()
    quota = folder / ("cpu.max" if unified else "cpu.cfs_quota_us")
    shop = stack.processes["shop"].pid
    try:
        quota.write_text("6000 100000" if unified else "6000")
        (folder / "cgroup.procs").write_text(str(shop))
        episode = stack.fires(known)
        quota.write_text("max" if unified else "-1")
        return stack.is_over(episode["episode"])
    finally:
        quota.write_text("max" if unified else "-1")
        (folder.parent / "cgroup.procs").write_text(str(shop))
        folder.rmdir()


def heals(stack):
    """A bug leaks connections. The runbook resets the pool by itself, and the counts show that it helped."""
    stack.respond("heals")
    known = {one["episode"] for one in stack.episodes()}
    post(f"{stack.url('shop')}/leak")
    episode = stack.fires(known)
    return stack.is_over(episode["episode"])


def worse(stack):
    """A new version fails. The runbook makes it worse, notices, and undoes it; after a second failure it asks a person."""
    stack.respond("wrong")
    known = {one["episode"] for one in stack.episodes()}
    stack.shop("next", "--broken")
    stack.buyers("shop", "next")
    episode = stack.fires(known)
    try:
        wait_for("the request for approval", lambda: any(entry["event"] == "approval_asked" for entry in stack.record(episode)), 120)
        stack.slo("approve", episode["incident"], "switch the feature off", "--who", "ann")
        return stack.is_over(episode["episode"])
    finally:
        stack.buyers("shop")
        stack.end("next")


SCENARIOS = {"pool": pool, "disk": disk, "release": release, "limit": limit, "heals": heals, "worse": worse}
NEEDS_ROOT = {"disk", "limit"}


def main():
    parser = argparse.ArgumentParser(description="Break the shop in six ways, and show the response to each.")
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE", help="write the Slack and PagerDuty messages as an HTML page")
    asked = parser.parse_args()
    names = asked.scenarios or [name for name in SCENARIOS if os.geteuid() == 0 or name not in NEEDS_ROOT]
    with tempfile.TemporaryDirectory() as folder, Stack(folder, slack="bot") as stack:
        for name in names:
            print(f"\n== {name}: {SCENARIOS[name].__doc__}\n", flush=True)
            episode = SCENARIOS[name](stack)
            print(stack.slo("show", episode["incident"]), flush=True)
        if asked.html:
            asked.html.write_text(page(stack.vendors))
            print(asked.html)


if __name__ == "__main__":
    main()
