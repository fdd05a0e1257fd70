"""The proxy variables that services were started with; only what runs has them."""

from inguestlib.families.proxy.setting import listed, split_userinfo
from inguestlib.families.proxy.variables import NAMES, kind


def observe(guest, params=None):
    """``[{"unit", "pid", "name", "variables"}, …]``, the main process of each service.

    The first process of a unit tells: what it starts inherits that. Values are without user and
    password. Processes of containers, and those that are not ours to read, are left out.
    """
    found = {}
    for process in guest.processes:
        unit = process.unit
        if not unit or not unit.endswith(".service") or process.contained or unit in found:
            continue
        if unit.startswith("user@"):
            continue
        try:
            text = guest.read(f"/proc/{process.pid}/environ")
        except OSError:
            continue
        if text is not None:
            found[unit] = {
                "unit": unit,
                "pid": process.pid,
                "name": process.name,
                "variables": variables(text),
            }
    return [found[unit] for unit in sorted(found)]


def variables(text):
    """``{name: value}`` of the proxy variables in a ``/proc/PID/environ`` text."""
    out = {}
    for entry in text.split("\0"):
        name, equals, value = entry.partition("=")
        if equals and name in NAMES:
            cut = split_userinfo if kind(name) == "proxy" else listed
            out[name] = cut(value)[0]
    return out
