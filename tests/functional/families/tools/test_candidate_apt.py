"""What apt would install, told from its files, and what apt itself says."""

import random

import pytest

from inguestlib.families.tools import candidate
from inguestlib.guest import Guest
from support import need

from .aptroot import AptRoot

NAME = "open-vm-tools"


def ours(root):
    seen = candidate.observe(Guest(root), {})
    assert seen["unread"] == []
    return seen["chosen"].get(NAME, {}).get("version")


PINS = {
    "none": "",
    "special version": "Package: open-vm-tools\nPin: version 2:12.2*\nPin-Priority: 1001\n",
    "never": "Package: open-vm-tools\nPin: version *\nPin-Priority: -1\n",
    "pattern": "Package: open-vm-*\nPin: release a=bookworm-backports\nPin-Priority: 700\n",
    "regex": "Package: /^open-vm/\nPin: release n=bookworm\nPin-Priority: 900\n",
    "general": "Package: *\nPin: release o=Corp\nPin-Priority: 50\n",
    "label": "Package: *\nPin: release l=Debian-Security,c=main\nPin-Priority: 995\n",
    "origin": 'Package: *\nPin: origin "corp.example"\nPin-Priority: 800\n',
    "first of two": (
        "Package: open-vm-tools\nPin: release n=bookworm\nPin-Priority: 200\n\n"
        "Package: open-vm-tools bash\nPin: release n=bookworm\nPin-Priority: 1002\n"
    ),
    "special before general": (
        "Package: *\nPin: release n=bookworm\nPin-Priority: 1000\n\n"
        "Explanation: x\nPackage: open-vm-tools\nPin: release n=bookworm\nPin-Priority: 10\n"
    ),
    "bare word": "Package: *\nPin: release bookworm\nPin-Priority: 300\n",
}
INSTALLED = {
    "not": None,
    "old": "2:12.2.0-1",
    "new": "2:13.0.5-1",
    "newer than all": "2:14.0.0-1",
}


def machine(path, pins="", installed=None, target=None, seed=0):
    root = AptRoot(path)
    dice = random.Random(seed)
    versions = ["2:12.2.0-1", "2:12.2.0-1+deb12u4", "2:12.2.0-1+deb12u3", "2:13.0.5-1~bpo12+1"]
    main, security = (versions[1], versions[2]) if not seed else dice.sample(versions, 2)
    root.suite("bookworm", [(NAME, main), ("bash", "5")], Label="Debian")
    root.suite("bookworm-security", [(NAME, security)], suffix=".gz", Label="Debian-Security")
    root.suite(
        "bookworm-backports",
        [("aaa", "1"), (NAME, versions[3] if not seed else dice.choice(versions))],
        suffix=".xz",
        NotAutomatic="yes",
        ButAutomaticUpgrades=dice.choice(["yes", ""]) if seed else "yes",
    )
    root.suite("corp", [(NAME, "2:13.0.5-1")], host="corp.example", Origin="Corp")
    if installed:
        root.installed((NAME, installed))
    if pins:
        root.write("/etc/apt/preferences.d/site.pref", pins)
    if target:
        root.write("/etc/apt/apt.conf.d/99target", f'APT::Default-Release "{target}";\n')
    return root


@pytest.mark.parametrize("installed", INSTALLED.values(), ids=INSTALLED)
@pytest.mark.parametrize("pins", PINS.values(), ids=PINS)
def test_apt_agrees(tmp_path, pins, installed):
    need.program("apt-cache")
    root = machine(tmp_path, pins, installed)
    assert ours(tmp_path) == root.apt_chooses(NAME)


@pytest.mark.parametrize("target", ["bookworm", "bookworm-backports"])
def test_apt_agrees_on_a_default_release(tmp_path, target):
    need.program("apt-cache")
    root = machine(tmp_path, target=target, installed="2:12.2.0-1")
    assert ours(tmp_path) == root.apt_chooses(NAME)


@pytest.mark.parametrize("seed", range(1, 13))
def test_apt_agrees_on_drawn_machines(tmp_path, seed):
    need.program("apt-cache")
    dice = random.Random(seed)
    pins, installed = dice.choice(list(PINS.values())), dice.choice(list(INSTALLED.values()))
    root = machine(tmp_path, pins, installed, seed=seed)
    assert ours(tmp_path) == root.apt_chooses(NAME)


@pytest.mark.parametrize("text", [b"no archive", b"\x1f\x8b\x08", b""])
def test_a_damaged_list_is_unread_and_the_others_count(tmp_path, text):
    root = machine(tmp_path)
    path = "/var/lib/apt/lists/deb.example_debian_dists_bookworm-security_main_binary-amd64"
    root.write(f"{path}_Packages.gz", text)
    seen = candidate.observe(Guest(tmp_path), {})
    assert seen["unread"] == ([f"{path}_Packages.gz"] if text else [])
    assert seen["chosen"][NAME]["version"]


DEB822 = """# ours
Types: deb deb-src
URIs: http://user:geheim@deb.example/debian/
 http://mirror.corp.example/debian
Suites: bookworm
# in between
 bookworm-security
Components: main contrib
Architectures: amd64
Trusted: yes

Types: deb
URIs: http://deb.example/debian
Suites: bookworm-backports
Components: main
Enabled: no
"""


def test_the_newer_format_of_sources(tmp_path):
    need.program("apt-cache")
    root = AptRoot(tmp_path)
    root.write("/etc/apt/sources.list.d/site.sources", DEB822)
    root.write("/etc/apt/sources.list.d/site.sources.bak", DEB822.replace("no", "yes"))
    root.lists("bookworm", [(NAME, "2:12.2.0-1")])
    root.lists("bookworm", [(NAME, "2:12.2.0-1+deb12u4")], host="mirror.corp.example")
    root.lists("bookworm-security", [(NAME, "2:12.2.0-1+deb12u3")])
    root.lists("bookworm-backports", [(NAME, "2:13.0.5-1~bpo12+1")])
    assert ours(tmp_path) == root.apt_chooses(NAME) == "2:12.2.0-1+deb12u4"
    seen = candidate.observe(Guest(tmp_path), {})
    assert "geheim" not in str(seen)
    first, off = seen["repositories"][0], seen["repositories"][-1]
    assert (first["suite"], first["line"], first["enabled"]) == ("bookworm", 5, True)
    assert (off["suite"], off["line"], off["text"]) == ("bookworm-backports", 16, "Enabled: no")
    metadata = [row["metadata"] is not None for row in seen["repositories"]]
    assert metadata == [True, True, True, False, True]
