"""cloud-init's configuration of what VMware may do to the guest, as cloud-init and Tools read it.

cloud-init merges ``/etc/cloud/cloud.cfg`` and, above it, ``cloud.cfg.d/*.cfg``: the file that
sorts last wins. Tools look for one line by a pattern of their own
(``libDeployPkg/linuxDeploymentUtilities.c``): from 12.3 on in the drop-ins, the last first, then
in cloud.cfg; before that only in cloud.cfg.
"""

import re

from inguestlib.families.dns.owners import yamltree
from inguestlib.redact import redacted

MAIN = "/etc/cloud/cloud.cfg"
FOLDER = "/etc/cloud/cloud.cfg.d"
OWNED = f"{FOLDER}/zz-inguest.cfg"
DISABLED = "/etc/cloud/cloud-init.disabled"
INSTANCE = "/var/lib/cloud/instance"

FLAG = "disable_vmware_customization"
RAW = "datasource.VMware.allow_raw_data"
SOURCES = "datasource_list"
KEEP = "manual_cache_clean"

_TRUE = ("true", "1", "on", "yes")
_TOOLS = re.compile(rf"\s*{FLAG}\s*:\s*(true|false)\s*(\s#.*)?")
_TOOLS_LINE = 255  # longer ones are read in pieces


def observe(guest, params):
    """What is set, where.

    ``installed``; ``off``: why cloud-init does not start, as evidence; ``settings``: for each of
    the four keys its settings, the last one counts, each with ``value`` (for a list: its items,
    ``None`` if neither), ``path``, ``line``, ``text``, ``start`` and ``end`` (columns; ``None``
    where a credential is masked in the line, which can't be edited then);
    ``tools``: the lines that Tools may take for :data:`FLAG`; ``folder``: where drop-ins are
    read, or ``""``; ``errors``: files that are no YAML, which cloud-init passes over;
    ``instance``: what the guest was provisioned as, or ``None``.
    """
    del params
    seen = {
        "installed": guest.exists("/usr/bin/cloud-init"),
        "off": [],
        "settings": {key: [] for key in (FLAG, RAW, SOURCES, KEEP)},
        "tools": [],
        "folder": FOLDER,
        "errors": [],
        "instance": None,
    }
    if not seen["installed"]:
        return seen
    seen["off"] = list(_off(guest))
    seen["instance"] = guest.readlink(INSTANCE)
    _file(guest, MAIN, seen)
    for path in guest.glob(f"{FOLDER}/*.cfg"):
        if guest.lstat(path).kind == "file":
            seen["tools"] += _tools_lines(guest, path)
    for path in guest.glob(f"{seen['folder']}/*.cfg") if seen["folder"] else ():
        _file(guest, path, seen)
    return seen


def _off(guest):
    """Evidence that cloud-init does not run at boot: ds-identify(8), or masked units."""
    if guest.exists(DISABLED):
        yield f"{DISABLED}: exists"
    if guest.live and "cloud-init=disabled" in (line := guest.read("/proc/cmdline") or ""):
        yield f"/proc/cmdline:1 {line.strip()}"
    masked = [n for n in ("main", "local", "") if _masked(guest, n)]
    if "main" in masked or {"local", ""} <= set(masked):
        yield "; ".join(f"{_unit(name)} is masked" for name in masked)


def _unit(name):
    return f"/etc/systemd/system/cloud-init{'-' if name else ''}{name}.service"


def _masked(guest, name):
    return guest.readlink(_unit(name)) == "/dev/null"


def _file(guest, path, seen):
    text = guest.read(path)
    if text is None:
        return
    if path == MAIN:
        seen["tools"] += _tools_lines(guest, path)
    try:
        root = yamltree.compose(text)
    except yamltree.Malformed as exc:
        seen["errors"].append({"path": path, "line": exc.line, "message": str(exc)})
        return
    if path == MAIN and (folder := yamltree.get(root, "conf_d")) is not None:
        seen["folder"] = yamltree.scalar(folder).strip().rstrip("/")
    text_lines = text.split("\n")
    for key, found in seen["settings"].items():
        node = yamltree.get(root, *key.split("."))
        if node is not None:
            found.append(_setting(path, text_lines, node))


def _setting(path, text_lines, node):
    value = None
    if node.id == "scalar":
        value = node.value
    elif node.id == "sequence":
        value = [yamltree.scalar(one) for one in node.value]
    start, end = node.start_mark, node.end_mark
    text = text_lines[start.line]
    last_column = end.column if end.line == start.line else len(text)
    whole = redacted(text) == text
    return {
        "value": value,
        "path": path,
        "line": start.line + 1,
        "text": redacted(text),
        "start": start.column if whole else None,
        "end": last_column if whole else None,
    }


def _tools_lines(guest, path):
    found = []
    for number, text in guest.lines(path):
        match = _TOOLS.fullmatch(text.rstrip("\r")) if len(text) < _TOOLS_LINE else None
        if match:
            at = {"path": path, "line": number, "text": redacted(text), "value": match[1]}
            found.append({**at, "commented": bool(match[2]), "end": match.end(1)})
    return found


def last(seen, key):
    """The setting of a key that counts for cloud-init, or ``None``."""
    return seen["settings"][key][-1] if seen["settings"][key] else None


def truth(setting, default):
    """What cloud-init makes of a setting that says yes or no."""
    if setting is None:
        return default
    return isinstance(setting["value"], str) and setting["value"].strip().lower() in _TRUE


def tools_reads(seen, version):
    """The line by which Tools hand customisation to cloud-init, or ``None``: it says false.

    version
        ``(major, minor)`` of Tools, or ``None`` where it isn't known: then any line counts
        that some version takes.
    """
    lines = [at for at in seen["tools"] if not at["commented"] or version is None or version >= _13]
    main = [at for at in lines if at["path"] == MAIN]
    old = next((at for at in main if at["value"] == "false"), None)
    if version is not None and version < (12, 3):
        return old
    drop_ins = [at for at in lines if at["path"] != MAIN]
    new = (drop_ins or main or [None])[-1]
    new = new if new and new["value"] == "false" else None
    return new or (old if version is None else None)


_13 = (13, 1)
