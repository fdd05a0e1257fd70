"""drivers-kernel-current: the newest installed kernel runs, and it is the newest there is."""

from inguestlib import kernels
from inguestlib.families.services import reboot
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {}


def observe(guest, params):
    """``{"installed": {release: path}, "flag": path or None, "packages": […]}``.

    ``flag`` and ``packages`` are what asks for a reboot, and for which packages.
    """
    if guest.container:
        return {"installed": {}, "flag": None, "packages": []}
    flag = next((path for path in reboot.FLAGS if guest.live and guest.exists(path)), None)
    packages = [text.strip() for _n, text in guest.lines(f"{flag}.pkgs")] if flag else []
    return {
        "installed": kernels.installed(guest),
        "flag": flag,
        "packages": sorted({name for name in packages if name.startswith(("linux-", "kernel"))}),
    }


OBSERVERS = {"kernel": observe}


@control(
    id="drivers-kernel-current",
    title="The running kernel is the newest installed, and that is the newest candidate",
    why="Fixes of vmxnet3 and pvscsi come with the kernel, and protect from its first boot on.",
    severity="high",
    topic="Drivers come with the kernel; patched with the guest OS",
    references={
        "cis": ["CIS rhel9 1.2.2.1", "CIS sle15 1.9"],
        "stig": ["RHEL-09-211015", "SLES-15-010010"],
        "nist_800_53": ["CM-6(a)", "SI-2(5)", "SI-2(c)"],
        "complianceascode": ["security_patches_up_to_date"],
    },
    enforceable="no",
    tier=1,
)
def kernel_current(facts, policy):
    seen, guest = facts["kernel"], facts.guest
    if guest["container"]:
        yield not_applicable("kernel", "a container runs on its host's kernel")
        return
    if not seen["installed"]:
        yield not_applicable("kernel", "no kernel is installed in this root, as in a container")
        return
    if guest["live"]:
        yield _running(guest["kernel"], seen)
    yield unknown("kernel candidate", "which kernel the repositories offer was not asked")


def _running(running, seen):
    newest = kernels.newest(seen["installed"], like=running)
    asked = ""
    if seen["packages"]:
        asked = f"; {seen['flag']}.pkgs: {' '.join(seen['packages'])}"
    if newest is None:
        listed = ", ".join(sorted(seen["installed"], key=kernels.key))
        return drift(
            "kernel",
            running,
            "one of the installed kernels",
            evidence=f"uname -r: {running}; installed: {listed}{asked}",
            comment="the running kernel's kind is no longer installed: reboot into one that is",
        )
    evidence = f"uname -r: {running}; newest installed: {seen['installed'][newest]}{asked}"
    if kernels.key(newest) > kernels.key(running):
        how = "reboot in a maintenance window; inguest never does"
        return drift("kernel", running, newest, evidence=evidence, comment=how)
    if seen["packages"]:
        # The same release, built anew: a security update within one ABI.
        how = "the kernel's package was updated since the boot: reboot in a maintenance window"
        return drift("kernel", running, newest, evidence=evidence, comment=how)
    return compliant("kernel", running, newest, evidence=evidence)


CONTROLS = (kernel_current,)
