"""Our commands against a software TPM, beside what tpm2-tools say of the same one."""

import hashlib
import os
import struct

import pytest

from inguestlib.families.tpm import hierarchy, identity, pcrs, policyhash, wire
from inguestlib.families.tpm.where import CLASS

from .running import Running, params, soft_tpm


@pytest.fixture
def soft(tmp_path):
    with soft_tpm(tmp_path) as tpm:
        yield tpm


@pytest.fixture
def guest(tmp_path, soft, monkeypatch):
    """A running guest with this TPM: the device is a socket, so the way to it is put in."""
    root = tmp_path / "root"
    (root / CLASS.lstrip("/") / "tpm0").mkdir(parents=True)
    monkeypatch.setattr(wire, "opened", lambda guest: _Open(soft))
    return Running(root)


class _Open:
    def __init__(self, soft):
        self.soft = soft

    def __enter__(self):
        return wire.Tpm(self.soft.send)

    def __exit__(self, *args):
        pass


def test_hierarchies(soft, guest):
    seen = hierarchy.observe(guest, params())
    assert seen["auth"] == {"owner": False, "endorsement": False, "lockout": False}
    assert (seen["in_lockout"], seen["failures"], seen["manufacturer"]) == (False, 0, "IBM")
    assert seen["persistent"] == []
    soft.run("tpm2_changeauth", "-c", "owner", "secret")
    soft.run("tpm2_changeauth", "-c", "lockout", "secret")
    soft.run("tpm2_createprimary", "-Q", "-C", "e", "-G", "ecc", "-c", f"{soft.path}.ctx")
    soft.run("tpm2_evictcontrol", "-Q", "-C", "o", "-P", "secret", "-c", f"{soft.path}.ctx")
    seen = hierarchy.observe(guest, params())
    assert seen["auth"] == {"owner": True, "endorsement": False, "lockout": True}
    assert [handle[:4] for handle in seen["persistent"]] == ["0x81"]


def test_the_identity_is_derived_where_nothing_is_kept(soft, guest):
    public = f"{soft.path}.pub"
    soft.run("tpm2_createek", "-Q", "-G", "ecc", "-c", f"{soft.path}.ctx", "-u", public)
    with open(public, "rb") as file:
        made = hashlib.sha256(file.read()[2:]).hexdigest()
    soft.run("tpm2_flushcontext", "-t")
    seen = identity.observe(guest, params())
    assert seen == {"digest": f"sha256:{made}", "source": "derived ECC P-256"}
    assert identity.observe(guest, params(derive_ek=False)) == {"digest": None, "source": None}


def test_the_identity_by_a_key_that_is_kept(soft, guest):
    public = f"{soft.path}.pub"
    soft.run("tpm2_createek", "-Q", "-G", "rsa", "-c", "0x81010001", "-u", public)
    with open(public, "rb") as file:
        made = hashlib.sha256(file.read()[2:]).hexdigest()
    seen = identity.observe(guest, params(derive_ek=False))
    assert seen == {"digest": f"sha256:{made}", "source": "key 0x81010001"}


@pytest.mark.parametrize("index, name", [("0x1c00002", "RSA 2048"), ("0x1c0000a", "ECC P-256")])
def test_the_identity_by_a_certificate(soft, guest, index, name):
    content = os.urandom(1200)
    attributes = "ownerread|authread|ppread|ownerwrite"
    soft.run("tpm2_nvdefine", "-Q", index, "-s", str(len(content)), "-a", attributes)
    soft.run("tpm2_nvwrite", index, "-C", "o", "-i", "-", text=content)
    seen = identity.observe(guest, params())
    assert seen["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
    assert seen["source"] == f"certificate {index} ({name})"


def test_pcrs_come_from_the_tpm(soft, guest):
    soft.run("tpm2_pcrextend", "7:sha256=" + "ab" * 32)
    seen = pcrs.observe(guest, params())
    assert seen["from"] == wire.DEVICE and "sha384" in seen["banks"]
    values = seen["banks"]["sha256"]
    assert len(values) == 24 and values["17"] == "ff" * 32
    extended = hashlib.sha256(bytes(32) + bytes.fromhex("ab" * 32)).hexdigest()
    assert values["7"] == extended and values["8"] == "00" * 32


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384"])
def test_the_digest_of_a_policy_is_that_of_the_tpm(soft, guest, bank):
    soft.run("tpm2_pcrextend", "7:sha256=" + "ab" * 32)
    out = f"{soft.path}.policy"
    soft.run("tpm2_createpolicy", "-Q", "--policy-pcr", "-l", f"{bank}:4,7,23", "-L", out)
    with open(out, "rb") as file:
        real = file.read().hex()
    values = pcrs.observe(guest, params())["banks"][bank]
    mine = {n: values[n] for n in ("4", "7", "23")}
    assert policyhash.digest(mine, bank) == real
    soft.run("tpm2_startauthsession", "-S", f"{soft.path}.session")
    soft.run("tpm2_policypcr", "-Q", "-S", f"{soft.path}.session", "-l", f"{bank}:4,7,23")
    soft.run("tpm2_policyauthvalue", "-Q", "-S", f"{soft.path}.session", "-L", out)
    with open(out, "rb") as file:
        assert policyhash.digest(mine, bank, pin=True) == file.read().hex()


def test_errors_are_words_of_the_tpm(soft):
    tpm = wire.Tpm(soft.send)
    assert tpm.nv(0x1C00002) is None and tpm.public(0x81010001) is None
    soft.run("tpm2_changeauth", "-c", "endorsement", "secret")
    with pytest.raises(wire.TpmError, match="endorsement key: the TPM says 0x"):
        tpm.endorsement_key()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x80\x01",
        struct.pack(">HII", 0x8001, 10, 0x101),
        struct.pack(">HII", 0x8001, 99, 0),
        struct.pack(">HII", 0x8001, 10, 0),
        struct.pack(">HIIBII", 0x8001, 19, 0, 0, 6, 0xFFFFFFFF),
        struct.pack(">HIIBII", 0x8001, 19, 0, 0, 1, 0),
        struct.pack(">HII", 0x8001, 10, 0x922),
        struct.pack(">HIIIIHB", 0x8001, 21, 0, 0, 1, 0x0B, 255),
    ],
)
def test_a_tpm_that_answers_nonsense_is_an_error_in_words(answer):
    tpm = wire.Tpm(lambda command: answer)
    for ask in (
        lambda: tpm.properties(0x200, 8),
        lambda: tpm.pcrs("sha256", range(24)),
        tpm.endorsement_key,
        lambda: tpm.nv(0x1C00002),
    ):
        with pytest.raises(wire.TpmError):
            ask()


def test_without_a_device_it_is_an_error_that_names_it(tmp_path):
    (tmp_path / "dev").mkdir()
    with pytest.raises(OSError, match="/dev/tpmrm0"), wire.opened(Running(tmp_path)):
        pass
