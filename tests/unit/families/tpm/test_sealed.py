"""What is sealed: what it is bound to, whether it opens, what will move it."""

import base64
import hashlib
import struct

import pytest

from inguestlib.families.tpm import credentials, forecast, policyhash
from inguestlib.families.tpm.sealed import sealed_keys

from .judged import NONE, judge, only, verdicts

NOW = {str(n): f"{n + 1:064x}" for n in range(24)}
BOUND = {"pcrs": [7], "bank": "sha256"}
OPENS = {"result": "opens", "why": "", "evidence": "cryptsetup open …: exit status 0"}
FAILS = {"result": "fails", "why": "", "evidence": "cryptsetup open …: exit status 1"}
PIN = {"result": "not tried", "why": "it asks for a PIN, which nobody tries", "evidence": ""}
NAME = "/dev/sda3 token 0"


def token(*bound, **more):
    known = {"device": "/dev/sda3", "uuid": "u", "id": 0, "type": "systemd-tpm2", "keyslots": [1]}
    known |= {"pin": False, "signed": False, "pcrlock": False, "policy_hash": [], "others": []}
    return {**known, "bound": list(bound or (BOUND,)), **more}


def sections(*tokens, tried=OPENS, now=NOW, log=NOW, measured=None, coming=None, **more):
    sealed = {"tokens": list(tokens), "credentials": {}, "unread": {}, "headers": 1, **more}
    return {
        "sealed": sealed,
        "unseal": {f"{t['device']} token {t['id']}": tried for t in tokens},
        "pcrs": {"banks": {"sha256": now}, "from": "/sys/…", "firmware": "efi"},
        "event_log": {"banks": {"sha256": log}, "measured": measured or {}},
        "forecast": coming,
    }


# ---- what it is bound to


@pytest.mark.parametrize(
    "one, params, weak",
    [
        (token(), {}, ""),
        (token({"pcrs": [0, 7, 14], "bank": "sha384"}), {}, ""),
        (token({"pcrs": [], "bank": "sha256"}), {}, "no PCR"),
        (token({"pcrs": [], "bank": None}, type="clevis"), {}, "no PCR"),
        (token({"pcrs": [7], "bank": "sha1"}), {}, "bank sha1"),
        (token({"pcrs": [7], "bank": None}), {}, "bank None"),
        (token({"pcrs": [0, 4], "bank": "sha256"}), {}, "not bound to PCR 7"),
        (token({"pcrs": [], "bank": "sha256"}, signed=True), {}, ""),
        (token({"pcrs": [], "bank": "sha256"}, pcrlock=True), {}, ""),
        (token(), {"pcrs": [7, 11]}, "not bound to PCR 11"),
        (token(), {"bank": "sha384"}, "bank sha256"),
        (token(BOUND, {"pcrs": [], "bank": None}, type="clevis"), {}, "no PCR"),
    ],
)
def test_the_binding(one, params, weak):
    found = judge(sealed_keys, sections(one), sealed=params)
    finding = found[f"binding of {NAME}"]
    assert str(finding.verdict) == ("drift" if weak else "compliant")
    assert weak in finding.comment and not finding.changes


def test_nothing_is_sealed_and_what_could_not_be_read():
    assert str(only(judge(sealed_keys, sections())).verdict) == "not_applicable"
    found = judge(sealed_keys, sections(unread={"/dev/sda3": "Permission denied"}))
    assert verdicts(found) == {"/dev/sda3": "unknown"}
    found = judge(sealed_keys, sections(token()), {"container": "docker"})
    assert verdicts(found) == {"sealed keys": "not_applicable"}


def test_offline_the_binding_alone_is_judged():
    found = judge(sealed_keys, sections(token()), {"live": False})
    assert list(found) == [f"binding of {NAME}"]


# ---- whether it opens


def now(one, **more):
    return judge(sealed_keys, sections(one, **more))[f"{NAME} unseals"]


def test_it_opens():
    assert str(now(token()).verdict) == "compliant"


def sealed_to(values, pcrs=(7,), pin=False):
    chosen = {n: values[str(n)] for n in pcrs}
    bound = {"pcrs": list(pcrs), "bank": "sha256"}
    return token(bound, policy_hash=[policyhash.digest(chosen, "sha256", pin)], pin=pin)


def test_a_pcr_that_was_changed_since_the_boot():
    extended = {**NOW, "7": "ab" * 32}
    finding = now(sealed_to(NOW, (4, 7)), tried=FAILS, now=extended)
    assert (str(finding.verdict), finding.severity) == ("drift", "high")
    assert finding.observed == {"result": "does not open", "changed": [7]}
    assert "PCR 7 was changed since the boot" in finding.comment


def test_several_pcrs_one_of_which_was_reset_before():
    before = {**NOW, "23": "0" * 64}
    finding = now(sealed_to(before, (4, 7, 23)), tried=FAILS, now={**NOW, "4": "cd" * 32})
    assert finding.observed["changed"] == [4, 23]


def test_a_change_that_came_with_the_boot():
    other = {**NOW, "7": "cd" * 32}
    finding = now(sealed_to(other), tried=FAILS)
    assert finding.observed["changed"] is None and "another value" in finding.comment


def test_another_tpm():
    finding = now(sealed_to(NOW), tried=FAILS)
    assert "another TPM" in finding.comment and finding.observed["changed"] == []


def test_one_that_nobody_could_compute():
    finding = now(token(signed=True), tried=FAILS)
    assert finding.observed["changed"] is None and "the TPM refuses it" in finding.comment


def test_a_pin_is_not_tried_and_its_pcrs_are_known_all_the_same():
    finding = now(sealed_to(NOW, pin=True), tried=PIN)
    assert str(finding.verdict) == "compliant" and finding.observed == "PCRs match"
    finding = now(sealed_to(NOW, pin=True), tried=PIN, now={**NOW, "7": "ab" * 32})
    assert str(finding.verdict) == "drift" and finding.severity == "high"
    assert finding.observed == {"result": "would not open", "changed": [7]}
    assert str(now(token(pin=True), tried=PIN).verdict) == "unknown"


def test_without_a_tpm_nothing_opens():
    found = judge(sealed_keys, {**sections(token()), "device": NONE})
    finding = found[f"{NAME} unseals"]
    assert (str(finding.verdict), finding.severity) == ("drift", "high")


def test_the_digest_of_a_policy_is_the_tpms():
    """By part 3 of the library, step by step; tests/guest/test_tpm.py asks real ones."""
    pcrs = hashlib.sha256(bytes(32)).digest()
    selection = bytes.fromhex("00000001000b03800000")
    by_hand = hashlib.sha256(bytes(32) + b"\0\0\x01\x7f" + selection + pcrs).hexdigest()
    assert policyhash.digest({"7": "0" * 64}, "sha256") == by_hand
    assert policyhash.digest({7: "0" * 64}, "sha256", pin=True) != by_hand


def test_one_of_two_dozen_pcrs_is_found_at_once():
    before = {**NOW, "0": "0" * 64}
    one = policyhash.digest(before, "sha256")
    log = dict.fromkeys(NOW, "ee" * 32)
    assert policyhash.match(one, "sha256", list(range(24)), NOW, log) == (False, [0])
    assert policyhash.match("00", "sha256", list(range(24)), NOW, log) == (False, None)


def test_policies_that_cannot_be_known():
    assert policyhash.match("00", "sha256", [], NOW, NOW) == (None, None)
    assert policyhash.match("00", "md5", [7], NOW, NOW) == (None, None)
    assert policyhash.match("00", "sha256", [7], {}, NOW) == (None, None)
    assert policyhash.match("00", "sha256", [99], NOW, NOW) == (None, None)


# ---- what is coming


def coming(offered=(), changed=None):
    versions = {"installed": "1", "offered": "2"}
    return {"offered": dict.fromkeys(offered, versions), "changed": changed or {}, "error": ""}


def later(one, what, measured=None):
    found = judge(sealed_keys, sections(one, coming=what, measured=measured))
    return {r: f for r, f in found.items() if "next boot" in r or "upgrade" in r}


BOOT = token({"pcrs": [4, 7, 9], "bank": "sha256"})


def test_nothing_is_coming():
    assert later(BOOT, coming()) == {} and later(BOOT, None) == {}
    assert later(BOOT, coming(["nginx", "vim"])) == {}


def test_an_upgrade_that_will_move_a_bound_pcr():
    (finding,) = later(BOOT, coming(["linux-image-amd64", "shim-signed"])).values()
    assert (str(finding.verdict), finding.severity) == ("drift", "low")
    assert finding.observed["pcrs"] == [4, 7, 9] and finding.observed["certain"] == [4, 9]
    assert "shim-signed: 1 installed, 2 offered" in finding.evidence
    assert "will move PCR 4, 9" in finding.comment


def test_what_is_not_measured_at_all_moves_nothing():
    measured = {"0": 3, "7": 5}
    assert (
        later(token({"pcrs": [4, 7], "bank": "sha256"}), coming(["linux-image-amd64"]), measured)
        == {}
    )


def test_one_that_only_may():
    (finding,) = later(token(), coming(["fwupd"])).values()
    assert finding.observed["certain"] == [] and "may move PCR 7" in finding.comment


def test_a_key_that_is_bound_to_nothing_is_moved_by_nothing():
    assert later(token({"pcrs": [], "bank": None}), coming(["shim-signed"])) == {}


def test_boot_files_that_have_changed():
    files = {"/boot/initrd.img-6.1.0-40-amd64": [9], "/boot/grub/grub.cfg": [8, 9]}
    (finding,) = later(BOOT, coming(changed=files)).values()
    assert finding.observed == {"files": sorted(files), "pcrs": [9]}
    assert "next boot" in finding.resource
    assert later(token(), coming(changed=files)) == {}


def test_the_table_is_for_packages_that_boot_something():
    for name, pcrs in {
        "shim-signed": {4, 7, 14},
        "grub-efi-amd64-signed": {4, 8, 9},
        "grub2-efi-x64": {4, 8, 9},
        "systemd-boot": {4},
        "linux-image-6.1.0-40-amd64": {4, 8, 9, 11},
        "kernel-core": {4, 8, 9, 11},
        "kernel-default": {4, 8, 9, 11},
        "linux-esx": {4, 8, 9, 11},
        "dracut": {9, 11},
        "intel-microcode": {9, 11},
        "ucode-amd": {9, 11},
        "secureboot-db": {7},
        "fwupd": {7},
        "nginx": set(),
        "kernel-headers": set(),
        "linux-libc-dev": set(),
    }.items():
        assert {n for m in forecast.movers(name) for n in m.pcrs} == pcrs, name
    assert all(m.why and m.pcrs for m in forecast.MOVERS)


# ---- credentials of systemd


def credential(id_, mask=0x80, bank=0x0B, iv=12):
    head = bytes.fromhex(id_) + struct.pack("<IIII", 32, 1, iv, 16) + bytes(iv + -iv % 8)
    head += struct.pack("<QHHII", mask, bank, 0x23, 8, 32) + bytes(40)
    return base64.encodebytes(head)


TPM2 = "0c7cc07b117645919c4b0bea08bc20fe"
HOST = "5a1c6a86df9d4096b1d5a65e0862f19a"
NULL = "058469daf6f54324800549da0f8ea2fb"
SIGNED = "faf7eb9341e3412ca1a436f95a29362f"


@pytest.mark.parametrize(
    "text, verdict, said",
    [
        (credential(TPM2), "compliant", ""),
        (credential(TPM2, mask=0), "drift", "no PCR"),
        (credential(TPM2, bank=4), "drift", "bank sha1"),
        (credential(TPM2, mask=0x800), "drift", "PCR 7"),
        (credential(SIGNED, mask=0), "compliant", ""),
        (credential("93a894094874449090caf2fc93cab553"), "compliant", ""),
        (credential(HOST), "compliant", "not sealed"),
        (credential(NULL), "drift", "no key at all"),
        (credential("00" * 16), "unknown", "nobody here knows"),
        (credential(TPM2, iv=4096), "unknown", "nobody here knows"),
        (credential(TPM2)[:40], "unknown", "nobody here knows"),
        (b"not base64 \xff", "unknown", "nobody here knows"),
        (b"", "unknown", "nobody here knows"),
    ],
)
def test_credentials(text, verdict, said):
    path = "/etc/credstore.encrypted/db"
    found = judge(sealed_keys, sections(credentials={path: credentials.parse(text)}))
    assert verdicts(found) == {path: verdict} and said in found[path].comment
