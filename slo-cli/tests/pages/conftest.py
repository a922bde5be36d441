"""What the tests of pages share: the services run once."""

import pytest
from playwright.sync_api import sync_playwright
from site_of_tests import RUNBOOK, Stack, alert, ask, get, wait_for


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("pages")) as stack:
        yield stack


@pytest.fixture(scope="session")
def site(stack):
    """A server with a record, an outage of checkout, and an incident with a step that waits for approval."""
    stack.break_checkout(3_600)
    url = stack.slo_serve_config("site", f"store: sqlite:slo.db\n{RUNBOOK}")
    assert ask(f"{url}/alerts/alertmanager", "POST", alert(), Content_Type="application/json").status == 200
    wait_for("the page", lambda: "checkout/availability burns at" in get(f"{url}/"), 60)
    wait_for("approval", lambda: "waits for approval" in get(f"{url}/incidents"), 30)
    yield url
    stack.mend_checkout()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page whose errors fail the test."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("http://127.0.0.1") else errors.append(f"asks {request.url}"))
    yield page
    page.close()
    assert errors == []
