"""The logs of VMware Tools: on, to syslog, no more than they should say, and no core dumps."""

from inguestlib import schema as s
from inguestlib.families.tools import confkeys as k
from inguestlib.families.tools.conffile import TOOLS, Key, effective, entries
from inguestlib.families.tools.confrule import mending, wish
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control

SCHEMA = {
    "log_handler": s.Choice(
        ("syslog", "file", "file+"), "syslog", help="where vmtoolsd and its commands log"
    ),
    "log_levels": s.ListOf(
        s.Choice(k.LEVELS),
        ("error", "critical", "warning", "message", "info"),
        min=1,
        help="the levels that a log of VMware Tools may have, the one to set last",
    ),
}
OBSERVERS = {}

_TOPIC = "Logging"
_LOGS = {
    "scg": ["guest-9.tools-logs", "guest-8.tools-enable-logging"],
    "nist_800_53": ["AU-03"],
    "pci_dss_4": ["10.2.1"],
}
_SHARED = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/", "/home/")


def _domains(facts, suffix):
    """The log domains for which a key ``<domain>.<suffix>`` is set and counts."""
    keys = [e["key"] for e in entries(facts, "logging")]
    return [key[: -len(suffix) - 1] for key in keys if key.endswith("." + suffix)]


@control(
    id="tools-log-enabled",
    title="VMware Tools logging is on",
    why="Without logs nobody sees what came in through the channel to the host.",
    severity="low",
    topic=_TOPIC,
    references=_LOGS,
    enforceable="yes",
)
@needs_tools
def log_enabled(facts, policy):
    # Absent, vmtoolsd logs all the same, and vmware-toolbox-cmd does not: it has to be said.
    said = Key(k.LOG.group, k.LOG.name, "boolean", False)
    note = "vmtoolsd logs all the same; the key governs vmware-toolbox-cmd"
    yield wish(facts, policy, said, True, comment=note)
    for domain in _domains(facts, "level"):
        key = k.level(domain)
        if effective(facts, key, mending(policy)).value == "none":
            yield wish(facts, policy, key, _level(policy))


def _level(policy):
    """The level to set where one may not stay: the usual one, if the policy allows it."""
    levels = policy["log_levels"]
    return "message" if "message" in levels else levels[-1]


@control(
    id="tools-log-syslog",
    title="VMware Tools logs go to syslog/journal",
    why="A log file in the guest is lost with it, and rotates away within days.",
    severity="medium",
    topic=_TOPIC,
    references={
        "scg": ["guest-9.tools-log-forwarding", "guest-8.tools-enable-syslog"],
        "nist_800_53": ["AU-06", "SI-04"],
        "pci_dss_4": ["10.2.1", "10.3.3"],
    },
    enforceable="yes",
)
@needs_tools
def log_syslog(facts, policy):
    want = policy["log_handler"]
    alike = ("file", "file+") if want.startswith("file") else (want,)
    for domain in k.LOG_DOMAINS:
        yield wish(facts, policy, k.handler(domain), want, met=lambda value: value in alike)


@control(
    id="tools-log-level",
    title="No debug logging and no log redirection to the host or to shared paths",
    why="Debug logs hold sensitive data, and the host or any user could read what goes there.",
    severity="medium",
    topic=_TOPIC,
    references=_LOGS,
    enforceable="yes",
)
@needs_tools
def log_level(facts, policy):
    found = [*_levels(facts, policy), *_handlers(facts, policy), *_data(facts, policy)]
    yield from found
    if not found:
        says = "no .level, .handler or .data of [logging] is other than it may be"
        yield compliant(TOOLS, evidence=f"{TOOLS}: {says}")

    def met(value):  # what it doesn't know is normal
        return value.lower() not in ("verbose", "debug")

    yield wish(facts, policy, k.VGAUTH_LEVEL, None, met=met, restart=True)


def _levels(facts, policy):
    for domain in _domains(facts, "level"):
        key = k.level(domain)
        value = effective(facts, key, mending(policy)).value
        # tools-log-enabled has an opinion on none
        if value not in policy["log_levels"] and value != "none":
            odd = "" if value in k.LEVELS else "vmtoolsd ignores a domain of an unknown level"
            yield wish(facts, policy, key, _level(policy), comment=odd)


def _handlers(facts, policy):
    allowed = ("file", "file+", "syslog")
    for domain in _domains(facts, "handler"):
        key = k.handler(domain)
        if effective(facts, key, mending(policy)).value not in allowed:
            yield wish(facts, policy, key, policy["log_handler"], met=lambda v: v in allowed)


def _data(facts, policy):
    for domain in _domains(facts, "data"):
        key = Key("logging", f"{domain}.data", "word", "")
        value = effective(facts, key, mending(policy)).value
        if value.startswith(_SHARED):
            note = "others can write there; without the key it is a file below /var/log"
            yield wish(facts, policy, key, None, comment=note)


@control(
    id="tools-core-dumps",
    title="vmtoolsd and VGAuthService core dumps are disabled",
    why="A core dump holds the memory of the service that checks passwords of guest operations.",
    severity="low",
    topic="VMware Tools configuration",
    references={
        "cis": [
            "CIS debian12 1.5.3",
            "CIS rhel9 1.5.4",
            "CIS sle15 1.6.1",
            "CIS ubuntu2404 1.5.3",
        ],
        "stig": ["PHTN-50-000246", "RHEL-09-213090", "RHEL-09-213095"],
        "nist_800_53": ["CM-6", "SC-7(10)"],
        "complianceascode": ["coredump_disable_storage", "disable_users_coredumps"],
    },
    enforceable="yes",
    tier=2,
)
@needs_tools
def core_dumps(facts, policy):
    yield wish(facts, policy, k.CORE_DUMP, False, restart=True)
    # Both set their limit when they start.
    yield wish(facts, policy, k.VGAUTH_CORE_DUMPS, False, restart=True)


CONTROLS = (core_dumps, log_enabled, log_syslog, log_level)
