"""crypt-policy-match, both ways: on stacks of devices, never by a name."""

import pytest

from inguestlib import audit

from .machine import verdicts

pytestmark = pytest.mark.functional

CONTROL = "crypt-policy-match"


# ---- layouts: what is mounted at /data, and whether it is encrypted ---------------------------


def clear(m):
    m.mount("/data", m.disk("sdb"))
    return "clear"


def luks(m):
    m.mount("/data", m.luks("data", m.disk("sdb")))
    return "encrypted"


def lvm_on_luks(m):
    m.mount("/data", m.lv("vg", "data", [m.luks("pv", m.disk("sdb"))]))
    return "encrypted"


def luks_on_lvm(m):
    m.mount("/data", m.luks("data", m.lv("vg", "data", [m.disk("sdb")])))
    return "encrypted"


def a_volume_group_half_on_luks(m):
    m.mount("/data", m.lv("vg", "data", [m.luks("pv", m.disk("sdb")), m.disk("sdc")]))
    return "partly"


def a_clear_mapping_named_like_an_entry(m):
    m.put({"/etc/crypttab": "data UUID=1 none luks\n"})
    m.mount("/data", m.dm("data", "", [m.disk("sdb")]), source="/dev/mapper/data")
    return "clear"


def verity_is_no_encryption(m):
    m.mount("/data", m.dm("data", "CRYPT-VERITY-00-data", [m.disk("sdb")]))
    return "clear"


def plain(m):
    m.mount("/data", m.dm("data", "CRYPT-PLAIN-data", [m.disk("sdb")]))
    return "encrypted"


def veracrypt(m):
    m.mount("/data", m.dm("data", "CRYPT-TCRYPT-data", [m.disk("sdb")]))
    return "encrypted"


def bitlocker(m):
    m.mount("/data", m.dm("data", "CRYPT-BITLK-0123-data", [m.disk("sdb")]))
    return "encrypted"


def luks1(m):
    m.mount("/data", m.dm("data", f"CRYPT-LUKS1-{'a' * 32}-data", [m.disk("sdb")]))
    return "encrypted"


def btrfs_half_on_luks(m):
    one, two = m.luks("one", m.disk("sdb")), m.disk("sdc")
    m.btrfs("u", [one, two])
    m.mount("/data", one, "btrfs", source=f"/dev/{one}", dev="0:40")
    return "partly"


def real_luks(m):
    m.mount("/data", m.opened("data", "sdb", m.luks_on("sdb")))
    return "encrypted"


LAYOUTS = [v for k, v in list(globals().items()) if callable(v) and v.__module__ == __name__]
SENSITIVE = {"encrypted": ("compliant", "medium"), "clear": ("drift", "high")}
SENSITIVE["partly"] = ("drift", "high")
OTHER = {
    "clear": ("compliant", "medium"),
    "encrypted": ("drift", "low"),
    "partly": ("drift", "low"),
}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_both_ways(machine, layout):
    state = layout(machine)
    for sensitive, wanted in ((True, SENSITIVE), (False, OTHER)):
        finding = machine.judge(CONTROL, sensitive=sensitive)["/data"]
        assert finding.observed == state
        assert (finding.verdict, finding.severity) == wanted[state]
        assert not finding.changes
    if state != "clear":
        for cost in ("vSAN", "deduplicate", "compress", "full size"):
            assert cost in finding.comment


@pytest.mark.parametrize(
    "segment, state",
    [
        ({"type": "crypt", "cipher": "cipher_null-ecb"}, "clear"),
        ({"type": "linear", "cipher": None}, "clear"),
    ],
)
def test_a_mapping_that_encrypts_nothing(machine, segment, state):
    """The null cipher, and a volume whose encryption has not begun."""
    real_luks(machine)
    facts, loaded = machine.facts(sensitive=True)
    facts["crypt"]["headers"]["/dev/sdb"]["header"]["segments"][0].update(segment)
    (finding,) = audit.judge(facts, loaded, ["crypt"], [CONTROL])
    assert (finding.verdict, finding.observed) == ("drift", state)


def test_a_clear_volume_names_who_encrypts(machine):
    clear(machine)
    assert "inguest_luks" in machine.judge(CONTROL, sensitive=True)["/data"].comment


def test_what_boots_a_sensitive_guest_may_be_clear(machine):
    machine.mount("/boot", machine.part("sda1", machine.disk("sda"), 1))
    assert verdicts(machine.judge(CONTROL, sensitive=True)) == {"/boot": "compliant"}
    strict = machine.judge(CONTROL, sensitive=True, mounts={"/boot": "required"})
    assert strict["/boot"].verdict == "drift"


@pytest.mark.parametrize(
    "want, encrypted, open_",
    [("required", "compliant", "drift"), ("any", "compliant", "compliant")],
)
def test_a_mount_of_its_own(machine, want, encrypted, open_):
    machine.mount("/a", machine.luks("a", machine.disk("sdb")))
    machine.mount("/b", machine.disk("sdc"))
    found = verdicts(machine.judge(CONTROL, mounts={"/a": want, "/b": want}))
    assert found == {"/a": encrypted, "/b": open_}


def test_a_swap_of_a_sensitive_guest(machine):
    machine.disk("sdb")
    machine.swap("/dev/sdb")
    assert machine.judge(CONTROL, sensitive=True)["swap /dev/sdb"].severity == "high"


def test_a_closed_volume_counts_too(machine):
    machine.mount("/", machine.disk("sda"))
    machine.luks_on("sdb")
    finding = machine.judge(CONTROL)["/dev/sdb"]
    assert (finding.verdict, finding.severity) == ("drift", "low")
    assert machine.judge(CONTROL, sensitive=True)["/dev/sdb"].verdict == "compliant"


def test_a_container_has_its_hosts_disks(machine):
    luks(machine)
    facts, loaded = machine.facts()
    facts["guest"]["container"] = "docker"
    (only,) = audit.judge(facts, loaded, ["crypt"], [CONTROL])
    assert only.verdict == "not_applicable"


# ---- declared volumes ------------------------------------------------------------------------


def declared(**more):
    return {"volumes": {"data": {"device": "/dev/disk/by-id/scsi-sdb", **more}}}


def on_sdb(machine, **more):
    (machine.root / "dev/sdb").write_bytes(bytes(1 << 20))
    return machine.disk("sdb", links=["/dev/disk/by-id/scsi-sdb"], **more)


def of_data(machine, live=True, **more):
    return machine.judge(CONTROL, live, **declared(**more))["volume data"]


def test_declared_and_clear(machine):
    on_sdb(machine)
    finding = of_data(machine)
    assert (finding.verdict, finding.severity, finding.observed) == ("drift", "high", "clear")
    assert of_data(machine, intent="clear").verdict == "compliant"


def test_declared_and_encrypted(machine):
    found = machine.luks_on("sdb")
    machine.mount("/data", machine.opened("data", "sdb", found))
    assert verdicts(machine.judge(CONTROL, **declared(mount="/data"))) == {
        "volume data": "compliant"
    }
    meant_clear = of_data(machine, intent="clear")
    assert (meant_clear.verdict, meant_clear.severity) == ("drift", "low")


def test_declared_and_missing(machine):
    machine.mount("/", machine.disk("sda"))
    assert (of_data(machine).verdict, of_data(machine).observed) == ("drift", "missing")
    assert of_data(machine, live=False).observed == "not set up"
    machine.put({"/etc/crypttab": "data UUID=0a34 none luks\n"})
    assert of_data(machine, live=False).verdict == "unknown"


@pytest.mark.parametrize("guard", [{"serial": "other"}, {"size": "2G"}])
def test_another_disk_than_the_guarded_one(machine, guard):
    on_sdb(machine, serial="mine", size=1 << 30)
    finding = of_data(machine, **guard)
    assert (finding.verdict, finding.severity) == ("drift", "high")
    assert of_data(machine, serial="mine", size="1G", intent="clear").verdict == "compliant"


def test_crypttab_means_another_uuid(machine):
    found = machine.luks_on("sdb")
    machine.put({"/etc/crypttab": "data UUID=0a3407de-014b-458b-b5c1-848e92a327a3 none luks\n"})
    finding = of_data(machine)
    assert finding.observed["UUID of the device"] == found["uuid"]
    assert finding.severity == "high"
    machine.put({"/etc/crypttab": f"data UUID={found['uuid']} none luks\n"})
    assert of_data(machine).verdict == "compliant"


def test_the_name_is_that_of_another_mapping(machine):
    machine.luks_on("sdb")
    machine.luks("data", machine.disk("sdc"), uuid="cc" * 16)
    assert "/dev/mapper/data" in of_data(machine).observed


def test_what_is_written_there_is_in_the_clear(machine):
    machine.mount("/", machine.disk("sda"))
    found = machine.luks_on("sdb")
    finding = of_data(machine, mount="/data")
    assert (finding.verdict, finding.severity) == ("drift", "high")
    assert "isn't mounted" in finding.comment
    machine.mount("/data", machine.opened("data", "sdb", found))
    assert of_data(machine, mount="/data").verdict == "compliant"


def test_retired(machine):
    machine.luks_on("sdb")
    assert of_data(machine, intent="retired").observed == {"keyslots": [0]}


# ---- offline, by files -----------------------------------------------------------------------


def test_an_image_that_opens_nothing(machine):
    machine.put({"/etc/fstab": "UUID=1 / ext4 defaults 0 1\nLABEL=boot /boot ext4 defaults 0 2\n"})
    assert verdicts(machine.judge(CONTROL, live=False)) == {"/etc/crypttab": "compliant"}
    found = machine.judge(CONTROL, live=False, sensitive=True)
    assert verdicts(found) == {"/": "drift"}
    assert found["/"].severity == "high"


def test_an_image_that_opens_a_volume(machine):
    machine.put(
        {
            "/etc/crypttab": "data UUID=1 none luks\nswap /dev/vg/swap /dev/urandom swap\n",
            "/etc/fstab": "/dev/mapper/data /data ext4 defaults 0 2\nUUID=1 / ext4 defaults 0 1\n",
        }
    )
    found = machine.judge(CONTROL, live=False)
    assert verdicts(found) == {"data in /etc/crypttab": "drift"}
    assert found["data in /etc/crypttab"].severity == "low"
    found = verdicts(machine.judge(CONTROL, live=False, sensitive=True))
    assert found == {"data in /etc/crypttab": "compliant", "/data": "compliant", "/": "unknown"}


def test_an_image_whose_kernel_is_told(machine):
    machine.put({"/etc/kernel/cmdline": "root=/dev/mapper/root rd.luks.uuid=0a34 quiet\n"})
    found = machine.judge(CONTROL, live=False)
    assert verdicts(found) == {"the kernel's arguments": "drift"}
