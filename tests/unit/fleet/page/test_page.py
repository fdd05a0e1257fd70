"""The page of a fleet: what it counts, that it holds all of it, and that no text becomes markup."""

import base64
import hashlib
import json
import re
import zlib
from datetime import timedelta
from types import SimpleNamespace

import html5lib
import pytest

from inguestlib.fleet import page
from inguestlib.fleet.page import html
from support import plain_reader
from support.plain_reader import NOW, PlainReader, host, interval

pytestmark = pytest.mark.unit

NAMESPACE = "{http://www.w3.org/1999/xhtml}"
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "<!--", "-->", "]]>", "{{ 7*7 }}{% raw %}", "&lt;script&gt;", "javascript:alert(1)",
    "\u202egnp.exe", "\x00\x1b[31m", "\ud800", "</details></ul></main>",
    "<base href=//evil.example>",
)  # fmt: skip


def text_of(reader, **more):
    return "".join(page.render(reader, now=NOW, **more))


def parsed(text):
    """The document as a browser would understand it; strict about what we write ourselves."""
    parser = html5lib.HTMLParser(strict=True)
    return parser.parse(text)


def block_of(text):
    """What the page's script would read."""
    (found,) = re.findall(r'<script type="application/octet-stream" id="data">([^<]*)<', text)
    return json.loads(zlib.decompress(base64.b64decode(found, validate=True)))


def words(node):
    return " ".join(" ".join(node.itertext()).split())


def small(**more):
    controls = {
        "dns-a": {"family": "dns", "title": "A is so", "severity": "high"},
        "tpm-b": {"family": "tpm", "title": "B is so", "severity": "low"},
    }
    hosts = [
        host("a1", summary={"compliant": 1, "drift": 1}),
        host("a2", summary={"compliant": 1, "drift": 1}),
        host("a3", NOW - timedelta(days=2), {"compliant": 2}),
        host("a4", summary={"compliant": 1, "unknown": 1}),
    ]
    told = {"observed": ["8.8.8.8"], "expected": ["10.0.0.53"], "resource": "/etc/resolv.conf"}
    found = [
        interval("a1", "dns-a", evidence="/etc/resolv.conf:1", **told),
        interval(
            "a2",
            "dns-a",
            evidence="/etc/resolv.conf:7",
            **told,
            first_seen=NOW - timedelta(days=9),
        ),
        interval("a4", "tpm-b", verdict="unknown", severity="low", comment="no right to look"),
    ]
    return PlainReader(hosts, controls, found, **more)


def test_equal_findings_are_one_with_each_host_its_evidence_and_its_age():
    data = block_of(text_of(small()))
    assert data["hosts"] == ["a1", "a2", "a3", "a4"]
    assert data["standing"] == ["drift", "drift", "silent", "unknown"]
    assert [c[0] for c in data["controls"]] == ["dns-a", "tpm-b"]
    assert data["vectors"] == ["ddcc", "cccu"]
    first, second = data["findings"]
    assert (first["r"], first["o"], first["x"]) == ("/etc/resolv.conf", "8.8.8.8", "10.0.0.53")
    assert first["h"] == [0, 1]
    assert first["e"] == ["/etc/resolv.conf:1", "/etc/resolv.conf:7"]
    assert first["w"] == [0, 1]
    assert [first["t0"] + t for t in first["t"]] == [
        int((NOW - timedelta(days=n)).timestamp()) for n in (3, 9)
    ]
    assert (second["v"], second["m"], second["h"]) == (2, "no right to look", [3])
    assert "t" not in second and "w" not in second


def test_other_texts_are_other_findings():
    reader = small()
    reader._intervals.append(interval("a3", "dns-a", observed="9.9.9.9"))
    assert len(block_of(text_of(reader))["findings"]) == 3


def test_the_totals_stand_in_the_page_without_its_script():
    tree = parsed(text_of(small()))
    cards = [words(li) for li in tree.iter(f"{NAMESPACE}li") if "of-" in li.get("class", "")]
    assert "2 with drift" in cards
    assert "1 silent" in cards
    assert "0 clean" in cards
    assert "2 high, on 2 hosts" in cards
    listed = [words(li) for li in tree.iter(f"{NAMESPACE}details")]
    assert any("dns-a" in text and "/etc/resolv.conf:7" in text for text in listed)
    assert any("silent for 2 days" in words(row) for row in tree.iter(f"{NAMESPACE}tr"))


def test_only_some_hosts():
    data = block_of(text_of(small(), names=["a2", "a4"]))
    assert data["hosts"] == ["a2", "a4"]
    assert [f["h"] for f in data["findings"]] == [[0], [1]]


def test_an_empty_fleet_has_a_page():
    text = text_of(PlainReader([], {}, []))
    assert "No open finding" in text
    assert block_of(text)["findings"] == []
    parsed(text)


def test_drift_over_time_is_drawn_and_told():
    days = [
        ((NOW - timedelta(days=n)).date(), {"high": n, "medium": 2, "low": 0, "info": 0})
        for n in range(20, -1, -1)
    ]
    tree = parsed(text_of(small(daily=days)))
    (drawing,) = tree.iter("{http://www.w3.org/2000/svg}svg")
    assert drawing.get("role") == "img"
    told = [words(n) for n in drawing.iter("{http://www.w3.org/2000/svg}desc")]
    assert told == [
        "Findings that drift: 22 on 2026-11-03, 2 on 2026-11-23; at most 22, on 2026-11-03."
    ]
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}polygon"))) == 2
    rows = [words(row) for row in tree.iter(f"{NAMESPACE}tr")]
    assert "2026-11-03 20 2 0 0" in rows


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_of_a_guest_becomes_markup(evil):
    """The page of a hostile fleet has the very elements that one of a harmless fleet has."""

    def fleet(text):
        controls = {text: {"family": text, "title": text, "severity": "high"}}
        hosts = [host(text, os={"id": text, "version": text}, summary={"drift": 1})]
        said = dict.fromkeys(("resource", "observed", "evidence", "comment"), text)
        found = [
            interval(text, text, verdict="drift", **said, expected=[{text: [text]}]),
            interval(text, text, verdict="unknown", **said),
        ]
        aside = [SimpleNamespace(host=text, received=NOW, why=text)]
        return text_of(PlainReader(hosts, controls, found, aside=aside))

    def outline(text):
        tree = parsed(text)
        return [
            (node.tag, sorted((k, v) for k, v in node.attrib.items() if k != "content"))
            for node in tree.iter()
            if isinstance(node.tag, str)
        ], len([node for node in tree.iter() if not isinstance(node.tag, str)])

    text = fleet(evil)
    text.encode("utf-8")
    assert outline(text) == outline(fleet("harmless text"))
    assert "\u202e" not in text and "\x1b" not in text and "\x00" not in text


def test_the_browser_is_told_to_run_this_script_only():
    text = text_of(small())
    tree = parsed(text)
    (policy,) = [
        node.get("content")
        for node in tree.iter(f"{NAMESPACE}meta")
        if node.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        inline = [n for n in tree.iter(NAMESPACE + tag) if not n.get("type")]
        (node,) = inline
        raw = hashlib.sha256("".join(node.itertext()).encode()).digest()
        assert rules[rule] == f"'sha256-{base64.b64encode(raw).decode()}'"
    for node in tree.iter():
        if not isinstance(node.tag, str):
            continue
        assert not [name for name in node.attrib if name.startswith("on") or name == "style"]
        assert not node.get("src")
        assert (node.get("href") or "#").startswith(("#", "data:,"))


def test_the_script_has_no_way_from_a_text_to_markup():
    from inguestlib.fleet.page.script import SCRIPT

    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                 "new Function", "DOMParser", "createContextualFragment", "srcdoc", "fetch(",
                 "XMLHttpRequest", "import("):  # fmt: skip
        assert word not in SCRIPT


def test_a_long_text_is_cut_and_says_so():
    reader = small()
    reader._intervals.append(interval("a3", "dns-a", evidence="x" * 5000, observed="y" * 5000))
    (found,) = [f for f in block_of(text_of(reader))["findings"] if f["h"] == [2]]
    assert found["o"].endswith("(3000 more characters)")
    assert found["e"][0].endswith("(3000 more characters)")


def test_times_as_people_say_them():
    assert html.span(10800) == "3 hours"
    assert html.span(5400) == "90 minutes"
    assert html.span(86400) == "1 day"
    assert html.about(100000) == "1 day"
    assert html.moment(None) == "never"


def test_a_large_fleet_stays_small_on_disk():
    """Compressed, and each text once: a thousand hosts by 180 controls."""
    text = text_of(plain_reader.fleet(1000))
    data = block_of(text)
    assert sum(len(f["h"]) for f in data["findings"]) > 6000
    assert all(len(column) == 1000 for column in data["vectors"])
    assert len(text) < 500_000
