"""tpm-kernel-lockdown: a kernel that was started signed stays the kernel that was signed."""

import re

from inguestlib import schema as s
from inguestlib.families.tpm import secureboot
from inguestlib.families.tpm.where import needs_firmware
from inguestlib.model import compliant, control, drift, not_applicable, unknown

LOCKDOWN = "/sys/kernel/security/lockdown"
SIGNED = "/sys/module/module/parameters/sig_enforce"
MODULES = "/proc/sys/kernel/modules_disabled"
KEXEC = "/proc/sys/kernel/kexec_load_disabled"
_LEVELS = ("none", "integrity", "confidentiality")

SCHEMA = {
    "lockdown": s.Choice(
        ("auto", "integrity", "confidentiality", "any"),
        "auto",
        help="the kernel's lockdown at least; auto: integrity where Secure Boot is on; any: not "
        "judged",
    )
}


def observe(guest, params):
    """``{"lockdown", "sig_enforce", "modules_disabled", "kexec_load_disabled", "securityfs"}``.

    ``lockdown`` is one of ``none``, ``integrity`` and ``confidentiality``; each is ``None``
    where the kernel does not have it.
    """
    if not guest.live:
        return {}
    text = guest.read(LOCKDOWN) or ""
    chosen = re.search(r"\[(\w+)\]", text)
    return {
        "lockdown": chosen[1] if chosen else None,
        "sig_enforce": _first(guest, SIGNED),
        "modules_disabled": _first(guest, MODULES),
        "kexec_load_disabled": _first(guest, KEXEC),
        "securityfs": bool(guest.listdir("/sys/kernel/security")),
    }


def _first(guest, path):
    text = guest.read(path)
    return None if text is None else text.strip()


OBSERVERS = {"lockdown": observe}


@control(
    id="tpm-kernel-lockdown",
    title="Kernel lockdown and module signing are on",
    why="Without lockdown root can change the running kernel, and Secure Boot ends with its start.",
    severity="low",
    topic="Boot integrity",
    references={
        "stig": ["RHEL-09-213020"],
        "nist_800_53": ["CM-6"],
        "complianceascode": ["sysctl_kernel_kexec_load_disabled"],
    },
    enforceable="no",  # it only counts from a boot on: the kernel's command line, a person's choice
    offline=False,
    tier=2,
)
@needs_firmware
def kernel_lockdown(facts, policy):
    seen, wanted = facts["lockdown"], policy["lockdown"]
    if wanted == "any":
        yield not_applicable("lockdown", "inguest:tpm:lockdown is any")
        return
    if wanted == "auto":
        on = secureboot.is_on(facts)
        if on is None:
            yield unknown("lockdown", "nothing tells whether Secure Boot is on")
            return
        if not on:
            said = "Secure Boot is off: see tpm-secure-boot; inguest:tpm:lockdown can ask for it"
            yield not_applicable("lockdown", said)
            return
        wanted = "integrity"
    if seen["lockdown"] is None and not seen["securityfs"]:
        yield unknown("lockdown", "securityfs is not mounted on /sys/kernel/security")
        return
    yield _level(seen, wanted)
    locked = seen["lockdown"] in _LEVELS[1:]
    yield _implied(
        "module signatures",
        [(SIGNED, seen["sig_enforce"], "Y"), (MODULES, seen["modules_disabled"], "1")],
        locked,
        "module.sig_enforce=1 on the kernel's command line",
    )
    yield _implied(
        "kexec",
        [(KEXEC, seen["kexec_load_disabled"], "1")],
        locked,
        "sysctl kernel.kexec_load_disabled=1, after kdump has loaded its kernel",
    )


def _level(seen, wanted):
    observed = seen["lockdown"]
    at = ("lockdown", observed, wanted)
    if observed in _LEVELS and _LEVELS.index(observed) >= _LEVELS.index(wanted):
        return compliant(*at, evidence=f"{LOCKDOWN}: [{observed}]")
    if observed is None:
        how = "this kernel has no lockdown: use the distribution's own"
        return drift(*at, evidence=f"{LOCKDOWN}: no such file", comment=how)
    how = f"add lockdown={wanted} to the kernel's command line; it counts from the next boot on"
    return drift(*at, evidence=f"{LOCKDOWN}: [{observed}]", comment=how)


def _implied(resource, settings, locked, how):
    """Lockdown brings it along; without lockdown a setting of its own does."""
    evidence = "; ".join(f"{path}: {value}" for path, value, _wanted in settings)
    by_itself = any(value == wanted for _path, value, wanted in settings)
    if by_itself or locked:
        said = "" if by_itself else "lockdown brings it along"
        return compliant(resource, "enforced", "enforced", evidence=evidence, comment=said)
    return drift(resource, "not enforced", "enforced", evidence=evidence, comment=how)


CONTROLS = (kernel_lockdown,)
