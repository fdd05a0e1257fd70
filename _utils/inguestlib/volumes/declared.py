"""What a policy may declare of a volume: ``inguest:crypt:volumes:<name>``."""

import re

from inguestlib import schema as s

# Names that follow the device, not the order in which the kernel found it.
STABLE = (
    r"/dev/disk/by-(id|path|uuid|partuuid|partlabel|label)/[^/\s]+"
    r"|(UUID|PARTUUID|PARTLABEL|LABEL)=\S+"
    r"|/dev/mapper/[A-Za-z0-9._+-]+"
    r"|/dev/(?!disk/|mapper/|block/)[A-Za-z0-9._+-]+/[A-Za-z0-9._+-]+"  # /dev/<vg>/<lv>
)
NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"
UUID = r"[0-9A-Fa-f-]{4,36}|[A-Za-z0-9-]{36,38}"  # of a file system, LUKS, LVM
NO_MOUNT = ("swap", "none")  # what a volume may hold and is mounted nowhere
SIZE = r"[1-9][0-9]*[KMGT]?"
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size_bytes(text):
    """Bytes of a size such as ``10G`` (binary units)."""
    found = re.fullmatch(r"([0-9]+)([KMGT]?)", text)
    return int(found[1]) * _UNITS[found[2]]


def _path(help):
    return s.Str(None, r"/[^\s]*", wanted="an absolute path", help=help)


TANG = s.Struct(
    {
        "servers": s.ListOf(
            s.Struct(
                {
                    "url": s.Str(s.REQUIRED, r"https?://\S+", wanted="a URL", help="where it is"),
                    "thumbprint": s.Str(
                        s.REQUIRED,
                        r"[A-Za-z0-9_-]{27,}",
                        wanted="a thumbprint (tang-show-keys prints it)",
                        help="of the server's signing key",
                    ),
                }
            ),
            help="the Tang servers",
        ),
        "threshold": s.Int(1, 1, help="how many of the servers have to answer"),
    },
    help="unlocking by Tang servers of yours",
)

UNLOCK = s.Struct(
    {
        "by": s.ListOf(
            s.Choice(("tpm2", "tang", "key", "keyfile", "passphrase", "random")),
            unique=True,
            help="how the volume is unlocked: each way has a keyslot of its own; random: a new key "
            "at each boot, for swap and /tmp, without a header",
        ),
        "tpm2": s.Struct(
            {
                "pcrs": s.ListOf(s.Int(7, 0, 23), (7,), unique=True, help="the PCRs bound to"),
                "bank": s.Choice(("sha256", "sha384"), "sha256", help="their bank"),
                "pin": s.Secret(help="asked for at boot besides the TPM; nothing unlocks alone"),
            },
            help="unlocking by the vTPM",
        ),
        "tang": TANG,
        "key": s.Secret(help="the key itself, by sdb:// from a store in the network"),
        "keyfile": _path("a file with the key, on another encrypted volume"),
    },
    help="how the volume is unlocked",
)

LUKS = s.Struct(
    {
        "cipher": s.Str("aes-xts-plain64", r"[a-z0-9:-]+", wanted="a cipher", help="of the data"),
        "key_size": s.Int(512, 128, 512, help="of the volume key, in bits"),
        "sector_size": s.Int(None, 512, 4096, help="in bytes; left out, cryptsetup chooses"),
        "pbkdf": s.Choice(("argon2id", "pbkdf2"), "argon2id", help="against guessed passphrases"),
        "memory": s.Int(None, 32, 4194304, help="of argon2id, in KiB"),
        "time": s.Int(None, 1, help="that opening takes, in milliseconds"),
        "iterations": s.Int(None, 4, help="in place of time"),
        "convert": s.Bool(False, help="turn a LUKS1 header of a closed volume into LUKS2"),
        "label": s.Str(None, r"[A-Za-z0-9_.-]{1,48}", wanted="a label", help="of the LUKS device"),
    },
    help="how the device is formatted",
)

VOLUME = s.Struct(
    {
        "device": s.Str(
            s.REQUIRED,
            STABLE,
            wanted="a stable name: /dev/disk/by-…/…, UUID=…, PARTUUID=… or /dev/<vg>/<lv>",
            help="the device below, by a name that stays when disks are added",
        ),
        "serial": s.Str(None, help="guard: the disk's serial number has to be this one"),
        "size": s.Str(None, SIZE, wanted="a size such as 10G", help="guard: the device's size"),
        "intent": s.Choice(
            ("encrypted", "clear", "retired"),
            "encrypted",
            help="what the volume should be; retired: its keys are destroyed (see replace)",
        ),
        "mount": _path("where its file system is mounted"),
        "filesystem": s.Choice(
            ("ext4", "xfs", "btrfs", *NO_MOUNT), "ext4", help="what the volume holds"
        ),
        "options": s.ListOf(s.Str(), ("defaults",), help="mount options"),
        "required": s.Bool(False, help="a boot without it is a failed boot (else nofail)"),
        "unlock": UNLOCK,
        "recovery": s.Struct(
            {
                "escrow": s.Str(
                    None,
                    r"sdb://\S+",
                    wanted="an sdb:// URI",
                    help="where the recovery key is kept; {minion} and {volume} are filled in",
                ),
                "generation": s.Int(1, 1, help="raise it, and a new recovery key takes its place"),
            },
            help="the key for the day on which nothing else opens the volume",
        ),
        "luks": LUKS,
        "discard": s.Bool(None, help="pass TRIM through: space comes back, free space shows"),
        "header_backup": s.Str(
            "/var/lib/inguest/headers",
            r"/[^\s]*",
            wanted="an absolute path",
            help="folder for the copy of the header, on another device",
        ),
        "replace": s.Str(
            None,
            UUID,
            wanted="a UUID",
            help="of what stands on the device now, and is given up with all its data",
        ),
        "in_place": s.Struct(
            {
                "allow": s.Bool(False, help="encrypt the file system that is there, in place"),
                "online": s.Bool(True, help="mounted meanwhile, but for the begin"),
            },
            help="encryption of a file system that holds data",
        ),
        "volume_key": s.Int(1, 1, help="raise it, and all data are encrypted by a new volume key"),
        "clone": s.Choice(
            ("report", "rekey"), "report", help="what to do with a key made on another machine"
        ),
    },
    help="one volume",
)

SCHEMA = {
    "volumes": s.MapOf(
        VOLUME,
        key_pattern=NAME,
        help="the volumes by the names of their mappings, below /dev/mapper",
    )
}
