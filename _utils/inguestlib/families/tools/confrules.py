"""The controls that are one key of tools.conf each: one table, one judge.

What a feature is needed for by the site, or from outside, the policy says; see :mod:`role`.
"""

from collections.abc import Callable

from inguestlib import schema as s
from inguestlib.families.tools import conffile, role
from inguestlib.families.tools import confkeys as k
from inguestlib.families.tools.confrule import wish
from inguestlib.families.tools.installed import gate, needs_tools
from inguestlib.model import Control, control, not_applicable
from inguestlib.record import record

CONSUMERS = ("appinfo", "containerinfo", "servicediscovery")

SCHEMA = {
    "consumers": s.ListOf(
        s.Choice(CONSUMERS),
        unique=True,
        help="inventories that somebody outside does read, so that they stay on",
    ),
    "gueststore": s.Choice(
        ("off", "admin"), "off", help="GuestStore's client: off, or for administrators only"
    ),
    "autoupgrade": s.Choice(
        ("allowed", "forbidden"),
        "allowed",
        help="autoupgrade allow-upgrade, which only the Tools for Windows read",
    ),
}
OBSERVERS = {}

WINDOWS = "no effect on Linux, where no plugin reads it"


@record
class Rule:
    """A control that is one key.

    want
        The value it needs, or a function of the policy that gives it; ``None`` (of the
        function): the policy has not chosen, see :func:`role.choice` and ``chosen``.
    met
        ``met(value, want)``, where more than the value itself will do.
    instead
        As :func:`inguestlib.families.tools.confrule.wish` takes it.
    off
        The control is met where nothing reads the key.
    consumer
        The name in ``inguest:tools:consumers`` that lets the feature stay on.
    chosen
        The parameter that decides, with the role.
    """

    id: str
    title: str
    why: str
    severity: str
    topic: str
    references: dict
    key: conffile.Key
    want: object
    tier: int = 1
    met: Callable | None = None
    instead: tuple = ()
    off: bool = False
    restart: bool = False
    consumer: str = ""
    chosen: str = ""
    comment: str = ""

    def judge(self, facts, policy):
        """The finding of this rule."""
        if finding := gate(facts):
            yield finding
            return
        now = conffile.effective(facts, self.key)
        observed = conffile.written(self.key, now.value)
        if self.consumer and self.consumer in policy["consumers"]:
            why = f"inguest:tools:consumers says that {self.consumer} is read, so that it stays on"
            yield not_applicable(self.key.label, why, evidence=now.evidence)
            return
        want = self.want(policy) if callable(self.want) else self.want
        if want is None:
            yield role.undecided(
                self.key.label, self.chosen, observed=observed, evidence=now.evidence
            )
            return
        comment = self.comment
        if self.chosen:
            comment = f"{role.said(policy, self.chosen)}"
            if role.choice(policy, self.chosen) == "disabled":
                comment += f"; {role.BREAKS[self.chosen]}"
        yield wish(
            facts,
            policy,
            self.key,
            want,
            met=self.met and (lambda value: self.met(value, want)),
            instead=self.instead,
            off=self.off,
            restart=self.restart,
            comment=comment,
        )

    def control(self):
        """The :class:`~inguestlib.model.Control` that it is."""
        return Control(
            id=self.id,
            title=self.title,
            why=self.why,
            severity=self.severity,
            judge=self.judge,
            topic=self.topic,
            references=self.references,
            enforceable="yes",
            tier=self.tier,
        )


def _scg(name, *nist, before="", pci):
    """References to the rows of the Security Configuration Guides 9.1 and 8."""
    rows = [f"guest-9.{name}", f"guest-8.{before or name}"]
    return {"scg": rows, "nist_800_53": list(nist), "pci_dss_4": [pci]}


def _guest_operations(policy):
    wanted = role.choice(policy, "guest_operations")
    return None if wanted is None else wanted == "disabled"


def _customization(policy):
    wanted = role.choice(policy, "customization")
    return None if wanted is None else wanted == "enabled"


def _zero(value):
    return value == 0


def _scripts(policy):
    return "true" if policy["custom_scripts"] == "enabled" else "false"


_CHANNEL = "VMware Tools is a communications channel"
_PRIVILEGED = "VMware Tools channel is privileged access"
_UPDATES = "VMware Tools updates"
_TEMPLATE = "Template management"
_OFF = {"off": True}

RULES = (
    Rule(
        id="tools-autoupgrade-allow",
        title="autoupgrade allow-upgrade matches the update strategy",
        why="Compliance tools look for the key, though Linux is upgraded by its package manager.",
        severity="info",
        topic="Check and upgrade VMware Tools before each power on",
        references=_scg("tools-upgrade", "SI-02", "SI-02(05)", pci="2.2.6"),
        key=k.UPGRADE,
        want=lambda policy: policy["autoupgrade"] == "allowed",
        tier=2,
        comment=f"{WINDOWS}; see tools-update-path",
    ),
    Rule(
        id="tools-autoupgrade-add-feature",
        title="autoupgrade may not add features",
        why="An upgrade from outside must not bring new features along.",
        severity="low",
        topic=_UPDATES,
        references=_scg("tools-add-feature", "CM-05", pci="2.2.6"),
        key=k.ADD_FEATURE,
        want=False,
        tier=2,
        comment=WINDOWS,
    ),
    Rule(
        id="tools-autoupgrade-remove-feature",
        title="autoupgrade may not remove features",
        why="An upgrade from outside must not take features away.",
        severity="low",
        topic=_UPDATES,
        references=_scg("tools-remove-feature", "CM-05", pci="2.2.6"),
        key=k.REMOVE_FEATURE,
        want=False,
        tier=2,
        comment=WINDOWS,
    ),
    Rule(
        id="tools-autoupgrade-msi-transforms",
        title="autoupgrade MSI transforms stay off",
        why="A transform changes what an upgrade from outside installs.",
        severity="info",
        topic=_UPDATES,
        references=_scg("tools-allow-transforms", "CM-05", pci="2.2.6"),
        key=k.MSI_TRANSFORMS,
        want=False,
        tier=2,
        comment=WINDOWS,
    ),
    Rule(
        id="tools-appinfo-off",
        title="AppInfo inventory is off unless consumed",
        why="It publishes the names and versions of every user's processes to the host.",
        severity="medium",
        topic=_CHANNEL,
        references=_scg("tools-deactivate-appinfo", "CM-07", pci="1.4.5"),
        key=k.APPINFO,
        want=True,
        instead=((k.APPINFO_POLL, _zero),),
        consumer="appinfo",
        **_OFF,
    ),
    Rule(
        id="tools-containerinfo-off",
        title="ContainerInfo polling is off unless consumed",
        why="vmtoolsd, as root, asks the container engines and publishes what they run.",
        severity="medium",
        topic="VMware Tools / Kubernetes nodes",
        references=_scg("tools-deactivate-containerinfo", "CM-07", pci="1.4.5"),
        key=k.CONTAINERINFO_POLL,
        want=0,
        consumer="containerinfo",
        **_OFF,
    ),
    Rule(
        id="tools-guestops-off",
        title="Guest Operations (VIX API) are disabled unless required",
        why="Whoever may use them on the host starts programs and moves files in the guest.",
        severity="high",
        topic=_PRIVILEGED,
        references=_scg("tools-deactivate-guestoperations", "CM-07", pci="1.4.5"),
        key=k.GUESTOPS,
        want=_guest_operations,
        chosen="guest_operations",
    ),
    Rule(
        id="tools-guestops-vgauth",
        title="Guest Operations authenticate through VGAuth",
        why="Without it an older way is used, with PAM alone and no tickets.",
        severity="medium",
        topic=_PRIVILEGED,
        references={},
        key=k.GUESTOPS_VGAUTH,
        want=True,
        tier=2,
        restart=True,
        **_OFF,
    ),
    Rule(
        id="tools-gueststoreupgrade-off",
        title="GuestStore upgrade policy is off",
        why="Software comes from the distribution, not from the host.",
        severity="low",
        topic=_UPDATES,
        references=_scg("tools-deactivate-gueststoreupgrade", "CM-07", pci="2.2.4"),
        key=k.STORE_UPGRADE,
        want="off",
        tier=2,
        comment=f"{WINDOWS}; compared exactly, so that a trailing blank is another value",
    ),
    Rule(
        id="tools-servicediscovery-off",
        title="Service Discovery (SDMP) is off unless consumed",
        why="Its scripts look at every process as root; CVE-2025-41244 made any user root by it.",
        severity="high",
        topic=_CHANNEL,
        references=_scg("tools-deactivate-servicediscovery", "CM-07", pci="1.4.5"),
        key=k.SERVICEDISCOVERY,
        want=True,
        consumer="servicediscovery",
        **_OFF,
    ),
    Rule(
        id="tools-sdmp-version-check-off",
        title="SDMP version collection is not re-enabled after the CVE-2025-41244 fix",
        why="The fix only turned the vulnerable call off; this key turns it on again.",
        severity="high",
        topic="VMware Tools requires updates",
        references=_scg("tools-deactivate-servicediscovery", "CM-07", pci="1.4.5"),
        key=k.SDMP_VERSIONS,
        want=False,
        **_OFF,
    ),
    Rule(
        id="tools-recustomization-off",
        title="Guest customisation is disabled after deployment",
        why="A deployed guest could be given another name, address and password from outside.",
        severity="high",
        topic=_TEMPLATE,
        references=_scg("tools-prevent-recustomization", "CM-05", pci="2.2.6"),
        key=k.CUSTOMIZATION,
        want=_customization,
        chosen="customization",
    ),
    Rule(
        id="tools-custom-scripts-off",
        title="Custom scripts in customisation specs are not allowed",
        why="They run as root whatever the specification says; where the key is absent the "
        "specification itself may say that they run.",
        severity="high",
        topic=_TEMPLATE,
        references=_scg("tools-prevent-recustomization", "CM-05", pci="2.2.6"),
        key=k.CUSTOM_SCRIPTS,
        want=_scripts,
        met=lambda value, want: value != "" and (value.lower() == "true") == (want == "true"),
        chosen="custom_scripts",
    ),
    Rule(
        id="tools-componentmgr-off",
        title="Component Manager cannot install software on host request",
        why="Whoever writes the guest's variables has it install a Salt minion from any address, "
        "with any master.",
        severity="high",
        topic="SaltStack / agents: privileged access",
        references={},
        key=k.COMPONENTS,
        want="none",
        met=lambda value, _want: value in ("none", ""),
        instead=((k.COMPONENTS_POLL, _zero),),
        **_OFF,
    ),
)


@control(
    id="tools-gueststore-off",
    title="The GuestStore client plugin is off or admin-only",
    why="It listens on a loopback port and fetches for any user what the host offers.",
    severity="low",
    topic=_CHANNEL,
    enforceable="yes",
    tier=2,
)
@needs_tools
def gueststore_off(facts, policy):
    if policy["gueststore"] == "off":
        yield wish(facts, policy, k.GUESTSTORE, True, off=True)
    else:
        off = ((k.GUESTSTORE, lambda value: value),)
        yield wish(facts, policy, k.GUESTSTORE_ADMIN, True, instead=off, off=True)


CONTROLS = (*(rule.control() for rule in RULES), gueststore_off)
