"""`slo.noise`: what alerts cost, pairs, flaps, and measures whose effect is counted by hand."""

from datetime import datetime, timedelta, timezone

import numpy
import pytest
from scipy import stats as scipy_stats

import slo
from slo.noise import Noise, what_if

START = datetime(2026, 11, 2, tzinfo=timezone.utc)  # a Monday
END = START + timedelta(days=28)


def at(hours):
    return START + timedelta(hours=hours)


def firings(rows):
    """Rows of (alertname, severity, service, slo, begin in hours, minutes, share of the budget)."""
    columns = {name: [] for name in ("alertname", "severity", "service", "slo", "began", "ended", "spent")}
    for name, severity, service, slo_name, began, minutes, spent in rows:
        for key, value in zip(columns, (name, severity, service, slo_name, at(began), at(began) + timedelta(minutes=minutes), spent), strict=True):
            columns[key].append(value)
    return columns


def noise(rows, **arguments):
    return Noise(firings(rows), start=START, end=END, **arguments)


def test_what_each_alert_cost():
    rows = [("Burn", "page", "shop", "orders", 10 + 24 * day, 30, 0.05 if day % 4 == 0 else 0.001) for day in range(12)]
    rows += [("Disk", "ticket", "", "", 5 + 48 * day, 10, None) for day in range(4)]
    found = noise(rows, hours="Mon-Fri 09:00-17:00")
    burn, disk = found.alerts
    assert (burn["firings"], burn["priced"], burn["for_nothing"], burn["precision"]) == (12, 12, 9, 0.25)
    low, high = scipy_stats.binomtest(3, 12).proportion_ci(method="wilson")
    assert (burn["precision_low"], burn["precision_high"]) == (pytest.approx(low), pytest.approx(high))
    assert burn["spent"] == pytest.approx(3 * 0.05 + 9 * 0.001)
    # Twelve days from a Monday on have two weekend days at ten o'clock.
    assert (burn["out_of_hours"], disk["out_of_hours"]) == (2, 4)
    assert [row["out_of_hours"] for row in noise(rows).alerts] == [None, None]
    assert (disk["priced"], disk["precision"], disk["spent"]) == (0, None, None)


def test_a_worth_decides_what_was_for_nothing():
    rows = [("Burn", "page", "shop", "orders", 24 * day, 30, 0.004 * day) for day in range(10)]
    for worth, nothing in [(0.0, 0), (0.01, 3), (1.0, 10)]:
        (burn,) = noise(rows, worth=worth).alerts
        assert burn["for_nothing"] == nothing
    with pytest.raises(slo.SloError, match="not a share"):
        noise(rows, worth=2)


def test_flaps_are_kept_firing():
    rows = [("Lag", "page", "", "", 100 * burst + 0.25 * turn, 5, None) for burst in range(3) for turn in range(4)]
    found = noise(rows)
    (lag,) = found.alerts
    assert lag["flaps"] == 9
    measures = {row["measure"]: row for row in found.measures}
    assert measures["Lag (page): keep firing for 30m"]["spared"] == 9
    assert measures["Lag (page): keep firing for 30m"]["snippet"] == "# in the rule Lag\nkeep_firing_for: 30m\n"


def test_short_firings_are_held_back_but_not_if_one_was_worth_it():
    short = [("Cpu", "ticket", "shop", "", 20 * number, 4, 0.0) for number in range(8)]
    long = [("Cpu", "ticket", "shop", "", 20 * number + 10, 90, 0.2) for number in range(3)]
    (row,) = noise(short + long).measures
    assert (row["measure"], row["spared"]) == ("Cpu shop (ticket): fire only after 5m (3 that were worth it would come so much later)", 8)
    worthy = [("Cpu", "ticket", "shop", "", 7, 4, 0.2)]
    assert len(noise(short + long + worthy).measures) == 0


def test_firings_that_overlap_do_not_flap_and_pages_of_unknown_worth_are_not_held():
    rows = [("Down", "page", "", "", 24 * number, 40 * 24 * 60, None) for number in range(6)]
    found = noise(rows)
    assert next(iter(found.alerts))["flaps"] == 0 and len(found.measures) == 0
    rows = [("Down", "page", "", "", 24 * number, 3, None) for number in range(6)]
    assert len(noise(rows).measures) == 0


def test_pairs_are_inhibited_by_the_page():
    generator = numpy.random.default_rng(1)
    hours = numpy.sort(generator.uniform(0, 600, 15))
    rows = [("Down", "page", "shop", "orders", hour, 60, 0.1) for hour in hours]
    rows += [("Errors", "ticket", "shop", "", hour + 0.05, 30, 0.1) for hour in hours]
    rows += [("Unrelated", "ticket", "mail", "", hour, 30, 0.1) for hour in generator.uniform(0, 600, 15)]
    found = noise(rows)
    (pair,) = found.pairs
    assert (pair["source"], pair["target"], pair["together"]) == ("Down shop/orders (page)", "Errors shop (ticket)", 15)
    # By chance, each of 15 begins in the hour and five minutes of one of 15, of 672 hours; there are six ordered pairs.
    covered = 15 * (60 + 5) / (28 * 24 * 60)
    assert pair["p"] == pytest.approx(6 * covered**15, rel=0.5)
    (row,) = found.measures
    assert row["spared"] == 15
    assert "source_matchers: ['alertname = \"Down\"'" in row["snippet"] and "equal: [service]" in row["snippet"]


def test_alerts_that_always_fire_are_no_pairs():
    rows = [("Watchdog", "none", "", "", 0, 28 * 24 * 60, None)]
    rows += [("Disk", "ticket", "", "", 30 * number, 10, None) for number in range(10)]
    assert len(noise(rows).pairs) == 0


def test_pages_that_never_cost_anything_become_tickets():
    rows = [("Probe", "page", "shop", "", 40 * number, 120, 0.0) for number in range(6)]
    measures = {row["measure"]: row["spared"] for row in noise(rows).measures}
    assert measures == {"Probe shop (page): send a ticket, no page was worth it": 6}
    assert len(noise(rows[:4]).measures) == 0


def test_pictures_and_pages():
    rows = [("Burn <&>", "page", "shop", "orders", 10 * number, 30, 0.0) for number in range(9)]
    found = noise(rows)
    svg = found.svg("Europe/Berlin")
    assert svg.startswith("<svg ") and "Burn &lt;&amp;&gt;" in svg and "<&>" not in svg
    assert "<svg" in found._repr_html_() and repr(found) == "Noise(9 firings, 9 pages, 1 measures)"


def test_bad_tables_are_refused():
    columns = firings([("A", "page", "", "", 1, 1, None)])
    with pytest.raises(slo.SloError, match="differ in length"):
        Noise({**columns, "began": columns["began"] * 2}, start=START, end=END)
    with pytest.raises(slo.ColumnError, match="alertname"):
        Noise({"began": [], "ended": []}, start=START, end=END)
    with pytest.raises(slo.SloError, match="hours"):
        Noise(columns, start=START, end=END, hours="sometimes")


def test_what_a_guard_would_have_spared():
    spec = slo.parse(
        "{version: slo/v1, service: shop, slos: [{name: orders, objective: 99.9%, window: 30d, sli: {events: {total: a_total, bad: b_total}}}]}"
    )
    generator = numpy.random.default_rng(3)
    # Thirty requests an hour, of which single ones fail; and an outage.
    minutes = 30 * 1_440
    total = generator.poisson(0.5, minutes)
    bad = generator.binomial(total, 0.0008)
    total[20_000:20_120] = 5
    bad[20_000:20_120] = 5
    samples = slo.Samples(time=numpy.arange(minutes) * 60 + 1_700_000_000, total=total, bad=bad, kind="increment")
    orders = spec["shop/orders"]
    rows = {row["change"]: row for row in what_if(orders, samples)}
    assert set(rows) == {"as it is", "with a guard", "with windows twice as long"}
    plain, guarded = rows["as it is"], rows["with a guard"]
    backtest = orders.backtest(samples)
    assert plain["pages"] == backtest.pages and plain["pages"] > 5
    assert guarded["pages"] == orders.backtest(samples, orders.policy.guarded()).pages == 1
    assert guarded["detected"] == plain["detected"] == guarded["incidents"] == 1
