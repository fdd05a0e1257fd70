"""Asking the network: an internal name resolves, and public DNS is out of reach.

Both are seen on a live guest only. The proof is judged after every apply of the family,
which is undone when the name does not resolve any more.
"""

import errno
import os
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from inguestlib.command import GuestError
from inguestlib.families.dns import address
from inguestlib.model import compliant, control, drift, not_applicable, unknown
from inguestlib.schema import Address, Bool, Int, ListOf, Probe, Str, Struct

PROBES = (("udp", 53), ("tcp", 53), ("tcp", 853))
LOOKUP_TIMEOUT = 15  # seconds: glibc's own limit is 5 for each of three servers


# ---- the internal name ---------------------------------------------------------------------


def observe_proof(guest, params):
    """What the whole stack answers to a fresh process, where the policy asks for a proof.

    ``{"name", "rc", "addresses", "error", "timed_out"}``
    """
    name = params["proof"]["name"]
    if not name or not params["proof"]["enabled"] or not guest.live:
        return {"name": None, "rc": None, "addresses": [], "error": "", "timed_out": False}
    try:
        answer = guest.ask(("getent", "ahosts", name), timeout=LOOKUP_TIMEOUT)
    except GuestError as exc:
        late = exc.errno == errno.ETIMEDOUT
        return {"name": name, "rc": None, "addresses": [], "error": str(exc), "timed_out": late}
    found = [line.split()[0] for line in answer.out.splitlines() if line.split()]
    parsed = [address.parse(word) for word in found]
    addresses = sorted({one["address"] for one in parsed if one})
    found = {"name": name, "rc": answer.rc, "addresses": addresses}
    return {**found, "error": "", "timed_out": False}


@control(
    id="dns-internal-name-resolves",
    title="An internal name resolves",
    why="Resolvers that don't know the internal names cut the guest off from its services.",
    severity="high",
    topic="Restrict DNS to internal, managed servers",
    references={},
    offline=False,
    proof=True,
    tier=1,
)
def internal_name_resolves(facts, policy):
    name, wanted = policy["proof"]["name"], list(policy["proof"]["address"])
    if not policy["proof"]["enabled"]:
        yield not_applicable("proof", "the policy switches the proof off (dns:proof:enabled)")
        return
    if not name:
        yield not_applicable("proof", "the policy names no internal name (dns:proof:name)")
        return
    seen = facts["proof"]
    asked = f"getent ahosts {name}"
    if seen["name"] != name:
        yield unknown(name, "this name was not asked when the guest was observed")
    elif seen["rc"] is None and not seen["timed_out"]:
        yield unknown(name, seen["error"], evidence=asked)
    elif seen["rc"] != 0 or not seen["addresses"]:
        said = seen["error"] or f"exit code {seen['rc']}"
        yield drift(name, [], wanted or "an address", evidence=f"{asked}: {said}")
    else:
        said = f"{asked}: {', '.join(seen['addresses'])}"
        parsed = [address.parse(one) for one in wanted]
        if wanted and not {one["address"] for one in parsed if one} & set(seen["addresses"]):
            yield drift(name, seen["addresses"], wanted, evidence=said)
        else:
            yield compliant(name, seen["addresses"], wanted or "an address", evidence=said)


# ---- the way out ---------------------------------------------------------------------------


def query(number):
    """A DNS question for the root's name servers, as bytes; RFC 1035 section 4."""
    header = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0)
    return header + b"\0" + struct.pack(">HH", 2, 1)


def ask_out(canary, protocol, port, timeout):
    """What one attempt to reach a server outside gives.

    ``answered`` (a UDP answer, or an open TCP connection), ``silent`` (nothing within
    ``timeout`` seconds) or the name of the error (``ECONNREFUSED``, ``ENETUNREACH``…).
    """
    family = socket.AF_INET6 if ":" in canary else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    number = struct.unpack(">H", os.urandom(2))[0]
    try:
        with socket.socket(family, kind) as one:
            one.settimeout(timeout)
            one.connect((canary, port))
            if protocol == "udp":
                one.send(query(number))
                end = time.monotonic() + timeout
                while time.monotonic() < end:
                    one.settimeout(max(end - time.monotonic(), 0.01))
                    if one.recv(4096)[:2] == struct.pack(">H", number):
                        return "answered"
                return "silent"
            return "answered"
    except TimeoutError:
        return "silent"
    except OSError as exc:
        return errno.errorcode.get(exc.errno, str(exc.errno))


def observe_egress(guest, params):
    """``{"tried": [{"canary", "protocol", "port", "outcome"}, …], "timeout"}``.

    Nothing is sent unless the policy switches the probe on.
    """
    wanted = params["egress"]
    if not wanted["enabled"] or not guest.live:
        return {"tried": [], "timeout": wanted["timeout"]}
    jobs = [(canary, *probe) for canary in wanted["canaries"] for probe in PROBES]
    with ThreadPoolExecutor(max_workers=min(len(jobs), 24) or 1) as pool:
        outcomes = list(pool.map(lambda job: ask_out(*job, wanted["timeout"]), jobs))
    return {
        "tried": [
            {"canary": job[0], "protocol": job[1], "port": job[2], "outcome": outcome}
            for job, outcome in zip(jobs, outcomes)
        ],
        "timeout": wanted["timeout"],
    }


@control(
    id="dns-egress-enforced",
    title="DNS to Internet servers is really blocked",
    why="Only an attempt proves that the firewalls stop a program that brings its own resolver.",
    severity="high",
    topic="Restrict DNS to internal, managed servers",
    references={},
    enforceable="no",
    offline=False,
    tier=1,
)
def egress_enforced(facts, policy):
    if not policy["egress"]["enabled"]:
        reason = "the probe makes traffic and is off (dns:egress:enabled)"
        yield not_applicable("DNS egress", reason)
        return
    for canary in policy["egress"]["canaries"]:
        tried = [t for t in facts["egress"]["tried"] if t["canary"] == canary]
        if not tried:
            yield unknown(canary, "this canary was not asked when the guest was observed")
            continue
        said = ", ".join(f"{t['protocol']}/{t['port']} {t['outcome']}" for t in tried)
        said = f"asked {canary} for up to {facts['egress']['timeout']} s: {said}"
        through = [f"{t['protocol']}/{t['port']}" for t in tried if t["outcome"] == "answered"]
        if through:
            comment = "the network's firewall has to stop it: that is beyond the guest"
            yield drift(canary, through, [], evidence=said, comment=comment)
        else:
            yield compliant(canary, [], [], evidence=said)


SCHEMA = {
    "proof": Struct(
        {
            "enabled": Bool(True, help="whether an apply is proved by resolving the name"),
            "name": Str(None, help="an internal name that has to resolve after every apply"),
            "address": ListOf(Address(), help="addresses of which the name must have one"),
        },
        help="the proof that name resolution works after a change",
    ),
    "egress": Probe(
        {
            "enabled": Bool(False, help="whether to try to reach DNS servers outside"),
            "canaries": ListOf(Address(), help="addresses outside that must not answer"),
            "timeout": Int(2, low=1, high=10, help="seconds to wait for an answer"),
        },
        mend="name addresses of DNS servers outside that must not answer",
        help="an active probe that DNS to the Internet is blocked",
    ),
}
OBSERVERS = {"proof": observe_proof, "egress": observe_egress}
CONTROLS = (internal_name_resolves, egress_enforced)
