"""A target for each kind of fault, with a probe that has nothing to do with slo."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import built, wait_for  # noqa: E402

TOKEN = "0123456789abcdef0123456789abcdef"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def state(pid):
    """The state of a process, as a letter; `X` if there is none."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


class Sleeper:
    """A process that only sleeps, with its number in a file. It can be started again by its script."""

    def __init__(self, folder, name):
        self.pid_file, self.script = folder / f"{name}.pid", folder / f"start-{name}"
        self.script.write_text(f"#!/bin/sh\necho $$ > {self.pid_file}.new; mv {self.pid_file}.new {self.pid_file}; exec sleep 3000\n")
        self.script.chmod(0o755)
        self.start()

    def start(self):
        # Twice removed, so that it is not this program's zombie.
        subprocess.run(["sh", "-c", f"setsid {self.script} >/dev/null 2>&1 &"], check=True)
        wait_for("a sleeper", self.sleeps, 10)

    def pid(self):
        return int(self.pid_file.read_text()) if self.pid_file.exists() else 0

    def sleeps(self):
        return self.pid() and state(self.pid()) == "S"

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid(), 9)


class Kill:
    def __init__(self, folder):
        self.sleeper = Sleeper(folder, "victim")
        self.fault = f"{{kill: {{pid_file: {self.sleeper.pid_file}, restart: [{self.sleeper.script}]}}}}"

    def is_gone(self):
        return self.sleeper.sleeps()

    def end(self):
        self.sleeper.end()


class Stop:
    def __init__(self, folder):
        self.sleeper = Sleeper(folder, "victim")
        self.fault = f"{{stop: {{pid_file: {self.sleeper.pid_file}}}}}"

    def is_gone(self):
        return self.sleeper.sleeps()

    def end(self):
        self.sleeper.end()


class Node:
    """Two processes, and a network namespace with a server where that is possible."""

    def __init__(self, folder):
        self.sleepers = [Sleeper(folder, name) for name in ("one", "other")]
        parts = [f"{{pid_file: {sleeper.pid_file}}}" for sleeper in self.sleepers]
        self.namespace = None
        if os.geteuid() == 0 and shutil.which("ip") and shutil.which("nft"):
            number = os.getpid() % 200 + 20
            self.namespace, self.address = f"slo-node-{os.getpid()}", f"10.99.{number}.2"
            host = f"slov{number}"
            for command in (
                f"ip netns add {self.namespace}",
                f"ip link add {host} type veth peer name eth0 netns {self.namespace}",
                f"ip address add 10.99.{number}.1/24 dev {host}",
                f"ip link set {host} up",
                f"ip -n {self.namespace} address add {self.address}/24 dev eth0",
                f"ip -n {self.namespace} link set eth0 up",
                f"ip -n {self.namespace} link set lo up",
            ):
                subprocess.run(command.split(), check=True)
            server = ["ip", "netns", "exec", self.namespace, sys.executable, "-m", "http.server", "8000"]
            self.server = subprocess.Popen(server, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            parts.append(f"{{network_namespace: {self.namespace}}}")
            wait_for("the node", self.answers, 10)
        self.fault = f"{{node: [{', '.join(parts)}]}}"

    def answers(self):
        try:
            socket.create_connection((self.address, 8000), timeout=0.3).close()
            return True
        except OSError:
            return False

    def is_gone(self):
        return all(sleeper.sleeps() for sleeper in self.sleepers) and (not self.namespace or self.answers())

    def end(self):
        for sleeper in self.sleepers:
            sleeper.end()
        if self.namespace:
            self.server.kill()
            self.server.wait()
            subprocess.run(["ip", "netns", "delete", self.namespace], check=True)


class Pressure:
    def __init__(self, folder):
        self.folder = folder / "pressed"
        self.folder.mkdir()
        disk = f"disk: {{folder: {self.folder}, size: 8MiB}}"
        self.fault = f"{{pressure: {{cpu: 1, memory: 16MiB, {disk}, descriptors: 50}}}}"

    def is_gone(self):
        # Whoever has a file of the folder open, also one without a name.
        for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                if os.readlink(link).startswith(str(self.folder)):
                    return False
        return True

    def end(self):
        pass


class Proxy:
    def __init__(self, folder):
        self.listen, control = free_port(), free_port()
        self.upstream = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.echo, daemon=True).start()
        command = [
            built("slo"), "proxy", "--listen", f"127.0.0.1:{self.listen}", "--control", f"127.0.0.1:{control}",
            "--upstream", f"127.0.0.1:{self.upstream.getsockname()[1]}",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.fault = f"{{proxy: {{control: 'http://127.0.0.1:{control}', latency: 300ms}}}}"
        wait_for("the proxy", self.is_gone, 10)

    def echo(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.upstream.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def serve(client):
        with contextlib.suppress(OSError), client:
            while data := client.recv(100):
                client.sendall(data)

    def is_gone(self):
        start = time.monotonic()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.listen), timeout=2) as client:
            client.sendall(b"x")
            return client.recv(1) == b"x" and time.monotonic() - start < 0.25
        return False

    def end(self):
        self.process.kill()
        self.process.wait()
        self.upstream.close()


class Service:
    """A program that links slo-instrument."""

    def __init__(self, folder):
        ports = [free_port(), free_port()]
        program = built("chaos-staging")
        inventory = [program, "inventory", "--port", str(ports[0])]
        replica = [
            program, "replica", "--port", str(ports[1]), "--inventory", f"127.0.0.1:{ports[0]}", "--pid-file",
            folder / "replica.pid", "--token", TOKEN,
        ]  # fmt: skip
        self.processes = [subprocess.Popen(command) for command in (inventory, replica)]
        self.url = f"http://127.0.0.1:{ports[1]}"
        (folder / "token").write_text(f"{TOKEN}\n")
        self.fault = f"{{service: {{control: '{self.url}/faults', token_file: {folder / 'token'}, errors: 100%}}}}"
        wait_for("the service", self.is_gone, 10)

    def is_gone(self):
        try:
            with urllib.request.urlopen(f"{self.url}/checkout", timeout=2) as response:
                return response.status == 200
        except OSError:
            return False

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


FAULTS = {"kill": Kill, "stop": Stop, "node": Node, "pressure": Pressure, "proxy": Proxy, "service": Service}
