"""The tutorials, run as they are written: the files of their blocks, and their commands one after another."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples" / "incident-response"))
from story import ROUTING_KEY, built, program, wait_for  # noqa: E402
from vendors import Vendors  # noqa: E402

BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.M | re.S)


class Reader:
    """Somebody who follows a page in a folder."""

    def __init__(self, page, folder):
        self.folder, self.running = folder, []
        self.blocks = [(language, re.sub(rf"^{indent}", "", body, flags=re.M)) for indent, language, body in BLOCK.findall(page.read_text())]
        tools = {pathlib.Path(built("slo")).parent, pathlib.Path(program("prometheus")).parent}
        self.environment = {**os.environ, "PATH": ":".join([*map(str, tools), os.environ["PATH"]])}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.running:
            process.wait(timeout=60)

    def block(self, having):
        """The only block with this text in it."""
        (found,) = [body for _, body in self.blocks if having in body]
        return found

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commands(self, having):
        """The commands of a block, without their comments."""
        text = re.sub(r"\\\n\s*", " ", self.block(having))
        return [line.split("  #")[0].strip() for line in text.splitlines() if line.strip()]

    def run(self, command):
        ran = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert ran.returncode == 0, f"{command}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def leave_running(self, command):
        log = self.folder / f"log-{len(self.running)}"
        with open(log, "w") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=file, stderr=file, start_new_session=True
            )
        self.running.append(process)
        return log


def free(*ports):
    for port in ports:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", port))


def test_from_nothing_to_a_page(tmp_path):
    free(8081, 8082, 8083, 9090)
    with Reader(ROOT / "docs" / "getting-started.md", tmp_path) as reader:
        install, build, services = reader.commands("cargo install")
        # `cargo install` and `cargo build` are run before the tests; this outage comes sooner.
        assert install == "cargo install --path slo-cli" and build == "cargo build --release -p three-services"
        assert "checkout@60s..600s" in services
        services = services.replace("checkout@60s..600s", "checkout@6s..600s")
        reader.leave_running(services.replace("target/release/three-services", built("three-services")))
        reader.write("slo.yaml", reader.block("version: slo/v1"))
        for command in reader.commands("slo validate") + reader.commands("slo generate"):
            reader.run(command)
        reader.write("prometheus.yml", reader.block("rule_files"))
        (command,) = reader.commands("prometheus --config.file")
        reader.leave_running(command)
        (status,) = reader.commands("slo status")
        wait_for("the page", lambda: "page: fast" in reader.run(f"{status} || true"), 90)
        # The table of the page has the same columns.
        header = reader.block("SLI so far").splitlines()[0].split()
        assert reader.run(status).splitlines()[0].split() == header


def test_from_a_page_to_a_diagnosis(tmp_path):
    free(9099)
    with Vendors() as vendors, Reader(ROOT / "docs" / "response.md", tmp_path) as reader:
        configuration = reader.block("store: sqlite:slo.db")
        # As the page says, for a trial.
        assert "pagerduty: {routing_key_file: secrets/pagerduty}" in configuration
        reader.write("serve.yaml", configuration.replace("secrets/pagerduty}", f'secrets/pagerduty, url: "{vendors.url}"}}'))
        reader.write("secrets/pagerduty", ROUTING_KEY)
        reader.write("secrets/slack", f"{vendors.url}/slack")
        reader.write("slo.yaml", reader.block("page: {response: checkout-down}"))
        for command in reader.commands("slo alertmanager slo.yaml"):
            reader.run(command)
        assert (tmp_path / "secrets/default/pagerduty-routing-key").read_text() == ROUTING_KEY
        assert (tmp_path / "alertmanager.yml").exists() and (tmp_path / "deploy/rules/checkout.yaml").exists()
        check, serve = reader.commands("slo serve serve.yaml --check")
        reader.run(check)
        log = reader.leave_running(serve)
        wait_for("slo serve", lambda: "listening" in log.read_text(), 20)
        # The alert of the page names the runbook as the rules do.
        alert = reader.block('"groupKey": "trial"')
        assert "slo_response: checkout-down" in (tmp_path / "deploy/rules/checkout.yaml").read_text()
        reader.write("alert.json", alert)
        (curl,) = reader.commands("curl -H")
        reader.run(curl)
        listing, *others = reader.commands("slo incidents list --config")
        wait_for("the incident", lambda: "checkout" in reader.run(listing), 20)
        (incident,) = json.loads(reader.run(f"{listing} --format json"))
        written = {pathlib.Path(line.split("--out ")[1]) for line in others if "--out " in line}
        for command in others:
            command = command.replace("8f6a0b05", incident["incident"][:8])
            if " approve " in command:
                show = f"slo incidents show {incident['incident']} --config serve.yaml"
                wait_for("the question", lambda: "restart" in reader.run(show), 20)
            reader.run(command)
        assert written == {pathlib.Path("postmortem.md"), pathlib.Path("incidents.jsonl")}
        assert all((tmp_path / file).stat().st_size > 100 for file in written)
