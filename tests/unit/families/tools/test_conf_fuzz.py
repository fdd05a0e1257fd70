"""Random tools.conf files: whatever they say, one pass cures them, and a second has nothing to do.

Everything here is pure: facts of texts, findings, the texts that the changes make, facts again.
"""

import random

import pytest

from inguestlib.apply import leftovers
from inguestlib.changes import File, ordered
from inguestlib.effects import rendered
from inguestlib.families.tools import FAMILY, conffile, confkeys
from inguestlib.model import FamilyFacts, placed
from inguestlib.policy import load

from .confs import facts
from .judged import GUEST

SEED = 31
ROUNDS = 60
MINE = {
    *("tools-conf-syntax", "tools-conf-environment", "tools-core-dumps", "tools-log-enabled"),
    *(
        "tools-autoupgrade-allow",
        "tools-autoupgrade-add-feature",
        "tools-autoupgrade-remove-feature",
    ),
    *("tools-autoupgrade-msi-transforms", "tools-appinfo-off", "tools-containerinfo-off"),
    *("tools-guestops-off", "tools-guestops-per-api", "tools-guestops-vgauth", "tools-log-level"),
    *("tools-gueststoreupgrade-off", "tools-gueststore-off", "tools-servicediscovery-off"),
    *("tools-sdmp-version-check-off", "tools-globalconf-off", "tools-log-syslog"),
    *("tools-log-files", "tools-recustomization-off", "tools-custom-scripts-off"),
    *("tools-componentmgr-off", "tools-componentmgr-saltminion-section", "tools-timesync-off"),
    *("tools-nic-reporting", "tools-identity-not-hidden"),
}
VALUES = ("true", "false", "1", "0", "TRUE", "yes", "", "0s", "-1", "60", "none", "all", "off ")
VALUES += ("debug", "syslog", "vmx", "file", "/tmp/x.log", "*", "eth1,docker*", "eth0", "a\\x", "é")
KEYS = [(key.group, key.name) for key in confkeys.ALL]
KEYS += [("logging", f"{d}.{k}") for d in ("vmsvc", "toolboxcmd", "own") for k in ("level", "data")]
KEYS += [("logging", f"{d}.handler") for d in ("vmsvc", "vmtoolsd", "own")]
KEYS += [("setenvironment", "LD_PRELOAD"), ("salt_minion", "master"), ("AppInfo", "disabled")]
BAD = ("; note", "word", "[broken", "\ufeff", "k[=v", "=v")


def text(rng, bad):
    lines = []
    for group, key in rng.sample(KEYS, rng.randrange(1, 12)):
        lines.append(f"[{group}]")
        lines += [f"{key}{rng.choice(('=', ' = '))}{rng.choice(VALUES)}"] * rng.choice((1, 1, 2))
        if rng.random() < 0.3:
            lines.append(f"{key}={rng.choice(VALUES)}")
        if bad and rng.random() < 0.1:
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(BAD))
    return rng.choice(("\n", "\n", "\r\n")).join(lines) + rng.choice(("", "\n"))


def judged(texts, policy):
    sections = facts(*texts, stale=[conffile.GLOBAL] if texts[2] is not None else [])
    seen = FamilyFacts(sections, GUEST)
    return [
        placed(finding, control, "tools")
        for control in FAMILY.controls
        if control.id in MINE
        for finding in control.judge(seen, policy.family("tools"))
    ]


@pytest.mark.parametrize("rewrite", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {"role": "deployed", "ip_reporting": "nsx"},
        {"role": "template", "ip_reporting": "off", "gueststore": "admin", "time_sync": "on"},
        {"guest_operations": {"allow": ["ListFilesInGuest"]}, "customization": "enabled",
         "log_handler": "file", "log_levels": ["debug", "warning"], "custom_scripts": "enabled"},
    ],
    ids=["deployed", "template", "chosen"],
)  # fmt: skip
def test_one_pass_cures(params, rewrite):
    policy = load(
        {"tools": {"mode": "enforce", "rewrite_rejected": rewrite, **params}},
        families={"tools": FAMILY},
    )
    rng = random.Random(SEED)
    for _ in range(ROUNDS):
        texts = [text(rng, rewrite), text(rng, rewrite), rng.choice((None, text(rng, False)))]
        before = judged(texts, policy)
        todo = {
            change.path: change
            for change in ordered(c for f in before for c in f.changes)
            if isinstance(change, File)
        }
        paths = (conffile.TOOLS, conffile.VGAUTH, conffile.GLOBAL)
        made = [
            rendered(todo[path], old) if path in todo else old
            for path, old in zip(paths, texts, strict=True)
        ]
        after = judged(made, policy)
        left = [(f.control, f.resource, f.observed) for f in leftovers(before, after, policy)]
        assert not left, (texts, made)
        assert not [f for f in after if f.changes], (texts, made)
