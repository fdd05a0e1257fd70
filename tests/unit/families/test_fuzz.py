"""Damaged files: no observer breaks or hangs, every control still gets its verdict.

Deterministic: a failing seed fails again. What a guest's file can't be is ``unknown`` with a
reason; ``error`` would mean that a check of ours broke.
"""

import json
import os
import random
import time

import pytest

from inguestlib import apply, audit, families, policy
from inguestlib.effects import previews
from inguestlib.guest import Guest
from inguestlib.model import FamilyFacts, Verdict

from .fuzzfiles import FILES, PROGRAMS, UNITS

PILLAR = {
    "mode": "enforce",
    "dns": {"servers": ["10.0.0.53", "10.0.1.53"], "search": ["corp.example"]},
    "services": {
        "required": ["nginx"],
        "time": {"servers": ["ntp1.corp.example"]},
        "logs": {"hosts": ["logs.corp.example:6514"]},
        "unattended_boot": {"enforce": True},
    },
    "drivers": {"initramfs": {"enforce": True}, "channel": {"vsock": "refuse"}},
    "tools": {
        "role": "deployed",
        "rewrite_rejected": True,
        "ip_reporting": "nsx",
        "vgauth_aliases": {"remove": True},
        "scripts": {"remove": True},
    },
    "crypt": {
        "sensitive": True,
        "tables": {"enforce": True},
        "network": {"nfs": "krb5p"},
        "discard": "refuse",
        "volumes": {
            "data": {"device": "UUID=b", "mount": "/data"},
            "swap0": {
                "device": "/dev/disk/by-partuuid/a",
                "size": "1G",
                "filesystem": "swap",
                "unlock": {"by": ["random"]},
            },
        },
    },
    "proxy": {
        "url": "http://proxy.corp.example:3128",
        "exceptions": [".corp.example"],
        "bypass": ["repo.corp.example", "10.1.2.3"],
        "through": ["outside.example"],
        "credentials": {"user": "joe", "password": "fuzzed", "forbidden": True},
        "ca": {"allowed": ["0" * 64], "remove_unexpected": True},
    },
}
JUNK = (
    *("\0", "\r\n", "\r", "\n\n", "\\\n", "\\", "'", '"', "`", "$(", "${", "\t", "  ", "\x0c"),
    *("{", "}", "[", "]", "(", ")", ";", "#", "=", ":", ",", "/", "*", "?", "%", "!", "@", "&"),
    *("\u2028", "\x85", "\x1b[31m", "é", "漢字", "\udcff", "\udcc3", "\ufeff", "~", "-", "--- "),
    *("9" * 20, "-1", "0x", "1e999", "NaN", "null", "1.2.3.4.5", "300.1.1.1", "fe80::1%eth0"),
    *("8.8.8.8", "::ffff:8.8.8.8", "[::1]:53", "<%", "..", "/../../..", "/" * 300, "a" * 5000),
    *("include", "source /etc/*", 'include "/etc/**"', "/a" * 3000, "/a" * 1500, "&a *a"),
    *("<<: *a", "!!python/object:os.system x", "*.*", "[" * 3000, "{" * 5000, "- " * 5000),
)


def damaged(rng, text):
    """The text with a few random cuts, repetitions, insertions and foreign bytes."""
    for _ in range(rng.randint(1, 6)):
        start = rng.randint(0, len(text))
        end = min(len(text), start + rng.randint(0, 12))
        foreign = bytes(rng.randrange(256) for _ in range(rng.randint(1, 20)))
        lines = text.split("\n")
        rng.shuffle(lines)
        text = rng.choice(
            [
                text[:start] + text[end:],
                text[:start] + rng.choice(JUNK) + text[start:],
                text[:start] + rng.choice(JUNK) + text[end:],
                text[:start] + text[start:end] * rng.randint(2, 5) + text[end:],
                text[:start] + foreign.decode("utf-8", "surrogateescape") + text[end:],
                "\n".join(lines),
            ]
        )
    return text


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A tree in which every owner of a setting is installed and enabled."""
    root = tmp_path_factory.mktemp("fuzz")
    units, wants = (
        root / "usr/lib/systemd/system",
        root / "etc/systemd/system/multi-user.target.wants",
    )
    for folder in (units, wants):
        folder.mkdir(parents=True)
    for name in PROGRAMS:
        (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / name[1:]).touch(0o755)
    for name in UNITS:
        name = name if "." in name else f"{name}.service"
        (units / name).write_text(
            "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n"
        )
        (wants / name).symlink_to(f"/usr/lib/systemd/system/{name}")
    for path in FILES:
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
    return root


@pytest.fixture(scope="module")
def loaded():
    return policy.load(PILLAR, families=families.all_families()).for_guest("web1")


def judged(tree, files, loaded):
    """The findings on the tree with these files; what breaks on the way fails the test."""
    for path, text in files.items():
        with open(tree / path[1:], "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    guest = Guest(str(tree))
    facts = audit.observe(guest, loaded)
    json.dumps(facts)
    for family in loaded.families:
        broken = {
            name: section[FamilyFacts.BROKEN]
            for name, section in facts[family].items()
            if isinstance(section, dict) and FamilyFacts.BROKEN in section
        }
        assert not broken
    findings, _waivers = audit.judged(facts, loaded)
    for family in loaded.families:
        todo = apply.planned([f for f in findings if f.family == family], loaded)
        previews(todo, guest)
    return findings


def check(findings):
    assert [(f.control, f.comment) for f in findings if f.verdict is Verdict.ERROR] == []
    every = {c.id for f in families.all_families().values() for c in f.controls}
    assert {f.control for f in findings} == every


def test_the_files_themselves_are_understood(tree, loaded):
    findings = judged(tree, FILES, loaded)
    check(findings)
    # If the files were not even read, the fuzz below would prove nothing.
    drifting = {f.control for f in findings if f.verdict is Verdict.DRIFT}
    assert {
        "dns-no-public-resolver",
        "dns-local-forwarders",
        "services-unattended-boot",
        "tools-backup-scripts",
        "tools-cloudinit-customization-off",
        "tools-pam-stack",
        "tools-vgauth-aliases",
        "tools-vgauth-settings",
        "drivers-in-initramfs",
        "drivers-balloon-vmci",
        "drivers-scsi-timeout",
        "crypt-network-storage",
        "crypt-policy-match",
        "crypt-swap-tmp",
        "crypt-unlock-path",
        "proxy-no-proxy-scope",
        "proxy-package-manager",
    } <= drifting


@pytest.mark.parametrize("block", range(5))
def test_damaged_files(tree, loaded, block):
    for seed in range(block * 12, block * 12 + 12):
        rng = random.Random(seed)
        files = {p: damaged(rng, t) if rng.random() < 0.6 else t for p, t in FILES.items()}
        began = time.monotonic()
        try:
            check(judged(tree, files, loaded))
        except Exception as exc:
            raise AssertionError(f"seed {seed}: {exc}") from exc
        assert time.monotonic() - began < 10, f"seed {seed} is slow"


@pytest.mark.parametrize(
    "whole", [b"", b"\0" * 4096, os.linesep.encode() * 9, b"\xff\xfe\r\n" * 99]
)
def test_files_that_are_something_else_altogether(tree, loaded, whole):
    text = whole.decode("utf-8", "surrogateescape")
    check(judged(tree, dict.fromkeys(FILES, text), loaded))
