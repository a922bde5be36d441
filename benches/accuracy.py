#!/usr/bin/env python3
"""Thirty days of a service on a real Prometheus: our rules beside Sloth's, and beside the truth.

Four instances, scraped every 15 seconds, restarted now and then; by day nearly all requests succeed, at night there are few
requests and a batch job that fails. Prints the error ratio of the period by each way of computing it, how far it is from
the events themselves, and how many samples an evaluation reads.

Needs `cargo build --release -p slo-cli`, the Python tools of `scripts/setup`, and a Prometheus; takes ten seconds.
"""

import math
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "slo-cli" / "tests" / "conformance"))

import servers  # noqa: E402
import traffic  # noqa: E402
import yaml  # noqa: E402

DAYS, PERIOD = 31, 30
END = traffic.START + DAYS * 86400
# When coarse tiles are written.
WHEN = END - 300 + 8

SPEC = f"""
version: prometheus/v1
service: shop
slos:
  - name: availability
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(requests_total{{job="shop",code="500"}}[{{{{.window}}}}]))
        total_query: sum(rate(requests_total{{job="shop"}}[{{{{.window}}}}]))
"""


def service():
    """Requests of a shop that is asleep at night, when a batch job of its own fails; and every event, seen or not.

    Every instance is restarted twice a day.
    """
    random_ = random.Random(7)
    scenario, served = traffic.Scenario("shop"), []
    running = [traffic.Instance(scenario, f"shop-{index}:80") for index in range(4)]
    for instance in running:
        instance.serve(100, 1)
    for at in range(traffic.START, END + 1, traffic.SCRAPE):
        hour = at / 3600 % 24
        night = hour < 5
        rate = 0.4 if night else 100 + 80 * math.sin((hour - 5) / 19 * math.pi)
        share = 0.1 if night else 0.0006
        for index, instance in enumerate(running):
            total = traffic.events(random_, rate * traffic.SCRAPE / 4)
            good, bad = traffic.split(random_, total, share)
            instance.serve(good, bad)
            served.append((at + 1 + index, good + bad, bad))
            # Half of the restarts hide what was served since the scrape before.
            if random_.random() < 1 * traffic.SCRAPE / 86400:
                instance.restart()
            instance.scrape(at + 1 + index)
        if random_.random() < 1 * 4 * traffic.SCRAPE / 86400:
            random_.choice(running).restart()
    return scenario, served


def table(rows):
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def main():
    scenario, served = service()
    points = sum(len(points) for points in scenario.series.values())
    print(f"{DAYS} days, {len(scenario.series)} series, {points:,} samples", file=sys.stderr)
    # Coarse tiles look a fine one back, and fine ones end seven seconds earlier.
    seen_until = WHEN - 60 - 7
    inside = [event for event in served if seen_until - PERIOD * 86400 < event[0] <= seen_until]
    total, bad = (sum(event[index] for event in inside) for index in (1, 2))
    rows = [["error ratio of the period by", "value", "off by", "samples read"]]
    rows.append([f"the events themselves ({bad:,} of {total:,})", f"{bad / total:.8f}", "", ""])
    rows += measure("installed", scenario, bad / total)
    if "newest" in servers.programs():
        rows += measure("anchored", scenario, bad / total)
    else:
        print("SKIPPED: anchored ranges; scripts/real/prometheus builds a Prometheus that has them", file=sys.stderr)
    print(table(rows))


def measure(form, scenario, truth):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        server = servers.make(form, folder)
        try:
            server.write(scenario.points())
            queries = recorded(server, folder)
            if form == "anchored":
                queries = {f"{name}, with anchored ranges ({server.name})": queries[name] for name in list(queries)[:1]}
            for name, query in queries.items():
                values, samples = server.at(query, WHEN)
                assert len(values) == 1, (query, values)
                (value,) = values.values()
                yield [name, f"{value:.8f}", f"{(value / truth - 1) * 100:+.4f} %", f"{samples:,}"]
        finally:
            server.stop()


def recorded(server, folder):
    """Records the rules, ours and Sloth's, and says what asks for the period's error ratio."""
    spec = folder / "spec.yaml"
    spec.write_text(SPEC)
    program = ROOT / "target" / "release" / "slo"
    run = lambda *arguments: subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout
    native = folder / "native.yaml"
    native.write_text(run("import", spec))
    groups = yaml.safe_load(run("generate", native, *server.options))["groups"]
    tiles = lambda rule: ":increase" in rule.get("record", "")
    rules = [{**group, "rules": [rule for rule in group["rules"] if tiles(rule)]} for group in groups]
    server.record(rules, traffic.START, END)
    failed, served = 'requests_total{job="shop",code="500"}', 'requests_total{job="shop"}'
    sloth = {
        "name": "sloth",
        "interval": "1m",
        "rules": [
            {
                "record": "slo:sli_error:ratio_rate5m",
                "expr": f"(sum(rate({failed}[5m]))) / (sum(rate({served}[5m])))",
                "labels": {"sloth_id": "shop-availability"},
            }
        ],
    }
    server.record([sloth], traffic.START, END)
    named = {rule.get("record"): rule["expr"] for group in groups for rule in group["rules"] if "record" in rule}
    period = f"{PERIOD}d"
    mean = f'slo:sli_error:ratio_rate5m{{sloth_id="shop-availability"}}[{period}]'
    return {
        "ours, from 5m tiles": named[f"slo:sli_error:ratio{period}"],
        "`increase` over the raw series": f"sum(increase({failed}[{period}])) / sum(increase({served}[{period}]))",
        "Sloth: the mean of 5m ratios": f"sum_over_time({mean}) / count_over_time({mean})",
    }


main()
