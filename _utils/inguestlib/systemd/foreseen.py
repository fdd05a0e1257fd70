"""Units that generators will make at boot, foreseen in a tree where none has run.

Live, the generators' own output lies under /run/systemd. Offline only their input is
there: SysV scripts with their ``rc?.d`` links (systemd-sysv-generator(8)) and podman's
quadlets (podman-systemd.unit(5)).
"""

from dataclasses import field

from inguestlib.record import record
from inguestlib.systemd import names, unitfile

QUADLET_DIRS = (
    "/run/containers/systemd",
    "/etc/containers/systemd",
    "/usr/local/share/containers/systemd",
    "/usr/share/containers/systemd",
)
# What podman-systemd.unit(5) appends to the stem of each kind of file.
QUADLET_KINDS = {
    ".container": "",
    ".kube": "",
    ".pod": "-pod",
    ".volume": "-volume",
    ".network": "-network",
    ".image": "-image",
    ".build": "-build",
}
_RUNLEVELS = {
    "rc2.d": "multi-user.target",
    "rc3.d": "multi-user.target",
    "rc4.d": "multi-user.target",
    "rc5.d": "graphical.target",
}


@record
class Foreseen:
    """A unit that does not exist yet: its source, its settings, who will want it."""

    name: str
    source: str
    assignments: list = field(default_factory=list)
    wanted_by: dict = field(default_factory=dict)  # {target: the link or line that says so}


def sysv(guest, exists):
    """The SysV services of a tree; ``exists(name)`` tells which have a native unit."""
    links = {}
    for base in ("/etc", "/etc/rc.d"):
        for directory, target in _RUNLEVELS.items():
            for entry in guest.listdir(f"{base}/{directory}"):
                if len(entry) > 3 and entry[0] == "S" and entry[1:3].isdigit():
                    link = f"{base}/{directory}/{entry}"
                    links.setdefault(entry[3:], {}).setdefault(target, link)
    out = {}
    for base in ("/etc/init.d", "/etc/rc.d/init.d"):
        for script in guest.listdir(base):
            name = f"{script.removesuffix('.sh')}.service"
            if name in out or not names.is_valid(name) or exists(name):
                continue
            meta = guest.stat(f"{base}/{script}")
            if meta is None or meta.kind != "file" or not meta.mode & 0o100:
                continue
            out[name] = Foreseen(name, f"{base}/{script}", [], links.get(script, {}))
    return out


def quadlet_files(guest):
    """``[(path, suffix), …]`` of the quadlets for the whole machine, one for each name."""
    chosen = {}
    for base in QUADLET_DIRS:
        for entry, kind in guest.entries(base).items():
            suffix = entry[entry.rfind(".") :] if "." in entry else ""
            if kind in ("file", "link") and suffix in QUADLET_KINDS:
                chosen.setdefault(entry, (f"{base}/{entry}", suffix))
    return [chosen[name] for name in sorted(chosen)]


def quadlet_dropins(guest, path):
    """The drop-ins of a quadlet: ``<file>.d/*.conf`` in any quadlet directory."""
    name = path.rpartition("/")[2]
    chosen = {}
    for base in QUADLET_DIRS:
        for entry in guest.entries(f"{base}/{name}.d"):
            if entry.endswith(".conf"):
                chosen.setdefault(entry, f"{base}/{name}.d/{entry}")
    return [chosen[entry] for entry in sorted(chosen)]


def quadlet_unit(path, suffix, settings):
    """The name of the unit that a quadlet becomes; ``settings`` are its merged sections."""
    section = {".kube": "Kube"}.get(suffix, suffix[1:].capitalize())
    named = settings.get(section, {}).get("ServiceName")
    stem = path.rpartition("/")[2].removesuffix(suffix)
    return f"{named[-1][0] if named else stem + QUADLET_KINDS[suffix]}.service"


def quadlets(guest, read):
    """The units of the quadlets; ``read(path)`` gives the assignments of a file."""
    out = {}
    for path, suffix in quadlet_files(guest):
        found = list(read(path))
        for dropin in quadlet_dropins(guest, path):
            found += read(dropin)
        settings = unitfile.merge(found)
        name = quadlet_unit(path, suffix, settings)
        wanted = {}
        for key in ("WantedBy", "RequiredBy", "UpheldBy"):
            for value, source, line in settings.get("Install", {}).get(key, ()):
                for target in unitfile.words(value):
                    wanted.setdefault(target, f"{source}:{line} {key}={value}")
        if names.is_valid(name):
            out.setdefault(name, Foreseen(name, path, found, wanted))
    return out
