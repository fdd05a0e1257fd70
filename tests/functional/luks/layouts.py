"""Layouts that cryptsetup makes, or reads where its own tools would need a device mapper."""

import json
import subprocess

from functional.luks import images as i

TPM2 = {
    "type": "systemd-tpm2",
    "keyslots": ["0"],
    "tpm2-blob": "c2VjcmV0IGJsb2I=",
    "tpm2-pcrs": [7, 11],
    "tpm2-pcr-bank": "sha256",
    "tpm2-primary-alg": "ecc",
    "tpm2-policy-hash": "ab" * 32,
    "tpm2-pin": True,
    "tpm2_pubkey_pcrs": [11],
    "tpm2_pubkey": "c2VjcmV0IGtleQ==",
    "tpm2_srk": "c2VjcmV0IHNyaw==",
}
FIDO2 = {
    "type": "systemd-fido2",
    "keyslots": ["0"],
    "fido2-credential": "c2VjcmV0",
    "fido2-salt": "c2VjcmV0",
    "fido2-rp": "io.systemd.cryptsetup",
    "fido2-clientPin-required": True,
    "fido2-up-required": True,
    "fido2-uv-required": False,
}
PKCS11 = {
    "type": "systemd-pkcs11",
    "keyslots": ["0"],
    "pkcs11-uri": "pkcs11:token=card;object=disk?pin-value=secret",
    "pkcs11-key": "c2VjcmV0",
}
RECOVERY = {"type": "systemd-recovery", "keyslots": ["0"]}
INGUEST = {
    "type": "inguest",
    "keyslots": ["0"],
    "role": "recovery",
    "generation": 3,
    "machine": "ab" * 32,
}
SIGNING = {
    "kty": "EC",
    "crv": "P-521",
    "alg": "ES512",
    "key_ops": ["verify"],
    "x": "AAAA",
    "y": "BBBB",
}
TANG = {
    "alg": "ECDH-ES",
    "kid": "exchange-key-thumbprint",
    "clevis": {
        "pin": "tang",
        "tang": {"url": "http://user:secret@tang.example:7500", "adv": {"keys": [SIGNING]}},
    },
}
CLEVIS_TPM2 = {
    "alg": "dir",
    "clevis": {
        "pin": "tpm2",
        "tpm2": {
            "hash": "sha256",
            "key": "ecc",
            "jwk_priv": "secret",
            "jwk_pub": "secret",
            "pcr_bank": "sha256",
            "pcr_ids": "1,7",
        },
    },
}


def _compact(header):
    return i.jwe(header)["protected"] + "..aXY.c2VjcmV0.dGFn"


SSS = {
    "alg": "dir",
    "clevis": {
        "pin": "sss",
        "sss": {"t": 2, "p": "secret", "jwe": [_compact(TANG), _compact(CLEVIS_TPM2)]},
    },
}


def _format(*options, **named):
    return lambda path: i.luks(path, *options, **named)


def _token(token):
    def make(path):
        i.luks(path)
        i.cryptsetup("token", "import", "--token-id", 2, path, key=json.dumps(token).encode())

    return make


def _clevis(header):
    return _token({"type": "clevis", "keyslots": ["0"], "jwe": i.jwe(header)})


def _then(*commands, version=2, options=()):
    """Format, then run commands of cryptsetup; the key is both the old and the new one."""

    def make(path):
        i.luks(path, *options, version=version)
        for command in commands:
            i.cryptsetup(*(path if word == "IMAGE" else word for word in command), key=i.KEY)

    return make


def _add(*options):
    """luksAddKey with a new key from a file beside the image."""

    def make(path, version=2):
        i.luks(path, version=version)
        add(path, *options)

    return make


def add(path, *options):
    """Add a keyslot; the new key is a file beside the image."""
    new = path.with_name("new-key")
    new.write_bytes(b"another key")
    i.cryptsetup("luksAddKey", *options, path, new, "-d", "-", key=i.KEY)


def _several(path):
    i.luks(path)
    for slot in (3, 7, 31):
        add(path, *i.QUICK, "--key-slot", slot)
    i.cryptsetup("luksKillSlot", path, 7)


def _luks1_several(path):
    i.luks(path, version=1)
    for slot in (2, 7):
        add(path, "--pbkdf-force-iterations", 1000, "--key-slot", slot)
    i.cryptsetup("luksKillSlot", path, 0)


def _detached(version):
    """The header in a file of its own: the data begin at 0 of another device."""

    def make(path):
        data = i.blank(path.with_name("data"))
        size = ("--luks2-keyslots-size", "1m") if version == 2 else ()
        i.cryptsetup(
            *("luksFormat", "--type", f"luks{version}", *i.QUICK, *size, "--header", path),
            *(data, "-"),
            key=i.KEY,
        )

    return make


def _backup(version):
    def make(path):
        source = i.luks(path.with_name("source"), version=version)
        i.cryptsetup("luksHeaderBackup", source, "--header-backup-file", path)

    return make


def _reencrypt(*options):
    def make(path):
        i.luks(path)
        i.cryptsetup(
            *("reencrypt", "--init-only", "--force-offline-reencrypt", *i.QUICK, *options),
            *(path, "-d", "-"),
            key=i.KEY,
        )

    return make


def _encrypt(path):
    i.blank(path, "48M")
    subprocess.run(("mkfs.ext4", "-q", path, "24M"), check=True)
    i.cryptsetup(
        *("reencrypt", "--encrypt", "--init-only", "--force-offline-reencrypt", *i.QUICK),
        *("--reduce-device-size", "16M", path, "-d", "-"),
        key=i.KEY,
    )


def _decrypt(path):
    """The header moves to a file of its own first; the image is that file."""
    source = i.luks(path.with_name("source"))
    i.cryptsetup(
        *("reencrypt", "--decrypt", "--init-only", "--force-offline-reencrypt"),
        *("--header", path, source, "-d", "-"),
        key=i.KEY,
    )


def _integrity(path):
    """Formatting with integrity needs a device mapper; reading it does not."""

    def edit(data):
        data["segments"]["0"]["encryption"] = "aes-gcm-random"
        data["segments"]["0"]["integrity"] = {
            "type": "aead",
            "journal_encryption": "none",
            "journal_integrity": "none",
        }

    i.change(i.luks(path), edit)


def _cipher(name):
    """A cipher that not every kernel has, so not every machine could format with it."""

    def make(path):
        i.change(i.luks(path), lambda d: d["segments"]["0"].update(encryption=name))

    return make


def _requirement(path):
    i.change(
        i.luks(path), lambda d: d["config"].update(requirements={"mandatory": ["of-the-future"]})
    )


def _flags(path):
    i.change(
        i.luks(path), lambda d: d["config"].update(flags=["allow-discards", "no-read-workqueue"])
    )


def _priority(path):
    i.luks(path)
    add(path, *i.QUICK)
    i.cryptsetup("config", "--priority", "prefer", "--key-slot", 1, path)
    i.cryptsetup("config", "--priority", "ignore", "--key-slot", 0, path)


# LUKS2 comes in nine sizes of metadata; the two largest need a longer image.
_SIZES = ((16, 16), (32, 16), (64, 16), (128, 16), (256, 16), (512, 16), (1024, 32), (4096, 128))

LUKS2 = {
    "as cryptsetup chooses": lambda p: i.luks(p, "--offset", "32768"),
    **{
        f"metadata of {kib} KiB": _format(
            *("--luks2-metadata-size", f"{kib}k", "--luks2-keyslots-size", "512k"),
            *("--offset", str(mib * 2048)),
            size=f"{mib + 8}M",
        )
        for kib, mib in _SIZES
    },
    "keyslots of 8 MiB": _format("--luks2-keyslots-size", "8m", "--offset", "20480"),
    "sectors of 512": _format("--sector-size", "512"),
    "sectors of 4096": _format("--sector-size", "4096"),
    "aes-cbc": _format("--cipher", "aes-cbc-essiv:sha256", "--key-size", "256"),
    "aes-xts of 256 bits": _format("--key-size", "256"),
    "serpent": _cipher("serpent-xts-plain64"),
    "adiantum": _cipher("xchacha12,aes-adiantum-plain64"),
    "argon2id": _format(
        *("--pbkdf", "argon2id", "--pbkdf-memory", "64", "--pbkdf-parallel", "1"),
        *("--pbkdf-force-iterations", "4"),
    ),
    "argon2i": _format(
        *("--pbkdf", "argon2i", "--pbkdf-memory", "64", "--pbkdf-parallel", "2"),
        *("--pbkdf-force-iterations", "4"),
    ),
    "hash sha512": _format("--hash", "sha512"),
    "label and subsystem": _format("--label", "Grüße 1", "--subsystem", "payroll"),
    "a long label": _format("--label", "x" * 47),
    "a given UUID": _format("--uuid", "11111111-2222-3333-4444-555555555555"),
    "several keyslots": _several,
    "an unbound keyslot": _add(*i.QUICK, "--unbound", "--key-size", "256", "--key-slot", "5"),
    "erased": _then(("luksErase", "IMAGE")),
    "priorities": _priority,
    "a persistent flag": _flags,
    "a requirement of the future": _requirement,
    "detached": _detached(2),
    "a header's backup": _backup(2),
    "integrity": _integrity,
    "re-encryption begun": _reencrypt(),
    "re-encryption with a journal": _reencrypt("--resilience", "journal"),
    "encryption in place begun": _encrypt,
    "decryption begun": _decrypt,
    "token of a TPM": _token(TPM2),
    "token of FIDO2": _token(FIDO2),
    "token of PKCS11": _token(PKCS11),
    "token of a recovery key": _token(RECOVERY),
    "token of the keyring": _then(
        ("token", "add", "--key-description", "inguest:data", "--token-id", 1, "IMAGE")
    ),
    "token of ours": _token(INGUEST),
    "token of nobody": _token({"type": "of-nobody", "keyslots": [], "blob": "c2VjcmV0"}),
    "clevis with Tang": _clevis(TANG),
    "clevis with a TPM": _clevis(CLEVIS_TPM2),
    "clevis with both": _clevis(SSS),
    "converted from LUKS1": _then(("convert", "--type", "luks2", "IMAGE"), version=1),
}

LUKS1 = {
    "as cryptsetup chooses": _format(version=1),
    "aes-cbc": _format("--cipher", "aes-cbc-essiv:sha256", "--key-size", "128", version=1),
    "hash sha512": _format("--hash", "sha512", version=1),
    "aligned to 8 MiB": _format("--offset", "16384", version=1),
    "several keyslots": _luks1_several,
    "erased": _then(("luksErase", "IMAGE"), version=1),
    "detached": _detached(1),
    "a header's backup": _backup(1),
}
