"""tools-backup-scripts: what runs as root at every quiesced snapshot."""

from inguestlib.families.tools import confrule, scripts
from inguestlib.families.tools.conffile import Key
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control

FOLDER = f"{scripts.HOME}/backupScripts.d"
LEGACY = ("/usr/sbin/pre-freeze-script", "/usr/sbin/post-thaw-script")
IGNORE_FROZEN = Key("vmbackup", "ignoreFrozenFileSystems", "boolean", False)

SCHEMA = scripts.SCHEMA


def observe(guest, params):
    """The scripts that vmtoolsd runs to freeze and thaw, in their order; see :mod:`.scripts`."""
    del params
    paths = [*LEGACY, *(f"{FOLDER}/{name}" for name in guest.listdir(FOLDER))]
    return [one for path in paths if (one := scripts.observe(guest, path))]


OBSERVERS = {"quiesce": observe}


@control(
    id="tools-backup-scripts",
    title="Quiesce scripts are absent or allow-listed",
    why="They run as root at every quiesced snapshot, whoever wrote them.",
    severity="high",
    topic="Workload resilience: snapshots",
    enforceable="partial",
)
@needs_tools
def backup_scripts(facts, policy):
    seen = facts["quiesce"]
    for script in seen:
        yield scripts.judge(script, policy, must_run=True)
    if not seen:
        places = ", ".join([f"{FOLDER}/*", *LEGACY])
        yield compliant(FOLDER, [], "none, or allowed ones", evidence=f"no file is at {places}")
    yield confrule.wish(facts, policy, IGNORE_FROZEN, None)


CONTROLS = (backup_scripts,)
