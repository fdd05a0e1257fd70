"""The changes that make open-vm-tools the newest that is offered. Pure; for several controls."""

from inguestlib import versions
from inguestlib.changes import Edit, File, Package, Unit
from inguestlib.families.tools import names
from inguestlib.families.tools.installed import named

UPDATE_PATH = "tools-update-path"


def newest(facts, name):
    """The newest version that the enabled repositories offer of a package, or ``None``.

    Pins and locks of the single package do not count: what they hide is offered all the same.
    """
    seen = facts["candidates"]
    chosen = seen.get("chosen", {}).get(name)
    if chosen is None:
        return None
    manager = facts["installed"]["manager"]
    found = [version for version in chosen.values() if version]
    return max(found, key=lambda version: versions.key(version, manager), default=None)


def pending(facts):
    """``{name: newest version}`` of the installed packages that are older than what is offered."""
    manager = facts["installed"]["manager"]
    out = {}
    for name, package in facts["installed"]["packages"].items():
        offered = newest(facts, name)
        known = versions.valid(package["version"], manager)
        if offered and known and versions.compare(package["version"], offered, manager) < 0:
            out[name] = offered
    return out


def plan(facts, policy):
    """``(changes, why there are none)``: all packages in one transaction, and a restart.

    What keeps the update back is undone with it, where the policy has ``tools-update-path``
    enforced; otherwise it stays, and so does the package.
    """
    wanted = pending(facts)
    if not wanted:
        return (), "no enabled repository offers a newer one"
    if not facts.guest["live"]:
        return (), "upgrade it where the image is built, or at its first boot"
    back = blocking(facts)
    kept = [block for block in back if not policy.in_force(UPDATE_PATH, resource(block))]
    if kept:
        return (), f"{kept[0]['says']}, which the policy leaves ({UPDATE_PATH})"
    closed = [block for block in back if not release(block)]
    if closed:
        return (), f"{closed[0]['path']}:{closed[0]['line']} keeps it back: mend that by hand"
    (first, version), *beside = sorted(wanted.items())
    changes = [change for block in back for change in release(block)]
    changes.append(Package(first, version=version, beside=tuple(beside)))
    return (*changes, *restart(facts, policy)), ""


def blocking(facts):
    """The ``blocks`` that keep an update back; what is unsigned is another matter."""
    return [b for b in facts["blocks"] if b["kind"] != "unsigned" and not b["off"]]


def resource(block):
    """What ``tools-update-path`` calls a block."""
    return f"{block['kind']} {block['resource']}"


def release(block):
    """The changes that undo one of the ``blocks``; none where only a person can."""
    if block["kind"] == "hold":
        return [Package(block["resource"], held=False)]
    if not block["edits"]:
        return []
    return [File(block["path"], edits=tuple(Edit(*edit) for edit in block["edits"]))]


def restart(facts, policy):
    """The restart that makes the running daemon the new one, where it runs and may be restarted."""
    unit = facts["services"]["units"].get(named(facts).daemon)
    if not unit or unit["active"] != "active" or not policy["upgrade"]["restart"]:
        return []
    return [Unit(named(facts).daemon, "restart")]


def older(facts, fixed):
    """Whether the newest offered version is older than a version that holds a fix."""
    offered = newest(facts, names.PACKAGE)
    manager = facts["installed"]["manager"]
    return offered is None or versions.compare(offered, fixed, manager) < 0
