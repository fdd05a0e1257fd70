"""X.509 certificates as far as trust in them is judged: fingerprint, subject, last day.

A few fields of the DER encoding (X.690, RFC 5280) are read, nothing is verified: whether a
certificate is trusted is decided by where it lies, and which one it is by its fingerprint.
"""

import base64
import binascii
import hashlib
import re
import textwrap

from inguestlib import schema as s

_PEM = re.compile(
    r"-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END (?:TRUSTED |X509 )?"
    r"CERTIFICATE-----"
)
_NAMES = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O"}  # id-at-commonName, organizationName


def bodies(text):
    """The base64 bodies of a text's certificates, without white space, in order."""
    return ["".join(found[1].split()) for found in _PEM.findall(text)]


def decoded(body):
    """The DER bytes of a body, ``None`` when it is none."""
    try:
        der = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None
    # A TRUSTED CERTIFICATE of OpenSSL has its trust settings behind the certificate.
    end = _end(der)
    return der[:end] if end and end <= len(der) else None


def in_bytes(data):
    """The DER of each certificate in a file: PEM, as many as there are, or a single DER."""
    if data[:1] == b"\x30" and _end(data) == len(data):
        return [data]
    found = map(decoded, bodies(data.decode("ascii", "replace")))
    return [der for der in found if der]


def fingerprint(der):
    """SHA-256 in lower case hexadecimal digits, no colons."""
    return hashlib.sha256(der).hexdigest()


def pem(der):
    """The certificate as PEM has it, lines of 64 characters, RFC 7468."""
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def described(der):
    """``{"fingerprint", "subject", "not_after"}``; what can't be read is ``None``.

    ``not_after`` is ``YYYY-MM-DDTHH:MM:SSZ``.
    """
    out = {"fingerprint": fingerprint(der), "subject": None, "not_after": None}
    try:
        fields = _children(_children(der, 0)[0])
        if fields[0][0] == 0xA0:  # [0] version: only version 1 leaves it out
            fields = fields[1:]
        _serial, _algorithm, _issuer, validity, subject = fields[:5]
        out["not_after"] = _time(_children(validity)[1])
        out["subject"] = _subject(subject)
    except (IndexError, ValueError):
        pass
    return out


# ---- DER -----------------------------------------------------------------------------------


def _element(data, at):
    """``(tag, start, end)`` of the element at an offset. Raises :class:`ValueError`."""
    if at + 2 > len(data):
        raise ValueError("cut")
    tag, length, start = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= 4:
            raise ValueError("length")
        length = int.from_bytes(data[start : start + count], "big")
        start += count
    if start + length > len(data):
        raise ValueError("cut")
    return tag, start, start + length


def _end(data):
    try:
        tag, _start, end = _element(data, 0)
    except ValueError:
        return 0
    return end if tag == 0x30 else 0


def _children(element, at=None):
    """``[(tag, bytes), …]`` inside a constructed element, or inside the one at an offset."""
    if at is None:
        data, at, end = element[1], 0, len(element[1])
    else:
        data = element
        _tag, at, end = _element(data, at)
    found = []
    while at < end:
        tag, start, stop = _element(data, at)
        found.append((tag, data[start:stop]))
        at = stop
    return found


def _time(element):
    tag, raw = element
    text = raw.decode("ascii")
    if tag == 0x17:  # UTCTime: RFC 5280, 4.1.2.5.1
        text = ("19" if text[:2] >= "50" else "20") + text
    if not re.fullmatch(r"\d{14}Z", text):
        raise ValueError("no time of RFC 5280")
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}Z"


def _subject(element):
    found = []
    for group in _children(element):
        for pair in _children(group):
            (_oid, oid), (tag, value) = _children(pair)[:2]
            if oid in _NAMES:
                text = value.decode("utf-16-be" if tag == 0x1E else "utf-8", "replace")
                found.append(f"{_NAMES[oid]}={text}")
    return ", ".join(found) or None


# ---- types of the policy -------------------------------------------------------------------


class Pem(s.Type):
    """One certificate as PEM; the value is the same certificate in canonical lines."""

    wanted = "a certificate in PEM"

    def check(self, value, key, problems):
        found = in_bytes(value.encode("utf-8", "replace")) if isinstance(value, str) else []
        if len(found) == 1:
            return pem(found[0])
        if "PRIVATE KEY" in str(value):
            value = "a text with a private key"
        mend = "give one certificate, from BEGIN CERTIFICATE to END CERTIFICATE"
        return self.wrong(value, key, problems, mend)


class Fingerprint(s.Type):
    """A SHA-256 fingerprint; colons and upper case are taken as well."""

    wanted = "a SHA-256 fingerprint (64 hexadecimal digits)"

    def check(self, value, key, problems):
        if isinstance(value, str):
            text = re.sub(r"^sha256[:/]", "", value.strip().lower()).replace(":", "")
            if re.fullmatch(r"[0-9a-f]{64}", text):
                return text
        return self.wrong(value, key, problems)
