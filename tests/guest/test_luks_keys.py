"""What opens a volume at a boot, in a virtual machine: its TPM, a Tang server, a key from a store.

Each disk is unlocked in its own way. The Tang server and the store are on the host's side of the
wire, so nothing opens before the network is there.
"""

import http.server
import threading

import pytest

from support.qemu import crypt
from support.qemu.hardware import Disk
from support.tang import Tang

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(3600)]

ESCROW = "sdb://store/{minion}/{volume}"
NETWORK_KEY = "correct horse battery staple"
MINION = """\
file_client: local
module_dirs: [/srv/inguest/_modules]
utils_dirs: [/srv/inguest/_utils]
sdb_dirs: [/srv/inguest/_sdb]
pillar_roots: {base: [/srv/pillar]}
id: guest
store: {driver: store}
net: {driver: net, url: "%s"}
"""
# What the driver of the guest's core keeps too: one store for both.
STORE_DRIVER = """\
import json

def get(key, profile=None):
    with open("/root/store.json") as file:
        return json.load(file).get("sdb://store/" + key)
"""
NET_DRIVER = """\
import urllib.request

def get(key, profile=None):
    with urllib.request.urlopen(profile["url"] + "/" + key, timeout=10) as answer:
        return answer.read().decode()
"""
PILLAR = """\
inguest:
  mode: "off"
  crypt:
    mode: enforce
    volumes:
      net:
        device: %s
        mount: /srv/net
        unlock: {by: [key], key: "sdb://net/net"}
        recovery: {escrow: "sdb://store/{minion}/{volume}"}
        luks: {pbkdf: pbkdf2, iterations: 1000}
"""


SALT_CALL = """\
#!/opt/salt/bin/python
import sys
from salt.scripts import salt_call
sys.argv[0] = "salt-call"
salt_call()
"""


class Store:
    """Keys by HTTP, on the host's side of the wire; it counts who asked."""

    def __init__(self, address):
        self.asked = []
        store = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                store.asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(NETWORK_KEY.encode())

            def log_message(self, *_words):
                pass

        self._server = http.server.ThreadingHTTPServer((address, 0), Answer)
        self.url = f"http://{address}:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()


class Box:
    """The guest and its three volumes."""

    def __init__(self, machine, tang, store):
        self.machine = machine
        self.core = crypt.Volumes(machine)
        self.declared = {
            "data": self._declared("DATA-1", "/srv/data", by=["tpm2"]),
            "vault": self._declared(
                "DATA-2",
                "/srv/vault",
                by=["tang"],
                tang={"servers": [{"url": tang.url, "thumbprint": tang.thumbprint}]},
            ),
        }
        self.net = crypt.BY_ID.format("DATA-3")
        root = crypt.Path(__file__).parents[2]
        for name in ("inguest.py", "inguest_luks.py"):
            machine.write(f"/srv/inguest/_modules/{name}", (root / "_modules" / name).read_text())
        machine.write("/srv/inguest/_sdb/store.py", STORE_DRIVER + _SET)
        machine.write("/srv/inguest/_sdb/net.py", NET_DRIVER)
        machine.write("/etc/salt/minion", MINION % store.url)
        machine.write("/usr/local/bin/salt-call", SALT_CALL)
        machine.run("chmod", "0755", "/usr/local/bin/salt-call", check=True)
        machine.write("/srv/pillar/top.sls", "base: {'*': [volumes]}\n")
        machine.write("/srv/pillar/volumes.sls", PILLAR % self.net)

    def _declared(self, serial, mount, **unlock):
        return {
            "device": crypt.BY_ID.format(serial),
            "mount": mount,
            "unlock": unlock,
            "recovery": {"escrow": ESCROW},
        }

    def apply(self, name, **over):
        done = self.core.apply(name, {**self.declared[name], **over})
        print(name, done)
        assert done["result"] in ("changed", "clean"), done
        return [step["do"] for step in done["steps"]]

    def opens(self, name, key):
        """Whether a passphrase opens a volume's disk."""
        device = {"data": "DATA-1", "vault": "DATA-2", "net": "DATA-3"}[name]
        argv = ("cryptsetup", "open", "--test-passphrase", "--disable-external-tokens")
        argv += ("--key-file", "-")
        return self.machine.run(*argv, crypt.BY_ID.format(device), text=key).rc == 0

    def mounted(self):
        """Which of the three mounts are of a mapping, by what is in them."""
        found = []
        for name in ("data", "vault", "net"):
            said = self.machine.run("findmnt", "-no", "SOURCE", f"/srv/{name}").out.strip()
            if said == f"/dev/mapper/{name}":
                assert self.machine.read(f"/srv/{name}/file") == name
                found.append(name)
        return found


_SET = """

def set_(key, value, profile=None):
    import os
    try:
        with open("/root/store.json") as file:
            data = json.load(file)
    except FileNotFoundError:
        data = {}
    data["sdb://store/" + key] = value
    with open("/root/store.json.new", "w") as file:
        json.dump(data, file)
    os.replace("/root/store.json.new", "/root/store.json")
    return True

__func_alias__ = {"set_": "set"}
"""


@pytest.fixture
def box(guest_machine, wire, tmp_path):
    disks = tuple(Disk(f"DATA-{n}", "128M") for n in (1, 2, 3))
    machine = guest_machine("bookworm", **crypt.guest("bookworm"), disks=disks)
    with Tang(tmp_path / "tang", (wire.master, 0)) as tang, Store(wire.master) as store:
        made = Box(machine, tang, store)
        made.tang, made.store = tang, store
        yield made


def test_each_way_of_unlocking(box):
    all_are_made(box)
    a_new_recovery_key_takes_the_old_ones_place(box)
    new_keys_of_the_tang_server_are_bound_anew(box)
    all_are_open_after_an_unattended_boot(box)
    a_pcr_that_moved_is_bound_anew_by_the_recovery_key(box)
    a_pin_goes_to_the_tpm_and_nowhere_else(box)


def all_are_made(box):
    assert "key_bind" in box.apply("data")
    assert "key_bind" in box.apply("vault")
    said = box.machine.run(*("salt-call", "inguest_luks.apply", "net", "--out=json"), timeout=900)
    assert said.rc == 0, said
    assert NETWORK_KEY not in said.out + said.err
    for name in ("data", "vault", "net"):
        box.machine.write(f"/srv/{name}/file", name)
    assert box.mounted() == ["data", "vault", "net"]
    assert NETWORK_KEY not in box.machine.run("cat", "/etc/crypttab", "/etc/fstab").out
    assert box.apply("data") == box.apply("vault") == []


def all_are_open_after_an_unattended_boot(box):
    box.store.asked.clear()
    box.machine.reboot(timeout=900, own_kernel=True)
    said = box.machine.run("journalctl", "-b", "--no-pager", "-u", "systemd-cryptsetup@*").out
    assert box.mounted() == ["data", "vault", "net"], said
    assert set(box.store.asked) == {"/net"}
    assert NETWORK_KEY not in box.machine.run("journalctl", "-b", "--no-pager").out


def a_new_recovery_key_takes_the_old_ones_place(box):
    old = box.core.store()["sdb://store/guest/data"]
    assert box.opens("data", old)
    steps = box.apply("data", recovery={"escrow": ESCROW, "generation": 2})
    assert steps == ["key_add", "key_remove", "backup"]
    new = box.core.store()["sdb://store/guest/data"]
    assert new != old
    assert box.opens("data", new) and not box.opens("data", old)


def a_pcr_that_moved_is_bound_anew_by_the_recovery_key(box):
    box.machine.run("tpm2_pcrextend", "7:sha256=" + "ab" * 32, check=True)
    header = box.machine.run("cryptsetup", "luksDump", crypt.BY_ID.format("DATA-1")).out
    assert header.count("systemd-tpm2") == 1
    assert box.apply("data") == ["key_bind", "key_remove", "backup"]
    header = box.machine.run("cryptsetup", "luksDump", crypt.BY_ID.format("DATA-1")).out
    assert header.count("systemd-tpm2") == 1
    assert box.apply("data") == []


def new_keys_of_the_tang_server_are_bound_anew(box):
    box.tang.replace_keys()
    server = {"url": box.tang.url, "thumbprint": box.tang.thumbprint}
    box.declared["vault"]["unlock"]["tang"] = {"servers": [server]}
    assert box.apply("vault") == ["key_bind", "key_remove", "backup"]


def a_pin_goes_to_the_tpm_and_nowhere_else(box):
    box.declared["data"]["unlock"] = {"by": ["tpm2"], "tpm2": {"pcrs": [7], "pin": "31415926"}}
    assert {"key_bind", "key_remove"} <= set(box.apply("data"))
    header = box.machine.run("cryptsetup", "luksDump", crypt.BY_ID.format("DATA-1")).out
    assert header.count("systemd-tpm2") == 1 and "tpm2-pin" in header
    assert box.apply("data") == []
    assert "31415926" not in box.machine.run("journalctl", "-b", "--no-pager").out
