"""crypt-policy-match: what is meant to be encrypted is, and nothing else is.

No drift here is cured by an apply: encrypting a device is the work of ``inguest_luks``, which
keeps a life cycle of its own, and decrypting one is a person's.
"""

from inguestlib import schema as s
from inguestlib.families.crypt import declaration, stack, tables
from inguestlib.families.crypt.words import COSTS, ENCRYPT
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {
    "sensitive": s.Bool(
        False, help="the guest's data are so sensitive that they are encrypted inside it, too"
    ),
    "mounts": s.MapOf(
        s.Choice(("required", "forbidden", "any")),
        key_pattern=r"/[^\s]*",
        help="encryption at a mount point; others are required on a sensitive guest, but for those "
        "that boot it, and forbidden on any other",
    ),
}
OBSERVERS = {}


@control(
    id="crypt-policy-match",
    title="Encryption state of each volume equals the declared intent",
    why="Sensitive data in the clear leak with a copy of the disk; encryption that nobody needs "
    "costs space, speed and boots.",
    severity="medium",
    topic="In-guest encryption: use sparingly, for very sensitive workloads",
    references={
        "stig": ["RHEL-09-231190", "SLES-15-010330", "UBTU-24-600090"],
        "nist_800_53": ["AU-9(3)", "CM-6(a)", "SC-13", "SC-28", "SC-28(1)"],
        "complianceascode": ["encrypt_partitions"],
    },
    enforceable="no",
    tier=1,
)
def policy_match(facts, policy):
    if facts.guest["container"]:
        yield not_applicable("volumes", "a container has its host's disks")
        return
    claimed = set()
    for name, volume in policy["volumes"].items():
        yield declaration.judge(name, volume, facts)
        if at := stack.found(facts, volume["device"]):
            claimed.add(at[0])
    found = [*_mounts(facts, policy, claimed), *_swaps(facts, policy, claimed)]
    found += _unmounted(facts, policy, claimed)
    if not facts.guest["live"]:
        found += _by_files(facts, policy)
    yield from found
    if not found and not policy["volumes"]:
        yield unknown(
            "volumes",
            "no device is known below any mount, and no file names one",
            evidence=f"/proc/self/mountinfo, {tables.FSTAB}",
        )


def wanted(policy, target):
    """``required``, ``forbidden`` or ``any`` at a mount point."""
    if target in policy["mounts"]:
        return policy["mounts"][target]
    if not policy["sensitive"]:
        return "forbidden"
    return "any" if stack.is_boot(target) else "required"


def _mounts(facts, policy, claimed):
    """Each mount by the devices below it; of several mounts of one device the first."""
    judged = set()
    for mount in facts["stack"]["mounts"]:
        if not mount["devices"] and mount["type"] != "zfs" and mount["target"] != "/":
            continue
        names, explicit = tuple(mount["devices"]), mount["target"] in policy["mounts"]
        if not explicit and (names in judged or claimed & set(stack.chain(facts, names))):
            continue
        judged.add(names)
        yield _one(
            facts,
            mount["target"],
            names,
            wanted(policy, mount["target"]),
            f"{mount['source']} is mounted at {mount['target']}; {stack.shown(facts, names)}",
        )


def _swaps(facts, policy, claimed):
    """Swap takes up pages of everything: on a sensitive guest it is one of its volumes."""
    for swap in facts["stack"]["swaps"]:
        names = [swap["device"]] if swap["device"] else []
        device = facts["stack"]["devices"].get(swap["device"])
        if swap["kind"] == "file" or not names or (device and device["kind"] == "zram"):
            continue  # judged with its mount; not on a disk
        if claimed & set(stack.chain(facts, names)):
            continue
        if policy["sensitive"]:
            evidence = f"/proc/swaps: {swap['path']}; {stack.shown(facts, names)}"
            yield _one(facts, f"swap {stack.swap_name(facts, swap)}", names, "required", evidence)


def _one(facts, resource, names, want, evidence):
    state = stack.state(facts, names)
    expected = {"required": "encrypted", "forbidden": "clear", "any": "either"}[want]
    if state == "unseen":
        return unknown(
            resource, "what it stands on could not be seen", expected=expected, evidence=evidence
        )
    if want == "any" or state == expected:
        return compliant(resource, state, expected, evidence=evidence)
    if want == "required":
        said = "only in part" if state == "partly" else "not"
        comment = f"a sensitive volume is {said} encrypted; {ENCRYPT}"
        return drift(resource, state, expected, evidence=evidence, comment=comment, severity="high")
    return drift(resource, state, expected, evidence=evidence, comment=COSTS, severity="low")


def _unmounted(facts, policy, claimed):
    """Encrypted volumes that hold no mount and no swap: closed, or open for somebody else."""
    used = [*facts["stack"]["mounts"], *facts["stack"]["swaps"]]
    names = [n for one in used for n in one.get("devices") or [one.get("device")] if n]
    below = {*stack.chain(facts, names), *claimed}
    for path, entry in facts["headers"].items():
        if entry["header"] and entry["device"] and entry["device"] not in below:
            header = entry["header"]
            evidence = f"{path}: a header of LUKS{header['version']}, UUID {header['uuid']}"
            yield _declared_or_not(policy, path, "encrypted, not mounted", evidence)
    for name, device in stack.mappings(facts).items():
        chain = stack.chain(facts, [name])
        with_header = any(stack.header_of(facts, below_) for below_ in chain)
        if name not in below and not with_header and not claimed & set(chain):
            evidence = stack.shown(facts, [name])
            what = f"{stack.encrypts(device)}, not mounted"
            yield _declared_or_not(policy, f"/dev/mapper/{device['dm_name']}", what, evidence)


def _declared_or_not(policy, resource, observed, evidence):
    if policy["sensitive"]:
        return compliant(resource, observed, "encrypted", evidence=evidence)
    return drift(resource, observed, "clear", evidence=evidence, comment=COSTS, severity="low")


def _by_files(facts, policy):
    """An offline root: what its files will open and mount, where no device of it is here."""
    mounted = {mount["target"] for mount in facts["stack"]["mounts"] if mount["devices"]}
    opened = {f"/dev/mapper/{row['name']}": row for row in tables.kept(facts)}
    asked = [row["word"] for row in tables.by_arguments(facts)]
    declared = policy["volumes"]
    for row in opened.values():
        if row["name"] not in declared:
            resource = f"{row['name']} in {tables.CRYPTTAB}"
            yield _declared_or_not(policy, resource, "encrypted", tables.where(row))
    if asked and not opened and not mounted:
        resource = "the kernel's arguments"
        yield _declared_or_not(policy, resource, "encrypted", " ".join(asked))
    if not opened and not asked and not mounted and not policy["sensitive"]:
        evidence = f"{tables.CRYPTTAB}: no volume; the kernel's arguments: no rd.luks, cryptdevice"
        yield compliant(tables.CRYPTTAB, "clear", "clear", evidence=evidence)
    for row in facts["tables"]["fstab"]:
        if row["target"] in mounted or not _on_a_disk(row):
            continue
        want = wanted(policy, row["target"])
        evidence = tables.where(row, tables.FSTAB)
        if row["source"] in opened:
            if want == "required":
                evidence = f"{evidence}; {tables.where(opened[row['source']])}"
                yield compliant(row["target"], "encrypted", "encrypted", evidence=evidence)
        elif want == "required" and not opened and not asked:
            comment = f"no file of this root opens an encrypted volume; {ENCRYPT}"
            yield drift(
                row["target"],
                "clear",
                "encrypted",
                evidence=evidence,
                comment=comment,
                severity="high",
            )
        elif want == "required":
            comment = "its device isn't here: a running guest shows what it stands on"
            yield unknown(row["target"], comment, evidence=evidence)


def _on_a_disk(row):
    stable = row["source"].startswith(("/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="))
    return stable and row["target"].startswith("/") and row["type"] != "swap"


CONTROLS = (policy_match,)
