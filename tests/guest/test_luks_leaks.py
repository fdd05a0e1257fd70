"""The whole life of encrypted volumes by a real master, and a search of all that it left behind.

The logs are at the level debug or below; the event bus is recorded, and so is the command line and
the environment of every process in the guest.
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
UNIT = "systemd-cryptsetup@data.service"
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
        self.minion.master.set_pillar(self.minion.id, {"inguest": policy})
        assert self.minion.salt("saltutil.refresh_pillar", wait=True, timeout=600) is True

    def call(self, function, *arguments, **keywords):
        said = self.minion.full(function, *arguments, timeout=1500, **keywords)
        self.left.append((function, said))
        return said["ret"]

    def state(self):
        """``salt … state.apply inguest.luks``: the steps of each volume."""
        (state,) = self.call("state.apply", "inguest.luks").values()
        assert state["result"] is True, state
        return {name: [s["do"] for s in steps] for name, steps in state["changes"].items()}

    def watch(self):
        """Begin to watch the guest's processes, until :meth:`unwatch`."""
        self.machine.write("/run/procwatch.py", Path(procwatch.__file__).read_bytes())
        # the kernel tells of each program that is started; all of /proc is read now and then
        argv = (PYTHON, "-IS", "/run/procwatch.py", "/run/processes", "15")
        return self.machine.start(*argv, timeout=3500)

    def unwatch(self, watching):
        """What was seen, and the journal up to now."""
        self.machine.run("sh", "-c", "sleep 1; :", PLANTED, check=True)
        self.machine.write("/run/processes.stop", "")
        assert watching.result(120).rc == 0
        seen = self.machine.read("/run/processes")
        assert PLANTED in seen, "the watcher sees a command line"
        for program in ("luksAddKey", "systemd-cryptenroll", "inguest_luks.open"):
            assert program in seen, "it saw them at work"
        self.left.append(("processes", seen))
        journal = "journalctl --no-pager -o export; journalctl --no-pager -o cat; dmesg"
        self.left.append(("journal", self.machine.run("sh", "-c", journal, timeout=300).out))


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
    """The safe's driver, and a log that tells much."""
    machine = minion.machine
    driver = (DRIVERS / "testsafe.py").read_bytes()
    machine.write(f"{EXTENSIONS}/sdb/testsafe.py", driver)
    settings = {"log_level_logfile": "debug", "safe": safe.profile}
    machine.write("/etc/salt/minion.d/talkative.conf", json.dumps(settings))
    machine.run("systemctl", "restart", "salt-minion", timeout=300, check=True)
    minion.wait(600)


def _live(life):
    """From two blank disks to their end."""
    machine, watching = life.machine, life.watch()
    life.policy()
    made = life.state()
    assert "format" in made["data"] and "key_bind" in made["pinned"], made
    for volume in life.volumes.values():
        volume["recovery"]["generation"] = 2
    life.safe.kept["store"] = NEXT
    life.policy()
    rotated = life.state()
    assert rotated["data"].count("key_add") == 2, rotated
    assert "key_remove" in rotated["pinned"], rotated
    # as a boot does it: the unit in the place of systemd's own asks the store, by salt-call
    machine.write("/srv/data/file", "kept\n")
    machine.run("umount", "/srv/data", check=True)
    machine.run("systemctl", "restart", UNIT, timeout=900, check=True)
    machine.run("mount", "/srv/data", check=True)
    assert machine.read("/srv/data/file") == "kept\n"
    machine.run("umount", "/srv/data", check=True)
    status = life.call("inguest_luks.status")
    for name, volume in life.volumes.items():
        volume |= {"intent": "retired", "replace": status[name]["header"]["uuid"]}
    life.policy()
    ended = life.state()
    assert all("erase" in steps for steps in ended.values()), ended
    life.unwatch(watching)


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
