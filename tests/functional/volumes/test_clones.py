"""Two copies of one image: what shows that they are, and what makes them differ."""

import json
import shutil

import pytest

from inguestlib import luks
from inguestlib.fleet import clones
from inguestlib.luks import header as luks_header
from inguestlib.volumes import clone, run
from inguestlib.volumes.material import Key
from support import need
from support.volumes import Images, declare

pytestmark = pytest.mark.functional

KEY = {"unlock": {"by": ["key"], "key": "a key that both can fetch"}}


def kinds(done):
    return [step["do"] for step in done["steps"]]


@pytest.fixture
def pair(tmp_path):
    """The original, and a copy of it on another machine with another minion id."""
    need.root()
    need.program("cryptsetup")
    images = Images(tmp_path, size=20 << 20)
    assert run.run(images.job(declare(**KEY)))["result"] == "changed"
    shutil.copytree(images.root, tmp_path / "copied/root")
    copy = Images.__new__(Images)
    copy.root, copy.image, copy.store = tmp_path / "copied/root", tmp_path / "copy", images.store
    shutil.copyfile(images.image, copy.image)
    (copy.root / "etc/machine-id").write_text("0" * 31 + "2\n")
    return images, copy


def job(images, minion, **more):
    made = images.job(declare(**{**KEY, **more}))
    made.minion = minion
    return made


def facts(images, minion):
    """What ``inguest.facts`` tells of one machine, as far as clones are concerned."""
    seen = job(images, minion).look()
    entry = {"header": seen["header"], "fingerprint": luks.fingerprint(seen["header"])}
    crypt = {"headers": {"/dev/sdb": entry}, "machine": {"digest": seen["machine"]}}
    return {"schema": 1, "guest": {}, "crypt": crypt, "tpm": {"ek": None}}


def compared(pair):
    answers = {"one": facts(pair[0], "one"), "two": facts(pair[1], "two")}
    return clones.compare(answers, json.loads(json.dumps(answers)))


def opens(images, text):
    return bool(images.job().tool.test(str(images.image), Key(text.encode())))


def test_copies_are_named_and_rekeyed(pair):
    original, copy = pair
    view = compared(pair)
    assert {group["kind"] for group in view["shared"]} == {"luks-volume-key", "luks-uuid"}
    assert [(one["host"], one["made_on"]) for one in view["foreign"]] == [("two", "one")]

    told = run.run(job(copy, "two"), test=True)
    assert any("made on another machine" in note for note in told["notes"]), told
    before, others = original.bytes(), copy.image.read_bytes()
    assert run.run(job(copy, "two", clone="rekey"), test=True)["result"] == "planned"
    assert copy.image.read_bytes() == others

    done = run.run(job(copy, "two", clone="rekey"))
    assert done["result"] == "changed", done
    assert {"clone_uuid", "reencrypt"} <= set(kinds(done)), done
    assert all(proof["ok"] for proof in done["proofs"])
    view = compared(pair)
    assert view["shared"] == view["foreign"] == [] and view["retcode"] == 0
    assert run.run(job(copy, "two", clone="rekey"))["result"] == "clean"

    # the original is as it was, and its recovery key is no key of the copy
    assert original.bytes() == before
    theirs, ours = original.store["sdb://store/one/data"], copy.store["sdb://store/two/data"]
    assert opens(original, theirs) and not opens(original, ours)
    assert opens(copy, ours) and not opens(copy, theirs)
    machines = {t.get("machine") for t in luks_header.read(str(copy.image))["tokens"]}
    assert machines == {job(copy, "two").keys.machine}


def test_the_function_of_a_first_boot(pair):
    original, copy = pair
    assert clone.rekey(job(original, "one"))["result"] == "clean"
    assert clone.rekey(job(copy, "two"), test=True)["result"] == "planned"
    assert clone.rekey(job(copy, "two"))["result"] == "changed"
    assert compared(pair)["shared"] == []
    assert clone.rekey(job(copy, "two"))["result"] == "clean"


def test_the_escrow_of_the_original_is_never_overwritten(pair):
    original, copy = pair
    theirs, before = original.store["sdb://store/one/data"], copy.image.read_bytes()
    done = run.run(job(copy, "one", clone="rekey"))  # it kept the minion id
    assert done["result"] == "refused", done
    assert "minion id" in done["comment"]
    assert copy.store["sdb://store/one/data"] == theirs and copy.image.read_bytes() == before


def test_a_copy_that_nothing_opens_stays_as_it_is(pair):
    copy = pair[1]
    before = luks_header.read(str(copy.image))
    other = {"by": ["key"], "key": "not the key"}
    done = run.run(job(copy, "two", clone="rekey", unlock=other))
    assert done["result"] in ("refused", "failed"), done
    assert "no key that the policy holds" in done["comment"]
    after = luks_header.read(str(copy.image))
    for part in ("uuid", "keyslots", "digests"):
        assert after[part] == before[part]


def test_a_rekey_killed_anywhere_is_carried_on(pair, tmp_path):
    copy = pair[1]
    labels = []

    class Cut(BaseException):
        pass

    def one(number, root):
        shutil.copytree(copy.root, tmp_path / root / "root")
        images = Images.__new__(Images)
        images.root, images.image = tmp_path / root / "root", tmp_path / root / "image"
        images.store = type(copy.store)(copy.store)
        shutil.copyfile(copy.image, images.image)
        seen = []

        def step(label):
            seen.append(label)
            if len(seen) == number:
                raise Cut

        cut = job(images, "two", clone="rekey")
        cut.step = step
        try:
            run.run(cut)
        except Cut:
            pass
        return images, seen

    labels = one(None, "whole")[1]
    wanted = ("clone_uuid", "key_claim: begin", "reencrypt:", "volume key")
    chosen = {label: n for n, label in enumerate(labels, 1) if label.startswith(wanted)}
    assert len(chosen) > 4, labels
    for label, number in chosen.items():
        images, _seen = one(number, str(number))
        done = run.run(job(images, "two", clone="rekey"))
        assert done["result"] in ("changed", "clean"), (label, done)
        assert compared((pair[0], images))["shared"] == [], label
        assert all(proof["ok"] for proof in done["proofs"]), label
        shutil.rmtree(tmp_path / str(number))
