"""`slo.traces`: spans that OpenTelemetry's own SDK has written, critical paths against one by brute force, faults that are known."""

import io
import random
import struct

import numpy
import pytest
from spans import as_json, shop

import slo
from slo.traces import Traces, read

def test_every_form_of_otlp_is_read(tmp_path):
    message = shop([{}, {"stock": 100}])
    data = message.SerializeToString()
    framed = struct.pack(">I", len(data)) + data
    text = as_json(message)
    path = tmp_path / "traces.json"
    path.write_text(text)
    expected = [(row["service"], row["name"], round(row["seconds"], 9)) for row in read(data).times()]
    assert sorted(expected) == sorted(
        [("shop", "GET /cart", 0.02), ("stock", "reserve", 0.01)] + [("shop", "GET /cart", 0.02), ("stock", "reserve", 0.1)]
    )
    for source in (framed, text.encode(), path, io.BytesIO(data)):
        assert [(row["service"], row["name"], round(row["seconds"], 9)) for row in read(source).times()] == expected
    assert len(read(framed + framed)) == 2 and len(read((text + "\n" + text).encode())) == 2
    for broken, told in [(b"{}}", "not OTLP"), (b"\x00\x00", "neither JSON nor protobuf"), (b'{"resourceSpans": 5}', "not OTLP")]:
        with pytest.raises(slo.SloError, match=told):
            read(broken)


def test_the_extra_time_of_slow_requests():
    before = read(shop([{}] * 20).SerializeToString())
    now = read(shop([{"stock": 10}] * 6 + [{"stock": 200}] * 4).SerializeToString())
    for arguments in ({}, {"baseline": before}, {"service": "shop"}):
        found = now.attribution("100ms", **arguments)
        first = next(iter(found.services))
        assert (found.slow, first["service"]) == (4, "stock")
        assert (first["share"], first["extra_seconds"], first["usual_seconds"]) == (pytest.approx(1), pytest.approx(0.19), pytest.approx(0.01))
        assert (found.slow_seconds, found.usual_seconds) == (pytest.approx(0.22), pytest.approx(0.03))
        assert [row["name"] for row in found.operations][0] == "reserve"
    with pytest.raises(slo.SloError, match="no request is slower"):
        now.attribution("10s")
    with pytest.raises(slo.SloError, match="no request is slower"):
        now.attribution("100ms", service="stock")


def test_errors_and_where_they_come_from():
    requests = [{"error": True, "pod": "b"}] * 3 + [{"pod": "a"}] * 10 + [{"pod": "b"}]
    found = read(shop(requests).SerializeToString())
    (origin,) = found.error_origins()
    assert (origin["service"], origin["name"], origin["requests"], origin["share"]) == ("stock", "reserve", 3, 1)
    (suspect,) = found.suspects("1m")
    assert (suspect["service"], suspect["attribute"], suspect["value"], suspect["bad"], suspect["requests"]) == ("stock", "pod", "b", 3, 4)
    assert suspect["ochiai"] == pytest.approx(3 / numpy.sqrt(3 * 4))


def brute_force(spans, root, start, end):
    """The critical path by its definition, moment by moment: who is waited for?"""
    found = {}
    children = [one for one in spans if one["parent"] == root["span"] and one["span"] != root["span"]]
    clipped = [(max(one["start"], start), min(one["end"], end), one) for one in children]
    clipped = [one for one in clipped if one[0] < one[1]]
    cursor = end
    while True:
        # Over, or more than half of it lies before.
        before = [one for one in clipped if one[1] <= cursor or (one[0] < cursor and cursor - one[0] > one[1] - cursor)]
        if not before:
            break
        last = max(before, key=lambda one: (one[1], one[0], spans.index(one[2])))
        ended = min(last[1], cursor)
        found[root["span"]] = found.get(root["span"], 0) + cursor - ended
        for span, nanos in brute_force(spans, last[2], last[0], ended).items():
            found[span] = found.get(span, 0) + nanos
        clipped.remove(last)
        cursor = last[0]
    found[root["span"]] = found.get(root["span"], 0) + cursor - start
    return found


@pytest.mark.parametrize("seed", range(30))
def test_critical_paths_are_those_of_the_definition(seed):
    chance = random.Random(seed)
    spans = [{"trace": "a", "span": "1", "parent": "", "start": 1_000, "end": 2_000}]
    for number in range(2, 12):
        parent = chance.choice(spans)
        start = chance.randrange(900, 2_000)
        spans.append({"trace": "a", "span": f"{number:x}", "parent": parent["span"], "start": start, "end": start + chance.randrange(600)})
    columns = {name: [span[name] for span in spans] for name in spans[0]}
    columns["service"] = [f"s{span['span']}" for span in spans]
    columns["name"] = ["x"] * len(spans)
    found = {row["service"]: round(row["seconds"] * 1e9) for row in Traces(columns).times()}
    expected = {f"s{span}": nanos for span, nanos in brute_force(spans, spans[0], 1_000, 2_000).items()}
    assert found == expected and sum(found.values()) == 1_000


def test_tables_of_spans():
    pyarrow = pytest.importorskip("pyarrow")
    columns = {
        "trace": ["a"] * 2 + ["b"] * 2, "span": ["1", "2"] * 2, "parent": ["", "1"] * 2, "service": ["shop", "stock"] * 2,
        "name": ["get"] * 4, "start": [0, 10, 0, 10], "end": [100, 60, 900, 850], "failed": [0, 0, 1, 1], "version": ["1", "7", "1", "8"],
    }  # fmt: skip
    for table in (columns, pyarrow.table(columns)):
        found = Traces(table, attributes=["version"])
        assert len(found) == 2 and found.durations().tolist() == pytest.approx([1e-7, 9e-7])
        assert [row["service"] for row in found.error_origins()] == ["stock"]
    with pytest.raises(slo.DataError, match="'trace' at 0 is 'xyz'"):
        Traces({**columns, "trace": ["xyz"] * 4})
    with pytest.raises(slo.SloError, match="differ in length"):
        Traces({**columns, "name": ["get"]})
    with pytest.raises(slo.ColumnError, match="parent"):
        Traces({name: values for name, values in columns.items() if name != "parent"})
