"""resolvconf(8) in its two forms: Debian's, with head, base and tail; and openresolv."""

from inguestlib.changes import HEADER, Edit, File, Refresh
from inguestlib.families.dns.owners import lists, resolv_conf, shell

TITLE = "resolvconf"
PROGRAMS = ("/usr/sbin/resolvconf", "/sbin/resolvconf")
PARTS = "/etc/resolvconf/resolv.conf.d"
OPEN = "/etc/resolvconf.conf"
_STATE = ("/run/resolvconf/interface", "/run/resolvconf/interfaces", "/run/resolvconf/keys")
_VARIABLES = {
    "name_servers": "servers",
    "name_servers_append": "servers",
    "name_servers_prepend": "servers",
    "search_domains": "search",
    "search_domains_append": "search",
}


def there(guest):
    """Whether resolvconf is installed; systemd's program of this name only talks to resolved."""
    program = next((guest.resolve(p) for p in PROGRAMS if guest.exists(p)), None)
    return program is not None and not program.endswith("/resolvectl")


def observe(guest, params):
    """The static parts, openresolv's variables, and what each link handed in."""
    installed = there(guest)
    out = {
        "installed": installed,
        "enabled": installed,
        "running": installed and guest.live,
        "flavour": "openresolv" if guest.exists(OPEN) and not guest.exists(PARTS) else "resolvconf",
        "head": None,
        "lists": [],
        "auto": [],
        "errors": [],
    }
    files = [f"{PARTS}/{part}" for part in ("head", "base", "original", "tail")]
    files += [f"{folder}/{name}" for folder in _STATE for name in guest.listdir(folder)]
    for path in files:
        text = guest.read(path) if not guest.is_dir(path) else None
        if text is None:
            continue
        if path.endswith("/head"):
            out["head"] = path
        parsed = resolv_conf.parse(text, path)
        for found in parsed["lists"]:
            found["link"] = path.rsplit("/", 1)[1] if path.startswith("/run/") else ""
            found["effective"] = found["effective"] and not path.endswith("/original")
        out["lists"] += parsed["lists"]
        out["errors"] += parsed["errors"]
    entries, errors = shell.parse(guest.read(OPEN) or "", OPEN)
    out["errors"] += errors
    for e in entries:
        kind = _VARIABLES.get(e["key"])
        if kind and e["value"].split():
            pairs = [(word, e["line"]) for word in e["value"].split()]
            how = lists.style(f'{e["key"]}="', suffix='"')
            line = [(e["line"], e["text"])]
            out["lists"].append(lists.make(kind, OPEN, line, pairs, how, scope=e["key"]))
    return out


def provide(section, want):
    """The changes that make resolvconf itself name the policy's servers, before all others."""
    if section["flavour"] == "openresolv":
        line = f'name_servers="{" ".join(want.servers)}"'
        return (File(OPEN, edits=(Edit(0, None, line),)),)
    lines = [f"nameserver {server}" for server in want.servers[: resolv_conf.MAXNS]]
    if section["head"]:
        return (File(section["head"], edits=tuple(Edit(0, None, line) for line in lines)),)
    return (File(f"{PARTS}/head", content="\n".join([HEADER, *lines]) + "\n", mode="0644"),)


def reload(section):
    """What makes resolvconf write the file again."""
    return (Refresh("resolvconf"),) if section["running"] else ()
