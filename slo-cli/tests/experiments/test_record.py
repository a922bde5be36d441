"""Runs of experiments in the record of incidents."""

import datetime
import json
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time

from faults import Sleeper, built, wait_for
from prometheus import Prometheus
from test_experiments import Experiment, stopping

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "serve"))
from test_serve import Server, Vendors, alert  # noqa: E402


class Kept(Experiment):
    """An experiment whose run is in the record of a server."""

    def command(self, verb, *options):
        more = ["--config", "serve.yaml"] if verb == "run" else []
        return super().command(verb, *more, *options)


def shown(folder):
    command = [built("slo"), "incidents", "list", "--config", "serve.yaml", "--format", "json"]
    rows = json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)
    show = [built("slo"), "incidents", "show", rows[0]["incident"], "--config", "serve.yaml"] if rows else ["true"]
    return subprocess.run(show, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_an_incident_says_that_an_experiment_was_running(tmp_path):
    sleeper = Sleeper(tmp_path, "victim")
    try:
        with Vendors() as vendors, Prometheus() as prometheus, Server(tmp_path, vendors) as server:
            experiment = Kept(tmp_path, prometheus, stopping(sleeper))
            process = experiment.start()
            experiment.injected(process)
            assert server.post(alert(starts=datetime.datetime.now(datetime.UTC).isoformat()))[0] == 200
            wait_for("the experiment", lambda: "an experiment was running since" in shown(tmp_path), 20)
            text = shown(tmp_path)
            assert f"SIGSTOP to the process of {sleeper.pid_file} (x-" in text, text
            # Slack and PagerDuty say so, too.
            wait_for("Slack", lambda: "an experiment was running" in str(vendors.messages), 20)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            with sqlite3.connect(tmp_path / "slo.db") as store:
                [(until, body)] = store.execute("SELECT until, body FROM runs").fetchall()
            assert until < time.time() * 1_000 and json.loads(body)[-1]["event"] == "ended"
    finally:
        sleeper.end()


def test_a_record_that_is_lost_ends_the_fault(tmp_path):
    sleeper = Sleeper(tmp_path, "victim")
    try:
        with Vendors() as vendors, Prometheus() as prometheus:
            with Server(tmp_path, vendors):
                pass
            experiment = Kept(tmp_path, prometheus, stopping(sleeper))
            process = experiment.start()
            experiment.injected(process)
            for path in tmp_path.glob("slo.db*"):
                path.unlink()
            wait_for("the end of the fault", sleeper.sleeps, 10)
            out, error = process.communicate(timeout=30)
            stop = json.loads(out)["stop"]
            assert process.returncode == 4 and stop["reason"] == "failed" and "the store" in stop["error"], (stop, error)
            # What the record missed is in the journal, and the next run writes it.
            (tmp_path / "serve.log").unlink()
            with Server(tmp_path, vendors):
                pass
            second = experiment.start()
            wait_for("the next run", lambda: len(list(experiment.journals.glob("*.jsonl"))) == 2, 20)
            experiment.injected(second)
            second.send_signal(signal.SIGINT)
            second.communicate(timeout=30)
            with sqlite3.connect(tmp_path / "slo.db") as store:
                assert store.execute("SELECT count(*) FROM runs WHERE until < ?", [time.time() * 1_000]).fetchall() == [(2,)]
    finally:
        sleeper.end()
