"""Tokens decoded: what may be shown, and nothing else."""

import base64
import json

from inguestlib.luks import clevis, text, tokens

# RFC 7638, 3.1: the example key and its thumbprint
RSA = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
    "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
    "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4l"
    "Fd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}


def protected(header):
    raw = base64.urlsafe_b64encode(json.dumps(header).encode()).decode()
    return raw.rstrip("=")


def test_the_thumbprint_of_a_key():
    assert clevis.thumbprint(RSA) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert clevis.thumbprint({"kty": "EC", "x": "A"}) is None
    assert clevis.thumbprint({"kty": ["EC"]}) is None


def test_the_numbers_of_pcrs_as_clevis_writes_them():
    def pcrs(ids):
        header = {"clevis": {"pin": "tpm2", "tpm2": {"pcr_ids": ids, "pcr_bank": "sha256"}}}
        return clevis.pins(protected(header))[0]["pcrs"]

    assert pcrs("7") == pcrs(7) == pcrs(["7"]) == pcrs([7]) == [7]
    assert pcrs("0,2,7") == pcrs("0 2 7") == [0, 2, 7]
    assert pcrs(None) == pcrs({}) == pcrs("x") == []


def test_a_pin_of_nobody_and_a_pin_that_cannot_be_read():
    assert clevis.pins(protected({"clevis": {"pin": "custom"}})) == [{"pin": "custom"}]
    for wrong in (None, 5, "", "é", "e30", "e30.x.y", "A" * 300_000, protected([1])):
        assert clevis.pins(wrong) == []


def test_shares_inside_shares_end_somewhere():
    header = {"clevis": {"pin": "custom"}}
    for _ in range(6):
        inner = [protected(header) + "....x"] * 2
        header = {"clevis": {"pin": "sss", "sss": {"t": 1, "jwe": inner}}}
    found = clevis.pins(protected(header))
    depth = 0
    while found and found[0]["pin"] == "sss":
        found, depth = found[0]["pins"], depth + 1
    assert depth == 5 and found == []


def test_both_spellings_of_systemd():
    dashes = {"type": "systemd-tpm2", "keyslots": ["1"], "tpm2-pcrlock": True, "tpm2-pin": False}
    under = {"type": "systemd-tpm2", "keyslots": ["1"], "tpm2_pcrlock": True}
    assert tokens.decode("0", dashes)["pcrlock"] is tokens.decode("0", under)["pcrlock"] is True
    shards = {**under, "tpm2-policy-hash": ["ab", "cd"]}
    assert tokens.decode("0", shards)["policy_hash"] == ["ab", "cd"]


def test_public_key_pcrs_count_only_where_a_key_is():
    """systemd writes the PCRs of signed policies even where there is no key to sign them."""
    token = {"type": "systemd-tpm2", "keyslots": [], "tpm2_pubkey_pcrs": [11]}
    found = tokens.decode("0", token)
    assert (found["pubkey_pcrs"], found["signed"]) == ([], False)
    found = tokens.decode("0", {**token, "tpm2_pubkey": "AA=="})
    assert (found["pubkey_pcrs"], found["signed"]) == ([11], True)


def test_a_pin_in_a_pkcs11_uri_is_not_shown():
    token = {"type": "systemd-pkcs11", "keyslots": [], "pkcs11-uri": "pkcs11:a=b?pin-value=1234"}
    assert tokens.decode("0", token)["uri"] == "pkcs11:a=b"


def test_text_and_numbers():
    assert text.shown("a\n\u202eb\0") == "a\ufffd\ufffdb\ufffd"
    assert len(text.shown("x" * 10_000)) == 201
    assert text.shown(None) == text.shown([]) == ""
    assert text.field(b"abc\0def") == "abc"
    assert text.field(b"\xff\xfe") == "\ufffd\ufffd"
    assert [text.number(v) for v in (7, "7", "18446744073709551615")] == [7, 7, 2**64 - 1]
    wrong = (-1, True, "-1", "²", "", "18446744073709551616", "9" * 5000, 1.5, None, [], 1 << 64)
    assert [text.number(v) for v in wrong] == [None] * len(wrong)
