#!/usr/bin/env python3
"""The overview of 1,000 SLOs with 30 days of history on a real Prometheus: time, bytes, and what Prometheus has to do.

Writes what the rules of 1,000 SLOs would have recorded into a Prometheus, starts `slo serve` on it, and asks for the overview: alone,
and by 1 and by 50 viewers with open pages. Beside it, Pyrra's list of the same SLOs on the same Prometheus (PYRRA=…/pyrra, which
`scripts/real/pyrra` builds). Prometheus counts the samples that it reads since 2.46 (PROMETHEUS=…/prometheus).

Needs `cargo build --release -p slo-cli`, the Python tools of `scripts/setup`, and a Prometheus; takes some minutes.
"""

import concurrent.futures
import gzip
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples"))

from running import Processes, built, free_ports, get, program, wait_for  # noqa: E402

SERVICES, SLOS, DAYS, STEP = 100, 10, 30, 300
BURN_WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]


def names():
    return [(f"service-{service:03}", f"slo-{slo}") for service in range(SERVICES) for slo in range(SLOS)]


def spec():
    documents = []
    for service in range(SERVICES):
        slos = "".join(
            f"  - {{name: slo-{slo}, description: Requests of kind {slo} succeed., objective: 99.9%, window: 30d, sli: {{events: "
            f"{{total: 'requests_total{{service=\"service-{service:03}\",kind=\"{slo}\"}}', bad: 'requests_total{{service=\"service-{service:03}\",kind=\"{slo}\",code=\"500\"}}'}}}}}}\n"
            for slo in range(SLOS)
        )
        documents.append(f"version: slo/v1\nservice: service-{service:03}\nlabels: {{team: team-{service % 12}}}\nslos:\n{slos}")
    return "---\n".join(documents)


def pyrra(folder):
    folder.mkdir()
    for service, slo in names():
        metric = f'requests_total{{service="{service}",kind="{slo[4:]}"'
        (folder / f"{service}-{slo}.yaml").write_text(
            f"apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\nmetadata: {{name: {service}-{slo}, labels: {{pyrra.dev/team: shop}}}}\n"
            f"spec: {{target: '99.9', window: 30d, indicator: {{ratio: {{errors: {{metric: '{metric},code=\"500\"}}'}}, total: {{metric: '{metric}}}'}}}}}}}}\n"
        )


def write(path, now):
    """What the rules would have recorded: the budget of 30 days, and an hour of everything else."""
    random_ = random.Random(1)
    start = now - DAYS * 86_400
    with open(path, "w") as out:
        out.write("# TYPE slo:error_budget:projected_remaining_ratio gauge\n")
        for service, slo in names():
            left = 1.0
            for at in range(start, now + 1, STEP):
                left -= random_.random() * 0.0001
                out.write(f'slo:error_budget:projected_remaining_ratio{{service="{service}",slo="{slo}"}} {left:.6f} {at}\n')
        recent = {
            "slo:error_budget:remaining_ratio": 0.6, "slo:sli_error:ratio30d": 0.0004, "slo:sli_coverage:ratio30d": 1, "slo:objective:ratio": 0.999,
            **{f"slo:burn_rate:ratio{window}": 0.4 for window in BURN_WINDOWS}, **{f"slo:sli_error:ratio{window}": 0.0004 for window in BURN_WINDOWS},
            "slo:sli_total:increase1m": 60_000, "slo:sli_bad:increase1m": 24, "slo:sli_total:increase5m": 300_000, "slo:sli_bad:increase5m": 120,
        }  # fmt: skip
        for metric, value in recent.items():
            out.write(f"# TYPE {metric} gauge\n")
            for service, slo in names():
                for at in range(now - 3_600, now + 1, 60):
                    out.write(f'{metric}{{service="{service}",slo="{slo}"}} {value * random_.uniform(0.9, 1.1):.6g} {at}\n')
        # What Pyrra's own rules record.
        out.write("# TYPE requests:increase30d gauge\n")
        for service, slo in names():
            for code, value in (("200", 2.6e9), ("500", 1e6)):
                for at in range(now - 3_600, now + 1, 60):
                    out.write(f'requests:increase30d{{service="{service}",kind="{slo[4:]}",code="{code}",slo="{service}-{slo}"}} {value} {at}\n')
        out.write("# EOF\n")


def timed(url, times=15, **headers):
    seconds, length = [], 0
    for _ in range(times):
        begun = time.perf_counter()
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as response:
            body = response.read()
        seconds.append(time.perf_counter() - begun)
        length = len(body)
    return statistics.median(seconds), max(seconds), length, body


def asked(prometheus):
    """What Prometheus has had to do: requests to its API, and samples that its queries read."""
    text = get(f"{prometheus}/metrics")
    found = {"requests": 0.0, "samples": 0.0}
    for line in text.splitlines():
        if line.startswith("prometheus_http_requests_total") and "/api/v1/" in line:
            found["requests"] += float(line.rsplit(" ", 1)[1])
        if line.startswith("prometheus_engine_query_samples_total"):
            found["samples"] += float(line.rsplit(" ", 1)[1])
    return found


def view(url, viewers, seconds):
    """Open pages: each holds the events, and asks for the page again at each of them."""
    stop = time.monotonic() + seconds
    got = []

    def look():
        tag = None
        with urllib.request.urlopen(f"{url}/events", timeout=60) as events:
            while time.monotonic() < stop:
                line = events.readline()
                if line.startswith(b"data:"):
                    request = urllib.request.Request(f"{url}/", headers={"Accept-Encoding": "gzip", **({"If-None-Match": tag} if tag else {})})
                    begun = time.perf_counter()
                    try:
                        with urllib.request.urlopen(request, timeout=60) as response:
                            response.read()
                            tag = response.headers["ETag"]
                    except urllib.error.HTTPError as error:
                        assert error.code == 304
                    got.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=look, daemon=True) for _ in range(viewers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 30)
    return got


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        now = int(time.time()) // STEP * STEP + 3_600
        spec_file = folder / "slo.yaml"
        spec_file.write_text(spec())
        print(f"writing {SERVICES * SLOS} SLOs × {DAYS} days …", flush=True)
        write(folder / "history.om", now)
        subprocess.run([program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h", folder / "history.om", folder / "data"], check=True, stdout=subprocess.DEVNULL)
        (folder / "history.om").unlink()
        (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
        with Processes(folder) as running:
            port = free_ports(2)
            prometheus = f"http://127.0.0.1:{port}"
            running.start("prometheus", os.environ.get("PROMETHEUS") or program("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=10y", f"--web.listen-address=127.0.0.1:{port}", "--query.max-samples=500000000")
            wait_for("Prometheus", lambda: "ready" in get(f"{prometheus}/-/ready").lower(), 120)
            ours = f"http://127.0.0.1:{port + 1}"
            running.start("serve", built("slo"), "serve", spec_file, "--prometheus", prometheus, "--listen", f"127.0.0.1:{port + 1}")
            wait_for("slo serve", lambda: "listening" in (folder / "serve.log").read_text(), 20)
            begun = time.perf_counter()
            first = urllib.request.urlopen(f"{ours}/", timeout=120).read().decode()
            rows, curves = first.count("<tr class="), first.count("class=\"spark")
            print(f"first overview, nothing cached: {time.perf_counter() - begun:.2f} s; {rows} SLOs, {curves} sparklines")
            median, worst, length, _ = timed(f"{ours}/", **{"Accept-Encoding": "gzip"})
            _, _, plain, _ = timed(f"{ours}/", 3)
            print(f"overview warm: {median * 1000:.0f} ms (at most {worst * 1000:.0f} ms), {length / 1000:.0f} kB sent, {plain / 1000:.0f} kB unpacked")
            median, _, length, _ = timed(f"{ours}/?q=service-042", **{"Accept-Encoding": "gzip"})
            print(f"overview of one service: {median * 1000:.0f} ms, {length / 1000:.1f} kB")
            for viewers in (1, 50):
                view(ours, viewers, 16)
                before, begun = asked(prometheus), time.monotonic()
                seconds = view(ours, viewers, 60)
                after, minutes = asked(prometheus), (time.monotonic() - begun) / 60
                print(
                    f"{viewers} viewers: {(after['requests'] - before['requests']) / minutes:.0f} requests and {(after['samples'] - before['samples']) / minutes / 1e6:.2f} M samples a minute on Prometheus; "
                    f"{len(seconds)} refreshes, median {statistics.median(seconds) * 1000:.0f} ms"
                )
            if binary := os.environ.get("PYRRA"):
                peer(running, folder, binary, prometheus)


def peer(running, folder, binary, prometheus):
    """Pyrra's list: the objectives, and for each of them what its page asks for."""
    pyrra(folder / "pyrra")
    running.start("pyrra-filesystem", binary, "filesystem", f"--config-files={folder}/pyrra/*.yaml", f"--prometheus-folder={folder}/pyrra-rules", f"--prometheus-url={prometheus}")
    (folder / "pyrra-rules").mkdir()
    running.start("pyrra", binary, "api", f"--prometheus-url={prometheus}", "--api-url=http://127.0.0.1:9444")
    # It listens here, whatever is asked.
    url = "http://127.0.0.1:9099/objectives.v1alpha1.ObjectiveService"

    def call(method, message):
        request = urllib.request.Request(f"{url}/{method}", json.dumps(message).encode(), {"Content-Type": "application/json", "Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=120) as response:
            body = response.read()
        return len(body), json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)

    wait_for("Pyrra", lambda: len(call("List", {"expr": ""})[1].get("objectives", [])) == SERVICES * SLOS, 120)

    def status(objective):
        selector = "{" + ",".join(f'{name}="{value}"' for name, value in objective["labels"].items()) + "}"
        length, found = call("GetStatus", {"expr": selector, "grouping": ""})
        return length, bool(found.get("status"))

    def page():
        """What its page of all objectives asks for: the list, and the status of each objective; a browser asks six at a time."""
        length, listed = call("List", {"expr": ""})
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            statuses = list(pool.map(status, listed["objectives"]))
        return length + sum(one for one, _ in statuses), sum(found for _, found in statuses)

    for name in ("first", "again"):
        before, begun = asked(prometheus), time.perf_counter()
        length, found = page()
        seconds, after = time.perf_counter() - begun, asked(prometheus)
        print(f"Pyrra's list, {name}: {seconds:.1f} s, {length / 1000:.0f} kB, {found} with a status; {after['requests'] - before['requests']:.0f} requests and {(after['samples'] - before['samples']) / 1e6:.2f} M samples")


main()
