"""Rules on real servers give the numbers that the events themselves give.

Every scenario is an SLO of its own. Its raw series are written into the history of each server, the recording rules are
evaluated where they would have been, and what they recorded is compared with the truth.
"""

import datetime
import json
import math
import pathlib
import subprocess
import xml.etree.ElementTree

import pytest
import servers
import slo
import traffic
import yaml

HOURS = 8
END = traffic.START + HOURS * 3600
ROOT = pathlib.Path(__file__).resolve().parents[3]
SCENARIOS = {scenario.name: scenario for scenario in traffic.scenarios(HOURS)}
WINDOWS = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600, "1d": 86400, "3d": 259200, "30d": 2592000}


def spec():
    slos = [
        {
            "name": name,
            "objective": "99.9%",
            "window": "30d",
            "sli": {
                "events": {
                    "total": f'requests_total{{job="{name}"}}',
                    "bad": f'requests_total{{job="{name}",code=~"5.."}}',
                }
            },
        }
        for name in SCENARIOS
    ]
    return yaml.safe_dump({"version": "slo/v1", "service": "shop", "slos": slos})


def generated(folder, *options):
    file = folder / "spec.yaml"
    file.write_text(spec())
    program = ROOT / "target" / "release" / "slo"
    done = subprocess.run([program, "generate", file, *options], capture_output=True, text=True, check=True)
    return yaml.safe_load(done.stdout)["groups"]


@pytest.fixture(scope="module", params=servers.FORMS)
def evaluated(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("conformance")
    server = servers.make(request.param, folder)
    groups = generated(folder, *server.options)
    server.write([series for scenario in SCENARIOS.values() for series in scenario.points()])
    server.record(groups, traffic.START, END)
    yield server, groups
    server.stop()


def recorded(server, metric, name, when):
    values, _ = server.at(f'{metric}{{service="shop",slo="{name}"}}', when)
    return next(iter(values.values()), None)


# Tiles end a second after the whole minute; scrapes come one to four seconds after theirs. What was counted before the
# first tile that has another one before it is an estimate.
BEGIN = traffic.START + 300 + 1
LAST = END - 60 + 1
BUDGET = slo.ErrorBudget("99.9%", "30d")
EXACT = ["diurnal", "bursty", "quiet", "outage", "missed", "silent"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_event_is_counted_once(evaluated, name):
    server, _ = evaluated
    scenario = SCENARIOS[name]
    assert BEGIN % 60 == 1 and LAST % 60 == 1
    for stream, index in (("total", 0), ("bad", 1)):
        values, _ = server.at(
            f'sum(sum_over_time(slo:sli_{stream}:increase1m{{service="shop",slo="{name}"}}[{LAST - BEGIN - 1}s]))', LAST
        )
        counted = next(iter(values.values()), 0.0)
        truth = scenario.tally(BEGIN, LAST)[index]
        if "--anchored" in server.options:
            # Whatever happens: but for what came while all labels changed, and for the first values of series that were born
            # in the first minute of a target.
            truth -= scenario.relabelled_tally(BEGIN, LAST)[index]
            born = 10 if name in ("scale", "replaced") else 0
            assert truth - born <= counted + 1e-6 and counted <= truth + 1e-6, (server.name, stream, counted, truth)
        elif name in EXACT:
            assert counted == pytest.approx(truth, abs=1e-6), (server.name, stream)
        else:
            if isinstance(server, servers.Prometheus) and name != "failed":
                # No more than what nobody could see, and the estimates that stand for it. (A failed scrape at the end of
                # a tile is estimated, too, and hides nothing.)
                assert abs(counted - truth) <= 3 * scenario.hidden + 1, (server.name, stream, counted, truth)
            assert counted == pytest.approx(truth, rel=0.02), (server.name, stream)


@pytest.mark.parametrize("name", SCENARIOS)
def test_python_fetches_what_happened(evaluated, name):
    server, _ = evaluated
    scenario, step = SCENARIOS[name], traffic.SCRAPE
    begin, end = traffic.START + 300, END - 60
    fetch = slo.Prometheus(server.url).fetch
    asked = []
    options = {
        "last": datetime.timedelta(seconds=end - begin),
        "end": datetime.datetime.fromtimestamp(end, datetime.UTC),
        "step": datetime.timedelta(seconds=step),
        "progress": lambda done, of: asked.append((done, of)),
    }
    availability = slo.parse(spec())[f"shop/{name}"]
    samples = fetch(availability, **options)
    assert asked == [(1, 2), (2, 2)]
    assert (len(samples), samples.start.timestamp()) == ((end - begin) // step, begin)
    truth = scenario.tally(begin, end)
    if name in EXACT:
        assert (samples.total, samples.bad) == truth, server.name
        steps = availability.evaluate(samples).by(datetime.timedelta(seconds=step)).to_numpy()
        tallies = [scenario.tally(at, at + step) for at in range(begin, end, step)]
        assert list(zip(steps["total"], steps["bad"])) == tallies, server.name
    else:
        # What was counted between the last scrape and a restart, nobody knows.
        assert samples.total == pytest.approx(truth[0], rel=0.01), (server.name, samples, truth)
        assert samples.bad == pytest.approx(truth[1], rel=0.02, abs=5), (server.name, samples, truth)
    if name == "restarts":
        assert "reset" in list(samples.check().to_numpy()["kind"])


def test_python_fetches_in_chunks(evaluated):
    """A step of a second makes more points than a server gives at once."""
    server, _ = evaluated
    scenario, asked = SCENARIOS["outage"], []
    begin, end = traffic.START + 300, END - 60
    samples = slo.Prometheus(server.url).fetch(
        slo.parse(spec())["shop/outage"],
        last=datetime.timedelta(seconds=end - begin),
        end=datetime.datetime.fromtimestamp(end, datetime.UTC),
        step="1s",
        progress=lambda done, of: asked.append((done, of)),
    )
    chunks = -(-(end - begin + 1) // 10_000)
    assert chunks > 1 and asked == [(number, 2 * chunks) for number in range(1, 2 * chunks + 1)]
    assert (samples.total, samples.bad, len(samples)) == (*scenario.tally(begin, end), end - begin)
    with pytest.raises(slo.SloError, match="give a longer `step`"):
        slo.Prometheus(server.url).fetch(slo.parse(spec())["shop/outage"], last="3650d", step="1s")


def command(*arguments, check=True):
    program = ROOT / "target" / "release" / "slo"
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=check)


def test_reports_are_of_every_event(evaluated, tmp_path):
    server, _ = evaluated
    file = tmp_path / "spec.yaml"
    file.write_text(spec())
    asked = [file, "--prometheus", server.url, "--last", "4h", "--end", END]
    report = json.loads(command("report", *asked, "--format", "json").stdout)
    slos = {one["slo"]: one for one in report["slos"]}
    assert set(slos) == set(SCENARIOS)
    # Tiles of five minutes are recorded a second after a whole five minutes here, and look a minute back.
    begin, end = END - 4 * 3600 - 359, END - 359
    for name in EXACT:
        one, truth = slos[name], SCENARIOS[name].tally(begin, end)
        assert (one["total"], one["bad"]) == truth, (server.name, name)
        if truth[0] == 0:
            assert (one["sli"], one["met"], one["budget_remaining"]) == (None, None, None)
            continue
        budget = BUDGET.remaining(total=truth[0], bad=truth[1])
        assert one["budget_remaining"] == pytest.approx(budget) and one["met"] == (budget >= 0)
        assert sum(day["bad"] for day in one["days"]) == truth[1]
        before = SCENARIOS[name].tally(begin - 4 * 3600, begin)
        if one["trend"]:
            # The first tiles are estimates.
            assert one["trend"]["before"]["total"] == pytest.approx(before[0], rel=0.05, abs=200), (server.name, name)
    [outage] = [one for one in slos["outage"]["incidents"]] or [None]
    assert outage is None or outage["budget_spent"] > 0.01
    text = command("report", *asked).stdout
    assert "| shop/outage | 99.9% |" in text and "## shop/outage" in text
    page = tmp_path / "report.html"
    assert command("report", *asked, "--format", "html", "--out", page).stdout == ""
    html = page.read_text()
    assert html.count("<svg ") == sum(1 for one in slos.values() if one["total"]) and "http" not in html.replace("http://www.w3.org", "")
    xml.etree.ElementTree.fromstring(html[html.index("<svg ") : html.index("</svg>") + 6])


def test_reports_say_what_is_wrong(evaluated, tmp_path):
    server, _ = evaluated
    file = tmp_path / "spec.yaml"
    file.write_text(spec())
    for options, code, words in [
        (["--month", "October"], 1, "write it as 2026-10"),
        (["--quarter", "2026-Q5"], 1, "write it as 2026-Q3"),
        (["--month", "2999-01"], 1, "has not begun"),
        (["--time-zone", "Nowhere", "--month", "2026-01"], 2, "not a time zone"),
        (["--month", "2001-01"], 3, "no events of these SLOs"),
        (["--month", "2026-01", "--last", "30d"], 2, "cannot be used with"),
    ]:
        done = command("report", file, "--prometheus", server.url, *options, check=False)
        assert done.returncode == code and words in done.stderr, (options, done.stderr)


def test_python_says_what_a_server_refuses(evaluated):
    server, _ = evaluated
    availability = slo.parse(spec())["shop/outage"]
    with pytest.raises(slo.QueryError, match="no-such-host|resolve|dns|lookup|failed"):
        slo.Prometheus("http://no-such-host.invalid:9090").fetch(availability, last="1h")
    absent = spec().replace("requests_total", "nothing_total")
    with pytest.raises(slo.DataError, match="no series in all that time"):
        slo.Prometheus(server.url).fetch(slo.parse(absent)["shop/outage"], last="1h")
    with pytest.raises(slo.QueryError, match="404|400"):
        slo.Prometheus(server.url + "/elsewhere").fetch(availability, last="1h")


@pytest.mark.parametrize("name", EXACT)
def test_windows_are_the_ratio_of_their_events(evaluated, name):
    server, groups = evaluated
    scenario = SCENARIOS[name]
    compared = 0
    for window in ["5m", "30m", "1h", "2h", "6h"]:
        for when in range(traffic.START + 7 * 3600, END, 600):
            when += 1  # when tiles are written
            ratio = recorded(server, f"slo:sli_error:ratio{window}", name, when)
            total, bad = scenario.tally(when - WINDOWS[window], when)
            if total == 0:
                assert ratio is None, (server.name, window, when)
                continue
            burn = BUDGET.burn_rate(total=total, bad=bad)
            assert ratio == pytest.approx(bad / total, rel=1e-9, abs=1e-12), (server.name, window, when)
            assert recorded(server, f"slo:burn_rate:ratio{window}", name, when) == pytest.approx(burn, rel=1e-9)
            compared += 1
    assert compared > 0 or name == "silent"


def test_alerts_fire_as_the_events_say(evaluated):
    server, groups = evaluated
    server.forget_after("59s")
    fired = 0
    for group in groups:
        for rule in group["rules"]:
            if rule.get("alert") == "SLOCountersDisagree":
                # However targets come, go and restart.
                assert not server.over(rule["expr"], traffic.START + 3661, END, 60), rule
            if "alert" not in rule or rule["labels"].get("burn_tier") not in ("fast", "medium"):
                continue
            name, tier = rule["labels"]["slo"], rule["labels"]["burn_tier"]
            if name not in EXACT:
                continue
            long, short, threshold = {"fast": (3600, 300, 0.0144), "medium": (21600, 1800, 0.006)}[tier]
            series = server.over(rule["expr"], traffic.START + 3661, END, 60)
            firing = {at for _, points in series for at, _ in points}
            for at in range(traffic.START + 3661, END, 60):
                tallies = [SCENARIOS[name].tally(max(at - window, traffic.START + 5), at) for window in (long, short)]
                expected = all(total and bad / total > threshold for total, bad in tallies)
                assert (at in firing) == expected, (server.name, name, tier, at, tallies)
                fired += expected
    server.forget_after("5m")
    assert fired > 0, "an outage that nobody hears of"


def test_nothing_recorded_is_not_a_number(evaluated):
    server, groups = evaluated
    records = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    for record in records:
        values, _ = server.at(f'count_over_time({record}{{service="shop"}}[{HOURS}h])', END)
        if record.startswith("slo:sli_"):
            assert values, record
        last, _ = server.at(f'{record}{{service="shop"}}', END)
        assert not any(math.isnan(value) for value in last.values()), record
        # A number is equal to itself; a NaN is not.
        values, _ = server.at(f'count(max_over_time({record}{{service="shop"}}[{HOURS}h]) != max_over_time({record}{{service="shop"}}[{HOURS}h]))', END)
        assert not values, (record, values)


def test_the_server_loads_the_rules(evaluated, tmp_path):
    server, _ = evaluated
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": generated(tmp_path, *server.options)}))
    if isinstance(server, servers.VictoriaMetrics):
        command = [server.binaries / "vmalert", f"-rule={rules}", "-dryRun"]
    else:
        command = [server.promtool, "check", "rules", rules]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
