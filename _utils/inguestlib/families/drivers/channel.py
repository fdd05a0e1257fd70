"""drivers-balloon-vmci: the modules by which the hypervisor and the guest talk are as wanted."""

from inguestlib import kernels
from inguestlib import schema as s
from inguestlib.changes import HEADER, File, Unit
from inguestlib.families.drivers import available, modprobe, refused, where
from inguestlib.model import compliant, control, drift, not_applicable, unknown

OWNED_REFUSALS = "/etc/modprobe.d/zz-inguest-channel.conf"
OWNED_LOADS = "/etc/modules-load.d/zz-inguest-channel.conf"

# The policy's keys, and the modules behind them. What needs another one comes after it.
MODULES = {
    "balloon": ("vmw_balloon",),
    "vmci": ("vmw_vmci",),
    "vsock": ("vmw_vsock_vmci_transport", "vsock"),
}
_ALL = tuple(module for modules in MODULES.values() for module in modules)
_WORDS = ("load", "refuse", "any")

SCHEMA = {
    "channel": s.Struct(
        {
            "balloon": s.Choice(
                _WORDS, "load", help="vmw_balloon: gives memory back when the host is short of it"
            ),
            "vmci": s.Choice(_WORDS, "any", help="vmw_vmci: the device below VMware's vsock"),
            "vsock": s.Choice(
                _WORDS,
                "any",
                help="vmw_vsock_vmci_transport and vsock: vmtoolsd's privileged channel; refused, "
                "it falls back to the I/O port",
            ),
        },
        help="modules of the channel to the hypervisor: load, refuse, or any (not judged)",
    )
}


def observe(guest, params):
    """``{"kernels": {…}, "rows": […], "loads": {module: line}, "loaded": {module: bool}}``.

    See :func:`available.observe`, :func:`modprobe.observe` and :func:`refused.loaded`.
    """
    return {
        "kernels": available.observe(guest, _ALL) if where.here(guest) else {},
        "rows": modprobe.observe(guest, _ALL),
        "loads": _loads(guest),
        "loaded": refused.loaded(guest, _ALL),
    }


def _loads(guest):
    """What modules-load.d(5) names: ``{module: path:line text}``."""
    found = {}
    folders = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
    by_name = {}
    for folder in folders:
        for path in guest.glob(f"{folder}/modules-load.d/*.conf"):
            by_name.setdefault(path.rpartition("/")[2], path)
    for path in [*by_name.values(), "/etc/modules"]:
        for number, text in guest.lines(path):
            words = text.split()
            if words and words[0][0] not in "#;":
                found.setdefault(modprobe.normal(words[0]), f"{path}:{number} {text.strip()}")
    return found


OBSERVERS = {"channel": observe}


@control(
    id="drivers-balloon-vmci",
    title="Balloon, VMCI and vsock drivers match policy",
    why="Without the balloon a host that is short of memory swaps the guest; vsock is a way in.",
    severity="low",
    topic="VMware Tools: drivers and communications channel",
    enforceable="yes",
    tier=2,
)
def balloon_vmci(facts, policy):
    if end := where.elsewhere(facts.guest, "channel"):
        yield end
        return
    seen, wanted = facts["channel"], policy["channel"]
    if not seen["kernels"]:
        yield not_applicable("channel", "no kernel is installed in this root, as in a container")
        return
    names = [m for key, modules in MODULES.items() if wanted[key] == "refuse" for m in modules]
    refusal = modprobe.refusal(OWNED_REFUSALS, names)
    loads = [m for key, modules in MODULES.items() if wanted[key] == "load" for m in modules]
    for module in names:
        yield from refused.judge(module, seen["rows"], seen["loaded"], refusal)
    for module in loads:
        yield _wanted(module, facts, seen, loads)
    if not names and not loads:
        yield not_applicable("channel", "the policy has no opinion: every key is any")


def _wanted(module, facts, seen, loads):
    resource = f"module {module}"
    blocked = modprobe.blocking(seen["rows"], module)
    live = facts.guest["live"]
    if blocked:
        changes = modprobe.unblocked(blocked)
        if changes and live:
            changes = [*changes, *_load(module, seen, loads)]
        return drift(
            resource,
            [modprobe.shown(row) for row in blocked],
            "loaded",
            evidence="; ".join(modprobe.shown(row) for row in blocked),
            comment="" if changes else "take the line out by hand",
            changes=changes or (),
        )
    if live and seen["loaded"][module]:
        evidence = f"/sys/module/{modprobe.normal(module)} exists"
        return compliant(resource, "loaded", "loaded", evidence=evidence)
    have = _having(module, facts.guest, seen["kernels"])
    if not have:
        return unknown(resource, "no installed kernel's modules are listed")
    release, at = have
    if at["how"] not in ("module", "builtin"):
        return drift(
            resource,
            at["how"],
            "loaded",
            evidence=at["evidence"],
            comment=f"{release} comes without it: install the distribution's full kernel",
        )
    if live:
        return drift(
            resource,
            "not loaded",
            "loaded",
            evidence=f"/sys/module/{modprobe.normal(module)}: no such folder; {at['evidence']}",
            changes=_load(module, seen, loads),
        )
    said = "loaded by itself: the module has an alias of VMware's SMBIOS or PCI ids"
    if module in seen["loads"]:
        said = seen["loads"][module]
    return compliant(resource, "can be loaded", "loaded", evidence=at["evidence"], comment=said)


def _having(module, guest, found):
    """``(release, how it has the module)`` of the running kernel, else of the newest one."""
    if not found:
        return None
    release = guest["kernel"] if guest["kernel"] in found else max(found, key=kernels.key)
    return release, found[release]["modules"][module]


def _load(module, seen, loads):
    text = "".join(f"{name}\n" for name in loads)
    file = File(OWNED_LOADS, content=f"{HEADER}\n{text}", mode="0644", user=0, group=0)
    return [file, Unit("systemd-modules-load.service", "restart")]


CONTROLS = (balloon_vmci,)
