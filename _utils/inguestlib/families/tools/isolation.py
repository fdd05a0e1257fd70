"""What the virtual machine's settings let the guest do to its host: seen here, set there."""

from inguestlib.families.tools import hostcall
from inguestlib.families.tools.hostcall import TOOLBOX
from inguestlib.families.tools.installed import needs_vmware
from inguestlib.model import compliant, control, drift, unknown

_QUESTIONS = {
    "disks": ("disk", "list"),
    "stats": ("stat", "raw"),
    "host": ("stat", "raw", "text", "host"),
    "devices": ("device", "list"),
}

SCHEMA = {}


def observe(guest, params):
    """``{question: answer}`` of vmware-toolbox-cmd; see :func:`hostcall.ask`.

    They only ask. Of what the host tells about itself no more than a line is kept.
    """
    del params
    answers = {name: hostcall.ask(guest, TOOLBOX, *words) for name, words in _QUESTIONS.items()}
    answers["host"]["out"] = answers["host"]["out"].strip()[:60]
    return answers


OBSERVERS = {"isolation": observe}


@control(
    id="tools-disk-shrink-isolated",
    title="The host denies shrink and wipe to this VM",
    why="Any user of the guest could fill the datastore, or make a disk unusable, by shrinking it.",
    severity="low",
    topic="VM settings visible from the guest",
    references={
        "scg": [
            "vm-9.deactivate-disk-shrinking-shrink",
            "vm-8.deactivate-disk-shrinking-shrink",
            "vm-9.deactivate-disk-shrinking-wiper",
            "vm-8.deactivate-disk-shrinking-wiper",
        ],
        "stig": ["VCFV-9X-000198", "VCFV-9X-000199", "VMCH-80-000193", "VMCH-80-000194"],
        "nist_800_53": ["CM-07", "SC-05"],
        "pci_dss_4": ["2.2.4"],
    },
    offline=False,
    tier=2,
)
@needs_vmware
def disk_shrink_isolated(facts, policy):
    del policy
    yield shrink(facts["isolation"]["disks"])


def shrink(answer):
    """The finding of ``disk list``: code 75 means denied or not available, by its text."""
    resource, expected = "disk shrinking", "denied"
    if finding := hostcall.silent(resource, answer):
        return finding
    evidence = hostcall.shown(answer)
    if answer["rc"] == 0:
        mounts = answer["out"].split("\n")[:-1]
        note = _settings("isolation.tools.diskWiper.disable", "isolation.tools.diskShrink.disable")
        return drift(resource, mounts, expected, evidence=evidence, comment=note)
    if answer["rc"] == 75 and "is disabled" in answer["err"]:
        return compliant(resource, "denied", expected, evidence=evidence)
    return unknown(resource, "the host gave no answer", evidence=evidence)


@control(
    id="tools-host-info-hidden",
    title="Host properties are not exposed to the guest",
    why="What is known of the host's hardware and load helps whoever wants to break out.",
    severity="low",
    topic="VM settings visible from the guest",
    references={
        "scg": ["vm-9.restrict-host-info", "vm-8.restrict-host-info"],
        "stig": ["VCFV-9X-000203", "VMCH-80-000198"],
        "nist_800_53": ["CM-07"],
        "pci_dss_4": ["1.4.5"],
    },
    offline=False,
    tier=2,
)
@needs_vmware
def host_info_hidden(facts, policy):
    del policy
    seen = facts["isolation"]
    yield host_info(seen["host"], seen["stats"])


def host_info(host, stats):
    """The finding of ``stat raw text host``.

    Code 75 means denied, and no answer as well: where the host lists what there is, it answers.
    """
    resource, expected = "host statistics", "denied"
    if finding := hostcall.silent(resource, host):
        return finding
    evidence = hostcall.shown(host)
    if host["rc"] == 0 and host["out"].strip():
        note = _settings(**{"tools.guestlib.enableHostInfo": "FALSE"})
        return drift(resource, "exposed", expected, evidence=evidence, comment=note)
    evidence += f"; {hostcall.shown(stats)}"
    if host["rc"] == 75 and stats["rc"] == 0:
        return compliant(resource, "denied", expected, evidence=evidence)
    return unknown(resource, "the host does not say whether it denies them", evidence=evidence)


@control(
    id="tools-device-control-isolated",
    title="Guest users cannot connect or edit virtual devices",
    why="A user of the guest could connect a network card or a drive that was taken off.",
    severity="low",
    topic="VM settings visible from the guest",
    references={
        "scg": [
            "vm-9.isolation-device-connectable-deactivate",
            "vm-8.isolation-device-connectable-deactivate",
        ],
        "stig": ["VCFV-9X-000202", "VMCH-80-000197"],
        "nist_800_53": ["AC-06", "CM-07"],
        "pci_dss_4": ["2.2.4"],
    },
    offline=False,
    tier=2,
)
@needs_vmware
def device_control_isolated(facts, policy):
    del policy
    yield devices(facts["isolation"]["devices"])


def devices(answer):
    """The finding of ``device list``: a line for each device that the guest may connect."""
    resource, expected = "removable devices", "none that the guest may connect"
    if finding := hostcall.silent(resource, answer):
        return finding
    evidence = hostcall.shown(answer)
    if answer["rc"] != 0:
        return unknown(resource, "the host gave no answer", evidence=evidence)
    listed = [line.rpartition(":")[0] for line in answer["out"].splitlines() if ":" in line]
    if not listed:
        return compliant(resource, [], expected, evidence=f"{evidence}, no device")
    note = _settings("isolation.device.connectable.disable", "isolation.device.edit.disable")
    return drift(resource, listed, expected, evidence=evidence, comment=note)


def _settings(*true, **others):
    """What to set outside; no guest can."""
    wanted = [
        f"{name} = {value}" for name, value in [*((n, "TRUE") for n in true), *others.items()]
    ]
    return f"set it on the virtual machine: {', '.join(wanted)}"


CONTROLS = (disk_shrink_isolated, host_info_hidden, device_control_isolated)
