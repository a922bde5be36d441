"""Reports of very many groups: what they take of memory and time. A step of `scripts/test --all`."""

import http.server
import json
import pathlib
import resource
import socketserver
import subprocess
import threading
import time
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SPEC = """
version: slo/v1
service: shop
scrape_interval: 15s
slos:
  - name: availability
    objective: 99.9%
    window: 30d
    by: [route]
    sli: {events: {total: requests_total, bad: 'requests_total{code=~"5.."}'}}
"""


class Prometheus(http.server.BaseHTTPRequestHandler):
    """Recorded tiles of `groups` routes, of which some had failures."""

    protocol_version = "HTTP/1.1"
    groups = 0
    asked = 0

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.answer(query)

    def do_POST(self):
        query = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.answer(query)

    def answer(self, query):
        type(self).asked += 1
        text = query["query"][0]
        start, end, step = (float(query[name][0]) for name in ("start", "end", "step"))
        times = [start + step * index for index in range(int((end - start) // step) + 1)]
        if "ALERTS" in text:
            found = []
        elif "by (route)" in text:
            total = "sli_total" in text
            found = [
                {"metric": {"route": f"/{group:05}"}, "values": [[at, str(100_000 if total else group % 200)] for at in times]}
                for group in range(self.groups)
            ]
        else:
            value = "100" if "sli_total" in text else "0.5"
            found = [{"metric": {}, "values": [[at, value] for at in times]}]
        body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": found}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


@pytest.mark.parametrize("groups", [1_000, 10_000])
def test_a_report_of_many_groups_is_bounded(groups, tmp_path):
    (tmp_path / "slo.yaml").write_text(SPEC)
    handler = type("Handler", (Prometheus,), {"groups": groups})
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    start = time.monotonic()
    command = [ROOT / "target/release/slo", "report", tmp_path / "slo.yaml", "--last", "30d", "--format", "json"]
    process = subprocess.Popen([*command, "--prometheus", f"http://127.0.0.1:{server.server_port}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, talk = process.communicate(timeout=300)
    seconds, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    server.shutdown()
    assert process.returncode == 0, talk.decode()
    report = json.loads(out)
    print(f"{groups} groups: {seconds:.1f} s, {used:.0f} MB, {handler.asked} queries")
    assert len(report["slos"]) == 100 and report["other_groups"][0]["groups"] == groups - 100
    assert str(groups - 100) in talk.decode()
    # Found: 6.6 GB for 10,000 groups, and half a minute for 300.
    assert used < 300 and seconds < 120
