"""Whether fstab mounts what a volume holds. Pure."""

from inguestlib.volumes import entries, ordering
from inguestlib.volumes.ordering import evidence

_NONE = "/etc/fstab"


def rows_of(name, declared, boot):
    """The rows of fstab that a volume has: of its mount point, or its swap."""
    if declared["filesystem"] == "swap":
        swaps = [row for row in boot["fstab"] if row["type"] == "swap"]
        return [
            row
            for row in swaps
            if name in ordering.mappings_below(boot, row["source"])
            or row["source"] == f"/dev/mapper/{name}"
        ]
    return [
        row for row in boot["fstab"] if declared["mount"] and row["target"] == declared["mount"]
    ]


def problems(name, declared, seen, critical):
    """What is wrong with the row of a declared volume: ``(id, words, evidence)``."""
    boot = seen["boot"]
    if entries.fstab_row(name, declared) is None:
        return
    rows = rows_of(name, declared, boot)
    if not rows:
        what = declared["mount"] if declared["filesystem"] != "swap" else "the swap"
        yield "mount-missing", f"/etc/fstab has no row for {what}", _NONE
    for row in rows[1:]:
        words = f"{row['target']} has a second row"
        yield "mount-twice", words, evidence(row, "fstab")
    for row in rows[:1]:
        where = evidence(row, "fstab")
        if not source_fits(name, row["source"], seen):
            words = f"{row['source']} is mounted at {row['target']}, not /dev/mapper/{name}"
            yield "mount-source", words, where
        if row["type"] not in (declared["filesystem"], "auto"):
            words = f"{row['type']} is expected, the volume holds {declared['filesystem']}"
            yield "mount-type", words, where
        yield from _options(row, declared, critical, where)


def _options(row, declared, critical, where):
    patient = {"nofail", "noauto", "x-systemd.automount"} & set(row["options"])
    waited = entries.waited_for(declared, critical)
    if not waited and not patient:
        words = f"a boot fails without {row['target']}, which the policy does not require"
        yield "mount-nofail-missing", words, where
    if waited and "nofail" in row["options"]:
        words = f"a boot goes on without {row['target']}, which the policy requires"
        yield "mount-nofail", words, where
    if entries.over_network(declared) and not ordering.is_remote(row):
        words = f"_netdev is missing: {row['target']} needs the network, and is mounted before it"
        yield "mount-netdev", words, where
    if declared["discard"] is False and "discard" in row["options"]:
        words = "discard is there: the policy keeps it hidden which blocks are free"
        yield "mount-discard", words, where


def source_fits(name, source, seen):
    """Whether a source of fstab leads to the volume's mapping, or to what stands on it."""
    if source == f"/dev/mapper/{name}":
        return True
    if name in ordering.mappings_below(seen["boot"], source):
        return True
    known = seen["boot"]["sources"].get(source)
    if known is not None and (known["mapping"] == name or name in known["under"]):
        return True
    tag, _, value = source.partition("=")
    inside = [s.get("uuid") for s in seen.get("inside") or []]
    return tag == "UUID" and value.strip('"') in inside


def dangling(boot):
    """Rows of fstab that wait for a mapping which nothing opens."""
    names = {row["name"] for row in boot["crypttab"]}
    for row in boot["fstab"]:
        name = row["source"].removeprefix("/dev/mapper/")
        known = boot["sources"].get(row["source"], False)
        if name == row["source"] or name in names or "noauto" in row["options"]:
            continue
        opened = known and (known["mapping"] is None or known["mapping"] in boot["critical"])
        if known is None or (known and not opened):
            words = f"{row['target']} waits for {row['source']}, which no entry of crypttab opens"
            yield "mount-unopened", words, evidence(row, "fstab")
