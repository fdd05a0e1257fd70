"""``salt-run inguest.clones`` with a real master and two real minions, whose volumes are images."""

import json
import shutil
import subprocess

import pytest

from support import need

pytestmark = pytest.mark.integration


@pytest.fixture
def volumes(fleet):
    """Both guests name an image in their crypttab; the second one's is a copy of the first's."""
    need.program("cryptsetup")
    guests = (fleet.web1, fleet.web2)
    for number, guest in enumerate(guests):
        guest.write("etc/machine-id", f"{number:032x}\n")
        guest.write("etc/crypttab", "data /srv/data.img none luks\n")
        (guest.root / "srv").mkdir(exist_ok=True)
    made = fleet.web1.root / "srv/data.img"
    encrypt(made)
    shutil.copyfile(made, fleet.web2.root / "srv/data.img")
    yield guests
    for guest in guests:
        (guest.root / "etc/crypttab").unlink()


def encrypt(image):
    with open(image, "wb") as file:
        file.truncate(20 << 20)
    cheap = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", "-")
    subprocess.run(["cryptsetup", "luksFormat", "-q", *cheap, image], input=b"a key", check=True)


def test_copies_are_named_until_one_is_another(fleet, volumes):
    done = fleet.run("inguest.clones", "*", "--out=json")
    data = json.loads(done.stdout)
    assert done.returncode == data["retcode"] == 2, data
    assert data["hosts"] == ["web1", "web2"] and data["trouble"] == {}
    assert {group["kind"]: group["hosts"] for group in data["shared"]} == {
        "luks-volume-key": {"web1": ["/srv/data.img"], "web2": ["/srv/data.img"]},
        "luks-uuid": {"web1": ["/srv/data.img"], "web2": ["/srv/data.img"]},
    }

    table = fleet.run("inguest.clones", "*")
    assert table.returncode == 2
    assert "LUKS volume key" in table.stdout and "web2 /srv/data.img" in table.stdout
    assert table.stdout.rstrip().endswith("2 hosts compared: 2 shared")

    encrypt(fleet.web2.root / "srv/data.img")
    done = fleet.run("inguest.clones", "*")
    assert (done.returncode, done.stdout.strip()) == (0, "2 hosts compared: nothing shared")


def test_a_host_that_does_not_answer(fleet):
    done = fleet.run("inguest.clones", "nobody*")
    assert done.returncode == 3
