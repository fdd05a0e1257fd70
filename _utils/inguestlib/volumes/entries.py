"""What the rows of crypttab and fstab should be for a declared volume. Pure."""

from inguestlib import fstab

# Ways that the boot itself takes; "key" has a unit of ours.
UNATTENDED = ("tpm2", "tang", "keyfile")
_TMP = ("/tmp", "/var/tmp")
_CHECKED = {"ext4": "2"}  # fsck(8) has nothing to do for the others


def is_random(declared):
    """Whether the volume gets a new random key at each boot: nothing on it outlives one."""
    return "random" in declared["unlock"]["by"]


def over_network(declared):
    """Whether nothing opens the volume before the network is there."""
    by = set(declared["unlock"]["by"])
    return bool(by & {"tang", "key"})


def by_unit(declared):
    """Whether a unit of inguest opens the volume, with the key from the store, and systemd not."""
    by = declared["unlock"]["by"]
    return "key" in by and not set(by) & set(UNATTENDED)


def waited_for(declared, critical):
    """Whether a boot without the volume is a failed boot."""
    return declared["required"] or critical


def key(declared):
    """The third field. With a TPM it would be a sealed blob, not a key: it stays empty."""
    by = declared["unlock"]["by"]
    if is_random(declared):
        return "/dev/urandom"
    if "keyfile" in by and "tpm2" not in by:
        return declared["unlock"]["keyfile"]
    return None


def source(declared, header):
    """The second field: the header's UUID; where there is no header to be, the declared name."""
    if is_random(declared):
        return declared["device"]
    return "UUID=" + (header["uuid"] if header else "(chosen-when-it-is-formatted)")


def needed(declared, header, boot, critical=False):
    """The options that a row has to have, in order."""
    by = declared["unlock"]["by"]
    luks = declared["luks"]
    if is_random(declared):
        swap = declared["filesystem"] == "swap"
        options = ["plain", f"cipher={luks['cipher']}", f"size={luks['key_size']}"]
        options.append("swap" if swap else f"tmp={declared['filesystem']}")
    else:
        options = ["luks"]
    if "tpm2" in by and boot["systemd"] and token(header, "systemd-tpm2"):
        options.append("tpm2-device=auto")
    if over_network(declared):
        options.append("_netdev")
    if by_unit(declared):
        options.append("noauto")
    if declared["discard"]:
        options.append("discard")
    # initramfs-tools takes what it needs by itself, and warns of a word it doesn't know.
    if critical and (boot["initramfs"] or {}).get("by") in ("dracut", "mkinitcpio"):
        options.append("x-initrd.attach")
    if not waited_for(declared, critical):
        options.append("nofail")
    return options


def token(header, kind):
    """Whether a header has a token of a type; before there is one, what is planned counts."""
    return header is None or any(t["type"] == kind for t in header["tokens"])


def unwanted(declared, critical=False):
    """The options, by their names, that a row must not have."""
    names = {"keyscript", "tcrypt", "bitlk"}
    if not is_random(declared):
        names |= {"swap", "tmp", "plain"}
    if not by_unit(declared):
        names.add("noauto")
    if declared["discard"] is False:
        names |= {"discard", "allow-discards"}
    if waited_for(declared, critical):
        names.add("nofail")
    if "tpm2" not in declared["unlock"]["by"]:
        names.add("tpm2-device")
    return names


def mount_options(declared, critical=False):
    """The options of the row of fstab."""
    options = [o for o in declared["options"] if o != "defaults"]
    if over_network(declared):
        options.append("_netdev")
    if not waited_for(declared, critical):
        options.append("nofail")
    return options or ["defaults"]


def crypttab_row(name, declared, header, boot, critical=False):
    """A whole row of crypttab."""
    fields = [name, source(declared, header), key(declared) or "none"]
    options = needed(declared, header, boot, critical)
    return " ".join([*map(escape, fields), ",".join(options)])


def fstab_row(name, declared, critical=False):
    """A whole row of fstab; ``None`` where the volume has none."""
    kind, options = declared["filesystem"], ",".join(mount_options(declared, critical))
    if kind == "swap":
        return f"/dev/mapper/{name} none swap {options} 0 0"
    if kind == "none" or declared["mount"] is None:
        return None
    check = "0" if is_random(declared) else _CHECKED.get(kind, "0")
    if check != "0" and declared["mount"] == "/":
        check = "1"
    return f"/dev/mapper/{name} {escape(declared['mount'])} {kind} {options} 0 {check}"


def escape(field):
    """A field with what would end it written in octal."""
    for char in ("\\", " ", "\t", "\n"):
        field = field.replace(char, f"\\{ord(char):03o}")
    return field


def with_fields(text, fields):
    """A row with some of its fields replaced (``{index: new}``); white space stays as it was."""
    found = list(fstab._FIELD.finditer(text))
    while len(found) <= max(fields):
        text += " none" if len(found) == 2 else " -"
        found = list(fstab._FIELD.finditer(text))
    for index in sorted(fields, reverse=True):
        start, end = found[index].span(2)
        text = text[:start] + fields[index] + text[end:]
    return text


def refusal(name, declared):
    """Why a volume with a random key may not be had as it is declared; ``None`` if it may."""
    if not is_random(declared):
        return None
    key = f"inguest:crypt:volumes:{name}"
    if len(declared["unlock"]["by"]) > 1:
        return f"{key}:unlock:by: random excludes every other way"
    target = declared["mount"]
    if declared["filesystem"] != "swap" and target not in _TMP:
        where = target or "no mount point"
        return f"{key}: a random key at each boot is for swap, /tmp and /var/tmp, not for {where}"
    if declared["filesystem"] == "none":
        return f"{key}:filesystem: with a random key it is made anew at each boot: name it"
    device = declared["device"]
    if device.startswith(("UUID=", "LABEL=", "/dev/disk/by-uuid/", "/dev/disk/by-label/")):
        return f"{key}:device: {device} is gone once the device is encrypted; name the partition"
    if declared["serial"] is None and declared["size"] is None:
        return f"{key}: each boot overwrites {device}: guard it by its serial or its size"
    return None
