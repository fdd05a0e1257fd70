"""tpm-pcr-banks: the SHA-256 bank is on, and the boot was measured into it."""

import re

from inguestlib import schema as s
from inguestlib.families.tpm import wire
from inguestlib.families.tpm.eventlog import BANKS
from inguestlib.families.tpm.where import CHIP, here, needs_tpm
from inguestlib.model import compliant, control, drift, unknown

_NAMES = tuple(name for name, _size in BANKS.values())
_EMPTY = re.compile("0*|[fF]*")

SCHEMA = {
    "banks": s.ListOf(
        s.Choice(_NAMES), ("sha256",), unique=True, help="PCR banks that have to be on"
    )
}


def observe(guest, params):
    """``{"banks": {bank: {pcr: digest}}, "from", "firmware": "efi" or "bios"}``.

    From the TPM itself, eight PCRs by one command; else from sysfs (Linux 5.12 and later), where
    each is a command of its own. Keys are texts, as JSON has it.
    """
    firmware = "efi" if guest.live and guest.lstat("/sys/firmware/efi") else "bios"
    if not here(guest):
        return {"banks": {}, "from": None, "firmware": firmware}
    try:
        return {"banks": _asked(guest), "from": wire.DEVICE, "firmware": firmware}
    except OSError:
        banks = _listed(guest)
        if not banks:
            raise
    return {"banks": banks, "from": f"{CHIP}/pcr-*", "firmware": firmware}


def _listed(guest):
    banks = {}
    for folder in guest.listdir(CHIP):
        name = folder.removeprefix("pcr-").replace("-", "_")
        if folder.startswith("pcr-") and name in _NAMES:
            found = {n: guest.read(f"{CHIP}/{folder}/{n}") for n in map(str, range(24))}
            banks[name] = {n: text.strip().lower() for n, text in found.items() if text}
    return banks


def _asked(guest):
    with wire.opened(guest) as tpm:
        return {
            bank: {str(n): digest for n, digest in sorted(tpm.pcrs(bank, wanted).items())}
            for bank, wanted in tpm.banks().items()
        }


OBSERVERS = {"pcrs": observe}


@control(
    id="tpm-pcr-banks",
    title="SHA-256 PCR bank active and PCRs extended",
    why="A key bound to PCRs that nothing measures is bound to nothing.",
    severity="medium",
    topic="Workloads can use a virtual TPM 2.0",
    enforceable="no",  # the firmware allots the banks, and asks somebody at the console
    offline=False,
    tier=1,
)
@needs_tpm
def pcr_banks(facts, policy):
    seen = facts["pcrs"]
    if not seen["banks"]:
        yield unknown("PCR banks", "neither sysfs nor the TPM shows any")
        return
    # A BIOS measures itself and what it boots from; the rest is up to its vendor.
    wanted = ("0", "4", "7") if seen["firmware"] == "efi" else ("0",)
    for bank in policy["banks"]:
        yield _judge(bank, seen, wanted)


def _judge(bank, seen, wanted):
    resource = f"bank {bank}"
    on = sorted(seen["banks"])
    if bank not in seen["banks"]:
        how = "switch it on in the VM's firmware setup; a vTPM of vSphere has it from the start"
        return drift(resource, on, bank, evidence=f"{seen['from']}: {', '.join(on)}", comment=how)
    values = seen["banks"][bank]
    unread = [pcr for pcr in wanted if pcr not in values]
    if unread:
        return unknown(resource, f"PCR {', '.join(unread)} could not be read")
    empty = [pcr for pcr in wanted if _EMPTY.fullmatch(values[pcr])]
    evidence = "; ".join(f"PCR {pcr}: {values[pcr]}" for pcr in wanted)
    evidence = f"{seen['from']} of {bank}: {evidence}"
    if empty:
        said = f"nothing was measured into PCR {', '.join(empty)}"
        how = f"{said}: the firmware does not use the TPM"
        return drift(
            resource, said, f"PCR {', '.join(wanted)} extended", evidence=evidence, comment=how
        )
    return compliant(resource, "on, and extended", "on, and extended", evidence=evidence)


CONTROLS = (pcr_banks,)
