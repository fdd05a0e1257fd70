"""The execution module of encrypted volumes, with real cryptsetup on an image file."""

import json
import os
import re
import subprocess

import pytest
import salt.utils.args
from salt.exceptions import CommandExecutionError, SaltInvocationError

from support import leaks
from support.toyfamily import snapshot


def opens(image, key):
    """Whether a key opens an image, by cryptsetup itself."""
    command = ["cryptsetup", "open", "--test-passphrase", "--key-file", "-", str(image)]
    return subprocess.run(command, input=key.encode(), check=False).returncode == 0


def test_from_blank_to_proved(one_volume):
    planned = one_volume.call("plan")
    assert planned["result"] == "planned"
    assert planned["left"][0]["do"] == "format"
    assert not one_volume.images.bytes().strip(b"\0"), "a plan writes nothing"
    done = one_volume.call("apply")
    assert done["result"] == "changed", done
    assert [step["do"] for step in done["steps"]] == [step["do"] for step in planned["left"]]
    assert {proof["way"] for proof in done["proofs"]} == {"recovery", "header backup"}
    assert all(proof["ok"] for proof in done["proofs"])
    assert opens(one_volume.image, one_volume.recovery)
    before = one_volume.images.bytes()
    again = one_volume.call("apply")
    assert (again["result"], again["steps"]) == ("clean", [])
    assert one_volume.call("verify")["ok"] is True
    assert one_volume.images.bytes() == before, "what is as declared is only looked at"


def test_all_that_is_told_is_plain_and_holds_no_key(one_volume):
    told = [one_volume.call(name) for name in ("plan", "apply", "status", "rotate_key", "verify")]
    told += [one_volume.header()]
    assert json.loads(json.dumps(told)) == told
    assert len(set(one_volume.safe.ever)) == 2
    secrets = leaks.Secrets({f"key {n}": key for n, key in enumerate(one_volume.safe.ever)})
    assert not secrets.in_object(told, "answers")


def test_the_declaration_hides_its_secrets(one_volume):
    key = "a key that nobody may see"
    one_volume.declared["unlock"] = {"by": ["key"], "key": key}
    functions, _states = one_volume.load()
    told = functions["inguest_luks.volumes"]()
    assert told["data"]["unlock"]["key"] == "***"
    assert key not in json.dumps(told)


def test_a_mode_that_only_audits_changes_nothing(one_volume):
    one_volume.mode = "audit"
    told = one_volume.call("apply")
    assert (told["result"], told["steps"], told["left"]) == ("audited", [], [])
    assert "format: the device is blank" in told["notes"][0]
    assert not one_volume.images.bytes().strip(b"\0")


# ---- what a call can't say -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ({"data": {"replace": "5ca1ab1e-0000-4000-8000-000000000000"}}, "replace of volume data"),
        ({"data": {"unlock": {"key": "hunter22hunter"}}}, "unlock:key of volume data"),
        ({"data": {"unlock": {"tpm2": {"pin": "1234567890"}}}}, "unlock:tpm2:pin of volume data"),
        ({"data": "all"}, "is not a mapping"),
    ],
)
def test_what_only_the_pillar_may_say(one_volume, overlay, said):
    with pytest.raises(SaltInvocationError, match=said) as caught:
        one_volume.call("apply", policy=overlay)
    assert "hunter22" not in str(caught.value)
    assert "1234567890" not in str(caught.value)


def test_no_argument_takes_a_key_or_gives_anything_up(one_volume):
    functions, _states = one_volume.load()
    spec = salt.utils.args.argspec_report(functions, "inguest_luks")
    assert len(spec) > 15
    for name, told in spec.items():
        words = {"key", "passphrase", "password", "pin", "uuid", "force", "replace", "yes"}
        assert not words & set(told["args"] or ()), name
        assert not told["kwargs"], name


def test_what_stands_there_is_given_up_by_its_uuid_in_the_pillar_alone(one_volume):
    uuid = "5ca1ab1e-0000-4000-8000-00000000000a"
    subprocess.run(["mkfs.ext4", "-q", "-U", uuid, one_volume.image], check=True)
    before = one_volume.images.bytes()
    told = one_volume.call("apply")
    assert told["result"] == "refused"
    assert "is not blank" in told["comment"]
    assert one_volume.images.bytes() == before
    one_volume.declared["replace"] = uuid
    assert one_volume.call("apply")["result"] == "changed"
    one_volume.safe.kept.clear()
    keep = one_volume.images.bytes()
    assert one_volume.call("apply")["result"] != "changed", "the same line destroys nothing twice"
    assert one_volume.images.bytes()[: 1 << 20] == keep[: 1 << 20]


def test_the_machines_own_devices_are_named_by_the_policy_alone(one_volume):
    functions, _states = one_volume.load()
    apply, image = functions["inguest_luks.apply"], str(one_volume.image)
    for root in (None, "/", "//", "/etc/.."):
        with pytest.raises(SaltInvocationError, match="the policy names the device"):
            apply("data", root=root, image=image)
    with pytest.raises(SaltInvocationError, match="never a device"):
        apply("data", root=str(one_volume.images.root), image="/dev/null")


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("apply", ("dato",), "no such volume: dato; declared are data"),
        ("status", ("dato",), "no such volume: dato"),
        ("apply", ([],), "no name is given"),
        ("rotate_key", (["data"],), "is not the name of a volume"),
        ("add_key", ("data", "root"), "no such role: 'root'"),
        ("add_key", ("data", "tang"), "the policy has no tang for this volume"),
        ("rotate_key", ("data", "tpm2"), "is no key that can be rotated"),
        ("rotate_key", ("data", "recovery", "two"), "is not a number"),
        ("retire", ("data",), "intent is encrypted: the policy has to say retired"),
        ("encrypt", ("data",), "in_place:allow is not true"),
        ("header", (5,), "device is a path"),
    ],
)
def test_a_wrong_question(one_volume, name, arguments, said):
    functions, _states = one_volume.load()
    with pytest.raises(SaltInvocationError, match=said):
        functions[f"inguest_luks.{name}"](*arguments)


def test_a_wrong_policy_names_every_mistake(one_volume):
    one_volume.declared |= {"device": "/dev/sdb", "sice": "10G"}
    with pytest.raises(CommandExecutionError) as caught:
        one_volume.call("apply")
    for key in ("volumes:data:device", "volumes:data:sice"):
        assert key in str(caught.value)


# ---- keys -------------------------------------------------------------------------------------


def test_rotation_leaves_one_key_that_opens(one_volume):
    one_volume.call("apply")
    old = one_volume.recovery
    assert one_volume.call("rotate_key", test=True)["result"] == "planned"
    assert one_volume.recovery == old
    done = one_volume.call("rotate_key")
    assert [step["do"] for step in done["steps"]][:2] == ["key_add", "key_remove"]
    assert one_volume.recovery != old
    assert opens(one_volume.image, one_volume.recovery)
    assert not opens(one_volume.image, old)
    (token,) = one_volume.header()["tokens"]
    assert token["generation"] == 2
    assert one_volume.call("rotate_key", generation=2)["result"] == "clean"
    assert one_volume.call("apply")["result"] == "clean", "the policy's generation is the least"


def test_rotation_without_a_safe_keeps_the_old_key(one_volume):
    one_volume.call("apply")
    old = one_volume.recovery
    one_volume.safe.forgetful = True
    told = one_volume.call("rotate_key")
    assert told["result"] in ("refused", "failed")
    assert "did not give back" in told["comment"]
    assert opens(one_volume.image, old)
    one_volume.safe.forgetful = False
    assert one_volume.call("rotate_key")["result"] == "changed"
    assert opens(one_volume.image, one_volume.recovery)
    assert len(one_volume.header()["keyslots"]) == 1, "what was half made is gone"


def test_a_key_of_the_store_is_added_beside(one_volume):
    one_volume.call("apply")
    one_volume.safe.kept["store"] = "the first key in the store"
    one_volume.declared["unlock"] = {"by": ["key"], "key": "sdb://safe/store"}
    assert one_volume.call("add_key", "key")["result"] == "changed"
    assert opens(one_volume.image, "the first key in the store")
    assert opens(one_volume.image, one_volume.recovery)
    one_volume.safe.kept["store"] = "the second key in the store"
    assert one_volume.call("rotate_key", "key")["result"] == "changed"
    assert opens(one_volume.image, "the second key in the store")
    assert not opens(one_volume.image, "the first key in the store")


def test_another_volume_key(one_volume, caplog):
    one_volume.call("apply")
    before, key = one_volume.header(), one_volume.recovery
    assert one_volume.call("rekey", test=True)["result"] == "planned"
    assert one_volume.header() == before
    assert one_volume.call("resume")["comment"] == "nothing was interrupted"
    with caplog.at_level("INFO"):
        done = one_volume.call("rekey")
    assert done["result"] == "changed", done
    assert "volume data: 100 % done, 0 s left" in caplog.messages
    assert one_volume.header()["fingerprint"] != before["fingerprint"]
    assert opens(one_volume.image, one_volume.recovery)
    assert one_volume.call("apply")["result"] == "clean", "the policy's number is the least"
    assert key in one_volume.safe.ever


def test_the_first_boot_of_a_clone(one_volume):
    one_volume.safe.kept["store"] = "a key that both can fetch"
    one_volume.declared["unlock"] = {"by": ["key"], "key": "sdb://safe/store"}
    one_volume.call("apply")
    before = one_volume.header()
    assert one_volume.call("rekey_clones")["comment"] == "its keys were made on this machine"
    assert one_volume.header() == before
    # another machine, with the same image; the escrow of its minion holds nothing yet
    (one_volume.images.root / "etc/machine-id").write_text("0" * 31 + "2\n")
    theirs = one_volume.safe.kept.pop("web1/data")
    assert one_volume.call("rekey_clones", test=True)["result"] == "planned"
    done = one_volume.call("rekey_clones")
    assert done["result"] == "changed", done
    after = one_volume.header()
    assert after["fingerprint"] != before["fingerprint"] and after["uuid"] != before["uuid"]
    assert opens(one_volume.image, one_volume.recovery) and not opens(one_volume.image, theirs)


# ---- the header -------------------------------------------------------------------------------


def test_a_header_is_backed_up_as_it_is_now(one_volume):
    one_volume.call("apply")
    assert one_volume.call("backup_header")["result"] == "clean"
    (copy,) = one_volume.images.headers
    assert (copy.stat().st_mode & 0o777, copy.stat().st_uid) == (0o600, 0)
    os.unlink(copy)
    assert one_volume.call("backup_header", test=True)["result"] == "planned"
    assert one_volume.call("backup_header")["result"] == "changed"
    assert len(one_volume.images.headers) == 1


def test_a_destroyed_header_comes_back(one_volume):
    one_volume.call("apply")
    assert one_volume.call("restore_header")["comment"] == "the header is usable"
    before = one_volume.images.bytes()[: 1 << 20]
    with open(one_volume.image, "r+b") as image:
        image.write(os.urandom(40960))  # both copies of the header
    assert not opens(one_volume.image, one_volume.recovery)
    assert one_volume.call("apply")["result"] == "refused"
    assert one_volume.call("restore_header", test=True)["result"] == "planned"
    assert one_volume.call("restore_header")["result"] == "changed"
    assert one_volume.images.bytes()[: 1 << 20] == before
    assert opens(one_volume.image, one_volume.recovery)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("another volume", "carries the header of another volume|holds no usable header"),
        ("another use", "holds ext4 by now"),
        ("a changed copy", "its digest differs"),
        ("no copy", "is not there"),
    ],
)
def test_a_header_is_restored_only_where_it_belongs(one_volume, harm, said):
    one_volume.call("apply")
    (copy,) = one_volume.images.headers
    with open(one_volume.image, "r+b") as image:
        image.write(os.urandom(40960))
    if harm == "another use":
        subprocess.run(["mkfs.ext4", "-q", "-F", one_volume.image], check=True)
    elif harm == "another volume":
        command = ["cryptsetup", "-q", "luksFormat", "--pbkdf", "pbkdf2", "--key-file", "-"]
        command += ["--pbkdf-force-iterations", "1000", one_volume.image]
        subprocess.run(command, input=b"another key", check=True)
        with open(one_volume.image, "r+b") as image:  # both copies are unusable, the UUID stays
            for at in (4096, 16384 + 4096):
                image.seek(at)
                image.write(b"}")
    elif harm == "a changed copy":
        with open(copy, "r+b") as file:
            file.seek(300000)
            file.write(b"x")
    else:
        copy.unlink()
    before = one_volume.images.bytes()
    told = one_volume.call("restore_header")
    assert told["result"] == "refused"
    assert re.search(said, told["comment"]), told["comment"]
    assert one_volume.images.bytes() == before


def test_reading_a_header_needs_no_cryptsetup(one_volume, monkeypatch):
    one_volume.call("apply")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("salt.utils.path.which", lambda *unused: None)
    assert one_volume.header()["keyslots"]
    with pytest.raises(CommandExecutionError, match="install the package cryptsetup"):
        one_volume.call("plan")
    functions, _states = one_volume.load()
    with pytest.raises(CommandExecutionError, match="no LUKS header"):
        functions["inguest_luks.header"]("/etc/passwd")


# ---- the end ----------------------------------------------------------------------------------


def test_retirement_is_declared_and_names_the_uuid(one_volume):
    one_volume.call("apply")
    key = one_volume.recovery
    one_volume.declared["intent"] = "retired"
    refused = one_volume.call("retire")
    assert refused["result"] == "refused"
    assert opens(one_volume.image, key)
    one_volume.declared["replace"] = one_volume.header()["uuid"]
    assert one_volume.call("retire", test=True)["result"] == "planned"
    assert opens(one_volume.image, key)
    assert one_volume.call("retire")["result"] == "changed"
    assert not opens(one_volume.image, key)
    assert not one_volume.images.headers, "a copy of the header would open it"
    assert one_volume.call("retire")["result"] == "clean"


def test_looking_changes_nothing(one_volume):
    one_volume.call("apply")
    tree, image = snapshot(one_volume.images.root), one_volume.images.bytes()
    for name in ("status", "plan", "verify"):
        one_volume.call(name)
    for name in ("apply", "resume", "backup_header", "restore_header", "rotate_key"):
        one_volume.call(name, test=True)
    one_volume.header()
    assert snapshot(one_volume.images.root) == tree
    assert one_volume.images.bytes() == image
