"""Starts the programs of the end-to-end test once for all its tests."""

import subprocess

import pytest
from stack import SPEC, SPEED, World, built, free_ports, http_get, listen, program, wait_for


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("end_to_end")
    world = World(folder)
    webhook = listen(world)
    world.prometheus, world.alertmanager = free_ports(6) + 4, free_ports(6) + 5
    promtool = program("promtool")

    generate = [built("slo"), "generate", str(SPEC), "--time-scale", str(SPEED), "--out", str(folder)]
    subprocess.run(generate, check=True)
    rules = sorted((folder / "rules").glob("*.yaml"))
    assert [path.stem for path in rules] == ["checkout", "login", "search"]
    subprocess.run([promtool, "check", "rules", *map(str, rules)], check=True)

    (folder / "alertmanager.yml").write_text(f"""
route:
  receiver: webhook
  group_by: [alertname, service, slo, burn_tier]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: webhook
    webhook_configs:
      - url: http://127.0.0.1:{webhook.server_port}/
        send_resolved: true
""")
    targets = "".join(
        f"""
  - job_name: {service}
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]"""
        for port, service in enumerate(["checkout", "search", "login"], world.port + 1)
    )
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 1s}}
rule_files: ['rules/*.yaml']
alerting:
  alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{world.alertmanager}']}}]}}]
scrape_configs:{targets}
""")
    subprocess.run([promtool, "check", "config", str(folder / "prometheus.yml")], check=True)

    try:
        world.start(
            "alertmanager",
            program("alertmanager", "prometheus-alertmanager"),
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/alertmanager",
            f"--web.listen-address=127.0.0.1:{world.alertmanager}",
            "--cluster.listen-address=",
        )
        wait_for("Alertmanager", lambda: http_get(f"http://127.0.0.1:{world.alertmanager}/-/ready"), 30)
        world.start("three-services", built("three-services"), "--idle", "--port", str(world.port))
        wait_for("the services", world.statuses, 30)
        world.start(
            "prometheus",
            program("prometheus"),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{world.prometheus}",
            "--rules.alert.resend-delay=1s",
        )
        # The rules count from the second tile on: the load begins when there is one.
        wait_for("the first tiles", lambda: len(world.recorded("slo:sli_bad:increase1s")) == 6, 30)
        yield world
    finally:
        world.stop()
        webhook.shutdown()
        for log in sorted(folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-4000:]}")
