"""Format, recovery and TRIM, on headers that cryptsetup made."""

import json
import os
import subprocess

import pytest

from inguestlib import audit
from inguestlib.luks import header
from inguestlib.volumes import backup

from .machine import KEY, cryptsetup, verdicts

pytestmark = pytest.mark.functional

FORMAT, RECOVERY, DISCARD = "crypt-luks2-format", "crypt-recovery", "crypt-discard"
LENIENT = {"format": {"pbkdf": ["argon2id", "pbkdf2"], "iterations": 1000}}
ARGON = ("--pbkdf", "argon2id", "--pbkdf-memory", "32", "--pbkdf-force-iterations", "4")
ARGON += ("--pbkdf-parallel", "1")


def judge_format(machine, **params):
    (finding,) = machine.judge(FORMAT, **params).values()
    return finding


def token(tree, name, **fields):
    """Import a token that says whose a keyslot is."""
    subprocess.run(
        ("cryptsetup", "token", "import", str(tree.root / "dev" / name)),
        input=json.dumps(fields).encode(),
        check=True,
        capture_output=True,
    )


# ---- format ----------------------------------------------------------------------------------


def test_a_strong_one(machine):
    machine.luks_on("sdb", *ARGON)
    assert judge_format(machine, format={"memory": 32}).verdict == "compliant"


@pytest.mark.parametrize(
    "version, options, words",
    [
        (2, ARGON, "32 KiB"),
        (2, (), "keyslot 0: pbkdf2"),
        (1, (), "LUKS1"),
        (2, ("--key-size", "256"), "a volume key of 256 bits"),
        (2, ("--cipher", "aes-cbc-essiv:sha256", "--key-size", "256"), "cipher aes-cbc"),
    ],
)
def test_what_is_weak(machine, version, options, words):
    machine.luks_on("sdb", *options, version=version)
    finding = judge_format(machine)
    assert finding.verdict == "drift"
    assert words in finding.evidence
    assert finding.comment


def test_a_policy_for_fips(machine):
    machine.luks_on("sdb")
    assert judge_format(machine, **LENIENT).verdict == "compliant"
    strict = {"pbkdf": ["pbkdf2"], "iterations": 5000}
    assert "1000 iterations" in judge_format(machine, format=strict).evidence


def test_a_key_that_nobody_can_guess_needs_no_dear_kdf(machine):
    machine.luks_on("sdb")
    token(machine, "sdb", type="systemd-recovery", keyslots=["0"])
    assert judge_format(machine).verdict == "compliant"


@pytest.mark.parametrize("at, usable", [((16384,), True), ((0, 16384), False)])
def test_a_damaged_header(machine, at, usable):
    machine.luks_on("sdb")
    with open(machine.root / "dev/sdb", "r+b") as file:
        for where in at:
            file.seek(where + 4096 + 10)  # in the JSON area: the checksum is wrong
            file.write(b"XXXX")
    finding = judge_format(machine, **LENIENT)
    assert finding.verdict == "drift"
    assert finding.severity == ("medium" if usable else "high")
    assert "header" in finding.evidence


def test_plain_dm_crypt_has_no_format_at_all(machine):
    machine.mount("/data", machine.dm("data", "CRYPT-PLAIN-data", [machine.disk("sdb")]))
    finding = judge_format(machine)
    assert finding.observed == {"format": "plain dm-crypt"}


def test_nothing_encrypted(machine):
    machine.mount("/", machine.disk("sda"))
    for control in (FORMAT, RECOVERY, DISCARD, "crypt-unlock-path", "crypt-swap-tmp"):
        assert set(verdicts(machine.judge(control)).values()) == {"not_applicable"}


def test_an_image_that_the_tree_names(machine):
    found = machine.luks_on("sdb")
    (machine.root / "srv").mkdir()
    os.rename(machine.root / "dev/sdb", machine.root / "srv/vault.img")
    machine.put({"/etc/crypttab": "vault /srv/vault.img none luks\n"})
    finding = machine.judge(FORMAT, live=False, **LENIENT)["format of vault"]
    assert finding.verdict == "compliant"
    assert found["uuid"] in finding.evidence


def test_a_detached_header(machine):
    machine.luks_on("sdb")
    (machine.root / "etc/headers").mkdir()
    os.rename(machine.root / "dev/sdb", machine.root / "etc/headers/vault")
    machine.put({"/etc/crypttab": "vault /dev/sdc none luks,header=/etc/headers/vault\n"})
    assert machine.judge(FORMAT, live=False, **LENIENT)["format of vault"].verdict == "compliant"


# ---- recovery --------------------------------------------------------------------------------


def recoverable(machine):
    """A volume with two ways, one of them a recovery key, and a recorded copy of its header."""
    machine.mount("/", machine.disk("sda"))
    machine.luks_on("sdb")
    node = machine.root / "dev/sdb"
    (machine.root / "new").write_bytes(b"another")
    (machine.root / "old").write_bytes(KEY)
    old = ("--key-file", machine.root / "old", "--pbkdf", "pbkdf2")
    cryptsetup("luksAddKey", *old, "--pbkdf-force-iterations", "1000", node, machine.root / "new")
    token(machine, "sdb", type="inguest", keyslots=["1"], role="recovery", generation=1, machine="")
    return backed_up(machine, "/var/lib/inguest/headers/data/1.luks")


def backed_up(machine, path):
    node, real = machine.root / "dev/sdb", machine.root / path.lstrip("/")
    real.parent.mkdir(parents=True, exist_ok=True)
    cryptsetup("luksHeaderBackup", node, "--header-backup-file", real)
    real.chmod(0o600)
    found = header.read(node)
    entry = {"path": path, "size": real.stat().st_size, "uuid": found["uuid"]}
    entry["state"] = backup.fingerprint(node, found)
    record = json.dumps({"backup": entry})
    machine.put({"/var/lib/inguest/volumes/data/record.json": record})
    return real


def rot(copy):
    """One byte of its first megabyte is another one; its size is the same."""
    data = bytearray(copy.read_bytes())
    data[5000] ^= 1
    copy.write_bytes(data)


def volumes(escrow="sdb://vault/{minion}/{volume}"):
    recovery = {"escrow": escrow} if escrow else {}
    return {"volumes": {"data": {"device": "/dev/disk/by-id/scsi-sdb", "recovery": recovery}}}


def test_two_ways_and_a_copy(machine):
    recoverable(machine)
    for live in (True, False):
        found = machine.judge(RECOVERY, live, **volumes())
        assert verdicts(found) == {
            "recovery key of data": "compliant",
            "header backup of data": "compliant",
        }


def test_no_escrow(machine):
    recoverable(machine)
    finding = machine.judge(RECOVERY, **volumes(None))["recovery key of data"]
    assert finding.verdict == "drift"
    assert "inguest:crypt:volumes:data:recovery:escrow" in finding.comment


def test_one_keyslot(machine):
    machine.luks_on("sdb")
    found = machine.judge(RECOVERY, **volumes())
    assert "a second way is missing" in found["recovery key of data"].comment
    assert "no copy is recorded" in found["header backup of data"].evidence


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda m, copy: copy.unlink(), "gone"),
        (lambda m, copy: copy.chmod(0o644), "others than root"),
        (lambda m, copy: copy.write_bytes(b"short"), "damaged"),
        (lambda m, copy: rot(copy), "damaged"),
        (
            lambda m, copy: token(m, "sdb", type="later", keyslots=[]),
            "keys have changed since",
        ),
        (
            lambda m, copy: m.mount("/var", m.opened("v", "sdb", header.read(m.root / "dev/sdb"))),
            "lies on the volume itself",
        ),
    ],
)
def test_a_copy_that_is_none(machine, spoil, words):
    spoil(machine, recoverable(machine))
    (finding,) = [
        f for r, f in machine.judge(RECOVERY, **volumes()).items() if r.startswith("header backup")
    ]
    assert finding.verdict == "drift"
    assert words in finding.comment


def test_ways_that_are_lost_together(machine):
    recoverable(machine)
    for slot in ("0", "1"):
        token(machine, "sdb", type="clevis", keyslots=[slot], jwe={})
    found = machine.judge(RECOVERY, **volumes())["recovery key of data"]
    assert "hang on clevis" in found.comment


# ---- TRIM ------------------------------------------------------------------------------------


def trimmed(machine, options="", disk=4096, mapping=0):
    found = machine.luks_on("sdb", discard=disk)
    machine.mount("/data", machine.opened("data", "sdb", found, discard=mapping))
    machine.put({"/etc/crypttab": f"data UUID={found['uuid']} none luks{options}\n"})


HEADER, ROW, LIVE = "header of /dev/sdb", "data in /etc/crypttab", "/dev/mapper/data"


@pytest.mark.parametrize(
    "choice, options, disk, mapping, row, live",
    [
        ("allow", ",discard", 4096, 4096, "compliant", "compliant"),
        ("allow", "", 4096, 0, "drift", "drift"),
        ("allow", ",discard", 0, 0, "compliant", "compliant"),  # the disk takes none
        ("refuse", "", 4096, 0, "compliant", "compliant"),
        ("refuse", ",discard", 4096, 4096, "drift", "drift"),
        ("refuse", ",allow-discards", 4096, 0, "drift", "compliant"),
        (None, "", 4096, 0, "unknown", "unknown"),
        (None, ",discard", 4096, 4096, "drift", "drift"),
    ],
)
def test_a_choice(machine, choice, options, disk, mapping, row, live):
    trimmed(machine, options, disk, mapping)
    found = verdicts(machine.judge(DISCARD, **({"discard": choice} if choice else {})))
    assert (found[ROW], found[LIVE]) == (row, live)


def test_nothing_is_edited_before_the_policy_says_so(machine):
    trimmed(machine)
    assert not machine.judge(DISCARD, discard="allow")[ROW].changes
    found = machine.judge(DISCARD, discard="allow", tables={"enforce": True})[ROW]
    kinds = [change.describe() for change in found.changes]
    assert kinds == ["edit /etc/crypttab line 1", "daemon-reload systemd"]
    assert found.changes[0].edits[0].new.endswith(" none luks,discard")


def test_a_volumes_own_choice_wins(machine):
    trimmed(machine, ",discard", mapping=4096)
    own = {"data": {"device": "/dev/disk/by-id/scsi-sdb", "discard": True}}
    found = machine.judge(DISCARD, discard="refuse", volumes=own)
    assert set(verdicts(found).values()) == {"compliant"}
    assert "fstrim.timer" in found[LIVE].comment


def test_a_flag_in_the_header(machine):
    trimmed(machine, mapping=4096)
    facts, loaded = machine.facts(discard="refuse")
    facts["crypt"]["headers"]["/dev/sdb"]["header"]["flags"] = ["allow-discards"]
    found = {f.resource: f for f in audit.judge(facts, loaded, ["crypt"], [DISCARD])}
    assert found[HEADER].verdict == "drift"
    assert "cryptsetup refresh" in found[HEADER].comment
