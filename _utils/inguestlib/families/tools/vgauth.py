"""tools-vgauth-settings, tools-vgauth-audit: VGAuthService trusts no more than it must, and logs.

VGAuthService reads vgauth.conf with GLib, and goes on with what stands above a line that GLib
can't read (``common/prefs.c``; measured with GLib 2.74).
"""

from dataclasses import replace

from inguestlib import keyfile
from inguestlib import schema as s
from inguestlib.changes import Unit
from inguestlib.families.tools import conffile, confrule, rights
from inguestlib.families.tools.conffile import Key
from inguestlib.families.tools.installed import named, needs_tools
from inguestlib.model import compliant, control, drift

CONF = conffile.VGAUTH
STORE = "/var/lib/vmware/VGAuth/aliasStore"

SCHEMA = {
    "vgauth": s.Struct(
        {
            "clock_skew": s.Int(300, 0, 86400, help="most seconds that a SAML token may be off"),
            "connections": s.Int(5, 1, 1000, help="most connections of a user"),
            "ticket_seconds": s.Int(86400, 60, 604800, help="longest life of an unused ticket"),
        },
        help="limits of VGAuthService, which logs users in for guest operations",
    )
}


def _key(group, name, default):
    return Key(
        group, name, "boolean" if isinstance(default, bool) else "integer", default, path=CONF
    )


# Each key, and the policy's key with the highest number that it may have; its default is wanted
# where there is none.
_SKEW = _key("service", "clockSkewAdjustment", 300)
_SETTINGS = (
    (_key("service", "allowSymlinks", False), ""),
    (_key("service", "allowUnrelatedCerts", False), ""),
    (_SKEW, "clock_skew"),
    (_key("service", "maxDataConnectionsPerUser", 5), "connections"),
    (_key("ticket", "ticketTTL", 86400), "ticket_seconds"),
)
_AUDIT = (
    (_key("service", "enableLogging", True), ""),
    (_key("auditing", "auditSuccessEvents", True), ""),
)


def parsed(guest):
    """``(entries, reject)`` of vgauth.conf: what VGAuthService takes, and where it stops.

    ``entries`` is ``{(group, key): keyfile.Entry}``, ``reject`` a ``keyfile.Reject`` or ``None``.
    """

    def read():
        found = keyfile.parse(guest.read(CONF) or "")
        reject = found.rejects[0] if found.rejects else None
        taken = (e for e in found.entries if reject is None or e.line < reject.line)
        return {(e.group, e.key): e for e in taken}, reject

    return guest.once(("vgauth.conf",), read)


def store(guest):
    """The folder of the alias store."""
    entry = parsed(guest)[0].get(("service", "aliasStoreDir"))
    text = keyfile.string(entry.value) if entry else None
    folder = (text or STORE).strip()
    return (folder.rstrip("/") or "/") if folder.startswith("/") else STORE


def observe(guest, params):
    """``{"schemas": …}``: the folder of the SAML schemas, or ``None`` where none is named.

    ``path``, ``line``, ``text`` and ``problem`` (``""``: only root can write there). What else
    vgauth.conf says is in the section ``conf``.
    """
    del params
    return {"schemas": _schemas(guest, parsed(guest)[0].get(("service", "samlSchemaDir")))}


def _schemas(guest, entry):
    if entry is None:
        return None
    path = (keyfile.string(entry.value) or "").strip()
    return {
        "path": path,
        "line": entry.line,
        "text": entry.text,
        "problem": rights.folder(guest, path),
    }


OBSERVERS = {"vgauth": observe}


@control(
    id="tools-vgauth-settings",
    title="vgauth.conf keeps the safe defaults",
    why="Each of them opens a way around the check of who logs in for guest operations.",
    severity="high",
    topic="VMware Tools channel is privileged access",
    enforceable="yes",
)
@needs_tools
def vgauth_settings(facts, policy):
    for key, limit in _SETTINGS:
        yield _judge(key, limit, facts, policy)
    if schemas := facts["vgauth"]["schemas"]:
        yield _schema_folder(schemas)


@control(
    id="tools-vgauth-audit",
    title="VGAuthService logging and success auditing are on",
    why="Who logged in for guest operations can't be told afterwards without them.",
    severity="medium",
    topic="Logging",
    references={
        "scg": ["guest-9.tools-logs", "guest-8.tools-enable-logging"],
        "nist_800_53": ["AU-03"],
        "pci_dss_4": ["10.2.1"],
    },
    enforceable="yes",
    tier=2,
)
@needs_tools
def vgauth_audit(facts, policy):
    for key, limit in _AUDIT:
        yield _judge(key, limit, facts, policy)


def _schema_folder(at):
    resource, evidence = f"{CONF} [service] samlSchemaDir", f"{CONF}:{at['line']} {at['text']}"
    expected = "a folder that only root can change"
    if not at["problem"]:
        return compliant(resource, at["path"], expected, evidence=evidence)
    note = "who changes the schemas decides what a valid token is; restore owner and mode"
    return drift(resource, at["problem"], expected, evidence=evidence, comment=note)


def _judge(key, limit, facts, policy):
    most = policy["vgauth"][limit] if limit else None

    def met(value):
        # A number below 1 is refused, so that the default counts; a skew may be any.
        return (key.default if value <= 0 and key is not _SKEW else value) <= most

    finding = confrule.wish(facts, policy, key, most, met=met if limit else None)
    if not finding.changes:
        return finding
    return replace(finding, changes=(*finding.changes, *_restart(facts)))


def _restart(facts):
    """VGAuthService, where it runs: it keeps what it read at its start."""
    unit = named(facts).units[1]
    seen = facts["services"]["units"].get(unit) if facts.guest["live"] else None
    return (Unit(unit, "restart"),) if seen and seen["active"] == "active" else ()


CONTROLS = (vgauth_settings, vgauth_audit)
