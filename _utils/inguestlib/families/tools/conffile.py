"""The configuration files of VMware Tools as they are read: by GLib's rules, and what counts.

``tools.conf`` is vmtoolsd's, ``tools-global.conf`` the cached copy of what a GuestStore serves to
every guest, ``vgauth.conf`` VGAuthService's. A file that GLib refuses counts for nothing: every
key is at its default.
"""

from typing import NamedTuple

from inguestlib import keyfile, redact
from inguestlib.families.tools import places
from inguestlib.record import record

HOME = "/etc/vmware-tools"
TOOLS = f"{HOME}/tools.conf"
GLOBAL = f"{HOME}/tools-global.conf"
TEMPORARY = f"{HOME}/temp-global.conf"
VGAUTH = f"{HOME}/vgauth.conf"


# ---- observing -----------------------------------------------------------------------------


def observe(guest, params):
    """``{"files": {path: seen or None}, "stale": [path], "plugins": {"folders", "files"}}``.

    ``seen`` is ``{"entries": [{"group", "key", "value", "line", "text"}], "rejects": [{"line",
    "text", "kind", "why", "mend"}], "repairs": [[line, old, new]]}``; with ``rejects`` GLib refuses
    the file, ``entries`` is what the ``repairs`` would keep. Credentials are masked.
    ``stale`` is what GlobalConf has left behind.
    """
    del params
    return {
        "stale": [path for path in (GLOBAL, TEMPORARY) if guest.lstat(path) is not None],
        "files": {path: _seen(guest, path) for path in (TOOLS, GLOBAL, VGAUTH)},
        "plugins": _plugins(guest),
    }


def _seen(guest, path):
    if (meta := guest.stat(path)) is None:
        return None
    if meta.kind != "file":
        why = {"why": f"a {meta.kind}, not a file", "mend": "remove it"}
        reject = {"line": 0, "text": "", "kind": "no-file", **why}
        return {"entries": [], "rejects": [reject], "repairs": []}
    return seen(guest.read(path) or "")


def seen(text):
    """The text of a key file as facts; see :func:`observe`."""
    found = keyfile.parse(text)
    repairs = keyfile.repairs(text) if found.rejects else []
    return {
        "entries": [_masked(e._asdict(), "value", "text") for e in found.entries],
        "rejects": [_masked({k: r._asdict()[k] for k in _REJECT}, "text") for r in found.rejects],
        "repairs": [[line, redact.redacted(old), _mended(new)] for line, old, new in repairs],
    }


_REJECT = ("line", "text", "kind", "why", "mend")


def _masked(data, *keys):
    return {k: redact.redacted(v) if k in keys else v for k, v in data.items()}


def _mended(new):
    # A line that is shown masked can't be written: the credential itself is not known here.
    return new if redact.redacted(new) == new else "# removed: a line that GLib refuses"


def _plugins(guest):
    folders = places.plugin_folders(guest)
    files = {f"{at}/{n}": n for at in folders for n in guest.listdir(at) if n.endswith(".so")}
    return {"folders": folders, "files": {name: path for path, name in sorted(files.items())}}


SCHEMA = {}
OBSERVERS = {"conf": observe}
CONTROLS = ()


# ---- what counts ---------------------------------------------------------------------------


@record
class Key:
    """A key as VMware Tools read it.

    type
        ``boolean``, ``integer``, ``string``, or ``word``: a string whose blanks are trimmed.
    default
        What counts where the key is absent or not of its type; a value of the type.
    since
        The upstream release that reads it first.
    plugin
        The file name of the plugin that reads it, if it is one that may be absent.
    invalid
        What counts where the key is not of its type, if that is not the default.
    """

    group: str
    name: str
    type: str
    default: object
    since: tuple = ()
    plugin: str = ""
    path: str = TOOLS
    invalid: object = None

    @property
    def label(self):
        """How findings name it."""
        return f"{self.path} [{self.group}] {self.name}"


class Value(NamedTuple):
    """What counts for a key: its value, where it comes from, and the evidence.

    source
        ``file``, ``global`` or ``default``.
    entry
        The entry of the file, one that counts for nothing too, or ``None``.
    fallback
        Whether the file says something that is not of the key's type.
    """

    value: object
    source: str
    evidence: str
    entry: dict | None = None
    fallback: bool = False


def read(key, text):
    """A raw value as the key's type; ``None`` where it is none, so that the default counts."""
    if key.type == "boolean":
        return keyfile.boolean(text)
    if key.type == "integer":
        return keyfile.integer(text)
    value = keyfile.string(text)
    return value.strip() if key.type == "word" and value is not None else value


def written(key, value):
    """A value of the key's type as it stands in the file."""
    return ("true" if value else "false") if key.type == "boolean" else str(value)


def instead(key):
    """What counts where the file says something that is not of the key's type."""
    return key.default if key.invalid is None else key.invalid


def rejected(facts, path=TOOLS):
    """What makes GLib refuse the file, the first line of it, or ``None``."""
    seen = facts["conf"]["files"][path]
    return seen["rejects"][0] if seen and seen["rejects"] else None


def place(path, entry):
    """Evidence: where an entry stands, and its text."""
    return f"{path}:{entry['line']} {entry['text'].strip()}"


def entries(facts, group, path=TOOLS):
    """The entries of a group that count, in order; those of a refused file do not."""
    seen = facts["conf"]["files"][path]
    mine = [e for e in seen["entries"] if e["group"] == group] if seen else []
    return list({e["key"]: e for e in mine}.values())


def effective(facts, key, mended=False, alone=False):
    """The :class:`Value` that counts for a key.

    mended
        A refused file is taken as it will be once it is repaired.
    alone
        As if there were no global file.
    """
    bad = None if mended else rejected(facts, key.path)
    if bad and key.path != VGAUTH:
        return Value(key.default, "default", refusal(key.path, bad))
    found = _last(facts, key, key.path)
    if bad and (found is None or found["line"] > bad["line"]):
        # VGAuthService goes on with what stands above the line.
        found = _last(facts, key, key.path, bad["line"])
        if found is None:
            return Value(key.default, "default", refusal(key.path, bad))
    source, path = "file", key.path
    if found is None and not alone and key.path == TOOLS and _global(facts, mended):
        found, source, path = _last(facts, key, GLOBAL), "global", GLOBAL
    shown = written(key, key.default) or "nothing"
    if found is None:
        says = "doesn't say" if facts["conf"]["files"][key.path] else "is not there to say"
        says = f"{key.path} {says}"
        says += f" [{key.group}] {key.name}; the default is {shown}"
        return Value(key.default, "default", says)
    value = read(key, found["value"])
    if value is None:
        counts = instead(key)
        note = f"{place(path, found)} (no {key.type}: {written(key, counts)} counts)"
        return Value(counts, "default", note, found, True)
    return Value(value, source, place(path, found), found)


def refusal(path, bad):
    """Evidence of a refused file: its first bad line and why."""
    where = f"{path}:{bad['line']} {bad['text'].strip()}" if bad["line"] else path
    return f"{where} ({bad['why']}: GLib refuses the file)"


def _last(facts, key, path, above=None):
    seen = facts["conf"]["files"][path]
    mine = [
        e
        for e in (seen["entries"] if seen else ())
        if (e["group"], e["key"]) == (key.group, key.name) and (not above or e["line"] < above)
    ]
    return mine[-1] if mine else None


GLOBALCONF = Key("globalconf", "enabled", "boolean", False, (11, 3, 0))


def _global(facts, mended):
    """Whether keys that the file lacks are taken from the global one."""
    on = effective(facts, GLOBALCONF, mended, alone=True).value
    return on and facts["conf"]["files"][GLOBAL] and not rejected(facts, GLOBAL)
