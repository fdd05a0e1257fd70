"""Our reader against cryptsetup's own dump, layout by layout, field by field."""

import base64
import hashlib
import json

import pytest
from functional.luks import images, layouts

from inguestlib.luks import fingerprint, header
from support import need


@pytest.fixture(autouse=True, scope="module")
def _tools():
    need.program("cryptsetup", "mkfs.ext4")


def _number(text):
    return text if text == "dynamic" else int(text)


def _fingerprint(digest):
    raw = base64.b64decode(digest["salt"]) + base64.b64decode(digest["digest"])
    return "sha256:" + hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("name", layouts.LUKS2)
def test_luks2(tmp_path, name):
    image = tmp_path / "image"
    layouts.LUKS2[name](image)
    ours = header.read(image)
    theirs, lines = images.dump(image), images.shown(image)
    config = theirs["config"]

    assert ours["version"] == 2 and ours["usable"] and ours["damage"] == []
    assert ours["seqid"] == int(lines["Epoch"])
    assert ours["uuid"] == lines["UUID"]
    assert (ours["label"] or "(no label)") == lines["Label"]
    assert (ours["subsystem"] or "(no subsystem)") == lines["Subsystem"]
    assert ours["header_size"] == int(config["json_size"]) + 4096
    assert ours["keyslots_size"] == int(config["keyslots_size"])
    assert ours["device_size"] == image.stat().st_size
    assert [c["offset"] for c in ours["copies"]] == [0, ours["header_size"]]
    assert all(c["valid"] and c["seqid"] == ours["seqid"] for c in ours["copies"])
    assert ours["flags"] == config.get("flags", [])
    assert ours["requirements"] == config.get("requirements", {}).get("mandatory", [])
    _segments(ours, theirs)
    _keyslots(ours, theirs)
    _digests(ours, theirs)
    assert {t["id"]: (t["type"], t["keyslots"]) for t in ours["tokens"]} == {
        int(key): (t["type"], [int(slot) for slot in t["keyslots"]])
        for key, t in theirs["tokens"].items()
    }
    assert json.loads(json.dumps(ours)) == ours
    assert "secret" not in json.dumps(ours) and "c2VjcmV0" not in json.dumps(ours)


def _segments(ours, theirs):
    assert [s["id"] for s in ours["segments"]] == sorted(map(int, theirs["segments"]))
    for segment in ours["segments"]:
        item = theirs["segments"][str(segment["id"])]
        assert segment["type"] == item["type"]
        assert segment["offset"] == int(item["offset"])
        assert segment["size"] == _number(item["size"])
        assert segment["cipher"] == item.get("encryption")
        assert segment["sector_size"] == item.get("sector_size")
        assert segment["flags"] == item.get("flags", [])
        assert segment["integrity"] == item.get("integrity", {}).get("type")


def _keyslots(ours, theirs):
    keyslots = {k: v for k, v in theirs["keyslots"].items() if v["type"] == "luks2"}
    assert [s["id"] for s in ours["keyslots"]] == sorted(map(int, keyslots))
    for slot in ours["keyslots"]:
        item = keyslots[str(slot["id"])]
        names = ("type", "time", "memory", "cpus", "iterations", "hash")
        assert slot["kdf"] == {n: item["kdf"][n] for n in names if n in item["kdf"]}
        assert slot["key_size"] == item["key_size"] * 8
        assert slot["cipher"] == item["area"]["encryption"]
        assert slot["offset"] == int(item["area"]["offset"])
        assert slot["size"] == int(item["area"]["size"])
        assert slot["af_stripes"] == item["af"]["stripes"]
        assert slot["af_hash"] == item["af"]["hash"]
        priority = {0: "ignore", 1: "normal", 2: "prefer"}[item.get("priority", 1)]
        assert slot["priority"] == priority
        used = [d for d in theirs["digests"].values() if str(slot["id"]) in d["keyslots"]]
        assert slot["unbound"] == (not any(d["segments"] for d in used))
    running = [v for v in theirs["keyslots"].values() if v["type"] == "reencrypt"]
    if not running:
        assert ours["reencrypt"] is None
        return
    assert ours["reencrypt"]["mode"] == running[0]["mode"]
    assert ours["reencrypt"]["direction"] == running[0]["direction"]
    assert ours["reencrypt"]["resilience"] == running[0]["area"]["type"]
    assert ours["reencrypt"]["online"] is True


def _digests(ours, theirs):
    assert {
        d["id"]: (d["hash"], d["iterations"], d["keyslots"], d["segments"], d["fingerprint"])
        for d in ours["digests"]
    } == {
        int(key): (
            d["hash"],
            d["iterations"],
            [int(slot) for slot in d["keyslots"]],
            [int(segment) for segment in d["segments"]],
            _fingerprint(d),
        )
        for key, d in theirs["digests"].items()
    }


@pytest.mark.parametrize("name", layouts.LUKS1)
def test_luks1(tmp_path, name):
    image = tmp_path / "image"
    layouts.LUKS1[name](image)
    ours = header.read(image)
    done = images.cryptsetup("luksDump", image).stdout.decode()
    lines = images.shown(image)

    assert ours["version"] == 1 and ours["usable"] and ours["damage"] == []
    assert ours["uuid"] == lines["UUID"]
    segment = ours["segments"][0]
    assert segment["cipher"] == f"{lines['Cipher name']}-{lines['Cipher mode']}"
    assert segment["offset"] == int(lines["Payload offset"]) * 512
    assert segment["key_size"] == int(lines["MK bits"])
    assert ours["digests"][0]["hash"] == lines["Hash spec"]
    assert ours["digests"][0]["iterations"] == int(lines["MK iterations"])
    active = [int(line[9]) for line in done.splitlines() if line.endswith(": ENABLED")]
    assert [slot["id"] for slot in ours["keyslots"]] == active
    raw = done.split("MK digest:")[1].split("MK iterations")[0].replace("MK salt:", "")
    digest, salt = (
        bytes.fromhex("".join(raw.split()))[:20],
        bytes.fromhex("".join(raw.split()))[20:],
    )
    assert fingerprint(ours) == "sha256:" + hashlib.sha256(salt + digest).hexdigest()
    for slot in ours["keyslots"]:
        part = done.split(f"Key Slot {slot['id']}: ENABLED")[1].split("Key Slot")[0]
        fields = dict(line.strip().split(":", 1) for line in part.splitlines() if ":" in line)
        assert slot["kdf"]["iterations"] == int(fields["Iterations"])
        assert slot["offset"] == int(fields["Key material offset"]) * 512
        assert slot["af_stripes"] == int(fields["AF stripes"])


def test_the_fingerprint_is_that_of_the_volume_key(tmp_path):
    image = images.luks(tmp_path / "image")
    before = fingerprint(header.read(image))
    layouts.add(image, *images.QUICK)
    images.cryptsetup("luksUUID", "--uuid", "99999999-2222-3333-4444-555555555555", image)
    assert fingerprint(header.read(image)) == before, "a new keyslot and UUID: the same key"
    other = images.luks(tmp_path / "other")
    assert fingerprint(header.read(other)) != before
    images.cryptsetup("luksErase", image)
    assert fingerprint(header.read(image)) in (before, None)
    assert fingerprint(None) is None


def test_a_partition_inside_an_image(tmp_path):
    image = images.luks(tmp_path / "image")
    (tmp_path / "disk").write_bytes(bytes(1 << 20) + image.read_bytes())
    assert header.read(tmp_path / "disk") is None
    assert header.read(tmp_path / "disk", 1 << 20) == header.read(image)


def test_what_tokens_tell(tmp_path):
    def tokens(name):
        layouts.LUKS2[name](tmp_path / name)
        (token,) = header.read(tmp_path / name)["tokens"]
        return {k: v for k, v in token.items() if k not in ("id", "type", "keyslots")}

    assert tokens("token of a TPM") == {
        "pcrs": [7, 11],
        "bank": "sha256",
        "pin": True,
        "primary_alg": "ecc",
        "pubkey_pcrs": [11],
        "signed": True,
        "pcrlock": False,
        "policy_hash": ["ab" * 32],
        "srk": True,
    }
    assert tokens("token of FIDO2") == {
        "rp": "io.systemd.cryptsetup",
        "pin": True,
        "presence": True,
        "verification": False,
    }
    assert tokens("token of PKCS11") == {"uri": "pkcs11:token=card;object=disk"}
    assert tokens("token of a recovery key") == {}
    assert tokens("token of the keyring") == {"key_description": "inguest:data"}
    assert tokens("token of ours") == {
        "role": "recovery",
        "generation": 3,
        "machine": "ab" * 32,
        "stage": None,
    }
    assert tokens("token of nobody") == {"keys": ["blob"]}
    tang = {
        "pin": "tang",
        "url": "http://tang.example:7500",
        "thumbprint": "82KO3MutyR4uLiAAuVlfEaIc5czleiiQmLYV70GQJis",
        "thumbprints": ["82KO3MutyR4uLiAAuVlfEaIc5czleiiQmLYV70GQJis"],
        "exchange": "exchange-key-thumbprint",
    }
    tpm2 = {"pin": "tpm2", "pcrs": [1, 7], "bank": "sha256", "hash": "sha256", "key": "ecc"}
    assert tokens("clevis with Tang") == {"pins": [tang]}
    assert tokens("clevis with a TPM") == {"pins": [tpm2]}
    assert tokens("clevis with both") == {
        "pins": [{"pin": "sss", "threshold": 2, "pins": [tang, tpm2]}]
    }
