"""`slo release` on histories: recorded ones of real Helm, and one whose revisions are judged by a real Prometheus."""

import datetime
import json
import pathlib
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "slo-cli" / "tests" / "gates"))
from releases import Shop, built, wait_for  # noqa: E402

# States that Helm 3.22 and 4.3 left on a real API server (Kubernetes 1.36).
RECORDED = pathlib.Path(__file__).parent / "recorded"


def release(*words, cwd=None):
    ran = subprocess.run([built("slo"), "release", *map(str, words)], capture_output=True, text=True, cwd=cwd, timeout=120)
    return ran.returncode, ran.stdout, ran.stderr


# For each case: the exit code, what is said, and the revision to go back to.
CASES = {
    "install": (0, "revision 1 is live", None),
    "upgrade": (0, "revision 2 is live", None),
    "immutable": (1, "revision 3 failed (immutable field)", 2),
    "after-failed": (0, "revision 4 is live", None),
    "timeout": (1, "revision 5 failed (timeout)", 4),
    "rollback": (0, "revision 6 is live", None),
    "atomic": (0, "revision 8 is live", None),
    "uninstall-keep": (1, "the release was removed with revision 8", None),
    "pending-upgrade": (1, "revision 2 is pending-upgrade", 1),
    "blocked": (1, "Helm refuses upgrades as long as it is", 1),
    "unblock": (0, "revision 3 is live", None),
    "pending-rollback": (1, "revision 5 is pending-rollback", 4),
    "sigterm": (1, "revision 2 failed (cancelled)", 1),
    "pending-install": (1, "no earlier revision was completed", None),
    "install-again": (1, "remove the release, and install it again", None),
}


@pytest.mark.parametrize("version", ["v3", "v4"])
@pytest.mark.parametrize("case", CASES)
def test_each_state_of_helm_is_told_rightly(version, case):
    folder = RECORDED / version / case
    files = ["--history", folder / "history.json", "--secrets", folder / "secrets.json", "--objects", folder / "objects.json"]
    code, out, error = release("api", "--namespace", "shop", *files)
    expected, told, to = CASES[case]
    assert (code, told in out + error) == (expected, True), out + error
    report = json.loads(release("api", *files, "--format", "json")[1])
    assert report["advice"]["to"] == to
    if to:
        assert f"helm rollback api {to} --wait --timeout 5m --namespace shop" in error
        # Whoever was killed left nothing; one whose time is not over may still work on it.
        assert report["advice"]["safety"] == ("check" if "pending" in case or case == "blocked" else "safe")
    if case == "timeout":
        # The cluster runs pods of both.
        assert "2 of 2 pods of shop/api:3 are ready" in out and "0 of 1 pods of shop/api:broken are ready" in out
    if case in ("pending-install", "install-again"):
        assert report["advice"]["command"] == ["helm", "uninstall", "api", "--wait"]


def test_a_deployment_that_hangs(tmp_path):
    code, out, error = release("deployment/api", "--objects", RECORDED / "v3" / "timeout" / "objects.json")
    # Six seconds after it began, it is no failure: the Deployment itself allows ten minutes.
    assert "0 of 1 pods of shop/api:broken are ready" in out and "is being rolled out" in out
    assert code == 0, out + error
    text = (RECORDED / "v3" / "timeout" / "objects.json").read_text()
    given_up = tmp_path / "objects.json"
    condition = '{"lastTransitionTime": "2026-11-27T20:27:22Z", "message": "x", "reason": "ProgressDeadlineExceeded", "status": "False", "type": "Progressing"}'
    objects = json.loads(text)
    deployment = next(one for one in objects["items"] if one["kind"] == "Deployment")
    deployment["status"]["conditions"] = [json.loads(condition)]
    given_up.write_text(json.dumps(objects))
    code, out, error = release("deployment/api", "--objects", given_up)
    assert (code, "kubectl rollout undo deployment/api --to-revision=3" in error) == (1, True), out + error


def test_goes_back_to_the_revision_that_was_good_by_its_slo(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("releases")) as shop:
        times = []
        for bad in (0.001, 0.2, 0.001, 0.4):
            shop.versions["1"].turns(200, bad)
            times.append(datetime.datetime.now(datetime.UTC).isoformat())
            time.sleep(9)
        entries = [
            {"revision": 1, "updated": times[0], "status": "superseded", "chart": "shop-1.0.0", "description": "Install complete"},
            {"revision": 2, "updated": times[1], "status": "superseded", "chart": "shop-1.1.0", "description": "Upgrade complete"},
            {"revision": 3, "updated": times[2], "status": "superseded", "chart": "shop-1.0.0", "description": "Rollback to 1"},
            {"revision": 4, "updated": times[3], "status": "deployed", "chart": "shop-1.2.0", "description": "Upgrade complete"},
        ]
        history = shop.folder / "history.json"
        history.write_text(json.dumps(entries))
        words = ["shop", "slo.yaml", "--prometheus", shop.prometheus, "--history", history]
        code, out, error = release(*words, cwd=shop.folder)
        assert code == 1 and "revision 4 is live, and fails by its SLO" in error, out + error
        assert "revision 3 is the last one that was completed and passes by its SLO" in error
        assert "to do so: helm rollback shop 3" in error and "what it would change is not known" in out
        report = json.loads(release(*words, "--format", "json", cwd=shop.folder)[1])
        assert [revision["gate"]["verdict"] for revision in report["revisions"]] == ["pass", "fail", "pass", "fail"]
        ratio = report["revisions"][3]["gate"]["slos"][0]["error_ratio"]
        assert 0.3 < ratio < 0.45


def test_what_cannot_be_read_is_told(tmp_path):
    (tmp_path / "history.json").write_text("release: not found")
    code, _, error = release("api", "--history", tmp_path / "history.json")
    assert code == 1 and "helm history RELEASE --output json" in error
    assert release("api", "--history", tmp_path / "none.json")[0] == 3
    (tmp_path / "history.json").write_text("[]")
    code, _, error = release("api", "--history", tmp_path / "history.json")
    assert (code, "there is no release of this name" in error) == (1, True)
    (tmp_path / "secrets.json").write_text('{"items": [{"metadata": {"labels": {"name": "api"}}, "data": {"release": "eA=="}}]}')
    assert release("api", "--history", tmp_path / "history.json", "--secrets", tmp_path / "secrets.json")[0] == 1


def test_delivery_is_judged_by_evidence(tmp_path_factory):
    with Shop(tmp_path_factory.mktemp("delivery")) as shop:
        store = f"sqlite:{shop.folder}/slo.db"

        def slo(*words):
            return subprocess.run([built("slo"), *map(str, words)], capture_output=True, text=True, cwd=shop.folder, timeout=120)

        # The record is that of a server.
        (shop.folder / "serve.yaml").write_text("version: slo-server/v1\nlisten: 127.0.0.1:0\nstore: sqlite:slo.db\n")
        shop.start("serve", built("slo"), "serve", "serve.yaml")
        wait_for("the record", lambda: (shop.folder / "slo.db").exists(), 20)
        shop.end("serve")
        # Good for a while, then a version that fails, the one that mends it, and one of a service without an SLO.
        time.sleep(10)
        for version, bad in [("1.1", 0.3), ("1.2", 0.001)]:
            shop.versions["1"].turns(200, bad)
            committed = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
            ran = slo("deployments", "record", "--service", "shop", "--version", version, "--committed-at", committed.isoformat(), "--who", "ci", "--store", store)
            assert ran.returncode == 0 and f"shop {version} went live at" in ran.stderr, ran.stderr
            time.sleep(9)
        assert slo("deployments", "record", "--service", "cart", "--version", "9", "--store", store).returncode == 0
        words = ["report", "slo.yaml", "--prometheus", shop.prometheus, "--delivery", "--last", "7d", "--store", store]
        cart, found = json.loads(slo(*words, "--format", "json").stdout)["services"]
        assert (cart["service"], cart["deployments"], cart["unknown"], cart["fail_rate"]) == ("cart", 1, 1, None)
        assert (found["deployments"], found["failed"], found["passed"], found["fail_rate"]) == (2, 1, 1, 0.5)
        assert 8 <= found["recovery_seconds"] <= 16 and abs(found["lead_seconds"] - 7_200) < 5 and found["rework_rate"] == 0.5
        assert found["failures"][0]["version"] == "1.1" and "shop/availability: fail" in found["failures"][0]["because"][0]
        text = slo(*words).stdout
        assert "## shop" in text and "| Change fail rate | 50.0% | 95 % interval" in text
        assert "<th>Deployment frequency</th>" in slo(*words, "--format", "html").stdout
        assert slo(*words[:-2]).returncode == 2
        assert slo(*[word for word in words if word != "--delivery"]).returncode == 2
