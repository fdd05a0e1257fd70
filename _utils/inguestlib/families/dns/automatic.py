"""The control on resolvers that come by DHCP and router advertisements."""

from inguestlib.families.dns import cure
from inguestlib.families.dns.owners import OWNERS, networkmanager
from inguestlib.families.dns.want import wanted
from inguestlib.model import compliant, control, drift, not_applicable, unknown


@control(
    id="dns-dhcp-override",
    title="DHCP and router advertisements cannot inject resolvers",
    why="Whoever answers DHCP on the segment otherwise chooses whom the guest asks",
    severity="medium",
    topic="Restrict DNS to internal, managed servers",
    enforceable="yes",
)
def dhcp_override(facts, policy):
    """Every place where an owner could take servers from the network."""
    if policy["dhcp"] == "allow":
        yield not_applicable("dhcp", "the policy lets DHCP choose the resolvers")
        return
    want = wanted(policy)
    known, broken = cure.sections(facts)
    hidden = cure.unseen(known, broken)
    yield from hidden
    told = bool(hidden)
    for name, section in known.items():
        if not cure.in_charge(name, section):
            continue
        files = {}
        for auto in section["auto"]:
            files.setdefault(auto["path"], []).append(auto)
        for path, autos in files.items():
            told = True
            yield _one(facts, policy, want, known, name, path, autos)
    if not told:
        shown = ", ".join(f"{n}" for n, s in known.items() if cure.in_charge(n, s))
        yield compliant("all links", evidence=f"no link takes servers from DHCP; looked at {shown}")


def _one(facts, policy, want, known, name, path, autos):
    section, owner = known[name], OWNERS[name]
    open_ = [a for a in autos if a["accepts"]]
    shown = "; ".join(a["evidence"] for a in open_ or autos)
    observed = {a["protocol"]: "accepted" if a["accepts"] else "ignored" for a in autos}
    if not open_:
        return compliant(path, observed, "ignored", evidence=shown)
    overriding = name == "networkmanager" and networkmanager.global_servers(section)
    if overriding and not networkmanager.uses_resolved(section):
        where = f"{overriding['path']}:{overriding['lines'][0][0]}"
        return compliant(path, observed, "ignored", evidence=f"{where} sets global servers")
    if policy["dhcp"] == "approved":
        return _given(facts, want, known, path, observed, shown)
    changes = [c for auto in open_ for c in owner.ignore_auto(section, auto, want)]
    changes += cure.live(facts, cure.reload(name, known))
    if not cure.configured(facts, known):
        changes += cure.provide(facts, known, want)
    return drift(path, observed, "ignored", evidence=shown, changes=changes)


def _given(facts, want, known, path, observed, shown):
    """Whether what the network gave is approved: only a running guest can tell."""
    running = [
        found
        for section in known.values()
        for found in section["lists"]
        if found["kind"] == "servers" and (found["runtime"] or found["path"] == "/etc/resolv.conf")
    ]
    bad = [v for found in running for v in cure.foreign(found, want, facts)]
    if not facts.guest["live"] or not running:
        return unknown(
            path, "what DHCP gives is only known on a running guest", observed=observed,
            evidence=shown,
        )  # fmt: skip
    if bad:
        return drift(
            path, [v["raw"] for v in bad], list(want.approved), evidence=shown,
            comment="mend the DHCP server, or set inguest:dns:dhcp to ignore",
        )  # fmt: skip
    seen = sorted({v["address"] for found in running for v in found["values"]})
    return compliant(path, seen, list(want.approved), evidence=shown)
