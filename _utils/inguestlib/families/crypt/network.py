"""crypt-network-storage: what comes from a file server or a SAN is protected on its way."""

import fnmatch
from typing import NamedTuple

from inguestlib import blockdev, fstab
from inguestlib import schema as s
from inguestlib.changes import Edit, File, Unit
from inguestlib.families.crypt import san, tables
from inguestlib.model import Verdict, compliant, control, drift, not_applicable

_NFS, _CIFS = ("nfs", "nfs4"), ("cifs", "smb3")
_MOUNTS = "/proc/self/mountinfo"

SCHEMA = {
    "network": s.Struct(
        {
            "nfs": s.Choice(
                ("any", "krb5p", "tls"),
                "any",
                help="how NFS is encrypted: by Kerberos, by TLS, or any of them",
            ),
            "options": s.ListOf(
                s.Choice(("nosuid", "nodev", "noexec")),
                ("nosuid", "nodev"),
                unique=True,
                help="mount options that every mount from the network has",
            ),
            "mutual_chap": s.Bool(True, help="an iSCSI target proves who it is, too"),
            "allow": s.ListOf(
                s.Str(),
                help="shell patterns of sources, mount points and targets whose way is protected "
                "otherwise",
            ),
        },
        help="volumes that come over the network",
    )
}


def observe(guest, params):
    """``{"mounts": […], "iscsi": {…}, "nvme": […]}``; see :mod:`.san`.

    ``mounts`` are those of network file systems now, ``{"target", "source", "type", "options"}``.
    """
    return {
        "mounts": _mounted(guest),
        "iscsi": san.iscsi(guest),
        "nvme": san.nvme(guest),
    }


def _mounted(guest):
    found = {}
    for mount in blockdev.mounts(guest):
        if fstab.is_network(mount.fstype):
            found[mount.target] = {
                "target": mount.target,
                "source": mount.source,
                "type": mount.fstype,
                # Of CIFS it also names the user: only what tells of protection is kept.
                "options": [o for o in mount.options if o.partition("=")[0] in _TELLING],
            }
    return list(found.values())


_TELLING = ("sec", "xprtsec", "seal", "vers", "nosuid", "nodev", "noexec", "ro")
OBSERVERS = {"network": observe}


@control(
    id="crypt-network-storage",
    title="Network volumes are protected in transit",
    why="Encryption at rest is of no use where the same data cross the network in the clear.",
    severity="medium",
    topic="Third-party storage (FSx for NetApp ONTAP)",
    references={
        "stig": ["RHEL-09-231075", "SLES-15-040160"],
        "nist_800_53": [
            "AC-17(a)",
            "AC-6",
            "AC-6(1)",
            "CM-6(a)",
            "CM-7(a)",
            "CM-7(b)",
            "CM6(a)",
            "IA-2",
            "IA-2(8)",
            "IA-2(9)",
        ],
        "complianceascode": [
            "mount_option_krb_sec_remote_filesystems",
            "mount_option_nosuid_remote_filesystems",
        ],
    },
    enforceable="partial",
    tier=1,
)
def network_storage(facts, policy):
    params, found = policy["network"], []
    for row in facts["tables"]["fstab"]:
        if fstab.is_network(row["type"]) and "bind" not in row["options"]:
            found += _in_fstab(row, params, policy["tables"]["enforce"], facts.guest["live"])
    for mount in facts["network"]["mounts"]:
        found.append(_mounted_now(mount, params))
    found += san.judge(facts["network"], params, _allowed)
    yield from _apart(found)
    if not found:
        yield not_applicable(
            "network volumes",
            "nothing is mounted from the network, and there is no iSCSI and no NVMe over TCP",
            evidence=f"{tables.FSTAB}, {_MOUNTS}, /var/lib/iscsi/nodes, /sys/class/nvme: none",
        )


def _apart(found):
    """One finding for each resource: of two lines of fstab for a place, both are drift or none."""
    by_resource = {}
    for finding in found:
        known = by_resource.setdefault(finding.resource, finding)
        if finding.verdict is Verdict.DRIFT and known.verdict is not Verdict.DRIFT:
            by_resource[finding.resource] = finding
    return by_resource.values()


def _allowed(params, *names):
    """The pattern of the policy that takes one of the names, or ``None``."""
    for pattern in params["allow"]:
        if any(fnmatch.fnmatchcase(name, pattern) for name in names if name):
            return pattern
    return None


def _in_fstab(row, params, enforce, live):
    """Its options and its transport, each a finding; one edit of the line cures both."""
    evidence = tables.where(row, tables.FSTAB)
    parts = {"": _options(row, params), "transport of ": _transport(row, params)}
    add = [option for part in parts.values() for option in part.add]
    drop = [option for part in parts.values() for option in part.drop]
    changes = ()
    if add and enforce and not row["secret"]:
        new = fstab.with_options(row["text"], add, drop)
        changes = [File(tables.FSTAB, edits=(Edit(row["line"], row["text"], new),))]
        if live:
            changes.append(Unit("systemd", "daemon-reload"))  # its generator reads fstab
    for name, part in parts.items():
        resource = f"{name}{row['target']} in {tables.FSTAB}"
        pattern = _allowed(params, row["target"], row["source"])
        if pattern or not part.lacking:
            comment = f"the policy allows {pattern}" if pattern else ""
            yield compliant(resource, row["options"], evidence=evidence, comment=comment)
            continue
        comment = part.lacking
        if part.add and row["secret"]:
            comment += "; the line holds a password, so it is for a person to edit"
        elif part.add and not enforce:
            comment += f"; inguest:crypt:tables:enforce: true would add {','.join(part.add)}"
        yield drift(
            resource,
            row["options"],
            list(part.add) or part.lacking,
            evidence=evidence,
            comment=comment,
            changes=changes if part.add else (),
        )


def _mounted_now(mount, params):
    resource = f"{mount['target']} as it is mounted"
    evidence = f"{_MOUNTS}: {mount['source']} {mount['type']} {','.join(mount['options'])}"
    if pattern := _allowed(params, mount["target"], mount["source"]):
        said = f"the policy allows {pattern}"
        return compliant(resource, mount["options"], evidence=evidence, comment=said)
    lacking = [p.lacking for p in (_options(mount, params), _transport(mount, params)) if p.lacking]
    if not lacking:
        return compliant(resource, mount["options"], evidence=evidence)
    comment = f"{'; '.join(lacking)}; what {tables.FSTAB} says counts from the next mount on"
    return drift(resource, mount["options"], lacking, evidence=evidence, comment=comment)


class Part(NamedTuple):
    """What a mount lacks, in words, and the options that mend all of it, where options can."""

    lacking: str = ""
    add: tuple = ()
    drop: tuple = ()


def _options(mount, params):
    missing = [name for name in params["options"] if name not in mount["options"]]
    if not missing:
        return Part()
    opposite = tuple(name.replace("no", "", 1) for name in missing)
    return Part(f"without {', '.join(missing)}", tuple(missing), opposite)


def _transport(mount, params):
    have = {o.partition("=")[0]: o.partition("=")[2] for o in mount["options"]}
    if mount["type"] in _NFS:
        return _nfs(have, params["nfs"])
    if mount["type"] in _CIFS:
        return _cifs(have)
    if mount["type"].removeprefix("fuse.") == "sshfs":
        return Part()
    return Part(f"whether {mount['type']} encrypts can't be seen in its options")


def _nfs(have, wanted):
    by_kerberos = have.get("sec") == "krb5p"  # a list of flavours may end in a weaker one
    by_tls = have.get("xprtsec") in ("tls", "mtls")
    if {"krb5p": by_kerberos, "tls": by_tls, "any": by_kerberos or by_tls}[wanted]:
        return Part()
    if wanted == "any":  # which of them the server can do is not ours to guess
        return Part(
            "NFS in the clear: needs sec=krb5p or xprtsec=tls, whichever the server offers "
            "(inguest:crypt:network:nfs)"
        )
    option = _NFS_OPTION[wanted]
    key = option.partition("=")[0]
    old = (f"{key}={have[key]}",) if key in have else ()
    return Part(f"NFS without {option}", (option,), old)


def _cifs(have):
    version = have.get("vers", "3")
    if version.startswith(("1", "2")):
        drop = (f"vers={version}",)
        return Part(f"SMB {version} knows no encryption", ("vers=3", "seal"), (*drop, "seal"))
    if "seal" not in have:
        return Part("SMB without seal, its encryption", ("seal",))
    return Part()


_NFS_OPTION = {"krb5p": "sec=krb5p", "tls": "xprtsec=tls"}


CONTROLS = (network_storage,)
