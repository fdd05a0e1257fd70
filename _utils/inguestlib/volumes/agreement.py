"""Whether crypttab, fstab, the kernel's arguments, the initramfs and the units agree. Pure.

A problem is ``{"id", "volume", "words", "evidence"}``: what is wrong, in words for people, and the
line that shows it. ``boot`` is what :func:`inguestlib.volumes.bootfiles.observe` gives.
"""

import re

from inguestlib.volumes import entries, initrd, mounts, ordering
from inguestlib.volumes.bootfiles import ASKPASS, RANDOM, REMOTE, unit_of
from inguestlib.volumes.ordering import evidence

_MOVES = re.compile(r"/dev/(sd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|dm-|md\d+|loop\d+)(p?\d+)?")
_NONE = "/etc/crypttab"


def problems(name, declared, seen):
    """The problems of one declared volume.

    seen
        Of :func:`inguestlib.volumes.observed.observe`: ``header``, ``device``, ``mapped_as``,
        ``inside`` and ``boot`` are used.
    """
    boot = seen["boot"]
    if not concerns(seen):
        return []
    rows = [row for row in boot["crypttab"] if row["name"] == name]
    found = []
    if declared["intent"] != "encrypted":
        found += _left(name, declared, rows, boot)
        return _told(name, found)
    critical = name in boot["critical"]
    found += _entry(name, declared, seen, rows, critical)
    found += mounts.problems(name, declared, seen, critical)
    for row in rows[:1]:
        found += _row(row, boot)
        if critical:
            found += initrd.problems(row, seen["header"], boot)
        found += _units(row, declared, seen["header"], boot, critical)
    found += _rings(name, declared["mount"], boot)
    return _told(name, found)


def concerns(seen):
    """Whether a boot has to do with the volume: not of a bare folder, nor with an image file."""
    image = bool(seen["device"]) and seen["device"].get("regular", False)
    return seen["boot"]["boots"] and not (seen["boot"]["live"] and image)


def of_files(boot):
    """The problems of all rows of crypttab and fstab, whether a policy declares them or not."""
    found, names = [], set()
    for row in boot["crypttab"]:
        mine = list(_row(row, boot))
        if row["name"] in names:
            mine.append(_twice(row))
        names.add(row["name"])
        mine += _consistent(row, boot)
        if row["name"] in boot["critical"]:
            mine += initrd.problems(row, None, boot)
        found += _told(row["name"], mine)
    for source, rows in _by_source(boot).items():
        if len(rows) > 1:
            words = f"{source} is opened as {', '.join(row['name'] for row in rows)}"
            found += _told(
                rows[1]["name"], [("device-twice", words, evidence(rows[1], "crypttab"))]
            )
    found += _told(None, mounts.dangling(boot))
    for ring in ordering.cycles(ordering.waits(boot)):
        found += _told(None, [_ring(ring)])
    return found


def _told(name, found):
    unique = {(row[0], row[2]): row for row in found}.values()
    return [{"id": i, "volume": name, "words": w, "evidence": e} for i, w, e in unique]


# ---- crypttab against the declaration --------------------------------------------------------


def _entry(name, declared, seen, rows, critical):
    boot, header = seen["boot"], seen["header"]
    if not rows:
        yield "entry-missing", f"/etc/crypttab does not open {name}", _NONE
    for row in rows[1:]:
        yield _twice(row)
    for other in seen["mapped_as"]:
        yield "name-other", f"the device is open as {other}, not as {name}", f"/dev/mapper/{other}"
    for row in boot["crypttab"]:
        if row["name"] != name and _same(row, declared, seen):
            words = f"the device of {name} has an entry as {row['name']}"
            yield "name-other", words, evidence(row, "crypttab")
    for row in rows[:1]:
        where = evidence(row, "crypttab")
        if not _same(row, declared, seen):
            words = f"{row['device']} is not the device of {name}, {declared['device']}"
            yield "device-other", words, where
        wanted = entries.key(declared)
        if row["key"] != wanted:
            words = f"the key is {row['key'] or 'none'}, the policy unlocks by {wanted or 'none'}"
            yield "key-other", words, where
        yield from _options(row, declared, header, boot, critical, where)


def _options(row, declared, header, boot, critical, where):
    for option in entries.needed(declared, header, boot, critical):
        if not has(row["options"], option):
            yield f"option-{_key(option)}-missing", _why_needed(option), where
    for option in sorted({_key(o) for o in row["options"]} & entries.unwanted(declared, critical)):
        yield f"option-{option}", _why_unwanted(option, declared), where


def has(options, wanted):
    """Whether a list of options has one: its value too, where it matters."""
    if wanted == "luks" or wanted == "plain":
        return wanted in options or (wanted == "luks" and "plain" not in options)
    if wanted == "tpm2-device=auto":
        return any(o.startswith("tpm2-device=") for o in options)
    return wanted in options


def _key(option):
    return option.partition("=")[0]


def _why_needed(option):
    said = {
        "nofail": "a boot waits for the volume, which the policy does not require",
        "_netdev": "it is opened before the network is there, by a key from the network",
        "tpm2-device": "the header has a TPM2 token, and the entry does not ask the TPM",
        "discard": "the policy passes TRIM through, the entry does not",
        "noauto": "the boot asks for a passphrase; a unit of inguest opens it later",
        "x-initrd.attach": "the root stands on it, and it would be detached too early",
        "swap": "the entry makes no swap of it",
        "tmp": "the entry makes no file system of it",
    }
    return f"{option} is missing: " + said.get(_key(option), "the policy asks for it")


def _why_unwanted(option, declared):
    said = {
        "nofail": "the policy requires the volume",
        "noauto": "nothing opens the volume at boot",
        "discard": "the policy keeps it hidden which blocks are free",
        "tpm2-device": "the policy does not unlock by the TPM",
        "swap": "it makes a swap of the volume at each boot: its data are lost",
        "tmp": "it makes a file system of the volume at each boot: its data are lost",
        "plain": "it opens the device without its LUKS header: what is read is noise",
        "keyscript": "systemd knows no scripts for keys",
    }
    return f"{option} is there: " + said.get(option, "the device is LUKS")


def _same(row, declared, seen):
    """Whether a row of crypttab means the declared device."""
    header, device = seen["header"], seen["device"]
    if entries.is_random(declared):
        header = None
    tag, _, value = row["device"].partition("=")
    if tag == "UUID" and header is not None:
        return value.strip('"').lower() == header["uuid"].lower()
    known = seen["boot"]["sources"].get(row["device"])
    if known and device:
        return known["name"] == device["name"]
    if row["device"] == declared["device"]:
        return True
    uuid = header and row["device"] == f"/dev/disk/by-uuid/{header['uuid']}"
    return bool(uuid)


def _twice(row):
    words = f"{row['name']} has a second entry, which is never used"
    return "entry-twice", words, evidence(row, "crypttab")


def _by_source(boot):
    found = {}
    for row in boot["crypttab"]:
        known = boot["sources"].get(row["device"])
        source = known["name"] if known else row["device"]
        if source not in ("none", "-"):
            found.setdefault(source, []).append(row)
    return {s: rows for s, rows in found.items() if len({r["name"] for r in rows}) > 1}


# ---- a row of crypttab by itself -------------------------------------------------------------


def _row(row, boot):
    where = evidence(row, "crypttab")
    known = boot["sources"].get(row["device"], False)
    if known is None and not {"noauto", "nofail"} & set(row["options"]):
        yield "device-unknown", f"a boot waits for {row['device']}, which is no device here", where
    elif known is None:
        yield "device-unknown", f"{row['device']} is no device here", where
    if _MOVES.fullmatch(row["device"]):
        words = f"{row['device']} is another device when the kernel finds them in another order"
        yield "device-moves", words, where
    if row["key"] in RANDOM:
        yield from _random(row, known or {}, boot, where)
    else:
        yield from _keyfile(row, boot, where)
    if boot["systemd"] and unit_of(row["name"]) in boot["units"]["masked"]:
        yield "unit-masked", f"{unit_of(row['name'])} is masked: nothing opens it", where


def _random(row, known, boot, where):
    signatures = known.get("signatures", [])
    if signatures is None:
        words = f"each boot overwrites {row['device']}, and what it holds could not be read"
        yield "random-unread", words, where
    kinds = [kind for kind in signatures or [] if kind != "swap"]
    if kinds:
        words = f"each boot overwrites {row['device']}, which holds {', '.join(kinds)}"
        yield "random-overwrites", words, where
    if row["device"].startswith(("UUID=", "LABEL=", "/dev/disk/by-uuid/", "/dev/disk/by-label/")):
        words = f"{row['device']} is gone once the device is encrypted"
        yield "random-uuid", words, where
    keeps = {_key(option) for option in row["options"]}
    if not keeps & {"swap", "tmp"}:
        words = "a new key at each boot, and neither swap nor tmp: nothing on it can be read"
        yield "random-useless", words, where
    for mount in boot["fstab"]:
        mine = mount["source"] == f"/dev/mapper/{row['name']}"
        if mine and mount["type"] != "swap" and mount["target"] not in ("/tmp", "/var/tmp"):
            words = f"what is kept at {mount['target']} is lost at each boot: its key is random"
            yield "random-data", words, evidence(mount, "fstab")


def _keyfile(row, boot, where):
    path = row["key"]
    state = boot["keyfiles"].get(path) if path else None
    if state is None:
        return
    if not state["exists"]:
        mounted = state["mount"] in (None, "/")
        later = any(f"{path}/".startswith(m["target"] + "/") for m in boot["fstab"])
        if mounted and not (later and not boot["live"]):
            yield "keyfile-missing", f"the key file {path} is not there", where
        return
    if state["mode"] & 0o077 or state["uid"]:
        words = f"the key file {path} can be read by others: mode {state['mode']:04o}"
        yield "keyfile-open", f"{words}, owner {state['uid']}", where
    if state["covered"] is False:
        words = f"the key file {path} lies on a clear file system ({state['mount']})"
        yield "keyfile-clear", f"{words}: whoever has the disk has the key", where


# ---- both tables -----------------------------------------------------------------------------


def _consistent(row, boot):
    """What crypttab and fstab say of one volume, without a policy that could decide."""
    options, where = set(row["options"]), evidence(row, "crypttab")
    rows = [m for m in boot["fstab"] if row["name"] in ordering.mappings_below(boot, m["source"])]
    waiting = [m for m in rows if not {"nofail", "noauto"} & set(m["options"])]
    if rows and not waiting and not options & {"nofail", "noauto", "_netdev"}:
        words = f"a boot waits for {row['name']}, and goes on without {rows[0]['target']}"
        yield "nofail-differs", words, where
    for mount in waiting:
        if "nofail" in options and mount["type"] != "swap":
            words = f"a boot goes on without {row['name']}, and fails without {mount['target']}"
            yield "nofail-differs", words, evidence(mount, "fstab")
    if "_netdev" in options:
        for mount in rows:
            if not ordering.is_remote(mount) and "noauto" not in mount["options"]:
                words = f"{mount['target']} is mounted before the network that its volume needs"
                yield "mount-netdev", words, evidence(mount, "fstab")
    if "discard" not in options and any("discard" in m["options"] for m in rows):
        words = "the file system passes TRIM to a volume that swallows it"
        yield "discard-differs", words, where


def _left(name, declared, rows, boot):
    """What is still there of a volume that is clear, or retired."""
    why = "is retired" if declared["intent"] == "retired" else "is to be clear"
    for row in rows:
        yield "entry-left", f"the volume {why} and still opened", evidence(row, "crypttab")
    for row in boot["fstab"]:
        if row["source"] == f"/dev/mapper/{name}":
            yield "mount-left", f"the volume {why} and still mounted", evidence(row, "fstab")


# ---- units -----------------------------------------------------------------------------------


def _units(row, declared, header, boot, critical):
    if not boot["systemd"]:
        return
    units, where = boot["units"], evidence(row, "crypttab")
    if units["generator"] is False:
        words = "systemd-cryptsetup-generator is not installed: systemd opens nothing of crypttab"
        yield "generator-missing", words, where
    clevis = header is not None and entries.token(header, "clevis")
    if clevis and not critical and not entries.by_unit(declared) and units["askpass"] is not True:
        gone = "is not installed" if units["askpass"] is None else "is not enabled"
        words = f"{ASKPASS} {gone}: nobody answers for the clevis token"
        yield "askpass-off", words, where
    target = REMOTE if "_netdev" in row["options"] else "cryptsetup.target"
    if target in units["masked"]:
        yield "target-masked", f"{target} is masked", where
    mounted = mounts.rows_of(row["name"], declared, boot)
    alone = "_netdev" in row["options"] and "noauto" not in row["options"] and not mounted
    if alone and units["remote"] is False:
        words = f"{REMOTE} is not enabled, and nothing else asks for the volume at boot"
        yield "remote-off", words, where


def _rings(name, mount, boot):
    mine = {unit_of(name)} | ({ordering.mount_unit(mount)} if mount else set())
    for ring in ordering.cycles(ordering.waits(boot)):
        if mine & {unit for unit, _evidence in ring}:
            yield _ring(ring)


def _ring(ring):
    units = [unit for unit, _evidence in ring]
    words = "each waits for the next, so systemd drops one: " + " -> ".join([*units, units[0]])
    shown = [said for _unit, said in ring if said.startswith("/")]
    return "cycle", words, "; ".join(dict.fromkeys(shown))
