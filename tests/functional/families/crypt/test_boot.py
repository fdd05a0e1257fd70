"""How volumes open at boot, and what of them would end up in the clear: key files, swap, /tmp."""

import os

import pytest

from inguestlib import apply, policy
from inguestlib.families import all_families

from .machine import verdicts
from .test_headers import token

pytestmark = pytest.mark.functional

UNLOCK, SWAP, LAYERS = "crypt-unlock-path", "crypt-swap-tmp", "crypt-other-layers"
WAY, AGREE = "unlocking of data", "agreement about data"


def volume(machine, options="luks", key="none", **more):
    """An encrypted volume that crypttab opens and fstab mounts."""
    machine.mount("/", machine.disk("sda"))
    found = machine.luks_on("sdb", **more)
    machine.mount("/data", machine.opened("data", "sdb", found))
    machine.put(
        {
            "/etc/crypttab": f"data UUID={found['uuid']} {key} {options}\n",
            "/etc/fstab": "/dev/mapper/data /data ext4 defaults 0 2\n",
        }
    )
    return found


# ---- unlocking -------------------------------------------------------------------------------


def test_a_passphrase_that_somebody_types(machine):
    volume(machine)
    finding = machine.judge(UNLOCK)[WAY]
    assert (finding.verdict, finding.severity) == ("drift", "high")
    meant = {"data": {"device": "/dev/disk/by-id/scsi-sdb", "unlock": {"by": ["passphrase"]}}}
    assert machine.judge(UNLOCK, volumes=meant)[WAY].verdict == "compliant"


def test_a_token_that_opens_it(machine):
    volume(machine)
    token(machine, "sdb", type="clevis", keyslots=["0"], jwe={})
    assert machine.judge(UNLOCK)[WAY].verdict == "compliant"


def test_a_recovery_key_opens_nothing_by_itself(machine):
    volume(machine)
    token(machine, "sdb", type="systemd-recovery", keyslots=["0"])
    assert machine.judge(UNLOCK)[WAY].verdict == "drift"


def test_a_way_that_is_declared_and_not_enrolled(machine):
    volume(machine)
    meant = {"data": {"device": "/dev/disk/by-id/scsi-sdb", "unlock": {"by": ["tpm2"]}}}
    finding = machine.judge(UNLOCK, volumes=meant)[WAY]
    assert finding.verdict == "drift"
    assert "tpm2" in finding.comment


def test_a_volume_that_no_boot_opens(machine):
    volume(machine, "luks,noauto")
    assert machine.judge(UNLOCK)[WAY].verdict == "compliant"


def test_what_somebody_opened_by_hand(machine):
    volume(machine)
    (machine.root / "etc/crypttab").unlink()
    finding = machine.judge(UNLOCK)[WAY]
    assert (finding.verdict, finding.observed) == ("drift", "by hand")


def test_what_nothing_opens(machine):
    machine.mount("/", machine.disk("sda"))
    machine.luks_on("sdb")
    assert verdicts(machine.judge(UNLOCK)) == {"unlocking": "not_applicable"}


def test_a_header_that_is_not_here(machine):
    machine.put({"/etc/crypttab": "data UUID=1 none luks\nmine UUID=2 none tpm2-device=auto\n"})
    found = verdicts(machine.judge(UNLOCK, live=False))
    assert found[WAY] == "unknown"
    assert found["unlocking of mine"] == "compliant"


@pytest.mark.parametrize(
    "mode, private, at_rest, place",
    [
        (0o400, "compliant", "drift", "/etc/key"),
        (0o644, "drift", "drift", "/etc/key"),
        (0o600, "compliant", "compliant", "/data/key"),
    ],
)
def test_a_key_file(machine, mode, private, at_rest, place):
    volume(machine, key=place)
    machine.put({place: "not a key\n"})
    (machine.root / place.lstrip("/")).chmod(mode)
    found = machine.judge(UNLOCK)
    assert found[WAY].observed == [f"key file {place}"]
    assert (found[place].verdict, found[f"{place} at rest"].verdict) == (private, at_rest)
    if private == "drift":
        assert [c.describe() for c in found[place].changes] == [
            f"set mode 0400, user 0, group 0 on {place}"
        ]
    assert "not a key" not in str(machine.facts()[0]["crypt"])


def test_a_key_file_that_systemd_finds_by_its_name(machine):
    volume(machine)
    machine.put({"/etc/cryptsetup-keys.d/data.key": "not a key\n"})
    found = machine.judge(UNLOCK)
    assert found[WAY].observed == ["key file /etc/cryptsetup-keys.d/data.key"]


@pytest.mark.parametrize(
    "path, text",
    [
        ("/etc/cryptsetup-initramfs/conf-hook", 'KEYFILE_PATTERN="/etc/keys/*.key"\n'),
        ("/etc/dracut.conf.d/keys.conf", 'install_items+=" /etc/keys/data.key "\n'),
    ],
)
def test_a_key_inside_the_initramfs(machine, path, text):
    volume(machine, key="/etc/keys/data.key")
    image = "/boot/initrd.img-6.1.0-18-amd64"
    machine.put(
        {"/etc/keys/data.key": "", path: text, image: "", "/boot/vmlinuz-6.1.0-18-amd64": ""}
    )
    (machine.root / image.lstrip("/")).chmod(0o644)
    finding = machine.judge(UNLOCK)["/etc/keys/data.key in the initramfs"]
    assert finding.verdict == "drift"
    assert "read by all" in finding.comment and "/boot is not encrypted" in finding.comment


def test_a_key_that_the_kernel_is_told(machine):
    machine.put({"/proc/cmdline": "rd.luks.key=/etc/key rd.luks.uuid=1\n"})
    found = machine.judge(UNLOCK, live=False)
    assert found["rd.luks.key in the kernel's arguments"].verdict == "drift"


def test_what_a_script_is_handed_is_not_in_the_facts(machine):
    machine.put({"/etc/crypttab": "data UUID=1 hunter2 luks,keyscript=/bin/echo\n"})
    facts, _policy = machine.facts()
    assert "hunter2" not in str(facts)
    finding = machine.judge(UNLOCK, live=False)[WAY]
    assert finding.observed == ["keyscript /bin/echo"]


def test_files_that_do_not_agree(machine):
    found = volume(machine)
    assert machine.judge(UNLOCK)[AGREE].verdict == "compliant"
    machine.put({"/etc/crypttab": f"data UUID={found['uuid']} none luks,nofail\n"})
    finding = machine.judge(UNLOCK)[AGREE]
    assert (finding.verdict, finding.severity) == ("drift", "medium")
    assert "nofail-differs" in finding.observed


def test_an_apply_never_asks_for_the_key_of_a_volume(machine):
    def asked(uri):
        raise AssertionError(uri)

    volume(machine, key="/etc/key")
    machine.put({"/etc/key": "not a key\n"})
    (machine.root / "etc/key").chmod(0o644)
    data = {"device": "/dev/disk/by-id/scsi-sdb", "unlock": {"key": "sdb://vault/luks/data"}}
    pillar = {"crypt": {"mode": "enforce", "volumes": {"data": data}}}
    families = all_families()
    loaded = policy.load(pillar, families=families, needed=["crypt"], resolve=asked)
    out = apply.plan(machine.root, loaded, ["crypt"], name="box")
    assert list(out["families"]["crypt"]["changes"]) == ["/etc/key"]


# ---- swap and temporary files ----------------------------------------------------------------


def test_a_clear_swap_beside_an_encrypted_volume(machine):
    volume(machine)
    machine.disk("sdc")
    machine.swap("/dev/sdc")
    assert machine.judge(SWAP)["swap /dev/sdc in use"].verdict == "drift"


def test_swap_where_nothing_is_encrypted(machine):
    machine.mount("/", machine.disk("sda"))
    machine.disk("sdc")
    machine.swap("/dev/sdc")
    assert set(verdicts(machine.judge(SWAP)).values()) == {"not_applicable"}
    assert machine.judge(SWAP, sensitive=True)["swap /dev/sdc in use"].verdict == "drift"


def test_swap_on_what_is_encrypted(machine):
    volume(machine)
    machine.swap(f"/dev/{machine.lv('vg', 'swap', [machine.luks('pv', machine.disk('sdc'))])}")
    machine.swap("/data/swapfile", "file")
    found = machine.judge(SWAP)
    swaps = {r: str(f.verdict) for r, f in found.items() if r.startswith("swap")}
    assert set(swaps.values()) == {"compliant"} and len(swaps) == 2


def test_zram(machine):
    volume(machine)
    machine.swap(f"/dev/{machine.virtual('zram0', 254)}")
    assert machine.judge(SWAP)["swap /dev/zram0 in use"].verdict == "compliant"
    machine.disk("sdc")
    machine.put({"/sys/devices/virtual/block/zram0/backing_dev": "/dev/sdc\n"})
    assert machine.judge(SWAP)["swap /dev/zram0 in use"].verdict == "drift"


def test_hibernation(machine):
    volume(machine)
    assert machine.judge(SWAP)["hibernation"].verdict == "compliant"
    machine.put({"/sys/power/resume": f"{machine.number('sda')}\n"})
    assert machine.judge(SWAP)["hibernation"].verdict == "drift"
    machine.put({"/proc/cmdline": "noresume\n"})
    assert machine.judge(SWAP)["hibernation"].verdict == "compliant"


def test_temporary_files(machine):
    volume(machine)
    found = verdicts(machine.judge(SWAP))
    assert (found["/tmp"], found["/var/tmp"]) == ("drift", "drift")
    machine.mount("/tmp", None, "tmpfs", source="tmpfs", dev="0:50")
    machine.mount("/var", machine.luks("var", machine.disk("sdd")))
    found = verdicts(machine.judge(SWAP))
    assert (found["/tmp"], found["/var/tmp"]) == ("compliant", "compliant")


RANDOM = {
    "device": "/dev/disk/by-partuuid/5b6e-01",
    "size": "1G",
    "filesystem": "swap",
    "unlock": {"by": ["random"]},
}


def swap_partition(machine, data, **volume_):
    volume(machine)
    machine.disk("sdc")
    machine.part("sdc1", "sdc", 1, size=1 << 30, links=["/dev/disk/by-partuuid/5b6e-01"])
    (machine.root / "dev/sdc1").write_bytes(data)
    machine.put({"/etc/fstab": "PARTUUID=5b6e-01 none swap sw,pri=5 0 0\n"})
    given = {"swap0": {**RANDOM, **volume_}}
    return machine.judge(SWAP, volumes=given, tables={"enforce": True})[
        "swap of line 1 of /etc/fstab"
    ]


SIGNED = bytes(4086) + b"SWAPSPACE2" + bytes(1 << 20)


def test_a_swap_that_may_get_a_random_key(machine):
    finding = swap_partition(machine, SIGNED)
    edits = {c.path: c.edits[0].new for c in finding.changes if c.kind == "file"}
    assert edits["/etc/fstab"] == "/dev/mapper/swap0 none swap sw,pri=5,nofail 0 0"
    assert "/dev/urandom" in edits["/etc/crypttab"]
    assert "5b6e-01" in edits["/etc/crypttab"]


@pytest.mark.parametrize(
    "data, more, words",
    [
        (bytes(1080) + b"\x53\xef" + bytes(1 << 20), {}, "holds ext"),
        (os.urandom(1 << 20), {}, "holds data of an unknown kind"),
        (SIGNED, {"size": "2G"}, "not the disk"),
        (SIGNED, {"size": None}, "guard it"),
        (SIGNED, {"unlock": {"by": ["random", "tpm2"]}}, "excludes"),
    ],
)
def test_a_device_that_is_never_overwritten(machine, data, more, words):
    finding = swap_partition(machine, data, **more)
    assert finding.verdict == "drift"
    assert not finding.changes
    assert words in finding.comment


# ---- other layers ----------------------------------------------------------------------------


def layer(machine, kind):
    {
        "verity": lambda: machine.dm("v", "CRYPT-VERITY-00-v", [machine.disk("sdb")]),
        "integrity": lambda: machine.dm("i", "CRYPT-INTEGRITY-00-i", [machine.disk("sdb")]),
        "vdo": lambda: machine.dm("vg-pool", f"LVM-{'x' * 64}-vpool", [machine.disk("sdb")]),
        "lvm-integrity": lambda: machine.dm(
            "vg-lv_rimage_0_imeta", f"LVM-{'x' * 64}", [machine.disk("sdb")]
        ),
        "ecryptfs": lambda: machine.mount("/p", None, "ecryptfs", source="/p", dev="0:51"),
        "gocryptfs": lambda: machine.mount("/g", None, "fuse.gocryptfs", source="/c", dev="0:52"),
        "encfs": lambda: machine.put({"/etc/fstab": "encfs#/c /e fuse defaults 0 0\n"}),
        "veracrypt": lambda: machine.mount("/v", None, "fuse.veracrypt", source="v", dev="0:53"),
        "fscrypt": lambda: machine.put({"/.fscrypt/policies/a": ""}),
    }[kind]()


@pytest.mark.parametrize(
    "kind",
    "verity integrity vdo lvm-integrity ecryptfs gocryptfs encfs veracrypt fscrypt".split(),
)
def test_a_layer_is_known_or_not(machine, kind):
    assert verdicts(machine.judge(LAYERS)) == {"layers": "compliant"}
    layer(machine, kind)
    (finding,) = machine.judge(LAYERS).values()
    assert (finding.verdict, finding.observed, finding.severity) == ("drift", kind, "low")
    (finding,) = machine.judge(LAYERS, layers=[kind]).values()
    assert finding.verdict == "compliant"


def test_zfs_is_asked_and_says_nothing_offline(machine):
    machine.mount("/tank", None, "zfs", source="tank", dev="0:54")
    assert verdicts(machine.judge(LAYERS)) == {"zfs": "unknown"}
