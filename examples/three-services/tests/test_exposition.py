"""What a new Prometheus makes of `/metrics`: native histograms, exemplars, times of creation."""

import json
import pathlib
import urllib.parse
import urllib.request

import pytest
from stack import ROOT, World, built, free_ports, http_get, program, wait_for

NEWER = ROOT / "target/servers/trixie/usr/bin/prometheus"
REQUESTS = 40
TRACE = "0af7651916cd43dd8448eb211c80319c"
HISTOGRAM = "http_server_request_duration_seconds"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    if not NEWER.exists():
        pytest.skip(f"no {NEWER}: `scripts/servers` fetches it where Debian's servers can be reached")
    folder = tmp_path_factory.mktemp("exposition")
    world = World(folder)
    world.prometheus = free_ports(6) + 4
    (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: checkout
    scrape_classic_histograms: true
    static_configs: [{{targets: ['127.0.0.1:{world.port + 1}']}}]
""")
    try:
        world.start("three-services", built("three-services"), "--idle", "--port", str(world.port))
        wait_for("the services", world.statuses, 30)
        for number in range(REQUESTS):
            post(world, f"00-{TRACE}-{number + 1:016x}-01")
        world.start(
            "prometheus",
            str(NEWER),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{world.prometheus}",
            "--enable-feature=native-histograms,exemplar-storage,created-timestamp-zero-ingestion",
        )
        wait_for("a scrape", lambda: world.query(f'{HISTOGRAM}_count{{http_response_status_code="200"}} > 0'), 30)
        yield world
    finally:
        world.stop()
        for log in sorted(pathlib.Path(folder).glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-4000:]}")


def post(world, parent):
    request = urllib.request.Request(
        f"http://127.0.0.1:{world.port + 1}/checkout", method="POST", headers={"traceparent": parent}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200


def value(world, query):
    [(_, value)] = world.query(query)
    return value


def test_native_and_classic_histograms_say_the_same(world):
    native = f'sum({HISTOGRAM}{{http_response_status_code="200"}})'
    assert value(world, f"histogram_count({native})") == REQUESTS
    assert value(world, f'sum({HISTOGRAM}_count{{http_response_status_code="200"}})') == REQUESTS
    total = value(world, f'sum({HISTOGRAM}_sum{{http_response_status_code="200"}})')
    assert value(world, f"histogram_sum({native})") == pytest.approx(total)
    for quantile in [0.1, 0.5, 0.9]:
        exact = value(world, f"histogram_quantile({quantile}, {native})")
        buckets = f'sum by (le) ({HISTOGRAM}_bucket{{http_response_status_code="200"}})'
        below = max(
            (float(labels["le"]) for labels, count in world.query(buckets) if count < quantile * REQUESTS),
            default=0,
        )
        above = min(float(labels["le"]) for labels, count in world.query(buckets) if count >= quantile * REQUESTS)
        # A bucket of a native histogram is 9 % wide.
        assert below / 1.1 <= exact <= above * 1.1, (quantile, below, exact, above)
    assert value(world, f'histogram_fraction(0, 0.3, {native})') == 1


def test_exemplars_lead_to_traces(world):
    query = urllib.parse.urlencode({"query": f"{HISTOGRAM}_bucket", "start": "0", "end": "9999999999"})
    answer = json.loads(http_get(f"http://127.0.0.1:{world.prometheus}/api/v1/query_exemplars?{query}"))
    exemplars = [exemplar for series in answer["data"] for exemplar in series["exemplars"]]
    assert exemplars, answer
    assert {exemplar["labels"]["trace_id"] for exemplar in exemplars} == {TRACE}
    assert all(0 < float(exemplar["value"]) < 1 for exemplar in exemplars)


def test_counters_begin_at_zero_when_they_were_made(world):
    # All was counted before the first scrape; without a time of creation, it would be no increase.
    assert value(world, f'min_over_time({HISTOGRAM}_count{{http_response_status_code="200"}}[5m])') == 0
    events = 'slo_events_total{slo="availability"}'
    assert value(world, f"max_over_time({events}[5m])") == REQUESTS
    assert value(world, f"min_over_time({events}[5m])") == 0


def test_the_live_budget_is_exposed(world):
    assert value(world, 'slo_objective_ratio{slo="availability"}') == 0.999
    assert value(world, 'slo_error_budget_remaining_ratio{slo="availability"}') == 1
    assert value(world, 'slo_burn_rate_ratio{slo="availability", window="1h"}') == 0
    assert value(world, 'count(slo_burn_alert_firing{slo="availability"} == 0)') == 4
