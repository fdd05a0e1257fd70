"""Keys that clevis and systemd really seal to a software TPM, and whether they unseal.

systemd's own unsealing needs the kernel's device: ``tests/guest/test_tpm.py``.
"""

import json
import os
import subprocess

import pytest

from inguestlib.families.tpm import policyhash, sealed, unseal, wire
from inguestlib.guest import Guest
from inguestlib.luks import header
from support import need

from .running import soft_tpm

PASSPHRASE = "long enough for a test"


@pytest.fixture
def soft(tmp_path, monkeypatch):
    need.program("cryptsetup", "clevis-luks-bind", "clevis-encrypt-tpm2")
    with soft_tpm(tmp_path) as tpm:
        monkeypatch.setenv("TPM2TOOLS_TCTI", f"swtpm:path={tpm.path}")
        yield tpm


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "vault.img"
    path.write_bytes(b"")
    os.truncate(path, 4 << 20)
    command = ["cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--pbkdf", "pbkdf2"]
    command += ["--pbkdf-force-iterations", "1000", "--luks2-keyslots-size", "1m", "--offset"]
    run(*command, "4096", "--key-file", "-", path)
    return path


def run(*command, **env):
    done = subprocess.run(
        list(map(str, command)),
        input=PASSPHRASE.encode(),
        capture_output=True,
        env={**os.environ, **env},
    )
    assert done.returncode == 0, done


def bind(image, **pins):
    run("clevis", "luks", "bind", "-y", "-k", "-", "-d", image, "tpm2", json.dumps(pins))


def tokens(image):
    found = header.read(str(image))
    return [
        {"device": str(image), **known}
        for known in map(sealed._token, found["tokens"])
        if known is not None
    ]


def test_clevis_unseals_until_a_pcr_is_extended(soft, image):
    bind(image, pcr_bank="sha256", pcr_ids="7,23")
    bind(image)
    bound, free = tokens(image)
    assert bound["bound"] == [{"pcrs": [7, 23], "bank": "sha256"}]
    assert free["bound"] == [{"pcrs": [], "bank": None}]
    for token in (bound, free):
        said = unseal.attempt(Guest(), token)
        assert said["result"] == "opens" and "exit status 0" in said["evidence"], said
    soft.run("tpm2_pcrextend", "23:sha256=" + "ab" * 32)
    said = unseal.attempt(Guest(), bound)
    assert said["result"] == "fails" and "clevis luks pass" in said["evidence"]
    assert unseal.attempt(Guest(), free)["result"] == "opens"


def test_a_passphrase_that_opens_no_slot_is_no_success(soft, image):
    """What clevis unseals has to open the key slot that it belongs to."""
    bind(image)
    (token,) = tokens(image)
    slot = token["keyslots"][0]
    run("cryptsetup", "luksKillSlot", "--batch-mode", "--key-file", "-", image, slot)
    other = image.with_name("other")
    other.write_text("another passphrase")
    command = ("cryptsetup", "luksAddKey", "--batch-mode", "--key-file", "-", "--key-slot", slot)
    run(*command, "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", image, other)
    assert unseal.attempt(Guest(), {**token, "keyslots": [slot]})["result"] == "fails"


def test_what_is_not_tried(soft, image):
    bind(image)
    (token,) = tokens(image)
    for more, why in (
        ({"pin": True}, "PIN"),
        ({"keyslots": []}, "no key slot"),
        ({"others": ["tang"]}, "tang"),
        ({"type": "systemd-unheard-of"}, "not installed"),
    ):
        said = unseal.attempt(Guest(), {**token, **more})
        assert said["result"] == "not tried" and why in said["why"]


@pytest.mark.parametrize("pin", [False, True])
def test_the_policy_of_systemd_is_what_we_compute(soft, image, pin):
    need.program("systemd-cryptenroll")
    soft.run("tpm2_pcrextend", "7:sha256=" + "ab" * 32)
    device = f"--tpm2-device=swtpm:path={soft.path}"
    more = ["--tpm2-with-pin=yes"] if pin else []
    secret = {"PASSWORD": PASSPHRASE, "NEWPIN": "1234"}
    run("systemd-cryptenroll", device, "--tpm2-pcrs=4+7+23", *more, image, **secret)
    (token,) = tokens(image)
    assert token["pin"] is pin and token["bound"] == [{"pcrs": [4, 7, 23], "bank": "sha256"}]
    (policy,) = token["policy_hash"]

    def match():
        values = wire.Tpm(soft.send).pcrs("sha256", range(24))
        now = {str(n): value for n, value in values.items()}
        return policyhash.match(policy, "sha256", [4, 7, 23], now, {}, pin)

    assert match() == (True, [])
    soft.run("tpm2_pcrextend", "23:sha256=" + "cd" * 32)
    assert match() == (False, [23])
    soft.run("tpm2_pcrextend", "7:sha256=" + "cd" * 32)
    assert match() == (False, None)
