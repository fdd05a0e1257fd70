"""The page of a fleet in a real browser: what a person does with it, by mouse and by keyboard."""

import re
import time

import pytest

from inguestlib.fleet import page as fleet_page
from support import browser as browsers
from support import plain_reader
from support.plain_reader import NOW, PlainReader, host, interval

pytestmark = pytest.mark.integration

WIDE = {"width": 1200, "height": 900}
PHONE = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def chromium():
    with browsers.chromium() as browser:
        yield browser


def written(folder, reader):
    path = folder / "fleet.html"
    path.write_text("".join(fleet_page.render(reader, now=NOW)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"), plain_reader.fleet(300))


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Every part of the page, and not many of each: axe-core looks at every element."""
    reader = plain_reader.fleet(40, controls=12, share=0.4)
    return written(tmp_path_factory.mktemp("few"), reader)


@pytest.fixture
def opened(chromium, report):
    """The page, wide; at the end nothing may have gone wrong in it."""
    page = browsers.Opened(chromium, report, viewport=WIDE)
    yield page
    assert not page.close()
    assert page.asked == [f"file://{report}"], "it asked for more than itself"


def findings(opened):
    return opened.page.locator("#find-list > li")


def counted(opened):
    """``(findings, times, hosts)`` as the page says."""
    text = opened.page.locator("#find-count").inner_text().replace(",", "")
    return tuple(map(int, re.findall(r"\d+", text)[:3]))


def told_when(opened, expression):
    # The page's own policy forbids the driver's way of waiting for an expression.
    deadline = time.monotonic() + 90
    while not opened.page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        opened.page.wait_for_timeout(50)


def test_filters(opened):
    whole = counted(opened)
    assert whole[0] > 100 and whole[1] > 1000 and whole[2] == 270
    page = opened.page
    page.select_option("#find-severity", label="high")
    high = counted(opened)
    assert 0 < high[0] < whole[0]
    assert set(page.locator("#find-list .sev").all_inner_texts()) == {"high"}
    page.select_option("#find-verdict", label="unknown")
    assert 0 < counted(opened)[0] < high[0]
    page.click("#find-all")
    assert counted(opened) == whole
    page.select_option("#find-family", "tpm")
    named = page.locator("#find-list .head code").all_inner_texts()
    assert named and all(text.startswith("tpm-") for text in named)
    page.click("#find-all")
    page.select_option("#find-age", "30")
    old = counted(opened)
    page.select_option("#find-age", "-1")
    young = counted(opened)
    assert old[1] + young[1] < whole[1] and old[1] and young[1]
    page.click("#find-all")
    page.fill("#find-text", "web00042.corp")
    told_when(opened, "document.getElementById('find-count').textContent.endsWith('on 1 host.')")
    assert findings(opened).first.locator(".head").inner_text().count("web00042.corp.example")
    page.fill("#find-text", "no such words <b>")
    told_when(opened, "document.getElementById('find-count').textContent === 'No finding.'")
    assert findings(opened).count() == 0


def test_orders(opened):
    page = opened.page
    page.select_option("#find-order", "hosts")
    heads = page.locator("#find-list .head").all_inner_texts()
    sizes = [int((re.search(r"(\d+) hosts", text) or [0, 1])[1]) for text in heads]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]
    page.select_option("#find-order", "oldest")
    days = [int(n) for n in re.findall(r"for (\d+) days", "".join(_heads(page)))]
    assert days == sorted(days, reverse=True) and len(days) == 50
    page.click("#find-more")
    assert findings(opened).count() == 100
    header = page.locator("#host-table th", has_text="High")
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    numbers = [int(n) for n in page.locator("#host-list td:nth-child(3)").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True) and numbers[0] > 0
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert page.locator("#host-list td:nth-child(3)").first.inner_text() == "0"
    page.select_option("#host-standing", "silent")
    texts = page.locator("#host-list td:nth-child(2)").all_inner_texts()
    assert texts and all(text.startswith("silent for ") for text in texts)


def _heads(page):
    return page.locator("#find-list .head").all_inner_texts()


def test_a_finding_opens_with_evidence_and_age(opened):
    first = findings(opened).first
    assert first.locator(".body").count() == 0
    first.locator("summary").click()
    body = first.locator(".body")
    body.wait_for()
    text = body.inner_text()
    assert "Observed" in text and "Expected" in text and "setting=no" in text
    assert re.search(r"web\d{5}\.corp\.example, 2026-\d\d-\d\d \d\d:\d\d \(\d+ days?\)", text)


def test_a_host_leads_to_its_findings(opened):
    page = opened.page
    page.fill("#host-text", "web00042")
    told_when(opened, "document.querySelectorAll('#host-list tr').length === 1")
    page.locator("#host-list button").click()
    assert counted(opened)[2] == 1
    assert page.locator("#find-count").inner_text().endswith("only those on web00042.corp.example.")
    assert page.evaluate("document.activeElement.id") == "findings"


def test_by_keyboard_alone(opened):
    page = opened.page
    seen = []

    def tab_to(wanted, most=60):
        for _ in range(most):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate("document.activeElement.id || document.activeElement.tagName")
            )
            if seen[-1] == wanted:
                return
        raise AssertionError(f"no way to {wanted} by Tab: {seen}")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to("map-canvas")
    before = page.locator("#map-here").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.locator("#map-here").inner_text() != before
    page.keyboard.press("End")
    page.keyboard.press("Home")
    tab_to("find-text")
    page.keyboard.type("tools-rule")
    told_when(opened, "/tools-/.test(document.querySelector('#find-list code').textContent)")
    tab_to("find-order")
    page.keyboard.press("ArrowDown")
    assert page.input_value("#find-order") == "hosts"
    tab_to("find-all")
    tab_to("SUMMARY")
    page.keyboard.press("Enter")
    findings(opened).first.locator(".body").wait_for()
    page.keyboard.press("Space")
    assert page.locator("#find-list details[open]").count() == 0


def test_the_map_goes_into_the_place_it_shows(opened):
    page = opened.page
    page.focus("#map-canvas")
    for _ in range(200):
        if "drift" in page.locator("#map-here").inner_text():
            break
        page.keyboard.press("ArrowRight")
    said = page.locator("#map-here").inner_text()
    control, name = re.match(r"(\S+) \(\w+\), (\S+): drift", said).groups()
    page.keyboard.press("Enter")
    assert counted(opened)[2] == 1
    assert page.locator("#find-count").inner_text().endswith(f"of {control} on {name}.")


def test_print(opened, tmp_path):
    page = opened.page
    page.evaluate(
        """addEventListener("beforeprint", () => {
            window.onPaper = document.querySelectorAll("#find-list details[open] .body").length;
        })"""
    )
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator("#find-text").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    path = tmp_path / "fleet.pdf"
    page.pdf(path=path, format="A4", print_background=True)
    assert page.evaluate("window.onPaper") == 50, "what is shown is open on paper"
    assert page.locator("#find-list details[open]").count() == 0, "and closed again behind it"
    paper = path.read_bytes()
    assert paper.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", paper)) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_serious_for_axe_and_no_scrolling_sideways(chromium, few, size, scheme):
    opened = browsers.Opened(chromium, few, viewport=size, color_scheme=scheme)
    assert opened.wider_than_the_window() <= 0
    for n in range(3):
        findings(opened).nth(n).locator("summary").click()
    opened.page.locator("#controls > summary").click()
    opened.page.locator("section[aria-labelledby=trend] details > summary").click()
    findings(opened).nth(2).locator(".body").wait_for()
    assert opened.wider_than_the_window() <= 0
    assert opened.serious() == []
    assert not opened.close()


def test_without_script(chromium, report):
    opened = browsers.Opened(chromium, report, script=False, viewport=PHONE)
    text = opened.page.locator("main").inner_text()
    assert "with drift" in text and "silent for 2 days" in text
    assert findings(opened).count() == 25
    assert not opened.page.locator("#find-text").is_visible()
    assert opened.wider_than_the_window() <= 0
    assert not opened.close()


def test_hostile_texts_stay_texts(chromium, tmp_path):
    evil = "\"'><script>window.hacked=1</script><img src=x onerror=window.hacked=1></details>"
    controls = {evil: {"family": evil, "title": evil, "severity": "high"}}
    hosts = [host(evil + str(n), os={"id": evil}, summary={"drift": 1}) for n in range(3)]
    said = dict.fromkeys(("resource", "observed", "expected", "evidence", "comment"), evil)
    reader = PlainReader(hosts, controls, [interval(h.name, evil, **said) for h in hosts])
    opened = browsers.Opened(chromium, written(tmp_path, reader), viewport=WIDE)
    page = opened.page
    findings(opened).first.locator("summary").click()
    body = findings(opened).first.locator(".body")
    body.wait_for()
    assert body.inner_text().count("<script>window.hacked=1</script>") >= 8
    page.focus("#map-canvas")
    page.keyboard.press("ArrowDown")
    assert "<img src=x" in page.locator("#map-here").inner_text()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert len(opened.asked) == 1
    assert not opened.close()


def test_the_policy_of_the_page_stops_markup_that_came_by_another_way(chromium, report, tmp_path):
    """Were the escaping ever broken: the browser itself refuses what isn't the page's own."""
    text = report.read_text().replace("</main>", "<script>window.hacked=1</script></main>", 1)
    path = tmp_path / "broken.html"
    path.write_text(text)
    opened = browsers.Opened(chromium, path, viewport=WIDE)
    assert opened.page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in fault for fault in opened.close())


def test_ten_thousand_hosts(chromium, tmp_path):
    path = written(tmp_path, plain_reader.fleet(10000))
    opened = browsers.Opened(chromium, path, viewport=WIDE)
    assert opened.page.evaluate("document.querySelectorAll('*').length") < 6000
    opened.page.fill("#find-text", "web04242")
    told_when(opened, "document.getElementById('find-count').textContent.endsWith('on 1 host.')")
    opened.page.focus("#map-canvas")
    assert "hosts)" in opened.page.locator("#map-here").inner_text()
    opened.page.keyboard.press("Enter")
    assert "hosts)" not in opened.page.locator("#map-here").inner_text()
    opened.page.keyboard.press("Escape")
    assert "hosts)" in opened.page.locator("#map-here").inner_text()
    assert not opened.close()
