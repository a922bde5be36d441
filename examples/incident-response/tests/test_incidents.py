"""Four ways to break the shop, each told correctly: an approved remediation ends one."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import mttr  # noqa: E402
import render  # noqa: E402
import story  # noqa: E402

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and limits need root: run the tests as root")


def alertmanagers():
    """Each Alertmanager there is, by its version."""
    found = {}
    candidates = [shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")]
    candidates += [ROOT / "target" / "servers" / suite / "usr" / "bin" / "prometheus-alertmanager" for suite in ("trixie", "forky")]
    for path in candidates:
        if path and pathlib.Path(path).exists():
            said = subprocess.run([path, "--version"], capture_output=True, text=True)
            version = (said.stdout + said.stderr).split("version ")[1].split()[0]
            found[version.rsplit(".", 1)[0]] = str(path)
    assert found, "no Alertmanager here: run scripts/setup and scripts/servers"
    return found


ALERTMANAGERS = alertmanagers()


def told(stack, episode, *parts):
    """Whether the findings of an episode have each of the parts."""
    found = stack.findings(episode["incident"])
    for part in parts:
        assert any(part in finding for finding in found), f"{part}: {found}"
    return found


def versions():
    """The oldest one; all of them where that is asked for."""
    every = sorted(ALERTMANAGERS)
    skip = pytest.mark.skipif("SLO_EVERY_ALERTMANAGER" not in os.environ, reason="SKIPPED, run scripts/test --all")
    return [every[0], *(pytest.param(version, marks=skip) for version in every[1:])]


@pytest.mark.parametrize("version", versions())
def test_one_incident_is_one_alert_one_summary_and_one_run_of_each_step(tmp_path, version):
    with story.Stack(tmp_path, alertmanager=ALERTMANAGERS[version]) as stack:
        episode = story.pool(stack)
        # What Alertmanager tells PagerDuty and what slo serve does are the same alert, which is resolved.
        vendors = stack.vendors
        assert vendors.refused == []
        assert list(vendors.alerts) == [episode["incident"]]
        (alert,) = vendors.alerts[episode["incident"]]
        sources = {event["payload"]["source"] for event in alert if "payload" in event}
        assert len(sources) == 2, f"Alertmanager and slo serve speak of one alert: {sources}"
        assert alert[-1]["event_action"] == "resolve"
        # One run of each step.
        assert [(step["name"], step["state"], step["starts"]) for step in episode["steps"]] == [
            (name, "succeeded", 1) for name in ("prometheus", "host", "pool", "recycle the pool")
        ]
        texts = [message["text"] for message in vendors.messages]
        assert sum(text.startswith("Resolved: ") for text in texts) <= 1
        assert len(texts) == len({str(message["blocks"]) for message in vendors.messages}), "no message is sent twice"


def test_an_exhausted_pool_is_found_and_an_approved_remediation_ends_it(stack):
    episode = story.pool(stack)
    told(stack, episode, "the connection pool is exhausted: 10 of 10 connections are in use")
    events = [entry["event"] for entry in stack.shown(episode["incident"])["record"]]
    assert events.index("approved") < events.index("evidence") < events.index("mitigated")
    # What it has cost, and since when, as the counts say.
    record = stack.record(episode)
    *_, share = [entry["share"] for entry in record if entry["event"] == "spent"]
    *_, began = [entry["time"] for entry in record if entry["event"] == "began"]
    assert 0 < share < 1 and story.began(episode) - 60_000 < began < story.began(episode)
    # The bot's first message is brought up to date, and details go into its thread.
    first, *later = [message for message in stack.vendors.messages if message["to"].startswith("chat.")]
    assert first["to"] == "chat.postMessage" and "thread_ts" not in first
    assert {message["to"] for message in later if "blocks" in message} == {"chat.update"}
    assert all("thread_ts" in message for message in later if message["to"] == "chat.postMessage")


@needs_root
def test_a_full_disk_is_found(stack):
    episode = story.disk(stack)
    told(stack, episode, f"{stack.spool} is full: 0 B of 8.0 MiB are free")


def test_a_bad_release_is_found(stack):
    episode = story.release(stack)
    found = told(stack, episode, "% of the bad events have version=v2")
    assert not any("version=v1" in finding for finding in found[-5:]), found


@needs_root
def test_a_limit_that_holds_it_back_is_found(stack):
    episode = story.limit(stack)
    told(stack, episode, f"/shop-{os.getpid()} was throttled by its CPU limit of 0.06 CPUs")


def test_nothing_was_refused(stack):
    assert stack.vendors.refused == []


def test_the_server_counts_itself(stack):
    text = story.wait_for("rest", lambda: (text := story.get(f"{stack.url('serve')}/metrics")) and "waiting_incidents 0" in text and text, 20)
    assert 'slo_bad_events_total{service="slo-serve",slo="send-availability"} 0' in text, "every message is taken at the first attempt"
    for part in ('operation="step"', 'operation="send"', 'http_route="/alerts/alertmanager"', "slo_serve_waiting_incidents 0"):
        assert part in text, f"{part}: {text}"
    subprocess.run([story.program("promtool"), "check", "metrics"], input=text, text=True, check=True, capture_output=True)


def test_times_by_hand_and_by_the_system(stack):
    """What people do is drawn, what the system does is measured; the same person takes the same time to come."""
    remedied = next(one for one in reversed(stack.episodes()) if one["steps"][-1]["state"] == "succeeded")
    machine = mttr.measured(stack.record(remedied))
    assert 0 < machine["notify"] < 1 and 0 < machine["diagnose"] < 1 and 0 < machine["mitigate"] < 1
    by_hand, by_system = mttr.compared([machine] * 200)
    assert [one["acknowledge"] for one in by_hand] == [one["acknowledge"] for one in by_system]
    # The draws are what is assumed.
    assert 0.9 < mttr.mean([one["diagnose"] for one in by_hand]) / mttr.ASSUMED["diagnose by hand"][0] < 1.1
    assert all(system["restore"] < hand["restore"] for hand, system in zip(by_hand, by_system, strict=True))
    table = mttr.table(by_hand, by_system)
    assert "| restore |" in table and "| acknowledge |" in table and "the same" in table


def test_what_people_see(stack, tmp_path):
    page = render.page(stack.vendors)
    assert "Resolved: " in page and "recycle the pool" in page
    assert page.count("<article class=pagerduty>") == sum(map(len, stack.vendors.alerts.values()))
    assert page.count("<article class=slack>") == len(stack.vendors.messages)
