"""crypt-luks2-format: LUKS2, a strong cipher, passphrases dear to guess, a whole header."""

from inguestlib import schema as s
from inguestlib.families.crypt import joined, stack
from inguestlib.model import compliant, control, drift, unknown

# Keys that a machine made: nobody can guess them, so their KDF need not cost anything. systemd
# takes PBKDF2 with a thousand rounds for them on purpose.
_RANDOM_TOKENS = ("systemd-tpm2", "systemd-recovery", "systemd-fido2", "systemd-pkcs11", "clevis")
_RANDOM_ROLES = ("recovery", "key", "keyfile")
_WEAK_HASHES = ("sha1", "ripemd160", "md5", "whirlpool")

SCHEMA = {
    "format": s.Struct(
        {
            "ciphers": s.ListOf(
                s.Str(None, r"[a-z0-9:-]+", wanted="a cipher"),
                ("aes-xts-plain64",),
                1,
                unique=True,
                help="ciphers of the data that are strong enough",
            ),
            "key_size": s.Int(512, 128, 1024, help="least size of a volume key, in bits"),
            "pbkdf": s.ListOf(
                s.Choice(("argon2id", "argon2i", "pbkdf2")),
                ("argon2id",),
                1,
                unique=True,
                help="how passphrases may be stretched; FIPS 140 knows pbkdf2 only",
            ),
            "memory": s.Int(65536, 32, 4194304, help="least memory of Argon2, in KiB"),
            "time": s.Int(4, 1, help="least passes of Argon2"),
            "iterations": s.Int(600000, 1000, help="least iterations of PBKDF2"),
        },
        help="how volumes have to be formatted",
    )
}
OBSERVERS = {}


@control(
    id="crypt-luks2-format",
    title="LUKS volumes use LUKS2 with strong cipher and KDF",
    why="An old format or a cheap key derivation opens a stolen copy of the disk to guessing; a "
    "damaged header loses the data.",
    severity="medium",
    topic="In-guest encryption: use sparingly, for very sensitive workloads",
    enforceable="no",
    tier=1,
)
def luks2_format(facts, policy):
    found = joined.volumes(facts, policy)
    if not found:
        yield joined.none(facts, "LUKS headers")
    for volume in found:
        yield _volume(facts, policy["format"], volume)


def _volume(facts, params, volume):
    expected = {
        "format": "LUKS2",
        "cipher": params["ciphers"],
        "key size": params["key_size"],
        "pbkdf": params["pbkdf"],
    }
    resource, header = f"format of {volume.name}", volume.header
    if header is None:
        return _headless(facts, resource, volume, expected)
    observed = _observed(header)
    evidence = f"{volume.path}: UUID {header['uuid']}, {_shown(observed)}"
    wrong = [*_damage(header), *_work(header), *_data(header, params)]
    for slot in header["keyslots"]:
        wrong += _slot(slot, params, _held_by_a_machine(header, slot["id"]))
    wrong += [
        f"digest {digest['id']} of {digest['hash']}"
        for digest in header["digests"]
        if digest["hash"] in _WEAK_HASHES
    ]
    if not wrong:
        return compliant(resource, observed, expected, evidence=evidence)
    # What is no longer there to be opened is worse than what could be guessed.
    grave = not header["usable"] or "null" in str(observed["cipher"])
    return drift(
        resource,
        observed,
        expected,
        evidence=f"{evidence}; {'; '.join(wrong)}",
        comment=_mend(header, wrong),
        severity="high" if grave else "",
    )


def _headless(facts, resource, volume, expected):
    if volume.mapping:
        device = facts["stack"]["devices"][volume.mapping]
        what = stack.encrypts(device)
        if not what.startswith("LUKS"):
            return drift(
                resource,
                {"format": what},
                expected,
                evidence=stack.shown(facts, [volume.mapping]),
                comment="it has no LUKS header: no second key, no key to change, nothing that says "
                "what it is; move the data to a LUKS2 volume",
            )
        if volume.error:
            return unknown(resource, f"{volume.path} could not be read: {volume.error}")
        return unknown(resource, "its header is neither on the device below nor in a file known")
    if volume.error:
        return unknown(resource, f"{volume.path} could not be read: {volume.error}")
    return unknown(resource, f"no device or file {volume.row['device']} is here to be read")


def _observed(header):
    segments = [one for one in header["segments"] if one["cipher"]]
    return {
        "format": f"LUKS{header['version']}",
        "cipher": sorted({one["cipher"] for one in segments}),
        "key size": min((one["key_size"] or 0 for one in segments), default=None),
        "pbkdf": sorted({slot["kdf"]["type"] for slot in header["keyslots"]}),
    }


def _shown(observed):
    ciphers, kdfs = ("+".join(observed[key]) or "none" for key in ("cipher", "pbkdf"))
    return f"{observed['format']} {ciphers}, {observed['key size']} bits, {kdfs}"


def _damage(header):
    return [] if header["usable"] and not header["damage"] else list(header["damage"])


def _work(header):
    work = header["reencrypt"]
    if not work:
        return []
    return [f"{work['mode'] or 'a re-encryption'} has been begun and isn't finished"]


def _data(header, params):
    if header["version"] == 1:
        yield "LUKS1: no Argon2, no tokens, one copy of the header"
    for segment in header["segments"]:
        cipher, size = segment["cipher"], segment["key_size"]
        if segment["type"] != "crypt" and header["usable"]:
            yield f"segment {segment['id']} is in the clear"
        elif cipher and cipher not in params["ciphers"]:
            yield f"cipher {cipher}"
        elif size and size < params["key_size"]:
            yield f"a volume key of {size} bits"


def _held_by_a_machine(header, slot):
    for token in header["tokens"]:
        if slot in token["keyslots"]:
            if token["type"] in _RANDOM_TOKENS:
                return True
            if token["type"] == "inguest" and token["role"] in _RANDOM_ROLES:
                return True
    return False


def _slot(slot, params, random):
    """What is weak about one keyslot, in words."""
    kdf, at = slot["kdf"], f"keyslot {slot['id']}"
    if slot["unbound"] or slot["type"] == "reencrypt":
        return
    if slot["af_hash"] in _WEAK_HASHES:
        yield f"{at}: splits the key by {slot['af_hash']}"
    if random:
        return
    if kdf["type"] not in params["pbkdf"]:
        yield f"{at}: {kdf['type']}"
    elif kdf["type"] == "pbkdf2":
        if (kdf.get("iterations") or 0) < params["iterations"]:
            yield f"{at}: {kdf.get('iterations')} iterations of PBKDF2"
    elif (kdf.get("memory") or 0) < params["memory"] or (kdf.get("time") or 0) < params["time"]:
        yield f"{at}: Argon2 with {kdf.get('memory')} KiB and {kdf.get('time')} passes"
    if kdf.get("hash") in _WEAK_HASHES:
        yield f"{at}: {kdf['type']} by {kdf['hash']}"


def _mend(header, wrong):
    if not header["usable"]:
        return (
            "the header can't be loaded: don't write to the device; restore a backup of the header "
            "(inguest_luks.restore_header), or the data are lost with the key in memory"
        )
    if header["damage"]:
        return "cryptsetup repairs a copy from the other when it next writes the header: back it up"
    if header["reencrypt"]:
        return "cryptsetup reencrypt --resume-only, or the next run of inguest_luks, finishes it"
    if header["version"] == 1:
        return "cryptsetup convert --type luks2, with the volume closed and its header backed up"
    if any(one.startswith("keyslot") for one in wrong) and all(
        one.startswith("keyslot") for one in wrong
    ):
        return "cryptsetup luksConvertKey gives a keyslot another key derivation"
    return "inguest_luks encrypts the data anew where the declaration's cipher or key size differs"


CONTROLS = (luks2_format,)
