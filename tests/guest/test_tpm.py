"""A virtual TPM at work: its boot's real log, keys that unseal and then don't, and the firmware.

One machine with an EFI and swtpm; ``tests/README.md`` says how. The image that keys are sealed in
is a file of the guest: what unseals them never needs a mapping. What clevis seals is tried without
a machine: ``tests/functional/families/tpm/test_unseal.py``.
"""

import json
import struct

import pytest

from support.qemu import crypt

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(1800)]

AUDIT = """
import json, sys
sys.path[:0] = ["/srv/inguest/_utils"]
from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
pillar = {"mode": "off", "tpm": {"mode": "audit", **json.load(sys.stdin)}}
loaded = policy.load(pillar, families=all_families(), needed=["tpm"])
print(json.dumps(audit.audit(Guest(), loaded, ["tpm"])["findings"]))
"""
APPLY = """
import json, sys
sys.path[:0] = ["/srv/inguest/_utils"]
import salt.config, salt.loader
from inguestlib import apply, policy
from inguestlib.effects import Effects
from inguestlib.families import all_families
opts = salt.config.minion_config(None)
opts.update(file_client="local", cachedir="/tmp/salt", extension_modules="/tmp/salt/ext")
opts["grains"] = {"kernel": "Linux", "os": "Debian", "os_family": "Debian", "init": "systemd"}
pillar = {"mode": "off", "tpm": {"mode": "enforce", **json.load(sys.stdin)}}
loaded = policy.load(pillar, families=all_families(), needed=["tpm"])
effects = Effects(salt.loader.minion_mods(opts))
controls = ["tpm-boot-order", "tpm-device-access"]
print("\\n" + json.dumps(apply.apply("/", loaded, effects, ["tpm"], controls, name="guest")))
"""
PASSPHRASE = "long enough for a test"
FORMAT = f"""
set -e
export PASSWORD='{PASSPHRASE}' NEWPIN=1234
truncate -s 20M /root/vault.img
printf %s "$PASSWORD" | cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 \
    --pbkdf-force-iterations 1000 --key-file - /root/vault.img
echo "vault /root/vault.img none noauto" >>/etc/crypttab
"""
SEAL = (
    FORMAT
    + """
systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7+9+23 /root/vault.img
systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7 --tpm2-with-pin=yes /root/vault.img
mkdir -p /etc/credstore.encrypted
printf secret | systemd-creds encrypt --with-key=tpm2 --tpm2-pcrs=7 --name=db - \
    /etc/credstore.encrypted/db
printf secret | systemd-creds encrypt --with-key=tpm2-absent --name=bad - \
    /etc/credstore.encrypted/bad
"""
)
EFIVARS = "/sys/firmware/efi/efivars/{}-8be4df61-93ca-11d2-aa0d-00e098032b8c"
END = b"\x7f\xff\x04\0"
MAC = struct.pack("<BBH", 3, 11, 37) + bytes(33)
DISK = struct.pack("<BBH", 4, 1, 42) + bytes(38)
LOADER = "\\EFI\\debian\\shimx64.efi\0".encode("utf-16-le")


class Box:
    """The guest, its core, and what an audit of it finds."""

    def __init__(self, machine):
        self.machine = machine
        self.core = crypt.Volumes(machine)

    def sh(self, script, timeout=300):
        answer = self.machine.run("bash", "-c", script, timeout=timeout)
        assert answer.rc == 0, answer
        return answer.out

    def python(self, script, **tpm):
        answer = self.machine.run(
            "/opt/salt/bin/python", "-c", script, text=json.dumps(tpm), timeout=600
        )
        assert answer.rc == 0, answer.err
        return json.loads(answer.out.splitlines()[-1])

    def audit(self, **tpm):
        """``{control: {resource: finding}}``."""
        found = {}
        for finding in self.python(AUDIT, **tpm):
            assert finding["verdict"] != "error", finding
            found.setdefault(finding["control"], {})[finding["resource"]] = finding
        return found

    def variable(self, name, value):
        path = EFIVARS.format(name)
        data = (struct.pack("<I", 7) + value).hex()
        self.sh(f'python3 -c \'open("{path}", "wb", 0).write(bytes.fromhex("{data}"))\'')


def load_option(name, path):
    text = (name + "\0").encode("utf-16-le")
    return struct.pack("<IH", 1, len(path)) + text + path


def verdicts(findings):
    return {resource: finding["verdict"] for resource, finding in findings.items()}


@pytest.fixture
def box(guest_machine):
    return Box(guest_machine("bookworm", firmware="uefi", tpm=True))


def test_a_virtual_tpm(box):
    fresh = box.audit(expected=True)
    the_tpm_is_found(box, fresh)
    the_log_makes_the_pcrs(fresh)
    the_firmware_is_seen(fresh)
    only_what_is_sealed_can_fail(fresh)

    box.sh(SEAL, timeout=600)
    sealed = box.audit()["tpm-sealed-keys"]
    all_unseals_now(sealed)
    box.sh("touch /boot/initrd.img-9.9")
    box.sh("tpm2_pcrextend 23:sha256=" + "ab" * 32)
    no_longer_after_a_change_of_pcr_23(box.audit())
    box.sh("tpm2_pcrreset 23; rm /boot/initrd.img-9.9")
    assert verdicts(box.audit()["tpm-sealed-keys"]) == verdicts(sealed)
    box.sh("tpm2_pcrextend 7:sha256=" + "ab" * 32)
    no_longer_after_a_change_of_pcr_7(box.audit())

    a_boot_order_and_device_modes_are_cured(box)


def the_tpm_is_found(box, found):
    assert verdicts(found["tpm-present"]) == {"TPM": "compliant"}
    assert found["tpm-present"]["TPM"]["observed"]["driver"] == "tpm_crb"
    assert verdicts(found["tpm-pcr-banks"]) == {"bank sha256": "compliant"}
    access = found["tpm-device-access"]
    assert set(verdicts(access).values()) == {"compliant"}, access
    assert verdicts(found["tpm-hierarchy-auth"]) == {"lockout": "compliant"}
    (identity,) = found["tpm-unique-ek"].values()
    made = "tpm2_createek -Q -c /tmp/ek.ctx -G ecc -u /tmp/ek.pub && tail -c +3 /tmp/ek.pub"
    digest = box.sh(f"{made} | sha256sum").split()[0]
    assert identity["observed"] == f"sha256:{digest}"
    assert "derived" in identity["evidence"]


def the_log_makes_the_pcrs(found):
    log = found["tpm-event-log"]
    banks = ("sha1", "sha256", "sha384", "sha512")
    assert verdicts(log) == {f"event log, bank {bank}": "compliant" for bank in banks}
    assert "PCR 0 to 9" in log["event log, bank sha256"]["evidence"]


def the_firmware_is_seen(found):
    assert verdicts(found["tpm-secure-boot"]) == {"Secure Boot": "drift"}
    assert found["tpm-secure-boot"]["Secure Boot"]["observed"] == {"SecureBoot": 0, "SetupMode": 1}
    assert verdicts(found["tpm-kernel-lockdown"]) == {"lockdown": "not_applicable"}


def only_what_is_sealed_can_fail(found):
    assert verdicts(found["tpm-sealed-keys"]) == {"sealed keys": "not_applicable"}


def all_unseals_now(sealed):
    assert verdicts(sealed) == {
        "binding of /root/vault.img token 0": "compliant",
        "binding of /root/vault.img token 1": "compliant",
        "/root/vault.img token 0 unseals": "compliant",
        "/root/vault.img token 1 unseals": "compliant",
        "/etc/credstore.encrypted/db": "compliant",
        "/etc/credstore.encrypted/bad": "drift",
    }
    opened = sealed["/root/vault.img token 0 unseals"]
    assert opened["evidence"].endswith("exit status 0")
    by_pin = sealed["/root/vault.img token 1 unseals"]
    assert by_pin["observed"] == "PCRs match" and "PIN" in by_pin["comment"]
    assert PASSPHRASE not in json.dumps(sealed)


def no_longer_after_a_change_of_pcr_23(found):
    sealed = found["tpm-sealed-keys"]
    vault = sealed["/root/vault.img token 0 unseals"]
    assert (vault["verdict"], vault["severity"]) == ("drift", "high")
    assert vault["observed"] == {"result": "does not open", "changed": [23]}
    assert "PCR 23 was changed since the boot" in vault["comment"]
    assert sealed["/root/vault.img token 1 unseals"]["verdict"] == "compliant"
    coming = sealed["/root/vault.img token 0 at the next boot"]
    assert coming["observed"] == {"files": ["/boot/initrd.img-9.9"], "pcrs": [9]}
    assert set(verdicts(found["tpm-event-log"]).values()) == {"compliant"}


def no_longer_after_a_change_of_pcr_7(found):
    sealed = found["tpm-sealed-keys"]
    assert sealed["/root/vault.img token 0 unseals"]["observed"]["changed"] == [7]
    by_pin = sealed["/root/vault.img token 1 unseals"]
    assert by_pin["verdict"] == "drift" and by_pin["observed"]["changed"] == [7]
    log = found["tpm-event-log"]["event log, bank sha256"]
    assert log["verdict"] == "drift" and set(log["observed"]) == {"PCR 7"}
    assert found["tpm-event-log"]["event log, bank sha384"]["verdict"] == "compliant"


def a_boot_order_and_device_modes_are_cured(box):
    box.variable("Boot0010", load_option("UEFI PXEv4 (MAC:000000000000)", MAC + END))
    file = struct.pack("<BBH", 4, 4, 4 + len(LOADER)) + LOADER
    box.variable("Boot0011", load_option("debian", DISK + file + END))
    box.variable("BootOrder", struct.pack("<3H", 0x10, 0, 0x11))
    box.sh("chmod 0666 /dev/tpm0; chown root:adm /dev/tpmrm0")
    found = box.audit()
    assert verdicts(found["tpm-boot-order"]) == {
        "first entry": "drift",
        "Boot0010": "drift",
        "Boot0000": "compliant",
        "Boot0011": "compliant",
    }
    access = found["tpm-device-access"]
    assert access["/dev/tpm0"]["observed"] == "tss:root 0666"
    assert access["/dev/tpmrm0"]["observed"] == "root:adm 0660"

    out = box.python(APPLY, boot_order={"enforce": True})
    assert out["families"]["tpm"]["result"] == "applied", out["families"]
    left = {f["resource"]: f["verdict"] for f in out["findings"]}
    assert set(left.values()) == {"compliant"}, left
    shown = out["families"]["tpm"]["changes"]["BootOrder"]
    assert shown == {"old": "0010 0000 0011", "new": "0000 0011"}
    order = EFIVARS.format("BootOrder")
    said = box.sh(f"od -An -tx1 {order}; stat -c '%n %U:%G %a' /dev/tpm0 /dev/tpmrm0")
    assert " 07 00 00 00 00 00 11 00\n" in said
    assert "/dev/tpm0 tss:root 660" in said and "/dev/tpmrm0 root:root 660" in said
