"""`slo logs`: formats, windows, an SLO on a real Prometheus, hostile lines, and bounded memory."""

import gzip
import json
import pathlib
import random
import struct
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples"))
from running import Processes, built, free_ports, get, program, wait_for  # noqa: E402

START = datetime(2026, 12, 1, tzinfo=timezone.utc)


def slo(*words, stdin=None, timeout=60):
    ran = subprocess.run([built("slo"), "logs", *map(str, words)], input=stdin, capture_output=True, timeout=timeout)
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def report(*words, stdin=None):
    code, out, error = slo(*words, "--format", "json", stdin=stdin)
    assert code == 0, error
    return json.loads(out)


def iso(minute):
    return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def shop(minutes, broken_from=None, seed=1):
    """The log of a shop; from a minute on, its database is away."""
    chance, lines = random.Random(seed), []
    for minute in range(minutes):
        broken = broken_from is not None and minute >= broken_from
        for _ in range(chance.randrange(8, 14)):
            second = f"{iso(minute)[:-3]}{chance.randrange(60):02}Z"
            if not broken or chance.random() < 0.2:
                lines.append(f"{second} INFO order {chance.randrange(10**6)} of 10.0.{chance.randrange(256)}.7 paid in {chance.randrange(400)}ms")
            else:
                lines.append(f"{second} ERROR order {chance.randrange(10**6)} failed: connection to 10.0.9.{chance.randrange(9)}:5432 refused")
                lines.append("  at Pool.connect(pool.js:17)")
            if chance.random() < (0.9 if broken else 0.05):
                lines.append(f"{second} WARN retry {chance.randrange(3)} for cart {chance.randrange(10**6)}")
    return "\n".join(lines) + "\n"


def test_templates(tmp_path):
    path = tmp_path / "shop.log"
    path.write_text(shop(60))
    code, out, talk = slo(path)
    rows = [line.split(None, 3) for line in out.splitlines()[1:]]
    assert [row[2:] for row in rows] == [["info", "order <num> of <ip> paid in <num>"], ["warn", "retry <num> for cart <num>"]]
    assert sum(int(row[0]) for row in rows) == len(path.read_text().splitlines())
    assert (code, "2 templates, from 2026-12-01T00:00:" in talk) == (0, True)


def test_what_is_unusual_about_a_window(tmp_path):
    path = tmp_path / "shop.log"
    path.write_text(shop(610, broken_from=600))
    code, out, talk = slo(path, "--since", iso(600), "--until", iso(610))
    assert code == 0 and "lines that belong to the line before them, such as those of a stack trace: " in talk
    assert "compared with 60 windows of 10 min before: 3 templates" in out
    rows = {line.split()[0]: line for line in out.splitlines()[2:]}
    assert rows["new"].split()[:2] == ["new", "error"] and rows["new"].endswith("order <num> failed: connection to <ip> refused")
    assert rows["swollen"].endswith("retry <num> for cart <num>")
    # The same files, from two workers and from standard input.
    half = path.read_text().splitlines(keepends=True)
    first, second = tmp_path / "a.log", tmp_path / "b.log.gz"
    first.write_text("".join(half[::2]))
    with gzip.open(second, "wt") as file:
        file.writelines(half[1::2])
    path.unlink()
    window = ("--since", iso(600), "--until", iso(610))
    split, whole = report(tmp_path, *window), report("-", *window, stdin="".join(half).encode())
    told = lambda found: [(one["change"], one["text"], one["lines"]) for one in found["window"]["findings"]]  # noqa: E731
    assert told(split) == told(whole) and len(told(whole)) >= 2
    assert split["lines"] == whole["lines"] == len(half)


def test_a_quiet_window_has_no_findings(tmp_path):
    path = tmp_path / "shop.log"
    path.write_text(shop(610))
    code, out, _ = slo(path, "--since", iso(600), "--until", iso(610))
    assert (code, out.splitlines()[1:]) == (0, ["nothing is unusual"])


def test_a_window_that_the_log_does_not_reach(tmp_path):
    path = tmp_path / "shop.log"
    path.write_text(shop(60))
    code, out, talk = slo(path, "--since", iso(100), "--until", iso(110))
    assert code == 0 and "warning: the log ends at 2026-12-01T01:00:00Z, before the window begins" in talk
    code, out, talk = slo(path, "--since", iso(2), "--until", iso(30))
    assert code == 1 and "no log before the window" in talk and "hint: give a longer log" in talk


def journal(minute, priority, message):
    entry = f"__CURSOR=s=1;i={minute}\n__REALTIME_TIMESTAMP={int((START + timedelta(minutes=minute)).timestamp() * 1e6)}\nPRIORITY={priority}\n"
    data = message.encode()
    return entry.encode() + b"MESSAGE\n" + struct.pack("<Q", len(data)) + data + b"\n_PID=7\n\n"


FORMATS = {
    "text": lambda minute: f"{iso(minute)} ERROR disk {minute} full\n".encode(),
    "syslog": lambda minute: f"Dec  1 00:{minute:02}:00 host shop[{minute}]: ERROR disk {minute} full\n".encode(),
    "klog": lambda minute: f"E1201 00:{minute:02}:00.123456       7 disk.go:5] disk {minute} full\n".encode(),
    "json": lambda minute: (json.dumps({"ts": (START + timedelta(minutes=minute)).timestamp(), "level": "error", "msg": f"disk {minute} full"}) + "\n").encode(),
    "logfmt": lambda minute: f'time={iso(minute)} level=error caller=disk.go:5 msg="disk {minute} full"\n'.encode(),
    "cri": lambda minute: f"{iso(minute)} stderr P ERROR disk \n{iso(minute)} stderr F {minute} full\n".encode(),
    "docker": lambda minute: (json.dumps({"log": f"ERROR disk {minute} full\n", "stream": "stderr", "time": iso(minute)}) + "\n").encode(),
    "kubectl": lambda minute: f'{iso(minute)} {{"level":"error","msg":"disk {minute} full"}}\n'.encode(),
    "journald": lambda minute: journal(minute, 3, f"disk {minute} full"),
    "journald as JSON": lambda minute: (json.dumps({"__REALTIME_TIMESTAMP": str(int((START + timedelta(minutes=minute)).timestamp() * 1e6)), "PRIORITY": "3", "MESSAGE": f"disk {minute} full"}) + "\n").encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name):
    log = b"".join(FORMATS[name](minute) for minute in range(20))
    found = report("-", stdin=log)
    (template,) = found["templates"]["top"]
    assert "disk <num> full" in template["text"] and template["level"] == "error" and template["lines"] == 20
    assert (template["first"][4:19], template["last"][4:19]) == ("-12-01T00:00:00", "-12-01T00:19:00")
    assert found["untimed"] == 0


def test_windows_of_any_length_count_their_own_lines(tmp_path):
    path = tmp_path / "steady.log"
    lines = [f"{(START + timedelta(seconds=second)).strftime('%Y-%m-%dT%H:%M:%SZ')} INFO beat {second}" for second in range(3_600)]
    lines += [f"{(START + timedelta(seconds=3_599)).strftime('%Y-%m-%dT%H:%M:%SZ')} ERROR disk full"] * 20
    path.write_text("\n".join(lines) + "\n")
    for first, last, words in [(3_000, 3_075, []), (3_000, 3_015, []), (3_001, 3_090, []), (3_000, 3_300, ["--bin", "1h"]), (3_000, 3_599, ["--bin", "7m"])]:
        at = lambda second: (START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
        found = report(path, "--since", at(first), "--until", at(last), *words)["window"]
        assert (found["lines"], found["findings"]) == (last - first, [])


def test_status_codes_of_access_logs_are_levels(tmp_path):
    path = tmp_path / "access.log"
    def request(minute, status):
        time = (START + timedelta(minutes=minute)).strftime("%d/%b/%Y:%H:%M:%S +0000")
        return f'10.0.0.{minute % 250} - - [{time}] "GET /cart/{minute} HTTP/1.1" {status} 17'
    path.write_text("\n".join(request(minute, 500 if minute >= 600 and turn else 200) for minute in range(615) for turn in range(4)) + "\n")
    (finding,) = [one for one in report(path, "--since", iso(600), "--until", iso(615))["window"]["findings"] if one["change"] == "new"]
    assert (finding["level"], finding["lines"], finding["significant"]) == ("error", 45, True)


def test_files_that_are_no_text(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "app.log").write_text(shop(5))
    for name, data in {"app.log.1.bz2": b"BZh91AY", "app.log.2.zst": b"\x28\xb5\x2f\xfd1", "core.log": b"\x00\x01" * 50}.items():
        (folder / name).write_bytes(data)
    (folder / "gone.log").symlink_to("/nonexistent")
    code, out, talk = slo(folder)
    assert code == 0 and talk.count("warning: left out: ") == 4 and "compressed by zstd" in talk
    code, _, talk = slo(folder / "app.log.2.zst")
    assert code == 3 and "compressed by zstd" in talk and "standard input" in talk


def test_hostile_lines_do_no_harm():
    chance = random.Random(7)
    log = b"".join(chance.randbytes(chance.randrange(3_000)) + b"\n" for _ in range(500))
    log += b"{" * 100_000 + b"\n" + b"a=" * 50_000 + b"\n" + "𝔘\u202e\x1b[2J <!channel> `x` $(rm)".encode() + b"\n\n\n"
    log += b'{"msg":"' + b"x" * 200_000 + b'"}\n' + b"2026-12-01T00:00:00Z stdout P half\n"
    log = log.replace(b"\x00", b"")
    code, out, talk = slo("-", stdin=log)
    assert code == 0 and "\x1b" not in out + talk and "\u202e" not in out
    assert "are not UTF-8" in talk and "longer than 64 KiB" in talk


def test_secrets_are_not_printed():
    line = b"2026-12-01T00:00:00Z INFO login password=hunter2hunter2 with Bearer abcdefgh12345678\n"
    for words in ([], ["--format", "json"]):
        code, out, talk = slo("-", *words, stdin=line)
        assert code == 0 and "hunter2" not in out + talk and "abcdefgh1234" not in out and "redacted" in out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["none.log"], 3, "none.log: No such file"),
        (["-", "--since", "soon"], 2, "neither a time nor a duration"),
        (["-", "--time-zone", "Mars"], 2, "Mars"),
        (["-", "--log-format", "xml"], 2, "write one of auto, text, json"),
        (["-", "--slo", "a/b"], 2, "--spec"),
        (["-", "--most-templates", "0"], 1, "there must be room for at least one template"),
        ([], 2, "required"),
    ],
)
def test_wrong_calls(words, code, told, tmp_path):
    got, out, talk = slo(*words, stdin=b"")
    assert (got, out) == (code, "") and told in talk


def test_a_folder_without_logs_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    code, _, talk = slo(tmp_path)
    assert code == 1 and "only files with `.log` in their names" in talk


def test_memory_is_bounded_with_more_templates_than_there_is_room_for(tmp_path):
    path, letters = tmp_path / "hostile.log", "abcdefghij"
    with open(path, "w") as file:
        for number in range(100_000):
            file.write(" ".join("".join(letters[int(digit)] for digit in f"{number * factor % 10**7:07}") for factor in (1, 7919, 104729)) + "\n")
    # A child begins with the memory of its parent, so the parent is small.
    run = "import os, subprocess, sys; child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL); print(os.wait4(child.pid, 0)[2].ru_maxrss)"
    ran = subprocess.run([sys.executable, "-c", run, built("slo"), "logs", path], capture_output=True, text=True, timeout=120)
    assert "90000 templates with 90000 lines made room for others" in ran.stderr and "--most-templates" in ran.stderr
    # In KiB.
    assert 10_000 < int(ran.stdout) < 80_000


SPEC = """
version: slo/v1
service: shop
scrape_interval: 15s
slos:
  - {name: orders, objective: 99%, window: 30d, sli: {events: {total: orders_total, bad: 'orders_total{code="500"}'}}}
"""


class Server(Processes):
    """A Prometheus with three hours of the shop's requests: bad ones in two quarters of an hour."""

    def begin(self):
        now = datetime.now(timezone.utc).replace(second=0, microsecond=0)
        self.first = now - timedelta(hours=3)
        counts, lines = {"200": 0, "500": 0}, ["# TYPE orders counter"]
        series = {code: [] for code in counts}
        for step in range(3 * 240):
            minute = step // 4
            bad = 40 if self.is_bad(minute) else 0
            counts["500"] += bad
            counts["200"] += 100
            for code, count in counts.items():
                series[code].append(f'orders_total{{code="{code}"}} {count} {(self.first + timedelta(seconds=15 * step)).timestamp():.0f}')
        lines += [line for samples in series.values() for line in samples] + ["# EOF"]
        (self.folder / "data.om").write_text("\n".join(lines) + "\n")
        subprocess.run([program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "data.om", "data"], cwd=self.folder, check=True, capture_output=True)
        (self.folder / "prometheus.yaml").write_text("{}\n")
        (self.folder / "slo.yaml").write_text(SPEC)
        port = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.start("prometheus", program("prometheus"), "--config.file=prometheus.yaml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}")
        wait_for("Prometheus", lambda: "success" in get(f"{self.url}/api/v1/query?query=1"), 60)

    @staticmethod
    def is_bad(minute):
        return 60 <= minute < 75 or 120 <= minute < 135


def test_templates_that_come_with_bad_events_of_an_slo(tmp_path):
    with Server(tmp_path) as server:
        chance, lines = random.Random(3), []
        for minute in range(175):
            at = (server.first + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
            lines += [f"{at} INFO cart {chance.randrange(10**6)} shown"] * chance.randrange(3, 9)
            lines += [f"{at} WARN no connection left in pool {chance.randrange(9)}"] * (chance.randrange(10, 30) if server.is_bad(minute) else chance.randrange(2))
        (tmp_path / "shop.log").write_text("\n".join(lines) + "\n")
        words = (tmp_path / "shop.log", "--spec", tmp_path / "slo.yaml", "--prometheus", server.url)
        code, out, talk = slo(*words, "--slo", "shop/orders")
        assert code == 0, talk
        assert out.splitlines()[0] == "templates whose lines come with bad events of shop/orders"
        rows = out.splitlines()[2:]
        assert len(rows) == 1 and rows[0].endswith("no connection left in pool <num>")
        assert float(rows[0].split()[0]) > 0.8
        found = report(*words, "--slo", "shop/orders")["followers"]
        assert found["slo"] == "shop/orders" and abs(found["templates"][0]["lead"]) <= 1
        code, _, talk = slo(*words, "--slo", "shop/none")
        assert code == 2 and "no such SLO" in talk
