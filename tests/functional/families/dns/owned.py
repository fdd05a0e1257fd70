"""Hand-written trees of the owners of DNS settings, and the way through core with them."""

import os
from pathlib import Path

from inguestlib import apply, audit, policy
from inguestlib.changes import File, Link
from inguestlib.effects import rendered
from inguestlib.families import all_families
from inguestlib.guest import Guest

SERVERS = ["10.0.0.53", "10.0.1.53"]
CONTROLS = [
    "dns-servers-approved",
    "dns-no-public-resolver",
    "dns-fallback-empty",
    "dns-resolvconf-managed",
    "dns-dhcp-override",
    "dns-redundancy",
    "dns-search-and-ddns",
    "dns-transport-security",
    "dns-manager-mode",
]
STUB = "../run/systemd/resolve/stub-resolv.conf"


class Tree:
    """An offline root under ``folder``, written file by file."""

    def __init__(self, folder):
        self.root = Path(folder)
        self.write("/etc/os-release", "ID=debian\nVERSION_ID=12\n")
        self.write("/etc/systemd/system/default.target", "[Unit]\nDescription=Default\n")

    def write(self, path, text, mode=0o644):
        """A regular file; missing folders are made."""
        real = self.root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        if real.is_symlink():
            real.unlink()
        real.write_text(text)
        real.chmod(mode)
        return self

    def link(self, path, target):
        """A symbolic link."""
        real = self.root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        real.unlink(missing_ok=True)
        os.symlink(target, real)
        return self

    def program(self, *paths):
        """Empty programs, so that a component counts as installed."""
        for path in paths:
            self.write(path, "", 0o755)
        return self

    def enable(self, *units):
        """Units that the default target wants."""
        for unit in units:
            path = f"/usr/lib/systemd/system/{unit}"
            self.write(path, "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=default.target\n")
            self.link(f"/etc/systemd/system/default.target.wants/{unit}", path)
        return self

    def text(self, path):
        """What a file holds."""
        return (self.root / path.lstrip("/")).read_text()

    # ---- components ----

    def resolved(self, resolv_conf=STUB):
        self.program("/usr/lib/systemd/systemd-resolved").enable("systemd-resolved.service")
        return self.link("/etc/resolv.conf", resolv_conf) if resolv_conf else self

    def networkd(self):
        return self.program("/usr/lib/systemd/systemd-networkd").enable("systemd-networkd.service")

    def networkmanager(self):
        return self.program("/usr/sbin/NetworkManager").enable("NetworkManager.service")


def policy_of(**dns):
    """A policy that enforces the family, with :data:`SERVERS` where nothing else is said."""
    pillar = {"mode": "off", "dns": {"mode": "enforce", "servers": SERVERS, **dns}}
    return policy.load(pillar, families=all_families(), needed=["dns"]).for_guest("web1")


def findings(tree, policy_):
    """The findings of the client's side."""
    known = {c.id for c in all_families()["dns"].controls}
    controls = [c for c in CONTROLS if c in known]
    facts = audit.observe(Guest(str(tree.root)), policy_, ["dns"])
    assert not any("$error" in s for s in facts["dns"].values() if isinstance(s, dict)), facts
    return audit.judge(facts, policy_, ["dns"], controls)


def drifts(tree, policy_):
    """``{control: {resource: finding}}`` of what differs."""
    out = {}
    for f in findings(tree, policy_):
        assert f.verdict.value != "error", (f.control, f.comment, f.evidence)
        if f.verdict.value == "drift":
            out.setdefault(f.control, {})[f.resource] = f
    return out


def cure(tree, policy_):
    """Do one plan to the tree: files and links, as text. Returns the changes."""
    todo = apply.planned(findings(tree, policy_), policy_)
    guest = Guest(str(tree.root))
    for change in todo:
        assert isinstance(change, (File, Link)), f"not for an offline root: {change}"
        if isinstance(change, Link):
            tree.link(change.path, change.to)
            continue
        if change.replace_link or not guest.exists(change.path):
            tree.root.joinpath(change.path[1:]).unlink(missing_ok=True)
        text = rendered(change, guest.read(change.path))
        if text is None:
            tree.root.joinpath(change.path[1:]).unlink()
            continue
        inside = Guest(str(tree.root)).resolve(change.path) or change.path
        tree.write(inside, text, int(change.mode or "0644", 8))
    return todo


def cured(tree, policy_):
    """Cure once; nothing that has a cure is left, and a second plan is empty."""
    todo = cure(tree, policy_)
    found = drifts(tree, policy_)
    left = {(c, r): f.evidence for c, d in found.items() for r, f in d.items() if f.changes}
    assert left == {}
    assert set(found) <= {"dns-manager-mode"}  # which of two owners goes is a person's choice
    assert apply.planned(findings(tree, policy_), policy_) == ()
    return todo
