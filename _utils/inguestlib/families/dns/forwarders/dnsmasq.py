"""dnsmasq: where it sends questions, whom it serves, and the edits that mend it.

All pure functions of the facts of :mod:`.dnsmasq_conf`. Semantics from dnsmasq(8): a
server may be limited to domains; without ``no-resolv`` the servers of the resolv-files are
asked as well; without ``bind-interfaces`` or ``bind-dynamic`` the wildcard address is bound.
"""

import ipaddress
import posixpath

from inguestlib.families.dns import address
from inguestlib.families.dns.drafts import Draft
from inguestlib.families.dns.forwarders.dnsmasq_conf import taken


def target(value):
    """``(domains, server)`` of a ``server=`` value; a pure function.

    ``server`` is an address as :func:`address.parse` gives it, ``None`` where the domains
    are answered locally or by the ordinary servers, or the text that is no address.
    """
    domains = []
    if value.startswith("/"):
        *domains, value = value[1:].split("/")
    value = value.partition("@")[0].strip()
    if value in ("", "#"):
        return domains, None
    host, _, port = value.partition("#")
    server = address.parse(host)
    if server is None:
        return domains, value
    return domains, {**server, "port": int(port) if port.isdigit() else 0}


def upstreams(facts):
    """``[(zone, server, directive), …]``: where questions are sent, by the directives."""
    found = []
    for directive in facts["directives"]:
        option, value = directive["option"], directive["value"]
        if option == "rev-server":
            zone, _, value = value.partition(",")
            server = target(value)[1]
            found += [(zone, server, directive)] if server else []
        elif option in ("server", "local"):
            domains, server = target(value)
            if server is not None:
                found.append((" ".join(domains) or ".", server, directive))
    return found


def disabled(facts):
    """The directive that switches its DNS service off, or ``None``."""
    ports = [d for d in facts["directives"] if d["option"] == "port"]
    return ports[-1] if ports and ports[-1]["value"] == "0" else None


def gaps(facts, good):
    """Ways out that no directive names: ``[(text, evidence), …]``.

    good
        ``good(server)`` tells whether a server may be asked.
    """
    found = []
    for file in facts["resolv"]:
        if not file["exists"]:
            found.append((f"servers come from {file['path']}", f"{file['path']} does not exist"))
        for server in file["servers"]:
            parsed = address.parse(server["server"])
            if not parsed or not good(parsed):
                found.append(
                    (server["server"], f"{file['path']}:{server['line']} {server['text']}")
                )
        if file["exists"] and not file["servers"]:
            found.append((f"servers come from {file['path']}", f"{file['path']} names none yet"))
    return found


def forward_draft(facts, bad, missing, approved):
    """Edits that leave only approved servers.

    bad
        Directives that name an unapproved server.
    missing
        Whether resolv-files have to be left out (:func:`gaps` found something).
    """
    draft = Draft()
    default = [(s, d) for zone, s, d in upstreams(facts) if zone == "."]
    kept = [s["address"] for s, d in default if d not in bad and isinstance(s, dict)]
    lines = [f"server={spelled(one)}" for one in approved if _plain(one) not in kept]
    stand_in = next((d for _s, d in default if d in bad and d["parts"][0][3]), None)
    need = missing or (stand_in is not None and not kept)
    for directive in bad:
        draft.replace(directive)
    if need and stand_in is not None and stand_in["path"] in facts["files"] and lines:
        draft.replace(stand_in, "\n".join(lines))
        lines = []
    if missing:
        lines = ["no-resolv", *lines]
    if need and lines:
        add(draft, facts, "forwarders", lines)
    return draft


def _plain(spec):
    parsed = address.parse(spec)
    return parsed["address"] if parsed else spec


def spelled(spec):
    """An approved server as dnsmasq writes it: ``address#port``."""
    parsed = address.parse(spec)
    host = parsed["address"] + (f"%{parsed['scope']}" if parsed["scope"] else "")
    return host + (f"#{parsed['port']}" if parsed["port"] not in (0, 53) else "")


def add(draft, facts, topic, lines):
    """Add lines in a file of our own where a conf-dir takes one, else at the main file's end."""
    name = f"zz-inguest-{topic}.conf"
    for where, filters in facts["dirs"]:
        if taken(name, filters):
            path = posixpath.join(where, name)
            draft.own(path, lines, exists=path in facts["files"])
            return
    if facts["main"] in facts["files"]:
        draft.append(facts["main"], lines)
    else:
        draft.own(facts["main"], lines, exists=False)


def exposed(facts):
    """``[(text, directive or None), …]``: addresses other than loopback that it serves."""
    by = {}
    for directive in facts["directives"]:
        by.setdefault(directive["option"], []).append(directive)
    found = []
    for directive in by.get("listen-address", []):
        found += [(a, directive) for a in split(directive["value"]) if not _is_loopback(a)]
    for directive in by.get("interface", []):
        found += [(i, directive) for i in split(directive["value"]) if i != "lo"]
    named = by.get("listen-address") or by.get("interface")
    host = any(d["value"] == "host" for d in by.get("local-service", []))
    if not found and host and not named:
        return []
    if not (by.get("bind-interfaces") or by.get("bind-dynamic")):
        found.append(("binds the wildcard address", None))
    elif not named:
        found.append(("all interfaces", None))
    return found


def split(value):
    """The parts of a comma list."""
    return [part.strip() for part in value.split(",") if part.strip()]


def _is_loopback(text):
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def listen_draft(facts):
    """Edits that leave the loopback only; empty when DHCP is served, for that needs a person."""
    draft = Draft()
    options = {d["option"] for d in facts["directives"]}
    found = exposed(facts)
    if "dhcp-range" in options or not found:
        return draft
    bad = [d for _text, d in found if d is not None]
    left = False
    for directive in facts["directives"]:
        if directive["option"] not in ("listen-address", "interface"):
            continue
        good = [
            p
            for p in split(directive["value"])
            if p == "lo" or (directive["option"] == "listen-address" and _is_loopback(p))
        ]
        left = left or bool(good)
        if directive in bad:
            kept = f"{directive['option']}={','.join(good)}" if good else ""
            draft.replace(directive, kept)
    lines = [] if left else ["listen-address=127.0.0.1"]
    if not options & {"bind-interfaces", "bind-dynamic"}:
        lines.append("bind-interfaces")
    if lines:
        add(draft, facts, "listen", lines)
    return draft


def logging(facts):
    """The directives that log questions."""
    return [d for d in facts["directives"] if d["option"] == "log-queries"]


def logging_draft(facts):
    """Edits that log questions."""
    draft = Draft()
    if not logging(facts):
        add(draft, facts, "logging", ["log-queries"])
    return draft
