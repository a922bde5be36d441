"""The API against its own document, and who may use it."""

import datetime
import json
import re
import ssl
import subprocess

import jsonschema
import pytest
from openapi_spec_validator import validate
from site_of_tests import ROOT, RUNBOOK, alert, ask, wait_for

DOCUMENT = json.loads((ROOT / "slo-server" / "src" / "serve" / "api" / "openapi.json").read_text())


def check(answer, path, method="get"):
    """An answer is one of those that the document knows."""
    operation = DOCUMENT["paths"][path][method]
    assert str(answer.status) in operation["responses"], (path, answer.status, answer.body)
    content = operation["responses"][str(answer.status)].get("content")
    if content is None:
        assert answer.body == b""
        return None
    kind = answer.headers["Content-Type"].split(";")[0]
    schema = {**content[kind]["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    return answer.json()


def test_the_document_is_valid_and_is_served(site):
    validate(DOCUMENT)
    assert check(ask(f"{site}/api/v1/openapi.json"), "/api/v1/openapi.json") == DOCUMENT


def test_the_document_has_every_route():
    """Those of the server below `/api/v1`, and no other."""
    routes = set(re.findall(r'\.route\("(/api/v1/[^"]*)"', (ROOT / "slo-server" / "src" / "serve" / "server.rs").read_text()))
    assert routes == set(DOCUMENT["paths"])


def test_every_answer_is_as_documented(site):
    slos = check(ask(f"{site}/api/v1/slos"), "/api/v1/slos")["slos"]
    assert [slo["state"] for slo in slos][0] == "page" and len(slos) == 6
    filtered = check(ask(f"{site}/api/v1/slos?service=search&sort=name&order=reversed"), "/api/v1/slos")["slos"]
    assert [slo["slo"] for slo in filtered] == ["latency", "availability"]
    for slo in slos:
        path = "/api/v1/slos/{service}/{slo}"
        url = f"{site}/api/v1/slos/{slo['service']}/{slo['slo']}"
        detail = check(ask(url), path)
        assert (detail["detail"]["buckets"] is not None) == (slo["slo"] == "latency")
        check(ask(f"{url}?range=6m"), path)
        assert check(ask(f"{url}?range=soon"), path)["status"] == 400
        assert check(ask(f"{url}?from=1&to=2"), path)["status"] == 400
    assert check(ask(f"{site}/api/v1/slos/checkout/none"), path)["detail"] == "there is no SLO checkout/none"
    assert check(ask(f"{site}/api/v1/slos/checkout/availability?group.route=x"), path)["detail"] == "checkout/availability has no group route=x"
    assert check(ask(f"{site}/api/v1/slos/checkout/availability?range=60d"), path)["status"] == 400
    for query in ("state=fine", "sort=best", "order=up", "label=team"):
        assert check(ask(f"{site}/api/v1/slos?{query}"), "/api/v1/slos")["status"] == 400
        assert ask(f"{site}/?{query}").status == 400
    month = datetime.datetime.now(datetime.UTC).strftime("%Y-%m")
    report = "/api/v1/reports/{name}"
    assert len(check(ask(f"{site}/api/v1/reports/{month}"), report)["slos"]) == 6
    assert len(check(ask(f"{site}/api/v1/reports/{month}?service=search"), report)["slos"]) == 2
    for link in re.findall(r'href="/reports/([^"]+)"', ask(f"{site}/reports").text()):
        assert re.fullmatch(r"\d{4}-(\d\d|Q[1-4])", link)
    for name in ("2999-01", "soon", f"{month}?service=nobody"):
        assert check(ask(f"{site}/api/v1/reports/{name}"), report)["status"] == 404
    deployments, body = "/api/v1/deployments", {"service": "search", "version": "7", "committed_at": "2026-11-01T00:00:00Z"}
    post = lambda body: check(ask(f"{site}{deployments}", "POST", json.dumps(body).encode()), deployments, "post")  # noqa: E731
    assert post(body)["version"] == "7" and post({"service": "search"})["status"] == 400
    (found,) = check(ask(f"{site}{deployments}?service=search"), deployments)["deployments"]
    assert found["committed_at"] == "2026-11-01T00:00:00Z" and check(ask(f"{site}{deployments}?from=soon"), deployments)["status"] == 400
    listed = check(ask(f"{site}/api/v1/incidents"), "/api/v1/incidents")
    one = "/api/v1/incidents/{incident}"
    check(ask(f"{site}/api/v1/incidents/{listed[0]['incident']}"), one)
    assert check(ask(f"{site}/api/v1/incidents/{'0' * 64}"), one)["status"] == 404
    assert check(ask(f"{site}/api/v1/incidents/x"), one)["status"] == 400
    url = f"{site}/api/v1/incidents/{listed[0]['incident']}"
    note = lambda body: ask(url, "POST", json.dumps(body).encode(), Content_Type="application/json")  # noqa: E731
    check(note({"action": "note", "text": "from a program"}), one, "post")
    assert check(note({"action": "dance"}), one, "post")["status"] == 400
    for body in ({"action": "approve", "step": 99}, {"action": "approve", "step": "nothing"}, {"action": "deny", "step": 1}):
        assert check(note(body), one, "post")["status"] == 409
    assert check(note({"action": "note", "text": " "}), one, "post")["status"] == 400
    # The first digits of an id are enough.
    assert check(ask(f"{site}/api/v1/incidents/{listed[0]['incident'][:8]}"), one)["incident"] == listed[0]["incident"]
    assert check(ask(f"{site}/api/v1/incidents/ffffffff"), one)["status"] == 404
    assert ask(f"{site}/incidents/{listed[0]['incident'][:8]}").status == 200


def test_the_numbers_are_those_of_the_command(site, stack):
    """`slo status` and the API have one shape. They are asked one after the other, so the numbers differ a little."""
    from running import built

    command = [built("slo"), "status", ROOT / "examples/three-services/slo.yaml", "--prometheus", stack.prometheus, "--time-scale", "60", "--format", "json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    known = {(one["service"], one["slo"]): one for one in ask(f"{site}/api/v1/slos").json()["slos"]}
    for one in told:
        same = known[one["service"], one["slo"]]
        assert set(one) <= set(same)
        assert same["sli"] == pytest.approx(one["sli"], rel=0.05)
        assert (same["objective"], same["period"]) == (one["objective"], one["period"])


def test_what_the_caller_has_is_not_sent_again(site):
    for path in ("/api/v1/openapi.json", "/reports", "/api/v1/reports/2025-01"):
        # A month of a faster time has half a million steps, which a busy machine does not read within the first five seconds.
        first = wait_for(path, lambda: (answer := ask(f"{site}{path}")).status == 200 and answer, 60)  # noqa: B023
        tag = first.headers["ETag"]
        again = ask(f"{site}{path}", If_None_Match=tag)
        assert (first.status, again.status, again.body) == (200, 304, b""), path
        assert ask(f"{site}{path}", If_None_Match='W/"other"').status == 200
    assert ask(f"{site}/", Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"
    head = ask(f"{site}/reports", "HEAD")
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", ask(f"{site}/reports").headers["ETag"])


def test_pages_forbid_what_is_not_theirs(site):
    headers = ask(f"{site}/").headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    for path in ("/", "/slos/checkout/availability", "/incidents"):
        html = ask(f"{site}{path}").text()
        assert not re.search(r"<[a-z]+[^>]* (style|on[a-z]+)=", html) and not re.search(r"<script(?! src)", html) and "<style" not in html
    assert ask(f"{site}/", Host="evil.example.com").status == 401  # a name that somebody made point here
    assert ask(f"{site}/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403  # an image in another page
    assert ask(f"{site}/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200  # a link


def test_forms_of_other_pages_are_refused(site):
    incident = ask(f"{site}/api/v1/incidents").json()[0]["incident"]
    url = f"{site}/incidents/{incident}"
    token = re.search(r'name="token" value="([^"]+)"', ask(url).text())[1]
    assert ask(url, "POST", b"action=note", Content_Type="application/x-www-form-urlencoded").status == 400
    form = lambda token, **headers: ask(url, "POST", f"token={token}&action=note&text=x".encode(), Content_Type="application/x-www-form-urlencoded", **headers)  # noqa: E731
    assert form("wrong").status == 403
    assert form(token, Origin="https://evil.example.com").status == 403
    assert form(token, Origin=site).status == 303


SECRETS = {"viewers": "looker:eyes", "responders": "alice:wonder", "intake": "sender"}
ACCESS = """
access:
  viewers: {basic_file: viewers}
  responders: {basic_file: responders}
  proxy: {from: [127.0.0.1], user_header: X-User, groups_header: X-Groups, responders: {users: [carol], groups: [sre]}}
intake: {bearer_file: intake}
"""


@pytest.fixture(scope="module")
def guarded(stack):
    folder = stack.folder / "guarded"
    folder.mkdir()
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    url = stack.slo_serve_config("guarded", f"store: sqlite:slo.db\n{ACCESS}{RUNBOOK}")
    answer = ask(f"{url}/alerts/alertmanager", "POST", alert(), Content_Type="application/json", Authorization="Bearer sender")
    assert answer.status == 200
    wait_for("approval", lambda: "waits for approval" in ask(f"{url}/incidents", basic=SECRETS["viewers"]).text(), 30)
    return url


def test_nobody_looks_without_credentials(guarded):
    for path in ("/", "/slos/checkout/availability", "/incidents", "/reports", "/api/v1/slos", "/api/v1/incidents", "/events", "/nothing"):
        answer = ask(f"{guarded}{path}")
        assert answer.status == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert "checkout" not in answer.text()
        assert ask(f"{guarded}{path}", basic="looker:wrong").status == 401
    assert ask(f"{guarded}/", basic=SECRETS["viewers"]).status == 200
    assert ask(f"{guarded}/assets/pages.css").status == 200  # the same for everybody


def act(guarded, **how):
    incident = ask(f"{guarded}/api/v1/incidents", basic=SECRETS["viewers"]).json()[0]["incident"]
    body = json.dumps({"action": "note", "text": "hello"}).encode()
    return ask(f"{guarded}/api/v1/incidents/{incident}", "POST", body, Content_Type="application/json", **how)


def test_viewers_look_and_responders_act_under_their_names(guarded):
    incident = ask(f"{guarded}/api/v1/incidents", basic=SECRETS["viewers"]).json()[0]["incident"]
    page = f"{guarded}/incidents/{incident}"
    assert act(guarded, basic=SECRETS["viewers"]).status == 403
    assert act(guarded, basic=SECRETS["responders"]).status == 200
    assert "<button" not in ask(page, basic=SECRETS["viewers"]).text()
    assert "You may look, not act." in ask(page, basic=SECRETS["viewers"]).text()
    shown = ask(page, basic=SECRETS["responders"]).text()
    assert "Approve restart" in shown and "alice writes: hello" in shown
    # A form needs the token of its user.
    token = re.search(r'name="token" value="([^"]+)"', ask(page, basic=SECRETS["viewers"]).text())
    assert token is None
    own = re.search(r'name="token" value="([^"]+)"', shown)[1]
    form = f"token={own}&action=acknowledge".encode()
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask(page, "POST", form, X_User="carol", **kind).status == 403
    assert ask(page, "POST", form, basic=SECRETS["responders"], **kind).status == 303


def test_a_proxy_says_who_its_users_are(guarded, stack):
    assert ask(f"{guarded}/", X_User="bob").status == 200
    assert act(guarded, X_User="bob").status == 403
    assert act(guarded, X_User="bob", X_Groups="dev, sre").status == 200
    assert act(guarded, X_User="carol").status == 200
    assert ask(f"{guarded}/", X_Groups="sre").status == 401  # a group without a user
    assert act(guarded, X_User="sre").status == 403  # a user who is named like a group
    # From another address than the proxy's, the header is nothing.
    folder = stack.folder / "elsewhere"
    folder.mkdir()
    config = "access:\n  proxy: {from: [10.0.0.0/8], user_header: X-User}\n"
    url = stack.slo_serve_config("elsewhere", config)
    assert ask(f"{url}/", X_User="carol").status == 401


def test_everything_is_below_a_base_path(stack):
    url = stack.slo_serve("based", None, "--base-path", "/ops/slo")
    assert url.endswith("/ops/slo")
    wait_for("numbers", lambda: "checkout/availability" in ask(f"{url}/").text(), 20)
    html = ask(f"{url}/").text()
    links = set(re.findall(r'(?:href|src|data-events)="(/[^"]*)"', html))
    assert links and all(link.startswith("/ops/slo/") for link in links)
    root = url.removesuffix("/ops/slo")
    for link in links - {"/ops/slo/events"}:
        assert ask(f"{root}{link}".replace("&amp;", "&")).status == 200, link
    assert ask(f"{root}/").status == 404
    for path in ("/ops/slo", "/ops/slo/"):
        answer = ask(f"{root}{path}", Accept_Encoding="gzip")
        assert answer.headers["ETag"] and answer.headers["Content-Encoding"] == "gzip", path


def test_pages_come_over_tls(stack):
    folder = stack.folder / "encrypted"
    folder.mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    url = stack.slo_serve_config("encrypted", "tls: {certificate_file: cert.pem, key_file: key.pem}\n")
    assert url.startswith("https://")
    context = ssl.create_default_context(cafile=folder / "cert.pem")
    assert ask(f"{url}/", context=context).status == 200


def test_what_is_open_to_others_is_refused(stack):
    from running import built

    def refused(*options):
        done = subprocess.run([built("slo"), "serve", *options], capture_output=True, text=True, timeout=20)
        assert done.returncode != 0
        return done.stderr

    spec = str(ROOT / "examples/three-services/slo.yaml")
    assert "anybody could look" in refused(spec, "--prometheus", stack.prometheus, "--listen", "0.0.0.0:0")
    assert "no Prometheus server given" in refused(spec)
    assert "is not the path of a page" in refused(spec, "--prometheus", stack.prometheus, "--base-path", "slo")
    file = stack.folder / "open.yaml"
    file.write_text(f"version: slo-server/v1\nlisten: 0.0.0.0:0\nprometheus: {{url: '{stack.prometheus}'}}\nspecs: [{spec}]\n")
    assert "`access` is missing: 0.0.0.0:0 can be reached from other machines" in refused(str(file))
    file.write_text("version: slo-server/v1\nrunbooks: {}\n")
    told = refused(str(file))
    assert "`runbooks` needs `store`" in told and "neither `store` nor `prometheus`" in told
    assert "cannot be used with a configuration file" in refused(str(file), "--prometheus", stack.prometheus)


def test_a_server_without_a_record_says_so(stack):
    url = stack.slo_serve("plain")
    answer = ask(f"{url}/api/v1/incidents")
    assert answer.status == 404 and "keeps no record of incidents" in answer.json()["detail"]
    assert ask(f"{url}/incidents").status == 404
    assert "Incidents" not in ask(f"{url}/").text()
    assert ask(f"{url}/alerts/alertmanager", "POST", alert()).status in (404, 405)  # no delivery is taken and lost
