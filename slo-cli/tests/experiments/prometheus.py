"""A stand-in for Prometheus whose counters grow as a test says, and which fails as a test says."""

import http.server
import json
import math
import threading
import time
import urllib.parse


class Prometheus:
    """Counters `t_total` and `b_total`: `rate` events a second since long ago, a share `bad` of them bad from `worse` on."""

    def __init__(self, rate=500, bad=0.0):
        self.rate, self.began = rate, time.time() - 3_600
        # Pairs of a time and the share of bad events from then on.
        self.shares = [(self.began, bad)]
        self.mode = "works"
        # How often it scrapes; without a gap if 0.
        self.scrapes_every = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                self.answer(self.rfile.read(length).decode())

            def do_GET(self):
                self.answer(urllib.parse.urlparse(self.path).query)

            def answer(self, text):
                asked = {name: values[0] for name, values in urllib.parse.parse_qs(text).items()}
                path = urllib.parse.urlparse(self.path).path
                if outer.mode in ("hangs", "is gone"):
                    time.sleep(30 if outer.mode == "hangs" else 0)
                    self.close_connection = True
                    return
                status, body = 200, {"status": "success", "data": outer.data(path, asked)}
                if outer.mode == "fails":
                    status, body = 503, {"status": "error", "errorType": "unavailable", "error": "going away"}
                data = b"<html>" if outer.mode == "html" else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        if self.mode != "is gone":
            self.goes_away()

    def goes_away(self):
        self.mode = "is gone"
        self.server.shutdown()
        self.server.server_close()

    def turns(self, share):
        """From now on, a share of the events is bad."""
        self.shares.append((time.time(), share))

    def bad(self, at):
        ends = [began for began, _ in self.shares[1:]] + [math.inf]
        return sum(share * self.rate * max(min(at, end) - began, 0) for (began, share), end in zip(self.shares, ends))

    def value(self, query, at):
        if self.scrapes_every:
            at -= at % self.scrapes_every
        return self.rate * (at - self.began) if query.startswith("t_total") else self.bad(at)

    def data(self, path, asked):
        query = asked.get("query", "")
        if query.startswith("max(count_over_time(t_total["):
            samples = 600 / (self.scrapes_every or 0.1) + 1
            return {"resultType": "vector", "result": [{"metric": {}, "value": [time.time(), str(samples)]}]}
        if query in ("count(t_total)", "count(b_total)"):
            return {"resultType": "vector", "result": [{"metric": {}, "value": [time.time(), "1"]}]}
        if path.endswith("/query") or not query.startswith(("t_total", "b_total")):
            return {"resultType": "vector" if path.endswith("/query") else "matrix", "result": []}
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        times = [start + number * step for number in range(round((end - start) / step) + 1)]
        # A server without a scrape since it was stopped has no newer points.
        times = [at for at in times if self.mode != "is stale" or at < self.stale_since]
        values = [[at, str(math.floor(self.value(query, at)))] for at in times]
        series = [{"metric": {"__name__": query, "instance": "a"}, "values": values}] if values else []
        return {"resultType": "matrix", "result": series}
