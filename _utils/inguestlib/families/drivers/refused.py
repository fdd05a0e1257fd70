"""Modules that must not be loaded: refused from the next load on, and not loaded now."""

from inguestlib.families.drivers import modprobe
from inguestlib.model import compliant, drift


def loaded(guest, modules):
    """``{module: bool}``: what the running kernel has, built in or loaded; ``{}`` offline."""
    if not guest.live:
        return {}
    return {module: guest.exists(f"/sys/module/{modprobe.normal(module)}") for module in modules}


def judge(module, rows, running, change):
    """Yield the findings: whether modprobe.d refuses the module, and whether it is loaded.

    change
        The :class:`File` that refuses it.
    """
    refusing = modprobe.refusing(rows, module)
    if refusing:
        yield compliant(
            f"module {module} at boot",
            "refused",
            "refused",
            evidence="; ".join(modprobe.shown(row) for row in refusing),
        )
    else:
        known = "; ".join(modprobe.shown(row) for row in modprobe.blocking(rows, module))
        yield drift(
            f"module {module} at boot",
            "can be loaded",
            "refused",
            evidence=known or f"modprobe.d has no install line for {module}",
            changes=[change],
        )
    if running.get(module):
        yield drift(
            f"module {module} now",
            "loaded",
            "not loaded",
            evidence=f"/sys/module/{modprobe.normal(module)} exists",
            comment=f"run modprobe -r {module} where nothing uses it, or reboot",
        )
