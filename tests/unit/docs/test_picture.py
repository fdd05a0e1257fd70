"""The picture in the README shows what the command showed."""

import importlib.util
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
spec = importlib.util.spec_from_file_location("docs_picture", ROOT / "docs/picture.py")
picture = importlib.util.module_from_spec(spec)
spec.loader.exec_module(picture)

SVG = "{http://www.w3.org/2000/svg}"


def _texts(svg):
    return [
        (float(t.get("x")), t.text, t.get("fill")) for t in ET.fromstring(svg).iter(f"{SVG}text")
    ]


def test_styles_keep_their_columns():
    line = "ab \x1b[31;1mred\x1b[0m end"
    assert picture.pieces(line) == [(0, "ab ", ()), (3, "red", ("31", "1")), (6, " end", ())]


def test_what_was_written_over_is_gone():
    assert picture._final("auditing ...\r\x1b[Kdone") == "done"


def test_text_is_escaped_and_placed():
    found = _texts(picture.svg(["a  <b> & \x1b[32mc\x1b[0m"], 20, "t"))
    at = picture.MARGIN, picture.CHAR
    assert [text for _x, text, _f in found] == ["a", "<b> &", "c"]
    assert found[1][0] == pytest.approx(at[0] + 3 * at[1], abs=0.1)
    assert found[2][2] == picture.COLOURS["32"]


def test_a_command_is_run_in_a_terminal():
    code = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size().columns)"
    assert picture.screen([sys.executable, "-c", code], 77) == ["True 77"]


def test_a_command_that_fails_draws_nothing():
    with pytest.raises(SystemExit, match="ended with 3"):
        picture.screen([sys.executable, "-c", "raise SystemExit(3)"], 80)


def test_the_readme_shows_an_audit():
    texts = [text for _x, text, _f in _texts((ROOT / "docs/images/audit.svg").read_text())]
    assert "CONTROL" in texts and "dns-servers-approved" in texts
    assert any("nothing was changed" in text for text in texts)
    assert "docs/images/audit.svg" in (ROOT / "README.md").read_text()
