"""NetworkManager: NetworkManager.conf(5), its conf.d, and keyfiles (nm-settings-keyfile(5))."""

from inguestlib.changes import HEADER, Edit, File, Refresh, Unit
from inguestlib.families.dns.owners import ini, lists, presence

TITLE = "NetworkManager"
UNIT = "NetworkManager.service"
OWN = "/etc/NetworkManager/conf.d/zz-inguest.conf"
PROGRAMS = ("/usr/sbin/NetworkManager", "/usr/bin/NetworkManager", "/sbin/NetworkManager")
_INTERN = "/var/lib/NetworkManager/NetworkManager-intern.conf"
_PROFILES = tuple(
    f"{top}/NetworkManager/system-connections" for top in ("/etc", "/run", "/usr/lib")
)
_PORTS = ("master", "controller", "slave-type", "port-type")


def observe(guest, params):
    """The modes of ``[main]``, the global DNS, and what every profile says."""
    installed = presence.installed(guest, *PROGRAMS)
    entries, errors = [], []
    for path in config_files(guest):
        found, wrong = ini.parse(guest.read(path) or "", path, comments="#", continuation=False)
        entries += found
        errors += wrong
    out = {
        "installed": installed,
        "enabled": installed and presence.enabled(guest, UNIT),
        "running": installed and presence.running(guest, UNIT),
        "main": {
            key: _last(entries, "main", key) for key in ("dns", "rc-manager", "systemd-resolved")
        },
        "lists": _global(entries),
        "auto": [],
        "errors": errors,
        "profiles": [],
    }
    for path in profile_files(guest, out["errors"]):
        text = presence.readable(guest, path, out["errors"])
        found, wrong = ini.parse(text or "", path, comments="#", continuation=False)
        out["errors"] += wrong
        if not found:
            continue
        profile = _profile(found, path, text)
        out["profiles"].append(profile["profile"])
        out["lists"] += profile["lists"]
        out["auto"] += profile["auto"]
    return out


def config_files(guest):
    """The configuration in the order in which later settings win."""
    shared = {}
    for top in ("/usr/lib", "/run"):
        for name in guest.listdir(f"{top}/NetworkManager/conf.d"):
            shared[name] = f"{top}/NetworkManager/conf.d/{name}"
    local = guest.listdir("/etc/NetworkManager/conf.d")
    for name in local:  # one in /etc hides those of its name
        shared.pop(name, None)
    files = [shared[name] for name in sorted(shared)]
    files.append("/etc/NetworkManager/NetworkManager.conf")
    files += [f"/etc/NetworkManager/conf.d/{name}" for name in local]
    files = [f for f in files if f.endswith(".conf")] + [_INTERN]
    return [f for f in files if (meta := guest.stat(f)) is not None and meta.kind == "file"]


def profile_files(guest, errors):
    """The keyfiles; the first of two with one name counts."""
    by_name = {}
    for folder in _PROFILES:
        for name in presence.listed(guest, folder, errors):
            if name.startswith(".") or name.endswith(("~", ".bak", ".rpmsave", ".rpmnew")):
                continue
            meta = guest.stat(f"{folder}/{name}")
            if meta is not None and meta.kind == "file":
                by_name.setdefault(name, f"{folder}/{name}")
    return [by_name[name] for name in sorted(by_name)]


def _last(entries, section, key):
    found = [e for e in entries if e["section"] == section and e["key"] == key]
    return {k: found[-1][k] for k in ("value", "path", "line")} if found else None


def _words(text):
    return [word.strip() for word in text.replace(";", ",").split(",") if word.strip()]


def _global(entries):
    out, last = [], {}
    for e in entries:
        section = e["section"].removeprefix(".intern.")
        if section.startswith("global-dns-domain-") and e["key"] == "servers":
            kind, key = "servers", section
        elif section == "global-dns" and e["key"] in ("searches", "domains"):
            kind, key = "search", section
        else:
            continue
        words = [(word, e["line"]) for word in _words(e["value"])]
        if not words:
            continue
        how = lists.style(f"{e['key']}=", sep=",")
        found = lists.make(kind, e["path"], e["lines"], words, how, scope=section)
        if (key, kind) in last:
            last[key, kind].update(effective=False, overridden_by=f"{e['path']}:{e['line']}")
        last[key, kind] = found
        out.append(found)
    return out


def _profile(entries, path, whole):
    """One keyfile: its lists, and where it takes servers from DHCP or routers."""

    def get(section, key):
        return next((e for e in entries[::-1] if e["section"] == section and e["key"] == key), None)

    def text(section, key):
        entry = get(section, key)
        return entry["value"] if entry else ""

    generated = "netplan" if path.startswith("/run/") and "/netplan-" in path else ""
    link = text("connection", "interface-name") or text("connection", "id")
    out = {
        "profile": {"path": path, "id": text("connection", "id"), "link": link},
        "lists": [],
        "auto": [],
    }
    port = any(text("connection", key) for key in _PORTS)
    for version in (4, 6):
        section = f"ipv{version}"
        for key, kind in (("dns", "servers"), ("dns-search", "search")):
            entry = get(section, key)
            if entry and (words := _words(entry["value"])):
                how = lists.style(
                    f"{key}=", sep=";", suffix=";", family=version if kind == "servers" else 0
                )
                pairs = [(word, entry["line"]) for word in words]
                out["lists"].append(
                    lists.make(
                        kind, path, entry["lines"], pairs, how, link=link, generated=generated
                    )
                )
        method = get(section, "method")
        if port or (method["value"] if method else "auto") not in ("auto", "dhcp"):
            continue
        ignore = get(section, "ignore-auto-dns")
        send = get(section, "dhcp-send-hostname")
        header = _header(whole, section)
        why = ignore or method
        out["auto"].append(
            {
                "path": path,
                "protocol": f"{section} auto",
                "section": section,
                "accepts": not (ignore and ini.truth(ignore["value"], False)),
                "evidence": f"{path}:{why['line']} {why['key']}={why['value']}"
                if why
                else f"{path}: [{section}] names no method, and its default is auto",
                "at": [ignore["line"], ignore["lines"][0][1]] if ignore else None,
                "sends": ini.truth(send["value"], True) if send else True,
                "sends_at": [send["line"], send["lines"][0][1]] if send else None,
                "sends_evidence": f"{path}:{send['line']} dhcp-send-hostname={send['value']}"
                if send
                else f"{path}: [{section}] dhcp-send-hostname is not set, and its default is true",
                "after": header,
                "generated": generated,
                "link": link,
            }
        )
    return out


def _header(whole, section):
    for number, line in enumerate(whole.split("\n"), 1):
        if line.strip() == f"[{section}]":
            return [number, line]
    return None


def content(want):
    """Our conf.d file: global servers, which NetworkManager prefers over every profile's."""
    lines = [HEADER]
    if want.search is not None:
        lines += ["[global-dns]", f"searches={','.join(want.search)}"]
    lines += ["[global-dns-domain-*]", f"servers={','.join(want.servers or ())}"]
    return "\n".join(lines) + "\n"


def provide(section, want):
    """The changes that make NetworkManager itself name the policy's servers."""
    return (File(OWN, content=content(want), mode="0644"),)


def ignore_auto(section, auto, want):
    """The changes that refuse the servers of DHCP and router advertisements in a profile."""
    if auto["generated"]:  # its generator can't say it for NetworkManager; global servers win
        return () if uses_resolved(section) else provide(section, want)
    return _say(auto, want)


def keep_name(section, auto, want):
    """The changes that keep the guest's name from DHCP in a profile."""
    return () if auto["generated"] else _say(auto, want)


def _say(auto, want):
    """One edit for both settings: each may have to be put behind the same header."""
    edits, missing = [], []
    for wrong, at, said in (
        (want.ignore_dhcp and auto["accepts"], auto["at"], "ignore-auto-dns=true"),
        (want.keep_name and auto["sends"], auto["sends_at"], "dhcp-send-hostname=false"),
    ):
        if wrong and at:
            edits.append(Edit(*at, said))
        elif wrong:
            missing.append(said)
    if missing and auto["after"]:
        number, header = auto["after"]
        edits.append(Edit(number, header, "\n".join([header, *missing])))
    elif missing:
        edits.append(
            Edit(0, None, "\n".join(["", f"[{auto['section']}]", "method=auto", *missing]))
        )
    return (File(auto["path"], edits=tuple(edits)),) if edits else ()


def global_servers(section):
    """The list of the global default domain that is in force, or ``None``."""
    for found in section["lists"]:
        if found.get("scope") == "global-dns-domain-*" and found["effective"]:
            return found
    return None


def uses_resolved(section):
    """Whether NetworkManager is told to hand its servers to systemd-resolved."""
    main = section["main"]["dns"]
    return bool(main) and "systemd-resolved" in main["value"]


def writes_resolv_conf(main):
    """Whether the modes of ``[main]`` let NetworkManager write /etc/resolv.conf itself."""
    mode = main["dns"]["value"] if main["dns"] else "default"
    manager = main["rc-manager"]["value"] if main["rc-manager"] else "auto"
    return not mode.startswith(("none", "systemd-resolved")) and manager not in (
        "unmanaged",
        "resolvconf",
        "netconfig",
    )


def reload(section):
    """What makes NetworkManager read its files again; profiles need a restart, which keeps
    the links up."""
    if not section["running"]:
        return ()
    return (Refresh("networkmanager"), Unit(UNIT, "restart"))
