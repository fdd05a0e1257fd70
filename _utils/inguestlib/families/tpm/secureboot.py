"""tpm-secure-boot: the firmware starts only what is signed."""

from inguestlib import efivars
from inguestlib import schema as s
from inguestlib.families.tpm.where import needs_firmware
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {
    "secure_boot": s.Choice(
        ("required", "efi", "any"),
        "required",
        help="required: a BIOS is drift, too; efi: only where an EFI has booted; any: not judged",
    )
}


def observe(guest, params):
    """``{"efi", "variables", "SecureBoot", "SetupMode", "shim"}``.

    ``efi`` is whether an EFI has booted the guest, ``variables`` whether its variables can be
    read; the next two are numbers or ``None``; ``shim`` is 1 where shim was told to check nothing.
    """
    efi = guest.live and guest.lstat("/sys/firmware/efi") is not None
    if not efi:
        return {"efi": efi, "variables": False, "SecureBoot": None, "SetupMode": None, "shim": None}
    return {
        "efi": True,
        "variables": bool(guest.listdir(efivars.FOLDER)),
        "SecureBoot": efivars.byte(guest, "SecureBoot"),
        "SetupMode": efivars.byte(guest, "SetupMode"),
        "shim": efivars.byte(guest, "MokSBStateRT", efivars.SHIM),
    }


OBSERVERS = {"secure_boot": observe}


def is_on(facts):
    """Whether Secure Boot is on; ``None`` where nothing tells."""
    seen = facts["secure_boot"]
    if not seen["efi"]:
        return False
    return None if seen["SecureBoot"] is None and not seen["variables"] else seen["SecureBoot"] == 1


@control(
    id="tpm-secure-boot",
    title="UEFI Secure Boot is enabled",
    why="Without it, whoever writes to the disk once starts what he likes before the system.",
    severity="high",
    topic="VM settings visible from the guest",
    references={
        "scg": ["vm-9.secure-boot", "guest-8.secure-boot"],
        "nist_800_53": ["SI-07(09)", "SI-07(10)"],
        "pci_dss_4": ["5.2.3"],
        "complianceascode": ["secure_boot_enabled"],
    },
    enforceable="no",
    offline=False,
    tier=1,
)
@needs_firmware
def secure_boot(facts, policy):
    seen, wanted = facts["secure_boot"], policy["secure_boot"]
    if wanted == "any":
        yield not_applicable("Secure Boot", "inguest:tpm:secure_boot is any")
    elif not seen["efi"]:
        yield _bios(wanted)
    elif not seen["variables"]:
        yield unknown("Secure Boot", f"efivarfs is not mounted on {efivars.FOLDER}")
    else:
        yield _efi(seen)


def _bios(wanted):
    evidence = "/sys/firmware/efi does not exist: a BIOS has booted this guest"
    if wanted == "efi":
        return not_applicable("Secure Boot", "a BIOS has no Secure Boot", evidence=evidence)
    how = (
        "a guest that boots by BIOS has to be made anew for EFI; inguest:tpm:secure_boot: efi "
        "leaves such guests out"
    )
    return drift("Secure Boot", "BIOS", "enabled", evidence=evidence, comment=how)


def _efi(seen):
    evidence = "; ".join(f"{name}: {seen[name]}" for name in ("SecureBoot", "SetupMode"))
    evidence = f"{efivars.FOLDER}: {evidence}"
    observed = {name: seen[name] for name in ("SecureBoot", "SetupMode")}
    at = ("Secure Boot", observed, "enabled")
    if seen["SetupMode"] == 1:
        how = "the firmware is in setup mode: anybody may enrol keys; enrol the platform key first"
        return drift(*at, evidence=evidence, comment=how)
    if seen["SecureBoot"] != 1:
        how = "sign the boot chain, power the VM off, and enable Secure Boot in its options"
        return drift(*at, evidence=evidence, comment=how)
    if seen["shim"] == 1:
        how = "shim was told to check nothing (MokSBState): mokutil --enable-validation"
        return drift(*at, evidence=f"{evidence}; MokSBStateRT: 1", comment=how)
    return compliant(*at, evidence=evidence)


CONTROLS = (secure_boot,)
