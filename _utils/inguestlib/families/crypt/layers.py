"""crypt-other-layers: what else encrypts, verifies or packs data at rest besides dm-crypt."""

from inguestlib import blockdev, fstab
from inguestlib import schema as s
from inguestlib.families.crypt import tables
from inguestlib.model import compliant, control, drift, not_applicable, unknown

KINDS = (
    "fscrypt",
    "ecryptfs",
    "zfs",
    "verity",
    "integrity",
    "vdo",
    "lvm-integrity",
    "gocryptfs",
    "encfs",
    "cryfs",
    "securefs",
    "veracrypt",
)
_FUSE = {
    "gocryptfs": "gocryptfs",
    "encfs": "encfs",
    "cryfs": "cryfs",
    "securefs": "securefs",
    "veracrypt": "veracrypt",
    "truecrypt": "veracrypt",
}
_ZFS = ("zfs", "get", "-H", "-o", "name,value", "-t", "filesystem,volume", "encryption")

SCHEMA = {
    "layers": s.ListOf(
        s.Choice(KINDS),
        unique=True,
        help="layers besides dm-crypt that are meant to be there",
    )
}


def observe(guest, params):
    """``{"found": [{"kind", "resource", "evidence"}], "unseen": [words]}``; no key is read.

    By the device mapper's UUIDs, the mounts, ``/.fscrypt`` and ``/etc/fscrypt.conf``, eCryptfs's
    folders below ``/home``, and, where ZFS is mounted on a live guest, what ``zfs get`` answers.
    """
    if guest.container:
        return {"found": [], "unseen": []}
    devices = blockdev.devices(guest)
    mounts = {mount.target: mount for mount in devices.mounts}
    found = [*_mapped(devices), *_mounted(mounts.values()), *_fscrypt(guest, mounts)]
    found += [*_fstab(guest, mounts), *_home(guest)]
    unseen = []
    if any(mount.fstype == "zfs" for mount in mounts.values()):
        rows, why = _zfs(guest)
        found += rows
        unseen += why
    return {"found": found, "unseen": unseen}


def _row(kind, resource, evidence):
    return {"kind": kind, "resource": resource, "evidence": evidence}


def _mapped(devices):
    """By the UUIDs that their tools write; LVM's hidden parts by the suffix of their names."""
    for device in devices.all.values():
        uuid, name = device.dm_uuid or "", device.dm_name or ""
        kind = None
        if uuid.startswith("CRYPT-VERITY"):
            kind = "verity"
        elif uuid.startswith("CRYPT-INTEGRITY") or uuid.startswith("INTEGRITY-"):
            kind = "integrity"
        elif uuid.startswith("VDO-") or (uuid.startswith("LVM-") and uuid.endswith("-vpool")):
            kind = "vdo"
        elif uuid.startswith("LVM-") and name.endswith("_imeta"):
            kind = "lvm-integrity"
        if kind:
            evidence = f"/sys/class/block/{device.name}/dm/uuid {uuid}"
            yield _row(kind, f"/dev/mapper/{name}", evidence)


def _mounted(mounts):
    for mount in mounts:
        program = mount.fstype.removeprefix("fuse.")
        kind = "ecryptfs" if mount.fstype == "ecryptfs" else _FUSE.get(program)
        if kind:
            evidence = f"/proc/self/mountinfo: {mount.target} is {mount.fstype}"
            yield _row(kind, mount.target, evidence)


def _fscrypt(guest, mounts):
    """fscrypt(1) keeps its metadata in ``.fscrypt`` of each file system that it was set up on."""
    disks = [m.target for m in mounts.values() if m.fstype in ("ext4", "f2fs", "btrfs", "ubifs")]
    for target in dict.fromkeys(["/", *disks]):
        path = f"{target.rstrip('/')}/.fscrypt"
        if guest.lstat(path) is not None:
            yield _row("fscrypt", target, f"{path} is there")


def _fstab(guest, mounts):
    for row in fstab.parse_fstab(guest.lines(tables.FSTAB)):
        named = row["source"].partition("#")[0] if row["type"] == "fuse" else row["type"]
        program = named.removeprefix("fuse.")
        kind = "ecryptfs" if program == "ecryptfs" else _FUSE.get(program)
        if kind and row["target"] not in mounts:
            yield _row(kind, row["target"], tables.where(row, tables.FSTAB))


def _home(guest):
    """Homes that eCryptfs mounts when their owner logs in."""
    for user in guest.listdir("/home/.ecryptfs"):
        yield _row("ecryptfs", f"/home/{user}", f"/home/.ecryptfs/{user} is there")


def _zfs(guest):
    try:
        answer = guest.ask(_ZFS)
    except OSError as exc:
        return [], [f"zfs could not be asked: {exc.strerror or exc}"]
    if answer.rc:
        return [], [f"zfs get encryption: {answer.err.strip()[:200]}"]
    rows = []
    for line in answer.out.splitlines():
        name, _, value = line.partition("\t")
        if value not in ("off", "-", ""):
            rows.append(_row("zfs", name, f"{' '.join(_ZFS)}: {name} {value}"))
    return rows, []


OBSERVERS = {"layers": observe}


@control(
    id="crypt-other-layers",
    title="Other at-rest layers are known",
    why="A layer that nobody knows of is a second encryption above or below the first, its keys "
    "in nobody's escrow.",
    severity="low",
    topic="In-guest encryption: use sparingly, for very sensitive workloads",
    enforceable="no",
    tier=2,
)
def other_layers(facts, policy):
    if facts.guest["container"]:
        yield not_applicable("layers", "a container has its host's disks")
        return
    seen, meant = facts["layers"], policy["layers"]
    for row in seen["found"]:
        resource = f"{row['kind']}: {row['resource']}"
        if row["kind"] in meant:
            yield compliant(resource, row["kind"], "declared", evidence=row["evidence"])
        else:
            comment = (
                f"if it is meant to be there, name {row['kind']} in inguest:crypt:layers; stacked "
                "layers break deduplication and compression below"
            )
            yield drift(
                resource, row["kind"], "declared", evidence=row["evidence"], comment=comment
            )
    for why in seen["unseen"]:
        yield unknown("zfs", why)
    if not (seen["found"] or seen["unseen"]):
        looked = "mappings' dm/uuid, mounts" if facts.guest["live"] else "fstab"
        evidence = f"{looked}, /.fscrypt, /home/.ecryptfs: none of {', '.join(KINDS)}"
        yield compliant("layers", [], meant, evidence=evidence)


CONTROLS = (other_layers,)
