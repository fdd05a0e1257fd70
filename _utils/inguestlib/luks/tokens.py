"""The tokens of a LUKS2 header, decoded: how it is unlocked, and nothing that unlocks it.

Their fields are those that systemd-cryptenroll, clevis and cryptsetup write. A sealed blob, an
encrypted key, or a JWE is never handed on.
"""

from inguestlib.luks import clevis
from inguestlib.luks.text import mapping, number, numbers, shown, strings


def decode(key, token):
    """Plain data of one token: ``id``, ``type``, ``keyslots``, and what its type tells."""
    kind = shown(token.get("type"))
    found = {"id": int(key), "type": kind, "keyslots": numbers(token.get("keyslots"))}
    decoder = _DECODERS.get(kind)
    found.update(decoder(token) if decoder else {"keys": _keys(token)})
    return found


def _keys(token):
    return sorted(shown(key, 40) for key in token if key not in ("type", "keyslots"))[:64]


def _either(token, name):
    """systemd spells its older fields with dashes, its newer ones with underscores."""
    value = token.get("tpm2-" + name)
    return token.get("tpm2_" + name.replace("-", "_")) if value is None else value


def _tpm2(token):
    pubkey = bool(_either(token, "pubkey"))
    return {
        "pcrs": numbers(_either(token, "pcrs")),
        "bank": shown(_either(token, "pcr-bank")) or None,
        "pin": _either(token, "pin") is True,
        "primary_alg": shown(_either(token, "primary-alg")) or None,
        "pubkey_pcrs": numbers(_either(token, "pubkey-pcrs")) if pubkey else [],
        "signed": pubkey,
        "pcrlock": _either(token, "pcrlock") is True,
        "policy_hash": _hashes(_either(token, "policy-hash")),
        "srk": bool(_either(token, "srk")),
    }


def _hashes(value):
    """One digest of a policy, or (since systemd 258) one for each shard."""
    return strings(value) if isinstance(value, list) else strings([value])


def _fido2(token):
    return {
        "rp": shown(token.get("fido2-rp")) or None,
        "pin": token.get("fido2-clientPin-required") is True,
        "presence": token.get("fido2-up-required") is True,
        "verification": token.get("fido2-uv-required") is True,
    }


def _pkcs11(token):
    """Of the URI what names the token; its query may hold the PIN (RFC 7512)."""
    return {"uri": shown(token.get("pkcs11-uri")).split("?", 1)[0] or None}


def _keyring(token):
    return {"key_description": shown(token.get("key_description"))}


def _inguest(token):
    return {
        "role": shown(token.get("role")),
        "generation": number(token.get("generation")),
        "machine": shown(token.get("machine")) or None,
        "stage": shown(token.get("stage")) or None,
    }


def _volume(token):
    """Ours, of the volume key itself; ``before`` is the fingerprint of the one it followed."""
    return {
        "generation": number(token.get("generation")),
        "machine": shown(token.get("machine")) or None,
        "before": shown(token.get("before")) or None,
    }


def _clevis(token):
    jwe = token.get("jwe")
    protected = mapping(jwe).get("protected") if isinstance(jwe, dict) else jwe
    return {"pins": clevis.pins(protected)}


_DECODERS = {
    "systemd-tpm2": _tpm2,
    "systemd-fido2": _fido2,
    "systemd-pkcs11": _pkcs11,
    "systemd-recovery": lambda token: {},
    "luks2-keyring": _keyring,
    "clevis": _clevis,
    "inguest": _inguest,
    "inguest-volume": _volume,
}
