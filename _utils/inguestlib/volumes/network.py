"""A volume whose only key lies in a store in the network: a unit opens it at each boot.

systemd knows no such key. So the unit by which systemd-cryptsetup would ask for a passphrase has
one of ours in its place, of the same name below ``/etc``: whatever waits for the mapping waits for
it, mounts above all. It runs Salt's own client, once the network is up, until the store answers.
"""

import os
import re
import shlex
import sys

from inguestlib.changes import HEADER, ChangeError, File, Unit, ordered
from inguestlib.effects import EffectError
from inguestlib.guest import Guest
from inguestlib.systemd import names
from inguestlib.volumes import Step, VolumeError, entries
from inguestlib.volumes.bootfiles import unit_of

FOLDER = "/etc/systemd/system"
PATIENCE = 900  # seconds that a boot gives the store
RETRY = 10  # seconds between two tries
_PLACES = ("/usr/bin/salt-call", "/opt/saltstack/salt/salt-call", "/usr/local/bin/salt-call")


# ---- pure -------------------------------------------------------------------------------------


def unit(name, command):
    """The text of the unit: ``command`` are the words that open the volume, or fail."""
    words = " ".join(map(shlex.quote, command)).replace("%", "%%").replace("$", "$$")
    device = names.escape_path(f"/dev/mapper/{name}")
    return f"""{HEADER}
[Unit]
Description=Volume {name}, opened by its key from the network
DefaultDependencies=no
IgnoreOnIsolate=true
Wants=network-online.target blockdev@{device}.target
After=network-online.target local-fs.target nss-lookup.target
Before=blockdev@{device}.target remote-fs.target
Conflicts=umount.target
Before=umount.target

[Service]
Type=oneshot
RemainAfterExit=yes
KeyringMode=shared
TimeoutStartSec={PATIENCE}
ExecStart=/bin/sh -c "until {words}; do sleep {RETRY}; done"
ExecStop=-/sbin/cryptsetup close {name}

[Install]
WantedBy=remote-fs.target
"""


def dropin():
    """The text for the mapping's device unit: it is waited for as long as the store is."""
    return f"{HEADER}\n[Unit]\nJobRunningTimeoutSec={PATIENCE + 60}\n"


def paths(name):
    """``(unit, drop-in)`` of a volume."""
    device = names.escape_path(f"/dev/mapper/{name}") + ".device"
    return f"{FOLDER}/{unit_of(name)}", f"{FOLDER}/{device}.d/zz-inguest.conf"


def planned(declared, observed):
    """The step that brings the unit, or takes it away."""
    todo = changes(declared, observed)
    if not todo:
        return []
    why = "its key comes from the network at each boot"
    if not entries.by_unit(declared):
        why = "the boot itself opens it now"
    shown = {"changes": [change.shown() for change in todo]}
    return [Step("network_unit", observed["name"], shown, why)]


def changes(declared, observed):
    """The changes of the step."""
    seen, name = observed["network"], observed["name"]
    if not seen["systemd"]:
        return ()
    files = dict(zip(paths(name), (unit(name, seen["command"]), dropin()), strict=True))
    out = []
    if entries.by_unit(declared) and declared["intent"] == "encrypted":
        for path, text in files.items():
            if seen["files"][path] != text:
                out.append(File(path, content=text, mode="0644", user=0, group=0))
        if out and seen["live"]:
            out.append(Unit("systemd", "daemon-reload"))
        if not seen["enabled"]:
            out.append(Unit(unit_of(name), "enable"))
        return ordered(out)
    ours = [p for p in files if (seen["files"][p] or "").startswith(HEADER)]
    if ours and seen["enabled"]:
        out.append(Unit(unit_of(name), "disable"))
    out += [File(path, absent=True) for path in ours]
    if ours and seen["live"]:
        out.append(Unit("systemd", "daemon-reload"))
    return ordered(out) if not out or out[0].kind != "unit" else tuple(out)


# ---- the shell --------------------------------------------------------------------------------


def look(guest, name, salt):
    """``{"live", "systemd", "files": {path: text}, "enabled", "command"}``; plain data."""
    wants = f"{FOLDER}/remote-fs.target.wants/{unit_of(name)}"
    return {
        "live": guest.live,
        "systemd": guest.init == "systemd",
        "files": {path: guest.read(path) for path in paths(name)},
        "enabled": guest.readlink(wants) is not None,
        "command": command(guest, name, salt),
    }


def command(guest, name, salt):
    """The words that open a volume: this Salt's own client, with its own configuration."""
    own = os.path.join(os.path.dirname(sys.executable), "salt-call")
    places = [p for p in ((*_PLACES, own) if guest.live else _PLACES) if guest.exists(p)]
    words = [places[0] if places else "salt-call"]
    option = salt.get("config.get")
    if option is not None:
        folder = option("config_dir") or "/etc/salt"
        words += [] if folder == "/etc/salt" else ["-c", folder]
        words += ["--local"] if option("file_client") == "local" else []
    words += ["--retcode-passthrough", "--out=quiet", "inguest_luks.open", name, "mount=False"]
    if any(re.search(r"[\s\"'\\]", word) for word in words):
        raise VolumeError(f"{words}: can't stand in a unit")
    return words


def do_network_unit(job, step):
    """Write the unit, or take it away."""
    seen = job.look()
    for change in changes(job.declared, seen):
        try:
            job.effects.do(change, Guest(job.root))
        except (EffectError, ChangeError, OSError) as exc:
            raise VolumeError(f"{change.describe()}: {exc}") from exc
        job.step(f"network_unit: {change.describe()}")


STEPS = {"network_unit": do_network_unit}
