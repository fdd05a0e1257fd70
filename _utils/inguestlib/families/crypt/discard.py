"""crypt-discard: TRIM is passed through dm-crypt where that was decided, and only there."""

from inguestlib import fstab
from inguestlib import schema as s
from inguestlib.changes import Edit, File, Unit
from inguestlib.families.crypt import joined, stack, tables
from inguestlib.model import compliant, control, drift, unknown

SCHEMA = {
    "discard": s.Choice(
        ("allow", "refuse"),
        None,
        help="pass TRIM through, where a volume's own discard doesn't say: the datastore gets free "
        "space back, and sees which blocks are free",
    )
}
_OPTIONS = ("discard", "allow-discards")
_WORDS = {True: "passed through", False: "not passed through"}
_TIMER = "/etc/systemd/system/timers.target.wants/fstrim.timer"


def observe(guest, params):
    """``{"timer": bool}``: whether ``fstrim.timer`` is enabled."""
    return {"timer": guest.lstat(_TIMER) is not None}


OBSERVERS = {"trim": observe}


@control(
    id="crypt-discard",
    title="TRIM pass-through is a conscious choice",
    why="Without TRIM a thin disk only grows; with it, whoever reads the disk sees how much is "
    "free and where.",
    severity="low",
    topic="Defeats space efficiency",
    enforceable="yes",
    tier=2,
)
def discard(facts, policy):
    found = False
    for volume in joined.volumes(facts, policy):
        found = True
        yield from _volume(facts, policy, volume)
    if not found:
        yield joined.none(facts, "TRIM")


def choice(policy, volume):
    """``True``, ``False``, or ``None`` where the policy doesn't say."""
    if volume.declared and volume.declared["discard"] is not None:
        return volume.declared["discard"]
    return {"allow": True, "refuse": False, None: None}[policy["discard"]]


def _volume(facts, policy, volume):
    wanted = choice(policy, volume)
    flag = "allow-discards" in volume.header["flags"] if volume.header else False
    if volume.header:
        yield _header(volume, wanted, flag)
    if volume.row:
        yield _row(facts, policy, volume, wanted, flag)
    if volume.mapping:
        yield _mapping(facts, volume, wanted)


def _undecided(resource, on, evidence):
    """Where nobody has decided: on is drift, for it tells something; off is the default."""
    ask = "set discard of the volume in inguest:crypt:volumes, or inguest:crypt:discard"
    if on:
        comment = f"TRIM is passed through and the policy doesn't say that it should: {ask}"
        return drift(resource, _WORDS[on], "a choice", evidence=evidence, comment=comment)
    comment = f"the policy has no choice: {ask}, to allow or refuse"
    return unknown(resource, comment, observed=_WORDS[on], evidence=evidence)


def _header(volume, wanted, flag):
    resource = f"header of {volume.path}"
    evidence = f"{volume.path}: flags {volume.header['flags']}"
    if wanted is None and flag:
        return _undecided(resource, flag, evidence)
    if wanted is False and flag:
        comment = (
            f"cryptsetup refresh --persistent {volume.name}, without --allow-discards, takes the "
            "flag out of the header"
        )
        return drift(resource, _WORDS[True], _WORDS[False], evidence=evidence, comment=comment)
    comment = "" if flag else "the header leaves it to crypttab"
    return compliant(resource, flag, evidence=evidence, comment=comment)


def _row(facts, policy, volume, wanted, flag):
    row, resource = volume.row, f"{volume.row['name']} in {tables.CRYPTTAB}"
    named = [o for o in row["options"] if o in _OPTIONS]
    on, evidence = bool(named), tables.where(row)
    if wanted is None:
        return _undecided(resource, on, evidence)
    if on == wanted or (wanted and flag):
        return compliant(resource, _WORDS[on or flag], _WORDS[wanted], evidence=evidence)
    changes, comment = (), ""
    if row["secret"]:
        comment = "the line may hold a passphrase, so it is for a person to edit"
    elif policy["tables"]["enforce"]:
        changes = [File(tables.CRYPTTAB, edits=(_edit(row, wanted, named),))]
        if facts.guest["live"]:
            changes.append(Unit("systemd", "daemon-reload"))  # its generator reads crypttab
    else:
        verb = "add" if wanted else "remove"
        comment = f"inguest:crypt:tables:enforce: true would {verb} the option discard"
    return drift(
        resource, _WORDS[on], _WORDS[wanted], evidence=evidence, comment=comment, changes=changes
    )


def _edit(row, wanted, named):
    text = row["text"]
    if len(text.split()) < 3:
        text = f"{text.rstrip()} none"  # the options are the fourth field
    if len(text.split()) < 4:
        new = f"{text.rstrip()} {'discard' if wanted else ''}".rstrip()
    else:
        new = fstab.with_options(text, ["discard"] if wanted else [], named, empty="luks")
    return Edit(row["line"], row["text"], new)


def _mapping(facts, volume, wanted):
    devices = facts["stack"]["devices"]
    device = devices[volume.mapping]
    resource = f"/dev/mapper/{device['dm_name']}"
    on = device["discard"]
    can = any(devices[name]["discard"] for name in device["below"] if name in devices)
    evidence = f"/sys/class/block/{volume.mapping}/queue/discard_max_bytes: {'>' if on else '='} 0"
    if wanted is None:
        return _undecided(resource, on, evidence)
    if wanted and not on and not can:
        comment = "the disk below takes no TRIM"
        return compliant(resource, _WORDS[on], _WORDS[on], evidence=evidence, comment=comment)
    if on != wanted:
        comment = f"it counts from the next opening on, or now by cryptsetup refresh {volume.name}"
        return drift(resource, _WORDS[on], _WORDS[wanted], evidence=evidence, comment=comment)
    return compliant(
        resource,
        _WORDS[on],
        _WORDS[wanted],
        evidence=evidence,
        comment=_nobody_trims(facts, volume) if wanted else "",
    )


def _nobody_trims(facts, volume):
    mounts = [
        mount
        for mount in facts["stack"]["mounts"]
        if volume.mapping in stack.chain(facts, mount["devices"])
    ]
    if facts["trim"]["timer"] or any(mount["discard"] for mount in mounts):
        return ""
    return "nothing sends TRIM: enable fstrim.timer, or mount with discard"


CONTROLS = (discard,)
