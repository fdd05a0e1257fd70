"""Layouts in which crypttab, fstab, arguments, initramfs and units do not agree."""

import pytest

from inguestlib import fstab
from inguestlib.volumes import agreement
from support.volumes import declare

pytestmark = pytest.mark.unit

UUID = "11111111-2222-3333-4444-555555555555"
ENTRY = f"data UUID={UUID} none luks,nofail"
ROW = "/dev/mapper/data /srv ext4 defaults,nofail 0 2"
SDB1 = {"name": "sdb1", "kind": "part", "mapping": None, "under": [], "signatures": []}
DATA = {"name": "dm-0", "kind": "crypt", "mapping": "data", "under": [], "signatures": []}
LV = {"name": "dm-1", "kind": "lvm", "mapping": None, "under": ["data"], "signatures": []}
MAPPED = {"name": "dm-0", "dm_uuid": "CRYPT-LUKS2-1-data", "below": ["sdb1"], "mounts": ["/srv"]}
ROOT = {**MAPPED, "mounts": ["/"]}
TPM = [{"id": 0, "type": "systemd-tpm2", "keyslots": ["0"]}]
CLEVIS = [{"id": 0, "type": "clevis", "keyslots": ["0"]}]


def lines(text):
    return list(enumerate(text.splitlines(), 1))


def boot(crypttab=ENTRY, table=ROW, arguments=(), keyfiles=None, sources=None, **more):
    known = {f"UUID={UUID}": SDB1, "/dev/disk/by-id/one": SDB1, "/dev/mapper/data": DATA}
    return {
        "live": True,
        "boots": True,
        "there": {"crypttab": True, "fstab": True},
        "crypttab": fstab.parse_crypttab(lines(crypttab)),
        "fstab": fstab.parse_fstab(lines(table)),
        "arguments": [{"word": w, "path": "/proc/cmdline", "line": 1} for w in arguments],
        "keyfiles": keyfiles or {},
        "sources": {**known, **(sources or {})},
        "mappings": {"data": MAPPED},
        "critical": [],
        "initramfs": None,
        "units": {"generator": True, "askpass": True, "remote": True, "masked": [], "after": {}},
        "systemd": True,
        **more,
    }


def seen(of, tokens=(), mapped_as=(), inside=None):
    return {
        "name": "data",
        "header": {"uuid": UUID, "tokens": list(tokens)},
        "device": {"name": "sdb1"},
        "mapped_as": list(mapped_as),
        "inside": inside,
        "boot": of,
    }


def volume(**given):
    return declare(**{"mount": "/srv", "unlock": {"by": ["passphrase"]}, **given})


def found(declared, of, **more):
    return {p["id"] for p in agreement.problems("data", declared, seen(of, **more))}


def by(*ways, **more):
    return {"unlock": {"by": list(ways), **more}}


def image(text, by="initramfs-tools", error="", table="cryptroot/crypttab"):
    rows = fstab.parse_crypttab(lines(text))
    one = {"release": "6.1", "path": "/boot/initrd.img-6.1", "error": error, "rows": rows}
    return {"by": by, "images": [{**one, "table": table if text else None}]}


def critical(crypttab, initramfs, arguments=(), **more):
    more.setdefault("table", "/dev/mapper/data / ext4 defaults 0 1")
    return boot(
        crypttab,
        arguments=arguments,
        critical=["data"],
        initramfs=initramfs,
        mappings={"data": ROOT},
        **more,
    )


PLAIN = f"data UUID={UUID} none luks"
KEY = {"exists": True, "mode": 0o400, "uid": 0, "mount": "/keys", "covered": True}
KEYED = f"data UUID={UUID} /keys/data luks,nofail"
FILE = by("keyfile", keyfile="/keys/data")
NET = "/dev/mapper/data /srv ext4 nofail,_netdev 0 2"
SWAP = "data /dev/disk/by-id/one /dev/urandom plain,cipher=aes-xts-plain64,size=512,swap,nofail"
SWAPPED = "/dev/mapper/data none swap nofail 0 0"
RANDOM = {**by("random"), "filesystem": "swap", "mount": None, "size": "1G"}
AT_ROOT = {"mount": "/", "required": True}

AGREE = {
    "passphrase": ({}, boot(), {}),
    "required": ({"required": True}, boot(PLAIN, "/dev/mapper/data /srv ext4 defaults 0 2"), {}),
    "tpm2": (by("tpm2"), boot(f"{ENTRY},tpm2-device=auto"), {"tokens": TPM}),
    "tpm2 by path": (by("tpm2"), boot(f"{ENTRY},tpm2-device=/dev/tpmrm0"), {"tokens": TPM}),
    "tang": (by("tang"), boot(f"{ENTRY},_netdev", NET), {"tokens": CLEVIS}),
    "key file": (FILE, boot(KEYED, keyfiles={"/keys/data": KEY}), {}),
    "random swap": (RANDOM, boot(SWAP, SWAPPED), {}),
    "no mount": ({"filesystem": "none", "mount": None}, boot(table=""), {}),
    "by the inner UUID": (
        {},
        boot(table="UUID=in /srv ext4 nofail 0 2"),
        {"inside": [{"type": "ext4", "uuid": "in"}]},
    ),
    "automount": ({}, boot(table="/dev/mapper/data /srv auto x-systemd.automount 0 2"), {}),
    "by-uuid": ({}, boot(f"data /dev/disk/by-uuid/{UUID} none luks,nofail"), {}),
    "upper case": ({}, boot(f"data UUID={UUID.upper()} none luks,nofail"), {}),
    "foreign options": ({}, boot(f"{ENTRY},tries=2,no-read-workqueue"), {}),
    "root": (AT_ROOT, critical(PLAIN, image(PLAIN)), {}),
    "root by arguments": (
        AT_ROOT,
        critical(f"{PLAIN},x-initrd.attach", image("", "dracut"), [f"rd.luks.uuid=luks-{UUID}"]),
        {},
    ),
    "key on an encrypted mount": (
        FILE,
        boot(
            f"keys UUID=k none luks,nofail\n{KEYED}",
            f"/dev/mapper/keys /keys ext4 nofail 0 2\n{ROW}",
            keyfiles={"/keys/data": KEY},
            sources={"UUID=k": {**SDB1, "name": "sdc"}, "/dev/mapper/keys": None},
        ),
        {},
    ),
    "retired and gone": ({"intent": "retired"}, boot("", ""), {}),
}

# Each with the ids that have to be told, and no others.
DISAGREE = {
    "no entry": ({}, boot("", ROW), {}, {"entry-missing"}),
    "no row": ({}, boot(ENTRY, ""), {}, {"mount-missing"}),
    "entry twice": ({}, boot(f"{ENTRY}\n{ENTRY}"), {}, {"entry-twice"}),
    "another UUID": (
        {},
        boot("data UUID=other none luks,nofail", sources={"UUID=other": None}),
        {},
        {"device-other", "device-unknown"},
    ),
    "another device": (
        {},
        boot(
            "data /dev/disk/by-id/two none luks,nofail",
            sources={"/dev/disk/by-id/two": {**SDB1, "name": "sdc"}},
        ),
        {},
        {"device-other"},
    ),
    "a name that moves": (
        {},
        boot("data /dev/sdb1 none luks,nofail", sources={"/dev/sdb1": SDB1}),
        {},
        {"device-moves"},
    ),
    "open under another name": ({}, boot(), {"mapped_as": ["luks-1"]}, {"name-other"}),
    "entry under another name": (
        {},
        boot(f"{ENTRY}\nother UUID={UUID} none luks,nofail"),
        {},
        {"name-other"},
    ),
    "boot waits": ({}, boot(PLAIN), {}, {"option-nofail-missing"}),
    "required but nofail": (
        {"required": True},
        boot(table="/dev/mapper/data /srv ext4 defaults 0 2"),
        {},
        {"option-nofail"},
    ),
    "never opened": ({}, boot(f"{ENTRY},noauto"), {}, {"option-noauto"}),
    "tang before the network": (
        by("tang"),
        boot(ENTRY, NET),
        {"tokens": CLEVIS},
        {"option-_netdev-missing"},
    ),
    "tang before the network, and required": (
        {**by("tang"), "required": True},
        boot(PLAIN, NET.replace("nofail,", "")),
        {"tokens": CLEVIS},
        {"option-_netdev-missing"},
    ),
    "opened by the network, mounted before it, and required": (
        {**by("tang"), "required": True},
        boot(f"{PLAIN},_netdev", ROW.replace(",nofail", "")),
        {"tokens": CLEVIS},
        {"mount-netdev", "cycle"},
    ),
    "tang, mounted before the network": (
        by("tang"),
        boot(f"{ENTRY},_netdev"),
        {"tokens": CLEVIS},
        {"mount-netdev"},
    ),
    "tang, nobody answers": (
        by("tang"),
        boot(
            f"{ENTRY},_netdev",
            NET,
            units={"generator": True, "askpass": False, "remote": True, "masked": [], "after": {}},
        ),
        {"tokens": CLEVIS},
        {"askpass-off"},
    ),
    "tang, nobody asks": (
        {**by("tang"), "filesystem": "none", "mount": None},
        boot(
            f"{ENTRY},_netdev",
            "",
            units={"generator": True, "askpass": True, "remote": False, "masked": [], "after": {}},
        ),
        {"tokens": CLEVIS},
        {"remote-off"},
    ),
    "key from the store, but the boot asks": (
        by("key"),
        boot(f"{ENTRY},_netdev", NET),
        {},
        {"option-noauto-missing"},
    ),
    "TPM token that nobody asks": (
        by("tpm2"),
        boot(),
        {"tokens": TPM},
        {"option-tpm2-device-missing"},
    ),
    "asks a TPM that the policy does not use": (
        {},
        boot(f"{ENTRY},tpm2-device=auto"),
        {},
        {"option-tpm2-device"},
    ),
    "key file not named": (FILE, boot(), {}, {"key-other"}),
    "key file that is not asked for": (
        {},
        boot(KEYED, keyfiles={"/keys/data": KEY}),
        {},
        {"key-other"},
    ),
    "key file is gone": (
        FILE,
        boot(KEYED, keyfiles={"/keys/data": {**KEY, "exists": False, "mount": "/"}}),
        {},
        {"keyfile-missing"},
    ),
    "key file on a clear disk": (
        FILE,
        boot(KEYED, keyfiles={"/keys/data": {**KEY, "covered": False}}),
        {},
        {"keyfile-clear"},
    ),
    "key file for everybody": (
        FILE,
        boot(KEYED, keyfiles={"/keys/data": {**KEY, "mode": 0o644}}),
        {},
        {"keyfile-open"},
    ),
    "key file of a user": (
        FILE,
        boot(KEYED, keyfiles={"/keys/data": {**KEY, "uid": 1000}}),
        {},
        {"keyfile-open"},
    ),
    "key file on the volume itself": (
        by("keyfile", keyfile="/srv/key"),
        boot(f"data UUID={UUID} /srv/key luks,nofail", keyfiles={"/srv/key": KEY}),
        {},
        {"cycle"},
    ),
    "key files on each other's volume": (
        by("keyfile", keyfile="/keys/data"),
        boot(
            f"keys UUID=k /srv/k luks,nofail\n{KEYED}",
            f"/dev/mapper/keys /keys ext4 nofail 0 2\n{ROW}",
            keyfiles={"/keys/data": KEY, "/srv/k": KEY},
            sources={"UUID=k": {**SDB1, "name": "sdc"}, "/dev/mapper/keys": None},
        ),
        {},
        {"cycle"},
    ),
    "key file on a mount of the network": (
        {**FILE, "required": True},
        boot(
            f"data UUID={UUID} /keys/data luks",
            "srv:/k /keys nfs defaults 0 0\n/dev/mapper/data /srv ext4 defaults 0 2",
            keyfiles={"/keys/data": KEY},
        ),
        {},
        {"cycle"},
    ),
    "drop-in orders it behind its own mount": (
        {},
        boot(
            units={
                "generator": True,
                "askpass": True,
                "remote": True,
                "masked": [],
                "after": {
                    "systemd-cryptsetup@data.service": {
                        "srv.mount": "/etc/…/x.conf:2 After=srv.mount"
                    }
                },
            }
        ),
        {},
        {"cycle"},
    ),
    "TRIM asked for": ({"discard": True}, boot(), {}, {"option-discard-missing"}),
    "TRIM refused": (
        {"discard": False},
        boot(f"{ENTRY},discard", f"{ROW}".replace("nofail", "nofail,discard")),
        {},
        {"option-discard", "mount-discard"},
    ),
    "made anew at each boot": ({}, boot(f"{ENTRY},swap"), {}, {"option-swap"}),
    "tmp made anew": ({}, boot(f"{ENTRY},tmp=ext4"), {}, {"option-tmp"}),
    "opened without the header": (
        {},
        boot(f"data UUID={UUID} none plain,nofail"),
        {},
        {"option-plain", "option-luks-missing"},
    ),
    "script for systemd": ({}, boot(f"{ENTRY},keyscript=/bin/x"), {}, {"option-keyscript"}),
    "fstab has the device below": (
        {},
        boot(table="/dev/disk/by-id/one /srv ext4 nofail 0 2"),
        {},
        {"mount-source"},
    ),
    "fstab has another type": (
        {},
        boot(table="/dev/mapper/data /srv xfs nofail 0 2"),
        {},
        {"mount-type"},
    ),
    "fstab twice": ({}, boot(table=f"{ROW}\n{ROW}"), {}, {"mount-twice"}),
    "fstab waits": (
        {},
        boot(table="/dev/mapper/data /srv ext4 defaults 0 2"),
        {},
        {"mount-nofail-missing"},
    ),
    "fstab goes on without": (
        {"required": True},
        boot(PLAIN),
        {},
        {"mount-nofail"},
    ),
    "masked": (
        {},
        boot(
            units={
                "generator": True,
                "askpass": True,
                "remote": True,
                "after": {},
                "masked": ["systemd-cryptsetup@data.service"],
            }
        ),
        {},
        {"unit-masked"},
    ),
    "nothing reads crypttab": (
        {},
        boot(
            units={"generator": False, "askpass": True, "remote": True, "after": {}, "masked": []}
        ),
        {},
        {"generator-missing"},
    ),
    "target masked": (
        {},
        boot(
            units={
                "generator": True,
                "askpass": True,
                "remote": True,
                "after": {},
                "masked": ["cryptsetup.target"],
            }
        ),
        {},
        {"target-masked"},
    ),
    "swap over data": (
        RANDOM,
        boot(
            SWAP, SWAPPED, sources={"/dev/disk/by-id/one": {**SDB1, "signatures": ["ext4", "swap"]}}
        ),
        {},
        {"random-overwrites"},
    ),
    "swap over what can't be read": (
        RANDOM,
        boot(SWAP, SWAPPED, sources={"/dev/disk/by-id/one": {**SDB1, "signatures": None}}),
        {},
        {"random-unread"},
    ),
    "swap by a UUID that goes": (
        RANDOM,
        boot(SWAP.replace("/dev/disk/by-id/one", "UUID=s"), SWAPPED, sources={"UUID=s": SDB1}),
        {},
        {"random-uuid"},
    ),
    "random key for data": (
        {},
        boot(SWAP.replace("swap,", ""), ROW),
        {},
        {"random-data", "random-useless", "key-other", "option-luks-missing", "option-plain"},
    ),
    "root not in the initramfs": (
        AT_ROOT,
        critical(PLAIN, image("other UUID=x none luks")),
        {},
        {"initramfs-missing"},
    ),
    "initramfs without a table": (AT_ROOT, critical(PLAIN, image("")), {}, {"initramfs-missing"}),
    "initramfs older": (
        AT_ROOT,
        critical(f"{PLAIN},tries=1", image(PLAIN)),
        {},
        {"initramfs-older"},
    ),
    "initramfs of another UUID": (
        AT_ROOT,
        critical(PLAIN, image("data UUID=9 none luks")),
        {},
        {"initramfs-older"},
    ),
    "initramfs that can't be read": (
        AT_ROOT,
        critical(PLAIN, image("", error="damaged xz data")),
        {},
        {"initramfs-unread"},
    ),
    "root is detached too early": (
        AT_ROOT,
        critical(PLAIN, image(PLAIN, "dracut", table="etc/crypttab")),
        {},
        {"option-x-initrd.attach-missing"},
    ),
    "arguments list another": (
        AT_ROOT,
        critical(
            f"{PLAIN},x-initrd.attach",
            image(f"{PLAIN},x-initrd.attach", "dracut"),
            ["rd.luks.uuid=99"],
        ),
        {},
        {"arguments-other"},
    ),
    "arguments name it otherwise": (
        AT_ROOT,
        critical(
            f"{PLAIN},x-initrd.attach",
            image(f"{PLAIN},x-initrd.attach", "dracut"),
            [f"rd.luks.name={UUID}=root"],
        ),
        {},
        {"arguments-name"},
    ),
    "cryptdevice names it otherwise": (
        AT_ROOT,
        critical(
            f"{PLAIN},x-initrd.attach",
            image(f"{PLAIN},x-initrd.attach", "mkinitcpio"),
            [f"cryptdevice=UUID={UUID}:root"],
        ),
        {},
        {"arguments-name"},
    ),
    "arguments switch it off": (
        AT_ROOT,
        critical(
            f"{PLAIN},x-initrd.attach", image(f"{PLAIN},x-initrd.attach", "dracut"), ["rd.luks=0"]
        ),
        {},
        {"arguments-off"},
    ),
    "another root": (
        AT_ROOT,
        critical(
            PLAIN, image(PLAIN), ["root=UUID=old"], sources={"UUID=old": {**SDB1, "name": "sda1"}}
        ),
        {},
        {"arguments-root"},
    ),
    "root by Tang without a network": (
        {**AT_ROOT, **by("tang")},
        critical(
            f"{PLAIN},_netdev,x-initrd.attach",
            image(f"{PLAIN},_netdev,x-initrd.attach", "dracut"),
            table="/dev/mapper/data / ext4 _netdev 0 1",
        ),
        {"tokens": CLEVIS},
        {"arguments-neednet"},
    ),
    "resumed from a random key": (
        RANDOM,
        boot(
            SWAP.replace(",nofail", ""),
            SWAPPED.replace("nofail", "sw"),
            arguments=["resume=/dev/mapper/data"],
            critical=["data"],
            initramfs=image(SWAP.replace(",nofail", "")),
        ),
        {},
        {"arguments-resume"},
    ),
    "retired and still opened": (
        {"intent": "retired"},
        boot(),
        {},
        {"entry-left", "mount-left"},
    ),
    "clear and still opened": ({"intent": "clear"}, boot(ENTRY, ""), {}, {"entry-left"}),
}


@pytest.mark.parametrize("case", AGREE, ids=str)
def test_agreeing_layouts(case):
    given, of, more = AGREE[case]
    assert agreement.problems("data", volume(**given), seen(of, **more)) == []


@pytest.mark.parametrize("case", DISAGREE, ids=str)
def test_disagreeing_layouts(case):
    given, of, more, wanted = DISAGREE[case]
    problems = agreement.problems("data", volume(**given), seen(of, **more))
    assert {p["id"] for p in problems} == wanted, problems
    for problem in problems:
        assert problem["words"] and problem["evidence"] and problem["volume"] == "data"


FILES = {
    "agree": (boot(), set()),
    "fstab waits for what nobody opens": (
        boot("", "/dev/mapper/gone /x ext4 defaults 0 2", sources={"/dev/mapper/gone": None}),
        {"mount-unopened"},
    ),
    "a logical volume needs no entry": (
        boot(PLAIN, "/dev/mapper/vg-lv /x ext4 defaults 0 2", sources={"/dev/mapper/vg-lv": LV}),
        set(),
    ),
    "one waits, the other does not": (boot(PLAIN), {"nofail-differs"}),
    "the other way": (boot(table=ROW.replace(",nofail", "")), {"nofail-differs"}),
    "one device, two names": (
        boot(f"{ENTRY}\nother UUID={UUID} none luks,nofail"),
        {"device-twice"},
    ),
    "second entry": (boot(f"{ENTRY}\n{ENTRY}"), {"entry-twice"}),
    "TRIM is swallowed": (boot(table=ROW.replace("nofail", "nofail,discard")), {"discard-differs"}),
    "network volume, local mount": (
        boot(f"{PLAIN},_netdev", ROW.replace(",nofail", "")),
        {"mount-netdev", "cycle"},
    ),
    "unknown device": (
        boot("data UUID=x none luks,nofail", sources={"UUID=x": None}),
        {"device-unknown"},
    ),
}


@pytest.mark.parametrize("case", FILES, ids=str)
def test_files_without_a_policy(case):
    of, wanted = FILES[case]
    assert {p["id"] for p in agreement.of_files(of)} == wanted


def test_a_folder_that_can_not_boot_is_no_concern():
    assert found(volume(), boot("", "", boots=False)) == set()


def test_a_cycle_is_told_with_its_lines():
    of = boot(f"data UUID={UUID} /srv/key luks,nofail", keyfiles={"/srv/key": KEY})
    ring = [p for p in agreement.of_files(of) if p["id"] == "cycle"][0]
    assert "srv.mount -> systemd-cryptsetup@data.service -> srv.mount" in ring["words"]
    assert "/etc/crypttab:1" in ring["evidence"] and "/etc/fstab:1" in ring["evidence"]
