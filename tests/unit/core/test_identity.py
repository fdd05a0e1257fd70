"""What no two machines should share, read from a tree."""

import subprocess

import pytest

from inguestlib import identity
from inguestlib.guest import Guest
from support import need

pytestmark = pytest.mark.unit


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "etc/ssh").mkdir(parents=True)
    return tmp_path


def test_nothing_there(tree):
    assert identity.observe(Guest(str(tree))) == {"machine": None, "ssh": {}}


def test_host_keys_as_ssh_keygen_shows_them(tree):
    need.program("ssh-keygen")
    key = tree / "etc/ssh/ssh_host_ed25519_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True)
    (tree / "etc/ssh/ssh_host_rsa_key.pub").write_text("not a key\n")
    (tree / "etc/ssh/ssh_host_ecdsa_key.pub").mkdir()
    seen = identity.observe(Guest(str(tree)))["ssh"]
    assert seen == {"/etc/ssh/ssh_host_ed25519_key.pub": shown.stdout.split()[1]}


def test_the_machine_id_is_never_shown(tree):
    machine = "0123456789abcdef0123456789abcdef"
    (tree / "etc/machine-id").write_text(machine + "\n")
    seen = identity.observe(Guest(str(tree)))["machine"]
    assert seen.startswith("sha256:") and machine not in seen
    for text in ("uninitialized\n", "z" * 32):
        (tree / "etc/machine-id").write_text(text)
        assert identity.observe(Guest(str(tree)))["machine"] is None


def test_it_depends_on_single_files_only(tree):
    guest = Guest(str(tree))
    identity.observe(guest)
    assert set(guest.asked) == {"/etc/machine-id", *identity.SSH_HOST_KEYS}
