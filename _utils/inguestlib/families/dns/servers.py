"""Controls on the servers that a guest asks: approved ones, none of the Internet's, enough."""

from inguestlib.families.dns import address, cure
from inguestlib.families.dns.owners import OWNERS, lists
from inguestlib.families.dns.want import wanted
from inguestlib.model import compliant, control, drift, not_applicable, unknown

_TOPIC = "Restrict DNS to internal, managed servers"
EFFECTIVE = "effective resolvers"


def _judged(facts, policy, chosen, wrong):
    """Findings for the lists of servers, one for each file.

    chosen(name, section, found)
        whether a list is judged at all;
    wrong(found)
        the values of it that the control objects to.
    """
    want = wanted(policy)
    known, broken = cure.sections(facts)
    for name, why in broken.items():
        yield unknown(OWNERS[name].TITLE, why)
    for name, section in known.items():
        files = {}
        for found in section["lists"]:
            if found["kind"] != "search" and chosen(name, section, found):
                files.setdefault(found["path"], []).append(found)
        for error in section["errors"]:
            where = error["path"] + (f":{error['line']}" if error["line"] else "")
            yield unknown(where, error["message"], evidence=where)
        for path, found_here in files.items():
            bad = [(found, wrong(found)) for found in found_here]
            bad = [(found, values) for found, values in bad if values]
            seen = [v["raw"] for found in found_here for v in found["values"] if v["address"]]
            invalid = [text for found in found_here for text in lists.invalid(found)]
            if invalid:
                yield unknown(f"{path} (unreadable)", "not an address", evidence="; ".join(invalid))
            expected = list(policy["servers"])
            if not bad and seen:
                yield compliant(
                    path,
                    seen,
                    expected,
                    evidence="; ".join(lists.evidence(found) for found in found_here),
                    comment=_local(found_here, facts),
                )
            if not bad:
                continue
            changes, comment = [], _comment(bad)
            for found, _ in bad:
                state = found["runtime"] or _written(name, facts)
                if state and not want.ignore_dhcp and _from_network(facts, known):
                    comment = "; ".join(filter(None, (comment, _BY_DHCP)))
                    continue
                changes += cure.mend(facts, known, name, found, want)
                changes += _behind(facts, known, want) if state else ()
            yield drift(
                path,
                [v["raw"] for _, values in bad for v in values],
                expected,
                evidence="; ".join(lists.evidence(found) for found, _ in bad),
                comment=comment,
                changes=changes,
            )


# Whatever is written there, the next lease brings the same servers: a change would not hold.
_BY_DHCP = "DHCP may have given it: mend the DHCP server, or set inguest:dns:dhcp to ignore"


def _written(name, facts):
    """Whether the list stands in a file that a running owner writes."""
    return name == "resolv_conf" and facts["owner"]["owner"] not in ("static", "container")


def _behind(facts, known, want):
    """What mends a running owner's state: it reads its files again, and they name servers."""
    changes = []
    for name in cure.feeders(facts, known):
        changes += cure.live(facts, cure.reload(name, known))
    if not cure.configured(facts, known):
        changes += cure.provide(facts, known, want)
    return changes


def _local(found_here, facts):
    served = {
        cure.local_server(v, facts)
        for found in found_here
        for v in found["values"]
        if v["address"] and address.is_loopback(v["address"])
    }
    return f"loopback is answered by {', '.join(sorted(served))}" if any(served) else ""


def _comment(bad):
    parts = []
    for found, values in bad:
        for v in values:
            who = address.public_name(v["address"])
            if who:
                parts.append(f"{v['address']} is a public resolver of {who}")
            elif address.is_loopback(v["address"]):
                parts.append(f"no local server is installed for {v['address']}")
        if not found["effective"]:
            parts.append(f"not in force: {found['overridden_by'] or 'its owner does not run'}")
    return "; ".join(dict.fromkeys(parts))


@control(
    id="dns-servers-approved",
    title="Every configured resolver is on the approved list",
    why="A resolver outside of the policy sees and can forge every name that the guest asks for",
    severity="high",
    topic=_TOPIC,
    references={
        "stig": ["RHEL-09-252035"],
        "nist_800_53": ["CM-6(a)", "SC-20(a)"],
        "complianceascode": ["network_configure_name_resolution"],
    },
    enforceable="yes",
)
def servers_approved(facts, policy):
    """Every list that is in force, and that there is one at all."""
    want = wanted(policy)
    known, broken = cure.sections(facts)

    def chosen(name, section, found):
        counts = cure.in_charge(name, section) and found["effective"]
        return counts and found["kind"] == "servers"

    yield from _judged(facts, policy, chosen, lambda found: cure.foreign(found, want, facts))
    named = cure.configured(facts, known)
    if not any(cure.foreign(found, want, facts) for _, found in named):
        yield _somebody(facts, known, want, named, cure.blind(facts, known, broken))


def _somebody(facts, known, want, named, blind):
    """That the guest will have resolvers at all, whatever DHCP says."""
    owner = facts["owner"]
    resource = EFFECTIVE
    if named:
        seen = sorted({v["address"] for _, found in named for v in found["values"]} - {""})
        shown = "; ".join(lists.evidence(found) for _, found in named)
        return compliant(resource, seen, list(want.approved), evidence=f"{owner['why']}; {shown}")
    if blind:
        return unknown(resource, "; ".join(blind))
    accepted = _from_network(facts, known)
    if accepted and not want.ignore_dhcp:
        return unknown(
            resource, "DHCP or router advertisements decide", evidence=accepted[0]["evidence"]
        )
    if owner["owner"] == "container":
        return unknown(resource, "the container's engine gives the file, and it names no server")
    return drift(
        resource,
        [],
        list(want.approved),
        evidence=owner["why"],
        comment="nobody names a resolver in a file",
        changes=cure.provide(facts, known, want),
    )


def _from_network(facts, known):
    """Where the owners that count take servers from DHCP or routers."""
    autos = [a for section in cure.feeders(facts, known).values() for a in section["auto"]]
    return [auto for auto in autos if auto["accepts"]]


@control(
    id="dns-no-public-resolver",
    title="No well-known public resolver appears anywhere",
    why="A public address in a file that lies idle today is asked after the next change or reboot",
    severity="high",
    topic=_TOPIC,
    enforceable="yes",
)
def no_public_resolver(facts, policy):
    """Every list of every owner, in force or not."""
    want = wanted(policy)

    def chosen(name, section, found):
        # A package's own file that a setting in /etc overrides stays as the package made it.
        return found["effective"] or not found["vendor"]

    def wrong(found):
        return [v for v in cure.foreign(found, want, facts) if address.is_public(v["address"])]

    told = False
    for finding in _judged(facts, policy, chosen, wrong):
        told = True
        yield finding
    if not told:
        yield compliant(
            "all sources", [], evidence="no list of servers in any file of: " + ", ".join(OWNERS)
        )


@control(
    id="dns-redundancy",
    title="At least two approved resolvers are configured",
    why="With one resolver its maintenance is an outage of every guest",
    severity="low",
    topic=_TOPIC,
    references={
        "stig": ["RHEL-09-252035"],
        "nist_800_53": ["CM-6(a)", "SC-20(a)"],
        "complianceascode": ["network_configure_name_resolution"],
    },
    enforceable="partial",
    tier=2,
)
def redundancy(facts, policy):
    """Distinct approved servers among those that are in force."""
    want = wanted(policy)
    known, broken = cure.sections(facts)
    named = cure.configured(facts, known)
    blind = cure.blind(facts, known, broken)
    here = {v["address"] for _, found in named for v in found["values"] if v["address"]}
    shown = "; ".join(lists.evidence(found) for _, found in named)
    if len(here) < 2 and blind:
        yield unknown(EFFECTIVE, "; ".join(blind))
    elif any(address.is_loopback(a) for a in here):
        yield not_applicable(EFFECTIVE, "a local server forwards, and is judged by its own control")
    elif len(policy["servers"]) < 2:
        yield drift(
            EFFECTIVE, sorted(here), "two or more", evidence=shown,
            comment="the policy itself names one server: add another to inguest:dns:servers",
        )  # fmt: skip
    elif not named and not want.ignore_dhcp and _from_network(facts, known):
        yield unknown(EFFECTIVE, "DHCP or router advertisements decide")
    elif len(here) >= 2:
        yield compliant(EFFECTIVE, sorted(here), "two or more", evidence=shown)
    else:
        changes = [c for name, found in named for c in cure.mend(facts, known, name, found, want)]
        changes = changes or cure.provide(facts, known, want)
        yield drift(EFFECTIVE, sorted(here), "two or more", evidence=shown, changes=changes)
