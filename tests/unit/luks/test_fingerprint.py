"""Whose fingerprint a header has."""

from inguestlib.luks import fingerprint


def digest(number, *segments):
    return {"id": number, "segments": list(segments), "fingerprint": f"sha256:{number}"}


def segment(number, kind="crypt", *flags):
    return {"id": number, "type": kind, "flags": list(flags)}


def test_of_the_key_that_encrypts_the_data():
    header = {"segments": [segment(0)], "digests": [digest(0), digest(1, 0)]}
    assert fingerprint(header) == "sha256:1", "digest 0 is of an unbound keyslot"


def test_while_the_data_are_encrypted_in_place():
    segments = [
        segment(0, "linear"),
        segment(1),
        segment(2, "linear", "backup-previous"),
        segment(3, "crypt", "backup-final"),
    ]
    header = {"segments": segments, "digests": [digest(0, 1, 3)]}
    assert fingerprint(header) == "sha256:0"


def test_before_the_first_part_is_encrypted():
    segments = [segment(0, "linear"), segment(1, "crypt", "backup-final")]
    assert fingerprint({"segments": segments, "digests": [digest(0, 1)]}) is None


def test_of_nothing():
    assert fingerprint(None) is None
    assert fingerprint({"segments": [], "digests": []}) is None
