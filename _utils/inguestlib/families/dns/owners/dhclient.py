"""ISC dhclient: dhclient.conf(5)."""

import re

from inguestlib.changes import HEADER, Edit, File
from inguestlib.families.dns.owners import ifupdown, lists, presence, shell

TITLE = "dhclient"
CONFIGS = ("/etc/dhcp/dhclient.conf", "/etc/dhclient.conf", "/etc/dhcp/dhclient6.conf")
HOOKS = "/etc/dhcp/dhclient-enter-hooks.d"
HOOK = f"{HOOKS}/inguest"
# What the hook sets: the IP version of servers, 0 for search domains.
_VARIABLES = {
    "new_domain_name_servers": 4,
    "new_dhcp6_name_servers": 6,
    "new_domain_search": 0,
    "new_dhcp6_domain_search": 0,
}
PROGRAMS = ("/usr/sbin/dhclient", "/sbin/dhclient")
_OPTIONS = {
    "domain-name-servers": ("servers", 4),
    "dhcp6.name-servers": ("servers", 6),
    "domain-name": ("search", 0),
    "domain-search": ("search", 0),
    "dhcp6.domain-search": ("search", 0),
}
_SETTING = re.compile(
    r"\b(?P<verb>supersede|prepend|append|default)\s+"
    r"(?P<option>domain-name-servers|dhcp6\.name-servers|domain-name|domain-search"
    r"|dhcp6\.domain-search)\s+(?P<values>[^;{}]*)(?P<end>;?)"
)
_SEND = re.compile(r"\bsend\s+(?:host-name|fqdn\.\w+|dhcp6\.fqdn)\s[^;{}]*;")
_REQUEST = re.compile(r"(?P<also>\balso\s+)?\brequest\s+(?P<options>[^;{}]*);")


def _bare(text):
    """The text with comments blanked out, so that positions stay."""
    return re.sub(r"#[^\n]*", lambda m: " " * len(m[0]), text)


def parse(text, path):
    """``{"lists", "superseded": {option: evidence}, "requested": set | None,
    "sends", "errors"}``."""
    lines = text.split("\n")
    bare = _bare(text)
    out = {"lists": [], "superseded": {}, "requested": None, "sends": [], "errors": []}
    for found in _SETTING.finditer(bare):
        first = bare.count("\n", 0, found.start()) + 1
        last = bare.count("\n", 0, found.end()) + 1
        if not found["end"]:
            message = f"{found['verb']} {found['option']} does not end with ';'"
            out["errors"].append({"path": path, "line": first, "message": message})
            continue
        kind, version = _OPTIONS[found["option"]]
        spanned = [(n, lines[n - 1]) for n in range(first, last + 1)]
        before = lines[first - 1][: found.start() - (bare.rfind("\n", 0, found.start()) + 1)]
        after = lines[last - 1][found.end() - (bare.rfind("\n", 0, found.end()) + 1) :]
        pairs = []
        for word in re.finditer(r'[^,\s"]+', found["values"]):
            number = bare.count("\n", 0, found.start("values") + word.start()) + 1
            pairs.append((word[0], number))
        quoted = '"' if kind == "search" else ""
        how = lists.style(
            f"{before}{found['verb']} {found['option']} {quoted}",
            sep=f"{quoted}, {quoted}",
            suffix=f"{quoted};{after}",
            family=version,
        )
        if found["option"] == "domain-name":
            how["limit"] = 1
        scope = f"{found['verb']} {found['option']} {first}"
        if pairs:
            out["lists"].append(
                lists.make(kind, path, spanned, pairs, how, scope=scope, verb=found["verb"])
            )
        if found["verb"] == "supersede":
            out["superseded"][found["option"]] = f"{path}:{first} {lines[first - 1].strip()}"
    for found in _SEND.finditer(bare):
        first, last = (bare.count("\n", 0, at) + 1 for at in found.span())
        out["sends"].append(
            {
                "path": path,
                "lines": [[n, lines[n - 1]] for n in range(first, last + 1)],
                "text": text[found.start() : found.end()],
            }
        )
    for found in _REQUEST.finditer(bare):
        names = {name.strip() for name in found["options"].split(",")}
        if found["also"]:
            out["requested"] = None if out["requested"] is None else out["requested"] | names
        else:
            out["requested"] = names
    return out


def observe(guest, params):
    """The settings, and whether a stanza of ifupdown takes servers by DHCP."""
    installed = presence.installed(guest, *PROGRAMS)
    out = {
        "installed": installed,
        "enabled": False,
        "running": False,
        "path": next((c for c in CONFIGS if guest.exists(c)), CONFIGS[0]),
        "hooks": guest.is_dir(HOOKS),
        "lists": [],
        "auto": [],
        "errors": [],
    }
    superseded, requested, sends = {}, None, []
    for path in CONFIGS:
        parsed = parse(guest.read(path) or "", path)
        out["lists"] += parsed["lists"]
        out["errors"] += parsed["errors"]
        sends += parsed["sends"]
        superseded.update(parsed["superseded"])
        requested = parsed["requested"] if parsed["requested"] is not None else requested
    out["lists"] += _hooked(guest)
    for family, option in (("inet", "domain-name-servers"), ("inet6", "dhcp6.name-servers")):
        if not (installed and ifupdown.uses_dhcp(guest, family)):
            continue
        out["enabled"] = True
        refused = requested is not None and option not in requested
        default = f"{out['path']} does not supersede {option}"
        if refused:
            default = f"{out['path']} does not request {option}"
        out["auto"].append(
            {
                "path": out["path"],
                "protocol": "dhcp4" if family == "inet" else "dhcp6",
                "option": option,
                "accepts": option not in superseded and not refused,
                "evidence": superseded.get(option, default),
                "generated": "",
                "domains": _takes_domains(family, superseded, requested),
                "domains_evidence": f"{out['path']} does not supersede {_DOMAINS[family][-1]}",
                "sends": bool(sends),
                "sends_at": sends,
                "sends_evidence": "; ".join(
                    f"{s['path']}:{s['lines'][0][0]} {' '.join(s['text'].split())}" for s in sends
                )
                or f"{out['path']} sends no name",
            }
        )
    return out


def ignore_auto(section, auto, want):
    """The changes that make dhclient put the policy's servers in the place of DHCP's.

    ``()`` where the policy has no server of that version: there is nothing to put.
    """
    option = auto["option"]
    how = lists.style(f"supersede {option} ", sep=", ", suffix=";", family=_OPTIONS[option][1])
    line = "".join(lists.written(how, want.servers))
    if not line:
        return ()
    changes = (File(section["path"], edits=(Edit(0, None, line),), mode="0644"),)
    return changes + _hook(section, want)


_DOMAINS = {"inet": ("domain-name", "domain-search"), "inet6": ("dhcp6.domain-search",)}


def _takes_domains(family, superseded, requested):
    """Whether DHCP's domain or search list would be used."""
    return any(
        option not in superseded and (requested is None or option in requested)
        for option in _DOMAINS[family]
    )


def ignore_domains(section, auto, want):
    """The changes that put the policy's search domains in the place of DHCP's."""
    if not want.search:
        return ()
    edits = []
    for option in _DOMAINS["inet" if auto["protocol"] == "dhcp4" else "inet6"]:
        names = want.search[:1] if option == "domain-name" else want.search
        quoted = ", ".join(f'"{name}"' for name in names)
        edits.append(Edit(0, None, f"supersede {option} {quoted};"))
    return (File(section["path"], edits=tuple(edits), mode="0644"), *_hook(section, want))


def _hook(section, want):
    return (File(HOOK, content=hook(want), mode="0644"),) if section["hooks"] else ()


def hook(want):
    """What dhclient-script(8) reads before it acts.

    A client that runs has read its configuration at its start; without this its next
    renewal would bring the old servers back.
    """
    lines = [HEADER]
    for variable, version in _VARIABLES.items():
        said = version and want.servers
        said = said and lists.written(lists.style("", family=version), want.servers)
        if said:
            lines += [f'if [ -n "${variable}" ]; then', f'    {variable}="{said[0]}"', "fi"]
    if want.search:
        for variable, value in (
            ("new_domain_name", want.search[0]),
            ("new_domain_search", " ".join(want.search)),
            ("new_dhcp6_domain_search", " ".join(want.search)),
        ):
            lines += [f'if [ -n "${variable}" ]; then', f'    {variable}="{value}"', "fi"]
    return "\n".join(lines) + "\n"


def _hooked(guest):
    """What our hook says, so that it follows a policy that changes."""
    entries, _ = shell.parse(guest.read(HOOK) or "", HOOK)
    return [
        lists.make(
            "servers" if _VARIABLES[e["key"]] else "search",
            HOOK,
            [(e["line"], e["text"])],
            [(word, e["line"]) for word in e["value"].split()],
            # without any value the assignment stays: an empty body is no shell
            lists.style(f'    {e["key"]}="', suffix='"', family=_VARIABLES[e["key"]], keep=True),
            scope=e["key"],
        )
        for e in entries
        if e["key"] in _VARIABLES and e["value"].split()
    ]


def keep_name(section, auto, want):
    """The changes that keep the guest's name from DHCP."""
    edits = {}
    for said in auto["sends_at"]:
        first = said["lines"][0]
        alone = " ".join(text.strip() for _, text in said["lines"]) == " ".join(
            said["text"].split()
        )
        for number, text in said["lines"]:
            new = None if alone else text.replace(said["text"], "")
            if alone or (number == first[0] and len(said["lines"]) == 1):
                edits.setdefault(said["path"], []).append(Edit(number, text, new))
    return tuple(File(path, edits=tuple(lines)) for path, lines in edits.items())
