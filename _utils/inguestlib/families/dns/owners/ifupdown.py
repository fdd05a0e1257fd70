"""ifupdown: interfaces(5) with what it sources; ``dns-*`` options are for resolvconf."""

import posixpath

from inguestlib.families.dns.owners import lists, presence, resolvconf

TITLE = "ifupdown"
MAIN = "/etc/network/interfaces"
PROGRAMS = ("/usr/sbin/ifup", "/sbin/ifup")
_OPTIONS = {
    "dns-nameservers": "servers",
    "dns-nameserver": "servers",
    "dns-search": "search",
    "dns-domain": "search",
}
_STARTS = {"iface", "auto", "mapping", "source", "source-directory", "no-auto-down", "no-scripts"}


def statements(text):
    """``[(number, words, [[number, text], …])]`` with continued lines joined."""
    out, lines, index = [], text.split("\n"), 0
    while index < len(lines):
        spanned = [[index + 1, lines[index]]]
        whole = lines[index]
        index += 1
        if whole.strip().startswith("#"):
            continue
        while whole.endswith("\\") and index < len(lines):
            spanned.append([index + 1, lines[index]])
            whole = whole[:-1] + " " + lines[index]
            index += 1
        if words := whole.split():
            out.append((spanned[0][0], words, spanned))
    return out


def stanzas(guest):
    """``(stanzas, errors)`` of all files; a stanza is ``{"path", "line", "link", "family",
    "method", "options": [(number, words, lines)]}``."""
    return guest.once(("dns", "stanzas"), lambda: _stanzas(guest))


def _stanzas(guest):
    found, errors, seen = [], [], set()

    def load(path):
        if path in seen:
            return
        seen.add(path)
        current = None
        for number, words, spanned in statements(guest.read(path) or ""):
            start = words[0]
            if start in _STARTS or start.startswith("allow-"):
                current = None
            if start == "iface":
                if len(words) < 2:
                    message = "iface without a name"
                    errors.append({"path": path, "line": number, "message": message})
                    continue
                words = [*words, "", ""]
                current = {
                    "path": path,
                    "line": number,
                    "link": words[1],
                    "family": words[2],
                    "method": words[3],
                    "text": spanned[0][1],
                    "options": [],
                }
                found.append(current)
            elif start == "source" and len(words) > 1:
                for pattern in words[1:]:
                    for name in guest.glob(posixpath.join("/etc/network", pattern)):
                        if not guest.is_dir(name):
                            load(name)
            elif start == "source-directory" and len(words) > 1:
                folder = posixpath.join("/etc/network", words[1])
                for name in guest.listdir(folder):
                    if name.replace("-", "").replace("_", "").isalnum():
                        load(f"{folder}/{name}")
            elif current is not None:
                current["options"].append((number, words, spanned))

    load(MAIN)
    return found, errors


def uses_dhcp(guest, family="inet"):
    """Whether a stanza takes its address by DHCP."""
    return any(s["method"] == "dhcp" and s["family"] == family for s in stanzas(guest)[0])


def observe(guest, params):
    """The ``dns-*`` options of every stanza."""
    found, errors = stanzas(guest)
    effective = resolvconf.there(guest)
    installed = presence.installed(guest, *PROGRAMS)
    out = []
    for stanza in found:
        for number, words, spanned in stanza["options"]:
            kind = _OPTIONS.get(words[0])
            if not kind or len(words) < 2:
                continue
            indent = spanned[0][1][: len(spanned[0][1]) - len(spanned[0][1].lstrip())]
            name = "dns-nameservers" if kind == "servers" else words[0]
            out.append(
                lists.make(
                    kind, stanza["path"], spanned, [(word, number) for word in words[1:]],
                    lists.style(f"{indent}{name} "), link=stanza["link"], effective=effective,
                    overridden_by="" if effective else "no resolvconf is installed to read it",
                    scope=f"{stanza['link']} {stanza['family']} {stanza['line']} {name}",
                )
            )  # fmt: skip
    return {
        "installed": installed,
        "enabled": installed and bool(found),
        "running": False,
        "stanzas": [{k: s[k] for k in ("path", "line", "link", "family", "method")} for s in found],
        "lists": lists.joined(out),
        "auto": [],  # dhclient's and dhcpcd's own files decide about DHCP
        "errors": errors,
    }
