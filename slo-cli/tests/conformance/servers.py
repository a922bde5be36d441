"""Real servers that evaluate rules over history: Prometheus of three versions, and VictoriaMetrics with vmalert.

Time is data here: samples are written with their times, and rules are evaluated where they would have been.
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import yaml
from traffic import STALE

ROOT = pathlib.Path(__file__).resolve().parents[3]
UNPACKED = ROOT / "target" / "servers"
HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
# Points that Prometheus returns for a series at most.
POINTS = 10_000


def free_port():
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return candidate.getsockname()[1]


def http(url, data=None, headers={}, timeout=120):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=timeout) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url}: {error.read().decode()}") from error


def number(value):
    """A number as text that is read back as the same number."""
    return repr(float(value)).removesuffix(".0")


def labels_text(labels):
    return ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels.items()))


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def remote_write(series):
    """A request of Prometheus' remote write protocol, in which alone the ends of series can be said."""
    request = b""
    for labels, times in series:
        encoded = b"".join(
            field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(labels.items())
        )
        stale = struct.pack("<Q", 0x7FF0000000000002)
        samples = b"".join(field(2, b"\x09" + stale + b"\x10" + varint(round(at * 1000))) for at in times)
        request += field(1, encoded + samples)
    # Snappy's block format, with literals only.
    out = varint(len(request))
    for start in range(0, len(request), 60_000):
        piece = request[start : start + 60_000]
        out += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
    return out


class Server:
    """A server with an empty history."""

    def write(self, series):
        """Adds series to the history: `(labels, points)` each, the metric's name among the labels."""
        ends = [(labels, [at for at, value in points if value is STALE]) for labels, points in series]
        self.write_values(
            [(labels, [point for point in points if point[1] is not STALE]) for labels, points in series]
        )
        if ends := [one for one in ends if one[1]]:
            http(f"{self.url}/api/v1/write", remote_write(ends), HEADERS)

    def __init__(self, folder, port):
        self.folder, self.url, self.process = folder, f"http://127.0.0.1:{port}", None

    def ask(self, path, **parameters):
        answer = json.loads(http(f"{self.url}{path}", urllib.parse.urlencode(parameters).encode()))
        assert answer["status"] == "success", answer
        return answer

    def at(self, query, when):
        """The values of `query` at a time, by their labels; and how many samples were read for them."""
        answer = self.ask("/api/v1/query", query=query, time=f"{when:.3f}", stats="all")
        values = {}
        for series in answer["data"]["result"]:
            labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
            values[labels_text(labels)] = float(series["value"][1])
        samples = answer["data"].get("stats", {}).get("samples", {}).get("totalQueryableSamples")
        return values, samples

    def over(self, query, start, end, step):
        """The series of `query` from `start` to `end`, as labels and points."""
        series = {}
        while start <= end:
            last = min(end, start + step * (POINTS - 1))
            answer = self.ask(
                "/api/v1/query_range",
                query=query,
                start=f"{start:.3f}",
                end=f"{last:.3f}",
                step=f"{step}s",
                # VictoriaMetrics otherwise rounds the times.
                nocache="1",
            )
            for found in answer["data"]["result"]:
                key = labels_text(found["metric"])
                _, points = series.setdefault(key, (found["metric"], []))
                points.extend((float(at), float(value)) for at, value in found["values"])
            start += step * POINTS
        return list(series.values())

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def run(self, program, *arguments):
        log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError, AssertionError):
                http(f"{self.url}/-/ready", timeout=5)
                return
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "server.log").read_text()
            time.sleep(0.05)


class Prometheus(Server):
    """Prometheus; history comes as blocks, which it reads when it starts."""

    def __init__(self, name, folder, prometheus, promtool):
        super().__init__(folder, port := free_port())
        self.name, self.prometheus, self.promtool, self.port = name, prometheus, promtool, port
        (folder / "prometheus.yml").write_text("storage: {tsdb: {out_of_order_time_window: 10y}}\n")
        self.start()

    def start(self, lookback="5m"):
        self.run(
            self.prometheus,
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            "--storage.tsdb.retention.time=10y",
            "--web.enable-remote-write-receiver",
            f"--query.lookback-delta={lookback}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        )

    def write_values(self, series):
        by_name = {}
        for labels, points in series:
            by_name.setdefault(labels["__name__"], []).append((labels, points))
        text = self.folder / "series.om"
        with text.open("w") as out:
            for name, all_series in by_name.items():
                out.write(f"# TYPE {name} unknown\n")
                for labels, points in all_series:
                    rest = labels_text({key: value for key, value in labels.items() if key != "__name__"})
                    head = f"{name}{{{rest}}} "
                    out.writelines(f"{head}{number(value)} {at:.3f}\n" for at, value in points)
            out.write("# EOF\n")
        self.stop()
        command = [self.promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h"]
        done = subprocess.run([*command, text, self.folder / "data"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        text.unlink()
        self.start()

    def record(self, groups, start, end):
        """Evaluates the recording rules of `groups`, one level of what builds on what after the other."""
        for level in levels(groups):
            written = []
            for rule, interval, offset in level:
                first = start - start % interval + offset
                for labels, points in self.over(rule["expr"], first, end, interval):
                    labels = {name: value for name, value in labels.items() if name != "__name__"}
                    written.append(({**labels, **rule.get("labels", {}), "__name__": rule["record"]}, points))
            if written:
                self.write(written)


    def forget_after(self, lookback):
        """Starts again with another look-back: what is evaluated over history has no marks of where series end."""
        self.stop()
        self.start(lookback)


class VictoriaMetrics(Server):
    """VictoriaMetrics; vmalert replays rules over its history."""

    def __init__(self, name, folder, binaries):
        super().__init__(folder, port := free_port())
        self.name, self.binaries, self.port = name, binaries, port
        self.start()

    def start(self, lookback="5m"):
        self.run(
            str(self.binaries / "victoria-metrics"),
            f"-storageDataPath={self.folder}/data",
            "-retentionPeriod=100y",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-search.latencyOffset=0s",
            f"-search.maxStalenessInterval={lookback}",
            "-loggerLevel=ERROR",
        )

    def forget_after(self, lookback):
        self.stop()
        self.start(lookback)

    def write_values(self, series):
        lines = []
        for labels, points in series:
            rest = labels_text({key: value for key, value in labels.items() if key != "__name__"})
            head = f"{labels['__name__']}{{{rest}}} "
            lines.extend(f"{head}{number(value)} {round(at * 1000)}\n" for at, value in points)
        for index in range(0, len(lines), 200_000):
            http(f"{self.url}/api/v1/import/prometheus", "".join(lines[index : index + 200_000]).encode())
        http(f"{self.url}/internal/force_flush")

    def record(self, groups, start, end):
        from datetime import UTC, datetime

        rules = self.folder / "rules.yaml"
        # Replays write a group at once; what builds on what is replayed in turn.
        for level in levels(groups):
            by_interval = {}
            for rule, interval, offset in level:
                by_interval.setdefault((interval, offset), []).append(rule)
            for (interval, offset), found in by_interval.items():
                rules.write_text(
                    yaml.safe_dump({"groups": [{"name": "level", "interval": f"{interval}s", "rules": found}]})
                )
                times = [
                    datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                    for at in (start - start % interval + offset, end)
                ]
                command = [
                    str(self.binaries / "vmalert"),
                    f"-rule={rules}",
                    f"-datasource.url={self.url}",
                    f"-remoteWrite.url={self.url}",
                    f"-replay.timeFrom={times[0]}",
                    f"-replay.timeTo={times[1]}",
                    "-replay.rulesDelay=0s",
                    "-replay.disableProgressBar",
                    "-loggerLevel=ERROR",
                ]
                done = subprocess.run(command, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr
                http(f"{self.url}/internal/force_flush")


def seconds(duration):
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    total, digits = 0, ""
    rest = duration
    while rest:
        count = len(rest) - len(rest.lstrip("0123456789"))
        digits, rest = rest[:count], rest[count:]
        unit = "ms" if rest.startswith("ms") else rest[0]
        total, rest = total + int(digits) * units[unit], rest[len(unit) :]
    return total


def levels(groups):
    """The recording rules of `groups` by what they build on: each level needs only those before it."""
    rules = []
    for index, group in enumerate(groups):
        # Groups are evaluated at moments of their own.
        offset = group.get("offset", 1 + 7 * (index % 3))
        rules += [(rule, seconds(group["interval"]), offset) for rule in group["rules"] if "record" in rule]
    names = {rule["record"] for rule, _, _ in rules}
    done, found = set(), []
    while rules:
        needs = lambda rule: {name for name in names - done if f"{name}{{" in rule["expr"]}
        ready = [one for one in rules if not needs(one[0])]
        assert ready, "rules that build on each other"
        rules = [one for one in rules if needs(one[0])]
        done |= {rule["record"] for rule, _, _ in ready} - {rule["record"] for rule, _, _ in rules}
        found.append(ready)
    return found


def programs():
    """The folder of each server's programs, by its name; `scripts/servers` and `scripts/real/prometheus` say how to have them."""
    installed = shutil.which("prometheus")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folders = {
        "installed": pathlib.Path(installed).parent if installed else None,
        "trixie": UNPACKED / "trixie" / "usr" / "bin",
        "forky": UNPACKED / "forky" / "usr" / "bin",
        "newest": max((cache / "slo" / "real").glob("prometheus-*"), default=None),
    }
    found = {name: folder for name, folder in folders.items() if folder and (folder / "prometheus").exists()}
    if (folders["forky"] / "victoria-metrics").exists():
        found["victoriametrics"] = folders["forky"]
    return found


# What rules are generated with, and the server that they are for.
FORMS = {
    "installed": ("installed", []),
    "trixie": ("trixie", []),
    "forky": ("forky", []),
    "newest": ("newest", []),
    "anchored": ("newest", ["--anchored"]),
    "victoriametrics": ("victoriametrics", ["--target", "victoriametrics"]),
}


def make(form, folder):
    """The server of a form, or none where it cannot be had; what `slo generate` is told for it is among its options."""
    name, options = FORMS[form]
    binaries = programs().get(name)
    if not binaries:
        pytest.skip(f"{name}: this server could not be had; see scripts/servers and scripts/real/prometheus")
    own = folder / form
    own.mkdir(parents=True)
    if name == "victoriametrics":
        server = VictoriaMetrics("VictoriaMetrics", own, binaries)
    else:
        version = subprocess.run([binaries / "prometheus", "--version"], capture_output=True, text=True)
        version = (version.stdout or version.stderr).split("version ")[1].split("+")[0].split(" ")[0]
        server = Prometheus(f"Prometheus {version}", own, binaries / "prometheus", binaries / "promtool")
    server.options = options
    return server
