"""The Python of the READMEs runs as it is written, with data that stands for the reader's own."""

import pathlib
import re

import numpy as np
import pandas as pd
import pytest
import slo

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
SPEC = (ROOT / "testdata" / "rules" / "checkout.spec.yaml").read_text()


def blocks(page):
    return BLOCK.findall(page.read_text())


def frame(days=42, bad=lambda step: step % 120 == 0, step="5min"):
    """Six weeks of requests, of which a few fail."""
    times = pd.date_range("2026-10-05", periods=days * 288, freq=step, tz="UTC")
    total = np.full(len(times), 1_000)
    failed = np.array([10 if bad(number) else 0 for number in range(len(times))])
    failed[1_200:1_218] = 400
    return pd.DataFrame({"time": times, "total": total, "bad": failed})


class Prometheus:
    """A server that has the same."""

    def __init__(self, url):
        assert url.startswith("http")

    def fetch(self, wanted, last, progress=False):
        assert isinstance(wanted, slo.Slo) and last == "30d"
        return slo.Samples(frame())


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A folder with a specification, and a server."""
    (tmp_path / "slo.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slo, "Prometheus", Prometheus)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path


def test_of_the_project(reader):
    names = {"frame": frame()}
    (block,) = blocks(ROOT / "README.md")
    exec(block, names)
    assert names["availability"].budget.remaining(total=100_000, bad=250) == -1.5
    assert names["paged"].incidents


def test_of_the_package(reader):
    ours = blocks(ROOT / "slo-py" / "README.md")
    first, history, cluster, record = ours
    exec(first, names := {})
    columns = frame().rename(columns={"time": "ts", "total": "requests", "bad": "errors"})
    several = pd.concat([frame().assign(service=name) for name in ("checkout", "search")])
    names |= {
        "earlier": slo.Samples(frame(bad=lambda step: step % 20 == 0)),
        "known": [],
        "stable": slo.Samples(frame()),
        "canary": slo.Samples(frame()),
    }
    for line in history.splitlines():
        exec(line, names | {"frame": several if "fleet" in line else columns}, names)
    assert names["month"].sli < 1
    # A cluster and a record of incidents are those of other tests.
    for block in (cluster, record):
        compile(block, "README.md", "exec")
