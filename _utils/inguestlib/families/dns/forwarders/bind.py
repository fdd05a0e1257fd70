"""BIND: where it sends questions, whom it serves, and the edits that mend it.

All pure functions of the facts of :mod:`.bind_conf`. A server that recurses without
forwarders, or with ``forward first`` (the default), asks the roots of the Internet.
"""

from inguestlib.families.dns import address
from inguestlib.families.dns.drafts import Draft
from inguestlib.families.dns.forwarders.bind_conf import ASKED


def _in(facts, scope, option):
    return [d for d in facts["directives"] if d["scope"] == scope and d["option"] == option]


def _zone_types(facts):
    return {d["scope"]: d["value"].lower() for d in facts["directives"] if d["option"] == "type"}


def upstreams(facts):
    """``[(scope, server, element), …]``: where questions are sent.

    Primaries count for the zones that ask them questions (``stub``), not for those that
    fetch a copy.
    """
    types = _zone_types(facts)
    found = []
    for directive in facts["directives"]:
        option, scope = directive["option"], directive["scope"]
        asked = option == "forwarders" or (
            types.get(scope) in ("stub", "static-stub") and (option in ASKED)
        )
        for element in directive["elements"] if asked else ():
            word = element["value"].split()[0] if element["value"] else ""
            found.append((scope, address.parse(word) or word, element))
    return found


def _last(facts, scope, option):
    found = _in(facts, scope, option)
    return found[-1] if found else None


def recursing(facts):
    """The scopes (views, or ``options`` where there are none) that recurse."""
    views = [b["scope"] for b in facts["blocks"] if b["scope"].startswith("view")]
    return [
        scope
        for scope in views or ["options"]
        if (_last(facts, scope, "recursion") or _last(facts, "options", "recursion") or {}).get(
            "value", "yes"
        )
        not in ("no", "false", "0")
    ]


def _effective(facts, scope, option):
    return _last(facts, scope, option) or _last(facts, "options", option)


def gaps(facts):
    """Ways to the roots of the Internet: ``[(text, evidence, scope, option), …]``."""
    found = []
    for scope in recursing(facts):
        forwarders = _effective(facts, scope, "forwarders")
        if forwarders is None or not forwarders["elements"]:
            where = _where(forwarders) or f"no forwarders in {', '.join(facts['files'])}"
            place = forwarders["scope"] if forwarders else "options"
            found.append(("asks the roots of the Internet", where, place, "forwarders"))
        policy = _effective(facts, scope, "forward")
        if policy is None or policy["value"] != "only":
            where = _where(policy) or f"no 'forward only' in {', '.join(facts['files'])}"
            text = "asks the roots of the Internet when the forwarders fail"
            found.append((text, where, policy["scope"] if policy else "options", "forward"))
    types = _zone_types(facts)
    for scope in sorted({d["scope"] for d in facts["directives"] if "zone " in d["scope"]}):
        forwarders, policy = _last(facts, scope, "forwarders"), _last(facts, scope, "forward")
        listed = bool(forwarders and forwarders["elements"])
        if types.get(scope) == "forward" and not listed:
            where = _where(forwarders) or f"{scope} has no forwarders"
            found.append((f"{scope}: asks the roots of the Internet", where, scope, "forwarders"))
        elif not listed:
            continue
        if (policy or {}).get("value") != "only":
            where = _where(policy) or f"{_where(forwarders) or scope} without 'forward only'"
            text = f"{scope}: asks the roots of the Internet when the forwarders fail"
            found.append((text, where, scope, "forward"))
    return list(dict.fromkeys(found))


def _where(directive):
    if directive is None:
        return ""
    line, text, *_ = directive["parts"][0]
    return f"{directive['path']}:{line} {text.strip()}"


def spelled(spec):
    """An approved server as named writes it: ``address port n``."""
    parsed = address.parse(spec)
    host = parsed["address"] + (f"%{parsed['scope']}" if parsed["scope"] else "")
    return host + (f" port {parsed['port']}" if parsed["port"] not in (0, 53) else "")


def forward_draft(facts, bad, approved):
    """Edits that leave only approved servers and no way to the roots."""
    draft = Draft()
    wanted = " ".join(f"{spelled(s)};" for s in approved)
    for directive in facts["directives"]:
        wrong = [e for e in directive["elements"] if e in bad]
        for element in wrong:
            draft.replace(element)
        if wrong and len(wrong) == len(directive["elements"]):
            # A port or TLS for the whole list was the old servers' own.
            whole = directive["option"] == "forwarders" and directive["value"]
            if whole:
                draft.replace(directive, f"forwarders {{ {wanted} }};")
            else:
                draft.replace(wrong[0], wanted)
    fresh = {}
    for _text, _evidence, scope, option in gaps(facts):
        here = _last(facts, scope, option)
        if option == "forward" and here:
            draft.replace(here, "forward only;")
        elif option == "forwarders" and here:
            if here["open"]:
                draft.insert_after(here["open"], f" {wanted}")
            else:  # "forwarders;", which named refuses
                draft.replace(here, f"forwarders {{ {wanted} }};")
        else:
            text = "forward only;" if option == "forward" else f"forwarders {{ {wanted} }};"
            fresh.setdefault(scope, []).append(text)
    for scope, lines in fresh.items():
        _insert(draft, facts, scope, list(dict.fromkeys(lines)))
    return draft


def _insert(draft, facts, scope, lines):
    block = next((b for b in facts["blocks"] if b["scope"] == scope), None)
    if block is None:
        draft.append_block(facts["main"], f"{scope} {{", [f"\t{line}" for line in lines], "};")
    else:
        draft.insert_after(block, "".join(f"\n\t{line}" for line in lines))


def exposed(facts):
    """``[(text, element or option name), …]``: addresses other than loopback that it serves."""
    found = []
    for option, family in (("listen-on", "IPv4"), ("listen-on-v6", "IPv6")):
        mine = _in(facts, "options", option)
        if not mine:
            found.append((f"{family}: all interfaces, for there is no {option}", option))
        for directive in mine:
            for element in directive["elements"]:
                if not _loopback_only(element):
                    found.append((element["value"] or "nested list", element))
    return found


def _loopback_only(element):
    if element["nested"]:
        return False
    value = element["value"].split()[0] if element["value"] else ""
    if value.startswith("!") or value == "none":
        return True
    try:
        parsed = address.parse(value.partition("/")[0])
    except ValueError:
        return False
    return parsed is not None and address.is_loopback(parsed["address"])


def listen_draft(facts):
    """Edits that leave the loopback."""
    draft = Draft()
    home = {"listen-on": "127.0.0.1;", "listen-on-v6": "::1;"}
    found = [e for _text, e in exposed(facts)]
    missing = [e for e in found if isinstance(e, str)]
    for directive in facts["directives"]:
        if directive["option"] not in home or directive["scope"] != "options":
            continue
        wrong = [e for e in directive["elements"] if e in found]
        for element in wrong:
            draft.replace(element)
        if wrong and len(wrong) == len(directive["elements"]):
            draft.replace(wrong[0], home[directive["option"]])
    if missing:
        _insert(draft, facts, "options", [f"{m} {{ {home[m]} }};" for m in missing])
    return draft


def logging(facts):
    """The directives that log questions; a category for them switches the log on as well."""
    said = _in(facts, "options", "querylog")
    if said:
        return said[-1:] if said[-1]["value"] in ("yes", "true", "1") else []
    category = _in(facts, "logging", "category queries")
    return [d for d in category if {e["value"] for e in d["elements"]} - {"null"}]


def logging_draft(facts):
    """Edits that log questions."""
    draft = Draft()
    said = _in(facts, "options", "querylog")
    if said and not logging(facts):
        draft.replace(said[-1], "querylog yes;")
    elif not logging(facts):
        _insert(draft, facts, "options", ["querylog yes;"])
    return draft
