"""tools-ip-reported: the address that the host knows, for NSX, is one of the guest's own."""

import ipaddress

from inguestlib import schema as s
from inguestlib.families.tools import hostcall
from inguestlib.families.tools.installed import needs_vmware
from inguestlib.model import compliant, control, drift, not_applicable, unknown

VARIABLE = "guestinfo.ip"

SCHEMA = {
    "addresses": s.ListOf(
        s.Network(), help="networks that every global address of the guest has to be in"
    )
}


def observe(guest, params):
    """``{"answer": …, "addresses": [address, …]}``; see :func:`hostcall.ask`.

    Link-local addresses of interfaces without hardware are left out: those of containers come
    and go.
    """
    del params
    answer = hostcall.ask(guest, hostcall.RPC, f"info-get {VARIABLE}")
    found = []
    if guest.live:
        found = ipv4(guest.read("/proc/net/fib_trie") or "")
        lines = (guest.read("/proc/net/if_inet6") or "").splitlines()
        found += sorted(ipv6("\n".join(line for line in lines if _lasts(guest, line))))
    return {"answer": answer, "addresses": found}


def _lasts(guest, line):
    """False for the link-local address of an interface without hardware."""
    interface = line.split()[-1:] or [""]
    return not line.startswith("fe80") or guest.exists(f"/sys/class/net/{interface[0]}/device")


def ipv4(text):
    """The local addresses in ``/proc/net/fib_trie``, without loopback."""
    found, here = {}, ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            here = words[1]
        elif words[:3] == ["/32", "host", "LOCAL"] and not here.startswith("127."):
            found[here] = None
    return list(found)


def ipv6(text):
    """The addresses in ``/proc/net/if_inet6`` but for loopback."""
    rows = (line.split() for line in text.splitlines())
    return [str(ipaddress.IPv6Address(int(r[0], 16))) for r in rows if len(r) == 6 and r[5] != "lo"]


OBSERVERS = {"reported": observe}


@control(
    id="tools-ip-reported",
    title="The address the host sees equals the address configured in the guest",
    why="NSX applies its rules to the address that Tools report: a wrong one opens or cuts off.",
    severity="medium",
    topic="Tools IP detection for DFW",
    offline=False,
)
@needs_vmware
def ip_reported(facts, policy):
    if policy["ip_reporting"] == "off":
        yield not_applicable(VARIABLE, "no address is to be reported: inguest:tools:ip_reporting")
        return
    seen = facts["reported"]
    mine = [a for a in seen["addresses"] if not _local(a)]
    yield _reported(seen["answer"], seen["addresses"], mine)
    if policy["addresses"]:
        for address in mine:
            yield _listed(address, policy["addresses"])


def _local(address):
    found = ipaddress.ip_address(address)
    return found.is_link_local or found.is_loopback


def _reported(answer, every, mine):
    if finding := hostcall.silent(VARIABLE, answer):
        return finding
    text, evidence = hostcall.value(answer), hostcall.shown(answer)
    if text is None:
        return unknown(VARIABLE, "the host gave no answer", evidence=evidence)
    evidence += f"; the guest has {', '.join(mine) or 'no global address'}"
    try:
        address = str(ipaddress.ip_address(text.strip()))
    except ValueError:
        note = "the host knows no address; vmtoolsd reports it within 30 seconds of its start"
        return drift(VARIABLE, text.strip() or None, mine, evidence=evidence, comment=note)
    if address in every:
        return compliant(VARIABLE, address, mine, evidence=evidence)
    note = "vmware-toolbox-cmd info update network reports it anew; then see who set it"
    return drift(VARIABLE, address, mine, evidence=evidence, comment=note)


def _listed(address, networks):
    inside = any(_within(address, network) for network in networks)
    evidence = f"/proc/net: {address}"
    if inside:
        return compliant(address, address, networks, evidence=evidence)
    note = "an address that the policy doesn't know (inguest:tools:addresses)"
    return drift(address, address, networks, evidence=evidence, comment=note)


def _within(address, network):
    one, net = ipaddress.ip_address(address), ipaddress.ip_network(network)
    return one.version == net.version and one in net


CONTROLS = (ip_reported,)
