"""Controls on the settings around the servers: fallback, search domains, DNSSEC and TLS."""

from inguestlib.families.dns import cure
from inguestlib.families.dns.owners import OWNERS, ini, lists, resolved
from inguestlib.families.dns.want import wanted
from inguestlib.model import compliant, control, drift, not_applicable

_TOPIC = "Restrict DNS to internal, managed servers"


def _resolved_idle(facts):
    section = facts["resolved"]
    if not section["installed"]:
        return "systemd-resolved is not installed"
    return "" if section["enabled"] else "systemd-resolved is installed but not enabled"


def _set_in_resolved(facts, want):
    known, _ = cure.sections(facts)
    return cure.live(
        facts, resolved.provide(facts["resolved"], want) + resolved.reload(facts["resolved"])
    )


@control(
    id="dns-fallback-empty",
    title="systemd-resolved has no fallback resolvers",
    why="Where nothing else answers, resolved asks a compiled-in list, on most systems public ones",
    severity="medium",
    topic=_TOPIC,
    references={"stig": ["PHTN-50-000236"]},
    enforceable="yes",
)
def fallback_empty(facts, policy):
    """``FallbackDNS=`` is set, to nothing or to what the policy names."""
    idle = _resolved_idle(facts)
    if idle:
        yield not_applicable("FallbackDNS", idle)
        return
    section, want = facts["resolved"], wanted(policy)
    expected = list(policy["fallback"])
    said = section["fallback_set"]
    if not said:
        shipped = section["compiled_fallback"]
        shown = "FallbackDNS= is set in none of: " + ", ".join(section["files"] or ["no file"])
        if shipped and shipped["value"]:
            shown += f"; compiled in: {shipped['path']}:{shipped['line']} {shipped['value']}"
        yield drift(
            "FallbackDNS", shipped["value"].split() if shipped else None, expected,
            evidence=shown, changes=_set_in_resolved(facts, want),
        )  # fmt: skip
        return
    found = [f for f in section["lists"] if f["kind"] == "fallback" and f["effective"]]
    wrong = [f for f in found if cure.foreign(f, want, facts)]
    bad = [v["raw"] for f in wrong for v in cure.foreign(f, want, facts)]
    where = "; ".join(f"{s['path']}:{s['line']} FallbackDNS={s['value']}" for s in said)
    if not bad:
        yield compliant(
            "FallbackDNS", [v["raw"] for f in found for v in f["values"]], expected, evidence=where
        )
        return
    # a drop-in that is read after ours has to be mended where it stands
    mended = [
        c for f in wrong for c in cure.mend(facts, {"resolved": section}, "resolved", f, want)
    ]
    yield drift(
        "FallbackDNS", bad, expected, evidence="; ".join(lists.evidence(f) for f in found),
        changes=(*mended, *_set_in_resolved(facts, want)),
    )  # fmt: skip


@control(
    id="dns-search-and-ddns",
    title="Search domains are the policy's, and names are registered only where it says so",
    why="A foreign suffix sends short names to foreign servers, and a registered name tells them",
    severity="low",
    topic=_TOPIC,
    references={
        "nist_800_53": ["CM-6(a)", "CM-7(a)", "CM-7(b)"],
        "complianceascode": ["network_disable_ddns_interfaces"],
    },
    enforceable="yes",
    tier=2,
)
def search(facts, policy):
    """Every list of search domains that is in force, and every DHCP client's own name."""
    want = wanted(policy)
    if policy["register_hostname"] is False:
        yield from _names(facts, want)
    if policy["search"] is None:
        yield not_applicable("search", "the policy names no search domains")
        return
    good = {cure.domain(name) for name in policy["search"]} | {""}
    known, broken = cure.sections(facts)
    hidden = cure.unseen(known, broken)
    yield from hidden
    told = bool(hidden)
    for name, section in known.items():
        if not cure.in_charge(name, section):
            continue
        files = {}
        for found in section["lists"]:
            if found["kind"] == "search" and found["effective"]:
                files.setdefault(found["path"], []).append(found)
        for path, here in files.items():
            told = True
            bad = [f for f in here if any(cure.domain(v["raw"]) not in good for v in f["values"])]
            seen = [v["raw"] for f in bad or here for v in f["values"]]
            shown = "; ".join(lists.evidence(f) for f in bad or here)
            if bad:
                changes = [c for f in bad for c in cure.mend(facts, known, name, f, want)]
                yield drift(path, seen, list(policy["search"]), evidence=shown, changes=changes)
            else:
                yield compliant(path, seen, list(policy["search"]), evidence=shown)
        for auto in section["auto"]:
            if auto.get("domains"):
                told = True
                yield drift(
                    f"{auto['path']} ({auto['protocol']}'s domains)",
                    "accepted",
                    list(policy["search"]),
                    evidence=auto["domains_evidence"],
                    changes=OWNERS[name].ignore_domains(section, auto, want),
                )
    if not told:
        shown = ", ".join(n for n, s in known.items() if cure.in_charge(n, s))
        yield compliant("search", [], list(policy["search"]), evidence=f"none is set by {shown}")


def _names(facts, want):
    """Where a DHCP client sends the guest's name, which servers register in DNS."""
    known, _ = cure.sections(facts)
    told = False
    for name, section in known.items():
        files = {}
        for auto in section["auto"] if cure.in_charge(name, section) else ():
            if "sends" in auto and auto.get("protocol") != "ra":
                files.setdefault(auto["path"], []).append(auto)
        for path, autos in files.items():
            told = True
            open_ = [auto for auto in autos if auto["sends"]]
            shown = "; ".join(dict.fromkeys(auto["sends_evidence"] for auto in open_ or autos))
            resource = f"{path} (host name)"
            if not open_:
                yield compliant(resource, "kept", "kept", evidence=shown)
                continue
            changes = [c for a in open_ for c in OWNERS[name].keep_name(section, a, want)]
            changes += cure.live(facts, cure.reload(name, known))
            yield drift(resource, "sent", "kept", evidence=shown, changes=changes)
    if not told:
        shown = ", ".join(n for n, s in known.items() if cure.in_charge(n, s))
        yield compliant("host name", "kept", "kept", evidence=f"no DHCP client; looked at {shown}")


@control(
    id="dns-transport-security",
    title="DNSSEC and DNS over TLS follow the policy",
    why="Left to a distribution's default, answers are neither validated nor private as intended",
    severity="low",
    topic=_TOPIC,
    enforceable="yes",
    tier=2,
)
def transport_security(facts, policy):
    """``DNSSEC=`` and ``DNSOverTLS=`` of systemd-resolved, where the policy names them."""
    asked = {"DNSSEC": policy["dnssec"], "DNSOverTLS": policy["dns_over_tls"]}
    asked = {key: value for key, value in asked.items() if value is not None}
    idle = "" if asked else "the policy sets neither dnssec nor dns_over_tls"
    idle = idle or _resolved_idle(facts)
    if idle:
        yield not_applicable("DNSSEC, DNSOverTLS", idle)
        return
    settings, want = facts["resolved"]["settings"], wanted(policy)
    for key, expected in asked.items():
        said = settings.get(key)
        value = _word(said["value"]) if said else None
        shown = f"{said['path']}:{said['line']} {key}={said['value']}" if said else ""
        if value == expected:
            yield compliant(key, value, expected, evidence=shown)
        else:
            yield drift(
                key, value, expected, evidence=shown or f"{key}= is not set",
                changes=_set_in_resolved(facts, want),
            )  # fmt: skip


def _word(text):
    return {True: "yes", False: "no"}.get(ini.truth(text, None), text.lower())
