"""The way through the core for what runs on the guest itself: observe, judge, cure, judge."""

import subprocess

from inguestlib import apply, audit
from inguestlib.changes import File
from inguestlib.effects import rendered
from inguestlib.guest import Guest

from .owned import Tree, policy_of

__all__ = ["CHECKERS", "CONTROLS", "Tree", "checked", "cured", "findings", "policy_of", "verdicts"]

CONTROLS = [
    "dns-local-forwarders",
    "dns-no-open-resolver",
    "dns-query-logging",
    "dns-no-encrypted-bypass",
    "dns-hosts-file",
    "dns-nsswitch",
    "dns-container-resolvers",
]


# How each server checks a configuration, inside a tree where its package is installed.
CHECKERS = {
    "dnsmasq": ("dnsmasq", "--test", "--conf-dir=/etc/dnsmasq.d"),
    "unbound": ("unbound-checkconf",),
    "bind": ("named-checkconf",),
}


# The root zone's key of 2017, as IANA publishes it.
ROOT_KEY = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"


def checked(root, server, *arguments):
    """What the server's own checker, run inside the tree, says; it must be content."""
    if server == "unbound":
        (root / "var/lib/unbound/root.key").write_text(ROOT_KEY)  # as its first start does
    argv = ("chroot", str(root), *CHECKERS[server], *arguments)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def findings(tree, policy, controls=CONTROLS):
    """The findings of the local controls; none is an error."""
    facts = audit.observe(Guest(str(tree.root)), policy, ["dns"])
    found = audit.judge(facts, policy, ["dns"], list(controls))
    for finding in found:
        assert finding.verdict.value != "error", (finding.control, finding.comment)
    return found


def verdicts(tree, policy, *controls):
    """``{control: {resource: verdict}}``."""
    out = {}
    for f in findings(tree, policy, controls or CONTROLS):
        out.setdefault(f.control, {})[f.resource] = f.verdict.value
    return out


def cured(tree, policy, controls=CONTROLS):
    """Do one plan; no drift is left and a second plan is empty. Returns the changed paths."""
    todo = apply.planned(findings(tree, policy, controls), policy)
    for change in todo:
        assert isinstance(change, File), f"not for an offline root: {change}"
        guest = Guest(str(tree.root))
        text = rendered(change, guest.read(change.path))
        tree.write(guest.resolve(change.path) or change.path, text)
    left = [f for f in findings(tree, policy, controls) if f.verdict.value == "drift"]
    assert left == [], [(f.control, f.resource, f.evidence) for f in left]
    return [change.path for change in todo]
