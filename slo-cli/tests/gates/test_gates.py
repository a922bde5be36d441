"""Releases, judged by `slo gate` and by the API of `slo serve`, on a real Prometheus."""

import base64
import datetime
import itertools
import json
import subprocess
import time
import urllib.error
import urllib.request

import jsonschema
import pytest
from releases import ROOT, Shop, Version, built, free_ports, get, wait_for

numbers = itertools.count(2)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("gates")) as shop:
        yield shop


@pytest.fixture
def release(shop):
    """Starts a new version, and ends it: its name, and the time of its start."""

    def begin(rate, bad):
        name = str(next(numbers))
        shop.versions[name] = Version(rate, bad)
        wait_for("the version", lambda: f'"{name}"' in get(f'{shop.prometheus}/api/v1/query?query=shop_requests_total{{version="{name}"}}'), 10)
        return name, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    yield begin
    for name in [name for name in shop.versions if name != "1"]:
        del shop.versions[name]
    shop.versions["1"].turns(200, 0.001)


def gate(shop, *words, prometheus=None):
    command = [built("slo"), "gate", "slo.yaml", "--prometheus", prometheus or shop.prometheus, *words, "--format", "json"]
    ran = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, timeout=120)
    return ran.returncode, json.loads(ran.stdout) if ran.stdout else None, ran.stderr


def test_a_good_version_passes_and_a_harmful_one_fails(shop, release):
    good, since = release(100, 0.002)
    code, report, _ = gate(shop, "--new", f"version={good}", "--since", since, "--wait", "30s")
    assert (code, report["verdict"]) == (0, "pass")
    slo = report["slos"][0]
    assert slo["slo"] == "shop/availability" and slo["compared_with"] == "objective" and slo["harmful_from"] == 0.06
    assert 0 < slo["events"] < 3_000 and slo["p_if_harmful"] <= 0.05
    bad, since = release(100, 0.5)
    code, report, error = gate(shop, "--new", f"version={bad}", "--old", "version=1", "--since", since, "--wait", "30s")
    assert (code, report["verdict"]) == (1, "fail")
    assert report["slos"][0]["p_if_good"] <= 0.01 and "of the old version" in error
    # What Prometheus counted is what the service counted, up to the events of a second.
    assert abs(report["slos"][0]["error_ratio"] - 0.5) < 0.05


def test_no_traffic_is_inconclusive_and_says_how_much_is_missing(shop, release):
    idle, since = release(0, 0)
    code, report, error = gate(shop, "--new", f"version={idle}", "--since", since, "--wait", "2s")
    slo = report["slos"][0]
    assert (code, report["verdict"], slo["events"], slo["events_needed"]) == (4, "inconclusive", 0, 58)
    assert "58 good events would pass it" in error
    code, report, _ = gate(shop, "--new", "version=none", "--since", since)
    assert (code, report["slos"][0]["events"]) == (4, 0)


def test_an_outage_of_both_versions_is_not_the_new_one(shop, release):
    shop.versions["1"].turns(200, 0.3)
    new, since = release(100, 0.3)
    alone = gate(shop, "--new", f"version={new}", "--since", since, "--wait", "20s")
    assert alone[0] == 1
    beside, report, _ = gate(shop, "--new", f"version={new}", "--old", "version=1", "--since", since, "--wait", "20s")
    assert beside == 0, report


def test_after_is_compared_with_before(shop, release):
    # Longer than the time before, which would have the outage of the last test in it.
    time.sleep(8)
    # The new version takes the place of the old one.
    shop.versions["1"].turns(0, 0)
    _, since = release(400, 0.2)
    code, report, error = gate(shop, "--before", "5s", "--since", since, "--wait", "20s")
    assert (code, report["slos"][0]["compared_with"]) == (1, "before")
    assert report["slos"][0]["old_events"] > 200 and "before it" in error


def test_given_counts_need_no_server(tmp_path):
    def judged(*words):
        ran = subprocess.run([built("slo"), "gate", "--objective", "99.9%", *words], capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    assert judged("--new-counts", "0/598")[0] == 0
    assert judged("--new-counts", "0/597")[0] == 4
    code, said = judged("--new-counts", "9/1000", "--old-counts", "3/9000")
    assert code == 1 and "9 of 1000 events of the new version are bad (0.90%, burn rate 9×), 3 of 9000 of the old version (0.03%)" in said
    assert judged("--new-counts", "9/1000", "--before-counts", "80/9000")[0] in (0, 4)
    assert judged("--new-counts", "9/3")[0] == 2
    for wrong in (["--new-counts", "3/9", "--harmful-burn-rate", "1"], ["--new-counts", "3/9", "--false-fail", "0%"]):
        assert judged(*wrong)[0] == 2


def test_a_server_that_is_away_is_told(shop):
    code, report, error = gate(shop, "--since", "1m", prometheus=f"http://127.0.0.1:{free_ports(1)}")
    assert (code, report) == (3, None) and "127.0.0.1" in error
    assert gate(shop)[0] == 2
    assert gate(shop, "--since", "2999-01-01T00:00:00Z")[0] == 2
    assert "is in none of the specs" in gate(shop, "--since", "1m", "--slo", "shop/none")[2]


GATES = """
version: slo-server/v1
listen: 127.0.0.1:{port}
specs: [slo.yaml]
prometheus: {{url: {prometheus}}}
access: {{viewers: {{basic_file: viewer}}}}
gates:
  beside: {{slos: [shop/availability], new: 'version="{{version}}"', old: 'version="1"'}}
  all: {{before: 10s}}
"""


@pytest.fixture(scope="module")
def server(shop):
    port = free_ports(1)
    (shop.folder / "viewer").write_text("flagger:secret")
    config = shop.folder / "serve.yaml"
    config.write_text(GATES.format(port=port, prometheus=shop.prometheus))
    assert subprocess.run([built("slo"), "serve", config, "--check"]).returncode == 0
    shop.start("serve", built("slo"), "serve", config)
    wait_for("slo serve", lambda: get(f"http://127.0.0.1:{port}/healthz"), 20)
    yield f"http://127.0.0.1:{port}/api/v1/gates"
    shop.end("serve")


DOCUMENT = json.loads((ROOT / "slo-server" / "src" / "serve" / "api" / "openapi.json").read_text())


def documented(url, status, body):
    """An answer is as the document says."""
    path = "/api/v1/gates/{name}" + "/".join(["", *url.split("/gates/")[1].split("/")[1:]])
    content = DOCUMENT["paths"][path]["post"]["responses"][str(status)]["content"]
    (found,) = content.values()
    jsonschema.Draft202012Validator({**found["schema"], "components": DOCUMENT["components"]}).validate(body)
    return status, body


def ask(url, body, credentials="flagger:secret"):
    headers = {"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=30) as response:
            return documented(url, response.status, json.load(response))
    except urllib.error.HTTPError as error:
        return documented(url, error.code, json.load(error))


def flagger(name, version):
    """What Flagger 1.36 sends to a webhook."""
    return {
        "name": name, "namespace": "shop", "phase": "Progressing", "checksum": f"85d557f47b{version}", "buildId": "",
        "type": "confirm-promotion", "failedChecks": 0, "canaryWeight": 50, "iterations": 0, "remainingRetries": 0,
        "metadata": {"version": version},
    }  # fmt: skip


def test_flagger_is_held_back_until_the_version_passes(shop, release, server):
    version, _ = release(100, 0.002)
    body = flagger("api", version)
    status, said = ask(f"{server}/beside/confirm", body)
    assert (status, said["verdict"]) == (403, "inconclusive")
    passed = wait_for("a pass", lambda: (found := ask(f"{server}/beside/confirm", body))[0] == 200 and found, 30)
    assert passed[1]["verdict"] == "pass" and passed[1]["gate"] == "beside"
    assert ask(f"{server}/beside/rollback", body)[0] == 403
    # It passed, and then it breaks.
    shop.versions[version].turns(100, 0.9)
    failed = wait_for("a fail", lambda: (found := ask(f"{server}/beside/rollback", body))[0] == 200 and found, 30)
    assert failed[1]["verdict"] == "fail"
    shop.versions[version].turns(100, 0.0)
    assert ask(f"{server}/beside/confirm", body)[0] == 403
    # The next release is another one.
    version, _ = release(0, 0)
    assert ask(f"{server}/beside", flagger("api", version))[1]["verdict"] == "inconclusive"


def test_argo_reads_the_verdict(shop, release, server):
    version, since = release(100, 0.5)
    body = {"version": version, "since": since}
    found = wait_for("a verdict", lambda: (found := ask(f"{server}/beside", body))[1]["verdict"] != "inconclusive" and found, 30)
    assert found[0] == 200 and found[1]["verdict"] == "fail" and found[1]["since"].startswith(since[:19])
    assert found[1]["slos"][0]["bad_events"] > 0 and "shop/availability: fail" in found[1]["because"][0]
    # Without labels of its own, a release is told from others by its time.
    assert ask(f"{server}/all", {"since": since})[1]["slos"][0]["compared_with"] == "before"


def test_what_is_asked_wrongly_is_refused(server):
    for path, body, status, told in [
        ("none", {}, 404, "there is no gate none"),
        ("beside", {}, 400, "the parameter `version` is missing"),
        ("beside", {"version": '1"} or up{x="'}, 400, "use letters"),
        ("beside", ["version"], 400, "no JSON object"),
        ("beside", {"version": "2", "since": "soon"}, 400, "soon"),
        ("beside", {"version": "2", "since": "2999-01-01T00:00:00Z"}, 400, "future"),
        ("all", {}, 400, "send `since`"),
    ]:
        code, problem = ask(f"{server}/{path}", body)
        assert (code, told in problem["detail"]) == (status, True), problem
    assert ask(f"{server}/all", {}, credentials="flagger:wrong")[0] == 401


def test_a_gate_that_no_spec_knows_is_refused_at_the_start(shop):
    config = shop.folder / "wrong.yaml"
    text = GATES.format(port=free_ports(1), prometheus=shop.prometheus).replace("shop/availability", "shop/latency")
    config.write_text(text)
    ran = subprocess.run([built("slo"), "serve", config, "--check"], capture_output=True, text=True)
    assert ran.returncode == 1 and "gates.beside: the SLO shop/latency is in none of the specs" in ran.stderr
