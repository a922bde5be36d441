"""`slo alertmanager` on the real amtool and Alertmanager: everybody hears of a breach once, and only those who should."""

import contextlib
import datetime
import itertools
import json
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
import yaml
from receivers import Receivers

ROOT = pathlib.Path(__file__).resolve().parents[3]
SLO = ROOT / "target" / "release" / "slo"
SPEC = ROOT / "examples" / "three-services" / "slo.yaml"
SPECS = [SPEC, *sorted((ROOT / "testdata" / "rules").glob("*.spec.yaml")), *sorted((ROOT / "testdata" / "specs" / "valid").glob("*.yaml"))]


def unpacked(suite, program):
    path = ROOT / "target" / "servers" / suite / "usr" / "bin" / program
    return str(path) if path.exists() else None


def installed():
    """Each Alertmanager there is, by its version: the command and its amtool."""
    found = {}
    system = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    for alertmanager, amtool in [
        (system, shutil.which("amtool")),
        (unpacked("trixie", "prometheus-alertmanager"), unpacked("trixie", "amtool")),
        (unpacked("forky", "prometheus-alertmanager"), unpacked("forky", "amtool")),
    ]:
        if alertmanager and amtool:
            said = subprocess.run([amtool, "--version"], capture_output=True, text=True)
            version = (said.stdout + said.stderr).split("version ")[1].split()[0]
            found[version.rsplit(".", 1)[0]] = (alertmanager, amtool)
    return found


INSTALLED = installed()
VERSIONS = sorted(INSTALLED)
if not VERSIONS:
    raise RuntimeError("no Alertmanager and amtool here: run scripts/setup and scripts/servers")


def generate(*options, spec=SPEC, version=VERSIONS[0], check=True):
    command = [SLO, "alertmanager", spec, "--alertmanager-version", version, *options]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=check)


EVERYTHING = [
    *["--page", "pagerduty", "--page", "slack:#incidents", "--page", "webhook:http://127.0.0.1:9/hook"],
    *["--ticket", "slack:#slo-tickets", "--ticket-hours", "Mon-Fri 09:00-17:00 Europe/Berlin"],
]


def test_old_and_new_versions_are_here():
    assert all(unpacked(suite, "prometheus-alertmanager") for suite in ("trixie", "forky")), "run scripts/servers"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_every_version_accepts_it(spec, version, tmp_path):
    for options in [EVERYTHING, ["--page", "webhook:http://127.0.0.1:9/", "--ticket", "webhook:http://127.0.0.1:9/"]]:
        path = tmp_path / "alertmanager.yml"
        path.write_text(generate(*options, spec=spec, version=version).stdout)
        done = subprocess.run([INSTALLED[version][1], "check-config", str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_addresses_in_files_are_for_versions_that_read_them(version, tmp_path):
    done = generate("--page", "webhook", "--ticket", "webhook", version=version, check=False)
    if version == "0.25":
        assert done.returncode == 1 and "or upgrade to 0.26" in done.stderr
        return
    path = tmp_path / "alertmanager.yml"
    path.write_text(done.stdout)
    subprocess.run([INSTALLED[version][1], "check-config", str(path)], check=True)


ROUTES = [
    ({"service": "checkout", "slo": "availability", "team": "payments", "severity": "page"}, "slo-payments-page"),
    ({"service": "checkout", "slo": "availability", "team": "payments", "severity": "ticket"}, "slo-payments-ticket"),
    ({"service": "search", "slo": "latency", "team": "discovery", "severity": "page"}, "slo-discovery-page"),
    ({"service": "shop", "slo": "groups", "team": "of-a-group", "severity": "page"}, "slo-default-page"),
    ({"service": "shop", "slo": "groups", "team": "of-a-group", "severity": "ticket"}, "slo-default-ticket"),
    ({"service": "shop", "slo": "groups", "severity": "unknown"}, "slo-default-page"),
    ({"alertname": "DiskFull", "severity": "page", "team": "payments"}, "not-of-slos"),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("labels", "receiver"), ROUTES)
def test_the_routing_table(labels, receiver, version, tmp_path):
    path = tmp_path / "alertmanager.yml"
    path.write_text(generate(*EVERYTHING, version=version).stdout)
    command = [INSTALLED[version][1], "config", "routes", "test", f"--config.file={path}", f"--verify.receivers={receiver}"]
    done = subprocess.run([*command, *(f"{name}={value}" for name, value in labels.items())], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_labels_of_the_routes_are_those_of_the_rules():
    """Every alert that the rules can send has a receiver of its own severity and team."""
    config = yaml.safe_load(generate(*EVERYTHING).stdout)
    for document in yaml.safe_load(subprocess.run([SLO, "generate", SPEC], capture_output=True, text=True, check=True).stdout)["groups"]:
        for rule in document["rules"]:
            if "alert" not in rule:
                continue
            labels = rule["labels"]
            [route] = [route for route in config["route"]["routes"] if f'team="{labels["team"]}"' in route["matchers"] and f'severity="{labels["severity"]}"' in route["matchers"]]
            assert route["receiver"] == f"slo-{labels['team']}-{labels['severity']}"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_knows_the_hours(version, tmp_path):
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    path = tmp_path / "alertmanager.yml"
    for first, last in itertools.product(days, days):
        for times in ["00:00-24:00", "22:00-06:00"] if (first, last) in [("Sat", "Sun"), ("Fri", "Mon")] else ["09:00-17:00"]:
            path.write_text(generate(*EVERYTHING[:-1], f"{first}-{last} {times}", version=version).stdout)
            done = subprocess.run([INSTALLED[version][1], "check-config", str(path)], capture_output=True, text=True)
            assert done.returncode == 0, (first, last, times, done.stdout + done.stderr)


GROUPS = """
version: slo/v1
service: shop
slos:
  - {name: groups, objective: 99%, window: 30d, by: [team], sli: {events: {total: t, bad: b}}}
  - {name: plain, objective: 99%, window: 30d, sli: {events: {total: t, bad: b}}}
---
version: slo/v1
service: paid
labels: {team: payments}
slos:
  - {name: plain, objective: 99%, window: 30d, sli: {events: {total: t, bad: b}}}
"""
MERGED = [
    ({"service": "shop", "slo": "groups", "team": "of-a-group", "severity": "page"}, "slo-default-page"),
    ({"service": "shop", "slo": "groups", "team": "of-a-group", "severity": "ticket"}, "slo-default-ticket"),
    ({"service": "shop", "slo": "plain", "severity": "ticket"}, "slo-default-ticket"),
    ({"service": "shop", "slo": "plain", "team": "of-others", "severity": "page"}, "mine"),
    ({"service": "other", "slo": "groups", "team": "of-others", "severity": "page"}, "mine"),
    ({"service": "other", "slo": "plain", "severity": "ticket"}, "mine"),
    ({"service": "paid", "slo": "plain", "team": "payments", "severity": "page"}, "slo-payments-page"),
    ({"service": "other", "slo": "plain", "team": "payments", "severity": "page"}, "mine"),
    # Not of SLOs, though of a service that has some.
    ({"service": "paid", "alertname": "HighCPU", "team": "payments", "severity": "page"}, "mine"),
    ({"service": "shop", "alertname": "HighCPU", "severity": "ticket"}, "mine"),
]


SEVERITIES = """
version: slo/v1
service: pay
labels: {team: payments}
slos:
  - {name: plain, objective: 99%, window: 30d, sli: {events: {total: t, bad: b}}, alerting: {page: {silent: true}}}
---
version: slo/v1
service: shop
slos:
  - {name: groups, objective: 99%, window: 30d, by: [team], sli: {events: {total: t, bad: b}}}
"""


def test_a_team_hears_of_its_groups_whatever_alerts_of_its_own_it_has(tmp_path):
    spec, path = tmp_path / "spec.yaml", tmp_path / "alertmanager.yml"
    spec.write_text(SEVERITIES)
    for options in [[], ["--fragment"]]:
        config = yaml.safe_load(generate(*EVERYTHING, *options, spec=spec).stdout)
        config["route"]["receiver"] = config["receivers"][0]["name"]
        path.write_text(yaml.safe_dump(config))
        for severity in ("page", "ticket"):
            command = [INSTALLED[VERSIONS[0]][1], "config", "routes", "test", f"--config.file={path}"]
            labels = [f"--verify.receivers=slo-payments-{severity}", "service=shop", "slo=groups", "team=payments", f"severity={severity}"]
            done = subprocess.run([*command, *labels], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def test_a_fragment_merges_into_a_configuration(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(GROUPS)
    fragment = yaml.safe_load(generate(*EVERYTHING, "--fragment", spec=spec).stdout)
    own = {"route": {"receiver": "mine"}, "receivers": [{"name": "mine"}]}
    own["route"]["routes"] = fragment["route"]["routes"]
    own["receivers"] += fragment["receivers"]
    own |= {name: fragment[name] for name in ("inhibit_rules", "time_intervals")}
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump(own))
    amtool = INSTALLED[VERSIONS[0]][1]
    subprocess.run([amtool, "check-config", str(path)], check=True)
    for labels, receiver in MERGED:
        command = [amtool, "config", "routes", "test", f"--config.file={path}", f"--verify.receivers={receiver}"]
        done = subprocess.run([*command, *(f"{name}={value}" for name, value in labels.items())], capture_output=True, text=True)
        assert done.returncode == 0, (labels, done.stdout + done.stderr)


def test_writes_a_file_whole_or_says_why_not(tmp_path):
    path = tmp_path / "deep" / "alertmanager.yml"
    done = generate(*EVERYTHING, "--out", path)
    assert done.stdout == "" and done.stderr.strip() == str(path) and path.read_text().startswith("# Generated by slo")
    done = generate("--page", "pagerduty", check=False)
    assert done.returncode == 2 and "there is no channel for a ticket" in done.stderr and "--ticket slack:#channel" in done.stderr
    done = generate("--page", "carrier-pigeon", check=False)
    assert done.returncode == 2 and "slack:#channel" in done.stderr
    done = generate("--page", "webhook:https://me:hunter2@", check=False)
    assert done.returncode == 2 and "`webhook:…`" in done.stderr and "hunter2" not in done.stderr


CHANNELS = ["pagerduty", "opsgenie", "email:{team}@example.org", "slack:#slo", "msteams", "discord", "webhook"]
MAIL = ["--smtp", "mail.example.org:587", "--smtp-from", "slo@example.org", "--smtp-username", "slo"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_channel_is_known_to_the_version_that_reads_it(version, tmp_path):
    amtool, path = INSTALLED[version][1], tmp_path / "alertmanager.yml"
    for channel in CHANNELS:
        done = generate("--page", channel, "--ticket", channel, *MAIL, version=version, check=False)
        if done.returncode:
            # Refused, with the version that it takes.
            assert version == "0.25" and channel in ("msteams", "discord", "webhook"), (version, channel, done.stderr)
            assert "upgrade to 0.2" in done.stderr
            continue
        path.write_text(done.stdout)
        checked = subprocess.run([amtool, "check-config", str(path)], capture_output=True, text=True)
        assert checked.returncode == 0, (channel, checked.stdout + checked.stderr)
        command = [amtool, "config", "routes", "test", f"--config.file={path}", "--verify.receivers=slo-payments-page"]
        found = subprocess.run([*command, "service=checkout", "slo=availability", "team=payments", "severity=page",
                                "alertname=SLOErrorBudgetBurn"], capture_output=True, text=True)
        assert found.returncode == 0, (channel, found.stdout + found.stderr)
    done = generate("--page", "email:a@b", "--ticket", "email:a@b", check=False)
    assert done.returncode == 1 and "--smtp" in done.stderr


def free_port():
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return candidate.getsockname()[1]


class Alertmanager:
    def __init__(self, version, config, folder):
        self.url = f"http://127.0.0.1:{free_port()}"
        (folder / "alertmanager.yml").write_text(config)
        command = [
            INSTALLED[version][0],
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/data",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=1).read()
                return
            except OSError:
                assert self.process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        raise AssertionError("Alertmanager does not come up")

    def send(self, *alerts, annotations=None):
        """Each as labels, and whether it fires."""
        now = datetime.datetime.now(datetime.UTC)
        body = []
        for labels, fires in alerts:
            alert = {"labels": labels, "annotations": {"summary": f"{labels['service']}/{labels['slo']} burns", "description": "…"}}
            alert["annotations"] |= annotations or {}
            # Of now, as Prometheus says of an alert that begins to fire: an old one does not wait for its group.
            alert["startsAt"] = now.isoformat()
            alert["endsAt"] = (now + datetime.timedelta(hours=1 if fires else 0)).isoformat()
            body.append(alert)
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v2/alerts", json.dumps(body).encode(), headers)
        urllib.request.urlopen(request, timeout=10).read()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@contextlib.contextmanager
def started(version, folder, *options):
    """An Alertmanager with the routes of `options`, by a faster clock, and who hears of it."""
    receivers, secrets = Receivers(), folder / "secrets"
    for team in ("payments", "discovery", "identity"):
        (secrets / team).mkdir(parents=True)
        (secrets / team / "pagerduty-routing-key").write_text("0123456789abcdef0123456789abcdef")
        (secrets / team / "slack-url").write_text(f"{receivers.url}/slack/{team}")
    channels = ["--page", "pagerduty", "--page", f"webhook:{receivers.url}/webhook/page"]
    channels += ["--ticket", "slack:#slo-tickets", "--ticket", f"webhook:{receivers.url}/webhook/ticket"]
    config = generate(*channels, "--secrets", secrets, *options, version=version).stdout
    for slow, fast in [("group_wait: 10s", "group_wait: 1s"), ("group_wait: 5m", "group_wait: 4s")]:
        assert slow in config
        config = config.replace(slow, fast)
    config = re.sub("group_interval: .*", "group_interval: 1s", config)
    config = config.replace("route:\n", f"global: {{pagerduty_url: '{receivers.url}/pagerduty'}}\nroute:\n", 1)
    alertmanager = Alertmanager(version, config, folder)
    try:
        yield alertmanager, receivers
    finally:
        alertmanager.stop()
        receivers.server.shutdown()
        print((folder / "log").read_text()[-3000:])


@pytest.fixture(params=VERSIONS)
def world(request, tmp_path):
    with started(request.param, tmp_path) as both:
        yield both


def alert(slo, severity, service="checkout", team="payments", **more):
    tier = "fast" if severity == "page" else "slow"
    return {"alertname": "SLOErrorBudgetBurn", "service": service, "slo": slo, "team": team, "severity": severity, "burn_tier": tier, **more}


def test_an_outage_reaches_the_right_people_once(world):
    alertmanager, receivers = world
    pages, tickets = [alert(slo, "page") for slo in ("availability", "latency")], [alert("availability", "ticket")]
    alertmanager.send(*((one, True) for one in pages + tickets))
    receivers.wait("the page", lambda: receivers.of("webhook", "page") and receivers.of("pagerduty"))
    time.sleep(6)
    # Two SLOs of one outage are one notification, and the ticket is silent while the page fires.
    [page] = receivers.of("webhook", "page")
    assert sorted(one["labels"]["slo"] for one in page["alerts"]) == ["availability", "latency"]
    assert page["receiver"] == "slo-payments-page" and page["status"] == "firing"
    [trigger] = receivers.of("pagerduty")
    assert trigger["event_action"] == "trigger" and trigger["payload"]["severity"] == "critical"
    assert "checkout: 2 alerts on SLOs" in trigger["payload"]["summary"]
    assert receivers.of("slack") == [] and receivers.of("webhook", "ticket") == []

    # One of them is over: still the same incident. Both are: it is resolved, once, and the ticket is due.
    alertmanager.send((pages[1], False), (pages[0], True))
    time.sleep(3)
    alertmanager.send((pages[0], False), (pages[1], False), (tickets[0], True))
    receivers.wait("the end", lambda: [m for m in receivers.of("pagerduty") if m["event_action"] == "resolve"])
    receivers.wait("the ticket", lambda: receivers.of("slack"))
    time.sleep(3)
    [resolve] = [message for message in receivers.of("pagerduty") if message["event_action"] == "resolve"]
    assert resolve["dedup_key"] == trigger["dedup_key"]
    assert [m["status"] for m in receivers.of("webhook", "page")].count("resolved") == 1
    [ticket] = receivers.of("slack")
    assert ticket["channel"] == "#slo-tickets" and "availability" in ticket["attachments"][0]["title"]
    assert receivers.refused == []


def test_slack_is_told_what_it_does_not_act_on(world):
    alertmanager, receivers = world
    sly = alert("availability", "ticket") | {"slo": "availability"}
    alertmanager.send((sly, True), annotations={"summary": "<!channel> a & b", "description": "<http://evil|click>"})
    receivers.wait("the ticket", lambda: receivers.of("slack"))
    [ticket] = receivers.of("slack")
    assert "&lt;!channel&gt; a &amp; b" in ticket["attachments"][0]["title"]
    assert "&lt;http://evil|click&gt;" in ticket["attachments"][0]["text"]


def test_a_page_does_not_silence_the_tickets_of_others(world):
    alertmanager, receivers = world
    alertmanager.send(
        (alert("availability", "page"), True),
        (alert("latency", "ticket"), True),
        (alert("availability", "ticket", service="search", team="discovery"), True),
    )
    receivers.wait("both tickets", lambda: len(receivers.of("webhook", "ticket")) == 2)
    assert {m["receiver"] for m in receivers.of("webhook", "ticket")} == {"slo-payments-ticket", "slo-discovery-ticket"}
    receivers.wait("the page", lambda: receivers.of("pagerduty"))
    assert receivers.refused == []


def test_a_ticket_waits_for_its_hours(tmp_path):
    # They begin with a minute: the next one, or that after it where there is no time to wait.
    begin = datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0) + datetime.timedelta(minutes=1)
    if begin - datetime.datetime.now(datetime.UTC) < datetime.timedelta(seconds=15):
        begin += datetime.timedelta(minutes=1)
    hours = f"Mon-Sun {begin:%H:%M}-{begin + datetime.timedelta(hours=2):%H:%M}"
    with started(VERSIONS[-1], tmp_path, "--ticket-hours", hours) as (alertmanager, receivers):
        alertmanager.send((alert("availability", "ticket"), True), (alert("latency", "page"), True))
        receivers.wait("the page", lambda: receivers.of("pagerduty"))
        while datetime.datetime.now(datetime.UTC) < begin - datetime.timedelta(seconds=1):
            assert receivers.of("webhook", "ticket") == []
            time.sleep(0.5)
        receivers.wait("the ticket", lambda: receivers.of("webhook", "ticket"))
        assert datetime.datetime.now(datetime.UTC) >= begin
        assert receivers.refused == []


def test_a_page_silences_only_its_own_groups_and_nothing_else(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(GROUPS.replace("by: [team]", "by: [route]"))
    (tmp_path / "alertmanager.yml").write_text(
        generate("--page", "webhook:http://127.0.0.1:9/", "--ticket", "webhook:http://127.0.0.1:9/", spec=spec, version=VERSIONS[-1]).stdout
    )
    alertmanager = Alertmanager(VERSIONS[-1], (tmp_path / "alertmanager.yml").read_text(), tmp_path)
    try:
        silenced = [
            alert("groups", "ticket", "shop", "", route="/a"),
            # Whatever else the labels of the two say.
            alert("plain", "ticket", "shop", "", env="prod"),
        ]
        heard = [
            alert("groups", "ticket", "shop", "", route="/b"),
            alert("plain", "ticket", "paid", "payments"),
            {"alertname": "DiskWillFill", "service": "paid", "severity": "ticket", "slo": ""},
        ]
        pages = [
            alert("groups", "page", "shop", "", route="/a"),
            alert("plain", "page", "shop", "", env="dev"),
            {"alertname": "DiskIsFull", "service": "paid", "severity": "page", "slo": ""},
        ]
        alertmanager.send(*((one, True) for one in pages))
        time.sleep(1)
        alertmanager.send(*((one, True) for one in silenced + heard))
        time.sleep(1)
        with urllib.request.urlopen(f"{alertmanager.url}/api/v2/alerts", timeout=10) as answer:
            found = json.load(answer)
        key = lambda labels: json.dumps({name: value for name, value in labels.items() if value}, sort_keys=True)
        states = {key(one["labels"]): one["status"]["state"] for one in found}
        assert [states[key(one)] for one in silenced] == ["suppressed"] * 2
        # Not processed yet, where their groups still wait.
        assert {states[key(one)] for one in heard + pages} <= {"active", "unprocessed"}
    finally:
        alertmanager.stop()
