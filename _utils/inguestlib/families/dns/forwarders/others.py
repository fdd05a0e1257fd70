"""Local resolvers whose configuration is read only as far as their forwarders.

PowerDNS Recursor (``forward-zones``), CoreDNS (``forward`` in the Corefile), stubby and
dnscrypt-proxy (which exist to reach public resolvers).
"""

from inguestlib.families.dns import address
from inguestlib.families.dns.drafts import evidence
from inguestlib.families.dns.forwarders import service
from inguestlib.model import compliant, drift, unknown

KNOWN = (
    (
        "pdns-recursor",
        ("/etc/powerdns/recursor.conf", "/etc/pdns-recursor/recursor.conf"),
        ("pdns-recursor.service",),
    ),
    ("coredns", ("/etc/coredns/Corefile",), ("coredns.service",)),
    ("stubby", ("/etc/stubby/stubby.yml",), ("stubby.service",)),
    (
        "dnscrypt-proxy",
        ("/etc/dnscrypt-proxy/dnscrypt-proxy.toml",),
        ("dnscrypt-proxy.service", "dnscrypt-proxy.socket"),
    ),
)


def observe(guest):
    """``[{"server", "resource", "service", "upstreams"}, …]`` of those that are configured."""
    found = []
    for server, paths, units in KNOWN:
        path = next((p for p in paths if guest.exists(p)), None)
        unit = service.observe(guest, *units)
        if path is None and unit is None:
            continue
        lines = guest.lines(path) if path else []
        found.append(
            {
                "server": server,
                "resource": path or unit["name"],
                "service": unit,
                "upstreams": [
                    {
                        "option": word,
                        "value": word,
                        "path": path,
                        "parts": [[n, line, 0, len(line)]],
                    }
                    for n, line in lines
                    for word in words(server, line)
                ],
            }
        )
    return found


def words(server, line):
    """The upstream servers that a line of configuration names; a pure function."""
    bare = line.partition("#")[0].strip()
    if server == "pdns-recursor":
        option, _, value = bare.partition("=")
        if option.strip().rstrip("+") not in ("forward-zones", "forward-zones-recurse"):
            return []
        zones = value.split(",")
        return [s.strip() for zone in zones for s in zone.partition("=")[2].split(";") if s.strip()]
    if server == "coredns":
        parts = bare.split()
        if parts[:1] != ["forward"] or len(parts) < 3:
            return []
        return [p for p in parts[2:] if p != "{"]
    if server == "stubby" and "address_data:" in bare:
        return [bare.partition("address_data:")[2].strip().strip("\"'")]
    return []


def judged(stranger, approved, good):
    """The finding about one of them; ``good(server, approved)`` as for the others."""
    where, upstreams = stranger["resource"], stranger["upstreams"]
    parsed = [(d["value"], address.parse(d["value"]), d) for d in upstreams]
    bad = [(word, d) for word, server, d in parsed if not good(server, approved)]
    # CoreDNS may name a file: it asks what resolv.conf names, which other controls judge.
    bad = [(word, d) for word, d in bad if not word.startswith("/")]
    if bad:
        return drift(
            where,
            [word for word, _d in bad],
            list(approved),
            evidence=evidence([d for _word, d in bad]),
            comment=f"{stranger['server']} is not edited by inguest: mend it by hand",
        )
    if not upstreams:
        return unknown(where, f"{stranger['server']} is in use and its forwarders are not known")
    return compliant(
        where, [d["value"] for d in upstreams], list(approved), evidence=evidence(upstreams)
    )
