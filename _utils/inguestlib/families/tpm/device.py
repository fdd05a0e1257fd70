"""tpm-present: the virtual machine has a TPM 2.0, and its kernel drives it."""

import re

from inguestlib import schema as s
from inguestlib.families.tpm.where import CHIP, CLASS, needs_firmware
from inguestlib.model import compliant, control, drift, unknown

# What drives a TPM of a virtual machine: a CRB (VMware's, and QEMU's tpm-crb) or a FIFO (TIS).
_OPTIONS = ("CONFIG_TCG_TPM", "CONFIG_TCG_CRB", "CONFIG_TCG_TIS")
_ACPI = "/sys/firmware/acpi/tables/TPM2"
_NODES = ("/dev/tpm0", "/dev/tpmrm0")

SCHEMA = {
    "expected": s.Bool(
        None, help="whether the virtual machine is meant to have a TPM; unset, none is unknown"
    )
}


def observe(guest, params):
    """``{"version", "driver", "nodes", "acpi", "kernel", "evidence"}``.

    ``version`` is the TPM's major version or ``None``; ``nodes`` the device nodes that are
    there; ``acpi`` whether the firmware declares a TPM 2.0; ``kernel`` what the running kernel's
    configuration says of its drivers, asked only where no TPM is found: ``{option: value}``,
    ``None`` where the configuration is not there.
    """
    chips = guest.listdir(CLASS) if guest.live else []
    if not chips:
        acpi = guest.live and guest.lstat(_ACPI) is not None
        return {
            "version": None,
            "driver": None,
            "nodes": [],
            "acpi": acpi,
            "kernel": _kernel(guest) if acpi else None,
            "evidence": f"{CLASS}: empty; {_ACPI} {'exists' if acpi else 'does not exist'}",
        }
    said = (guest.read(f"{CHIP}/tpm_version_major") or "").strip()  # since Linux 5.6
    version = said or ("1" if guest.exists(f"{CHIP}/device/caps") else "2")
    target = guest.readlink(f"{CHIP}/device/driver")
    driver = target.rpartition("/")[2] if target else None
    where = f"{CHIP}/tpm_version_major: {said}" if said else f"{CHIP} exists"
    return {
        "version": version,
        "driver": driver,
        "nodes": [node for node in _NODES if guest.lstat(node) is not None],
        "acpi": guest.lstat(_ACPI) is not None,
        "kernel": None,
        "evidence": f"{where}; driver {driver}",
    }


def _kernel(guest):
    text = guest.read(f"/boot/config-{guest.kernel}") or guest.read(
        f"/usr/lib/modules/{guest.kernel}/config"
    )
    if text is None:
        return None
    found = dict(re.findall(r"^(CONFIG_TCG_\w+)=(\w+)$", text, re.MULTILINE))
    return {option: found.get(option) for option in _OPTIONS}


OBSERVERS = {"device": observe}


@control(
    id="tpm-present",
    title="A TPM 2.0 is present and bound",
    why="Without a TPM no key can be kept from a copy of the disk, and no boot can be measured.",
    severity="medium",
    topic="Workloads can use a virtual TPM 2.0",
    enforceable="no",
    offline=False,
    tier=1,
)
@needs_firmware
def tpm_present(facts, policy):
    seen, expected = facts["device"], policy["expected"]
    if seen["version"]:
        yield _there(seen, expected)
    elif seen["acpi"]:
        yield _undriven(seen, facts.guest["kernel"])
    elif expected is None:
        yield unknown(
            "TPM",
            "there is none, and the policy does not say whether one is expected: set "
            "inguest:tpm:expected to true or false",
            evidence=seen["evidence"],
        )
    elif expected:
        how = (
            "add a Trusted Platform Module to the powered-off VM in vSphere (needs a key provider)"
        )
        yield drift("TPM", "none", "TPM 2.0", evidence=seen["evidence"], comment=how)
    else:
        said = "the policy expects none"
        yield compliant("TPM", "none", "none", evidence=seen["evidence"], comment=said)


def _there(seen, expected):
    observed = {"version": seen["version"], "driver": seen["driver"], "nodes": seen["nodes"]}
    at = {"evidence": f"{seen['evidence']}; {', '.join(seen['nodes']) or 'no device node'}"}
    if seen["version"] != "2":
        how = "a TPM 1.2 knows SHA-1 only: replace it by a TPM 2.0"
        return drift("TPM", observed, "TPM 2.0", comment=how, **at)
    if expected is False:
        how = "the policy expects none (inguest:tpm:expected): remove it, or say that it is meant"
        return drift("TPM", observed, "none", comment=how, **at)
    if "/dev/tpmrm0" not in seen["nodes"]:
        how = "the kernel drives it, but udev has made no device node of it"
        return drift("TPM", observed, "/dev/tpmrm0", comment=how, **at)
    return compliant("TPM", observed, "TPM 2.0", **at)


def _undriven(seen, release):
    evidence = seen["evidence"]
    options = seen["kernel"]
    if options is None:
        how = f"the firmware declares one and kernel {release} drives none: load tpm_crb or tpm_tis"
        return drift("TPM", "no driver is bound", "TPM 2.0", evidence=evidence, comment=how)
    shown = ", ".join(f"{option}={value or 'n'}" for option, value in options.items())
    missing = [option for option, value in options.items() if value is None]
    if missing:
        how = f"kernel {release} is built without {' and '.join(missing)}: use one that has them"
    else:
        how = "the kernel has the drivers and binds none: see the kernel's messages about the TPM"
    evidence += f"; configuration of {release}: {shown}"
    return drift("TPM", "no driver is bound", "TPM 2.0", evidence=evidence, comment=how)


CONTROLS = (tpm_present,)
