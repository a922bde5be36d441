"""The Slack and PagerDuty messages that the stand-ins received, as one HTML page.

    python3 story.py --html messages.html pool
"""

import html
import re


def mrkdwn(text):
    """Slack's text as HTML. It is already escaped; only links are converted."""
    text = re.sub(r"<(https?://[^|>]+)\|([^>]+)>", r'<a href="\1">\2</a>', text)
    return text.replace("\n", "<br>")


def block(one):
    kind = one["type"]
    if kind == "header":
        return f"<h3>{html.escape(one['text']['text'])}</h3>"
    if kind == "section":
        return f"<p>{mrkdwn(one['text']['text'])}</p>"
    if kind == "context":
        return f"<p class=context>{' '.join(mrkdwn(element['text']) for element in one['elements'])}</p>"
    if kind == "actions":
        buttons = (f"<button class={button.get('style', 'plain')}>{html.escape(button['text']['text'])}</button>" for button in one["elements"])
        return f"<p>{' '.join(buttons)}</p>"
    raise ValueError(f"a block of type {kind}")


def slack(message):
    """A message; one in a thread has no blocks."""
    inner = "".join(block(one) for one in message["blocks"]) if "blocks" in message else f"<p>{mrkdwn(html.escape(message['text']))}</p>"
    note = {"chat.update": "updated", "chat.postMessage": "new"}.get(message["to"], "webhook")
    where = "in the thread" if "thread_ts" in message else note
    return f"<article class=slack><p class=context><b>slo</b> APP · {where}</p>{inner}</article>"


def rows(value):
    if isinstance(value, dict):
        inner = "".join(f"<tr><th>{html.escape(str(name))}<td>{rows(one)}" for name, one in value.items())
        return f"<table>{inner}</table>"
    if isinstance(value, list):
        return "<br>".join(rows(one) for one in value)
    return html.escape(str(value)).replace("\n", "<br>")


def pagerduty(events):
    """An alert: its latest trigger, and all of its events."""
    triggers = [event for event in events if event["event_action"] == "trigger"]
    payload = triggers[-1]["payload"]
    links = "".join(f'<li><a href="{html.escape(link["href"])}">{html.escape(link.get("text", link["href"]))}</a>' for link in triggers[-1].get("links", []))
    log = "".join(f"<li>{html.escape(event['event_action'])} by {html.escape(event.get('payload', {}).get('source', '-'))}" for event in events)
    state = {"trigger": "Triggered", "acknowledge": "Acknowledged", "resolve": "Resolved"}[events[-1]["event_action"]]
    return (
        f"<article class=pagerduty><p class=context>{state} · {html.escape(payload['severity'])} · key {html.escape(events[0]['dedup_key'][:12])}…</p>"
        f"<h3>{html.escape(payload['summary'])}</h3>{rows(payload.get('custom_details', {}))}<ul>{links}</ul>"
        f"<details open><summary>{len(events)} events</summary><ol>{log}</ol></details></article>"
    )


STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
article { border: 1px solid color-mix(in srgb, currentcolor 25%, transparent); border-left-width: 5px; border-radius: 6px; padding: .2rem 1rem; margin: 1rem 0 }
.slack { border-left-color: #4a154b } .pagerduty { border-left-color: #06ac38 }
.context { opacity: .7; font-size: .85rem } h3 { margin: .3rem 0 }
th { text-align: left; vertical-align: top; padding-right: 1rem; font-weight: 600; white-space: nowrap } td { overflow-wrap: anywhere }
button { font: inherit; padding: .3rem .8rem; border-radius: 4px; border: 1px solid }
button.danger { background: #e01e5a; color: white } button.primary { background: #007a5a; color: white }
"""


def page(vendors):
    """All alerts and messages that the stand-ins received."""
    alerts = [pagerduty(events) for all_of_one in vendors.alerts.values() for events in all_of_one]
    messages = [slack(message) for message in vendors.messages]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>PagerDuty and Slack messages</title><style>{STYLE}</style><h1>PagerDuty and Slack messages</h1>"
        f"<h2>PagerDuty: {len(alerts)} alerts</h2>{''.join(alerts)}<h2>Slack: {len(messages)} messages</h2>{''.join(messages)}</html>"
    )
