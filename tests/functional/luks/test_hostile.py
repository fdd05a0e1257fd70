"""Headers that somebody wrote to do harm: no exception, no long wait, and cryptsetup's verdict."""

import json
import os
import random
import shutil
import time

import pytest
from functional.luks import images, layouts

from inguestlib import luks
from inguestlib.luks import header
from support import need

LARGE = 1 << 64
VALUES = (
    *(None, True, False, 0, -1, 1, 255, 1 << 31, LARGE, 10**40, 1.5, 1e308),
    *("", "0", "-1", "dynamic", "4096", "18446744073709551615", "9" * 30, "x" * 5000),
    *("\ud800", "\0", "é\u202e\n", "..", [], {}, [[]], ["0"], ["x", 1, None], {"0": {}}),
    *({"0": []}, {"type": "luks2"}, {"type": []}, [{}] * 40),
)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Headers of several kinds; only what a reader reads of them: the data are a hole."""
    need.program("cryptsetup")
    folder = tmp_path_factory.mktemp("seeds")
    names = ("clevis with both", "token of a TPM", "re-encryption begun", "several keyslots")
    for number, name in enumerate(names):
        layouts.LUKS2[name](folder / str(number))
        os.truncate(folder / str(number), 2 << 20)  # the headers and the keyslots
    return [folder / str(number) for number in range(len(names))]


def _places(value, path=()):
    """Every place in a structure."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from _places(inner, (*path, key))


def _mutated(random, data):
    """The metadata with one to three places changed, removed, or doubled."""
    data = json.loads(json.dumps(data))
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        place = random.choice(list(_places(data)) or [()])
        if not place:
            continue
        holder = data
        for key in place[:-1]:
            holder = holder[key]
        what = random.random()
        if what < 0.2:
            del holder[place[-1]]
        elif what < 0.3 and isinstance(holder, dict):
            copy = json.loads(json.dumps(holder[place[-1]]))
            holder[str(random.choice((1, 2, 8, 31, 99, "x", "-1")))] = copy
        else:
            holder[place[-1]] = random.choice(VALUES)
    return data


def _text(data):
    return json.dumps(data, separators=(",", ":")).encode()


def _read(image):
    began = time.perf_counter()
    found = header.read(image)
    assert time.perf_counter() - began < 2
    if found is not None:
        json.dumps(found, allow_nan=False).encode()
        luks.fingerprint(found)
        if found["usable"] and luks.fingerprint(found) is None:
            assert all(s["type"] == "linear" for s in found["segments"] if not s["flags"])
    return found


def test_metadata_changed_at_random(tmp_path, seeds):
    chance = random.Random(4)
    image = tmp_path / "image"
    for number in range(2000):
        if number % 200 == 0:
            seed = seeds[number // 200 % len(seeds)]
            shutil.copyfile(seed, image)
            whole = images.metadata(seed)
        images.write(image, _text(_mutated(chance, whole))[:12287])
        _read(image)


def test_bytes_changed_at_random(tmp_path, seeds):
    chance = random.Random(5)
    image = tmp_path / "image"
    layouts.LUKS1["as cryptsetup chooses"](tmp_path / "luks1")
    for seed, length in ((seeds[0], 4096), (seeds[0], 32768), (tmp_path / "luks1", 592)):
        whole = images.peek(seed, 0, length)
        shutil.copyfile(seed, image)
        for _ in range(700):
            raw = bytearray(whole)
            for _ in range(chance.choice((1, 2, 8, 64))):
                raw[chance.randrange(length)] = chance.choice((0, 1, 0x7F, 0xFF, 0x22, 0x7B))
            images.poke(image, 0, bytes(raw))
            _read(image)


def test_the_verdict_is_that_of_cryptsetup(tmp_path, seeds):
    """What we call usable cryptsetup loads, and what it loads we call usable."""
    chance = random.Random(6)
    image, copy = tmp_path / "image", tmp_path / "copy"
    seen = set()
    for number in range(120):
        seed = seeds[number % len(seeds)]
        shutil.copyfile(seed, image)
        data = _mutated(chance, images.metadata(seed))
        images.write(image, _text(data)[:12287])
        found = _read(image)
        shutil.copyfile(image, copy)
        loads = images.cryptsetup("luksDump", copy, check=False).returncode == 0
        assert found["usable"] == loads, (found["damage"], data)
        seen.add(loads)
    assert seen == {True, False}


@pytest.mark.parametrize(
    "text",
    [
        b'{"keyslots":' + b"[" * 12000,
        b"{" + b'"a":{' * 2000 + b"}" * 2001,
        b'{"keyslots":' + b"9" * 12000 + b"}",
        b'{"keyslots":-Infinity}',
        b'{"keyslots":1e999999}',
        b'{"\xff\xfe":"\xc3"}',
        b"{" * 12287,
        b'{"keyslots":{},"keyslots":{}}',
        '{"keyslots":{"²":{}}}'.encode(),
    ],
)
def test_texts_made_to_harm(tmp_path, seeds, text):
    shutil.copyfile(seeds[0], tmp_path / "image")
    images.write(tmp_path / "image", text)
    found = _read(tmp_path / "image")
    assert not found["usable"]


def test_tokens_made_to_harm(tmp_path, seeds):
    image = tmp_path / "image"
    shutil.copyfile(seeds[0], image)
    nested = layouts.CLEVIS_TPM2
    for _ in range(6):
        inner = images.jwe(nested)["protected"] + "....x"
        nested = {"clevis": {"pin": "sss", "sss": {"t": 10**30, "jwe": [inner]}}}
    headers = [
        nested,
        {"clevis": {"pin": ["tang"], "tang": 1}},
        {"clevis": {"pin": "tang", "tang": {"url": 5, "adv": {"keys": [None, {"kty": []}]}}}},
        {"clevis": {"pin": "tpm2", "tpm2": {"pcr_ids": {"a": 1}, "pcr_bank": []}}},
        {"clevis": {"pin": "sss", "sss": {"t": "x", "jwe": "no list"}}},
        {"clevis": []},
        [],
    ]
    for item in headers:
        data = images.metadata(seeds[0])
        token = {"type": "clevis", "keyslots": ["0"], "jwe": images.jwe(item)}
        data["tokens"] = {"0": token}
        images.write(image, data)
        assert isinstance(_read(image)["tokens"][0]["pins"], list)
    for jwe in (None, 5, "x", "!!!.", {"protected": 7}, {"protected": "e30" * 10}):
        data["tokens"] = {"0": {"type": "clevis", "keyslots": [], "jwe": jwe}}
        images.write(image, data)
        assert _read(image)["tokens"][0]["pins"] == []
    for kind in ("systemd-tpm2", "systemd-fido2", "systemd-pkcs11", "luks2-keyring", "inguest"):
        for value in VALUES:
            token = {"type": kind, "keyslots": []}
            for name in (*layouts.TPM2, *layouts.FIDO2, *layouts.PKCS11, *layouts.INGUEST):
                token.setdefault(name, value)
            token["key_description"] = value
            data["tokens"] = {"0": token}
            images.write(image, _text(data)[:12287])
            _read(image)
