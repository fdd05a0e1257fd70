"""Reports of a real store, on SQLite and PostgreSQL: what is in them, how they are written."""

import datetime as dt
import json
import os
import re
import stat
import zlib
from base64 import b64decode

import html5lib
import pytest

from inguestlib.fleet import reports, store
from inguestlib.fleet.views import ViewError
from support import fleet_store, postgres
from support.fleet_store import NOW

pytestmark = pytest.mark.functional

HOW = {"now": NOW, "silent_after": 10800}


@pytest.fixture(scope="module")
def server():
    with postgres.Server() as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kept(request, tmp_path_factory):
    """A store with a week of six hosts."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('store')}/store.sqlite"
    else:
        url = request.getfixturevalue("server").database()
    with store.open_store(url) as opened:
        fleet_store.fill(opened, hosts=6, days=7)
        yield opened


def page_of(kept, **more):
    with kept.read() as reader:
        return "".join(reports.texts(reader, "html", **HOW, **more))


def block_of(text):
    (found,) = re.findall(r'id="data">([^<]*)<', text)
    return json.loads(zlib.decompress(b64decode(found, validate=True)))


def entries(data):
    """``{(host, control, resource, verdict): (since, evidence)}`` of the page's block."""
    out = {}
    for finding in data["findings"]:
        host = 0
        for i, distance in enumerate(finding["h"]):
            host += distance
            key = (data["hosts"][host], data["controls"][finding["c"]][0], finding["r"])
            since = finding["t0"] + (finding["t"][i] if "t" in finding else 0)
            evidence = finding["e"][finding["w"][i] if "w" in finding else 0]
            out[(*key, data["verdicts"][finding["v"]])] = (since, evidence)
    return out


def test_the_page_has_each_open_finding_with_its_evidence_and_age(kept):
    found = entries(block_of(page_of(kept)))
    with kept.read() as reader:
        expected = {
            (i.host, i.control, i.resource, i.verdict): (int(i.first_seen.timestamp()), i.evidence)
            for i in reader.intervals(open_only=True)
        }
    assert len(expected) > 50
    assert found == expected


def test_the_map_has_each_hosts_vector(kept):
    data = block_of(page_of(kept))
    with kept.read() as reader:
        ids, vectors = reader.vectors()
        rows = dict(vectors)
    for at, (control, *_about) in enumerate(data["controls"]):
        column = "".join(chr(rows[name][ids.index(control)]) for name in data["hosts"])
        assert data["vectors"][at] == column


def test_the_page_draws_the_week(kept):
    text = page_of(kept, since="7d")
    tree = html5lib.HTMLParser(strict=True).parse(text)
    (told,) = [n.text for n in tree.iter("{http://www.w3.org/2000/svg}desc")]
    with kept.read() as reader:
        days = reader.daily(NOW - dt.timedelta(days=7), NOW)
    assert told.startswith(f"Findings that drift: {sum(days[0][1].values())} on {days[0][0]}, ")
    assert f"{sum(days[-1][1].values())} on {days[-1][0]}" in told


def test_the_silent_host_is_named(kept):
    data = block_of(page_of(kept))
    assert data["standing"][data["hosts"].index("web6")] == "silent"


def test_only_some_hosts(kept):
    data = block_of(page_of(kept, match={"web2", "web4"}.__contains__))
    assert data["hosts"] == ["web2", "web4"]
    with pytest.raises(ViewError, match="no host"):
        page_of(kept, match=lambda name: False)


def test_all_formats_come_through_one_door(kept):
    with kept.read() as reader:
        for name in reports.NAMES:
            text = "".join(reports.texts(reader, name, **HOW, match={"web2"}.__contains__))
            assert "web2" in text or name == "html", name
            assert "web3" not in text, name
    assert {"html", "json", "csv", "junit", "sarif", "ocsf", "prometheus"} == set(reports.NAMES)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"format": "pdf"}, "format=pdf: give one of html, csv"),
        ({"format": "csv", "since": "7d"}, "since= is of format=html"),
        ({"format": "html", "everything": True}, "everything= is of the other formats"),
        ({"format": "html", "since": "yesterday"}, "since=yesterday"),
    ],
)
def test_what_makes_no_sense_is_said(kept, wrong, words):
    with kept.read() as reader, pytest.raises(ViewError, match=words):
        reports.texts(reader, **wrong, **HOW)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "report.html"
    assert reports.write(path, ["<p>", "ü"]) == 5
    assert path.read_text() == "<p>ü"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def breaks():
        yield "half"
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        reports.write(path, breaks())
    assert path.read_text() == "<p>ü"
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path):
    other = tmp_path / "other"
    other.write_text("mine")
    link = tmp_path / "report"
    link.symlink_to(other)
    reports.write(link, ["new"])
    assert other.read_text() == "mine" and not link.is_symlink()


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OSError, match="name a file"):
        reports.write(tmp_path, ["x"])
    with pytest.raises(OSError):
        reports.write(tmp_path / "nowhere" / "x", ["x"])


def test_permissions():
    assert reports.permission(None) == 0o640
    assert reports.permission("0644") == reports.permission(644) == 0o644
    for wrong in ("rw", "8", 9999, "0"):
        with pytest.raises(ViewError, match="mode="):
            reports.permission(wrong)


def test_what_is_too_long_for_an_answer_wants_a_file():
    with pytest.raises(ViewError, match="out=FILE"):
        reports.returned("html", ("x" * (1 << 20) for _ in range(9)))
    data = reports.returned("csv", ["a,b\n", "1,2\n"])
    assert reports.text(data) == "a,b\n1,2"
    assert reports.text(reports.written("csv", "/srv/x.csv", 2048)) == "/srv/x.csv: csv, 2.0 KiB"
