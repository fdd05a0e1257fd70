"""``systemd-cryptenroll`` against swtpm. That a token unseals is proved in a virtual machine."""

import os
import socket
import subprocess
import time

import pytest

from inguestlib.luks import header as luks_header
from inguestlib.secrets import Secret
from inguestlib.volumes import VolumeError, run, tpm2
from inguestlib.volumes.material import Key
from support import need

pytestmark = pytest.mark.functional


@pytest.fixture
def tpm(tmp_path, monkeypatch):
    """A TPM by TCP, which systemd's tools take by ``SYSTEMD_TPM2_DEVICE``."""
    need.program("swtpm", "systemd-cryptenroll", "tpm2_flushcontext")
    port = pair()
    (tmp_path / "tpm").mkdir()
    process = subprocess.Popen(
        [
            *need.DIES_WITH_US,
            *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={tmp_path / 'tpm'}"),
            *("--server", f"type=tcp,port={port}", "--ctrl", f"type=tcp,port={port + 1}"),
            *("--flags", "not-need-init,startup-clear"),
        ]
    )
    wait_for(port + 1, process)
    monkeypatch.setenv("SYSTEMD_TPM2_DEVICE", f"swtpm:host=127.0.0.1,port={port}")
    monkeypatch.setenv("TPM2TOOLS_TCTI", f"swtpm:host=127.0.0.1,port={port}")
    yield
    process.kill()
    process.wait()


def pair():
    """The lower of two free ports beside each other: the TPM's own, and its control channel's."""
    for port in range(22000 + os.getpid() % 1000 * 2, 32000, 2):
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no two free ports beside each other")


def wait_for(port, process, timeout=20):
    deadline = time.monotonic() + timeout
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)


def enrolled(images, pin=None, pcrs=(7,)):
    job = images.job()
    key = Key(images.store["sdb://store/one/data"].encode())
    want = {"pcrs": list(pcrs), "bank": "sha256", "pin": pin}
    tpm2.enrol(job.tool, str(images.image), want, key)
    for kind in "tls":  # no resource manager takes care of what a client leaves open
        subprocess.run(["tpm2_flushcontext", f"-{kind}"], capture_output=True, check=False)
    return luks_header.read(str(images.image))


def test_a_slot_is_sealed_by_a_key_that_is_never_an_argument(images, tpm):
    assert run.run(images.job())["result"] == "changed"
    header = enrolled(images, pcrs=(7, 11))
    token = header["tokens"][-1]
    assert (token["type"], token["pcrs"], token["bank"]) == ("systemd-tpm2", [7, 11], "sha256")
    assert (token["pin"], token["keyslots"]) == (False, [1])


def test_a_pin_goes_by_the_password_agent(images, tpm):
    assert run.run(images.job())["result"] == "changed"
    header = enrolled(images, Secret("inguest:crypt:volumes:data:unlock:tpm2:pin", "314159"))
    assert header["tokens"][-1]["pin"] is True


def test_the_wrong_key_seals_nothing(images, tpm):
    assert run.run(images.job())["result"] == "changed"
    before = luks_header.read(str(images.image))
    images.store["sdb://store/one/data"] = "another key"
    with pytest.raises(VolumeError, match="systemd-cryptenroll"):
        enrolled(images)
    assert luks_header.read(str(images.image))["tokens"] == before["tokens"]
