"""The example policy is one that people can copy: valid, harmless, and complete."""

import datetime as dt
import re
from pathlib import Path

import pytest
import yaml

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest

PILLAR = Path(__file__).resolve().parents[2] / "pillar"
WRITTEN = dt.datetime(2026, 11, 23, tzinfo=dt.timezone.utc)

pytestmark = pytest.mark.functional


@pytest.fixture
def text():
    return (PILLAR / "inguest.sls").read_text()


def _load(text):
    return policy.load(yaml.safe_load(text)["inguest"], families=all_families())


def test_it_is_valid(text):
    loaded = _load(text)
    assert set(all_families()) <= set(yaml.safe_load(text)["inguest"])
    assert loaded.families["dns"]["servers"]


def test_it_changes_nothing(text):
    loaded = _load(text)
    for family in all_families().values():
        assert loaded.mode(family.name) == "audit"
        assert not any(loaded.enforced(control.id, family.name) for control in family.controls)


def test_what_its_comments_show_is_valid_too(text):
    shown, count = re.subn(r"(?m)^( *)# ( *[a-z_]+:.*)$", r"\1\2", text)
    assert count >= 8
    loaded = _load(shown)
    assert loaded.families["dns"]["proof"]["name"]
    assert loaded.families["dns"]["egress"]["enabled"]
    assert loaded.families["services"]["unattended_boot"]["enforce"]


def test_its_waivers_name_controls_that_exist(text):
    ids = {control.id for family in all_families().values() for control in family.controls}
    waivers = _load(text).waivers
    assert waivers
    for waiver in waivers:
        assert waiver.control in ids
        assert waiver.state("kiosk1", WRITTEN) == "active"
        assert waiver.state("web1", WRITTEN) == "elsewhere"


FILES = (".md", ".sls", ".pem", ".service")  # no host is called so


def test_no_address_in_it_is_anybodys(text):
    """Internal and documentation ranges, and names that can't be registered."""
    for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text):
        assert address.startswith(("10.", "192.0.2."))
    for name in re.findall(r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\b", text):
        if not re.fullmatch(r"[\d.]+", name):
            assert name.endswith(".example") or name.endswith(FILES), name


def test_an_audit_by_it_leaves_a_tree_as_it_was(text, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text("nameserver 8.8.8.8\n")
    before = sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))
    report = audit.audit(Guest(tmp_path), _load(text), name="web1", now=WRITTEN)
    assert report["summary"]["drift"] and not report["summary"]["error"]
    assert before == sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))


def test_the_top_file_names_it():
    top = yaml.safe_load((PILLAR / "top.sls").read_text())
    assert "inguest" in top["base"]["*"]
