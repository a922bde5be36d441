"""`slo experiment run`: whatever ends it, its fault is undone, and somebody says so."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest
from faults import FAULTS, Sleeper, built, state, wait_for
from prometheus import Prometheus

#: How many runs are killed for each fault.
KILLS = int(os.environ.get("SLO_EXPERIMENT_KILLS", "5"))
#: The guard looks so often, and the lease is four looks.
EVERY = 0.1
LEASE = 4 * EVERY
#: A machine that is busy with other tests is late.
SLACK = 0.6

SPEC = """
version: slo/v1
service: checkout
slos:
  - {name: availability, objective: 99%, window: 30d, sli: {events: {total: t_total, bad: b_total}}}
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root: run the tests as root")


class Experiment:
    """An experiment in a folder."""

    def __init__(self, folder, prometheus, fault, duration="1h", recovery="1s", spend="100%", more=""):
        self.folder, self.prometheus = folder, prometheus
        self.journals = folder / "journals"
        (folder / "slo.yaml").write_text(SPEC)
        (folder / "experiment.yaml").write_text(f"""
version: slo-experiment/v1
name: x
hypothesis: [{{slo: checkout/availability, tolerated_burn_rate: 5}}]
fault: {fault}
limits: {{spend: {spend}, duration: {duration}}}
guard: {{every: {round(EVERY * 1000)}ms}}
recovery: {recovery}
{more}""")

    def command(self, verb, *options):
        command = [built("slo"), "experiment", verb]
        if verb in ("run", "plan"):
            command += ["experiment.yaml", "slo.yaml", "--prometheus", self.prometheus.url, "--format", "json"]
        return [*command, "--journals", str(self.journals), *options]

    def start(self):
        return subprocess.Popen(
            self.command("run"), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def do(self, verb, *options):
        return subprocess.run(self.command(verb, *options), cwd=self.folder, capture_output=True, text=True, timeout=120)

    def runs(self):
        return json.loads(self.do("status", "--format", "json").stdout)

    def entries(self):
        """The journal of the newest run."""
        paths = sorted(self.journals.glob("*.jsonl"))
        lines = paths[-1].read_text().splitlines() if paths else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def events(self):
        return [entry["event"] for entry in self.entries()]

    def injected(self, process):
        wait_for("the fault", lambda: "injected" in self.events() or process.poll() is not None, 20)
        assert process.poll() is None, process.communicate()

    def watchdogs(self):
        """The watchdogs of this folder's journals."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if b"__hold" in words and any(str(self.journals).encode() in word for word in words):
                found.append(int(path.parent.name))
        return [pid for pid in found if state(pid) not in "XZ"]


@pytest.fixture
def prometheus():
    with Prometheus() as prometheus:
        yield prometheus


@pytest.fixture
def sleeper(tmp_path):
    sleeper = Sleeper(tmp_path, "victim")
    yield sleeper
    sleeper.end()


def stopping(sleeper):
    return f"{{stop: {{pid_file: {sleeper.pid_file}}}}}"


def gone_after(fault, experiment):
    """How long until the fault is gone for good, in seconds."""
    start = last = time.monotonic()
    while time.monotonic() - start < 20:
        if not fault.is_gone():
            last = time.monotonic()
        elif not experiment.watchdogs():
            break
        time.sleep(0.01)
    assert fault.is_gone(), "the fault is still there"
    return last - start


@pytest.mark.parametrize("kind", FAULTS)
def test_the_controller_may_be_killed_at_any_moment(kind, tmp_path, prometheus):
    fault = FAULTS[kind](tmp_path)
    experiment = Experiment(tmp_path, prometheus, fault.fault)
    chance = random.Random(KILLS)
    waits, began, injected, both = [], 0, 0, 0
    try:
        # A run counts once it has begun.
        while began < KILLS:
            process = experiment.start()
            # Half of the time while it begins.
            time.sleep(chance.uniform(0, chance.choice([0.3, 0.9])))
            # Sometimes the watchdog dies as well; then the next start undoes the fault, or a lease that somebody else keeps.
            kills_both = chance.random() < 0.1
            if kills_both:
                both += 1
                for pid in experiment.watchdogs():
                    os.kill(pid, signal.SIGKILL)
            process.kill()
            process.communicate()
            if not kills_both:
                waits.append(gone_after(fault, experiment))
            told = experiment.do("abort")
            assert told.returncode == 0, told.stderr
            assert fault.is_gone(), "the next start leaves the fault"
            if "begun" in (events := experiment.events()):
                began += 1
                injected += "injected" in events
                assert events[-1] == "ended", events
                assert "the controller died" in told.stderr or kills_both, told.stderr
                assert "stopped at" in told.stderr, told.stderr
            for path in experiment.journals.glob("*.jsonl"):
                path.unlink()
    finally:
        fault.end()
    print(f"{kind}: {began} runs killed, {injected} of them had injected, {both} with their watchdogs; "
          f"gone after {max(waits, default=0):.3f} s at most")
    assert max(waits, default=0) < LEASE + SLACK


def test_a_controller_that_hangs_loses_its_lease(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    process = experiment.start()
    experiment.injected(process)
    assert state(sleeper.pid()) == "T"
    os.kill(process.pid, signal.SIGSTOP)
    start = time.monotonic()
    wait_for("the end of the fault", sleeper.sleeps, 10)
    assert time.monotonic() - start < LEASE + SLACK
    os.kill(process.pid, signal.SIGCONT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 4
    assert json.loads(out)["stop"] == {"reason": "died"}


def test_a_watchdog_that_dies_is_noticed(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    process = experiment.start()
    experiment.injected(process)
    for pid in experiment.watchdogs():
        os.kill(pid, signal.SIGKILL)
    wait_for("the end of the fault", sleeper.sleeps, 10)
    out, error = process.communicate(timeout=30)
    finding = json.loads(out)
    assert (process.returncode, finding["outcome"], finding["not_undone"]) == (4, "inconclusive", [])
    assert finding["stop"] == {"reason": "failed", "error": "the watchdog ended"}


@pytest.mark.parametrize("mode", ["hangs", "fails", "html", "is stale", "is gone"])
def test_a_lost_prometheus_ends_the_fault(mode, tmp_path, sleeper):
    with Prometheus() as prometheus:
        experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
        process = experiment.start()
        experiment.injected(process)
        if mode == "is gone":
            prometheus.goes_away()
        prometheus.stale_since, prometheus.mode = time.time(), mode
        start = time.monotonic()
        wait_for("the end of the fault", sleeper.sleeps, 10)
        # Three looks without data, each of which may take until the next one.
        assert time.monotonic() - start < 6 * EVERY + SLACK
        out, _ = process.communicate(timeout=30)
        finding = json.loads(out)
        assert process.returncode == 4
        assert finding["stop"] == {"reason": "no_data", "slo": "checkout/availability", "looks": 3}


def test_scrapes_that_are_rare_are_no_missing_traffic(tmp_path, prometheus, sleeper):
    prometheus.scrapes_every = 2
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper), duration="5s", recovery="5s")
    process = experiment.start()
    out, error = process.communicate(timeout=60)
    assert json.loads(out)["stop"] == {"reason": "done"}, error


@needs_root
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_full_disk(when, tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper), duration="1s")
    experiment.journals.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", experiment.journals], check=True)

    def fill():
        with pytest.raises(OSError, match="No space left"), open(experiment.journals / "full", "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    try:
        if when == "before":
            fill()
            told = experiment.do("run")
            assert told.returncode == 3 and "No space left" in told.stderr, told
            assert sleeper.sleeps() and not list(experiment.journals.glob("*.jsonl"))
            return
        process = experiment.start()
        experiment.injected(process)
        fill()
        out, error = process.communicate(timeout=30)
        finding = json.loads(out)
        assert sleeper.sleeps() and finding["stop"] == {"reason": "done"}, error
        assert experiment.events()[-1] == "ended"
    finally:
        subprocess.run(["umount", experiment.journals], check=True)


def test_ctrl_c(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    process = experiment.start()
    experiment.injected(process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["stop"]) == (4, {"reason": "asked", "by": "Ctrl-C"})
    assert sleeper.sleeps() and experiment.runs()[0]["left"] == []


def test_ctrl_c_twice(tmp_path, prometheus, sleeper):
    # Nothing starts it again, so undoing takes long.
    experiment = Experiment(tmp_path, prometheus, f"{{kill: {{pid_file: {sleeper.pid_file}}}}}")
    process = experiment.start()
    experiment.injected(process)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == 3 and time.monotonic() - start < 2
    assert experiment.watchdogs(), "nobody looks after the fault"
    sleeper.start()
    wait_for("the end of the watchdog", lambda: not experiment.watchdogs(), 10)
    told = experiment.do("abort")
    assert told.returncode == 0 and "Ctrl-C stopped it; its fault was undone at" in told.stderr, told.stderr
    assert experiment.runs()[0]["left"] == []


def test_somebody_else_aborts_and_nobody_begins_meanwhile(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    process = experiment.start()
    experiment.injected(process)
    other = experiment.do("run")
    assert other.returncode == 3 and "is running" in other.stderr and "slo experiment abort" in other.stderr, other.stderr
    told = experiment.do("abort", "--who", "ann")
    assert told.returncode == 0 and "ann stopped it; its fault was undone" in told.stderr, told.stderr
    assert sleeper.sleeps()
    out, _ = process.communicate(timeout=30)
    assert json.loads(out)["stop"] == {"reason": "asked", "by": "ann"}
    again = experiment.do("abort")
    assert again.returncode == 0 and "no experiment is running, and nothing is left of one" in again.stderr, again.stderr


def test_what_cannot_be_undone_is_said_until_it_is(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    process = experiment.start()
    experiment.injected(process)
    for pid in (process.pid, *experiment.watchdogs()):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    status = experiment.do("status")
    assert f"process {sleeper.pid()} goes on" in status.stdout, status.stdout
    assert experiment.runs()[0]["left"] == [f"process {sleeper.pid()} goes on"]
    assert state(sleeper.pid()) == "T"
    # The next start undoes it before it does anything else.
    second = experiment.start()
    wait_for("the next run", lambda: len(list(experiment.journals.glob("*.jsonl"))) == 2, 20)
    second.send_signal(signal.SIGINT)
    _, told = second.communicate(timeout=30)
    assert "the controller died, or did not answer in time; its fault was undone at" in told, told


def test_a_process_that_starts_slowly_is_started_once(tmp_path, prometheus, sleeper):
    starts = tmp_path / "starts"
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho >> {starts}\nsleep 8\nexec {sleeper.script}\n")
    slow.chmod(0o755)
    fault = f"{{kill: {{pid_file: {sleeper.pid_file}, restart: [{slow}]}}}}"
    experiment = Experiment(tmp_path, prometheus, fault, duration="1s")
    process = experiment.start()
    out, error = process.communicate(timeout=60)
    assert json.loads(out)["not_undone"] == [], error
    assert sleeper.sleeps() and len(starts.read_text()) == 1


def test_a_service_that_breaks_is_spared(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    process = experiment.start()
    experiment.injected(process)
    prometheus.turns(0.2)
    wait_for("the end of the fault", sleeper.sleeps, 10)
    prometheus.turns(0.0)
    out, error = process.communicate(timeout=30)
    finding = json.loads(out)
    assert (process.returncode, finding["outcome"]) == (1, "broken")
    assert finding["stop"] == {"reason": "broken", "slo": "checkout/availability"}
    assert error.strip().splitlines()[-1].startswith("broken: checkout/availability does not survive this fault")


def test_the_cap_on_spend_is_exceeded_by_no_more_than_was_in_flight(tmp_path, prometheus, sleeper):
    # Within what is tolerated, but the cap is 20 bad events.
    prometheus.rate = 500
    share = 20 / (500 * 0.01 * 30 * 86_400)
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper), spend=f"{share * 100:.8f}%")
    process = experiment.start()
    experiment.injected(process)
    prometheus.turns(0.04)
    out, _ = process.communicate(timeout=30)
    finding = json.loads(out)
    assert finding["stop"] == {"reason": "spent", "slo": "checkout/availability"}
    # Between two looks, two bad events come.
    [slo] = finding["slos"]
    assert slo["most_bad"] in (19, 20) and slo["most_bad"] < slo["bad"] <= slo["most_bad"] + 1 + 500 * 0.04 * (EVERY + 0.1), slo


def test_nothing_to_inject_is_told(tmp_path, prometheus, sleeper):
    sleeper.end()
    wait_for("its end", lambda: not sleeper.sleeps(), 5)
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    for verb in ("plan", "run"):
        told = experiment.do(verb)
        assert told.returncode == 4 and "victim.pid: no such process is running" in told.stderr, told
    assert not list(experiment.journals.glob("*.jsonl"))


def test_a_fault_that_would_hit_slo_itself_is_refused(tmp_path, prometheus):
    (tmp_path / "own.pid").write_text(str(os.getpid()))
    told = Experiment(tmp_path, prometheus, f"{{stop: {{pid_file: {tmp_path}/own.pid}}}}").do("run")
    assert told.returncode == 4 and "is slo itself, or one that started it" in told.stderr, told


def test_an_old_pid_file_is_refused(tmp_path, prometheus, sleeper):
    # As after a restart of the machine: the number is another process' now.
    os.utime(sleeper.pid_file, (time.time() - 3_600,) * 2)
    told = Experiment(tmp_path, prometheus, stopping(sleeper)).do("run")
    assert told.returncode == 4 and "started after the file was written" in told.stderr, told
    assert sleeper.sleeps()


def test_relative_paths_are_undone_from_elsewhere(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, f"{{kill: {{pid_file: victim.pid, restart: [./{sleeper.script.name}]}}}}")
    process = experiment.start()
    experiment.injected(process)
    for pid in (process.pid, *experiment.watchdogs()):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    assert not sleeper.sleeps()
    told = subprocess.run(experiment.command("abort"), cwd="/", capture_output=True, text=True)
    assert told.returncode == 0 and sleeper.sleeps(), told


def test_a_journal_that_cannot_be_read_is_told_and_left_alone(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper), duration="1s")
    experiment.journals.mkdir()
    foreign = experiment.journals / "foreign.jsonl"
    foreign.write_text('{"at": 1, "event": "of a later version"}\n')
    assert experiment.start().wait(timeout=60) in (0, 4)
    told = experiment.do("status")
    assert told.returncode == 0 and "foreign.jsonl:1: " in told.stderr and "x-" in told.stdout, told
    assert experiment.do("abort").returncode == 0 and foreign.exists()


def test_a_folder_of_journals_may_vanish(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    process = experiment.start()
    experiment.injected(process)
    shutil.rmtree(experiment.journals)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    wait_for("the end of the fault", sleeper.sleeps, 10)


def test_the_recovery_may_not_be_seen(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper), duration="1s", recovery="30s")
    process = experiment.start()
    wait_for("the end of the fault", lambda: "undone" in experiment.events(), 20)
    prometheus.mode = "fails"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    finding = json.loads(out)
    assert (process.returncode, finding["outcome"]) == (4, "inconclusive")
    assert finding["next_step"].startswith("It held, but nobody saw"), finding


def test_the_plan_says_what_would_be_hit(tmp_path, prometheus, sleeper):
    told = Experiment(tmp_path, prometheus, stopping(sleeper)).do("plan")
    assert told.returncode == 0 and json.loads(told.stdout)["targets"] == [f"process {sleeper.pid()}: sleep 3000"], told
    for fault, why in [
        ("{pressure: {disk: {folder: /nowhere, size: 1MiB}}}", "/nowhere: there is no such file or folder"),
        ("{proxy: {control: 'http://127.0.0.1:1', latency: 1s}}", "http://127.0.0.1:1/toxic: nothing listens there"),
        (f"{{proxy: {{control: '{prometheus.url}', latency: 1s}}}}", "/toxic: this is no control address"),
        ("{node: [{network_namespace: nowhere}]}", "there is no network namespace nowhere"),
        ("{pods: {namespace: shop, selector: app=checkout}}", "this build of slo cannot inject `pods`"),
    ]:
        told = Experiment(tmp_path, prometheus, fault).do("plan")
        assert told.returncode == 4 and why in told.stderr, (fault, told)


def test_a_run_that_is_left_behind_is_called_so(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper))
    process = experiment.start()
    experiment.injected(process)
    assert experiment.runs()[0]["state"] == "running"
    for pid in (process.pid, *experiment.watchdogs()):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    told = experiment.do("status")
    assert "left behind" in told.stdout and "slo experiment abort" in told.stderr, told
    assert experiment.do("abort").returncode == 0 and experiment.runs()[0]["state"] == "ended"


def test_the_plan_forbids(tmp_path, prometheus, sleeper):
    experiment = Experiment(tmp_path, prometheus, stopping(sleeper), more="before: {budget_left: 20%}\n")
    for verb in ("plan", "run"):
        told = experiment.do(verb)
        assert told.returncode == 4 and "it is not known how much of the budget is left" in told.stderr, told
    assert sleeper.sleeps() and not list(experiment.journals.glob("*.jsonl"))
