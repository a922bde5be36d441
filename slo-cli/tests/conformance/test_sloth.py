"""What replaces Sloth records what Sloth recorded, and alerts when it did.

A specification of Sloth is imported and generated with `--naming sloth`, and both its rules and Sloth's own are evaluated
over the same history, each on a server of its own. Windows of up to three days must agree; that of the period must not, since
Sloth's is a mean of ratios.

The values differ by what a range of raw samples sees of its first and last scrape: Sloth's `rate` extrapolates from the
scrapes inside, our tiles count from scrape to scrape. And ours are late, by the tiles that they wait for: a value must be one
that Sloth's had in the minutes before.
"""

import os
import pathlib
import random
import subprocess

import pytest
import servers
import traffic
import yaml

HOURS = 75
END = traffic.START + HOURS * 3600
ROOT = pathlib.Path(__file__).resolve().parents[3]
# How far single values may be apart, relative to Sloth's, and how late in minutes; and how far their mean over time.
WINDOWS = {
    "5m": (0.2, 1),
    "30m": (0.03, 1),
    "1h": (0.02, 1),
    "2h": (0.01, 1),
    "6h": (0.005, 1),
    "1d": (0.002, 9),
    "3d": (0.002, 9),
}
MEAN = 0.005
FACTORS = {"page": [("5m", "1h", 14.4), ("30m", "6h", 6)], "ticket": [("2h", "1d", 3), ("6h", "3d", 1)]}


def history(jobs):
    """The scenarios that the specifications select, under the names that they select."""
    outage = traffic.run("outage", HOURS, 3, rate=lambda t: 40, share=lambda t: 0.3 if 40 <= t < 40.3 else 0.002)
    bursty = traffic.run("bursty", HOURS, 3, rate=lambda t: 100 if t % 1 < 0.1 else 20, share=lambda t: 0.004)
    slow = traffic.run("diurnal", HOURS, 3, rate=lambda t: 40, share=lambda t: 0.6 if 50 <= t < 51 else 0.03)
    series = outage.points() + bursty.points()
    counts, buckets = {}, {}
    for labels, points in slow.points():
        for at, value in points:
            counts.setdefault(labels["instance"], {}).setdefault(at, 0)
            counts[labels["instance"]][at] += value
            if labels["code"] == "200":
                buckets.setdefault(labels["instance"], {})[at] = value
    for name, values, extra in (("seconds_count", counts, {}), ("seconds_bucket", buckets, {"le": "0.25"})):
        for instance, points in values.items():
            labels = {"__name__": name, "job": "diurnal", "instance": instance, **extra}
            series.append((labels, sorted(points.items())))
    random_ = random.Random(5)
    level = [(at + 3, 0.97 - 0.9 * (50 <= (at - traffic.START) / 3600 < 54) - 0.02 * random_.random()) for at in traffic.scrapes(HOURS)]
    series += [({"__name__": name}, level) for name in ("satisfaction_ratio", "unifipoller_client_satisfaction_ratio")]
    for job in jobs:
        series += [
            ({**labels, "__name__": "http_request_duration_seconds_count", "job": job}, points)
            for labels, points in outage.points()
        ]
    return series


def sloths_own(spec):
    """The rules that Sloth writes of its own specification: each window's queries, divided."""
    groups = []
    for service in yaml.safe_load_all(spec.read_text()):
        for slo in service["slos"]:
            identity = {
                "sloth_id": f"{service['service']}-{slo['name']}",
                "sloth_service": service["service"],
                "sloth_slo": slo["name"],
            }
            selector = "{" + servers.labels_text(identity) + "}"

            def query(window):
                if raw := slo["sli"].get("raw"):
                    return f"({raw['error_ratio_query']})".replace("{{.window}}", window)
                bad, total = (slo["sli"]["events"][name] for name in ("error_query", "total_query"))
                return f"({bad}\n) / ({total}\n)".replace("{{.window}}", window)

            rules = [
                {
                    "record": f"slo:sli_error:ratio_rate{window}",
                    "expr": query(window),
                    "labels": {**identity, "sloth_window": window},
                }
                for window in WINDOWS
            ]
            budget = 1 - slo["objective"] / 100
            for severity, tiers in FACTORS.items():
                either = " or ".join(
                    "("
                    + " and ".join(
                        f"max(slo:sli_error:ratio_rate{window}{selector} > ({factor} * {budget})) without (sloth_window)"
                        for window in (short, long)
                    )
                    + ")"
                    for short, long, factor in tiers
                )
                if not slo["alerting"].get(f"{severity}_alert", {}).get("disable"):
                    rules.append({"alert": slo["alerting"]["name"], "expr": either, "labels": {"sloth_severity": severity}})
            groups.append({"name": identity["sloth_id"], "interval": "1m", "offset": 1, "rules": rules})
    return groups


def specifications():
    yield ROOT / "testdata" / "import" / "sloth.yaml"
    # Sloth's own examples, where somebody has them.
    if corpus := os.environ.get("SLOTH_EXAMPLES"):
        for name in ("getting-started.yml", "multifile.yml", "no-alerts.yml", "raw-home-wifi.yml"):
            yield pathlib.Path(corpus) / name


@pytest.fixture(scope="module", params=specifications(), ids=lambda path: path.stem)
def both(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sloth")
    program = ROOT / "target" / "release" / "slo"
    command = [program, "generate", request.param, "--naming", "sloth"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "assumed: Sloth takes the period" in done.stderr
    ours = [group for group in yaml.safe_load(done.stdout)["groups"]]
    theirs = sloths_own(request.param)
    pair = []
    for name, groups in (("ours", ours), ("theirs", theirs)):
        server = servers.make("installed", folder / name)
        server.write(history(["myservice", "myapp"]))
        # All in one moment of every minute, so that they can be compared.
        records = [{**group, "rules": [rule for rule in group["rules"] if "record" in rule]} for group in groups]
        for group in records:
            if group["interval"] == "2m":
                group["interval"] = "1m"
        server.record(records, traffic.START, END)
        server.forget_after("59s")
        pair.append((server, groups))
    yield pair
    for server, _ in pair:
        server.stop()


def values(server, groups, window):
    """The recorded ratios by SLO and time."""
    found = {}
    for labels, points in server.over(f"slo:sli_error:ratio_rate{window}", traffic.START, END, 60):
        assert labels["sloth_window"] == window
        assert labels["sloth_id"] == f"{labels['sloth_service']}-{labels['sloth_slo']}"
        found[labels["sloth_id"]] = {int(at // 60): value for at, value in points}
    return found


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_agree(both, window):
    (ours, our_groups), (theirs, their_groups) = both
    our_values, their_values = values(ours, our_groups, window), values(theirs, their_groups, window)
    assert our_values.keys() == their_values.keys() and our_values
    # The first windows have only a part of their samples.
    first = traffic.START // 60 + servers.seconds(window) // 60 + 10
    for slo, points in their_values.items():
        pairs = [
            (our_values[slo][minute], value)
            for minute, value in points.items()
            if minute >= first and minute in our_values[slo] and value == value
        ]
        assert len(pairs) > 60
        slack, late = WINDOWS[window]
        for minute, value in our_values[slo].items():
            before = [points[near] for near in range(minute - late, minute + 2) if near in points]
            if minute >= first and before:
                worst = max(min(before) * (1 - slack) - value, value - max(before) * (1 + slack))
                assert worst <= 1e-12, (slo, window, minute, value, before)
        means = [sum(side) / len(pairs) for side in zip(*pairs)]
        assert means[0] == pytest.approx(means[1], rel=MEAN), (slo, window)


def test_alerts_agree(both):
    firing = []
    for server, groups in both:
        times = {}
        for group in groups:
            for rule in group["rules"]:
                if "alert" in rule and "sloth_severity" in rule["labels"]:
                    slo = rule["expr"].split('sloth_id="')[1].split('"')[0]
                    key = (rule["alert"], slo, rule["labels"]["sloth_severity"])
                    assert key not in times
                    points = [points for _, points in server.over(rule["expr"], traffic.START + 3600, END, 60)]
                    times[key] = {int(at // 60) for series in points for at, _ in series}
        firing.append(times)
    ours, theirs = firing
    assert ours.keys() == theirs.keys()
    for key, minutes in theirs.items():
        # Where a value crosses its threshold, one of the two may be some scrapes earlier, and ours late by its tiles.
        near = range(-3, 4) if key[2] == "page" else range(-10, 11)
        for one, other in ((minutes, ours[key]), (ours[key], minutes)):
            alone = {minute for minute in one if not any(minute + off in other for off in near)}
            # A flicker of a single minute is a value that grazes the threshold.
            alone = {minute for minute in alone if {minute - 1, minute + 1} & one}
            assert not alone, (key, sorted(alone)[:5])
    assert any(theirs.values()) or not theirs
