#!/usr/bin/env python3
"""`slo controller` beside Sloth's own, on 1,000 `PrometheusServiceLevel` objects of a real API server: time, memory, processor time.

Each starts on a cluster that has the objects and no rules, and is timed until it has written all of them. Then it is left alone for a
minute, and then the objective of each object is changed. Needs `cargo build --release -p slo-cli --features kubernetes --target-dir
target/kubernetes`, and what `scripts/real/kubernetes`, `scripts/real/definitions` and `scripts/real/sloth` build; ten minutes.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "slo-cli" / "tests" / "experiments"))

from cluster import Cluster, programs  # noqa: E402
from running import free_ports, wait_for  # noqa: E402

OBJECTS = int(os.environ.get("OBJECTS", "1000"))
TICKS = os.sysconf("SC_CLK_TCK")


def said(script):
    return subprocess.run([ROOT / "scripts" / "real" / script], stdout=subprocess.PIPE, text=True).stdout.strip()


def object(number, objective):
    return {
        "apiVersion": "sloth.slok.dev/v1", "kind": "PrometheusServiceLevel", "metadata": {"name": f"service-{number}", "namespace": "shop"},
        "spec": {"service": f"service-{number}", "slos": [{
            "name": "availability", "objective": objective,
            "sli": {"events": {
                "errorQuery": f'sum(rate(http_requests_total{{job="service-{number}",code=~"5.."}}[{{{{.window}}}}]))',
                "totalQuery": f'sum(rate(http_requests_total{{job="service-{number}"}}[{{{{.window}}}}]))',
            }},
            "alerting": {"name": "Availability", "pageAlert": {"labels": {"severity": "page"}}, "ticketAlert": {"labels": {"severity": "ticket"}}},
        }]},
    }  # fmt: skip


def apply(cluster, objective):
    """Writes all objects; returns how long that took."""
    path = cluster.folder / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [object(number, objective) for number in range(OBJECTS)]}))
    start = time.monotonic()
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    return time.monotonic() - start


def memory(process):
    """Resident memory now and at most, in MiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return [next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(key)) for key in ("VmRSS", "VmHWM")]


def processor(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(name, cluster, start):
    began = time.monotonic()
    process = start()
    wait_for("all rules", lambda: count(cluster) == OBJECTS, 600)
    whole, used = time.monotonic() - began, processor(process)
    time.sleep(60)
    idle, (now, most) = processor(process) - used, memory(process)
    before = processor(process)
    began = time.monotonic()
    applied = apply(cluster, 99)
    wait_for("the new rules", lambda: changed(cluster) == OBJECTS, 600)
    again = time.monotonic() - began
    print(
        f"{name}: {whole:.1f} s and {used:.1f} s of processor for {OBJECTS} objects; {idle:.1f} s of processor in an idle minute; {now:.0f} MiB, "
        f"{most:.0f} at most; {again:.1f} s for a change of all objects, which took {applied:.1f} s to write, and {processor(process) - before:.1f} s of processor",
        flush=True,
    )
    process.terminate()
    process.wait()
    return whole, used, most


def count(cluster):
    return len(cluster.kubectl("get", "prometheusrules", "-n", "shop", "-o", "name").split())


def changed(cluster):
    """The rules that have been written a second time."""
    text = cluster.kubectl("get", "prometheusrules", "-n", "shop", "-o", "jsonpath={.items[*].metadata.generation}")
    return sum(int(generation) >= 2 for generation in text.split())


def main():
    bin, definitions, sloth = programs(), said("definitions"), said("sloth")
    assert bin and definitions and sloth, "the programs could not be had"
    slo = ROOT / "target" / "kubernetes" / "release" / "slo"
    with tempfile.TemporaryDirectory() as folder, Cluster(folder, bin, nodes=0) as cluster:
        for name in ("prometheusrules", "sloth"):
            cluster.kubectl("apply", "--server-side", "-f", f"{definitions}/{name}.yaml")
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        cluster.kubectl("create", "namespace", "shop")
        os.environ["KUBECONFIG"] = str(cluster.config)
        port = free_ports(3)

        def start_sloth():
            return cluster.start(
                "sloth", sloth, "kubernetes-controller", "--kube-local", f"--kube-config={cluster.config}", "--kube-context=all",
                f"--metrics-listen-addr=127.0.0.1:{port}", f"--hot-reload-addr=127.0.0.1:{port + 1}",
            )  # fmt: skip

        def start_slo():
            return cluster.start("slo", slo, "controller", f"--listen=127.0.0.1:{port + 2}")

        results = {}
        for name, start in (("Sloth", start_sloth), ("slo", start_slo)):
            apply(cluster, 99.9)
            # Objects of Sloth that are younger than ten seconds are left to Sloth.
            time.sleep(12)
            results[name] = measure(name, cluster, start)
            cluster.kubectl("delete", "prometheusservicelevels", "--all", "-n", "shop", "--wait=true")
            wait_for("no rules", lambda: count(cluster) == 0, 300)
        ratios = [theirs / ours for theirs, ours in zip(results["Sloth"], results["slo"])]
        print("Sloth needs {:.1f} times as long, {:.1f} times the processor and {:.1f} times the memory".format(*ratios))


if __name__ == "__main__":
    main()
