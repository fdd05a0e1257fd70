"""tpm-event-log: the log of the measured boot is there, and it makes the PCRs what they are."""

import json

from inguestlib.families.tpm import eventlog
from inguestlib.families.tpm.where import here, needs_tpm
from inguestlib.model import compliant, control, drift, unknown

LOG = "/sys/kernel/security/tpm0/binary_bios_measurements"
USERSPACE = "/run/log/systemd/tpm2-measure.log"  # what systemd has extended since, as JSON

# What only the firmware, the boot loader and the kernel's EFI stub extend: all of it is logged.
FIRMWARE = tuple(range(10))
_OTHERS = {
    "10": "the kernel's IMA extends it, and logs it elsewhere",
    **{str(n): "userspace extends it" for n in range(11, 16)},
    "16": "for debugging, anybody may reset it",
    **{str(n): "for a launch of the hardware's own" for n in range(17, 23)},
    "23": "for applications, anybody may reset it",
}

SCHEMA = {}


def observe(guest, params):
    """``{"there", "mounted", "problem", "format", "banks", "events", "measured"}``.

    ``banks`` is ``{bank: {pcr: digest}}`` as the log makes them, what systemd has noted of its
    own included; ``measured`` is ``{pcr: number of events}``; ``problem`` says why the log
    makes no sense, or ``None``.
    """
    empty = {"problem": None, "format": None, "banks": {}, "events": 0, "measured": {}}
    if not here(guest):
        return {"there": False, "mounted": None, **empty}
    data = guest.read_head(LOG, eventlog.LIMIT + 1)
    if data is None:
        mounted = bool(guest.listdir("/sys/kernel/security"))
        return {"there": False, "mounted": mounted, **empty}
    try:
        log = eventlog.parse(data)
    except eventlog.BadLog as exc:
        return {"there": True, "mounted": True, **empty, "problem": str(exc)}
    banks = eventlog.replay(log)
    eventlog.extend(banks, userspace(guest.read(USERSPACE) or ""))
    return {
        "there": True,
        "mounted": True,
        "problem": None,
        "format": "crypto-agile" if log.agile else "SHA-1",
        "banks": {b: {str(n): d for n, d in pcrs.items()} for b, pcrs in banks.items()},
        "events": len(log.events),
        "measured": {str(n): count for n, count in sorted(eventlog.measured(log).items())},
    }


def userspace(text):
    """``[(pcr, {bank: digest}), …]`` of systemd's log: JSON texts, each after a record separator.

    What makes no sense in it is left out: then its PCR differs, and is reported so.
    """
    found = []
    for part in text.split("\x1e")[1:]:
        try:
            row = json.loads(part)
            digests = {d["hashAlg"]: bytes.fromhex(d["digest"]) for d in row["digests"]}
            if isinstance(row["pcr"], int):
                found.append((row["pcr"], digests))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return found


OBSERVERS = {"event_log": observe}


@control(
    id="tpm-event-log",
    title="Measured-boot event log is available and replays to the PCRs",
    why="Only the log tells what was measured; one that does not fit hides what was started.",
    severity="low",
    topic="Workloads can use a virtual TPM 2.0",
    enforceable="no",
    offline=False,
    tier=2,
)
@needs_tpm
def event_log(facts, policy):
    seen = facts["event_log"]
    if not seen["there"]:
        if seen["mounted"] is False:
            yield unknown("event log", "securityfs is not mounted on /sys/kernel/security")
        else:
            how = "the firmware has handed none to the kernel"
            yield drift("event log", "none", "there", evidence=f"{LOG}: none", comment=how)
        return
    if seen["problem"]:
        how = f"it can't be read: {seen['problem']}"
        yield drift("event log", "damaged", "readable", evidence=LOG, comment=how)
        return
    pcrs = facts["pcrs"]["banks"]
    for bank, values in seen["banks"].items():
        if bank in pcrs:
            yield _compared(bank, values, pcrs[bank], seen)
    if not set(pcrs) & set(seen["banks"]):
        shown = f"the log's banks: {', '.join(seen['banks'])}; the TPM's: {', '.join(pcrs)}"
        yield drift("event log", "no bank of the TPM's", "the TPM's banks", evidence=shown)


def differing(log, pcrs):
    """The PCRs, as numbers, whose value a log's replay does not make."""
    return sorted(int(n) for n, value in pcrs.items() if n in log and log[n] != value)


def _compared(bank, log, pcrs, seen):
    resource = f"event log, bank {bank}"
    every = differing(log, pcrs)
    wrong = [n for n in every if n in FIRMWARE]
    compared = [n for n in FIRMWARE if str(n) in pcrs]
    evidence = f"{LOG}: {seen['events']} events, {seen['format']}; replayed and compared: PCR "
    evidence += f"{compared[0]} to {compared[-1]}" if compared else "none"
    other = [n for n in every if n not in FIRMWARE]
    said = "; ".join(f"PCR {n} is another: {_OTHERS[str(n)]}" for n in other)
    if not compared:
        return unknown(resource, "no PCR could be read", evidence=evidence)
    if wrong:
        shown = {f"PCR {n}": {"log": log[str(n)], "TPM": pcrs[str(n)]} for n in wrong}
        how = (
            f"PCR {', '.join(map(str, wrong))} was extended by something that the log does not "
            "name: find out by what, and reboot"
        )
        return drift(resource, shown, "as the log makes them", evidence=evidence, comment=how)
    return compliant(resource, "consistent", "consistent", evidence=evidence, comment=said)


CONTROLS = (event_log,)
