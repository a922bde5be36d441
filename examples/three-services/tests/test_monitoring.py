"""`three-services --prometheus`: everything generated, started, and told."""

import pathlib
import re
import subprocess

from stack import built, free_ports, http_get, wait_for


def test_an_outage_is_told_with_everything_generated(tmp_path):
    port = free_ports(6)
    command = [built("three-services"), "--prometheus", "--port", str(port), "--outage", "checkout@6s..40s"]
    with (tmp_path / "out").open("w+") as out:
        program = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            said = lambda: (tmp_path / "out").read_text()  # noqa: E731
            wait_for("the page", lambda: ">> receiver slo-payments-page: firing" in said(), 50)
            text = said()
            folder = pathlib.Path(re.search(r"Generated    (\S+):", text)[1])
            assert f"http://127.0.0.1:{port + 4}/alerts" in text and f"http://127.0.0.1:{port + 5}/#/alerts" in text
            assert "page (fast) firing: checkout/availability is burning its error budget too fast" in text
            assert len(list((folder / "dashboards").glob("*.json"))) == 8
            assert b"slo-payments-page" in http_get(f"http://127.0.0.1:{port + 5}/api/v2/status")
            top = [built("slo"), "top", "--service", f"http://127.0.0.1:{port}", "--once"]
            rows = subprocess.run(top, capture_output=True, text=True, check=True).stdout.splitlines()
            assert rows[1].startswith("checkout/availability") and len(rows) == 7, rows
        finally:
            program.terminate()
            program.wait(20)


def test_what_is_not_installed_is_said():
    done = subprocess.run([built("three-services"), "--prometheus", "--port", str(free_ports(6))], env={"PATH": "/nowhere"}, capture_output=True, text=True)
    assert done.returncode == 1 and "hint: apt-get install prometheus" in done.stderr
