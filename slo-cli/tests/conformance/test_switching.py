"""What somebody who comes from Sloth must get, whatever the scrape interval is: Sloth's own rules beside ours.

Each test is a fault that was once found: rules that read well and said something else.
"""

import pathlib
import subprocess

import pytest
import servers
import traffic
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
SLO = ROOT / "target" / "release" / "slo"
HOURS = 7
BEGIN, END = traffic.START, traffic.START + HOURS * 3600
# Ten minutes in the middle; and from an hour before the end on.
QUIET = (BEGIN + 5 * 3600, BEGIN + 5 * 3600 + 600)
OUTAGE = END - 3600
# Rules are evaluated a second after each minute: the last time.
LAST = END - 59

ALERTING = "alerting: {name: Burn, page_alert: {labels: {severity: page}}, ticket_alert: {labels: {severity: ticket}}}"


def sloth_spec(name, objective, sli):
    return f"version: prometheus/v1\nservice: {name}\nslos:\n  - name: availability\n    objective: {objective}\n    sli: {sli}\n    {ALERTING}\n"


RAW = sloth_spec(
    "raw",
    99.9,
    """{raw: {error_ratio_query: 'sum(rate(a_total{job="x",code=~"5.."}[{{.window}}])) / sum(rate(a_total{job="x"}[{{.window}}]))'}}""",
)
TWO = sloth_spec(
    "two",
    99,
    "{events: {error_query: 'sum(rate(e_total[{{.window}}])) + sum(rate(f_total[{{.window}}]))',"
    " total_query: 'sum(rate(b_total[{{.window}}])) + sum(rate(c_total[{{.window}}]))'}}",
)
EACH = "{events: {error_query: 'SUM(sum_over_time(unavailable[{{.window}}]))', total_query: 'SUM(sum_over_time(replicas[{{.window}}]))'}}"
GROUPED = sloth_spec("grouped", 95, EACH.replace("SUM", "sum by (deployment) "))


def counters(scrape):
    """Counters as they are scraped every so many seconds."""
    series = {}

    def count(name, per_second, **labels):
        value, points = 0.0, []
        for at in range(BEGIN, END + 1):
            value += per_second(at)
            if (at - BEGIN) % scrape == 0:
                points.append((at + 7, value))
        series[name, tuple(sorted(labels.items()))] = points

    def level(name, value, **labels):
        series[name, tuple(sorted(labels.items()))] = [(at + 7, value(at)) for at in range(BEGIN, END + 1, scrape)]

    quiet = lambda at: QUIET[0] < at <= QUIET[1]
    count("a_total", lambda at: 0 if quiet(at) else 17, job="x", instance="i", code="200")
    count("a_total", lambda at: 0.07 if quiet(at) else 0, job="x", instance="i", code="500")
    for name in ("b_total", "c_total"):
        count(name, lambda at: 4, job="s", instance="i")
    for name in ("e_total", "f_total"):
        count(name, lambda at: 4 if at > OUTAGE else 0, job="s", instance="i")
    for number in range(10):
        level("replicas", lambda at: 3, deployment=f"d{number}")
        level("unavailable", lambda at, number=number: 3 if number == 0 else 0, deployment=f"d{number}")
    count("good_total", lambda at: 6, job="j", instance="i")
    count("all_total", lambda at: 4, job="j", instance="i")
    count("bad_total", lambda at: 1, job="j", instance="i")
    return [({"__name__": name, **dict(labels)}, points) for (name, labels), points in series.items()]


def generated(folder, text, *arguments):
    spec = folder / "spec.yaml"
    spec.write_text(text)
    done = subprocess.run([SLO, "generate", spec, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["groups"]


def sloths_own(folder, text):
    """What Sloth writes, if it could be built."""
    sloth = subprocess.run([ROOT / "scripts" / "real" / "sloth"], capture_output=True, text=True).stdout.strip()
    if not sloth:
        pytest.skip("SKIPPED: Sloth could not be built")
    (folder / "sloth.yaml").write_text(text)
    command = [sloth, "generate", "-i", folder / "sloth.yaml", "-o", folder / "sloth.rules.yaml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load((folder / "sloth.rules.yaml").read_text())["groups"]


def ticking(groups):
    """In one moment of every minute, so that they can be compared; the month is not what they are about."""
    records = []
    for group in groups:
        rules = [rule for rule in group["rules"] if "record" in rule and "30d" not in rule["expr"]]
        records.append({**group, "interval": "1m", "offset": 1, "rules": rules})
    return records


@pytest.fixture(scope="module", params=[15, 30, 60], ids=lambda scrape: f"every {scrape} s")
def evaluated(request, tmp_path_factory):
    """Ours and Sloth's, on two servers with the same history."""
    folder = tmp_path_factory.mktemp("switching")
    texts = [RAW, TWO, GROUPED]
    ours = [group for text in texts for group in generated(folder, text, "--naming", "sloth")]
    theirs = [group for text in texts for group in sloths_own(folder, text)]
    pair = []
    for name, groups in (("ours", ours), ("theirs", theirs)):
        server = servers.make("installed", folder / name)
        server.write(counters(request.param))
        server.record(ticking(groups), BEGIN, END)
        server.forget_after("59s")
        pair.append((server, groups))
    yield pair
    for server, _ in pair:
        server.stop()


def ratio(server, service, window):
    values, _ = server.at(f'slo:sli_error:ratio_rate{window}{{sloth_service="{service}"}}', LAST)
    return values


def pages(server, groups, service, begin=BEGIN + 1800):
    """Minutes in which a page of a service fires."""
    found = set()
    for group in groups:
        for rule in group["rules"]:
            is_page = rule.get("labels", {}).get("sloth_severity") == "page"
            if "alert" in rule and is_page and f'sloth_service="{service}"' in rule["expr"]:
                for _, points in server.over(rule["expr"], begin + 1 - begin % 60, LAST, 60):
                    found |= {int(at // 60) for at, _ in points}
    return found


def test_a_ratio_is_of_its_events_whatever_the_order_of_its_matchers(evaluated):
    # Ten quiet minutes fail in six busy hours: 42 events of 353,000, and nobody is woken.
    (ours, our_groups), (theirs, their_groups) = evaluated
    [our_ratio], [their_ratio] = ratio(ours, "raw", "6h").values(), ratio(theirs, "raw", "6h").values()
    assert our_ratio == pytest.approx(42 / (17 * 3600 * 6 - 17 * 600 + 42), rel=0.02)
    assert our_ratio == pytest.approx(their_ratio, rel=0.02)
    assert pages(ours, our_groups, "raw", END - 1800) == pages(theirs, their_groups, "raw", END - 1800) == set()


def test_a_full_outage_pages_whatever_the_scrape_interval_is(evaluated):
    (ours, our_groups), (theirs, their_groups) = evaluated
    for window in ("5m", "30m"):
        assert list(ratio(ours, "two", window).values()) == pytest.approx([1], rel=1e-6), window
        assert list(ratio(theirs, "two", window).values()) == pytest.approx([1], rel=1e-6), window
    assert list(ratio(ours, "two", "1h").values()) == pytest.approx([1], rel=0.05)
    our_pages, their_pages = pages(ours, our_groups, "two"), pages(theirs, their_groups, "two")
    assert min(their_pages) * 60 >= OUTAGE and abs(min(our_pages) - min(their_pages)) <= 4
    assert max(our_pages) == max(their_pages) == LAST // 60


def test_each_group_has_its_own_budget(evaluated):
    # One of ten deployments is down: ten per cent of all, and everything of one.
    (ours, our_groups), (theirs, their_groups) = evaluated
    for server, groups in evaluated:
        values = ratio(server, "grouped", "1h")
        assert len(values) == 10 and sorted(values.values())[-2:] == pytest.approx([0, 1], abs=1e-9)
        assert LAST // 60 in pages(server, groups, "grouped")


def test_series_that_are_judged_each_for_itself_are_refused(tmp_path):
    spec = tmp_path / "spec.yaml"
    for sli in (EACH.replace("SUM", ""), EACH.replace("SUM", "", 1).replace("SUM", "sum")):
        spec.write_text(sloth_spec("each", 95, sli))
        done = subprocess.run([SLO, "generate", spec], capture_output=True, text=True)
        assert done.returncode == 1 and "Sloth judges each of these series separately" in done.stderr, done.stderr
        assert "hint: write `sum by (…) (…)`" in done.stderr


def test_a_changed_label_doubles_nothing(evaluated, tmp_path):
    # At the first evaluation after a reload, the series with the old label are still there.
    server, groups = evaluated[0]
    changed = generated(tmp_path, TWO.replace("service: two", "service: two\nlabels: {team: new}"), "--naming", "sloth")
    old = {labels["__name__"]: (labels, points) for labels, points in server.over('{sloth_service="two"}', LAST, LAST, 60)}
    server.write([({**labels, "team": "new"}, points[-1:]) for labels, points in old.values()])
    for group in changed:
        for rule in group["rules"]:
            if rule.get("record") == "slo:current_burn_rate:ratio":
                [value] = server.at(rule["expr"], LAST)[0].values()
                assert value == pytest.approx(1 / 0.01, rel=1e-6)
            if rule.get("record", "").startswith(("slo:current", "slo:period_burn", "slo:period_error")) or "sloth_severity" in rule["labels"]:
                assert "sum by" not in rule["expr"] and "sum(slo" not in rule["expr"], rule


@pytest.mark.parametrize("objectives", [1, 2])
def test_an_objective_keeps_the_name_that_sloth_gave_it(objectives, tmp_path):
    metric = lambda bound: (
        "{good: {source: prometheus, queryType: promql, query: 'sum(rate(d_bucket{le=\"%s\"}[{{.window}}]))'},"
        " total: {source: prometheus, queryType: promql, query: 'sum(rate(d_count[{{.window}}]))'}}" % bound
    )
    targets = "".join(
        f"    - {{target: {target}, ratioMetrics: {metric(bound)}}}\n" for target, bound in ((0.99, "0.4"), (0.999, "5"))[:objectives]
    )
    text = (
        "apiVersion: openslo/v1alpha\nkind: SLO\nmetadata: {name: latency}\nspec:\n  service: shop\n"
        f"  budgetingMethod: Occurrences\n  objectives:\n{targets}  timeWindows: [{{count: 30, unit: Day, isRolling: true}}]\n"
    )
    named = []
    for groups in (generated(tmp_path, text, "--naming", "sloth"), sloths_own(tmp_path, text)):
        rules = [rule for group in groups for rule in group["rules"] if rule.get("record") == "slo:objective:ratio"]
        value = lambda rule: round(float(rule["expr"].removeprefix("vector(").removesuffix(")")), 9)
        named.append({(rule["labels"]["sloth_id"], rule["labels"]["sloth_slo"], value(rule)) for rule in rules})
    # Sloth's name has the service in it once more.
    ours, theirs = named
    assert {(slo, value) for _, slo, value in ours} == {(slo.removesuffix("-shop"), value) for _, slo, value in theirs}


@pytest.mark.parametrize(
    ("counters_of", "fires"),
    [
        ("{total: all_total, good: good_total}", True),
        ("{total: bad_total, bad: all_total}", True),
        ("{total: nothing_total, bad: bad_total}", True),
        ("{total: all_total, bad: bad_total}", False),
        ("{total: good_total, good: all_total}", False),
        ("{good: all_total, bad: bad_total}", False),
    ],
)
def test_counters_that_disagree_are_told_of(counters_of, fires, tmp_path_factory):
    folder = tmp_path_factory.mktemp("disagree")
    spec = f"version: slo/v1\nservice: f\nslos: [{{name: a, objective: 95%, window: 30d, sli: {{events: {counters_of}}}}}]\n"
    groups = generated(folder, spec)
    server = servers.make("installed", folder / "server")
    wanted = ("good_total", "all_total", "bad_total")
    server.write([one for one in counters(30) if one[0]["__name__"] in wanted])
    server.record([{**group, "rules": [rule for rule in group["rules"] if ":increase1m" in rule.get("record", "")]} for group in groups], BEGIN, END)
    rules = [rule for group in groups for rule in group["rules"] if rule.get("alert") == "SLOCountersDisagree"]
    assert rules or not fires
    for rule in rules:
        assert bool(server.over(rule["expr"], END - 1800, END, 60)) == fires, rule["expr"]
    server.stop()
