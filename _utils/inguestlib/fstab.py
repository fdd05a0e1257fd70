"""fstab(5) and crypttab(5) as plain data, and the line with an option added."""

import re

# systemd takes these for network mounts by their type alone (src/basic/mountpoint-util.c).
NETWORK_TYPES = frozenset(
    [
        "afs",
        "ceph",
        "cifs",
        "smb3",
        "smbfs",
        "sshfs",
        "ncpfs",
        "ncp",
        "nfs",
        "nfs4",
        "gfs",
        "gfs2",
        "glusterfs",
        "pvfs2",
        "ocfs2",
        "lustre",
        "davfs",
    ]
)
# Mounts of these types wait for no device and no server.
VIRTUAL_TYPES = frozenset(
    [
        "tmpfs",
        "ramfs",
        "proc",
        "sysfs",
        "devpts",
        "devtmpfs",
        "cgroup",
        "cgroup2",
        "debugfs",
        "tracefs",
        "securityfs",
        "mqueue",
        "hugetlbfs",
        "bpf",
        "configfs",
        "fusectl",
        "efivarfs",
        "pstore",
        "binfmt_misc",
        "overlay",
    ]
)
_SECRET = re.compile(r"(?i)^(password2?|passwd|pass|secret)=")
# One field and the white space before it.
_FIELD = re.compile(r"(\s*)(\S+)")


def unescape(field):
    """A field with its octal escapes (``\\040`` is a space) resolved."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), field)


def is_network(fstype):
    """Whether a mount of this type needs the network; ``fuse.`` in front says nothing."""
    return fstype.removeprefix("fuse.") in NETWORK_TYPES


def parse_fstab(lines):
    """The mounts of an fstab.

    lines
        ``[(number, text), …]``.

    Returns dicts with ``line``, ``text``, ``source``, ``target``, ``type``, ``options`` (a list)
    and ``passno``. Where an option holds a password, it is cut from both and ``secret`` is true.
    """
    mounts = []
    for number, text in lines:
        fields = text.split()
        if len(fields) < 3 or fields[0].startswith("#"):
            continue
        options = fields[3].split(",") if len(fields) > 3 else ["defaults"]
        shown = [o.split("=")[0] + "=…" if _SECRET.match(o) else o for o in options]
        secret = shown != options
        mounts.append(
            {
                "line": number,
                "text": " ".join([*fields[:3], ",".join(shown)]) if secret else text,
                "secret": secret,
                "source": unescape(fields[0]),
                "target": unescape(fields[1]).rstrip("/") or "/",
                "type": fields[2],
                "options": shown,
                "passno": int(fields[5]) if len(fields) > 5 and fields[5].isdigit() else 0,
            }
        )
    return mounts


def with_options(text, add, drop=(), empty="defaults"):
    """The line with options added to, and dropped from, its fourth field.

    ``empty`` is the word where none is left: fstab's, or one for crypttab. Everything else of
    the line, white space included, stays as it is.
    """
    fields = list(_FIELD.finditer(text))
    if len(fields) < 4:
        return f"{text.rstrip()} {','.join(['defaults', *add])}"
    start, end = fields[3].span(2)
    have = [o for o in text[start:end].split(",") if o and o not in drop]
    return text[:start] + ",".join([*have, *add] or [empty]) + text[end:]


def parse_crypttab(lines):
    """The volumes of a crypttab: dicts with ``line``, ``text``, ``name``, ``device``, ``key``
    (``None`` where none is named) and ``options``. The key's path is read, never the key.
    """
    volumes = []
    for number, text in lines:
        fields = text.split()
        if len(fields) < 2 or fields[0].startswith("#"):
            continue
        key = fields[2] if len(fields) > 2 else "none"
        volumes.append(
            {
                "line": number,
                "text": text,
                "name": unescape(fields[0]),
                "device": unescape(fields[1]),
                "key": None if key in ("none", "-") else unescape(key),
                "options": fields[3].split(",") if len(fields) > 3 else [],
            }
        )
    return volumes


def device_path(source):
    """The path under ``/dev`` of a source such as ``UUID=…``; a path stays as it is."""
    tag, found, value = source.partition("=")
    folders = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "partuuid", "PARTLABEL": "partlabel"}
    if found and tag.upper() in folders:
        return f"/dev/disk/by-{folders[tag.upper()]}/" + value.strip('"')
    return source
