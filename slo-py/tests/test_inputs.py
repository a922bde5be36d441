"""What histories are made of, beyond arrays and frames that are as they should be."""

import datetime
import pickle
import subprocess
import sys
import zoneinfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import slo
from hypothesis import given, settings
from hypothesis import strategies as st

UTC = datetime.UTC


def test_counters_are_reset_together():
    # The total had grown beyond what it was; the bad ones tell.
    samples = slo.Samples({"time": [0, 60, 120], "total": [100, 150, 160], "bad": [5, 2, 3]}, kind="counter")
    assert (samples.total, samples.bad, len(samples.check())) == (160, 3, 1)
    samples = slo.Samples({"time": [0, 60], "total": [100, 50], "bad": [3, 4]}, kind="counter")
    assert (samples.total, samples.bad) == (50, 4)


def test_start_and_time_are_not_given_together():
    with pytest.raises(slo.SloError, match="give one of them"):
        slo.Samples({"time": [60], "total": [1], "bad": [0]}, time="time", start=datetime.datetime(2026, 1, 1, tzinfo=UTC))


def test_counters_of_several_processes_are_doubted():
    total = 1_000 * np.arange(1, 1_001)
    total[500:] -= 50_000  # one of ten pods restarted
    with pytest.warns(slo.SloWarning, match="the sum of several processes"):
        slo.Samples({"time": 60 * np.arange(1_000), "total": total, "bad": [0] * 1_000}, kind="counter")


def test_counters_that_are_taken_for_increments_are_doubted():
    total = np.cumsum(np.full(200, 7))
    with pytest.warns(slo.SloWarning, match='say kind="counter"'):
        slo.Samples({"time": 60 * np.arange(1, 201), "total": total, "bad": [0] * 200}, label="end")


def test_masks_are_seen():
    masked = np.ma.array([1, 2, 3], mask=[0, 1, 0], dtype="u8")
    with pytest.raises(slo.DataError, match="'total' at 1 is masked") as error:
        slo.Samples(time=[60, 120, 180], total=masked, bad=[0, 0, 0], label="end")
    assert error.value.position == 1


@pytest.mark.parametrize("times", [[0, 1, 253_402_300_799], [0, 60, 120, 60 * 10**9]])
def test_an_outlier_in_the_times_is_refused_and_not_allocated(times):
    with pytest.raises(slo.DataError, match="hint: remove the outlier") as error:
        slo.Samples({"time": times, "total": [1] * len(times), "bad": [0] * len(times)}, label="end")
    assert error.value.position == len(times) - 1


def moments(zone):
    return [datetime.datetime(2026, 3, 1, 12, minute, tzinfo=zone) for minute in range(3)]


@pytest.mark.parametrize(
    "times",
    [
        moments(UTC),
        [moment.astimezone(zoneinfo.ZoneInfo("Europe/Berlin")) for moment in moments(UTC)],
        pd.DatetimeIndex(moments(UTC)),
        pd.Series(pd.DatetimeIndex(moments(UTC)).tz_convert("Asia/Tokyo")),
        pl.Series(moments(UTC)),
        pa.array(moments(UTC), pa.timestamp("ns", "Europe/Berlin")),
        np.array(["2026-03-01T12:00:00", "2026-03-01T12:01:00", "2026-03-01T12:02:00"], "datetime64[ns]"),
        np.array([1_772_366_400.0004, 1_772_366_460.0, 1_772_366_519.9996]),
    ],
    ids=["UTC", "Berlin", "index", "series", "polars", "arrow", "numpy", "seconds"],
)
def test_times_in_every_form_are_the_same(times):
    samples = slo.Samples(time=times, total=[1, 1, 1], bad=[0, 0, 0], label="end")
    assert samples.start == datetime.datetime(2026, 3, 1, 11, 59, tzinfo=UTC) and len(samples) == 3


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([moment.replace(tzinfo=None) for moment in moments(UTC)], "'time' at 0: .*has no time zone"),
        ([moments(UTC)[0], None, moments(UTC)[2]], "'time' at 1 is of type NoneType"),
        (np.array(["2026-03-01", "NaT", "2026-03-03"], "datetime64[s]"), "'time' at 1 is not a time"),
        (np.array(["2026-03-01", "2026-03-02", "12026-03-03"], "datetime64[s]"), "'time' at 2 is not a time of the years"),
        (["one", "two", "three"], "not a type of times"),
        (pa.array([1, None, 3]), "'time' at 1 is null"),
    ],
)
def test_other_times_are_refused(times, message):
    with pytest.raises(slo.DataError, match=message):
        slo.Samples(time=times, total=[1, 1, 1], bad=[0, 0, 0], label="end")


def test_what_is_no_table_is_refused_in_the_tree():
    for data in [{"time": [1, 2]}, pl.DataFrame({"time": [1, 2]}), pa.table({"time": pa.array([], pa.int64())})]:
        with pytest.raises(slo.SloError, match="no column 'total'; there are time"):
            slo.Samples(data, label="end")
    with pytest.raises(slo.SloError, match="which 'start' would overrule"):
        slo.Samples({"time": [60], "total": [1], "bad": [0]}, start=datetime.datetime(2026, 1, 1, tzinfo=UTC), step="1m")
    with pytest.raises(slo.DataError, match="is not a type of times; parse it"):
        slo.Samples(pl.DataFrame({"time": ["2026"], "total": [1], "bad": [0]}), label="end")
    with pytest.raises(slo.DataError, match="without rows, the step is not known"):
        slo.Samples({"time": [], "total": [], "bad": []}, label="end")
    with pytest.raises(slo.SloError, match="int is not a table"):
        slo.Samples(5, label="end")


def test_takes_what_duckdb_sums():
    table = pa.table(
        {
            "time": [60, 120],
            "total": pa.array([10, 20], pa.decimal128(38, 0)),
            "bad": pa.array([0, 3], pa.decimal128(38, 0)),
        }
    )
    assert slo.Samples(table, label="end").bad == 3
    with pytest.raises(slo.DataError, match="'total'"):
        slo.Samples(table.set_column(1, "total", pa.array([10, -1], pa.decimal128(38, 0))), label="end")


def test_works_without_any_dataframe_library():
    code = """
import sys
for name in ("pandas", "polars", "pyarrow", "matplotlib"):
    sys.modules[name] = None
import slo
samples = slo.Samples({"time": [60, 120], "total": [10, 10], "bad": [0, 5]}, label="end")
seen = slo.ErrorBudget("99%", "2m").evaluate(samples)
assert seen.met is False and seen.burn_rate("1m").to_numpy()["1m"][1] == 50
assert len(seen._repr_html_()) > 500
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pandas_works_without_pyarrow():
    code = """
import sys
sys.modules["pyarrow"] = None
import pandas, slo
frame = pandas.DataFrame({"time": pandas.date_range("2026-01-01", periods=3, freq="min", tz="UTC"), "total": 5, "bad": [0, 1, 0]})
assert slo.Samples(frame, label="end").total == 15
assert slo.Samples(time=frame.time, total=frame.total, bad=frame.bad, label="end").bad == 1
assert len(slo.ErrorBudget("99%", "3m").evaluate(slo.Samples(frame, label="end")).by("1m").to_pandas()) == 3
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_samples_are_a_table_again():
    samples = slo.Samples({"time": [60, 120, 240], "total": [1, 2, 3], "bad": [0, 1, 0]}, label="end")
    again = slo.Samples(samples.to_table())
    assert repr(again) == repr(samples).replace(", 1 gap", "")


PARTS = st.lists(
    st.tuples(st.integers(0, 30), st.lists(st.tuples(st.integers(0, 1000), st.floats(0, 1)), min_size=1, max_size=20)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(PARTS, st.randoms())
def test_merging_adds_up_in_any_order(parts, random):
    start = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    total, bad = np.zeros(60, np.uint64), np.zeros(60, np.uint64)
    samples = []
    for offset, rows in parts:
        column = np.array([count for count, _ in rows], np.uint64)
        errors = np.array([int(count * share) for count, share in rows], np.uint64)
        total[offset : offset + len(rows)] += column
        bad[offset : offset + len(rows)] += errors
        begin = start + datetime.timedelta(minutes=offset)
        samples.append(slo.Samples(total=column, bad=errors, start=begin, step="1m"))
    merged = slo.merge(*samples)
    columns = merged.to_table().to_numpy()
    first = min(offset for offset, _ in parts)
    np.testing.assert_array_equal(columns["total"], total[first : first + len(merged)])
    np.testing.assert_array_equal(columns["bad"], bad[first : first + len(merged)])
    random.shuffle(samples)
    assert pickle.dumps(slo.merge(*samples)) == pickle.dumps(merged)
    # Grouping does not matter either.
    if len(samples) > 2:
        grouped = slo.merge(slo.merge(*samples[:2]), *samples[2:])
        assert (grouped.start, grouped.total, grouped.bad, len(grouped)) == (merged.start, merged.total, merged.bad, len(merged))


def test_gaps_are_what_no_part_knows():
    one = slo.Samples({"time": [60, 120, 300], "total": [1, 1, 1], "bad": [0, 0, 0]}, label="end")
    other = slo.Samples({"time": [60, 180, 240, 300], "total": [1, 1, 1, 1], "bad": [0, 0, 0, 0]}, step="1m", label="end")
    assert len(slo.merge(one, other).check()) == 0 and len(slo.merge(one, one).check()) == 1
    longer = slo.Samples({"time": [60, 360], "total": [1, 1], "bad": [0, 0]}, step="1m", label="end")
    assert pickle.dumps(slo.merge(one, longer)) == pickle.dumps(slo.merge(longer, one))
    nothing = slo.Samples({"time": [], "total": [], "bad": []}, step="1m", label="end")
    assert repr(slo.merge(one, nothing)) == repr(slo.merge(nothing, one)) == repr(one)


def test_what_does_not_fit_is_not_merged():
    one = slo.Samples({"time": [60, 120], "total": [1, 1], "bad": [0, 0]}, label="end")
    other = slo.Samples({"time": [300, 600], "total": [1, 1], "bad": [0, 0]}, label="end")
    with pytest.raises(slo.SloError, match="1m and of 5m"):
        slo.merge(one, other)
    with pytest.raises(slo.SloError, match="nothing to merge"):
        slo.merge()
