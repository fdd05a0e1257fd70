"""What waits for what when a guest boots from its crypttab and fstab. Pure.

As systemd's generators order it (systemd-cryptsetup-generator(8), systemd.mount(5)): volumes stand
before ``sysinit.target``, but for those with ``_netdev``, which stand behind the network, which
itself stands behind ``sysinit.target``. With ``nofail`` or ``noauto`` nothing waits for a unit.
"""

from inguestlib import fstab
from inguestlib.volumes.bootfiles import RANDOM, mount_unit, unit_of

SYSINIT, NETWORK = "sysinit.target", "network-online.target"
_LATER = {"nofail", "noauto"}


def waits(boot):
    """``{unit: {unit it waits for: evidence}}`` of the rows of crypttab and fstab."""
    graph = {NETWORK: {SYSINIT: "the network is set up after sysinit.target"}, SYSINIT: {}}
    mounts = [row for row in boot["fstab"] if row["target"].startswith("/")]
    for row in boot["crypttab"]:
        unit, where = unit_of(row["name"]), evidence(row, "crypttab")
        mine = graph.setdefault(unit, {})
        options = set(row["options"])
        if "_netdev" in options:
            mine[NETWORK] = where
        elif not options & _LATER:
            graph[SYSINIT][unit] = where
        if row["key"] and row["key"].startswith("/") and row["key"] not in RANDOM:
            holder = _holder(mounts, row["key"])
            if holder is not None:
                mine[mount_unit(holder["target"])] = where
        mine.update(boot["units"]["after"].get(unit, {}))
    for row in mounts:
        if row["type"] == "swap":
            continue
        unit, where = mount_unit(row["target"]), evidence(row, "fstab")
        mine = graph.setdefault(unit, {})
        if is_remote(row):
            mine[NETWORK] = where
        elif not set(row["options"]) & _LATER:
            graph[SYSINIT][unit] = where
        for name in mappings_below(boot, row["source"]):
            mine[unit_of(name)] = where
        parent = _holder([m for m in mounts if m["target"] != row["target"]], row["target"])
        if parent is not None:
            mine[mount_unit(parent["target"])] = where
    return graph


def is_remote(row):
    """Whether systemd takes a mount for one of the network."""
    return "_netdev" in row["options"] or fstab.is_network(row["type"])


def evidence(row, table):
    """``path:line text`` of a row."""
    return f"/etc/{table}:{row['line']} {row['text'].strip()}"


def mappings_below(boot, source):
    """The mappings of crypttab that a source stands on: by the stack, else by its name."""
    names = {row["name"] for row in boot["crypttab"]}
    known = boot["sources"].get(source)
    if known:
        return [n for n in (known["mapping"], *known["under"]) if n in names]
    name = source.removeprefix("/dev/mapper/") if source.startswith("/dev/mapper/") else None
    return [name] if name in names else []


def _holder(mounts, path):
    """The mount of fstab that a path lies on, the root apart: that one is there before all."""
    inside = [m for m in mounts if m["target"] != "/" and f"{path}/".startswith(m["target"] + "/")]
    return max(inside, key=lambda m: len(m["target"]), default=None)


def cycles(graph):
    """The cycles, each once: ``[[(unit, evidence of why it waits for the next), …], …]``."""
    found, done = {}, set()
    for start in sorted(graph):
        _follow(graph, start, [], found, done)
    return list(found.values())


def _follow(graph, unit, path, found, done):
    if unit in path:
        ring = path[path.index(unit) :]
        first = ring.index(min(ring))
        ring = ring[first:] + ring[:first]
        steps = zip(ring, [*ring[1:], ring[0]], strict=True)
        found.setdefault(tuple(ring), [(here, graph[here][to]) for here, to in steps])
        return
    if unit in done:
        return
    for other in sorted(graph.get(unit, ())):
        _follow(graph, other, [*path, unit], found, done)
    done.add(unit)
