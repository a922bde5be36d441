"""`slo diagnose` on a machine that is made ill, one illness at a time."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SLO = ROOT / "target" / "release" / "slo"
CGROUPS = pathlib.Path("/sys/fs/cgroup")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="limits and mounts are root's to make: run the tests as root")


def diagnose(*options):
    done = subprocess.run([SLO, "diagnose", "--format", "json", *options], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def texts(*options, level=("critical", "warning", "info")):
    return [finding["text"] for finding in diagnose(*options)["findings"] if finding["level"] in level]


def eventually(find, patience=10):
    """The first text that is found; what there was, if none is."""
    end = time.monotonic() + patience
    while True:
        found = texts()
        for text in found:
            if find(text):
                return text
        assert time.monotonic() < end, found


@contextlib.contextmanager
def cgroup(controller, **settings):
    """A group of processes with limits: its folder, to whose processes one adds oneself."""
    unified = (CGROUPS / "cgroup.controllers").exists()
    folder = CGROUPS / ("" if unified else controller) / f"slo-test-{os.getpid()}"
    if unified:
        (CGROUPS / "cgroup.subtree_control").write_text(f"+{controller}")
    folder.mkdir()
    names = {"memory": "memory.max" if unified else "memory.limit_in_bytes"}
    for name, value in settings.items():
        if name == "cpu":
            if unified:
                (folder / "cpu.max").write_text(f"{value} 100000")
            else:
                (folder / "cpu.cfs_quota_us").write_text(str(value))
        else:
            (folder / names[name]).write_text(str(value))
    try:
        yield folder
    finally:
        end = time.monotonic() + 10
        while True:
            try:
                folder.rmdir()
                break
            except OSError:
                assert time.monotonic() < end, "its processes do not end"
                time.sleep(0.1)


@contextlib.contextmanager
def process(code, folder=None):
    enter = f"open({str(folder / 'cgroup.procs')!r}, 'w').write('0')\n" if folder else ""
    child = subprocess.Popen([sys.executable, "-c", enter + code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def nearly_full():
    """What is said of the file systems of this machine that have less than 5 % of their space free."""
    for path in {line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()}:
        with contextlib.suppress(OSError):
            space = os.statvfs(path)
            if space.f_blocks and space.f_bavail / space.f_blocks < 0.05:
                yield from (f"{path} is nearly full", f"{path} is full")


def test_a_healthy_machine_has_nothing_wrong():
    # Other tests may just have ended, and some have had processes killed: neither is an illness of the machine.
    # Nor is a disk that is in fact nearly full a fault of the command.
    true = ("the OOM killer killed", *(f"{text}:" for text in nearly_full()))
    end = time.monotonic() + 60
    while True:
        found = [text for text in texts(level=("critical", "warning")) if not text.startswith(true)]
        if not found or time.monotonic() > end:
            break
        time.sleep(1)
    assert found == []


@needs_root
def test_a_group_at_its_memory_limit():
    with cgroup("memory", memory=64 << 20) as folder:
        code = (
            "import time; kept = bytearray(40 << 20)\n"
            "for page in range(0, len(kept), 4096): kept[page] = 1\n"
            "print('ready', flush=True); time.sleep(60)"
        )
        with process(code, folder) as child:
            child.stdout.readline()
            used = next(folder.glob("memory.usage_in_bytes"), folder / "memory.current")
            limit = next(folder.glob("memory.limit_in_bytes"), folder / "memory.max")
            limit.write_text(str(int(used.read_text()) + (256 << 10)))
            text = eventually(lambda text: folder.name in text and "of its memory limit of" in text)
            assert text.startswith(f"/{folder.name} uses ")


@needs_root
def test_a_group_that_is_held_back():
    with cgroup("cpu", cpu=10_000) as folder, process("while True: pass", folder):
        text = eventually(lambda text: folder.name in text and "was throttled" in text)
        assert "of 0.1 CPUs" in text


@needs_root
def test_a_kill_for_want_of_memory():
    with cgroup("memory", memory=32 << 20) as folder:
        with process("kept = b'x' * (200 << 20); import time; time.sleep(60)", folder) as child:
            assert child.wait(timeout=30) == -9
        text = eventually(lambda text: text.startswith("the OOM killer killed "))
        assert "Killed process" in text
        eventually(lambda text: folder.name in text and "that the OOM killer killed" in text)


@needs_root
def test_a_full_file_system():
    folder = tempfile.mkdtemp()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    try:
        with contextlib.suppress(OSError), open(f"{folder}/full", "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 65_536)
        assert eventually(lambda text: folder in text) == f"{folder} is full: 0 B of 4.0 MiB are free"
    finally:
        subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder)


def test_connections_that_nobody_accepts():
    with socket.socket() as listener, contextlib.ExitStack() as clients:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4)
        for _ in range(8):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(listener.getsockname())
        port = listener.getsockname()[1]
        text = eventually(lambda text: f"127.0.0.1:{port}" in text)
        assert text == f"5 connections wait in the accept queue of 127.0.0.1:{port}, which has room for 4"


def test_a_process_that_takes_a_processor():
    with process("while True: pass") as child:
        text = eventually(lambda text: f"(process {child.pid})" in text)
        assert "uses 1.0 CPUs" in text or "uses 0.9 CPUs" in text


def test_a_zombie():
    with process("import subprocess, time; subprocess.Popen(['true']); time.sleep(60)") as child:
        text = eventually(lambda text: "is a zombie" in text and f"(process {child.pid}) has not reaped it" in text)
        assert text.startswith("true (process ")


def test_others_that_cannot_be_reached():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    found = texts("--peer", f"127.0.0.1:{port}", "--peer", "no-such-host.invalid:80")
    assert any(text.startswith(f"127.0.0.1:{port} cannot be reached: ") for text in found)
    assert any(text.startswith("no-such-host.invalid:80 cannot be reached: ") for text in found)
