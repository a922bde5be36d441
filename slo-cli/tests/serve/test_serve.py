"""`slo serve` when what it needs is away or full, and when alerts are hostile."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples" / "incident-response"))
from story import ROUTING_KEY, built, wait_for  # noqa: E402
from vendors import Vendors  # noqa: E402

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts are root's to make: run the tests as root")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def alert(group="g", status="firing", starts="2026-11-23T06:27:20Z", labels=None, annotations=None):
    return {
        "version": "4", "groupKey": group, "status": status, "receiver": "slo", "truncatedAlerts": 0,
        "alerts": [{
            "status": status, "labels": {"alertname": "SLOBurn", "service": "checkout", "severity": "page", **(labels or {})},
            "annotations": {"summary": "checkout burns its budget", **(annotations or {})},
            "startsAt": starts, "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-23T07:27:20Z",
        }],
    }  # fmt: skip


class Server:
    """`slo serve` in a folder, with stand-ins for PagerDuty and Slack."""

    def __init__(self, folder, vendors, store="sqlite:slo.db", more="", headers=None):
        self.folder, self.vendors, self.port = pathlib.Path(folder), vendors, free_port()
        self.headers = headers or {}
        (self.folder / "pagerduty").write_text(ROUTING_KEY)
        (self.folder / "slack").write_text(f"{vendors.url}/slack")
        self.store = store
        (self.folder / "serve.yaml").write_text(f"""
version: slo-server/v1
listen: 127.0.0.1:{self.port}
store: {store}
notify:
  pagerduty: {{routing_key_file: pagerduty, url: "{vendors.url}"}}
  slack: {{webhook_file: slack}}
{more}""")
        self.log = self.folder / "serve.log"

    def __enter__(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([built("slo"), "serve", self.folder / "serve.yaml"], stdout=log, stderr=log, cwd=self.folder)
        wait_for("slo serve", lambda: "listening" in self.log.read_text(), 20)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=40)

    def post(self, body, path="/alerts/alertmanager", headers=(), scheme="http", context=None):
        """The status of a post, and its headers."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{scheme}://localhost:{self.port}{path}", data, {"Content-Type": "application/json", **dict(headers)})
        try:
            with urllib.request.urlopen(request, timeout=15, context=context) as response:
                return response.status, response.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers

    def incidents(self, *options):
        store = self.store if "://" in self.store else f"sqlite:{self.folder}/slo.db"
        command = [built("slo"), "incidents", *options, "--store", store]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def listed(self):
        return json.loads(self.incidents("list", "--format", "json"))

    def record(self, incident):
        return json.loads(self.incidents("show", incident, "--format", "json"))["record"]

    def sent(self, incident, target):
        """What came of each attempt to tell somebody."""
        return [entry["outcome"] for entry in self.record(incident) if entry["event"] == "sent" and entry["target"] == target]


@pytest.fixture
def vendors():
    with Vendors() as vendors:
        yield vendors


def accepted(server, incident, target):
    return wait_for(f"{target} was told", lambda: "accepted" in str(server.sent(incident, target)), 60)


def test_deployments_are_told_once_and_are_in_the_incident(tmp_path, vendors):
    body = {"service": "checkout", "version": "2.4.0 <!channel>", "at": "2026-11-23T06:20:00Z", "url": "https://ci.example.com/7"}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    vendors.behave["pagerduty"] = 503
    with Server(tmp_path, vendors) as server:
        path = "/api/v1/deployments"
        assert server.post({**body, "at": now, "version": "2.5.0"}, path)[0] == 201
        assert server.post({**body, "at": now, "version": "2.5.0", "who": "ci"}, path)[0] == 200
        assert server.post(body, path)[0] == 201
        assert server.post({**body, "service": "cart"}, path)[0] == 201
        time.sleep(3)
        assert vendors.changes == []
    # The server is told to end, and the next one tells PagerDuty what the first one could not.
    vendors.behave["pagerduty"] = None
    with Server(tmp_path, vendors) as server:
        (change,) = wait_for("the change event", lambda: vendors.changes, 30)
        # Those of last month are no news.
        assert change["payload"]["summary"] == "checkout 2.5.0 went live" and change["payload"]["custom_details"]["who"] == "ci"
        assert change["links"] == [{"href": "https://ci.example.com/7", "text": "deployment"}]
        server.post(alert())
        (one,) = server.listed()
        accepted(server, one["incident"], "slack")
        told = "checkout 2.4.0 <!channel> went live at 2026-11-23T06:20:00Z (a responder)"
        wait_for("the deployment", lambda: told in server.incidents("show", one["incident"]), 20)
        assert "cart 2.4.0" not in server.incidents("show", one["incident"])
        assert "<!channel>" not in json.dumps(vendors.messages)
        for wrong, why in [
            ({"version": "1"}, "service"),
            ({**body, "service": "a b"}, "a b"),
            ({**body, "at": "2999-01-01T00:00:00Z"}, "future"),
            ({**body, "committed_at": "2026-11-24T00:00:00Z"}, "before that"),
            ({**body, "url": "javascript:alert(1)"}, "web address"),
            ({**body, "vesion": "1"}, "vesion"),
        ]:
            assert server.post(wrong, path)[0] == 400, why
    store = f"sqlite:{tmp_path}/slo.db"
    listed = subprocess.run([built("slo"), "deployments", "list", "--store", store, "--format", "json"], capture_output=True, text=True, check=True)
    assert [(one["service"], one["version"]) for one in json.loads(listed.stdout)][-1] == ("checkout", "2.5.0")
    assert len(vendors.changes) == 1 and vendors.refused == []


@needs_root
def test_a_full_disk_is_503_and_nothing_that_got_a_2xx_is_lost(tmp_path, vendors):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        with Server(tmp_path, vendors, store=f"sqlite:{disk}/slo.db") as server:
            server.store = f"sqlite:{disk}/slo.db"
            statuses = {}
            for number in range(40):
                status, headers = server.post(alert(group=f"g{number}", annotations={"description": "x" * 50_000}))
                statuses[f"g{number}"] = status
                if status != 200:
                    assert (status, headers["Retry-After"]) == (503, "1")
            assert 503 in statuses.values() and 200 in statuses.values()
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            for group, status in statuses.items():
                if status == 503:
                    wait_for("room", lambda group=group: server.post(alert(group=group))[0] == 200, 20)
            store = ["--store", server.store]
            listed = json.loads(subprocess.run([built("slo"), "incidents", "list", "--format", "json", *store], check=True, capture_output=True).stdout)
            assert len(listed) == 40
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_store_that_is_gone_is_503_until_it_is_back(tmp_path, vendors):
    with Server(tmp_path, vendors) as server:
        assert server.post(alert("before"))[0] == 200
        wait_for("rest", lambda: len(vendors.messages) == 1 and len(vendors.events) == 1, 20)
        for name in ("slo.db", "slo.db-wal", "slo.db-shm"):
            with contextlib.suppress(FileNotFoundError):
                shutil.move(tmp_path / name, tmp_path / f"away-{name}")
        assert server.post(alert("during"))[0] == 503
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=5)
        for name in ("slo.db", "slo.db-wal", "slo.db-shm"):
            with contextlib.suppress(FileNotFoundError):
                shutil.move(tmp_path / f"away-{name}", tmp_path / name)
        wait_for("the store", lambda: server.post(alert("during"))[0] == 200, 20)
        assert len(server.listed()) == 2


def test_pagerduty_that_is_busy_is_told_later(tmp_path, vendors):
    vendors.behave["pagerduty"] = 429
    with Server(tmp_path, vendors) as server:
        server.post(alert())
        (one,) = server.listed()
        wait_for("a refusal", lambda: server.sent(one["incident"], "pagerduty"), 20)
        vendors.behave["pagerduty"] = None
        accepted(server, one["incident"], "pagerduty")
        first, *_, last = [entry for entry in server.record(one["incident"]) if entry.get("target") == "pagerduty" and entry["event"] == "sent"]
        # It says `Retry-After: 2`.
        assert first["outcome"]["outcome"] == "failed" and last["at"] - first["at"] >= 1_900
        assert len(vendors.events) == 1


def test_what_pagerduty_refuses_is_not_sent_again(tmp_path, vendors):
    vendors.behave["pagerduty"] = 400
    with Server(tmp_path, vendors) as server:
        server.post(alert())
        (one,) = server.listed()
        wait_for("a refusal", lambda: server.sent(one["incident"], "pagerduty"), 20)
        time.sleep(3)
        (outcome,) = server.sent(one["incident"], "pagerduty")
        assert outcome == {"outcome": "refused", "reason": "400 Bad Request: told to"}
        # Slack is told all the same, and so is the end.
        accepted(server, one["incident"], "slack")
        vendors.behave["pagerduty"] = None
        server.post(alert(status="resolved"))
        wait_for("the end", lambda: vendors.events and vendors.events[-1]["event_action"] == "resolve", 20)


def test_a_slow_pagerduty_is_asked_again_and_keeps_nobody_waiting(tmp_path, vendors):
    vendors.behave["pagerduty"] = "slow"
    with Server(tmp_path, vendors) as server:
        start = time.monotonic()
        server.post(alert())
        assert time.monotonic() - start < 5
        wait_for("Slack", lambda: vendors.messages, 5)
        (one,) = server.listed()
        wait_for("no answer", lambda: server.sent(one["incident"], "pagerduty"), 20)
        (outcome,) = server.sent(one["incident"], "pagerduty")
        assert (outcome["reason"], outcome["may_have_arrived"]) == ("no answer in time", True)
        vendors.behave["pagerduty"] = None
        accepted(server, one["incident"], "pagerduty")
        # It is one alert there, by its key.
        assert len(vendors.alerts[one["incident"]]) == 1


def test_slack_is_down_and_told_once_when_it_is_back(tmp_path, vendors):
    vendors.behave["slack"] = 503
    with Server(tmp_path, vendors) as server:
        server.post(alert())
        wait_for("PagerDuty", lambda: vendors.events, 10)
        (one,) = server.listed()
        wait_for("attempts", lambda: len(server.sent(one["incident"], "slack")) >= 3, 20)
        server.post(alert(status="resolved"))
        vendors.behave["slack"] = None
        accepted(server, one["incident"], "slack")
        (message,) = vendors.messages
        assert message["text"].startswith("Resolved: "), "what is over is told as over, once"


def test_many_incidents_wait_for_slack_and_not_for_each_other(tmp_path, vendors):
    """A hundred incidents at once: Slack takes one a second, and every diagnosis is made long before."""
    runbooks = 'runbooks: {look: {when: {severity: page}, steps: [{diagnose: {command: [/bin/echo, found]}}], concurrent: true}}'
    with Server(tmp_path, vendors, more=runbooks) as server:
        for number in range(100):
            assert server.post(alert(group=f"g{number}"))[0] == 200

        def all_diagnosed():
            return all(step["state"] == "succeeded" for one in server.listed() for step in one["steps"] or [{"state": "none"}])

        wait_for("diagnoses", all_diagnosed, 20)
        assert len(vendors.messages) < 25
        assert vendors.refused == []


HOSTILE = {
    "shell": "$(touch pwned); `touch pwned` && touch pwned | touch pwned > pwned",
    "quotes": "'\"\\'\n\r\t;--",
    "mention": "<!channel> <@U123> <https://evil|click> @here",
    "template": "{{ .Secret }} ${HOME} %s%n",
    "terminal": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "long": "ä" * 100_000,
    "bidi": "\u202egnp.exe\u2066",
    "path": "../../../../etc/passwd\0.txt",
    "log": "fine\n2026-11-23T06:27:20Z ERROR forged",
    "secret": "Authorization: Bearer abcdefghijklmnop password='correct horse battery'",
}


def test_hostile_alerts_are_text_and_nothing_else(tmp_path, vendors):
    runbooks = """
runbooks:
  look:
    when: {severity: page}
    concurrent: true
    steps: [{diagnose: {command: [/usr/bin/printf, "%s", "{value}"]}}, {name: stdin, diagnose: {command: [/usr/bin/wc, -c]}}]
    parameters: {value: {from: labels.value, pattern: "(?s).*", longest: 4096}}
"""
    with Server(tmp_path, vendors, more=runbooks) as server:
        for name, text in HOSTILE.items():
            labels = {"value": text, name: text, "alertname": text}
            annotations = {"summary": text, "description": text, "runbook_url": text}
            status, _ = server.post(alert(group=text[:50] + name, labels=labels, annotations=annotations))
            assert status == 200, name
        wait_for("messages", lambda: len(vendors.messages) >= 10, 40)
        wait_for("all of it", lambda: all(step["state"] not in ("waiting", "running") for one in server.listed() for step in one["steps"]), 20)
        assert vendors.refused == []
        assert not list(tmp_path.glob("**/pwned"))
        shown = server.incidents("list") + "".join(server.incidents("show", one["incident"]) for one in server.listed())
        drafts = "".join(server.incidents("postmortem", one["incident"]) for one in server.listed())
        everything = shown + drafts + json.dumps(vendors.events) + json.dumps(vendors.messages) + server.log.read_text()
        for forbidden in ("\x1b", "\x9b", "\u202e", "\0"):
            assert forbidden not in shown + drafts + server.log.read_text(), repr(forbidden)
        for secret in ("abcdefghijklmnop", "horse battery"):
            assert secret not in everything, secret
        assert "\n2026-11-23T06:27:20Z ERROR" not in shown + server.log.read_text()


def test_only_those_may_who_know_the_secret(tmp_path, vendors):
    (tmp_path / "bearer").write_text("long-and-secret")
    with Server(tmp_path, vendors, more="intake: {bearer_file: bearer}") as server:
        assert server.post(alert())[0] == 401
        assert server.post(alert(), headers={"Authorization": "Bearer long-and-secrez"})[0] == 401
        assert server.post(alert(), headers={"Authorization": "Bearer long-and-secret"})[0] == 200
        # A page in a browser of this machine may not act.
        incident = server.listed()[0]["incident"]
        path, deed = f"/api/v1/incidents/{incident}", {"action": "acknowledge"}
        assert server.post(deed, path, {"Origin": "https://evil.example"})[0] == 403
        assert server.post(deed, path, {"Host": "evil.example"})[0] == 401
        assert server.post(deed, path)[0] == 200
        assert server.post(b"{", headers={"Authorization": "Bearer long-and-secret"})[0] == 400


def test_the_intake_has_tls(tmp_path, vendors):
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    with Server(tmp_path, vendors, more="tls: {certificate_file: cert.pem, key_file: key.pem}") as server:
        trusting = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        assert server.post(alert(), scheme="https", context=trusting)[0] == 200
        with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
            server.post(alert(), scheme="https", context=ssl.create_default_context())
        with pytest.raises((OSError, http.client.HTTPException)):
            server.post(alert())


def test_what_a_sender_forgot_is_ended_by_hand(tmp_path, vendors):
    with Server(tmp_path, vendors) as server:
        server.post(alert())
        wait_for("PagerDuty", lambda: vendors.events, 10)
        (one,) = server.listed()
        assert "ann closed the episode" in server.incidents("close", one["incident"], "--who", "ann")
        wait_for("the end", lambda: vendors.events[-1]["event_action"] == "resolve", 20)
        assert server.listed()[0]["state"] == "resolved"


def test_memory_stays_bounded_under_large_deliveries(tmp_path, vendors):
    """Forty senders at once, with 15 MiB each: some must come again, and the process stays small."""
    body = json.dumps(alert(annotations={"description": "x" * (15 << 20)})).encode()
    with Server(tmp_path, vendors) as server:
        import concurrent.futures

        def send(number):
            data = body.replace(b'"groupKey": "g"', f'"groupKey": "g{number}"'.encode())
            try:
                return server.post(data)[0]
            except OSError:
                return 0

        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            statuses = list(pool.map(send, range(40)))
        assert set(statuses) <= {200, 503, 0} and statuses.count(200) > 0
        peak = next(line for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
        assert int(peak.split()[1]) < 1_500_000, peak


def test_toil_is_hours_of_the_file_and_of_the_record(tmp_path, vendors):
    with Server(tmp_path, vendors, more="runbooks: {restart: {when: {severity: page}, steps: [{diagnose: {command: [/bin/true]}}]}}") as server:
        server.post(alert())
        server.post(alert("h"))
        for one in wait_for("two incidents", lambda: len(listed := server.listed()) == 2 and listed, 20):
            server.incidents("acknowledge", one["incident"])
        [first, second] = server.listed()
        time.sleep(2)
        server.incidents("mitigated", first["incident"])
    week = time.strftime("%G-W%V", time.gmtime())
    (tmp_path / "toil.yaml").write_text(
        f"version: slo-toil/v1\nweeks: [{{week: {week}, worked: 1h, toil: {{certificates: 18m}}}}, {{week: 2020-W01, worked: 1h}}]\n"
    )
    command = [built("slo"), "toil", tmp_path / "toil.yaml", "--config", tmp_path / "serve.yaml"]
    done = subprocess.run([*command, "--format", "json"], check=True, capture_output=True, text=True, cwd=tmp_path)
    report = json.loads(done.stdout)
    by_name = {source["name"]: source for source in report["sources"]}
    assert by_name["certificates"]["hours"] == 0.3 and by_name["certificates"]["runs"] is None
    assert by_name["restart"]["runs"] == 1 and 2 <= by_name["restart"]["hours"] * 3_600 < 60
    assert report["share"] == pytest.approx((0.3 + by_name["restart"]["hours"]) / 2) and (report["verdict"], report["interval"]) == ("uncertain", None)
    assert report["unfinished"] == 1 and "answers to alerts that have not ended are not in the numbers: 1" in done.stderr
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert "in 2 weeks was toil; from 8 weeks on, there is an interval" in told
