"""What has to be true of a volume before anybody may call it good. Pure: judges a fresh look."""

from inguestlib.volumes import agreement, entries, keyplan, randomkey, retire


def of(declared, observed):
    """The proofs of a volume, ``[{"way", "ok", "evidence"}]``; nothing is believed, all was tried.

    observed
        :func:`inguestlib.volumes.observed.observe`, its ``keys`` tried just now.
    """
    if declared["intent"] == "clear":
        return []
    if declared["intent"] == "retired":
        return [_retired(observed), *_agreement(observed)]
    if entries.is_random(declared):
        return [*randomkey.proofs(declared, observed), *_agreement(observed)]
    found = [_key(declared, observed, role) for role in keyplan.wanted(declared)]
    found.append(_backup(observed))
    if observed["live"]:
        found.append(_open(observed))
        if declared["filesystem"] == "swap":
            found.append(_swap(observed))
        elif declared["mount"]:
            found.append(_mount(declared, observed))
    return [*found, *_agreement(observed)]


def _proof(way, ok, evidence):
    return {"way": way, "ok": bool(ok), "evidence": evidence}


def _key(declared, observed, role):
    keys = observed["keys"]
    if role not in keyplan.BOUND:
        tried = keys["roles"].get(role, {"slot": None, "why": "was not tried"})
        return _proof(role, tried["slot"] is not None, tried["why"])
    for token in keyplan.serving(declared, observed, role):
        tried = keys["tokens"].get(str(token["id"]))
        if tried is not None:
            return _proof(role, tried["opens"], tried["why"])
    return _proof(role, False, keyplan.unbound(declared, observed, role))


def _backup(observed):
    kept = observed["backup"]
    if kept is None:
        return _proof("header backup", False, "there is none")
    state = "is of the header as it is" if kept["current"] else "is missing, or of an older header"
    return _proof("header backup", kept["current"], f"{kept['path']} {state}")


def _agreement(observed):
    if not agreement.concerns(observed):
        return []
    left = [f"{problem['words']} ({problem['evidence']})" for problem in observed["agreement"]]
    good = "crypttab, fstab, the kernel's arguments, the initramfs and the units agree"
    return [_proof("agreement", not left, "; ".join(left) or good)]


def _open(observed):
    mapping = observed["mapping"]
    ours = bool(mapping) and mapping["ours"]
    path = observed["path"]
    return _proof(
        "open", ours, f"{mapping['path']} is {path}" if ours else f"{path} has no mapping"
    )


def _swap(observed):
    on = observed["inner_swap"]
    return _proof("swap", on, "/proc/swaps " + ("lists it" if on else "does not list it"))


def _mount(declared, observed):
    at, target = observed["at_mount"], declared["mount"]
    return _proof("mount", at["ours"], f"{target} is {at['source'] or 'no mount point'}")


def _retired(observed):
    header = observed["header"]
    if header is None:
        return _proof("retired", True, f"{observed['path']} carries no LUKS header")
    slots = len(header["keyslots"])
    ok = retire.retired(observed) and observed["mapping"] is None
    return _proof("retired", ok, f"{observed['path']}: {slots} keyslots are left")
