"""tools.conf as Debian ships it, hardened in one go by the state; GLib itself reads the result."""

import ctypes.util
import difflib
import os

import pytest

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from support import need

from .test_keyfile_glib import Glib

CONF = "etc/vmware-tools/tools.conf"
RESOURCE = "/etc/vmware-tools/tools.conf"
SETTINGS = {
    (b"logging", b"vmsvc.handler"): b"syslog",
    (b"logging", b"log"): b"true",
    (b"appinfo", b"disabled"): b"true",
    (b"servicediscovery", b"disabled"): b"true",
    (b"guestoperations", b"disabled"): b"true",
    (b"deployPkg", b"enable-customization"): b"false",
    (b"deployPkg", b"enable-custom-scripts"): b"false",
    (b"componentmgr", b"included"): b"none",
    (b"guestStore", b"disabled"): b"true",
}
CONTROLS = [
    *("tools-conf-syntax", "tools-conf-permissions", "tools-conf-environment", "tools-core-dumps"),
    *("tools-appinfo-off", "tools-containerinfo-off", "tools-guestops-off", "tools-gueststore-off"),
    *("tools-servicediscovery-off", "tools-globalconf-off", "tools-log-enabled"),
    *("tools-log-syslog", "tools-log-level", "tools-recustomization-off", "tools-log-files"),
    *("tools-custom-scripts-off", "tools-componentmgr-off", "tools-identity-not-hidden"),
]
DEPLOYED = {"tools": {"mode": "enforce", "role": "deployed", "ip_reporting": "nsx"}}


@pytest.fixture(scope="module")
def glib():
    name = ctypes.util.find_library("glib-2.0")
    if name is None:
        need.unmet("libglib-2.0 missing; tests/support/install-rig.sh installs it")
    return Glib(name)


@pytest.fixture
def root(offline_tree):
    return offline_tree("bookworm", "tools")


@pytest.fixture
def highstate(loaded, root):
    def run(pillar=DEPLOYED):
        _modules, states = loaded(pillar, test=False)
        return states["inguest.tools"](name="tools", root=str(root), controls=CONTROLS)

    return run


def findings(root, pillar=DEPLOYED, controls=CONTROLS):
    loaded = policy.load(pillar, families=all_families(), needed=["tools"])
    return audit.audit(Guest(root), loaded, ["tools"], controls)["findings"]


def verdicts(root, **more):
    found = {}
    for finding in findings(root, **more):
        found.setdefault(finding["control"], set()).add(finding["verdict"])
    return found


def test_what_the_package_leaves(root):
    found = verdicts(root)
    for control in ("tools-conf-syntax", "tools-conf-permissions", "tools-conf-environment"):
        assert found[control] == {"compliant"}, control
    assert found["tools-appinfo-off"] == {"drift"}
    assert found["tools-containerinfo-off"] == {"compliant"}, "its plugin is in another package"


def test_one_pass_keeps_comments_order_mode_and_owner(root, highstate, glib):
    path = root / CONF
    path.write_text("# ours\n" + path.read_text())
    path.chmod(0o640)
    os.chown(path, 0, 4)
    before = path.read_text().splitlines()
    done = highstate()
    assert done["result"] is True, done["comment"]
    after = path.read_text().splitlines()
    lost = [d for d in difflib.ndiff(before, after) if d.startswith("- ")]
    assert lost == ["- vmsvc.handler = file"], "nothing else of the package's lines changes"
    assert (path.stat().st_mode & 0o777, path.stat().st_gid) == (0o640, 4)
    read = glib.read(path.read_bytes())
    assert {at: read[at][3] for at in SETTINGS} == SETTINGS
    assert set().union(*verdicts(root).values()) <= {"compliant", "not_applicable"}
    assert highstate()["changes"] == {}


def test_upstreams_example_with_everything_switched_on(root, highstate, glib):
    example = (root / (CONF + ".example")).read_text()
    lines = []
    for line in example.splitlines():  # what is commented out as a setting counts from now on
        bare = line.lstrip("#").strip()
        lines.append(bare if line.startswith("#") and _is_setting(bare) else line)
    (root / CONF).write_text("\n".join(lines) + "\n")
    assert glib.read((root / CONF).read_bytes()) is not None
    done = highstate()
    assert done["result"] is True, done["comment"]
    read = glib.read((root / CONF).read_bytes())
    assert {at: read[at][3] for at in SETTINGS} == SETTINGS
    assert not [key for group, key in read if group == b"setenvironment"]
    assert highstate()["changes"] == {}


def _is_setting(text):
    key, equals, _value = text.partition("=")
    return text.startswith("[") and text.endswith("]") or (equals and " " not in key.strip())


BROKEN = (
    b"\xef\xbb\xbf; by hand\n[logging]\nvmsvc.handler = file\nlatin \xe9\n[appinfo]\ndisabled=yes\n"
)


def test_a_refused_file_is_left_alone(root, highstate):
    (root / CONF).write_bytes(BROKEN)
    done = highstate()
    assert (root / CONF).read_bytes() == BROKEN
    (syntax,) = [
        f
        for f in findings(root)
        if f["control"] == "tools-conf-syntax" and f["resource"] == RESOURCE
    ]
    assert syntax["evidence"].startswith(f"{RESOURCE}:1 ")
    assert "line 1: remove the mark" in syntax["comment"]
    assert "line 4: write key=value" in syntax["comment"]
    assert done["result"] is not None


def test_a_refused_file_is_mended_where_the_policy_says_so(root, highstate, glib):
    (root / CONF).write_bytes(BROKEN)
    assert glib.read(BROKEN) is None
    pillar = {"tools": {**DEPLOYED["tools"], "rewrite_rejected": True}}
    done = highstate(pillar)
    assert done["result"] is True, done["comment"]
    data = (root / CONF).read_bytes()
    assert data.startswith(b"# by hand\n[logging]\nvmsvc.handler = syslog\n")
    assert b"\n# latin \xe9\n[appinfo]\ndisabled=true\n" in data
    read = glib.read(data)
    assert {at: read[at][3] for at in SETTINGS} == SETTINGS


def test_world_writable_scripts_are_closed(root, highstate):
    script = root / "etc/vmware-tools/poweron-vm-default"
    script.chmod(0o777)
    (root / "etc/vmware-tools/scripts").chmod(0o2777)
    assert highstate()["result"] is True
    assert script.stat().st_mode & 0o7777 == 0o755
    assert (root / "etc/vmware-tools/scripts").stat().st_mode & 0o7777 == 0o755
