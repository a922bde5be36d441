"""What the examples share: programs that run in the background, and waiting for them."""

import contextlib
import os
import pathlib
import random
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]


def built(name):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = target / "release" / name
    if not path.exists():
        raise SystemExit(f"{path} is missing: run cargo build --release -p slo-cli -p three-services -p incident-response -p chaos-staging")
    return str(path)


def program(*names):
    for name in names:
        if found := shutil.which(name):
            return found
    raise SystemExit(f"{names[0]} is missing: run scripts/setup")


def get(url):
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def post(url):
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5) as response:
        return response.read().decode()


def wait_for(what, condition, seconds):
    end = time.monotonic() + seconds
    while True:
        try:
            if value := condition():
                return value
        except (OSError, urllib.error.URLError, subprocess.CalledProcessError) as error:
            value = error
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s; last: {value!r}")
        time.sleep(0.1)


def free_ports(count):
    """The first of `count` neighbouring ports that are free; at another place for each caller, since suites run side by side."""
    starts = range(20_000, 32_700, 23)  # below the ports that the kernel gives to clients
    for first in random.sample(starts, len(starts)):
        with contextlib.ExitStack() as sockets:
            try:
                for port in range(first, first + count):
                    sockets.enter_context(socket.socket()).bind(("127.0.0.1", port))
                return first
            except OSError:
                continue
    raise SystemExit("no free ports")


class Processes:
    """Programs that run in the background, with their output in one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.processes = {}

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.end_all()

    def begin(self):
        """Starts what is always needed."""

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "a")
        self.processes[name] = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=self.folder)
        return self.processes[name]

    def end(self, name):
        if process := self.processes.pop(name, None):
            process.terminate()
            process.wait(timeout=40)

    def end_all(self):
        for name in list(self.processes)[::-1]:
            self.end(name)
