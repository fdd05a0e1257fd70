"""What a site decides of tools.conf: who sets the clock, and whether addresses are reported."""

import fnmatch
import re

from inguestlib import schema as s
from inguestlib.families.tools import confkeys as k
from inguestlib.families.tools import hostcall, installed
from inguestlib.families.tools.conffile import effective
from inguestlib.families.tools.confrule import mending, release, unread, wish
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {
    "time_sync": s.Choice(
        ("off", "on", "unmanaged"),
        "off",
        help="periodic time synchronisation by VMware Tools where an NTP client runs",
    ),
    "ip_reporting": s.Choice(
        ("nsx", "off", "unmanaged"),
        None,
        help="addresses reported by VMware Tools: NSX builds its groups of them, or nobody does",
    ),
}

CLIENTS = (
    *("chrony.service", "chronyd.service", "systemd-timesyncd.service", "ntp.service"),
    *("ntpd.service", "ntpsec.service", "openntpd.service"),
)
# How interfaces are called on VMware, where an offline root shows none.
USUAL_NICS = ("eth0", "ens32", "ens33", "ens160", "ens192", "ens224", "enp11s0")


# ---- observing -----------------------------------------------------------------------------


def observe(guest, params):
    """``{"clients": [unit] or None, "asked": {"rc", "out"} or None, "nics": [name] or None}``.

    ``clients`` start at boot (``None`` without systemd), ``asked`` is the answer to
    ``vmware-toolbox-cmd timesync status``, ``nics`` the physical interfaces (``None`` offline).
    """
    del params
    return {"clients": _clients(guest), "asked": _asked(guest), "nics": _nics(guest)}


def _clients(guest):
    if guest.init != "systemd":
        return None
    units = {name: guest.units.get(name) for name in CLIENTS}
    return [name for name, unit in units.items() if unit and unit.reached_at_boot]


def _asked(guest):
    if guest.hypervisor != "vmware":
        return None
    answer = hostcall.ask(guest, hostcall.TOOLBOX, "timesync", "status")
    return {"rc": answer["rc"], "out": answer["out"].strip()}


def _nics(guest):
    if not guest.live:
        return None
    found = guest.glob("/sys/class/net/*/device")
    return [path.split("/")[4] for path in found]


OBSERVERS = {"site": observe}


# ---- the clock -----------------------------------------------------------------------------


@control(
    id="tools-timesync-off",
    title="Tools time synchronisation does not fight NTP",
    why="Two clocks that pull at one make steps, and logs that nobody can put in order.",
    severity="low",
    topic="Time (logging correlation)",
    references={
        "nist_800_53": ["AU-12(1)", "AU-8(1)(a)", "AU-8(2)", "CM-6(a)"],
        "complianceascode": ["chronyd_or_ntpd_specify_remote_server"],
    },
    enforceable="partial",
)
@needs_tools
def timesync_off(facts, policy):
    want, clients = policy["time_sync"], facts["site"]["clients"]
    if want == "unmanaged":
        yield not_applicable(k.TIMESYNC.label, "inguest:tools:time_sync is unmanaged")
    elif want == "on":
        yield wish(facts, policy, k.TIMESYNC, None)
        yield wish(facts, policy, k.TIMESYNC_ALL, None)
    elif clients is None:
        yield unknown(k.TIMESYNC.label, "no systemd, so that NTP clients are not known")
    elif not clients:
        why = "no NTP client starts at boot, so that nothing else sets the clock"
        yield not_applicable(k.TIMESYNC.label, why, evidence=f"none of {', '.join(CLIENTS)}")
    elif release(facts) and release(facts) < k.TIMESYNC.since:
        yield _before_the_key(facts, clients)
    else:
        instead = ((k.TIMESYNC_ALL, lambda value: value),)
        note = f"{', '.join(clients)} sets the clock"
        yield wish(facts, policy, k.TIMESYNC, True, instead=instead, off=True, comment=note)


def _before_the_key(facts, clients):
    """Before 13.0.0 only the host's setting counts, which the guest can ask for and set."""
    resource, asked = "vmware-toolbox-cmd timesync", facts["site"]["asked"]
    question = f"vmware-toolbox-cmd timesync status: {asked['out']}" if asked else ""
    if asked and asked["rc"] == 69:
        return compliant(resource, "Disabled", "Disabled", evidence=question)
    if asked and asked["rc"] == 0:
        note = f"{', '.join(clients)} sets the clock; run: vmware-toolbox-cmd timesync disable"
        return drift(resource, "Enabled", "Disabled", evidence=question, comment=note)
    note = (
        f"{installed.version(facts)} reads no key of [timeSync] (13.0.0 does), and only a running "
    )
    note += "guest on VMware can ask for the host's setting"
    return unknown(resource, note, evidence=question or installed.said(facts))


# ---- addresses -----------------------------------------------------------------------------


@control(
    id="tools-nic-reporting",
    title="Guest IP reporting is not suppressed",
    why="NSX loses a guest whose addresses it can't see from every group that is made of them.",
    severity="medium",
    topic="Tools allows automatic detection of the IP for dynamic firewall rules",
    references={"stig": ["NDFW-4X-000034"]},
    enforceable="yes",
)
@needs_tools
def nic_reporting(facts, policy):
    want = policy["ip_reporting"]
    hidden = _hidden(facts, policy)
    poll = effective(facts, k.GUESTINFO_POLL, mending(policy))
    if want is None:
        why = "the policy has to choose: inguest:tools:ip_reporting (nsx: NSX finds the guest by "
        why += "the addresses that Tools report; off: they are not reported, as STIG "
        why += "NDFW-4X-000034 wants NSX not to use them; unmanaged)"
        yield unknown(k.EXCLUDED_NICS.label, why, observed=hidden, evidence=poll.evidence)
    elif want == "unmanaged":
        yield not_applicable(k.EXCLUDED_NICS.label, "inguest:tools:ip_reporting is unmanaged")
    elif want == "nsx":
        yield from _reported(facts, policy)
    else:
        stopped = ((k.GUESTINFO_POLL, lambda value: value == 0),)
        yield wish(
            *(facts, policy, k.EXCLUDED_NICS, "*"),
            met=lambda value: set(_excluded(value, _names(facts))) == set(_names(facts)),
            instead=stopped,
            off=True,
        )


def _reported(facts, policy):
    if why := unread(facts, k.GUESTINFO_POLL):
        label = k.GUESTINFO_POLL.label
        yield drift(label, None, "on", evidence=why, comment="the plugin that reports is missing")
        return
    note = "without a poll nothing is reported"
    yield wish(facts, policy, k.GUESTINFO_POLL, None, met=lambda value: value != 0, comment=note)
    names, found = _names(facts), effective(facts, k.EXCLUDED_NICS, mending(policy))
    kept = [p for p in found.value.split(",") if not _excluded(p, names)]
    want = ",".join(kept) if kept and found.source != "default" else None
    yield wish(
        *(facts, policy, k.EXCLUDED_NICS, want),
        met=lambda value: not _excluded(value, names),
        comment=f"hidden: {', '.join(_hidden(facts, policy))}",
    )


def _names(facts):
    """The interfaces that count: those there are, else what they are called on VMware."""
    return facts["site"]["nics"] or list(USUAL_NICS)


def _hidden(facts, policy):
    found = effective(facts, k.EXCLUDED_NICS, mending(policy))
    return _excluded(found.value, _names(facts))


def _excluded(patterns, names):
    """The names that a list of GLib patterns matches; blanks are part of a pattern."""
    wanted = [_glob(pattern) for pattern in patterns.split(",") if pattern]
    return [name for name in names if any(glob.fullmatch(name) for glob in wanted)]


def _glob(pattern):
    # GPattern knows * and ? only: a bracket means itself.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


CONTROLS = (timesync_off, nic_reporting)
