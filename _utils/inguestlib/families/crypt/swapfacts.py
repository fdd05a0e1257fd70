"""Where memory and temporary files may end up: hibernation, zram, ``tmp.mount``, random swap."""

from inguestlib import blockdev
from inguestlib.volumes import blank, entries

SCHEMA = {}
CONTROLS = ()
_RESUME = "/sys/power/resume"
_CONF = "/etc/initramfs-tools/conf.d/resume"


def observe(guest, params):
    """``{"resume": {…} or None, "zram": {name: file or None}, "tmp_mount": bool, "random": {…}}``.

    ``resume`` is what the kernel resumes from, ``{"device": name or None, "source", "evidence"}``.
    ``zram`` has the device that pages are written back to. ``tmp_mount``: systemd mounts a tmpfs
    on ``/tmp``. ``random`` are the declared volumes of a random key: ``{"device": name or None,
    "signatures": kinds of what stands there, or None where that could not be read, "blank"}``.
    """
    if guest.container:
        return {"resume": None, "zram": {}, "tmp_mount": False, "random": {}}
    devices = blockdev.devices(guest)
    return {
        "resume": _resume(guest, devices),
        "zram": {
            swap.device.name: _written_back(guest, swap.device.name)
            for swap in devices.swaps
            if swap.device and swap.device.kind == "zram"
        },
        "tmp_mount": _tmp_mount(guest),
        "random": {
            name: _random(devices, volume)
            for name, volume in params["volumes"].items()
            if entries.is_random(volume)
        },
    }


def _resume(guest, devices):
    number = (guest.read(_RESUME) or "").strip() if guest.exists(_RESUME) else ""
    if number and number != "0:0":
        device = devices.at(number)
        return {
            "device": device.name if device else None,
            "source": number,
            "evidence": f"{_RESUME}: {number}",
        }
    for line, text in guest.lines(_CONF):
        key, _, value = text.strip().partition("=")
        if key == "RESUME" and value not in ("", "none", "auto"):
            device = devices.find(value)
            return {
                "device": device.name if device else None,
                "source": value,
                "evidence": f"{_CONF}:{line} {text.strip()}",
            }
    return None


def _written_back(guest, name):
    text = (guest.read(f"/sys/class/block/{name}/backing_dev") or "none").strip()
    return None if text == "none" else text


def _tmp_mount(guest):
    """By links alone: the unit of ``/usr`` that its own target wants, or one of ``/etc``."""
    if guest.readlink("/etc/systemd/system/tmp.mount") == "/dev/null":
        return False
    folders = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
    return any(guest.lstat(f"{f}/local-fs.target.wants/tmp.mount") for f in folders)


def _random(devices, volume):
    device = devices.find(volume["device"])
    if device is None:
        return {"device": None, "signatures": None, "blank": False}
    if any(devices.all[name].kind == "crypt" for name in device.above):
        return {"device": device.name, "signatures": [], "blank": True}  # it is at work already
    try:
        seen = blank.look(devices.node(device))
    except OSError:
        return {"device": device.name, "signatures": None, "blank": False}
    kinds = sorted({one["type"] for one in seen["signatures"]})
    return {"device": device.name, "signatures": kinds, "blank": seen["ok"]}


OBSERVERS = {"swap": observe}
