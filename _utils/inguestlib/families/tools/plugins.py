"""tools-plugin-inventory: vmtoolsd finds no plugin that nobody expects."""

from inguestlib import packagefiles
from inguestlib import schema as s
from inguestlib.changes import File, Package, Unit
from inguestlib.families.tools import names, places
from inguestlib.families.tools.installed import gate, named
from inguestlib.model import compliant, control, drift, not_applicable, unknown

# Those of the package open-vm-tools itself, as upstream and the distributions build it.
EXPECTED = (
    *("appInfo", "componentMgr", "deployPkg", "gdp", "guestInfo", "guestStore", "powerOps"),
    *("resolutionKMS", "timeSync", "vmbackup", "hgfsServer", "vix"),
)
# What the policy declares as read by somebody outside needs its plugin.
CONSUMERS = {
    "appinfo": "appInfo",
    "containerinfo": "containerInfo",
    "servicediscovery": "serviceDiscovery",
}
DESKTOP = f"{names.PACKAGE}-desktop"
# Code that a daemon of the system may run: anything else was put there by hand.
_SYSTEM = ("/usr/lib", "/lib", "/usr/bin/", "/usr/sbin/")

SCHEMA = {
    "plugins": s.Struct(
        {
            "allowed": s.ListOf(
                s.Str(pattern=r"[\w.+-]+", wanted="a plugin's name such as serviceDiscovery"),
                EXPECTED,
                unique=True,
                help="the plugins of vmtoolsd that may be there, by name: lib<name>.so",
            ),
            "remove": s.Bool(
                False, help="delete a plugin that no package brought; it may be an intruder's trace"
            ),
        },
        help="what vmtoolsd may load",
    )
}


def observe(guest, params):
    """``{"folders": […], "files": [{"path", "name", "owner"}], "loaded": …}``.

    ``owner`` is the package that brought the file, or ``None``. ``loaded``, live only:
    ``{"running": bool, "asked": bool, "strange": [path, …], "folders": […]}``: code that
    vmtoolsd runs from outside the system's folders, and plugin folders that its command line
    names; ``asked`` is false where it can't be looked at.
    """
    del params
    loaded = _loaded(guest) if guest.live else None
    folders = places.plugin_folders(guest)
    folders += [at for at in (loaded or {}).get("folders", ()) if at not in folders]
    owned = _owned(guest)
    found = []
    for folder in folders:
        for name in guest.listdir(folder):
            if name.endswith(".so"):
                path = f"{folder}/{name}"
                owner = owned.get(path) or packagefiles.owner(guest, path)
                found.append({"path": path, "name": plugin(name), "owner": owner})
    return {"folders": folders, "files": found, "loaded": loaded}


def plugin(file):
    """A plugin's name by its file's: ``libdeployPkgPlugin.so`` is ``deployPkg``."""
    return file.removeprefix("lib").removesuffix(".so").removesuffix("Plugin")


def _owned(guest):
    manager = next((package.manager for package in guest.packages.values()), "")
    mine = names.of(guest.distro.family, manager).packages
    return {
        guest.resolve(path) or path: one.package
        for path, one in packagefiles.files(guest, mine).items()
        if path.endswith(".so")
    }


def _loaded(guest):
    """What runs in vmtoolsd, of the service's own process."""
    out = {"running": False, "asked": False, "strange": [], "folders": []}
    for process in guest.processes:
        exe = (process.exe or "").removesuffix(" (deleted)")
        if process.contained or process.uid or exe.rpartition("/")[2] != "vmtoolsd":
            continue
        out["running"] = True
        out["folders"] += [at for at in _named(process.argv) if guest.is_dir(at)]
        try:
            maps = guest.read(f"/proc/{process.pid}/maps") or ""
        except OSError:
            continue
        out["asked"] = out["asked"] or bool(maps)
        for path in sorted(_code(maps) - {exe, *out["strange"]}):
            if not path.startswith(_SYSTEM) and not packagefiles.owner(guest, path):
                out["strange"].append(path)
    return out


def _named(argv):
    """The folders of ``--plugin-path`` and ``--common-path``."""
    for i, word in enumerate(argv):
        option, equals, value = word.partition("=")
        if option in ("--plugin-path", "-p", "--common-path"):
            value = value if equals else "".join(argv[i + 1 : i + 2])
            if value.startswith("/"):
                yield value.rstrip("/")


def _code(maps):
    """The files that ``/proc/PID/maps`` maps as code."""
    found = set()
    for line in maps.split("\n"):
        fields = line.split(None, 5)
        if len(fields) == 6 and "x" in fields[1] and fields[5].startswith("/"):
            found.add(fields[5].removesuffix(" (deleted)"))
    return found


OBSERVERS = {"plugins": observe}


@control(
    id="tools-plugin-inventory",
    title="Only expected plugins are installed and loaded",
    why="vmtoolsd loads every library in its plugin folders as root: a file more is a way back in.",
    severity="medium",
    topic="VMware Tools is a privileged channel between host and guest",
    enforceable="partial",
)
def tools_plugin_inventory(facts, policy):
    seen = facts["plugins"]
    if not seen["files"]:
        if finding := gate(facts):
            yield finding
        else:
            yield not_applicable("plugins", "vmtoolsd has no folder with plugins here")
        return
    allowed = {*policy["plugins"]["allowed"], *(CONSUMERS[one] for one in policy["consumers"])}
    good = []
    for one in seen["files"]:
        finding = _judge(one, facts, policy, allowed)
        if finding is None:
            good.append(one)
        else:
            yield finding
    if good:
        yield compliant(
            "plugins",
            sorted(one["name"] for one in good),
            sorted(allowed),
            evidence="; ".join(f"{one['path']} of {one['owner']}" for one in good),
        )
    yield from _strange(seen["loaded"], facts.guest["privileged"])


def _judge(one, facts, policy, allowed):
    path, owner = one["path"], one["owner"]
    known = owner in named(facts).packages
    if known and (one["name"] in allowed or (owner == DESKTOP and policy["desktop"]["allowed"])):
        return None
    if owner and not known and one["name"] in allowed:
        return None  # of another vendor, and the policy names it
    evidence = f"{path}: {f'of the package {owner}' if owner else 'no package brought it'}"
    expected = "a plugin of open-vm-tools" if not owner else "one of " + ", ".join(sorted(allowed))
    comment, changes = _cure(one, known, facts, policy)
    return drift(
        path,
        one["name"],
        expected,
        evidence=evidence,
        comment=comment,
        changes=changes,
    )


_ALLOW = "or name it in inguest:tools:plugins:allowed or :consumers"


def _cure(one, known, facts, policy):
    live, owner = facts.guest["live"], one["owner"]
    if owner is None:
        if policy["plugins"]["remove"]:
            return "vmtoolsd runs it as root", [File(one["path"], absent=True), *_restart(facts)]
        return "vmtoolsd runs it as root: find out who put it there, then remove it", []
    if not known:
        return f"it is of {owner}, not of open-vm-tools: remove that, {_ALLOW}", []
    if owner == facts["installed"]["main"]:
        return f"it comes with {owner} itself: turn it off in tools.conf, {_ALLOW}", []
    comment = f"who relies on it ({owner}) loses it: {_ALLOW[3:]} then"
    if live:
        return comment, [Package(owner, installed=False)]
    return f"remove {owner} where the image is built, {_ALLOW}", []


def _restart(facts):
    """What unloads a plugin: vmtoolsd keeps what it has loaded."""
    loaded = facts["plugins"]["loaded"]
    return [Unit(named(facts).daemon, "restart")] if loaded and loaded["asked"] else []


def _strange(loaded, privileged):
    if loaded is None:
        return
    for path in loaded["strange"]:
        yield drift(
            path,
            "runs in vmtoolsd",
            "code of a package only",
            evidence=f"/proc/PID/maps of vmtoolsd maps {path}, which no package brought",
            comment="find out who loads it (LD_PRELOAD, /etc/ld.so.preload, a plugin)",
        )
    if not loaded["running"] and privileged:
        none = "/proc: no process of root's runs vmtoolsd"
        yield not_applicable("vmtoolsd", "it doesn't run: it has loaded nothing", evidence=none)
    elif not loaded["asked"]:
        yield unknown("vmtoolsd", "what it has loaded only root may see")
    elif not loaded["strange"]:
        yield compliant(
            "vmtoolsd",
            "code of the system only",
            "code of packages only",
            evidence="/proc/PID/maps of vmtoolsd maps no code from outside /usr and /lib",
        )


CONTROLS = (tools_plugin_inventory,)
