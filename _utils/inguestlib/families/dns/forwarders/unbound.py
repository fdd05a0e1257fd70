"""unbound: where it sends questions, whom it serves, and the edits that mend it.

All pure functions of the facts of :mod:`.unbound_conf`. Without a forward-zone for ``.``
unbound asks the roots of the Internet.
"""

import fnmatch
import posixpath

from inguestlib.families.dns import address
from inguestlib.families.dns.drafts import Draft
from inguestlib.families.dns.forwarders.unbound_conf import GLOBAL_TLS, TLS


def _items(zone, *options):
    return [d for d in zone["items"] if d["option"] in options]


def name(zone):
    """The zone's name, without its final dot; ``.`` is the root."""
    names = _items(zone, "name")
    value = names[-1]["value"] if names else ""
    return value.rstrip(".").lower() or ("." if value else "")


def upstreams(facts):
    """``[(zone, server, directive), …]``; a host name stays text: it may lead anywhere."""
    found = []
    for zone in facts["zones"]:
        for item in _items(zone, "forward-addr", "stub-addr"):
            found.append((name(zone), address.parse(item["value"]) or item["value"], item))
        for item in _items(zone, "forward-host", "stub-host"):
            found.append((name(zone), item["value"], item))
    return found


def _roots(facts):
    return [z for z in facts["zones"] if z["kind"] == "forward-zone" and name(z) == "."]


def _firsts(facts):
    return [
        item
        for zone in facts["zones"]
        for item in _items(zone, "forward-first", "stub-first")
        if item["value"] == "yes"
    ]


def gaps(facts):
    """Ways to the roots of the Internet: ``[(text, evidence), …]``."""
    found = []
    if not any(_items(z, "forward-addr", "forward-host") for z in _roots(facts)):
        files = ", ".join(facts["files"])
        found.append(("asks the roots of the Internet", f"no forward-zone for . in {files}"))
    for item in _firsts(facts):
        line, text, *_ = item["parts"][0]
        found.append(
            (
                f"{item['option']}: asks the Internet when the forwarders fail",
                f"{item['path']}:{line} {text.strip()}",
            )
        )
    return found


def spelled(spec):
    """An approved server as unbound writes it: ``address@port#name``."""
    parsed = address.parse(spec)
    host = parsed["address"] + (f"%{parsed['scope']}" if parsed["scope"] else "")
    return host + (f"@{parsed['port']}" if parsed["port"] not in (0, 53) else "")


def forward_draft(facts, bad, approved):
    """Edits that leave only approved servers and no way to the roots."""
    draft = Draft()
    for item in _firsts(facts):
        draft.replace(item, f"{item['option']}: no")
    for zone in facts["zones"]:
        mine = _items(zone, "forward-addr", "forward-host", "stub-addr", "stub-host")
        wrong = [d for d in mine if d in bad]
        option = "forward-addr" if zone["kind"] == "forward-zone" else "stub-addr"
        wanted = [f"{option}: {spelled(s)}" for s in approved]
        for item in wrong:
            draft.replace(item)
        if wrong and len(wrong) == len(mine):
            text, start = wrong[0]["parts"][0][1:3]
            indent = text[:start] if not text[:start].strip() else "    "
            draft.replace(wrong[0], f"\n{indent}".join(wanted))
            _plain(draft, _items(zone, *TLS))
            _plain(draft, [d for d in facts["server"] if d["option"] in GLOBAL_TLS])
    roots = _roots(facts)
    if not any(_items(z, "forward-addr", "forward-host") for z in roots):
        _plain(draft, [d for d in facts["server"] if d["option"] in GLOBAL_TLS])
    lines = [f"    forward-addr: {spelled(s)}" for s in approved]
    if not roots:
        add(draft, facts, "forwarders", ["forward-zone:", '    name: "."', *lines])
    elif not any(_items(z, "forward-addr", "forward-host") for z in roots):
        draft.insert_after(_items(roots[-1], "name")[-1], "\n" + "\n".join(lines))
    return draft


def _plain(draft, switches):
    """Ask the new servers as the policy names them: nothing says that they speak TLS."""
    for switch in switches:
        if switch["value"] == "yes":
            draft.replace(switch, f"{switch['option']}: no")


def add(draft, facts, topic, lines):
    """Add a clause in a file of our own where an include takes one, else at the main file's end."""
    file = f"zz-inguest-{topic}.conf"
    for pattern in reversed(facts["includes"]):
        if fnmatch.fnmatchcase(file, posixpath.basename(pattern)):
            path = posixpath.join(posixpath.dirname(pattern), file)
            draft.own(path, lines, exists=path in facts["files"])
            return
    draft.append(facts["main"], lines)


def exposed(facts):
    """``[(text, directive), …]``: addresses other than loopback that it serves."""
    found = []
    for item in facts["server"]:
        if item["option"] in ("interface", "ip-address"):
            parsed = address.parse(item["value"])
            if item["value"].partition("@")[0] == "lo":
                continue
            if parsed is None or not address.is_loopback(parsed["address"]):
                found.append((item["value"], item))
        elif item["option"] == "interface-automatic" and item["value"] == "yes":
            found.append(("interface-automatic: all interfaces", item))
    return found


def listen_draft(facts):
    """Edits that leave the loopback; without any ``interface:`` unbound serves only that."""
    draft = Draft()
    for _text, item in exposed(facts):
        draft.replace(item, "interface-automatic: no" if "auto" in item["option"] else "")
    return draft


def logging(facts):
    """The directives that log questions: the last one counts."""
    found = [d for d in facts["server"] if d["option"] == "log-queries"]
    return found[-1:] if found and found[-1]["value"] == "yes" else []


def logging_draft(facts):
    """Edits that log questions."""
    draft = Draft()
    found = [d for d in facts["server"] if d["option"] == "log-queries"]
    if found and found[-1]["value"] != "yes":
        draft.replace(found[-1], "log-queries: yes")
    elif not found:
        add(draft, facts, "logging", ["server:", "    log-queries: yes"])
    return draft
