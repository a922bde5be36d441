"""Expressions of polars, held against evaluations and backtests."""

import datetime

import numpy as np
import polars as pl
import pytest
import slo
import slo.polars
from hypothesis import given, settings
from hypothesis import strategies as st
from test_history import month

START = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def frame():
    parts = []
    for name, seed in [("a", 1), ("b", 2), ("c", 3)]:
        time, total, bad = month(days=5, seed=seed)
        parts.append(pl.DataFrame({"slo": [name] * len(time), "time": time, "total": total, "bad": bad}))
    return pl.concat(parts)


@pytest.mark.parametrize("lazy", [False, True])
def test_every_slo_of_a_frame_by_itself(frame, lazy):
    burn = slo.polars.burn_rate("total", "bad", objective="99.9%", window="1h", step="1m")
    fast = slo.AlertPolicy.workbook().tiers[0]
    fires = slo.polars.fires("total", "bad", tier=fast, objective="99.9%", step="1m")
    wanted = [burn.over("slo"), fires.over("slo")]
    seen = frame.lazy().with_columns(wanted).collect() if lazy else frame.with_columns(wanted)
    budget = slo.ErrorBudget("99.9%", "30d")
    for name, rows in seen.group_by("slo", maintain_order=True):
        samples = slo.Samples(rows, label="end")
        ours = budget.evaluate(samples).burn_rate("1h").to_polars()["1h"]
        assert rows["burn_rate"].equals(ours), name
        fired = budget.backtest(samples, slo.AlertPolicy([fast])).alerts.to_polars()
        edges = rows["fast"].cast(pl.Int8).diff().to_numpy()
        starts = rows["time"].to_numpy()[np.flatnonzero(edges == 1)]
        assert list(starts) == [moment.timestamp() for moment in fired["start"]], name
        assert rows["fast"].sum() > 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1_000), st.floats(0, 1)), max_size=200),
    st.integers(1, 250),
    st.sampled_from([pl.UInt64, pl.Int64, pl.Int32, pl.UInt16]),
)
def test_any_window_is_a_sum(rows, steps, kind):
    total, bad = [count for count, _ in rows], [int(count * share) for count, share in rows]
    frame = pl.DataFrame({"n": total, "e": bad}, schema={"n": kind, "e": kind})
    window = datetime.timedelta(minutes=steps)
    rates = frame.select(slo.polars.burn_rate("n", pl.col("e"), objective="99%", window=window, step="1m")).to_series()
    assert rates.dtype == pl.Float64 and len(rates) == len(rows)
    for index, rate in enumerate(rates):
        events, errors = (sum(column[max(0, index + 1 - steps) : index + 1]) for column in (total, bad))
        assert rate == (pytest.approx(100 * errors / events) if events else None)


def test_chunks_are_one_column():
    one = pl.DataFrame({"total": [10, 10], "bad": [0, 1]})
    frame = pl.concat([one, one], rechunk=False)
    assert frame.n_chunks() == 2
    rates = frame.select(slo.polars.burn_rate("total", "bad", objective="90%", window="4m", step="1m")).to_series()
    assert rates.to_list() == pytest.approx([0, 0.5, 1 / 3, 0.5])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"total": [1, None], "bad": [0, 0]}, "'total': counts must not be null"),
        ({"total": [1.5, 2.0], "bad": [0, 0]}, "'total': counts are whole numbers"),
        ({"total": [1, -2], "bad": [0, 0]}, "'total': .*value -2"),
        ({"total": [1, 1], "bad": [0, 2]}, "step 1: 2 bad events are more than the total of 1"),
    ],
)
def test_what_is_no_count_is_refused(columns, message):
    burn = slo.polars.burn_rate("total", "bad", objective="99%", window="1m", step="1m")
    with pytest.raises(pl.exceptions.ComputeError, match=message):
        pl.DataFrame(columns).select(burn)


def test_windows_are_whole_steps():
    with pytest.raises(slo.SloError, match="not a whole number of steps"):
        slo.polars.burn_rate("total", "bad", objective="99%", window="90s", step="1m")
    with pytest.raises(slo.SloError):
        slo.polars.burn_rate("total", "bad", objective=2, window="1m", step="1m")
