"""A stand-in for an environment of Dynatrace: its documented paths, headers, limits and answers."""

import http.server
import json
import re
import threading
import time

TOKEN = "dt0c01.TEST.SECRET"
KEY = r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*"
DIMENSION = r"[a-z_][a-z0-9_:-]*(\.[a-z_][a-z0-9_:-]*)*"
NUMBER = r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"
LINE = re.compile(rf'(?P<key>{KEY})(?P<dimensions>(,{DIMENSION}=("(\\.|[^"\\])*"|[^ ,"]+))*) (gauge,)?(?P<value>{NUMBER})( (?P<at>[0-9]+))?')
EVENTS = {"AVAILABILITY_EVENT", "CUSTOM_ALERT", "CUSTOM_ANNOTATION", "CUSTOM_CONFIGURATION", "CUSTOM_DEPLOYMENT", "CUSTOM_INFO",
          "ERROR_EVENT", "MARKED_FOR_TERMINATION", "PERFORMANCE_EVENT", "RESOURCE_CONTENTION_EVENT", "WARNING"}  # fmt: skip
INFORMS = {"CUSTOM_ANNOTATION", "CUSTOM_CONFIGURATION", "CUSTOM_DEPLOYMENT", "CUSTOM_INFO", "MARKED_FOR_TERMINATION"}
MINUTE = 60_000


def fault_of_line(line):
    """Why a metric line is refused; None if it is taken."""
    match = LINE.fullmatch(line)
    if not match:
        return "invalid syntax"
    dimensions = re.findall(rf'({DIMENSION})=("(?:\\.|[^"\\])*"|[^ ,"]+)', match["dimensions"])
    names = [name for name, *_ in dimensions]
    values = [rest[-1] for _, *rest in dimensions]
    if not 3 <= len(match["key"]) <= 255 or match["key"].startswith("dt."):
        return "invalid key"
    if len(names) > 50 or len(set(names)) < len(names) or any(len(name) > 100 for name in names):
        return "invalid dimensions"
    if any(len(value) > 255 for value in values):
        return "dimension value too long"
    if match["at"] and not -60 * MINUTE <= int(match["at"]) - time.time() * 1_000 <= 10 * MINUTE:
        return "timestamp out of range"
    return None


def fault_of_event(event):
    """Why an event is refused; None if it is taken."""
    known = {"eventType", "title", "entitySelector", "startTime", "endTime", "timeout", "properties"}
    if set(event) - known or event.get("eventType") not in EVENTS or not isinstance(event.get("title"), str):
        return "unknown or missing field"
    properties = event.get("properties", {})
    if len(properties) > 100 or any(len(key) > 100 or not isinstance(value, str) or len(value) > 4_096 for key, value in properties.items()):
        return "invalid properties"
    if any(key.startswith("dt.") and not key.startswith(("dt.event.", "dt.davis.", "dt.entity.")) for key in properties):
        return "reserved property"
    if not 0 < event.get("timeout", 15) <= 360:
        return "invalid timeout"
    age = time.time() * 1_000 - event.get("startTime", time.time() * 1_000)
    oldest, newest = (30 * 1_440, 7 * 1_440) if event["eventType"] in INFORMS else (360, 5)
    return None if -newest * MINUTE <= age <= oldest * MINUTE else "INVALID_TIMESTAMPS"


def fault_of_slo(slo):
    """Why a classic SLO is refused; None if it is taken."""
    kinds = {"name": str, "evaluationType": str, "target": (int, float), "warning": (int, float), "timeframe": str}
    more = {"description": str, "enabled": bool, "errorBudgetBurnRate": dict, "filter": str, "metricExpression": str, "metricName": str}
    if set(slo) - set(kinds) - set(more) or set(kinds) - set(slo):
        return "unknown or missing field"
    if any(not isinstance(slo[name], kind) for name, kind in {**kinds, **more}.items() if name in slo):
        return "wrong type"
    if slo["evaluationType"] != "AGGREGATE" or not 0 < slo["target"] < slo["warning"] <= 100:
        return "warning must be greater than target"
    if not 1 <= len(slo["name"]) <= 200 or len(slo.get("filter", "")) > 1_000 or not 1 <= len(slo["metricExpression"]) <= 5_000:
        return "too long"
    if not 1 <= len(slo.get("description", "x")) <= 250 or not re.fullmatch("[a-z][a-z0-9_]{0,219}", slo["metricName"]):
        return "invalid text"
    if not re.fullmatch("-[0-9]+[mhdwMy]", slo["timeframe"]):
        return "invalid timeframe"
    burn = slo.get("errorBudgetBurnRate", {})
    if set(burn) - {"burnRateVisualizationEnabled", "fastBurnThreshold"} or burn.get("fastBurnThreshold", 10) < 1.01:
        return "invalid burn rate"
    return None


class Environment:
    """An environment, and what it has taken."""

    def __enter__(self):
        self.lines, self.events, self.slos, self.refused = [], [], [], []
        self.busy = None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content, answer = outer.answer(self.path, self.headers, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                if status >= 400:
                    outer.refused.append((self.path, status, answer))
                self.send_response(status)
                self.send_header("Content-Type", content)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def answer(self, path, headers, body):
        error = lambda status, message: (status, "application/json", {"error": {"code": status, "message": message}})  # noqa: E731
        if headers.get("Authorization") != f"Api-Token {TOKEN}":
            return error(401, "Token Authentication failed")
        if self.busy:
            return error(self.busy, "Too many requests")
        content = headers.get("Content-Type", "")
        if path == "/api/v2/metrics/ingest":
            return self.ingest(content, body, error)
        if path in ("/api/v2/events/ingest", "/api/v2/slo"):
            if not content.startswith("application/json"):
                return error(415, "Unsupported Media Type")
            value = json.loads(body)
            taken, fault = (self.events, fault_of_event(value)) if "events" in path else (self.slos, fault_of_slo(value))
            if fault:
                return error(400, fault)
            taken.append(value)
            report = {"reportCount": 1, "eventIngestResults": [{"correlationId": "c", "status": "OK"}]}
            return 201, "application/json", report if "events" in path else b""
        return error(404, "Not Found")

    def ingest(self, content, body, error):
        if not content.startswith("text/plain"):
            return error(415, "Unsupported Media Type")
        if len(body) > 1_000_000:
            return error(413, "Payload too large")
        faults = [(number, fault_of_line(line)) for number, line in enumerate(body.decode().splitlines(), 1)]
        wrong = [{"line": number, "error": fault} for number, fault in faults if fault]
        lines = body.decode().splitlines()
        self.lines += [line for line, (_, fault) in zip(lines, faults, strict=True) if not fault]
        answer = {"linesOk": len(lines) - len(wrong), "linesInvalid": len(wrong), "error": None}
        if wrong:
            answer["error"] = {"code": 400, "message": f"{len(wrong)} invalid lines", "invalidLines": wrong}
        return (400 if wrong else 202), "application/json", answer
