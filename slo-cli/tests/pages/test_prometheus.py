"""What pages say when Prometheus is away, slow, old, another program, or has half of the rules."""

import contextlib
import http.server
import re
import threading
import time
import urllib.request

import pytest
from site_of_tests import SPEC, ask, wait_for


class Between:
    """A proxy to Prometheus that can be told to misbehave."""

    def __init__(self, target):
        self.target, self.mode, self.asked = target, "pass", 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self):
                outer.answer(self, None)

            def do_POST(self):
                outer.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler, body):
        self.asked += 1
        if self.mode == "slow":
            time.sleep(30)
        if self.mode == "html":
            return self.send(handler, 200, "text/html", b"<!doctype html><title>Sign in</title>")
        if self.mode == "error":
            return self.send(handler, 503, "text/plain", b"no")
        if self.mode == "old" and "buildinfo" in handler.path:
            return self.send(handler, 200, "application/json", b'{"status":"success","data":{"version":"2.19.3","goVersion":"go1.14"}}')
        if self.mode == "garbage":
            return self.send(handler, 200, "application/json", b'{"status":"success","data":')
        request = urllib.request.Request(self.target + handler.path, body, {"Content-Type": handler.headers.get("Content-Type", "")} if body else {})
        with urllib.request.urlopen(request, timeout=30) as response:
            return self.send(handler, 200, "application/json", response.read())

    def send(self, handler, status, kind, body):
        with contextlib.suppress(OSError):
            handler.send_response(status)
            handler.send_header("Content-Type", kind)
            handler.end_headers()
            handler.wfile.write(body)


@pytest.fixture
def between(stack):
    between = Between(stack.prometheus)
    yield between
    between.server.shutdown()


def text(url):
    started = time.monotonic()
    answer = ask(f"{url}/")
    assert answer.status == 200
    assert time.monotonic() - started < 14
    return answer.text()


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("slow", "no answer for 1.5 s|timeout"),
        ("html", "the answer is a web page, not JSON"),
        ("error", "status 503"),
        ("garbage", "invalid response"),
    ],
)
def test_the_last_numbers_stay_with_their_age(stack, between, mode, says):
    url = stack.slo_serve(f"between-{mode}", between.url)
    wait_for("numbers", lambda: "SLO is within" in text(url) or "SLOs are within" in text(url) or "burns at" in text(url), 30)
    between.mode = mode
    told = wait_for("the trouble", lambda: (page := text(url)) and re.search(says, page) and page, 30)
    assert "These numbers are from " in told and " ago." in told
    assert "checkout/availability" in told and "search/latency" in told
    # The page of an SLO, which nobody has looked at yet, is not blank either.
    page = ask(f"{url}/slos/checkout/availability")
    assert page.status == 200 and "Prometheus does not answer" in page.text() and "Objective: 99.9%" in page.text()
    api = ask(f"{url}/api/v1/slos").json()
    assert re.search(says, api["trouble"]) and len(api["slos"]) == 6
    between.mode = "pass"
    wait_for("the end of the trouble", lambda: "does not answer" not in text(url), 40)
    stack.end(f"between-{mode}")


def test_a_prometheus_that_is_not_there_yet(stack):
    url = stack.slo_serve("refused", "http://127.0.0.1:9")
    told = text(url)
    assert "Prometheus does not answer" in told and "Connection refused" in told and "There are no numbers yet" in told
    assert "checkout/availability" in told and "99.9%" in told
    assert ask(f"{url}/api/v1/slos").status == 503
    page = ask(f"{url}/slos/checkout/availability")
    assert page.status == 200 and "Unknown" in page.text() and "No rules" not in page.text()
    stack.end("refused")


def test_an_old_version_is_warned_of(stack, between):
    between.mode = "old"
    url = stack.slo_serve("old", between.url)
    wait_for("the warning", lambda: "Prometheus is version 2.19.3, older than 2.42: its numbers and alerts may be wrong" in text(url), 30)
    stack.end("old")


def test_rules_that_are_not_loaded_are_named(stack, tmp_path):
    """An SLO without rules, and one of whose rule groups one is missing."""
    spec = tmp_path / "slo.yaml"
    more = "---\nversion: slo/v1\nservice: cart\nslos:\n  - {name: availability, objective: 99%, window: 30d, sli: {events: {total: cart_total, bad: cart_bad}}}\n"
    spec.write_text(SPEC.read_text() + more)
    from running import built, free_ports

    port = free_ports(1)
    stack.start("missing", built("slo"), "serve", spec, "--prometheus", stack.prometheus, "--listen", f"127.0.0.1:{port}", "--time-scale", "60")
    url = f"http://127.0.0.1:{port}"
    told = wait_for("the rules", lambda: (page := text(url)) and "the rule group slo/cart/availability/fast is not loaded" in page and page, 40)
    assert "No rules" in told and "1 SLO has no data." in told
    rows = {f"{row['service']}/{row['slo']}": row for row in ask(f"{url}/api/v1/slos").json()["slos"]}
    assert rows["cart/availability"]["state"] == "no-rules" and len(rows["cart/availability"]["faults"]) == 3
    assert all(row["faults"] == [] for name, row in rows.items() if name != "cart/availability")
    page = ask(f"{url}/slos/cart/availability").text()
    assert "the rule group slo/cart/availability/tiles is not loaded" in page
    stack.end("missing")


def test_rules_of_another_spec_are_told(stack, tmp_path):
    """Their objective or their windows differ: the numbers are not those of the spec."""
    from running import built, free_ports

    spec = tmp_path / "slo.yaml"
    spec.write_text(SPEC.read_text().replace("objective: 99.9%", "objective: 99%"))
    port = free_ports(2)
    for name, number, scale in (("objective", port, "60"), ("scale", port + 1, "1")):
        stack.start(f"other-{name}", built("slo"), "serve", spec, "--prometheus", stack.prometheus, "--listen", f"127.0.0.1:{number}", "--time-scale", scale)
    url = f"http://127.0.0.1:{port}"
    wait_for("the objective", lambda: "the loaded rules are for an objective of 99.900%, the spec says 99%" in text(url), 20)
    told = wait_for("the period", lambda: (page := text(f"http://127.0.0.1:{port + 1}")) and "the loaded rules are for another period than 30d" in page and page, 20)
    assert "No rules" in told and ">OK<" not in told
    for name in ("objective", "scale"):
        stack.end(f"other-{name}")


def test_many_viewers_ask_no_more_than_one(stack, between):
    url = stack.slo_serve("shared", between.url)
    wait_for("numbers", lambda: "checkout/availability" in text(url), 20)

    def rate(viewers):
        """Queries in five seconds while that many look at both pages all the time."""
        stop = threading.Event()

        def look():
            while not stop.is_set():
                ask(f"{url}/")
                ask(f"{url}/slos/checkout/availability?range=24m")
                stop.wait(0.5)

        threads = [threading.Thread(target=look) for _ in range(viewers)]
        for thread in threads:
            thread.start()
        time.sleep(2)
        before = between.asked
        time.sleep(5)
        asked = between.asked - before
        stop.set()
        for thread in threads:
            thread.join()
        return asked

    one, many = rate(1), rate(25)
    assert one >= 8 and many < one * 1.5, (one, many)
    stack.end("shared")
