"""Messages: what a guest signed is what a master reads, and nothing else gets through."""

import base64
import copy
import json
import zlib

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from inguestlib import messages

pytestmark = pytest.mark.unit

HEARTBEAT = {
    "schema": 1,
    "kind": "heartbeat",
    "host": "web1.example.com",
    "seq": 7,
    "last": "sha256:" + "a" * 64,
    "time": "2026-11-23T10:00:00Z",
    "policy": "sha256:" + "b" * 64,
    "facts": "sha256:" + "c" * 64,
    "revision": "0123456789abcdef0123456789abcdef01234567",
    "version": "0.1.0",
}


def _pem(key, password=None):
    how = ser.BestAvailableEncryption(password) if password else ser.NoEncryption()
    return key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.TraditionalOpenSSL, how)


def _public(key):
    return (
        key.public_key()
        .public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def signer(key, tmp_path):
    path = tmp_path / "minion.pem"
    path.write_bytes(_pem(key))
    return messages.Signer(path)


def test_what_was_packed_is_what_is_read(signer, key):
    body = {**HEARTBEAT, "host": "wéb"}
    envelope, digest = messages.pack(body, signer)
    opened = messages.unpack(json.loads(json.dumps(envelope)))
    assert opened.body == body
    assert opened.digest == digest
    assert opened.key == messages.fingerprint(_public(key))
    assert messages.verified(opened, _public(key))
    assert opened.time.isoformat() == "2026-11-23T10:00:00+00:00"


def test_a_heartbeat_is_small(signer):
    envelope, _ = messages.pack(HEARTBEAT, signer)
    assert len(json.dumps(envelope)) < 1024


def test_another_key_is_not_believed(signer):
    envelope, _ = messages.pack(HEARTBEAT, signer)
    other = rsa.generate_private_key(65537, 2048)
    opened = messages.unpack(envelope)
    assert not messages.verified(opened, _public(other))
    claimed = opened._replace(key=messages.fingerprint(_public(other)))
    assert not messages.verified(claimed, _public(other))


def test_a_changed_body_is_not_believed(signer, key):
    envelope, _ = messages.pack(HEARTBEAT, signer)
    raw = zlib.decompress(base64.b64decode(envelope["body"])).replace(b"web1", b"web2")
    envelope["body"] = base64.b64encode(zlib.compress(raw)).decode()
    assert not messages.verified(messages.unpack(envelope), _public(key))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"v": 2}, "version 2"),
        ({"key": None}, "names no key"),
        ({"signature": "%%"}, "signature of the envelope is not base64"),
        ({"body": "%%"}, "body of the envelope is not base64"),
        ({"body": 7}, "body of the envelope is not base64"),
        ({"body": base64.b64encode(b"plain").decode()}, "not compressed"),
        ({"body": base64.b64encode(zlib.compress(b"{}")[:-1]).decode()}, "cut"),
        ({"body": base64.b64encode(zlib.compress(b"{}") + b"x").decode()}, "follows"),
        ({"body": base64.b64encode(zlib.compress(b"[]")).decode()}, "not list"),
        ({"body": base64.b64encode(zlib.compress(b"\xff")).decode()}, "not JSON"),
        ({"body": base64.b64encode(zlib.compress(b"[" * 200000)).decode()}, "not JSON"),
        ({"body": base64.b64encode(zlib.compress(b" " * (17 << 20))).decode()}, "more than"),
    ],
)
def test_what_is_no_message_is_refused_with_words(signer, change, words):
    envelope, _ = messages.pack(HEARTBEAT, signer)
    with pytest.raises(messages.MessageError, match=words):
        messages.unpack({**envelope, **change})


@pytest.mark.parametrize("envelope", [None, [], "x", {}, {"v": 1, "key": "k"}])
def test_no_envelope_at_all(envelope):
    with pytest.raises(messages.MessageError):
        messages.unpack(envelope)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "schema 2"),
        ({"kind": "rumour"}, "kind 'rumour'"),
        ({"seq": 0}, "out of range"),
        ({"seq": 1 << 60}, "out of range"),
        ({"seq": True}, "seq of the body is bool"),
        ({"seq": "1"}, "seq of the body is str"),
        ({"host": ""}, "names no host"),
        ({"time": "yesterday"}, "is not a time"),
        ({"last": None}, "last of the body is NoneType"),
        ({"facts": float("nan")}, "facts of the body is float"),
    ],
)
def test_a_body_of_the_wrong_shape(signer, change, words):
    with pytest.raises(messages.MessageError, match=words):
        messages.pack({**HEARTBEAT, **change}, signer)


def test_a_missing_key_is_named(signer):
    body = copy.copy(HEARTBEAT)
    del body["policy"]
    with pytest.raises(messages.MessageError, match="policy of the body is missing"):
        messages.pack(body, signer)


def test_what_is_not_plain_is_refused(signer):
    with pytest.raises(messages.MessageError, match="not plain data"):
        messages.pack({**HEARTBEAT, "more": {1, 2}}, signer)
    with pytest.raises(messages.MessageError, match="not plain data"):
        messages.pack({**HEARTBEAT, "more": float("nan")}, signer)


def test_keys_that_cannot_sign(tmp_path, key):
    path = tmp_path / "minion.pem"
    with pytest.raises(messages.MessageError, match="no key to sign with"):
        messages.Signer(path).sign(b"")
    path.write_bytes(_pem(key, b"pass"))
    with pytest.raises(messages.MessageError, match="passphrase"):
        messages.Signer(path).sign(b"")
    path.write_bytes(b"nothing")
    with pytest.raises(messages.MessageError, match="not a private key"):
        messages.Signer(path).sign(b"")
    path.write_bytes(_pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(messages.MessageError, match="not an RSA key"):
        messages.Signer(path).sign(b"")


@pytest.mark.parametrize("pem", ["", "nothing"])
def test_a_key_of_the_master_that_is_none(signer, pem):
    envelope, _ = messages.pack(HEARTBEAT, signer)
    with pytest.raises(messages.MessageError, match="not a public key"):
        messages.verified(messages.unpack(envelope), pem)
