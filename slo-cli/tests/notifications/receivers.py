"""PagerDuty, Slack and a webhook as far as Alertmanager sees them: one HTTP server that keeps to the documented limits."""

import http.server
import json
import threading
import time


class Receivers:
    """What was received, in order: the kind, and the message."""

    def __init__(self):
        self.messages, self.refused = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kind = self.path.strip("/").split("/")[0]
                status, answer, content = 200, b"ok", "text/plain"
                try:
                    message = json.loads(body)
                    problem = CHECKS[kind](message, len(body))
                except (ValueError, KeyError, AssertionError) as error:
                    message, problem = body.decode(errors="replace"), repr(error)
                if problem:
                    outer.refused.append((kind, problem, message))
                    status, answer = 400, b"invalid_payload"
                else:
                    outer.messages.append((kind, self.path, message))
                    if kind == "pagerduty":
                        status, content = 202, "application/json"
                        answer = json.dumps({"status": "success", "message": "Event processed", "dedup_key": message["dedup_key"]}).encode()
                self.send_response(status)
                self.send_header("Content-Type", content)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, kind, path=""):
        return [message for which, where, message in self.messages if which == kind and path in where]

    def wait(self, what, holds, seconds=20):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"{what}: {self.messages} {self.refused}"
            time.sleep(0.1)


def pagerduty(message, size):
    """Events API v2: https://developer.pagerduty.com/docs/send-alert-event."""
    assert size <= 512 * 1024
    assert len(message["routing_key"]) == 32, "an integration key has 32 characters"
    assert message["event_action"] in ("trigger", "acknowledge", "resolve")
    assert 0 < len(message["dedup_key"]) <= 255
    if message["event_action"] == "trigger":
        payload = message["payload"]
        assert 0 < len(payload["summary"]) <= 1024
        assert payload["severity"] in ("critical", "warning", "error", "info")
        assert payload["source"]


def slack(message, size):
    """Incoming webhooks: text of 40,000 characters, 100 attachments."""
    assert size <= 100_000
    assert len(message["attachments"]) <= 100
    for attachment in message["attachments"]:
        assert len(attachment.get("text", "")) <= 40_000 and len(attachment.get("title", "")) <= 300
        assert attachment["fallback"]


def webhook(message, _size):
    assert message["version"] == "4" and message["alerts"]


CHECKS = {"pagerduty": pagerduty, "slack": slack, "webhook": webhook}
