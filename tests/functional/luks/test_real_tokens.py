"""What clevis and systemd-cryptenroll really write, against what Tang and a TPM were told."""

import os
import subprocess

import pytest
from functional.families.tpm.running import soft_tpm
from functional.luks import images

from inguestlib.luks import header
from support import need
from support.tang import Tang


@pytest.fixture(scope="module")
def tang(tmp_path_factory):
    need.program("clevis", "luksmeta", "jose", "curl", "tang-show-keys")
    with Tang(tmp_path_factory.mktemp("tang")) as server:
        yield server


def bind(image, pin, settings, **environment):
    key = image.with_name("key")
    key.write_bytes(images.KEY)
    subprocess.run(
        ("clevis", "luks", "bind", "-f", "-y", "-k", key, "-d", image, pin, settings),
        check=True,
        capture_output=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("version", [1, 2])
def test_tang(tmp_path, tang, version):
    """In LUKS1 the binding stands in luksmeta's gap, in LUKS2 it is a token."""
    image = images.luks(tmp_path / "image", version=version)
    bind(image, "tang", f'{{"url":"{tang.url}"}}')
    found = header.read(image)
    (token,) = found["tokens"]
    assert found["usable"] and (token["type"], token["keyslots"]) == ("clevis", [1])
    (pin,) = token["pins"]
    assert (pin["pin"], pin["url"]) == ("tang", tang.url)
    shown = subprocess.run(("tang-show-keys", str(tang.port)), check=True, capture_output=True)
    assert pin["thumbprint"] == tang.thumbprint == shown.stdout.decode().strip()


def test_shares_of_tang(tmp_path, tang):
    image = images.luks(tmp_path / "image")
    one, other = f'{{"url":"{tang.url}"}}', f'{{"url":"{tang.url}/"}}'
    bind(image, "sss", f'{{"t":2,"pins":{{"tang":[{one},{other}]}}}}')
    (pin,) = header.read(image)["tokens"][0]["pins"]
    assert (pin["pin"], pin["threshold"]) == ("sss", 2)
    assert [share["url"] for share in pin["pins"]] == [tang.url, f"{tang.url}/"]
    assert {share["thumbprint"] for share in pin["pins"]} == {tang.thumbprint}


def test_a_tpm(tmp_path):
    need.program("clevis", "systemd-cryptenroll")
    image = images.luks(tmp_path / "image")
    with soft_tpm(tmp_path) as tpm:
        tcti = f"swtpm:path={tpm.path}"
        settings = '{"pcr_ids":"0,7","pcr_bank":"sha256"}'
        bind(image, "tpm2", settings, TPM2TOOLS_TCTI=tcti)
        for options in ((f"--tpm2-device={tcti}", "--tpm2-pcrs=7+11"), ("--recovery-key",)):
            subprocess.run(
                ("systemd-cryptenroll", *options, image),
                check=True,
                capture_output=True,
                env={**os.environ, "PASSWORD": images.KEY.decode()},
            )
    found = header.read(image)
    clevis, systemd, recovery = found["tokens"]
    assert clevis["pins"] == [
        {"pin": "tpm2", "pcrs": [0, 7], "bank": "sha256", "hash": "sha256", "key": "ecc"}
    ]
    assert (systemd["type"], systemd["pcrs"], systemd["bank"]) == (
        "systemd-tpm2",
        [7, 11],
        "sha256",
    )
    assert systemd["pin"] is systemd["signed"] is False
    raw = images.dump(image)["tokens"]["1"]
    assert systemd["policy_hash"] == [raw["tpm2-policy-hash"]]
    assert recovery == {"id": 2, "type": "systemd-recovery", "keyslots": [3]}
