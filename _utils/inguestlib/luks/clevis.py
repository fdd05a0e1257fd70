"""What the protected header of a clevis JWE says of its pins (RFC 7516; clevis's pins).

Only the header is decoded: it is not secret, and the rest is never looked at.
"""

import base64
import binascii
import hashlib
import json
import re

from inguestlib.luks.text import mapping, number, shown, strings

_DEEPEST = 4
_MOST = 32
_LONGEST = 1 << 18
# RFC 7638, 3.2: the members of a key that count, in this order
_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}


def pins(protected):
    """The pins in a JWE: ``[{"pin": "tang", "url", "thumbprint", …}]``; [] when unreadable.

    :param protected: the protected header, base64url, or a whole JWE in compact form.
    """
    return _pins(protected, 0, [_MOST])


def _pins(protected, depth, left):
    if depth > _DEEPEST or left[0] <= 0:
        return []
    left[0] -= 1
    header = _header(protected)
    about = mapping(header.get("clevis"))
    kind = shown(about.get("pin"))
    if not kind:
        return []
    settings = mapping(about.get(kind))
    if kind == "tpm2":
        return [_tpm2(settings)]
    if kind == "tang":
        return [_tang(settings, header)]
    if kind == "sss":
        inner = settings.get("jwe")
        inner = inner[:_MOST] if isinstance(inner, list) else []
        return [
            {
                "pin": "sss",
                "threshold": number(settings.get("t")),
                "pins": [pin for jwe in inner for pin in _pins(jwe, depth + 1, left)],
            }
        ]
    return [{"pin": kind}]


def _header(protected):
    if not isinstance(protected, str) or len(protected) > _LONGEST:
        return {}
    try:
        found = json.loads(_decoded(protected.split(".", 1)[0]).decode("utf-8", "replace"))
    except (ValueError, RecursionError, binascii.Error):
        return {}
    return mapping(found)


def _decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _tpm2(settings):
    ids = settings.get("pcr_ids")
    ids = ids.replace(",", " ").split() if isinstance(ids, str) else ids
    ids = [ids] if isinstance(ids, int) else ids
    found = [number(item) for item in ids[:64]] if isinstance(ids, list) else []
    return {
        "pin": "tpm2",
        "pcrs": [pcr for pcr in found if pcr is not None],
        "bank": shown(settings.get("pcr_bank")) or None,
        "hash": shown(settings.get("hash")) or None,
        "key": shown(settings.get("key")) or None,
    }


def _tang(settings, header):
    keys = mapping(settings.get("adv")).get("keys")
    keys = [key for key in keys[:_MOST] if isinstance(key, dict)] if isinstance(keys, list) else []
    signing = [thumbprint(key) for key in keys if "verify" in strings(key.get("key_ops"))]
    signing = [found for found in signing if found]
    url = re.sub(r"(?<=://)[^/@]*@", "", shown(settings.get("url")))
    return {
        "pin": "tang",
        "url": url,
        "thumbprint": signing[0] if signing else None,
        "thumbprints": signing,
        "exchange": shown(header.get("kid")) or None,
    }


def thumbprint(key, algorithm="sha256"):
    """The thumbprint of a public key as ``tang-show-keys`` prints it (RFC 7638), or None."""
    names = _MEMBERS.get(key.get("kty")) if isinstance(key.get("kty"), str) else None
    if not names or not all(isinstance(key.get(name), str) for name in names):
        return None
    members = {name: key[name] for name in names}
    plain = json.dumps(members, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace")
    digest = hashlib.new(algorithm, plain).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
