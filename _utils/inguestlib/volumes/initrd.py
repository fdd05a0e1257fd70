"""Whether the kernel's arguments and the initramfs open what the root stands on. Pure."""

from inguestlib.volumes.ordering import evidence

_OFF = ("luks=no", "luks=0", "rd.luks=0", "rd.luks=no", "luks.crypttab=no", "luks.crypttab=0")
_OFF += ("rd.luks.crypttab=no", "rd.luks.crypttab=0")
_UUIDS = ("rd.luks.uuid", "luks.uuid")
_NAMES = ("rd.luks.name", "luks.name")


def problems(row, header, boot):
    """The problems of a volume that the initramfs has to open: ``(id, words, evidence)``."""
    uuid = header["uuid"] if header else _uuid(row["device"])
    by = (boot["initramfs"] or {}).get("by")
    yield from _arguments(row, uuid, boot, by)
    for image in (boot["initramfs"] or {}).get("images", ()):
        yield from _image(row, uuid, image, boot, by)


def _uuid(source):
    tag, _, value = source.partition("=")
    return value.strip('"') if tag == "UUID" else None


def named(boot):
    """``{uuid: the name it gets, or None}`` of the volumes that the arguments list."""
    found = {}
    for argument in boot["arguments"]:
        key, _, value = argument["word"].partition("=")
        if key in _UUIDS:
            found.setdefault(value.removeprefix("luks-").lower(), None)
        elif key in _NAMES:
            of, _, name = value.partition("=")
            found[of.lower()] = name
    return found


def _arguments(row, uuid, boot, by):
    said = {a["word"]: f"{a['path']}:{a['line']} {a['word']}" for a in boot["arguments"]}
    for word in _OFF:
        if word in said and by != "initramfs-tools":
            yield "arguments-off", f"{word}: the initramfs opens no volume of crypttab", said[word]
    listed = named(boot)
    if listed and uuid and by == "dracut":
        if uuid.lower() not in listed:
            words = f"the kernel's arguments list volumes, and {row['name']} is not among them"
            yield "arguments-other", words, "; ".join(s for w, s in said.items() if "luks." in w)
    name = listed.get((uuid or "").lower())
    if name and name != row["name"]:
        words = f"the initramfs opens it as {name}, crypttab as {row['name']}"
        yield "arguments-name", words, next(s for w, s in said.items() if w.endswith(f"={name}"))
    for word, where in said.items():
        key, _, value = word.partition("=")
        if key == "cryptdevice":
            other = value.split(":")[1] if ":" in value else ""
            if other and other != row["name"] and uuid and uuid.lower() in value.lower():
                words = f"the initramfs opens it as {other}, crypttab as {row['name']}"
                yield "arguments-name", words, where
    yield from _root(row, boot, said)
    if by == "dracut" and "_netdev" in row["options"] and "rd.neednet=1" not in said:
        words = "rd.neednet=1 is missing: the root's key comes over a network that is not set up"
        yield "arguments-neednet", words, evidence(row, "crypttab")


def _root(row, boot, said):
    """Whether ``root=`` and ``resume=`` lead to where the initramfs has opened something."""
    mapping = boot["mappings"].get(row["name"])
    for word, where in said.items():
        key, _, value = word.partition("=")
        known = boot["sources"].get(value)
        mine = known and row["name"] in (known["mapping"], *known["under"])
        if key == "root" and mapping and "/" in mapping["mounts"] and known and not mine:
            words = f"the kernel is told another root than the one that stands on {row['name']}"
            yield "arguments-root", words, where
        if key == "resume" and mine and {"swap"} & set(row["options"]):
            words = f"{row['name']} gets a new key at each boot: nothing can be resumed from it"
            yield "arguments-resume", words, where


def _image(row, uuid, image, boot, by):
    where = image["path"]
    if image["error"]:
        yield "initramfs-unread", f"the initramfs could not be read: {image['error']}", where
        return
    rows = [r for r in image["rows"] if r["name"] == row["name"]]
    if not rows:
        if by == "dracut" and uuid and uuid.lower() in named(boot):
            return
        table = f"its {image['table']}" if image["table"] else "which has no crypttab"
        words = f"the initramfs of {image['release']} does not open {row['name']}"
        yield "initramfs-missing", f"{words}: {table}", where
        return
    there = rows[0]
    for what, old, new in (
        ("device", _uuid(there["device"]), _uuid(row["device"])),
        ("options", set(there["options"]), set(row["options"])),
    ):
        if old is not None and new is not None and old != new:
            shown = there["text"].strip()
            words = f"the initramfs of {image['release']} is older than crypttab: other {what}"
            yield "initramfs-older", words, f"{where}({image['table']}) {shown}"
