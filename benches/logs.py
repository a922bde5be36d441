#!/usr/bin/env python3
"""`slo logs` beside drain3, with grep as the floor: lines a second, memory, and the same groups.

The lines are those of the labelled corpora in testdata/logs, a million of them, with a time before each. Then a million lines that
all need a template of their own. Needs `cargo build --release -p slo-cli`, and `pip install ./slo-py drain3`.
"""

import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

from drain3 import TemplateMiner
from drain3.drain import Drain
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

from slo.logs import Logs

ROOT = pathlib.Path(__file__).resolve().parents[1]
SLO = ROOT / "target" / "release" / "slo"
LINES = int(os.environ.get("LINES", "1000000"))
# drain3 takes a tenth of the lines: its speed does not depend on how many there are.
THEIRS = LINES // 10


def corpus():
    lines = []
    for path in sorted((ROOT / "testdata" / "logs").glob("*.log")):
        lines += [re.sub(r"^⟦.*?⟧ ", "", line) for line in path.read_text().splitlines()]
    chance = random.Random(1)
    # Numbers differ from line to line, as they do in logs.
    vary = lambda line: re.sub(r"\d{3,}", lambda number: str(chance.randrange(10 ** len(number[0]))), line)  # noqa: E731
    return [vary(chance.choice(lines)) for _ in range(LINES)]


def hostile():
    letters = "abcdefghij"
    word = lambda number: "".join(letters[int(digit)] for digit in f"{number % 10**7:07}")  # noqa: E731
    return [f"{word(number)} {word(number * 7919)} {word(number * 104729)}" for number in range(LINES)]


# A child begins with the memory of its parent, so the parent is small.
RUN = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, _, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - began, usage.ru_maxrss / 1024)
"""


def run(*argv):
    """Seconds, and the most memory in MiB."""
    ran = subprocess.run([sys.executable, "-c", RUN, *map(str, argv)], capture_output=True, text=True, check=True)
    return tuple(map(float, ran.stdout.split()))


def masking():
    """Masks of drain3 for the same things: its own examples of masks."""
    config = TemplateMinerConfig()
    config.masking_instructions = [
        MaskingInstruction(pattern, name)
        for pattern, name in [
            (r"((?<=[^A-Za-z0-9])|^)(([0-9a-f]{2,}:){3,}([0-9a-f]{2,}))((?=[^A-Za-z0-9])|$)", "ID"),
            (r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)", "IP"),
            (r"((?<=[^A-Za-z0-9])|^)([0-9a-f]{6,} ?){3,}((?=[^A-Za-z0-9])|$)", "SEQ"),
            (r"((?<=[^A-Za-z0-9])|^)([0-9A-F]{4} ?){4,}((?=[^A-Za-z0-9])|$)", "SEQ"),
            (r"((?<=[^A-Za-z0-9])|^)(0x[a-f0-9A-F]+)((?=[^A-Za-z0-9])|$)", "HEX"),
            (r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)", "NUM"),
        ]
    ]
    config.profiling_enabled = False
    return TemplateMiner(config=config)


def main():
    lines = corpus()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "lines.log"
        path.write_text("\n".join(f"2026-12-01T{index // 3600 % 24:02}:{index // 60 % 60:02}:{index % 60:02}Z {line}" for index, line in enumerate(lines)) + "\n")
        size = path.stat().st_size / 1e6
        print(f"{LINES} lines, {size:.0f} MB")
        speeds = {}
        for name, argv in {
            "grep -c": ["grep", "-c", "no such line", path],
            "slo logs": [SLO, "logs", path],
            "slo logs --no-masks": [SLO, "logs", "--no-masks", path],
        }.items():
            seconds, memory = min(run(*argv) for _ in range(3))
            speeds[name] = LINES / seconds
            print(f"{name}: {speeds[name] / 1e3:.0f} thousand lines a second, {size / seconds:.0f} MB/s, {memory:.0f} MiB")
        drain = Drain()
        for name, add in {"drain3, without masks": drain.add_log_message, "drain3, with its masks": masking().add_log_message}.items():
            began = time.perf_counter()
            for line in lines[:THEIRS]:
                add(line)
            speeds[name] = THEIRS / (time.perf_counter() - began)
            print(f"{name}: {speeds[name] / 1e3:.1f} thousand lines a second")
        logs = Logs(masks=False)
        logs.add(message=lines[:THEIRS])
        same = [row["text"] for row in logs.templates()] == [cluster.get_template() for cluster in sorted(drain.clusters, key=lambda one: one.cluster_id)]
        print(f"the same {len(logs)} templates as drain3 without masks: {same}")
        print(
            f"slo logs is {speeds['slo logs'] / speeds['drain3, with its masks']:.0f} times as fast with masks, "
            f"{speeds['slo logs --no-masks'] / speeds['drain3, without masks']:.0f} times without; grep {speeds['grep -c'] / speeds['slo logs']:.1f} times as fast as slo logs"
        )
        path.write_text("\n".join(hostile()) + "\n")
        seconds, memory = run(SLO, "logs", path)
        print(f"{LINES} lines of {LINES} templates: slo logs {LINES / seconds / 1e3:.1f} thousand lines a second, {memory:.0f} MiB")
        drain, some = Drain(max_clusters=10_000), hostile()[: 10_000 + 500]
        for line in some[:10_000]:
            drain.add_log_message(line)
        began = time.perf_counter()
        for line in some[10_000:]:
            drain.add_log_message(line)
        print(f"drain3 with as many templates at most: {500 / (time.perf_counter() - began):.0f} lines a second")


if __name__ == "__main__":
    sys.exit(main())
