"""Trees that take themselves for running guests, and images: from files to findings."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from inguestlib import apply, audit, changes, efivars, images, journal, policy
from inguestlib.effects import Effects, preview
from inguestlib.families import all_families
from inguestlib.guest import Guest
from support import need
from support.cases import write

from .running import Running

RECORDED = Path(__file__).parents[3] / "unit/families/tpm/recorded"
CHIP = "/sys/class/tpm/tpm0"
VARIABLES = "/sys/firmware/efi/efivars"
# Recorded of OVMF, its attributes in front.
SETUP = (
    "07000000090100002c0055006900410070007000000004071400c9bdb87cebf8344faaea3ee4af6516a1"
    "0406140021aa2c4614760345836e8ab6f46623317fff0400"
)


def variable(name, vendor=efivars.GLOBAL):
    return f"{VARIABLES}/{name}-{vendor}"


def tree(root, banks=("sha1", "sha256", "sha384"), firmware=True):
    """What a guest with an EFI and a TPM shows, as recorded."""
    pcrs = json.loads((RECORDED / "pcrs.json").read_text())
    files = {
        f"{CHIP}/pcr-{bank}/{n}": f"{value.upper()}\n"
        for bank in banks
        for n, value in pcrs[bank].items()
    }
    files |= {
        f"{CHIP}/tpm_version_major": "2\n",
        f"{CHIP}/device/driver": ("->", "../../../../bus/acpi/drivers/tpm_crb"),
        "/sys/firmware/acpi/tables/TPM2": "",
        "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
        "/proc/sys/kernel/kexec_load_disabled": "0\n",
        "/dev/tpm0": "",
        "/dev/tpmrm0": "",
        "/etc/group": "root:x:0:\ntss:x:106:joe\n",
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\ntss:x:106:106::/:/bin/false\nhal:x:9:106::/:\n",
    }
    write(root, files)
    log = root / "sys/kernel/security/tpm0/binary_bios_measurements"
    log.parent.mkdir(parents=True)
    shutil.copyfile(RECORDED / "ovmf.log", log)
    for node in ("tpm0", "tpmrm0"):
        os.chmod(root / "dev" / node, 0o660)
    if firmware:
        put(root, "SecureBoot", "0600000001")
        put(root, "SetupMode", "0600000000")
        put(root, "BootOrder", "0700000000000100")
        put(root, "Boot0000", SETUP)
        put(root, "Boot0001", option("debian", loader()))
    return root


def put(root, name, text):
    path = root / variable(name).lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes.fromhex(text))


def option(name, path):
    text = (name + "\0").encode("utf-16-le")
    head = (1).to_bytes(4, "little") + (len(path) + 4).to_bytes(2, "little")
    return ((7).to_bytes(4, "little") + head + text + path + b"\x7f\xff\4\0").hex()


def loader():
    file = "\\EFI\\debian\\shimx64.efi\0".encode("utf-16-le")
    disk = b"\4\1\x2a\0" + bytes(38)
    return disk + b"\4\4" + (len(file) + 4).to_bytes(2, "little") + file


def judged(guest, *controls, **tpm):
    pillar = {"mode": "off", "tpm": {"mode": "enforce", **tpm}}
    loaded = policy.load(pillar, families=all_families(), needed=["tpm"]).for_guest("box")
    found = {}
    facts = audit.observe(guest, loaded, ["tpm"], list(controls) or None)
    json.dumps(facts)
    facts["guest"] |= {"populated": True, "container": ""}
    for finding in audit.judge(facts, loaded, ["tpm"], list(controls) or None):
        assert str(finding.verdict) != "error", finding
        found.setdefault(finding.control, {})[finding.resource] = finding
    return found


def verdicts(findings):
    return {resource: str(f.verdict) for resource, f in findings.items()}


@pytest.fixture
def guest(tmp_path):
    return Running(tree(tmp_path))


@pytest.fixture(autouse=True)
def no_container(monkeypatch):
    """The tests' own machine may be one."""
    monkeypatch.setattr(Guest, "container", "")


def test_a_guest_as_it_should_be(guest):
    found = judged(guest)
    assert verdicts(found["tpm-present"]) == {"TPM": "compliant"}
    assert verdicts(found["tpm-pcr-banks"]) == {"bank sha256": "compliant"}
    assert set(verdicts(found["tpm-event-log"]).values()) == {"compliant"}
    assert verdicts(found["tpm-secure-boot"]) == {"Secure Boot": "compliant"}
    assert set(verdicts(found["tpm-kernel-lockdown"]).values()) == {"compliant"}
    assert set(verdicts(found["tpm-boot-order"]).values()) == {"compliant"}
    assert verdicts(found["tpm-sealed-keys"]) == {"sealed keys": "not_applicable"}
    # A regular file stands for the device: it answers nothing.
    assert verdicts(found["tpm-hierarchy-auth"]) == {"tpm-hierarchy-auth": "unknown"}
    assert verdicts(found["tpm-unique-ek"]) == {"tpm-unique-ek": "unknown"}


def test_a_guest_without_a_tpm(tmp_path):
    write(tmp_path, {"/etc/os-release": "ID=debian\n"})
    found = judged(Running(tmp_path), secure_boot="efi")
    assert verdicts(found["tpm-present"]) == {"TPM": "unknown"}
    del found["tpm-present"]
    shown = {v for findings in found.values() for v in verdicts(findings).values()}
    assert shown == {"not_applicable"}


def test_a_kernel_without_drivers(tmp_path):
    release = os.uname().release
    config = "CONFIG_TCG_TPM=y\n# CONFIG_TCG_CRB is not set\nCONFIG_TCG_TIS=m\n"
    path = f"/boot/config-{release}"
    write(tmp_path, {"/sys/firmware/acpi/tables/TPM2": "", path: config})
    (finding,) = judged(Running(tmp_path), "tpm-present")["tpm-present"].values()
    assert "built without CONFIG_TCG_CRB" in finding.comment


def test_variables_that_are_cut_short(tmp_path):
    root = tree(tmp_path)
    for name in ("SecureBoot", "BootOrder", "Boot0001"):
        put(root, name, "0700")
    found = judged(Running(root))
    assert verdicts(found["tpm-secure-boot"]) == {"Secure Boot": "drift"}
    assert verdicts(found["tpm-boot-order"]) == {"boot order": "unknown"}


def test_who_gets_at_the_device(tmp_path):
    root = tree(tmp_path)
    os.chown(root / "dev/tpm0", 106, 0)
    os.chown(root / "dev/tpmrm0", 4242, 106)
    os.chmod(root / "dev/tpm0", 0o606)
    found = judged(Running(root), "tpm-device-access")["tpm-device-access"]
    assert verdicts(found) == {"/dev/tpm0": "drift", "/dev/tpmrm0": "drift", "group tss": "drift"}
    assert found["/dev/tpmrm0"].observed == "4242:tss 0660"
    assert found["group tss"].observed == ["hal", "joe", "tss"]
    assert found["group tss"].evidence == "/etc/group:2 tss:x:106:joe"


# ---- the change of the boot order, and its undo


@pytest.fixture
def mixed(tmp_path):
    root = tree(tmp_path)
    mac = b"\3\x0b\x25\0" + bytes(33)
    put(root, "Boot0002", option("UEFI PXEv4", mac))
    put(root, "BootOrder", "07000000" + "0200" + "0000" + "0100")
    return root


def order(root):
    return efivars.order(Running(root))


def test_a_boot_order_is_cured(mixed):
    found = judged(Running(mixed), "tpm-boot-order", boot_order={"enforce": True})
    plan = apply.planned(
        list(found["tpm-boot-order"].values()),
        policy.load(
            {"tpm": {"mode": "enforce"}}, families=all_families(), needed=["tpm"]
        ).for_guest("box"),
    )
    assert [c.describe() for c in plan] == ["set BootOrder to 0000 0001"]
    assert preview(plan[0], Running(mixed)) == {"old": "0002 0000 0001", "new": "0000 0001"}
    Effects({}).do(plan[0], Guest(mixed))
    assert order(mixed) == ["0000", "0001"]
    raw = (mixed / variable("BootOrder").lstrip("/")).read_bytes()
    assert raw == bytes.fromhex("0700000000000100")
    again = judged(Running(mixed), "tpm-boot-order", boot_order={"enforce": True})
    assert set(verdicts(again["tpm-boot-order"]).values()) == {"compliant"}


@pytest.mark.parametrize("label", ["0: begun", "0: done set BootOrder to 0000 0001"])
def test_a_boot_order_comes_back_after_a_cut(mixed, label):
    home = mixed / "home"
    home.mkdir()
    change = changes.BootOrder(("0000", "0001"))

    class Cut(Exception):
        pass

    def step(here):
        if here == label:
            raise Cut

    with pytest.raises(Cut):
        entry = journal.Journal.open(str(home), "tpm", [change], step)
        entry.begin(0, change, Guest(mixed))
        Effects({}).do(change, Guest(mixed))
        entry.done(0, change, Guest(mixed))
    (row,) = journal.recover(Guest(mixed), str(home), Effects({}))
    assert row["undone"] == ["BootOrder"]
    assert order(mixed) == ["0002", "0000", "0001"]


def test_an_order_that_somebody_has_set_since_stays(mixed):
    home = mixed / "home"
    home.mkdir()
    change = changes.BootOrder(("0000", "0001"))
    entry = journal.Journal.open(str(home), "tpm", [change])
    entry.begin(0, change, Guest(mixed))
    efivars.set_order(Guest(mixed), ["0001"])
    entry.undo(Guest(mixed), Effects({}))
    assert order(mixed) == ["0001"]
    assert images.before(Guest(mixed), change)[0] == {"order": ["0001"]}


def test_no_order_comes_back_as_none(mixed):
    efivars.set_order(Guest(mixed), [])
    assert order(mixed) == []
    efivars.set_order(Guest(mixed), [])


# ---- what is sealed, by the header of an image


@pytest.fixture
def sealed(tmp_path):
    need.program("cryptsetup")
    root = tree(tmp_path)
    image = root / "srv/vault.img"
    image.parent.mkdir()
    image.write_bytes(b"")
    os.truncate(image, 4 << 20)
    write(root, {"/etc/crypttab": "vault /srv/vault.img none noauto\n"})
    command = ["cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--pbkdf", "pbkdf2"]
    command += ["--pbkdf-force-iterations", "1000", "--luks2-keyslots-size", "1m", "--offset"]
    run([*command, "4096", "--key-file", "-", image], b"key")
    return root


def run(command, text):
    done = subprocess.run(list(map(str, command)), input=text, capture_output=True)
    assert done.returncode == 0, done


def enrolled(root, **more):
    token = {"type": "systemd-tpm2", "keyslots": ["0"], "tpm2-blob": "AAAA", "tpm2-pcrs": [7]}
    token |= {"tpm2-pcr-bank": "sha256", "tpm2-policy-hash": "ab" * 32, "tpm2-pin": False}
    text = json.dumps({**token, **more}).encode()
    run(["cryptsetup", "token", "import", "--json-file", "-", root / "srv/vault.img"], text)


@pytest.mark.parametrize(
    "more, verdict",
    [
        ({}, "compliant"),
        ({"tpm2-pcrs": []}, "drift"),
        ({"tpm2-pcrs": [0, 2]}, "drift"),
        ({"tpm2-pcr-bank": "sha1"}, "drift"),
        ({"tpm2-pcrs": [], "tpm2_pubkey": "AAAA", "tpm2_pubkey_pcrs": [11]}, "compliant"),
    ],
)
def test_an_image_is_judged_by_its_header(sealed, more, verdict):
    enrolled(sealed, **more)
    found = judged(Guest(sealed), "tpm-sealed-keys")["tpm-sealed-keys"]
    assert verdicts(found) == {"binding of /srv/vault.img token 0": verdict}


def test_a_key_that_is_not_for_the_pcrs_of_now_is_known_without_trying(sealed):
    enrolled(sealed)
    enrolled(sealed, **{"tpm2-pin": True})
    found = judged(Running(sealed), "tpm-sealed-keys", unseal=False)["tpm-sealed-keys"]
    for number in (0, 1):
        finding = found[f"/srv/vault.img token {number} unseals"]
        assert (str(finding.verdict), finding.severity) == ("drift", "high")
        assert "inguest:tpm:unseal is false" in finding.comment


def test_what_has_changed_since_the_boot_is_told_where_a_key_is_bound_to_it(sealed):
    enrolled(sealed, **{"tpm2-pcrs": [4, 7, 9]})
    write(sealed, {"/boot/initrd.img-6.1.0-40-amd64": "", "/boot/grub/grub.cfg": ""})
    found = judged(Running(sealed), "tpm-sealed-keys", unseal=False)["tpm-sealed-keys"]
    finding = found["/srv/vault.img token 0 at the next boot"]
    assert finding.observed["pcrs"] == [9]
    found = judged(Running(sealed), "tpm-sealed-keys", unseal=False, forecast=False)
    assert not [r for r in found["tpm-sealed-keys"] if "next boot" in r]


LISTS = "/var/lib/apt/lists/deb.corp.example_debian_dists_bookworm"
PACKAGES = ("shim-signed", "linux-image-amd64", "vim")


def paragraphs(version, status=""):
    rows = [f"Package: {n}\n{status}Version: {version}\nArchitecture: amd64\n" for n in PACKAGES]
    return "\n".join(rows)


def test_offered_upgrades_are_told_where_a_key_is_bound_to_what_they_move(sealed):
    enrolled(sealed, **{"tpm2-pcrs": [4, 7, 11]})
    files = {
        "/etc/os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
        "/etc/apt/sources.list": "deb http://deb.corp.example/debian bookworm main\n",
        "/var/lib/dpkg/status": paragraphs("1.0", "Status: install ok installed\n"),
        f"{LISTS}_InRelease": "Origin: Debian\nSuite: oldstable\nCodename: bookworm\n",
        f"{LISTS}_main_binary-amd64_Packages": paragraphs("1.1"),
    }
    write(sealed, files)
    found = judged(Running(sealed), "tpm-sealed-keys", unseal=False)["tpm-sealed-keys"]
    finding = found["/srv/vault.img token 0 after an upgrade"]
    assert (str(finding.verdict), finding.severity) == ("drift", "low")
    # The recorded boot measured nothing into PCR 11: no unified kernel image.
    assert finding.observed == {
        "packages": ["linux-image-amd64", "shim-signed"],
        "pcrs": [4, 7],
        "certain": [4],
    }
    assert "shim-signed: 1.0 installed, 1.1 offered" in finding.evidence
