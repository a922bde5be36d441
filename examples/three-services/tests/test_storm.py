"""A million requests that end in every way there is: clients, process and Prometheus count the same."""

import json
import pathlib
import signal

import pytest
from stack import World, built, free_ports, http_get, program, wait_for

REQUESTS = 1_000_000
SERVICES = ["checkout", "search", "login"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("storm")
    world = World(folder)
    world.prometheus = free_ports(6) + 4
    targets = "".join(
        f"""
  - job_name: {service}
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]"""
        for port, service in enumerate(SERVICES, world.port + 1)
    )
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:{targets}
""")
    try:
        world.start("three-services", built("three-services"), "--storm", str(REQUESTS), "--port", str(world.port))
        world.start(
            "prometheus",
            program("prometheus"),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{world.prometheus}",
        )
        yield world
    finally:
        world.stop()
        for log in sorted(pathlib.Path(folder).glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-4000:]}")


def ends(world):
    """How the clients saw their requests end, by service."""
    report = json.loads(http_get(f"http://127.0.0.1:{world.port}/storm.json"))
    return {entry["service"]: entry["ends"] for entry in report}


def counted(metrics):
    """How requests ended, of pairs of labels and counts."""
    names = {"503": "error", "panic": "panic", "stream_error": "reset", "cancelled": "given up", "": "answered"}
    counts = {}
    for labels, count in metrics:
        name = names[labels.get("error_type", "") or labels.get("reason", "")]
        # A series is there, at zero, before anything of its kind has happened.
        if count > 0:
            counts[name] = counts.get(name, 0) + count
    return counts


def in_prometheus(world, service):
    found = []
    for metric in ["http_server_request_duration_seconds_count", "slo_ignored_events_total"]:
        selector = f'{metric}{{job="{service}", http_route=~"/storm/.*"}}'
        found += world.query(selector)
    return counted(found)


def test_everybody_counts_the_same(world):
    def is_over():
        return sum(sum(one.values()) for one in ends(world).values()) == REQUESTS

    wait_for("the end of the storm", is_over, 300)
    wanted = {}
    for service, seen in ends(world).items():
        assert "lost" not in seen, seen
        assert set(seen) == {"answered", "error", "panic", "reset", "cancelled", "left"}
        seen["given up"] = seen.pop("cancelled") + seen.pop("left")
        wanted[service] = seen
    # The last scrape comes after the last request has ended.
    wait_for("Prometheus", lambda: {name: in_prometheus(world, name) for name in SERVICES} == wanted, 30)
    print(wanted)
    for number, service in enumerate(SERVICES, world.port + 1):
        text = http_get(f"http://127.0.0.1:{number}/metrics").decode()
        # The scrape itself and those before it are ignored, and so over.
        active = [line for line in text.splitlines() if line.startswith("http_server_active_requests{")]
        assert active == ['http_server_active_requests{http_request_method="GET"} 1'], (service, active)
    # At its end, the process compares what it counted itself.
    process = world.processes[0]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    log = (world.folder / "three-services.log").read_text()
    assert log.count("the same") == len(SERVICES) * 6 and "NOT the same" not in log
