"""Load options, Secure Boot, lockdown and the boot order."""

import random
import struct

import pytest

from inguestlib import efivars
from inguestlib.families.tpm.bootorder import boot_order
from inguestlib.families.tpm.lockdown import kernel_lockdown
from inguestlib.families.tpm.secureboot import secure_boot

from .judged import judge, only, verdicts

END = b"\x7f\xff\x04\0"
PCI = struct.pack("<BBHBB", 1, 1, 6, 0, 5)
ACPI = struct.pack("<BBHII", 2, 1, 12, 0x0A0341D0, 0)
FLOPPY = struct.pack("<BBHII", 2, 1, 12, efivars._FLOPPY, 0)
SATA = struct.pack("<BBHHHH", 3, 18, 10, 0, 0xFFFF, 0)
USB = struct.pack("<BBHBB", 3, 5, 6, 0, 0)
MAC = struct.pack("<BBH", 3, 11, 37) + bytes(33)
URI = struct.pack("<BBH", 3, 24, 4)
DISC = struct.pack("<BBH", 4, 2, 24) + bytes(20)
DISK = struct.pack("<BBH", 4, 1, 42) + bytes(38)
SHELL = struct.pack("<BBH", 4, 6, 20) + bytes(16)
# Recorded of OVMF.
SETUP = bytes.fromhex(
    "090100002c0055006900410070007000000004071400c9bdb87cebf8344faaea3ee4af6516a1"
    "0406140021aa2c4614760345836e8ab6f46623317fff0400"
)


def file(path):
    text = (path + "\0").encode("utf-16-le")
    return struct.pack("<BBH", 4, 4, 4 + len(text)) + text


def bbs(kind):
    return struct.pack("<BBHHHB", 5, 1, 9, kind, 0, 0)


def option(name, *nodes, attributes=1, more=b""):
    path = b"".join(nodes) + END
    text = (name + "\0").encode("utf-16-le")
    return struct.pack("<IH", attributes, len(path)) + text + path + more


SHIM = file("\\EFI\\debian\\shimx64.efi")


@pytest.mark.parametrize(
    "value, kind",
    [
        (option("debian", DISK, SHIM), "loader"),
        (option("debian", ACPI, PCI, SATA, DISK, SHIM, more=b"\1\2\3"), "loader"),
        (option("EFI Virtual disk (0.0)", ACPI, PCI, SATA), "disk"),
        (option("EFI VMware Virtual SATA CDROM Drive (0.0)", ACPI, PCI, SATA), "cd"),
        (option("Anything", ACPI, PCI, SATA, DISC), "cd"),
        (option("UEFI QEMU DVD-ROM", ACPI, PCI, SATA), "cd"),
        (option("EFI Network", ACPI, PCI, MAC), "network"),
        (option("Windows Boot Manager", PCI, MAC, URI), "network"),
        (option("UEFI HTTPv4", PCI), "network"),
        (option("A stick", ACPI, PCI, USB), "removable"),
        (option("A system on a stick", PCI, USB, DISK, SHIM), "removable"),
        (option("x", ACPI, FLOPPY), "removable"),
        (option("EFI Internal Shell", SHELL), "firmware"),
        (option("disk", bbs(2)), "disk"),
        (option("lan", bbs(6)), "network"),
        (option("bev", bbs(0x80)), "network"),
        (SETUP, "firmware"),
        (b"", "damaged"),
        (None, "damaged"),
        (b"\1\0\0\0\4\0A\0B\0", "damaged"),
        (option("debian", DISK, SHIM)[:-6], "damaged"),
        (option("debian", b"\1\1\0\0"), "damaged"),
        (option("debian", b"\1\1\xff\xff"), "damaged"),
    ],
)
def test_what_an_entry_boots(value, kind):
    assert efivars.load_option(value)["kind"] == kind


def test_an_entry_in_full():
    assert efivars.load_option(option("debian", DISK, SHIM)) == {
        "name": "debian",
        "active": True,
        "app": False,
        "kind": "loader",
        "file": "\\EFI\\debian\\shimx64.efi",
    }
    setup = efivars.load_option(SETUP)
    assert setup["app"] and setup["active"] and setup["name"] == "UiApp"
    assert "\n" not in efivars.load_option(option("a\nb", DISK))["name"]


def test_no_damage_breaks_the_reader():
    rng = random.Random(7)
    for _ in range(500):
        data = bytearray(option("debian", ACPI, PCI, USB, DISK, SHIM, bbs(1)))
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        efivars.load_option(bytes(data[: rng.randint(0, len(data))]))
        efivars.numbers(bytes(data[: rng.randint(0, 9)]))


# ---- the boot order


def entries(**kinds):
    out = {}
    for number, kind in kinds.items():
        app = kind == "firmware"
        number = number.removeprefix("n")
        out[number] = {"name": kind, "active": True, "app": app, "kind": kind, "file": None}
    return out


def seen(order, once=None, **kinds):
    known = {"efi": True, "variables": True, "next": once, "current": None}
    return {"boot_order": {**known, "order": order.split(), "entries": entries(**kinds)}}


MIXED = seen(
    "0001 0002 0003 0004",
    n0001="firmware",
    n0002="network",
    n0003="loader",
    n0004="cd",
)


def test_a_good_order():
    found = judge(boot_order, seen("0001 0002", n0001="firmware", n0002="loader"))
    assert set(verdicts(found).values()) == {"compliant"}
    assert "Boot0002" in found["first entry"].evidence


def test_what_comes_from_outside_is_drift_and_left_alone():
    found = judge(boot_order, MIXED)
    assert verdicts(found) == {
        "first entry": "drift",
        "Boot0001": "compliant",
        "Boot0002": "drift",
        "Boot0003": "compliant",
        "Boot0004": "drift",
    }
    assert not any(f.changes for f in found.values())
    assert "efibootmgr" in found["Boot0002"].comment


def test_enforced_it_is_one_change():
    found = judge(boot_order, MIXED, boot_order={"enforce": True})
    plans = {f.changes for f in found.values() if f.changes}
    assert [[c.describe() for c in plan] for plan in plans] == [["set BootOrder to 0001 0003"]]


def test_the_system_comes_first():
    order = seen("0001 0002", n0001="network", n0002="disk")
    found = judge(boot_order, order, boot_order={"enforce": True, "allow": ["network"]})
    assert found["Boot0001"].verdict == "compliant"
    assert found["first entry"].changes[0].order == ("0002", "0001")


def test_an_order_without_a_system_is_left_alone():
    order = seen("0001 0002", n0001="network", n0002="firmware")
    found = judge(boot_order, order, boot_order={"enforce": True})
    assert not any(f.changes for f in found.values())
    assert str(found["Boot0001"].verdict) == "drift"


def test_it_is_left_alone_where_a_key_is_bound_to_pcr_1():
    token = {"device": "/dev/sda3", "id": 0, "bound": [{"pcrs": [1, 7], "bank": "sha256"}]}
    sealed = {"tokens": [token], "credentials": {}, "unread": {}, "headers": 1}
    found = judge(boot_order, {**MIXED, "sealed": sealed}, boot_order={"enforce": True})
    assert not any(f.changes for f in found.values())
    assert "PCR 1" in found["Boot0002"].comment
    unseen = {**MIXED, "sealed": {"$unseen": "no right"}}
    found = judge(boot_order, unseen, boot_order={"enforce": True})
    assert not any(f.changes for f in found.values()) and found["Boot0002"].comment


def test_an_inactive_network_entry_is_still_in_the_order():
    order = seen("0001 0002", n0001="network", n0002="disk")
    order["boot_order"]["entries"]["0001"]["active"] = False
    found = judge(boot_order, order)
    assert verdicts(found) == {
        "first entry": "compliant",
        "Boot0001": "drift",
        "Boot0002": "compliant",
    }


def test_the_next_boot_alone():
    found = judge(boot_order, seen("0002", "0001", n0001="network", n0002="disk"))
    assert verdicts(found)["next boot"] == "drift"


@pytest.mark.parametrize(
    "more, verdict",
    [
        ({"efi": False, "variables": False}, "not_applicable"),
        ({"variables": False}, "unknown"),
        ({"order": []}, "unknown"),
    ],
)
def test_an_order_that_nobody_sees(more, verdict):
    order = {"boot_order": {**seen("")["boot_order"], **more}}
    assert str(only(judge(boot_order, order)).verdict) == verdict


def test_a_damaged_entry_is_unknown():
    found = judge(boot_order, seen("0001 0002", n0001="damaged", n0002="loader"))
    assert verdicts(found)["Boot0001"] == "unknown"
    assert verdicts(judge(boot_order, seen("0001", n0001="damaged")))["first entry"] == "unknown"


# ---- Secure Boot


def firmware(efi=True, variables=True, on=1, setup=0, shim=None):
    return {
        "secure_boot": {
            "efi": efi,
            "variables": variables,
            "SecureBoot": on,
            "SetupMode": setup,
            "shim": shim,
        }
    }


@pytest.mark.parametrize(
    "sections, params, verdict",
    [
        (firmware(), {}, "compliant"),
        (firmware(shim=0), {}, "compliant"),
        (firmware(on=0), {}, "drift"),
        (firmware(on=None), {}, "drift"),
        (firmware(on=0, setup=1), {}, "drift"),
        (firmware(shim=1), {}, "drift"),
        (firmware(variables=False, on=None, setup=None), {}, "unknown"),
        (firmware(efi=False, variables=False, on=None), {}, "drift"),
        (firmware(efi=False, variables=False, on=None), {"secure_boot": "efi"}, "not_applicable"),
        (firmware(on=0), {"secure_boot": "efi"}, "drift"),
        (firmware(on=0), {"secure_boot": "any"}, "not_applicable"),
    ],
)
def test_secure_boot(sections, params, verdict):
    finding = only(judge(secure_boot, sections, **params))
    assert str(finding.verdict) == verdict
    assert not finding.changes


def test_a_container_has_no_firmware():
    finding = only(judge(secure_boot, firmware(), {"container": "docker"}))
    assert str(finding.verdict) == "not_applicable"


# ---- lockdown


def kernel(level="integrity", signed="N", modules="0", kexec="0", securityfs=True):
    return {
        "lockdown": {
            "lockdown": level,
            "sig_enforce": signed,
            "modules_disabled": modules,
            "kexec_load_disabled": kexec,
            "securityfs": securityfs,
        }
    }


@pytest.mark.parametrize(
    "state, params, verdict",
    [
        ({**kernel(), **firmware()}, {}, ["compliant"] * 3),
        ({**kernel("confidentiality"), **firmware()}, {}, ["compliant"] * 3),
        ({**kernel("none"), **firmware()}, {}, ["drift"] * 3),
        ({**kernel("none", "Y", kexec="1"), **firmware()}, {}, ["drift", "compliant", "compliant"]),
        ({**kernel("none", modules="1"), **firmware()}, {}, ["drift", "compliant", "drift"]),
        ({**kernel(None), **firmware()}, {}, ["drift"] * 3),
        ({**kernel(None, securityfs=False), **firmware()}, {}, ["unknown"]),
        ({**kernel("none"), **firmware(on=0)}, {}, ["not_applicable"]),
        ({**kernel("none"), **firmware(efi=False)}, {}, ["not_applicable"]),
        ({**kernel("none"), **firmware(variables=False, on=None)}, {}, ["unknown"]),
        (
            {**kernel(), **firmware(on=0)},
            {"lockdown": "confidentiality"},
            ["drift", "compliant", "compliant"],
        ),
        ({**kernel("none"), **firmware()}, {"lockdown": "any"}, ["not_applicable"]),
    ],
)
def test_lockdown(state, params, verdict):
    assert list(verdicts(judge(kernel_lockdown, state, **params)).values()) == verdict
