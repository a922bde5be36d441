"""`slo traces` on spans that OpenTelemetry's SDK has written."""

import gzip
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
sys.path.insert(0, str(ROOT / "slo-py" / "tests"))
from running import built  # noqa: E402
from spans import as_json, shop  # noqa: E402

SPEC = """
version: slo/v1
service: shop
slos:
  - {name: latency, objective: 99%, window: 30d, sli: {latency: {histogram: shop_seconds, threshold: 100ms}}}
  - {name: orders, objective: 99%, window: 30d, sli: {events: {total: a, bad: b}}}
"""


def slo(*words, stdin=None):
    ran = subprocess.run([built("slo"), "traces", *map(str, words)], input=stdin, capture_output=True, timeout=60)
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    before = shop([{}] * 20)
    now = shop([{}] * 6 + [{"stock": 200, "pod": "b"}] * 4 + [{"error": True}] * 2)
    (folder / "before.pb").write_bytes(before.SerializeToString())
    with gzip.open(folder / "now.json.gz", "wt") as file:
        file.write(as_json(now))
    (folder / "slo.yaml").write_text(SPEC)
    return folder


def test_whose_time_it_is(files):
    code, out, talk = slo(files / "now.json.gz", "--baseline", files / "before.pb", "--threshold", "100ms")
    assert code == 0, talk
    lines = out.splitlines()
    assert lines[0] == "12 requests, 4 of them slower than 100ms"
    assert lines[1] == "they take 220ms on average, 30.0ms usually; whose time the extra 190ms is:"
    assert lines[4].split() == ["stock", "100%", "100–100%", "190ms", "10.0ms"]
    assert "stock reserve" in out and "failed first" in out and "pod=b" in out


def test_a_latency_slo_says_what_is_slow(files):
    code, out, talk = slo(files / "now.json.gz", "--spec", files / "slo.yaml", "--slo", "shop/latency", "--format", "json")
    assert code == 0, talk
    found = json.loads(out)
    assert (found["requests"], found["threshold_seconds"], found["attribution"]["slow"]) == (12, 0.1, 4)
    first = found["attribution"]["services"][0]
    assert (first["of"], round(first["share"], 6)) == ("stock", 1)
    assert found["errors"] == [{"operation": {"service": "stock", "name": "reserve"}, "requests": 2, "share": 1.0}]


def test_the_slowest_twentieth_is_slow_by_default(files):
    code, out, talk = slo("-", "--baseline", files / "before.pb", stdin=gzip.decompress((files / "now.json.gz").read_bytes()))
    assert code == 0 and out.startswith("12 requests, 4 of them slower than 30.0ms\n"), talk


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["none.pb"], 3, "none.pb: No such file"),
        (["slo.yaml"], 1, "slo.yaml: neither JSON nor protobuf of OTLP"),
        (["before.pb", "--threshold", "1s"], 0, ""),
        (["before.pb", "--service", "mail"], 1, "no request to mail"),
        (["before.pb", "--spec", "slo.yaml", "--slo", "shop/orders"], 2, "it is not of latency"),
        (["before.pb", "--spec", "slo.yaml", "--slo", "shop/none"], 2, "no such SLO"),
        (["before.pb", "--slo", "shop/latency"], 2, "--spec"),
    ],
)
def test_wrong_calls(files, words, code, told):
    words = [str(files / word) if word.endswith((".pb", ".yaml")) else word for word in words]
    got, _, talk = slo(*words)
    assert got == code and told in talk
