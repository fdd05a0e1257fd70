"""services-panic-reboot: a kernel that can't go on restarts the guest."""

from inguestlib import schema as s
from inguestlib.changes import HEADER, Edit, File, Sysctl
from inguestlib.families.services import sdconf, sysctld
from inguestlib.model import compliant, control, drift, not_applicable

OWNED = "/etc/sysctl.d/zz-inguest-panic.conf"
CONTROL = "services-panic-reboot"

_NAMES = {
    "oops": "kernel.panic_on_oops",
    "softlockup": "kernel.softlockup_panic",
    "hung_task": "kernel.hung_task_panic",
}

SCHEMA = {
    "panic": s.Struct(
        {
            "seconds": s.Int(10, 1, 3600, help="kernel.panic: restart so long after a panic"),
            "oops": s.Bool(True, help="an oops is a panic"),
            "softlockup": s.Bool(False, help="a CPU that is stuck in the kernel is a panic"),
            "hung_task": s.Bool(False, help="a task that is stuck in the kernel is a panic"),
        },
        help="when the kernel restarts the guest",
    )
}


def observe(guest, params):
    """``{"saved": {name: […]}, "running": {name: value or None}, "watchdog": value or None}``.

    See :func:`sysctld.settings`; ``running`` is empty offline.
    """
    names = ["kernel.panic", *_NAMES.values()]
    watchdog = sdconf.last(guest, "system.conf", "Manager", "RuntimeWatchdogSec")
    running = {}
    if guest.live:
        for name in names:
            text = guest.read("/proc/sys/" + name.replace(".", "/"))
            running[name] = None if text is None else text.strip()
    return {
        "saved": sysctld.settings(guest, names),
        "running": running,
        "watchdog": watchdog.value if watchdog else None,
    }


OBSERVERS = {"panic": observe}


@control(
    id=CONTROL,
    title="Kernel panic or hang leads to restart",
    why="A guest that stands still after a panic serves nobody and waits for a person.",
    severity="low",
    topic="Resilience, HA heartbeat",
    references={"complianceascode": ["sysctl_kernel_panic_on_oops"]},
    enforceable="yes",
    tier=2,
)
def panic_reboot(facts, policy):
    if facts.guest["container"]:
        yield not_applicable("kernel.panic", "a container runs on its host's kernel")
        return
    params, seen = policy["panic"], facts["panic"]
    wanted = {"kernel.panic": str(params["seconds"])}
    wanted.update({name: "1" for key, name in _NAMES.items() if params[key]})
    live = facts.guest["live"]
    wanted = {n: v for n, v in wanted.items() if not live or seen["running"][n] is not None}
    if not wanted:
        yield not_applicable("kernel.panic", "this kernel has no such parameter")
    owned = _owned(wanted, seen)
    for name, value in wanted.items():
        yield _judge(name, value, seen, owned, live)


def _holds(name, value):
    """Whether a value restarts the guest: any delay but 0, and at once (below 0), will do."""
    try:
        return int(value) != 0 if name == "kernel.panic" else int(value) >= 1
    except (TypeError, ValueError):
        return False


def _owned(wanted, seen):
    """The file of ours with what other files don't say right, and ``None`` when they all do."""
    lines = []
    for name, value in wanted.items():
        others = [at for at in seen["saved"][name] if at["file"] != OWNED]
        if not others or not _holds(name, others[-1]["value"]):
            lines.append(f"{name} = {value}\n")
    if not lines:
        return None
    return File(OWNED, content=f"{HEADER}\n{''.join(lines)}", mode="0644", user=0, group=0)


def _judge(name, value, seen, owned, live):
    settings = seen["saved"][name]
    last = settings[-1] if settings else None
    saved_ok = last is not None and _holds(name, last["value"])
    evidence = []
    observed = {"saved": last and last["value"]}
    if last:
        evidence.append(f"{last['path']}:{last['line']} {last['text'].strip()}")
    else:
        evidence.append(f"{name} is set in no file of sysctl.d")
    running_ok = True
    if live:
        running = seen["running"][name]
        running_ok = _holds(name, running)
        observed["running"] = running
        evidence.append(f"/proc/sys/{name.replace('.', '/')}:1 {running}")
    expected = "not 0" if name == "kernel.panic" else "1"
    note = f"RuntimeWatchdogSec={seen['watchdog']}" if seen["watchdog"] else ""
    text = "; ".join(evidence)
    if saved_ok and running_ok:
        return compliant(name, observed, expected, evidence=text, comment=note)
    changes = []
    if not saved_ok:
        changes += [owned, *_overriding(settings)]
    if not running_ok:
        changes.append(Sysctl(name, value))
    return drift(name, observed, expected, evidence=text, comment=note, changes=changes)


def _overriding(settings):
    """Edits that take out the settings which are applied after our own file."""
    ours = OWNED.rpartition("/")[2]
    for at in settings:
        later = at["file"].rpartition("/")[2] > ours or at["file"] == "/etc/sysctl.conf"
        if later and at["path"].startswith("/etc/"):
            edit = Edit(at["line"], at["text"], f"# Overridden: {at['text'].strip()}")
            yield File(at["path"], edits=(edit,))


CONTROLS = (panic_reboot,)
