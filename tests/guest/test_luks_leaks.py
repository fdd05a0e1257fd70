"""The whole life of encrypted volumes by a real master, and a search of all that it left behind.

Everything that logs does so at its most talkative; the event bus is recorded, and so is the command
line and the environment of every process in the guest.
"""

import json
import shutil
import threading
from pathlib import Path

import pytest
import salt.config
import salt.utils.event

from support import leaks, procwatch, salt_rig
from support.qemu import crypt
from support.qemu.hardware import Disk
from support.qemu.salted import EXTENSIONS
from support.safe import DRIVERS, Safe

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(3600)]

PYTHON = f"{salt_rig.GUEST_SALT}/bin/python"
STORED = "tHe-key-0f-the-store/with+every=kind&of%char"
NEXT = "tHe-next-key-0f-the-store/it+came=later&of%it"
PIN = "4711-8150-pin-of-the-vtpm-0815"
PLANTED = "planted-so-that-the-search-is-seen-to-find"
# Where something may be left that is no file on the root disk; the disk itself is searched whole.
FOLDERS = ("/etc", "/home", "/root", "/run", "/srv", "/tmp", "/var/cache/salt", "/var/lib/inguest")
FOLDERS += ("/var/lib/salt", "/var/log", "/var/tmp", "/dev/shm")


class Events:
    """All that comes over the master's event bus."""

    def __init__(self, master):
        self.seen = []
        opts = salt.config.client_config(str(master.config))
        self._bus = salt.utils.event.get_event(
            "master", sock_dir=opts["sock_dir"], opts=opts, listen=True
        )
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def _listen(self):
        while not self._end.is_set():
            event = self._bus.get_event(wait=1, full=True, auto_reconnect=True)
            if event is not None:
                self.seen.append(event)

    def __exit__(self, *unused):
        self._end.set()
        self._thread.join(30)
        self._bus.destroy()


class Life:
    """The guest, its policy, and what it has left so far."""

    def __init__(self, minion, safe, left):
        self.minion, self.machine, self.safe, self.left = minion, minion.machine, safe, left
        self.volumes = {
            "data": {
                "device": crypt.BY_ID.format("DATA-1"),
                "serial": "DATA-1",
                "mount": "/srv/data",
                "unlock": {"by": ["key"], "key": "sdb://safe/store"},
                "recovery": {"escrow": "sdb://safe/{minion}/{volume}"},
                "luks": crypt.LUKS,
            },
            "pinned": {
                "device": crypt.BY_ID.format("SWAP-1"),
                "filesystem": "none",
                "unlock": {"by": ["tpm2"], "tpm2": {"pin": "sdb://safe/pin"}},
                "recovery": {"escrow": "sdb://safe/{minion}/{volume}"},
                "luks": crypt.LUKS,
            },
        }

    def policy(self):
        policy = {"mode": "off", "crypt": {"mode": "enforce", "volumes": self.volumes}}
        self.minion.pillar({"inguest": policy})

    def call(self, function, *arguments, **keywords):
        said = self.minion.full(function, *arguments, timeout=900, **keywords)
        self.left.append((function, said))
        return said["ret"]

    def state(self):
        """``salt … state.apply inguest.luks``: the steps of each volume."""
        (state,) = self.call("state.apply", "inguest.luks").values()
        assert state["result"] is True, state
        return {name: [s["do"] for s in steps] for name, steps in state["changes"].items()}

    def retire(self, name):
        """Declare that a volume has had its day, and have the state bring it about."""
        uuid = self.call("inguest_luks.status", name)[name]["header"]["uuid"]
        self.volumes[name] |= {"intent": "retired", "replace": uuid}
        self.policy()
        assert "erase" in self.state()[name]

    def watch(self, name):
        """Begin to watch the guest's processes, until :meth:`unwatch`."""
        self.machine.write("/run/procwatch.py", Path(procwatch.__file__).read_bytes())
        argv = (PYTHON, "-IS", "/run/procwatch.py", f"/run/{name}", "2")
        return self.machine.start(*argv, timeout=3000)

    def unwatch(self, name, watching):
        """What was seen, and the journal up to now."""
        plant = ("sh", "-c", "sleep 1; :", PLANTED)
        self.machine.run(*plant, check=True)
        self.machine.write(f"/run/{name}.stop", "")
        assert watching.result(120).rc == 0
        seen = self.machine.read(f"/run/{name}")
        assert PLANTED in seen, "the watcher sees a command line"
        assert "luksAddKey" in seen or "cryptsetup" in seen, "it saw cryptsetup at work"
        self.left.append((f"processes: {name}", seen))
        journal = "journalctl --no-pager -o export; journalctl --no-pager -o cat; dmesg"
        self.left.append((f"journal: {name}", self.machine.run("sh", "-c", journal).out))


@pytest.fixture
def talkative(master):
    """The session's master, with its log at the level ``all``."""
    usual = dict(master.options)

    def start(options):
        master.stop()
        master.config.write_text(json.dumps(options, indent=1))
        master.start()

    start({**usual, "log_level_logfile": "all"})
    yield master
    start(usual)


def test_a_whole_life_leaves_no_key_anywhere(talkative, wire, farm, tmp_path):
    disks = (Disk("DATA-1", "256M"), Disk("SWAP-1", "64M"))  # those of other tests: one boot
    left = []
    with Safe(wire.master) as safe, Events(talkative) as events:
        safe.kept |= {"store": STORED, "pin": PIN}
        machines = farm.salted(talkative, "bookworm", **crypt.guest("bookworm"), disks=disks)
        with machines as minion:
            life = Life(minion, safe, left)
            _set_up(minion, safe)
            _live(life)
            secrets = leaks.Secrets(
                {
                    "the stored key": STORED,
                    "the next stored key": NEXT,
                    "the PIN": PIN,
                    **{f"recovery key {n}": key for n, key in enumerate(safe.ever, 1)},
                }
            )
            found = _in_the_guest(minion.machine, secrets, safe)
            minion.machine.poweroff()
            found += _on_its_disks(minion.machine, secrets, tmp_path)
    tags = {event["tag"] for event in events.seen}
    assert any("/ret/" in tag for tag in tags), tags
    for name, said in left:
        found += secrets.in_object(said, name)
    for event in events.seen:
        found += secrets.in_object(event, f"event {event['tag']}")
    found += secrets.in_tree(talkative.directory)
    assert "state.apply" in talkative.log.read_text(errors="replace")
    assert not found, "\n".join(map(str, found))


def _set_up(minion, safe):
    """The safe's driver, and a log that tells all."""
    machine = minion.machine
    driver = (DRIVERS / "testsafe.py").read_bytes()
    machine.write(f"{EXTENSIONS}/sdb/testsafe.py", driver)
    settings = {"log_level_logfile": "all", "safe": safe.profile}
    machine.write("/etc/salt/minion.d/talkative.conf", json.dumps(settings))
    machine.run("systemctl", "restart", "salt-minion", timeout=300, check=True)
    minion.wait()


def _live(life):
    """From two blank disks to their end."""
    watching = life.watch("first")
    life.policy()
    made = life.state()
    assert "format" in made["data"] and "key_bind" in made["pinned"], made
    assert life.state() == {}, "nothing is left to do"
    life.volumes["data"]["recovery"]["generation"] = 2
    life.volumes["pinned"]["recovery"]["generation"] = 2
    life.safe.kept["store"] = NEXT
    life.policy()
    rotated = life.state()
    assert rotated["data"].count("key_add") == 2, rotated
    assert "key_remove" in rotated["pinned"], rotated
    for looking in ("status", "plan", "verify", "volumes"):
        life.call(f"inguest_luks.{looking}")
    life.call("inguest.facts", families="crypt")
    life.machine.write("/srv/data/file", "kept\n")
    life.retire("pinned")  # a boot would ask for its PIN
    life.unwatch("first", watching)

    life.machine.reboot()
    life.minion.wait()
    watching = life.watch("second")
    assert life.machine.read("/srv/data/file") == "kept\n", "the boot has opened it by the store"
    life.machine.run("umount", "/srv/data", check=True)
    life.retire("data")
    life.unwatch("second", watching)


def _in_the_guest(machine, secrets, safe):
    """Hits in the files of the running guest, temporary file systems included."""
    machine.write("/usr/local/lib/leaks.py", Path(leaks.__file__).read_bytes())
    machine.write("/var/tmp/planted", PLANTED)
    named = {"planted": PLANTED, "the stored key": STORED, "the next stored key": NEXT, "PIN": PIN}
    named |= {f"recovery key {n}": key for n, key in enumerate(safe.ever, 1)}
    said = machine.run(
        *(PYTHON, "-IS", "/usr/local/lib/leaks.py", *FOLDERS),
        text=json.dumps(named),
        timeout=1200,
        check=True,
    )
    hits = [leaks.Hit(*hit) for hit in json.loads(said.out)]
    planted = [hit for hit in hits if hit.secret == "planted"]
    assert "/var/tmp/planted" in {hit.place for hit in planted}, "the search finds"
    return [hit for hit in hits if hit.secret != "planted"]


def _on_its_disks(machine, secrets, folder):
    """Hits in all that was written to the disks, removed files included, and in the initramfs."""
    found = []
    overlays = sorted(machine.directory.glob("disk*.qcow2"))
    assert len(overlays) == 3
    for overlay in overlays:
        written = leaks.written_clusters(overlay)
        assert sum(length for _offset, length in written) > 1 << 16, overlay
        found += secrets.in_file(overlay, written)
    root = leaks.Secrets({"planted": PLANTED})
    assert root.in_file(overlays[0], leaks.written_clusters(overlays[0])), "the search finds"
    for image in machine.kernel_on_disk():
        found += secrets.in_file(image)
    console = shutil.copy(machine.console, folder)
    return found + secrets.in_file(console)
