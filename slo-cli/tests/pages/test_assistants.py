"""`slo mcp` for the official Python client: both transports, every tool, who may ask, and what it refuses."""

import asyncio
import json
import os
import subprocess
import urllib.request

import pytest
from mcp import Client, MCPError, StdioServerParameters
from site_of_tests import SPEC, Processes, alert, ask, built, free_ports, get, program, wait_for

SPEED = ["--time-scale", "60"]


@pytest.fixture(scope="module")
def config(site, stack):
    """The configuration of a server that has answered an alert."""
    return stack.folder / "site" / "serve.yaml"


@pytest.fixture(scope="module", params=["stdio", "http"])
def where(request, config, stack):
    """How a client reaches the tools."""
    command = ["mcp", "--config", str(config), *SPEED]
    if request.param == "stdio":
        yield StdioServerParameters(command=str(built("slo")), args=command)
        return
    port = free_ports(1)
    stack.start("mcp", built("slo"), *command, "--listen", f"127.0.0.1:{port}")
    wait_for("slo mcp", lambda: "listening" in (stack.folder / "mcp.log").read_text(), 20)
    yield f"http://127.0.0.1:{port}/mcp"
    stack.end("mcp")


def using(where, use):
    """What `use` makes of a client, in each version of the protocol that the client speaks."""

    async def run(mode):
        async with Client(where, mode=mode) as client:
            return await use(client)

    return [asyncio.run(asyncio.wait_for(run(mode), 20)) for mode in ("legacy", "auto")]


def called(where, tool, **arguments):
    """The structured answer of a tool, which its text repeats; or the reason why there is none."""

    async def use(client):
        answer = await client.call_tool(tool, arguments)
        [content] = answer.content
        if answer.is_error:
            return content.text
        assert json.loads(content.text) == answer.structured_content
        return answer.structured_content

    legacy, modern = using(where, use)
    assert type(legacy) is type(modern)
    return modern


def test_all_tools_only_read(where):
    for tools in using(where, lambda client: client.list_tools()):
        assert [tool.name for tool in tools.tools] == ["budgets", "incidents", "explain", "gate"]
        for tool in tools.tools:
            assert tool.annotations.read_only_hint and not tool.annotations.destructive_hint
            assert tool.input_schema["additionalProperties"] is False and tool.output_schema["required"]


def test_budgets_are_those_of_the_status(where, stack):
    command = [built("slo"), "status", SPEC, "--prometheus", stack.prometheus, *SPEED, "--format", "json"]
    status = {(one["service"], one["slo"]): one for one in json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)}
    answer = wait_for("budgets", lambda: isinstance(found := called(where, "budgets"), dict) and found, 30)
    assert {(one["service"], one["slo"]) for one in answer["slos"]} == set(status)
    # The most urgent first.
    assert (answer["slos"][0]["service"], answer["slos"][0]["slo"]) == ("checkout", "availability")
    for one in answer["slos"]:
        known = status[one["service"], one["slo"]]
        assert (one["objective"], one["period"]) == (known["objective"], known["period"])
        assert one["projected_budget_remaining"] == pytest.approx(known["projected_budget_remaining"], abs=0.2)
    [one] = called(where, "budgets", slo="checkout/availability")["slos"]
    assert one["slo"] == "availability"
    assert "there is no SLO `checkout/none`; there are checkout/availability" in called(where, "budgets", slo="checkout/none")


def test_incidents_are_those_of_the_record(where, site):
    listed = ask(f"{site}/api/v1/incidents").json()
    assert called(where, "incidents")["episodes"] == listed
    assert len(called(where, "incidents", open=True, limit=1)["episodes"]) == 1
    one = called(where, "incidents", incident=listed[0]["incident"][:8])
    assert one["incident"] == listed[0]["incident"]
    assert any("waits for approval" in line for line in one["episodes"][0]["summary"])
    assert one["episodes"][0]["findings"] == ["the pool is <b>empty</b>"]
    assert "no incident begins with" in called(where, "incidents", incident="ffffffff")
    assert "give 1 to 100" in called(where, "incidents", limit=0)


def test_explanations_are_those_of_the_command(where):
    done = subprocess.run([built("slo"), "explain", SPEC, "--format", "json"], check=True, capture_output=True, text=True)
    [known] = [one for one in json.loads(done.stdout) if (one["service"], one["slo"]) == ("checkout", "availability")]
    answer = called(where, "explain", slo="checkout/availability")
    assert (answer["service"], answer["slo"]) == ("checkout", "availability")
    # The specs run 60 times faster here, but thresholds and shares stay.
    assert [alert["threshold"] for alert in answer["alerts"]] == [alert["threshold"] for alert in known["alerts"]]


def test_a_gate_looks_once(where):
    answer = wait_for("a verdict", lambda: (found := called(where, "gate", since="5s", slos=["checkout/availability"])) and isinstance(found, dict) and found, 30)
    assert answer["verdict"] in ("fail", "inconclusive") and answer["slos"][0]["slo"] == "checkout/availability"
    assert "exclude each other" in called(where, "gate", since="5s", old="a=\"b\"", before="1m")
    assert "is in the future" in called(where, "gate", since="2999-01-01T00:00:00Z")
    assert "since" in called(where, "gate", since="yesterday")


def test_wrong_arguments_are_told_and_unknown_tools_refused(where):
    assert "unknown field `force`" in called(where, "budgets", force=True)
    assert "missing field `slo`" in called(where, "explain")
    assert "there is no SLO `a/b`; there are checkout/availability" in called(where, "explain", slo="a/b")
    assert "excludes `open`" in called(where, "incidents", incident="abcdef", open=True)

    async def use(client):
        with pytest.raises(MCPError, match="there is no tool `approve`"):
            await client.call_tool("approve", {})

    using(where, use)


def test_only_tools_that_can_answer_are_there(tmp_path):
    only = StdioServerParameters(command=str(built("slo")), args=["mcp", str(SPEC)])
    for tools in using(only, lambda client: client.list_tools()):
        assert [tool.name for tool in tools.tools] == ["explain"]
    # Incidents need no spec.
    store = f"sqlite:{tmp_path / 'slo.db'}"
    with Processes(tmp_path) as processes:
        port = free_ports(1)
        config = tmp_path / "serve.yaml"
        config.write_text(f"version: slo-server/v1\nlisten: 127.0.0.1:{port}\nstore: {store}\n")
        config.chmod(0o600)
        processes.start("serve", built("slo"), "serve", config)
        url = f"http://127.0.0.1:{port}"
        wait_for("slo serve", lambda: "listening" in (tmp_path / "serve.log").read_text(), 20)
        for status in ("firing", "resolved"):
            assert ask(f"{url}/alerts/alertmanager", "POST", alert(status=status)).status == 200
        only = StdioServerParameters(command=str(built("slo")), args=["mcp", "--store", store])
        for tools in using(only, lambda client: client.list_tools()):
            assert [tool.name for tool in tools.tools] == ["incidents"]
        assert [one["state"] for one in called(only, "incidents")["episodes"]] == ["resolved"]
        assert called(only, "incidents", open=True)["episodes"] == []
    done = subprocess.run([built("slo"), "mcp", "--prometheus", "http://127.0.0.1:9", "--store", store], capture_output=True, text=True)
    assert done.returncode == 2 and "no specs given" in done.stderr


def test_each_group_of_an_slo_can_be_asked_for(tmp_path):
    spec, rules = tmp_path / "slo.yaml", tmp_path / "rules.yaml"
    counter = "prometheus_http_requests_total"
    sli = f"sli: {{events: {{total: {counter}, bad: '{counter}{{code=~\"5..\"}}'}}}}"
    spec.write_text(f"{{version: slo/v1, service: prom, scrape_interval: 15s, slos: [{{name: answers, objective: 99%, window: 1d, by: [handler], {sli}}}]}}")
    rules.write_bytes(subprocess.run([built("slo"), "generate", spec, *SPEED], check=True, capture_output=True).stdout)
    with Processes(tmp_path) as processes:
        at = f"127.0.0.1:{free_ports(1)}"
        jobs = f"scrape_configs: [{{job_name: self, static_configs: [{{targets: ['{at}']}}]}}]"
        (tmp_path / "prometheus.yaml").write_text(f"global: {{scrape_interval: 250ms, evaluation_interval: 250ms}}\nrule_files: [{rules}]\n{jobs}\n")
        processes.start("prometheus", program("prometheus"), "--config.file=prometheus.yaml", "--storage.tsdb.path=data", f"--web.listen-address={at}")
        wait_for("Prometheus", lambda: "success" in get(f"http://{at}/api/v1/query?query=1"), 60)
        command = StdioServerParameters(command=str(built("slo")), args=["mcp", str(spec), "--prometheus", f"http://{at}", *SPEED])

        def groups():
            get(f"http://{at}/api/v1/query?query=1")
            answer = called(command, "budgets", slo="prom/answers")
            return answer if isinstance(answer, dict) and len(answer.get("groups", [])) > 1 else None

        answer = wait_for("the groups", groups, 60)
        handlers = [group["group"]["handler"] for group in answer["groups"]]
        assert "/metrics" in handlers and len(set(handlers)) == len(handlers)
        [slo] = answer["slos"]
        assert slo["groups"] == len(handlers) and slo["group"] == answer["groups"][0]["group"]
        assert "groups" not in called(command, "budgets")


def post(url, **headers):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    more = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    request = urllib.request.Request(url, body, {**more, **{name.replace("_", "-"): value for name, value in headers.items()}})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_nobody_else_may_ask(stack, tmp_path):
    port = free_ports(1)
    stack.start("mcp-open", built("slo"), "mcp", SPEC, "--listen", f"127.0.0.1:{port}")
    wait_for("slo mcp", lambda: "listening" in (stack.folder / "mcp-open.log").read_text(), 20)
    url = f"http://127.0.0.1:{port}/mcp"
    assert post(url) == 200
    assert post(url, Host="evil.example.com") == 403
    assert post(url, Origin="https://evil.example.com") == 403
    assert post(url, Origin=f"http://127.0.0.1:{port}") == 200
    stack.end("mcp-open")

    (tmp_path / "token").write_text("s3cret-token\n")
    stack.start("mcp-token", built("slo"), "mcp", SPEC, "--listen", f"0.0.0.0:{port}", "--bearer-file", tmp_path / "token")
    wait_for("slo mcp", lambda: "listening" in (stack.folder / "mcp-token.log").read_text(), 20)
    assert post(url) == 401
    assert post(url, Authorization="Bearer wrong") == 401
    assert post(url, Authorization="Bearer s3cret-token", Host="slo.example.com") == 200
    assert "s3cret" not in (stack.folder / "mcp-token.log").read_text()
    stack.end("mcp-token")
    done = subprocess.run([built("slo"), "mcp", SPEC, "--listen", f"0.0.0.0:{port}"], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2 and "add --bearer-file" in done.stderr
