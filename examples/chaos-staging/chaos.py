"""Three experiments on a checkout, with weak settings and with mended ones.

    python3 chaos.py                     # prints each finding
    python3 chaos.py --html findings.html
    python3 chaos.py --rounds 20         # again and again; fails if a verdict differs from what is expected
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from running import Processes, built, get, program, wait_for  # noqa: E402

EXPERIMENTS = ("kill-a-replica", "slow-inventory", "take-a-node-away")
#: Two replicas on each of two nodes.
REPLICAS = (1, 2, 3, 4)
#: Ports, as the files of the experiments name them.
BALANCER, PROXY, CONTROL, PROMETHEUS = 19_000, 19_007, 19_008, 19_009
#: The second inventory is asked directly, the first one through the proxy.
INVENTORIES = (19_005, 19_006)
WEAK = {"balancer": (), "replica": ()}
MENDED = {
    "balancer": ("--timeout", 150, "--retries", 2, "--eject"),
    "replica": ("--hedge-after", 60),
}


class Staging(Processes):
    """The checkout with its customers, and Prometheus, in one folder."""

    def begin(self):
        (self.folder / "run").mkdir()
        for port in INVENTORIES:
            self.start(f"inventory-{port}", built("chaos-staging"), "inventory", "--port", port)
        self.start(
            "proxy", built("slo"), "proxy", "--listen", f"127.0.0.1:{PROXY}", "--upstream", f"127.0.0.1:{INVENTORIES[0]}",
            "--control", f"127.0.0.1:{CONTROL}",
        )
        (self.folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - {{job_name: balancer, static_configs: [{{targets: ['127.0.0.1:{BALANCER}']}}]}}
""")
        self.start(
            "prometheus", program("prometheus"), f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/tsdb", f"--web.listen-address=127.0.0.1:{PROMETHEUS}",
        )
        wait_for("Prometheus", lambda: get(f"http://127.0.0.1:{PROMETHEUS}/-/ready"), 30)

    def use(self, settings):
        """Starts the replicas and the balancer with these settings, and the customers."""
        for name in ("customers", "balancer"):
            self.end(name)
        for number in REPLICAS:
            self.end_replica(number)
            options = map(str, settings["replica"])
            asked = f"--inventory 127.0.0.1:{PROXY} --inventory 127.0.0.1:{INVENTORIES[1]}"
            script = self.folder / f"start-replica-{number}"
            script.write_text(
                f"#!/bin/sh\nexec {built('chaos-staging')} replica --port {BALANCER + number} {asked} "
                f"--pid-file run/{number}.pid {' '.join(options)}\n"
            )
            script.chmod(0o755)
            self.start(f"replica-{number}", script)
        replicas = [part for number in REPLICAS for part in ("--replica", f"127.0.0.1:{BALANCER + number}")]
        self.start("balancer", built("chaos-staging"), "balancer", "--port", BALANCER, *replicas, *settings["balancer"])
        for port in (BALANCER, *(BALANCER + number for number in REPLICAS)):
            wait_for("the checkout", lambda port=port: get(f"http://127.0.0.1:{port}/healthz"), 20)
        self.start("customers", built("chaos-staging"), "customers", "--of", f"127.0.0.1:{BALANCER}", "--rate", 200)
        counted = 'count_over_time(http_server_request_duration_seconds_count[6s])'
        query = f"http://127.0.0.1:{PROMETHEUS}/api/v1/query?query={urllib.parse.quote(counted)}"
        wait_for("six seconds of events", lambda: '"6"]' in get(query), 30)

    def end_replica(self, number):
        self.end(f"replica-{number}")
        # One that an experiment has started again.
        path = self.folder / "run" / f"{number}.pid"
        if path.exists():
            subprocess.run(["kill", path.read_text()], stderr=subprocess.DEVNULL)
            wait_for("the end of a replica", lambda: not pathlib.Path(f"/proc/{path.read_text()}").exists(), 10)
            path.unlink()

    def run(self, name):
        """The finding of an experiment."""
        command = [
            built("slo"), "experiment", "run", HERE / "experiments" / f"{name}.yaml", HERE / "slo.yaml",
            "--prometheus", f"http://127.0.0.1:{PROMETHEUS}", "--journals", "journals", "--format", "json",
        ]
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if ran.returncode not in (0, 1, 4) or not ran.stdout:
            raise AssertionError(f"{name}: exit code {ran.returncode}\n{ran.stderr}")
        return json.loads(ran.stdout)

    def report(self, form, path=None):
        command = [built("slo"), "experiment", "verdict", "--journals", self.folder / "journals", "--format", form]
        if path:
            command += ["--out", path]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def __exit__(self, *_):
        self.end_all()
        for number in REPLICAS:
            self.end_replica(number)


def main():
    parser = argparse.ArgumentParser(description="Break a checkout in three ways, with weak settings and with mended ones.")
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE", help="write the findings as an HTML page")
    parser.add_argument("--rounds", type=int, default=1, help="how many times to do it all")
    asked = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as folder, Staging(folder) as staging:
        for number in range(1, asked.rounds + 1):
            for settings, expected in ((WEAK, "broken"), (MENDED, "held")):
                staging.use(settings)
                for name in EXPERIMENTS:
                    finding = staging.run(name)
                    outcome, lasted = finding["outcome"], finding["lasted_seconds"]
                    bad = max(slo["bad"] for slo in finding["slos"])
                    word = "weak" if settings is WEAK else "mended"
                    print(f"round {number}, {word}: {name} {outcome} after {lasted:.1f} s, {bad} bad events", flush=True)
                    failures += outcome != expected or bool(finding["not_undone"])
        if asked.rounds == 1:
            print(staging.report("markdown"))
        if asked.html:
            staging.report("html", asked.html.absolute())
            print(asked.html)
    if failures:
        raise SystemExit(f"{failures} findings differ from what is expected")


if __name__ == "__main__":
    main()
