"""When a re-encryption is at its end although its header says otherwise; what is left of it."""

import pytest

from inguestlib.luks import metadata
from inguestlib.volumes import VolumeError, conclude

CRYPT = {"type": "crypt", "offset": "16777216", "size": "dynamic", "iv_tweak": "0"}
CRYPT |= {"encryption": "aes-xts-plain64", "sector_size": 512}
LINEAR = {"type": "linear", "offset": "16777216", "size": "1048576"}
SLOT = {"type": "luks2", "key_size": 64, "area": {"offset": "32768", "size": "258048"}}
MOVING = {"type": "reencrypt", "mode": "reencrypt", "key_size": 1, "direction": "forward"}
MOVING["area"] = {"type": "checksum", "offset": "999424", "size": "4096", "hash": "sha256"}


def header(live, of_live, previous=("crypt", "0"), slots=("0", "1")):
    """Metadata under way: ``live`` segments, each with its digest; digest 1 is the new one."""
    segments = {str(n): segment for n, segment in enumerate(live)}
    old, new = str(len(live)), str(len(live) + 1)
    segments[old] = {**(CRYPT if previous[0] == "crypt" else LINEAR), "flags": ["backup-previous"]}
    segments[new] = {**CRYPT, "flags": ["backup-final"]}
    digests = {key: {"type": "pbkdf2", "keyslots": [], "segments": []} for key in "012"}
    digests["0"].update(keyslots=[s for s in slots if s == "0"])
    digests["1"].update(keyslots=["1"], segments=[new])
    digests["2"].update(keyslots=["2"])
    if previous[0] == "crypt":
        digests["0"]["segments"].append(old)
    for n, digest in enumerate(of_live):
        if digest is not None:
            digests[digest]["segments"].append(str(n))
    keyslots = dict.fromkeys(slots, SLOT)
    return {
        "keyslots": {**keyslots, "2": MOVING},
        "tokens": {"0": {"type": "inguest", "keyslots": ["0", "1"]}},
        "segments": segments,
        "digests": digests,
        "config": {
            "json_size": "12288",
            "keyslots_size": "16744448",
            "requirements": {"mandatory": ["online-reencrypt-v2"]},
        },
    }


DONE = header([CRYPT], ["1"])
CASES = {
    "not begun": (header([CRYPT], ["0"]), False),
    "in the middle": (header([{**CRYPT, "size": "4096"}, CRYPT], ["1", "0"]), False),
    "in a write": (header([{**CRYPT, "flags": ["in-reencryption"]}], ["1"]), False),
    "first encryption, not begun": (header([LINEAR], [None], ("linear", None)), False),
    "elsewhere than it shall be": (header([{**CRYPT, "offset": "4096"}], ["1"]), False),
    "all done": (DONE, True),
    "all done, old slots gone": (header([CRYPT], ["1"], slots=("1",)), True),
    "first encryption, all done": (header([CRYPT], ["1"], ("linear", None), ("1",)), True),
}


@pytest.mark.parametrize("case", CASES)
def test_whether_the_data_are_done(case):
    raw, wanted = CASES[case]
    assert conclude.due({**metadata.facts(raw), "usable": True}) is wanted
    if not wanted:
        with pytest.raises(VolumeError):
            conclude.ended(raw)


def test_a_header_without_a_re_encryption_is_left_alone():
    raw = conclude.ended(DONE)
    assert not conclude.due({**metadata.facts(raw), "usable": True})
    assert not conclude.due(None)


def test_what_is_left_at_the_end():
    left = conclude.ended(DONE)
    assert left["segments"] == {"0": CRYPT}
    assert list(left["keyslots"]) == ["1"]
    assert left["digests"] == {"1": {"type": "pbkdf2", "keyslots": ["1"], "segments": ["0"]}}
    assert left["tokens"]["0"]["keyslots"] == ["1"]
    assert "requirements" not in left["config"]
    assert DONE["tokens"]["0"]["keyslots"] == ["0", "1"]


def test_another_requirement_stays():
    raw = {**DONE, "config": {**DONE["config"]}}
    raw["config"]["requirements"] = {"mandatory": ["online-reencrypt-v2", "opal"]}
    assert conclude.ended(raw)["config"]["requirements"] == {"mandatory": ["opal"]}


def test_slots_under_way_are_those_of_the_coming_volume_key():
    assert conclude.slots(metadata.facts(header([CRYPT], ["0"]))) == [1]
    assert conclude.slots(metadata.facts(conclude.ended(DONE))) == [1]
