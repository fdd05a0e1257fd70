"""``salt-run inguest.report`` with a real master and the store in its cache."""

import csv
import io
import json
import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from inguestlib.fleet import settings, store
from support import fleet_store

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stored(fleet):
    """The master's default store, with a week of three hosts."""
    with store.open_store(settings.load(fleet.master.config)) as kept:
        fleet_store.fill(kept, hosts=3, days=7)
    return fleet


def test_a_page_in_a_file(stored, tmp_path):
    out = tmp_path / "fleet.html"
    done = stored.run("inguest.report", f"out={out}")
    assert done.returncode == 0, done
    assert done.stdout.startswith(f"{out}: html, ")
    text = out.read_text()
    assert text.startswith("<!DOCTYPE html>") and text.endswith("</html>\n")
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.html"]


def test_a_mode_as_a_person_writes_it(stored, tmp_path):
    out = tmp_path / "inguest.prom"
    for mode in ("0644", "644"):
        done = stored.run("inguest.report", "format=prometheus", f"out={out}", f"mode={mode}")
        assert done.returncode == 0, done.stdout
        assert stat.S_IMODE(out.stat().st_mode) == 0o644
        out.unlink()


def test_without_a_file_it_is_printed_as_it_is(stored):
    done = stored.run("inguest.report", "web1", "format=csv")
    assert done.returncode == 0, done
    rows = list(csv.DictReader(io.StringIO(done.stdout.strip("\n"))))
    assert rows and {row["host"] for row in rows} == {"web1"}
    done = stored.run("inguest.report", "web1,web2", "tgt_type=list", "format=junit")
    assert done.returncode == 0, done
    ET.fromstring(done.stdout.strip())
    data = json.loads(stored.run("inguest.report", "format=csv", "--out=json").stdout)
    assert data["view"] == "report" and data["text"].startswith("host,")


def test_mistakes_are_named(stored, tmp_path):
    for arguments, words in (
        (("format=pdf",), "give one of html, csv"),
        (("nobody*", "format=csv"), "no host of the store matches"),
        ((f"out={tmp_path}",), "is a directory"),
        ((f"out={tmp_path}/no/where.html",), "No such file or directory"),
        (("mode=rw", f"out={tmp_path}/x"), "give an octal mode"),
    ):
        done = stored.run("inguest.report", *arguments)
        assert done.returncode == 3, (arguments, done.stdout)
        assert words in done.stdout + done.stderr, arguments
        assert "Traceback" not in done.stdout + done.stderr, done.stdout
    assert not list(Path(tmp_path).iterdir())
