"""Whether a text holds what looks like a secret: the kind of it, never the secret itself."""

import base64
import binascii
import re
import zlib

_LIMIT = 1 << 20  # of what is unpacked
_PACKED = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")

# A value that is no secret: a switch, a reference, a placeholder, nothing.
_PLACEHOLDER = (
    r"(?!(?i:true|false|null|none|yes|no|r|random)\b|\{\{|\$\{|<|\*+(?:\s|$)|[!|>]?\s*(?:#|$)|\s)"
)
_SETS = rf"""["']?[^\S\n]*[:=][^\S\n]*["']?{_PLACEHOLDER}"""

_KINDS = (
    ("private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("password hash", re.compile(r"\$(?:1|2[abxy]?|5|6|7|y|gy|apr1)\$[./A-Za-z0-9$=,+-]{8,}")),
    (
        "password",
        re.compile(
            rf"""(?im)(?<![A-Za-z])(?!chpasswd)[\w.-]*(?:passw(?:or)?d|passphrase|\bpwd){_SETS}[^\s"'#]"""
            r"""|\bchpasswd\s*:[^\0]{0,400}?\n\s*(?:-\s*)?["']?[\w.-]+:(?!\s|R(?:ANDOM)?\b|["'])\S"""
        ),
    ),
    (
        "token",
        re.compile(
            rf"""(?im)(?<![A-Za-z])[\w.-]*(?:token|secret|api[_-]?key|access[_-]?key){_SETS}"""
            r"""[^\s"'#,}]{8,}"""
            r"""|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}"""
            r"""|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"""
        ),
    ),
    ("credentials in a URL", re.compile(r"[A-Za-z][\w+.-]*://[^\s/:@\"']+:[^\s/@\"']+@")),
    (
        "password property",
        re.compile(
            r"""(?i)key\s*=\s*["'][^"']*(?:passw(?:or)?d|secret|token)[^"']*["']\s+[\w:]*value\s*=\s*["'][^"']"""
        ),
    ),
)


def kinds(text, depth=2):
    """Sorted names of what the text seems to hold; packed parts of it are looked at as well."""
    found = {name for name, pattern in _KINDS if pattern.search(text)}
    if depth:
        for packed in _PACKED.findall(text)[:200]:
            inner = unpacked(packed)
            if inner:
                found |= set(kinds(inner, depth - 1))
    return sorted(found)


def unpacked(text):
    """The text in a base64 text, decompressed where it was; ``""`` where there is none."""
    try:
        data = base64.b64decode(re.sub(r"\s", "", text), validate=True)
        if data[:2] == b"\x1f\x8b":
            data = zlib.decompressobj(wbits=31).decompress(data, _LIMIT)
        return data.decode()
    except (binascii.Error, ValueError, zlib.error):
        return ""
