"""Stand-ins for PagerDuty and Slack: they answer as the vendors do, and refuse what the vendors refuse.

Sources: PagerDuty, "Send an alert event" and "PD-CEF" (Events API v2); Slack, "Block Kit", "Rate limits", "Sending messages
using incoming webhooks", `chat.postMessage`, `chat.update`.

    python3 vendors.py 9191        # PagerDuty and Slack on one port, until it is stopped; `GET /log` shows the messages received
"""

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGERDUTY_LARGEST = 512 * 1024
ROUTING_KEY = r"[A-Za-z0-9]{32}"
TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)"
# Slack's limits, in characters.
HEADER, SECTION, FIELD, BUTTON, VALUE, ACTION_ID = 150, 3_000, 2_000, 75, 2_000, 255
MOST_BLOCKS, MOST_FIELDS, MOST_CONTEXT, MOST_ACTIONS = 50, 10, 10, 25
SLACK_WHOLE = 13_200


def event_faults(event):
    """The faults for which PagerDuty refuses an event."""
    if not isinstance(event, dict):
        return ["Event object format is unrecognized"]
    faults = []
    if not re.fullmatch(ROUTING_KEY, str(event.get("routing_key", ""))):
        faults.append("Invalid routing key")
    action = event.get("event_action")
    if action not in ("trigger", "acknowledge", "resolve"):
        faults.append("'event_action' is invalid")
    key = event.get("dedup_key")
    if key is not None and (not isinstance(key, str) or len(key) > 255):
        faults.append("'dedup_key' is too long (maximum is 255 characters)")
    if action != "trigger":
        return faults if key else [*faults, "'dedup_key' is missing or blank"]
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return [*faults, "'payload' is missing or blank"]
    for name in ("summary", "source", "severity"):
        if not payload.get(name) or not isinstance(payload[name], str):
            faults.append(f"'payload.{name}' is missing or blank")
    if len(str(payload.get("summary", ""))) > 1_024:
        faults.append("'payload.summary' is too long (maximum is 1024 characters)")
    if payload.get("severity") not in ("critical", "error", "warning", "info"):
        faults.append("'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
    if "timestamp" in payload and not re.fullmatch(TIMESTAMP, str(payload["timestamp"])):
        faults.append("'payload.timestamp' is invalid")
    if not set(payload) <= {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}:
        faults.append(f"unknown fields of payload: {sorted(payload)}")
    for link in event.get("links", []):
        if not isinstance(link, dict) or not re.match(r"https?://", str(link.get("href", ""))):
            faults.append("'links' is invalid")
    for image in event.get("images", []):
        if not str(image.get("src", "")).startswith("https://"):
            faults.append("'images' is invalid (must be https)")
    return faults


def change_faults(event):
    """The faults for which PagerDuty refuses a change event."""
    if not isinstance(event, dict):
        return ["Event object format is unrecognized"]
    faults = []
    if not re.fullmatch(ROUTING_KEY, str(event.get("routing_key", ""))):
        faults.append("Invalid routing key")
    payload = event.get("payload")
    if not isinstance(payload, dict) or not payload.get("summary"):
        return [*faults, "'payload.summary' is missing or blank"]
    if len(payload["summary"]) > 1_024:
        faults.append("'payload.summary' is too long (maximum is 1024 characters)")
    if "timestamp" in payload and not re.fullmatch(TIMESTAMP, str(payload["timestamp"])):
        faults.append("'payload.timestamp' is invalid")
    if not set(payload) <= {"summary", "timestamp", "source", "custom_details"} or not set(event) <= {"routing_key", "payload", "links", "images"}:
        faults.append(f"unknown fields: {sorted(event)} {sorted(payload)}")
    for link in event.get("links", []):
        if not isinstance(link, dict) or not re.match(r"https?://", str(link.get("href", ""))):
            faults.append("'links' is invalid")
    return faults


def text_faults(text, most, kinds=("mrkdwn", "plain_text")):
    if not isinstance(text, dict) or text.get("type") not in kinds or not isinstance(text.get("text"), str):
        return ["invalid_blocks"]
    faults = []
    if not 0 < len(text["text"]) <= most:
        faults.append(f"invalid_blocks: text of {len(text['text'])} characters, at most {most}")
    if re.search(r"<!(channel|here|everyone)|<@", text["text"]):
        faults.append("somebody is mentioned")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text["text"]):
        faults.append("a control character")
    return faults


def message_faults(message):
    """The faults for which Slack refuses a message, and mentions, which our messages must not have."""
    if not isinstance(message, dict) or not (message.get("text") or message.get("blocks")):
        return ["no_text"]
    faults = []
    if re.search(r"<!(channel|here|everyone)|<@", message.get("text", "")):
        faults.append("somebody is mentioned")
    blocks = message.get("blocks", [])
    if len(blocks) > MOST_BLOCKS:
        faults.append("invalid_blocks: too many")
    if len(json.dumps(blocks, ensure_ascii=False)) > SLACK_WHOLE + 4_000:
        faults.append("msg_blocks_too_long")
    actions = [element.get("action_id") for block in blocks if block.get("type") == "actions" for element in block["elements"]]
    if len(actions) != len(set(actions)):
        faults.append("invalid_blocks: action_id is there twice")
    for block in blocks:
        kind = block.get("type")
        if kind == "header":
            faults += text_faults(block.get("text"), HEADER, ("plain_text",))
        elif kind == "section":
            if "text" in block:
                faults += text_faults(block["text"], SECTION)
            if len(block.get("fields", [])) > MOST_FIELDS:
                faults.append("invalid_blocks: fields")
            for field in block.get("fields", []):
                faults += text_faults(field, FIELD)
        elif kind == "context":
            if not 0 < len(block.get("elements", [])) <= MOST_CONTEXT:
                faults.append("invalid_blocks: context")
            for element in block["elements"]:
                faults += text_faults(element, FIELD)
        elif kind == "actions":
            if not 0 < len(block.get("elements", [])) <= MOST_ACTIONS:
                faults.append("invalid_blocks: actions")
            for button in block["elements"]:
                faults += text_faults(button.get("text"), BUTTON, ("plain_text",))
                if len(button.get("value", "")) > VALUE or len(button.get("action_id", "")) > ACTION_ID:
                    faults.append("invalid_blocks: button")
                if button.get("style", "primary") not in ("primary", "danger"):
                    faults.append("invalid_blocks: style")
        elif kind != "divider":
            faults.append(f"invalid_blocks: {kind}")
    return faults


class Vendors:
    """Both vendors on one port, with the messages they received and how they should behave."""

    def __init__(self, port=0, rate_limit=True):
        self.lock = threading.Lock()
        self.events, self.messages, self.refused, self.changes = [], [], [], []
        # PagerDuty's alerts by key. Each alert is the list of its events; a resolve ends it.
        self.alerts = {}
        self.last_message = 0.0
        self.rate_limit = rate_limit
        # The misbehaviour of each vendor: an HTTP status, `slow`, or None.
        self.behave = {"pagerduty": None, "slack": None}
        vendors = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                with vendors.lock:
                    log = {"events": vendors.events, "messages": vendors.messages, "refused": vendors.refused}
                    body = json.dumps(log)
                vendors.answer(self, 200, body, "application/json")

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/v2/enqueue":
                    vendors.pagerduty(self, body)
                elif self.path == "/v2/change/enqueue":
                    vendors.change(self, body)
                elif self.path.startswith("/api/"):
                    vendors.bot(self, body, self.path.removeprefix("/api/"))
                elif self.path.startswith("/slack"):
                    vendors.webhook(self, body)
                else:
                    vendors.answer(self, 404, "no such path")

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @staticmethod
    def answer(handler, status, body, kind="text/plain", headers=()):
        data = body.encode()
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", kind)
            handler.send_header("Content-Length", str(len(data)))
            for name, value in headers:
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def misbehaves(self, handler, vendor):
        """Whether the vendor misbehaves and has already answered."""
        behaviour = self.behave[vendor]
        if behaviour is None:
            return False
        if behaviour == "slow":
            time.sleep(12)
            return False
        headers = [("Retry-After", "2")] if behaviour == 429 else []
        self.answer(handler, behaviour, "told to", headers=headers)
        return True

    def pagerduty(self, handler, body):
        if self.misbehaves(handler, "pagerduty"):
            return
        try:
            event = json.loads(body)
        except ValueError:
            event = None
        faults = event_faults(event)
        if len(body) > PAGERDUTY_LARGEST:
            faults.append("the event is too large")
        with self.lock:
            if faults:
                self.refused.append(["pagerduty", faults, body.decode(errors="replace")])
            else:
                self.events.append({"at": time.time(), **event})
                alerts = self.alerts.setdefault(event["dedup_key"], [])
                if event["event_action"] == "trigger" and (not alerts or alerts[-1][-1]["event_action"] == "resolve"):
                    alerts.append([event])
                elif alerts and alerts[-1][-1]["event_action"] != "resolve":
                    alerts[-1].append(event)
        if faults:
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": faults}
            self.answer(handler, 400, json.dumps(answer), "application/json")
        else:
            answer = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
            self.answer(handler, 202, json.dumps(answer), "application/json")

    def change(self, handler, body):
        if self.misbehaves(handler, "pagerduty"):
            return
        try:
            event = json.loads(body)
        except ValueError:
            event = None
        faults = change_faults(event)
        with self.lock:
            if faults:
                self.refused.append(["pagerduty", faults, body.decode(errors="replace")])
            else:
                self.changes.append(event)
        if faults:
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": faults}
            self.answer(handler, 400, json.dumps(answer), "application/json")
        else:
            self.answer(handler, 202, json.dumps({"status": "success", "message": "Change event processed"}), "application/json")

    def take(self, body, place):
        """The faults of a message; `ratelimited` if it comes too soon after the last one."""
        try:
            message = json.loads(body)
        except ValueError:
            return None, ["invalid_payload"]
        faults = message_faults(message)
        with self.lock:
            now = time.time()
            if self.rate_limit and now - self.last_message < 0.9:
                return message, ["ratelimited"]
            self.last_message = now
            if faults:
                self.refused.append(["slack", faults, body.decode(errors="replace")])
            else:
                self.messages.append({"at": now, "to": place, **message})
        return message, faults

    def webhook(self, handler, body):
        if self.misbehaves(handler, "slack"):
            return
        _, faults = self.take(body, "webhook")
        if faults == ["ratelimited"]:
            self.answer(handler, 429, "rate_limited", headers=[("Retry-After", "1")])
        elif faults:
            self.answer(handler, 400, faults[0].split(":")[0])
        else:
            self.answer(handler, 200, "ok")

    def bot(self, handler, body, method):
        if self.misbehaves(handler, "slack"):
            return
        if not handler.headers.get("Authorization", "").startswith("Bearer xoxb-"):
            self.answer(handler, 200, json.dumps({"ok": False, "error": "invalid_auth"}), "application/json")
            return
        if method not in ("chat.postMessage", "chat.update"):
            self.answer(handler, 200, json.dumps({"ok": False, "error": "unknown_method"}), "application/json")
            return
        message, faults = self.take(body, method)
        if faults == ["ratelimited"]:
            self.answer(handler, 429, "", headers=[("Retry-After", "1")])
        elif faults:
            self.answer(handler, 200, json.dumps({"ok": False, "error": faults[0].split(":")[0]}), "application/json")
        else:
            ts = message.get("ts") or f"{time.time():.6f}"
            answer = {"ok": True, "channel": "C024BE91L", "ts": ts}
            self.answer(handler, 200, json.dumps(answer), "application/json")


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Stand-ins for PagerDuty and Slack on this machine, which enforce their limits.")
    parser.add_argument("port", type=int, nargs="?", default=0, help="the port to listen on; any free one by default")
    with Vendors(parser.parse_args().port) as vendors:
        print(f"PagerDuty: {vendors.url}   (notify.pagerduty.url)")
        print(f"Slack:     {vendors.url}/slack   (in the file of notify.slack.webhook_file)")
        print(f"messages:  {vendors.url}/", flush=True)
        vendors.thread.join()
