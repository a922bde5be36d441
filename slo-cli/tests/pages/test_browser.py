"""The pages in a real browser."""

import datetime
import json
import re
import sqlite3
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_of_tests import ask, wait_for

PAGES = ["/", "/slos/checkout/availability", "/slos/search/latency", "/incidents", "/reports", "/nothing"]


def incident(site):
    return ask(f"{site}/api/v1/incidents").json()[0]["incident"]


def paths(site):
    return [*PAGES, f"/incidents/{incident(site)}", f"/reports/{month(site)}"]


def month(site):
    return re.search(r"/reports/(\d{4}-\d\d)", ask(f"{site}/reports").text())[1]


def until(page, condition):
    """Waits for a condition in the page. Playwright's own way needs `eval`, which the page forbids."""
    wait_for(condition, lambda: page.evaluate(f"Boolean({condition})"), 20)


def texts(page, selector):
    return page.locator(selector).all_inner_texts()


def test_every_page_is_right_for_everybody(page, site):
    """No errors of the console (the fixture looks), nothing serious for people with disabilities, no sideways scrolling."""
    for path in paths(site):
        for scheme in ("light", "dark"):
            for width in (1280, 390):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 900})
                if path == "/nothing":
                    assert ask(f"{site}{path}").status == 404
                    continue
                page.goto(f"{site}{path}")
                assert page.locator("h1").first.is_visible()
                found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
                serious = [(one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found if one["impact"] in ("serious", "critical")]
                assert serious == [], (path, scheme, width)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)


def test_colours_follow_the_system(page, site):
    page.emulate_media(color_scheme="light")
    page.goto(site)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(18, 21, 26)")


def test_what_needs_somebody_is_first(page, site):
    page.goto(site)
    assert page.locator("h1").inner_text().startswith("checkout/availability burns at")
    assert page.title().startswith("● checkout/availability burns at")
    assert texts(page, ".slos td.name a")[0] == "checkout/availability"
    assert "waits for approval: restart" in page.locator(".open").inner_text()
    # The basis of each number is in its row.
    assert re.search(r"of 12h", page.locator(".slos tbody tr").first.inner_text())


def test_sort_filter_and_search_are_in_the_address(page, site, chromium):
    page.goto(site)
    page.locator("th.name a").click()
    names = texts(page, ".slos td.name a")
    assert names == sorted(names) and page.url.endswith("?sort=name")
    page.locator("th.name a").click()
    assert texts(page, ".slos td.name a") == sorted(names, reverse=True)
    page.locator("#q").fill("LOGIN latency")
    until(page, "document.querySelectorAll('.slos tbody tr').length === 1")
    assert texts(page, ".slos td.name a") == ["login/latency"]
    assert page.locator("#count").inner_text() == "1 of 6 SLOs"
    assert "q=LOGIN+latency" in page.url and "sort=name" in page.url
    # Somebody else sees the same by the link.
    other = chromium.new_page()
    other.goto(page.url)
    assert texts(other, ".slos td.name a") == ["login/latency"] and other.locator("#q").input_value() == "LOGIN latency"
    other.close()
    page.locator("#q").fill("")
    page.locator("#team").select_option("payments")
    until(page, "document.querySelectorAll('.slos tbody tr').length === 2")
    page.locator("#state").select_option("page")
    until(page, "document.querySelectorAll('.slos tbody tr').length === 1")
    assert "team=payments" in page.url and "state=page" in page.url


def test_search_works_without_a_script(chromium, site):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site)
    page.locator("#q").fill("search")
    page.get_by_role("button", name="Show").click()
    assert set(texts(page, ".slos td.name a")) == {"search/availability", "search/latency"}
    context.close()


def test_numbers_are_live(page, site):
    page.goto(site)
    page.evaluate("window.isSame = true")
    page.locator("#q").focus()
    before = page.locator("footer").inner_text()
    wait_for("new numbers", lambda: page.locator("footer").inner_text() != before, 15)
    # Without a reload, and without taking the focus away.
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.evaluate("window.isSame") is True
    # The choices are as new as the numbers.
    assert re.search(r"Page \(\d+\)", page.locator("#state").inner_text())


def test_charts_tell_their_values_and_zoom(page, site):
    page.goto(f"{site}/slos/checkout/availability?range=6m")
    # At once, since new numbers replace the chart.
    box = page.evaluate("(chart => { chart.scrollIntoView(); return chart.getBoundingClientRect().toJSON(); })(document.querySelector('#burn-rates svg.chart'))")
    page.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + 60)
    told = page.locator("#burn-rates output").inner_text()
    assert re.search(r"UTC\n5s: [\d.,]+×\n1m: [\d.,]+×", told), told
    # The value is the one that the API has.
    values = page.locator("#burn-rates g.values").first.get_attribute("data-values").split(",")
    assert re.search(r"5s: ([\d.,]+)×", told)[1].replace(",", "") in {f"{float(value):.4f}".rstrip("0").rstrip(".") if abs(float(value)) < 10 else f"{float(value):.2f}".rstrip("0").rstrip(".") if float(value) < 1000 else f"{float(value):.0f}" for value in values if value}
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=\d+&to=\d+"))
    start, end = (int(value) for value in re.search(r"from=(\d+)&to=(\d+)", page.url).groups())
    assert 90_000 < end - start < 140_000  # three tenths of six minutes, and a little for the margins
    until(page, "document.querySelector('.ranges').innerText.includes('not live')")
    page.go_back()
    until(page, "!document.querySelector('.ranges').innerText.includes('not live')")


def test_the_keyboard_is_enough(page, site):
    page.goto(site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    until(page, 'document.activeElement.id == "main"')
    # New numbers leave the focus where it is.
    page.evaluate("window.before = main(); shown = ''; refresh()")
    until(page, "main() !== window.before")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    until(page, 'document.activeElement.id == "q"')
    page.goto(f"{site}/slos/checkout/availability")
    page.locator("#burn-down").focus()
    page.keyboard.press("ArrowLeft")
    first = page.locator("#burn-down output").inner_text()
    assert "left: " in first
    for _ in range(30):
        page.keyboard.press("Shift+ArrowLeft")
    assert page.locator("#burn-down output").inner_text() != first
    page.keyboard.press("Escape")
    assert page.locator("#burn-down output").inner_text() == ""


def test_the_page_of_an_slo_has_one_basis(page, site):
    answer = ask(f"{site}/api/v1/slos/checkout/availability").json()
    detail, slo = answer["detail"], answer["slo"]
    # The curve ends with the number above it.
    assert detail["budget_left"][-1] == pytest.approx(slo["projected_budget_remaining"], abs=1e-9)
    # The events that may be bad follow from the traffic, and what is left of them is about the same share.
    left = detail["allowed_bad"] * slo["projected_budget_remaining"]
    assert detail["allowed_bad"] - detail["period_bad"] == pytest.approx(left, rel=0.1)
    page.goto(f"{site}/slos/checkout/availability")
    assert "Every share of the budget on this page is of one budget: that of 12h" in page.locator("footer").inner_text()
    assert {row.split("\t")[1] for row in texts(page, "h2 + .wide tbody tr")} >= {"fast", "medium", "slow", "trickle"}
    page.get_by_text("Queries behind the numbers").click()
    link = page.locator("#queries a").nth(1)
    assert link.get_attribute("href").startswith("http://127.0.0.1:") and "/graph?g0.expr=slo%3Aerror_budget" in link.get_attribute("href")
    page.wait_for_timeout(2_500)
    assert page.locator("#queries").get_attribute("open") is not None  # also after new numbers


def test_a_denied_step_is_not_asked_about(page, site):
    """Deny is no approval; what runs is asked about."""
    page.goto(f"{site}/incidents/{incident(site)}")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    deny = page.get_by_role("button", name="Deny")
    assert deny.get_attribute("data-confirm") is None
    assert page.get_by_role("button", name="Approve restart").get_attribute("data-confirm") == "Run /bin/echo restarted?"


def test_incidents_and_experiments_are_marked(page, site, stack):
    now = int(time.time() * 1000)
    with sqlite3.connect(stack.folder / "site" / "slo.db") as store:
        store.execute("INSERT OR REPLACE INTO runs (id, fault, began, until, body) VALUES ('r1', 'latency', ?, ?, '[]')", (now - 60_000, now - 30_000))
    page.goto(f"{site}/slos/checkout/availability?range=24m")
    assert page.locator("#burn-down rect.incident").count() == 1
    assert "experiment" in page.locator("#burn-down svg text").all_text_contents()
    assert page.locator(".open a").first.get_attribute("href") == f"/incidents/{incident(site)}"
    # One that began later is not in an earlier time.
    page.goto(f"{site}/slos/search/latency?range=24m")
    assert page.locator("#burn-down rect.incident").count() == 0


def test_deployments_are_marked(page, site):
    at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=45)
    body = {"service": "checkout", "version": "2.4.0 <b>", "at": at.isoformat(), "url": "https://ci.example.com/7", "who": "ci"}
    assert ask(f"{site}/api/v1/deployments", "POST", json.dumps(body).encode()).status in (200, 201)
    page.goto(f"{site}/slos/checkout/availability?range=24m")
    mark = page.locator("#burn-down g.mark")
    assert mark.count() == 1 and mark.locator("title").text_content() == "2.4.0 <b>"
    assert "deployed" in page.locator("#burn-rates svg text").all_text_contents()
    link = page.get_by_role("link", name="2.4.0 <b>")
    assert link.get_attribute("href") == "https://ci.example.com/7"
    page.goto(f"{site}/slos/login/availability?range=24m")
    assert page.locator("g.mark").count() == 0


def test_an_approval_is_recorded_with_a_name(page, site):
    page.goto(f"{site}/incidents/{incident(site)}")
    # What came from outside is text.
    assert "checkout <i>burns</i> its budget" in page.locator("h1").inner_text()
    assert page.locator("h1 i").count() == 0 and page.locator("td b b").count() == 0
    page.get_by_role("button", name="Acknowledge").click()
    until(page, "document.querySelector('.timeline').innerText.includes('a responder acknowledged')")
    page.locator("#note-text").fill("looks like the <pool>")
    page.get_by_role("button", name="Add the note").click()
    until(page, "document.querySelector('.timeline').innerText.includes('looks like the <pool>')")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("button", name="Approve restart").click()
    assert asked == ["Run /bin/echo restarted?"] and page.get_by_role("button", name="Approve restart").count() == 1
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Approve restart").click()
    until(page, "document.querySelector('.timeline').innerText.includes('a responder approved step 2 (restart)')")
    assert page.get_by_role("button", name="Approve restart").count() == 0


def test_a_server_that_ends_is_told(chromium, stack):
    # A page of its own: the browser tells of the broken connection, as it should.
    page = chromium.new_page()
    url = stack.slo_serve("ends")
    page.goto(url)
    wait_for("numbers", lambda: "checkout" in page.locator(".slos").inner_text(), 20)
    stack.end("ends")
    page.wait_for_selector("#lost:not([hidden])", timeout=20_000)
    assert "these numbers are old" in page.locator("#lost").inner_text()
    page.close()
