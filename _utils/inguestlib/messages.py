"""Messages from a guest to its master: one JSON body, its digest and its signature.

The guest serialises a body once; digest and signature are those of exactly these bytes. So the
master never has to serialise anything again to check it, and what it stores can be proved later.

An envelope is what travels in an event::

    {"v": 1, "body": base64(zlib(bytes)), "signature": base64, "key": "sha256:…"}

``signature`` is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2) by the minion's own key, the one
that its master accepted; ``key`` is the SHA-256 of its public half as SubjectPublicKeyInfo in DER.

Guest and master both use this module: it needs the standard library and ``cryptography``, which
Salt depends on.
"""

import base64
import binascii
import datetime as dt
import functools
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import NamedTuple

VERSION = 1
"""Of the envelope; raised when its shape changes."""

KINDS = ("report", "delta", "heartbeat")
REPORT_TAG = "inguest/report"
HEARTBEAT_TAG = "inguest/heartbeat"

LIMIT = 16 << 20  # bytes of a body, decompressed
_SEQ_LIMIT = 1 << 53  # what every JSON reader and every database can hold
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class MessageError(ValueError):
    """A message that can't be made, or one that isn't one; the text says why."""


class Unpacked(NamedTuple):
    """An envelope, opened and not yet verified.

    ``raw`` are the bytes that were signed, ``digest`` is theirs (``sha256:…``), ``body`` is what
    they say; ``key`` is the fingerprint that the sender claims.
    """

    body: dict
    digest: str
    raw: bytes
    signature: bytes
    key: str

    @property
    def time(self):
        """When the guest says it was made: an aware datetime, UTC."""
        return when(self.body["time"])


def pack(body, signer):
    """``(envelope, digest)`` of a body.

    body
        Plain data with the keys that every message has; see the reference of the messages.
    signer
        A :class:`Signer`, or anything with its ``sign(bytes)`` and ``fingerprint``.

    Raises :class:`MessageError` for a body that isn't plain data, or misses one of these keys.
    """
    checked(body)
    raw = serialised(body)
    if len(raw) > LIMIT:
        raise MessageError(f"a message of {len(raw)} bytes is more than a master reads, {LIMIT}")
    envelope = {
        "v": VERSION,
        "body": base64.b64encode(zlib.compress(raw, 6)).decode(),
        "signature": base64.b64encode(signer.sign(raw)).decode(),
        "key": signer.fingerprint,
    }
    return envelope, digest(raw)


def unpack(envelope, limit=LIMIT):
    """Open an envelope that came from anybody; nothing of it is believed yet.

    limit
        Bytes that its body may have when decompressed.

    Raises :class:`MessageError`, and nothing else, for whatever isn't a message.
    """
    if not isinstance(envelope, Mapping):
        raise MessageError(f"an envelope is a mapping, not {type(envelope).__name__}")
    if envelope.get("v") != VERSION:
        raise MessageError(f"envelope of version {envelope.get('v')!r}, known is {VERSION}")
    key = envelope.get("key")
    if not isinstance(key, str) or len(key) > 100:
        raise MessageError("the envelope names no key")
    signature = _decoded(envelope, "signature")
    raw = _inflated(_decoded(envelope, "body"), limit)
    try:
        body = json.loads(raw.decode())
    except (ValueError, RecursionError) as exc:
        raise MessageError(f"the body is not JSON: {exc}") from exc
    return Unpacked(checked(body), digest(raw), raw, signature, key)


def verified(unpacked, public_pem):
    """Whether the message was signed by this key, and claims no other.

    public_pem
        The public key as text, as a master keeps it of a minion that it accepted.

    Raises :class:`MessageError` when that isn't an RSA public key.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256

    public, known = _public(public_pem)
    if unpacked.key != known:
        return False
    try:
        public.verify(unpacked.signature, unpacked.raw, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def fingerprint(public_pem):
    """``sha256:…`` of a public key given as PEM text: what an envelope's ``key`` is compared with.

    Raises :class:`MessageError` when that isn't an RSA public key.
    """
    return _public(public_pem)[1]


class Signer:
    """The minion's private key, read when the first message is signed.

    path
        The PEM file, ``minion.pem`` in the minion's ``pki_dir``.

    Its methods raise :class:`MessageError` when the key is missing, unreadable, protected by a
    passphrase, or no RSA key.
    """

    def __init__(self, path):
        self.path = str(path)

    @functools.cached_property
    def _key(self):
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            with open(self.path, "rb") as file:
                pem = file.read()
        except FileNotFoundError as exc:
            raise MessageError(
                f"{self.path} does not exist: this minion has no key to sign with; it gets one "
                "when it first connects to a master"
            ) from exc
        except OSError as exc:
            raise MessageError(f"{self.path} can't be read: {exc.strerror}") from exc
        try:
            key = load_pem_private_key(pem, password=None)
        except TypeError as exc:
            raise MessageError(
                f"{self.path} is protected by a passphrase; a minion's key has none"
            ) from exc
        except (ValueError, UnsupportedAlgorithm) as exc:
            raise MessageError(f"{self.path} is not a private key in PEM") from exc
        if not isinstance(key, RSAPrivateKey):
            raise MessageError(f"{self.path} is not an RSA key, and those of minions are")
        return key

    @functools.cached_property
    def fingerprint(self):
        """Of the public half, as envelopes name it."""
        return _fingerprint(self._key.public_key())

    def sign(self, raw):
        """The signature of these bytes."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._key.sign(raw, PKCS1v15(), SHA256())


def serialised(body):
    """The bytes of a body: JSON, compact, keys sorted, UTF-8."""
    try:
        text = json.dumps(
            body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise MessageError(f"not plain data: {exc}") from exc


def digest(raw):
    """``sha256:…`` of the bytes of a body."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def stamp(moment):
    """An aware datetime as messages write it: UTC, whole seconds, ``Z``."""
    return moment.astimezone(dt.timezone.utc).strftime(_TIME)


def when(text):
    """The aware datetime, UTC, of a time in a message. Raises :class:`MessageError`."""
    try:
        if len(text) != 20 or text[10] != "T" or text[19] != "Z":
            raise ValueError
        # strptime takes as long as checking a signature
        return dt.datetime.fromisoformat(text[:19]).replace(tzinfo=dt.timezone.utc)
    except (TypeError, ValueError) as exc:
        raise MessageError(f"{text!r} is not a time like 2026-11-23T10:00:00Z") from exc


def checked(body):
    """The body when it has the keys of its kind, in the right types; else :class:`MessageError`."""
    if not isinstance(body, dict):
        raise MessageError(f"a body is a mapping, not {type(body).__name__}")
    if body.get("schema") != 1:
        raise MessageError(f"schema {body.get('schema')!r} of the body, known is 1")
    kind = body.get("kind")
    if kind not in KINDS:
        raise MessageError(f"kind {kind!r}; known are {', '.join(KINDS)}")
    _wanted(body, _ALL)
    _wanted(body, _KIND[kind])
    if not 0 < body["seq"] < _SEQ_LIMIT:
        raise MessageError(f"seq {body['seq']} of the body is out of range")
    if not body["host"]:
        raise MessageError("the body names no host")
    when(body["time"])
    return body


_TEXT, _COUNT, _MAP, _LIST, _MAYBE = (str,), (int,), (dict,), (list,), (str, type(None))
_ALL = {
    "host": _TEXT,
    "seq": _COUNT,
    "time": _TEXT,
    "policy": _TEXT,
    "facts": _TEXT,
    "revision": _MAYBE,
    "version": _TEXT,
}
_KIND = {
    "report": {
        "previous": _MAYBE,
        "guest": _MAP,
        "summary": _MAP,
        "findings": _LIST,
        "waivers": _LIST,
    },
    "delta": {
        "previous": _TEXT,
        "changed": _LIST,
        "gone": _LIST,
        "summary": _MAP,
        "families": _LIST,
    },
    "heartbeat": {"last": _TEXT},
}


def _wanted(body, keys):
    for key, types in keys.items():
        if key not in body:
            raise MessageError(f"{key} of the body is missing")
        if type(body[key]) not in types:
            raise MessageError(f"{key} of the body is {type(body[key]).__name__}")


def _decoded(envelope, name):
    try:
        return base64.b64decode(envelope[name], validate=True)
    except KeyError as exc:
        raise MessageError(f"{name} of the envelope is missing") from exc
    except (TypeError, ValueError, binascii.Error) as exc:
        raise MessageError(f"{name} of the envelope is not base64") from exc


def _inflated(data, limit):
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(data, limit + 1)
    except zlib.error as exc:
        raise MessageError(f"the body is not compressed data: {exc}") from exc
    if len(raw) > limit:
        raise MessageError(f"the body is more than {limit} bytes")
    if not stream.eof or stream.unused_data:
        raise MessageError("the body is cut, or something follows it")
    return raw


@functools.lru_cache(maxsize=1 << 14)
def _public(pem):
    """``(key, fingerprint)``; kept, for reading a PEM costs more than a signature's check."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise MessageError("the accepted key is not a public key in PEM") from exc
    if not isinstance(key, RSAPublicKey):
        raise MessageError("the accepted key is not an RSA key")
    return key, _fingerprint(key)


def _fingerprint(public):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return digest(der)
