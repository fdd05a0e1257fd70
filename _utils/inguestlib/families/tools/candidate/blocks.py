"""What keeps updates of open-vm-tools away, or lets unsigned ones in: where each is said.

The section ``blocks`` is a list of ``{"kind", "resource", "says", "path", "line", "text",
"edits"}``. ``kind`` is ``hold`` (dpkg's own database), ``lock`` (a versionlock, a lock of zypper or
tdnf), ``exclude``, ``pin`` or ``unsigned``. ``edits`` are ``[line, old, new]`` that would undo it,
``[]`` where a person has to: the line speaks of other packages as well, or holds a credential.
``off`` is the id of the repository where that is switched off: it counts once it is on.
"""

import fnmatch
import re

from inguestlib.families.tools import names
from inguestlib.families.tools.candidate import apt, aptpins, aptsources, repofiles
from inguestlib.packages import held_by_dpkg
from inguestlib.redact import HIDDEN, redacted

_LISTS = (  # a package on each line: the plugins of dnf and yum, and tdnf
    "/etc/dnf/plugins/versionlock.list",
    "/etc/yum/pluginconf.d/versionlock.list",
    "/etc/tdnf/locks.d/*.conf",
)
_ZYPP_LOCKS = "/etc/zypp/locks"
_DNF5_LOCKS = "/etc/dnf/versionlock.toml"


def observe(guest, params):
    """The section ``blocks``."""
    del params
    manager = next((package.manager for package in guest.packages.values()), "")
    known = names.of(guest.distro.family, manager).packages
    if manager == "rpm":
        return [*_locks(guest, known), *_rpm(guest, known)]
    return [*_holds(guest, known), *_pins(guest, known), *_unsigned_apt(guest)]


def _block(kind, resource, says, path, line, text, edits=(), off=""):
    edits = [list(edit) for edit in edits]
    if any(HIDDEN in (part or "") for edit in edits for part in edit[1:]):
        edits = []
    out = {"kind": kind, "resource": resource, "says": says, "path": path, "line": line}
    return {**out, "text": text.strip(), "edits": edits, "off": off}


def _ours(pattern):
    """Whether a pattern can only mean packages of open-vm-tools."""
    return re.match(r"(open-vm-tools|libvmtools)", pattern.removeprefix("src:")) is not None


# ---- dpkg and apt --------------------------------------------------------------------------


def _holds(guest, known):
    for name in sorted(held_by_dpkg(guest) & set(known)):
        says = f"dpkg: {name} is on hold"
        yield _block("hold", name, says, "/var/lib/dpkg/status", 0, "Status: hold ok installed")


def _pins(guest, known):
    for pin in aptpins.load(guest):
        if not any(pin.names(name) for name in known):
            continue
        if pin.kind != "version" and pin.priority >= 0:
            continue  # it prefers a repository: what it hides is told by the candidates
        edits = [(n, text, None) for n, text in pin.lines] if all(map(_ours, pin.packages)) else ()
        says = f"Pin: {pin.kind} {pin.value}, Pin-Priority: {pin.priority}"
        yield _block("pin", pin.path, says, pin.path, pin.line, pin.text, edits)


_INSECURE = ("apt::get::allowunauthenticated", "acquire::allowinsecurerepositories")
_TRUE = ("1", "yes", "true", "with", "on", "enable")


def _unsigned_apt(guest):
    for source in aptsources.load(guest):
        for option in ("trusted", "allow-insecure"):
            if source.says(option):
                line, text = source.where(option)
                says = f"{option}=yes: signatures are not checked"
                new = None if source.option_lines else _without(text, option)
                edits = [(line, redacted(text), new and redacted(new))]
                name = f"{redacted(source.uri).rstrip('/')} {source.suite}"
                off = "" if source.enabled else name
                yield _block("unsigned", name, says, source.path, line, redacted(text), edits, off)
    for path, value in apt.settings(guest):
        if value.name.lower() in _INSECURE and (value.value or "").lower() in _TRUE:
            text = guest.lines(path)[value.line - 1][1]
            quoted = re.escape(value.value)
            new, count = re.subn(rf'"?{quoted}"?(\s*;)', r'"false"\1', text)
            edits = [(value.line, text, new)] if count == 1 else ()
            yield _block("unsigned", value.name, value.value, path, value.line, text, edits)


def _without(text, option):
    """A line of sources.list without one of its options."""
    head, bracket, rest = text.partition("[")
    options, close, tail = rest.partition("]")
    kept = [word for word in options.split() if not word.lower().startswith(option + "=")]
    return f"{head}[{' '.join(kept)}]{tail}" if kept else head.rstrip() + " " + tail.lstrip()


# ---- dnf, tdnf and zypper ------------------------------------------------------------------


def _locks(guest, known):
    for pattern in _LISTS:
        for path in guest.glob(pattern):
            for number, text in guest.lines(path):
                entry = text.strip().removeprefix("!")
                if entry.startswith("#") or not entry:
                    continue
                if any(locks(entry, name) for name in known):
                    edits = [(number, text, None)] if _ours(_unepoch(entry)) else ()
                    yield _block("lock", path, f"locked: {entry}", path, number, text, edits)
    yield from _stanzas(guest, known)


def _unepoch(entry):
    return re.sub(r"^\d+:", "", entry)


def locks(entry, name):
    """Whether an entry of a versionlock list speaks of a package.

    Entries are names or ``name-[epoch:]version-release[.arch]``, shell patterns in them.

    >>> locks("open-vm-tools-0:12.3.5-2.el9.*", "open-vm-tools"), locks("bash-5*", "open-vm-tools")
    (True, False)
    """
    entry = _unepoch(entry)
    if fnmatch.fnmatchcase(name, entry):
        return True
    match = re.fullmatch(r"(.+?)-(?:\d+:)?[\d*?\[].*", entry)
    return match is not None and fnmatch.fnmatchcase(name, match[1])


def _stanzas(guest, known):
    """zypper's locks and dnf5's: the lines of an entry go together."""
    for path, key, start in (
        (_ZYPP_LOCKS, r"\s*solvable_name:\s*(\S+)", r"\s*$"),
        (_DNF5_LOCKS, r'\s*name\s*=\s*"([^"]+)"', r"\s*\[\[packages\]\]"),
    ):
        stanza = []
        for number, text in [*guest.lines(path), (0, None)]:
            if text is None or re.match(start, text):
                yield from _stanza(path, key, stanza, known)
                stanza = []
            if text is not None and text.strip():
                stanza.append((number, text))


def _stanza(path, key, stanza, known):
    for number, text in stanza:
        match = re.match(key, text)
        if match and any(fnmatch.fnmatchcase(name, match[1]) for name in known):
            edits = [(n, t, None) for n, t in stanza] if _ours(match[1]) else ()
            yield _block("lock", path, f"locked: {match[1]}", path, number, text, edits)


def _rpm(guest, known):
    manager = repofiles.manager(guest)
    if manager is None:
        return
    conf = repofiles.main(guest, manager)
    yield from _excludes(conf, manager.name, known)
    for name, values in repofiles.repositories(guest, manager).items():
        off = name if "enabled" in values and not values["enabled"].yes else ""
        yield from _excludes(values, name, known, off)
        yield from _unsigned_rpm(manager, conf, name, values, off)


def _excludes(values, where, known, off=""):
    for key in ("exclude", "excludepkgs"):
        value = values.get(key)
        if value is None:
            continue
        patterns = repofiles.words(value.value)
        hits = [p for p in patterns if any(fnmatch.fnmatchcase(name, p) for name in known)]
        if not hits:
            continue
        kept = [p for p in patterns if p not in hits]
        one_line = value.text.strip().endswith(patterns[-1])
        edits = ()
        if all(map(_ours, hits)) and one_line:
            new = f"{key}={' '.join(kept)}" if kept else None
            edits = [(value.line, value.text, new)]
        says = f"{where}: {key} {' '.join(hits)}"
        yield _block("exclude", where, says, value.path, value.line, value.text, edits, off)


def _unsigned_rpm(manager, conf, name, values, off):
    own, general = values.get("gpgcheck"), conf.get("gpgcheck")
    if own is not None:
        if own.yes or any(values[k].yes for k in ("repo_gpgcheck", "pkg_gpgcheck") if k in values):
            return
        edits = [(own.line, own.text, "gpgcheck=1")]
        says = "gpgcheck=0: signatures are not checked"
        yield _block("unsigned", name, says, own.path, own.line, own.text, edits, off)
    elif not (general.yes if general else manager.checked):
        head = values[""]
        edits = [(head.line, head.text, f"{head.text}\ngpgcheck=1")]
        where = f"{general.path}:{general.line} gpgcheck=0" if general else "no file says gpgcheck"
        says = f"signatures are not checked: {where}"
        yield _block("unsigned", name, says, head.path, head.line, head.text, edits, off)
