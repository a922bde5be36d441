"""Incidents in a notebook: from webhooks and records, against hashlib and scipy."""

import hashlib
import json
import math
from datetime import datetime, timedelta, timezone

import pytest
import scipy.stats
import slo
from slo import incidents

AT = datetime(2026, 11, 23, 6, 27, 35, tzinfo=timezone.utc)
RUNBOOKS = """
checkout-down:
  when: {severity: page}
  steps:
    - diagnose: host
    - remediate: {command: [/usr/local/bin/restart, "{service}"], cooldown: 30m}
  parameters: {service: {from: labels.service, pattern: "[a-z]+"}}
"""


def body(status="firing", starts="2026-11-23T06:27:20Z", ends="0001-01-01T00:00:00Z", **labels):
    alert = {
        "status": status, "startsAt": starts, "endsAt": ends, "annotations": {"summary": "checkout burns"},
        "labels": {"service": "checkout", "slo": "availability", "severity": "page", **labels},
    }  # fmt: skip
    return json.dumps({"version": "4", "groupKey": "{}:{slo}", "status": status, "alerts": [alert]})


def lines(restore_minutes):
    """Records of incidents that took so long, as ``slo incidents export`` writes them."""
    for number, minutes in enumerate(restore_minutes):
        incident = hashlib.sha256(f"g{number}".encode()).hexdigest()
        began, ended = 1_795_415_240_000, 1_795_415_240_000 + int(minutes * 60_000)
        for status, at in [("firing", began + 15_000), ("resolved", ended + 1_000)]:
            alert = {"status": status, "labels": {"service": "a", "severity": "page"}, "starts": began}
            if status == "resolved":
                alert["ends"] = ended
            yield {
                "incident": incident, "at": at, "event": "received", "delivery": hashlib.sha256(f"{number}{status}".encode()).hexdigest(),
                "source": "alertmanager", "group_key": f"g{number}", "alerts": [alert], "truncated": 0,
            }  # fmt: skip


def test_an_incident_from_webhooks():
    (incident,) = incidents.receive([(AT, body()), (AT + timedelta(seconds=3), body().encode())])
    assert incident.id == hashlib.sha256(b"{}:{slo}").hexdigest()
    assert (incident.deliveries, len(incident.episodes)) == (2, 1)
    episode = incident.open
    assert (episode.state, episode.severity, episode.title) == ("firing", "page", "checkout burns")
    assert episode.began == datetime(2026, 11, 23, 6, 27, 20, tzinfo=timezone.utc)
    assert episode.ended is None
    assert episode.alerts[0]["labels"]["slo"] == "availability"
    assert episode.summary(at=AT)[0] == "Firing: checkout burns"
    assert episode.postmortem().startswith("# Postmortem: checkout burns")
    event = episode.pagerduty_event("opened", routing_key="R" * 32, at=AT)
    assert (event["event_action"], event["dedup_key"]) == ("trigger", incident.id)
    assert episode.slack_message("opened", at=AT)["blocks"][0]["type"] == "header"


def test_what_a_runbook_would_do_next():
    runbooks = incidents.Runbooks(RUNBOOKS)
    (incident,) = incidents.receive([(AT, body())])
    actions, again = runbooks.next(incident, at=AT, targets=["slack"])
    assert [action["action"] for action in actions] == ["record", "send"]
    assert actions[1] == {"action": "send", "target": "slack", "message": "opened", "attempt": 1, "may_repeat": False}
    assert again is None
    # Of a resolved notice, nothing follows but its end.
    later = AT + timedelta(minutes=5)
    (incident,) = incidents.receive([(AT, body()), (later, body("resolved", ends="2026-11-23T06:31:00Z"))])
    actions, _ = runbooks.next(incident, at=later, targets=["pagerduty"])
    assert [action.get("message") for action in actions if action["action"] == "send"] == ["resolved"]
    assert not any(action["action"] == "run" for action in actions)


def test_every_fault_of_runbooks_at_once():
    with pytest.raises(slo.SpecError) as caught:
        incidents.Runbooks("a: {steps: [{diagnose: hots}, {remediate: {command: [restart]}}], when: {slo: x}}")
    assert len(caught.value.faults) == 3


def test_stages_are_what_scipy_says():
    minutes = [30, 60, 45, 20, 90, 33]
    episodes = [incident.episodes[0] for incident in incidents.read(lines(minutes))]
    assert [episode.stages["restore"] for episode in episodes] == [minute * 60 for minute in minutes]
    mean, (low, high), count = incidents.typical_stage(episodes, "restore")
    logs = [math.log(minute * 60) for minute in minutes]
    expected = scipy.stats.t.interval(0.95, len(logs) - 1, sum(logs) / len(logs), scipy.stats.sem(logs))
    assert count == 6
    assert math.isclose(mean, math.exp(sum(logs) / len(logs)), rel_tol=1e-9)
    assert math.isclose(low, math.exp(expected[0]), rel_tol=1e-9) and math.isclose(high, math.exp(expected[1]), rel_tol=1e-9)
    assert incidents.typical_stage(episodes, "mitigate") is None
    # Against a second half that took a quarter: the same as the function on plain numbers.
    later = [incident.episodes[0] for incident in incidents.read(lines([minute / 4 for minute in minutes]))]
    ratio, interval = incidents.compare_stage(episodes, later, "restore")
    assert math.isclose(ratio, 0.25, rel_tol=1e-4) and interval[0] < 0.25 < interval[1] < 1
    assert (ratio, interval) == slo.stats.compare_restore_times(
        [episode.stages["restore"] for episode in episodes], [episode.stages["restore"] for episode in later]
    )


def test_a_record_from_a_file(tmp_path):
    path = tmp_path / "incidents.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines([10, 20])))
    assert len(incidents.read(path)) == len(incidents.read(path.read_text().splitlines())) == 2
    with pytest.raises(slo.SloError, match=r"line 2: .*slo incidents export"):
        incidents.read([path.read_text().splitlines()[0], '{"incident": "x"}'])


def test_what_is_no_webhook_is_told():
    with pytest.raises(slo.SloError, match=r"deliveries\[0\]: not a webhook of Alertmanager"):
        incidents.receive([(AT, "{}")])
    with pytest.raises(slo.SloError, match="has no time zone"):
        incidents.receive([(AT.replace(tzinfo=None), body())])
    with pytest.raises(slo.SloError, match="is not a source of alerts"):
        incidents.receive([], source="nagios")
    (incident,) = incidents.receive([(AT, body())])
    with pytest.raises(slo.SloError, match="is not a message; write one of opened"):
        incident.open.slack_message("open")
    with pytest.raises(slo.SloError, match="is not a stage; write one of detect"):
        incidents.typical_stage([], "repair")


def test_secrets_do_not_leave():
    assert incidents.redact("password='it is long' order-17", patterns=[r"order-\d+"]) == "password='[redacted]' [redacted]"
    (incident,) = incidents.receive([(AT, body(note="Bearer abcdefgh12345678"))])
    assert "abcdefgh12345678" not in json.dumps(incident.open.pagerduty_event("opened", routing_key="R" * 32, at=AT))


def test_toil_is_what_the_sheet_and_the_record_say():
    at = datetime(2026, 11, 3, 10, tzinfo=timezone.utc)
    body = {"version": "4", "groupKey": "toil", "status": "firing", "alerts": [
        {"status": "firing", "labels": {"alertname": "SLOBurn", "severity": "page"}, "startsAt": "2026-11-03T10:00:00Z"}]}
    (incident,) = slo.incidents.receive([(at, json.dumps(body))])
    weeks = ", ".join(f"{{week: 2026-W{number}, worked: 40h, toil: {{mail: {number - 40}h}}}}" for number in range(41, 50))
    sheet = f"{{version: slo-toil/v1, weeks: [{weeks}]}}"
    report = slo.incidents.toil_report(sheet, episodes=incident.episodes)
    # Nobody has acknowledged it.
    assert (report["share"], report["sources"][0]["hours"], report["unfinished"]) == (0.125, 45.0, 0)
    share, interval = slo.stats.toil([(number, 40) for number in range(1, 10)])
    assert (report["share"], report["interval"], report["verdict"]) == (share, list(interval), "below")
    with pytest.raises(slo.SpecError) as raised:
        slo.incidents.toil_report("{version: slo-toil/v1, weeks: [{week: 2026-W99, worked: 1h}]}")
    assert raised.value.faults[0].place == "weeks[0].week"
