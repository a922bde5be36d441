"""A service with several versions, and a real Prometheus that scrapes it every second."""

import http.server
import pathlib
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import Processes, built, free_ports, get, program, wait_for  # noqa: E402, F401

SPEC = """
version: slo/v1
service: shop
scrape_interval: 1s
slos:
  - name: availability
    objective: 99%
    window: 30d
    sli: {events: {total: shop_requests_total, bad: 'shop_requests_total{code="500"}'}}
"""


class Version:
    """A version: so many events a second, of which a share is bad."""

    def __init__(self, rate, bad):
        self.rate, self.share, self.since = rate, bad, time.time()
        self.counted = {"200": 0.0, "500": 0.0}

    def counts(self):
        now = time.time()
        events, self.since = self.rate * (now - self.since), now
        self.counted["500"] += events * self.share
        self.counted["200"] += events * (1 - self.share)
        return {code: int(count) for code, count in self.counted.items()}

    def turns(self, rate, bad):
        self.counts()
        self.rate, self.share = rate, bad


class Shop(Processes):
    """Versions by name, each with its own counters."""

    def begin(self):
        self.versions = {}
        # Two targets, as two versions have: they are scraped at different moments.
        port = free_ports(3)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                lines = ["# TYPE shop_requests_total counter"]
                is_old = self.server.server_address[1] == port
                for name, version in list(outer.versions.items()):
                    if (name == "1") != is_old:
                        continue
                    for code, count in version.counts().items():
                        lines.append(f'shop_requests_total{{version="{name}",code="{code}"}} {count}')
                body = ("\n".join(lines) + "\n").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", at), Handler) for at in (port, port + 1)]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.prometheus = f"http://127.0.0.1:{port + 2}"
        scrape = f"{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{port}', '127.0.0.1:{port + 1}']}}]}}"
        (self.folder / "prometheus.yaml").write_text(f"global: {{scrape_interval: 1s}}\nscrape_configs: [{scrape}]\n")
        (self.folder / "slo.yaml").write_text(SPEC)
        self.versions["1"] = Version(200, 0.001)
        self.start(
            "prometheus", program("prometheus"), "--config.file=prometheus.yaml", "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port + 2}",
        )  # fmt: skip
        wait_for("Prometheus", lambda: '"1"' in get(f"{self.prometheus}/api/v1/query?query=max(up)"), 60)

    def __exit__(self, *_):
        super().__exit__()
        for server in self.servers:
            server.shutdown()
