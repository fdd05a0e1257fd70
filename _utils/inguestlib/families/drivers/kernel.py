"""drivers-kernel-current: the newest installed kernel runs, and it is the newest there is."""

from inguestlib import kernels, versions
from inguestlib import schema as s
from inguestlib.families.drivers import kernelpackage
from inguestlib.families.services import reboot
from inguestlib.families.tools.candidate import freshness
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {
    "kernel": s.Struct(
        {
            "metadata_days": s.Int(
                7, 1, 365, help="older metadata of the repositories prove nothing: it is unknown"
            )
        },
        help="the currency of the kernel",
    )
}


def observe(guest, params):
    """``{"installed": {release: path}, "flag": path or None, "packages": […], "offers": {…}}``.

    ``flag`` and ``packages`` are what asks for a reboot, and for which packages; ``offers``:
    :func:`kernelpackage.observe`, or ``{"error": why}``.
    """
    if guest.container:
        return {"installed": {}, "flag": None, "packages": [], "offers": {}}
    flag = next((path for path in reboot.FLAGS if guest.live and guest.exists(path)), None)
    packages = [text.strip() for _n, text in guest.lines(f"{flag}.pkgs")] if flag else []
    installed = kernels.installed(guest)
    try:
        offers = kernelpackage.observe(guest) if installed else {}
    except OSError as exc:
        offers = {"error": str(exc)}
    return {
        "installed": installed,
        "flag": flag,
        "packages": sorted({name for name in packages if name.startswith(("linux-", "kernel"))}),
        "offers": offers,
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
    yield from _candidates(seen, guest, policy)


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


def _candidates(seen, guest, policy):
    offers = seen["offers"]
    if offers.get("error"):
        yield unknown("kernel candidate", offers["error"])
        return
    if not offers["packages"]:
        why = "no installed package follows the newest kernel (Debian: linux-image-amd64)"
        yield unknown("kernel candidate", why)
        return
    doubt = _doubt(offers, policy)
    like = guest["kernel"] if guest["kernel"] in seen["installed"] else None
    newest = (
        kernels.newest(seen["installed"], like=like)
        if like
        else max(seen["installed"], key=kernels.key)
    )
    for name, package in offers["packages"].items():
        yield _candidate(name, package, offers, newest, doubt)


def _candidate(name, package, offers, newest, doubt):
    offered, resource = package["offered"], f"package {name}"
    apt = offers["manager"] == "apt"
    have = package["installed"] if apt else newest
    where = ", ".join(offers["where"][:4])
    evidence = f"installed: {have}; offered: {offered}" + (f"; {where}" if where else "")
    if offered is None:
        return unknown(resource, "no enabled repository offers it", observed=have)
    late = (
        versions.compare(offered, have, "dpkg") > 0 if apt else kernelpackage.behind(offered, have)
    )
    if late:
        how = "upgrade it by the package manager, and reboot in a maintenance window"
        return drift(resource, have, offered, evidence=evidence, comment=how)
    if doubt:
        return unknown(resource, doubt, observed=have, evidence=evidence)
    return compliant(resource, have, offered, evidence=evidence)


def _doubt(offers, policy):
    """Why what is offered can't prove that nothing newer exists, or ``""``."""
    if offers["unread"]:
        return f"these lists can't be read here: {', '.join(offers['unread'][:3])}"
    times = [offers["fetched"], *(offers["dates"] if offers["manager"] == "apt" else ())]
    when = max((t for t in times if t), default=None)
    if when is None:
        return "nothing tells how old the metadata of the repositories are"
    days, limit = freshness.age(when, policy.now), policy["kernel"]["metadata_days"]
    if days > limit:
        return (
            f"the metadata are {days} days old, inguest:drivers:kernel:metadata_days allows "
            f"{limit}; refresh them (pkg.refresh_db)"
        )
    return ""


CONTROLS = (kernel_current,)
