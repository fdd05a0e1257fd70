"""tools-globalconf-off: no configuration comes from outside, and none is left behind."""

from inguestlib.changes import File
from inguestlib.families.tools.conffile import GLOBALCONF, effective
from inguestlib.families.tools.confrule import GLOBAL_OFF, mending, wish
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import control, drift

SCHEMA = {}
OBSERVERS = {}


@control(
    id=GLOBAL_OFF,
    title="GlobalConf is disabled and no stale global file is left",
    why="Every key that tools.conf lacks could be set by whoever owns the GuestStore.",
    severity="medium",
    topic="VMware Tools configuration",
    references={
        "scg": ["guest-9.tools-globalconf", "guest-8.tools-globalconf"],
        "nist_800_53": ["CM-05"],
        "pci_dss_4": ["2.2.6"],
    },
    enforceable="yes",
)
@needs_tools
def globalconf_off(facts, policy):
    yield wish(facts, policy, GLOBALCONF, False, off=True)
    on = effective(facts, GLOBALCONF, mending(policy)).value
    for path in facts["conf"]["stale"]:
        note = "it counts now" if on else "it counts as soon as GlobalConf is enabled"
        gone = [File(path, absent=True)]
        yield drift(path, "there", "absent", evidence=f"{path}: exists", comment=note, changes=gone)


CONTROLS = (globalconf_off,)
