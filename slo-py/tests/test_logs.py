"""`slo.logs`: held against drain3 on labelled corpora and on random lines; counts, merging, findings."""

import pickle
import pathlib
import random
import re
from datetime import datetime, timedelta, timezone

import numpy
import pytest
from drain3.drain import Drain
from hypothesis import given, settings
from hypothesis import strategies as st

import slo
from slo.logs import Logs, mask

CORPORA = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "logs"
START = datetime(2026, 12, 1, tzinfo=timezone.utc)


def corpus(name):
    """The messages of a corpus, and the statement that wrote each: the part in `⟦…⟧`, which is not in the message."""
    messages, statements = [], []
    for line in (CORPORA / f"{name}.log").read_text().splitlines():
        statement, message = re.fullmatch(r"⟦(.*?)⟧ (.*)", line).groups()
        messages.append(message)
        statements.append(statement)
    return messages, statements


NAMES = sorted(path.stem for path in CORPORA.glob("*.log"))


def by_drain3(messages, **arguments):
    drain = Drain(**arguments)
    ids = [drain.add_log_message(message)[0].cluster_id for message in messages]
    clusters = sorted(drain.clusters, key=lambda cluster: cluster.cluster_id)
    return ids, [(cluster.cluster_id, cluster.get_template(), cluster.size) for cluster in clusters]


def ours(messages, **arguments):
    logs = Logs(masks=False, **arguments)
    ids = logs.add(message=messages).tolist()
    return ids, [(row["template"], row["text"], row["lines"]) for row in logs.templates()]


def accuracy(statements, ids):
    """The share of lines whose group is exactly that of their statement."""
    of_statements, groups = {}, {}
    for line, (statement, number) in enumerate(zip(statements, ids, strict=True)):
        of_statements.setdefault(statement, set()).add(line)
        groups.setdefault(number, set()).add(line)
    right = sum(len(lines) for lines in groups.values() if of_statements[statements[min(lines)]] == lines)
    return right / len(statements)


# What our masks and templates reach, to the line; a change is to be looked at.
ACCURACY = {"control-plane": (0.708, 0.699), "etcd": (0.646, 0.646), "shop": (0.916, 0.916)}


@pytest.mark.parametrize("name", NAMES)
def test_groups_are_those_of_drain3(name):
    messages, statements = corpus(name)
    for lines in (messages, [mask(message) for message in messages]):
        assert ours(lines) == by_drain3(lines)
    raw, masked = (accuracy(statements, Logs(masks=masks).add(message=messages).tolist()) for masks in (False, True))
    assert (round(raw, 3), round(masked, 3)) == ACCURACY[name]


WORDS = st.sampled_from(["a", "b", "c", "<*>", "x1", "2", "open", "³", "ß"])


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=60),
    depth=st.integers(3, 6),
    similarity=st.sampled_from([0.0, 0.3, 0.4, 0.5, 1.0]),
    branches=st.integers(2, 4),
    most=st.none() | st.integers(1, 6),
)
def test_random_lines_are_grouped_as_by_drain3(lines, depth, similarity, branches, most):
    theirs = by_drain3(lines, depth=depth, sim_th=similarity, max_children=branches, max_clusters=most)
    assert ours(lines, depth=depth, similarity=similarity, branches=branches, most_templates=most or 1_000) == theirs


def filled(minutes=200, seed=1):
    """Logs of a service with two statements, of a few lines a minute."""
    logs, chance = Logs(), random.Random(seed)
    for minute in range(minutes):
        lines = [f"order {chance.randrange(10**6)} took {chance.randrange(90)}ms"] * chance.randrange(2, 6)
        lines += [f"cart of user {chance.randrange(99)} is empty"] * chance.randrange(3)
        logs.add(message=lines, time=[START + timedelta(minutes=minute)] * len(lines))
    return logs


def at(minute):
    return START + timedelta(minutes=minute)


def test_a_quiet_log_has_no_findings():
    findings = filled().findings(at(190), at(200))
    assert (len(findings), findings.windows, findings.significant) == (0, 19, 0)
    assert 0.5 < findings.traffic <= 1.5


def test_new_swollen_and_vanished_templates_are_found():
    logs = filled(1_000)
    logs.add(message=["payment failed: no route to 10.0.0.7"] * 30, time=[at(1_001)] * 30, level=["ERROR"] * 30)
    logs.add(message=["cart of user 5 is empty"] * 300, time=[at(1_002)] * 300)
    findings = logs.findings(at(1_000), at(1_005), false_alarms=0.05)
    found = {row["change"]: row for row in findings.table if row["significant"] == "yes"}
    assert set(found) == {"new", "swollen", "vanished"}
    assert (found["new"]["text"], found["new"]["lines"], found["new"]["level"]) == ("payment failed: no route to <ip>", 30, "error")
    assert found["new"]["since"] == at(1_001)
    assert found["swollen"]["text"] == "cart of user <num> is empty"
    assert found["swollen"]["expected"] == pytest.approx(5, abs=1)
    assert found["vanished"]["text"] == "order <num> took <num>"


def test_levels_are_told_apart():
    logs = filled(1_000)
    lines = ["health check passed"] * 1_000
    logs.add(message=lines, time=[at(minute) for minute in range(1_000)], level=["info"] * 1_000)
    logs.add(message=["health check failed"] * 20, time=[at(1_001)] * 20, level=["error"] * 20)
    (row,) = [row for row in logs.findings(at(1_000), at(1_005)).table if row["change"] == "new"]
    assert (row["text"], row["level"], row["lines"], row["significant"]) == ("health check failed", "error", 20, "yes")


def test_twice_the_traffic_is_not_unusual_and_silence_is():
    for statements in (1, 3, 8):
        logs, chance = Logs(), numpy.random.default_rng(statements)
        for minute in range(315):
            factor = 2 if minute >= 300 else 1
            for statement in range(statements):
                word = "abcdefgh"[statement]
                lines = [f"{word} {word} {word} done"] * int(chance.poisson(10 * factor))
                logs.add(message=lines, time=[at(minute)] * len(lines))
        findings = logs.findings(at(300), at(315))
        assert findings.significant == (1 if statements == 1 else 0)
        # Nothing more.
        logs.add(message=["beat"], time=[at(345)])
        changes = {row["change"] for row in logs.findings(at(315), at(330)).table if row["significant"] == "yes"}
        assert changes == {"vanished"}


def test_stretches_without_a_log_are_no_baseline():
    logs = filled(200)
    for minute in range(2_000, 2_200):
        logs.add(message=["order 5 took 5ms"] * 4, time=[at(minute)] * 4)
    findings = logs.findings(at(2_190), at(2_200))
    assert findings.windows == 39 and len(findings) == 0
    assert logs.findings(at(2_190), at(2_200), baseline=START - timedelta(days=30)).windows == 39


def test_windows_that_bins_do_not_divide_are_refused():
    with pytest.raises(slo.SloError, match="does not begin and end where bins"):
        filled(100).findings(at(50) + timedelta(seconds=30), at(60))


def test_a_short_baseline_cannot_tell_that_a_template_is_new():
    logs = filled(30)
    logs.add(message=["disk full"], time=[at(31)])
    (row,) = [row for row in logs.findings(at(30), at(35)).table if row["change"] == "new"]
    assert (row["significant"], row["p"]) == ("no", pytest.approx(2 / 5))


def test_windows_without_a_baseline_are_refused():
    logs = filled(10)
    with pytest.raises(slo.SloError, match="no log before the window"):
        logs.findings(at(5), at(20))
    with pytest.raises(slo.SloError, match="ends before it begins"):
        logs.findings(at(5), at(5))


def test_merging_loses_no_line_and_knows_the_same():
    whole, first, second = filled(100, 1), filled(100, 1), filled(100, 2)
    first.merge(pickle.loads(pickle.dumps(second)))
    whole_lines = sum(row["lines"] for row in whole.templates())
    assert sum(row["lines"] for row in first.templates()) == first.lines == whole_lines + second.lines
    assert {row["text"] for row in first.templates()} == {row["text"] for row in whole.templates()}
    counts = first.counts().to_numpy()
    assert counts["lines"].sum() == first.lines
    with pytest.raises(slo.SloError, match="different options"):
        first.merge(Logs(bin="5m"))


def test_the_order_of_workers_does_not_change_the_counts():
    parts = [filled(50, seed) for seed in range(3)]
    def merged(order):
        logs = Logs()
        for part in order:
            logs.merge(parts[part])
        rows = logs.templates()
        return sorted((row["text"], row["lines"], row["first"], row["last"]) for row in rows)
    assert merged([0, 1, 2]) == merged([2, 0, 1]) == merged([1, 2, 0])


def test_templates_that_follow_bad_events():
    generator = numpy.random.default_rng(1)
    minutes = 300
    bad = numpy.where((numpy.arange(minutes) // 20) % 5 == 4, generator.poisson(30, minutes), generator.poisson(1, minutes))
    logs = Logs()
    for minute in range(minutes):
        # The database says so two minutes before the requests fail.
        ahead = bad[min(minute + 2, minutes - 1)]
        lines = ["pool of connections is exhausted"] * int(ahead) + [f"user {minute} logged in"] * int(generator.poisson(10))
        logs.add(message=lines, time=[at(minute)] * len(lines))
    ends = numpy.array([at(minute + 1).timestamp() for minute in range(minutes)], dtype="int64").astype("datetime64[s]")
    (row,) = logs.followers(time=ends, bad=bad.astype("uint64"))
    assert (row["text"], row["lead"]) == ("pool of connections is exhausted", 2)
    assert row["correlation"] > 0.95 and row["p"] < 1e-6


def test_arrow_goes_in_and_out():
    pyarrow, polars, pandas = (pytest.importorskip(name) for name in ("pyarrow", "polars", "pandas"))
    columns = {"message": ["a b", "a b", "c"], "time": [at(0), at(1), at(2)], "level": ["error", "ERROR", None]}
    expected = None
    for table in (pyarrow.table(columns), polars.DataFrame(columns), pandas.DataFrame(columns), columns):
        logs = Logs()
        assert logs.add(table).tolist() == [1, 1, 2]
        rows = list(logs.templates())
        assert [row["level"] for row in rows] == ["error", ""]
        assert expected in (None, rows)
        expected = rows
    frame = logs.templates().to_polars()
    assert frame.columns == ["template", "text", "lines", "level", "first", "last", "example"]
    assert pyarrow.table(logs.counts()).num_rows == 3
    assert Logs().add(pyarrow.table({"text": ["a"]}), message="text").tolist() == [1]
    assert Logs().add(message=pyarrow.array(["a", "b c"])).tolist() == [1, 2]


def test_bad_columns_are_refused():
    with pytest.raises(slo.SloError, match="differ in length"):
        Logs().add(message=["a"], time=[at(0), at(1)])
    with pytest.raises(slo.DataError, match="'message' at 1 is not text"):
        Logs().add(message=["a", 5])
    with pytest.raises(slo.SloError, match="similarity: 2 is not between 0 and 1"):
        Logs(similarity=2)
    with pytest.raises(slo.SloError, match="depth: 2 is less than 3"):
        Logs(depth=2)


def test_files_are_read(tmp_path):
    import gzip

    path = tmp_path / "shop.log.gz"
    text = b'{"time":"2026-12-01T10:00:00Z","level":"error","msg":"disk full"}\n2026-12-01T10:01:00Z INFO up\n  more\n'
    with gzip.open(path, "wb") as file:
        file.write(text)
    logs = Logs()
    with gzip.open(path) as file:
        assert logs.read(file) == {"lines": 3, "bytes": len(text), "continuations": 1, "cut": 0, "not_utf8": 0, "untimed": 0}
    assert [(row["text"], row["level"]) for row in logs.templates()] == [("disk full", "error"), ("up", "info")]
    zipped = Logs()
    assert zipped.read(path)["lines"] == zipped.read(path.read_bytes())["lines"] == 3
    path = tmp_path / "shop.log"
    path.write_bytes(text)
    again = Logs()
    again.read(path)
    again.read(text)
    assert [row["lines"] for row in again.templates()] == [2, 2]
    with open(path) as file, pytest.raises(slo.SloError, match="binary mode"):
        again.read(file)
    with pytest.raises(FileNotFoundError):
        again.read(tmp_path / "none.log")


def test_memory_is_bounded_by_the_limit_of_templates():
    logs = Logs(most_templates=100)
    letters = "abcdefghij"
    def word(number):
        return "".join(letters[int(digit)] for digit in str(number))
    logs.add(message=[f"{word(number)} {word(number * 7)} {word(number * 13)} x" for number in range(20_000)])
    assert len(logs) == 100
    forgotten, lines = logs.forgotten
    assert lines + sum(row["lines"] for row in logs.templates()) == 20_000 == logs.lines
    assert forgotten > 10_000
