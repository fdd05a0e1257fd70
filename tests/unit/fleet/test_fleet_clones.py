"""What machines share: compared on their facts."""

import json

import pytest

from inguestlib.fleet import clones, cloneview


def volume(key="sha256:k1", uuid="u1", made="m1", kind="inguest"):
    token = {"id": 0, "type": kind, "keyslots": [0], "machine": made}
    return {
        "device": "sdb",
        "error": "",
        "fingerprint": key,
        "header": {"uuid": uuid, "tokens": [token]},
    }


def facts(machine="m1", ek=None, **volumes):
    headers = {f"/dev/{name}": data for name, data in volumes.items()}
    return {
        "schema": 1,
        "guest": {"hostname": "x"},
        "crypt": {"headers": headers, "machine": {"digest": machine}},
        "tpm": {"ek": ek and {"digest": ek, "source": "derived ECC P-256"}},
    }


def compare(**answers):
    return clones.compare(answers.keys(), answers)


def kinds(view):
    return {group["kind"]: group["hosts"] for group in view["shared"]}


def test_machines_that_share_nothing():
    view = compare(
        a=facts("m1", "e1", sdb=volume("k1", "u1", "m1")),
        b=facts("m2", "e2", sdb=volume("k2", "u2", "m2")),
        c=facts("m3"),
    )
    assert view["shared"] == view["foreign"] == []
    assert view["retcode"] == 0


def test_two_copies_of_one_disk():
    view = compare(
        a=facts("m1", sdb=volume("k1", "u1", "m1")), b=facts("m2", sdc=volume("k1", "u1", "m1"))
    )
    both = {"a": ["/dev/sdb"], "b": ["/dev/sdc"]}
    assert kinds(view) == {"luks-volume-key": both, "luks-uuid": both}
    assert view["foreign"] == [{"host": "b", "where": "/dev/sdc", "value": "m1", "made_on": "a"}]
    assert view["retcode"] == 2


def test_after_the_rekey_nothing_is_shared():
    own = volume("k2", "u2", "m2")
    own["header"]["tokens"].append({"id": 1, "type": "inguest-volume", "machine": "m2"})
    view = compare(a=facts("m1", sdb=volume("k1", "u1", "m1")), b=facts("m2", sdb=own))
    assert view["shared"] == view["foreign"] == []


def test_one_machine_that_holds_a_disk_and_its_copy():
    view = compare(a=facts("m1", sdb=volume(), sdc=volume()))
    assert kinds(view)["luks-volume-key"] == {"a": ["/dev/sdb", "/dev/sdc"]}


def test_a_whole_machine_with_its_tpm():
    view = compare(a=facts("m1", "e1"), b=facts("m1", "e1"))
    assert set(kinds(view)) == {"tpm-endorsement-key", "machine-id"}


def test_a_volume_from_a_machine_that_nobody_knows():
    view = compare(b=facts("m2", sdb=volume(made="m9")))
    assert view["foreign"][0]["made_on"] is None
    assert view["retcode"] == 2


def test_a_volume_key_that_was_made_here_counts_more_than_the_slots_of_a_copy():
    header = volume(made="m1")["header"]
    header["tokens"].append({"id": 1, "type": "inguest-volume", "keyslots": [], "machine": "m2"})
    assert clones.made_on(header) == "m2"


@pytest.mark.parametrize(
    "answer, words",
    [
        ("The minion function caused an exception", "exception"),
        (None, "empty"),
        ({"schema": 2, "guest": {}}, "one version"),
        ({"schema": 1}, "one version"),
    ],
)
def test_what_is_no_facts_is_trouble(answer, words):
    view = compare(a=answer)
    assert words in view["trouble"]["a"] and view["retcode"] == 3


def test_what_could_not_be_seen_is_trouble_and_the_rest_is_compared():
    broken = facts("m2", sdb=volume("k1", "u9", "m2"))
    broken["tpm"]["ek"] = {"$error": "no answer in 10 s"}
    view = compare(a=facts("m1", sdb=volume("k1", "u1", "m1")), b=broken)
    assert view["trouble"] == {"b": "tpm.ek: no answer in 10 s"}
    assert set(kinds(view)) == {"luks-volume-key"}
    assert view["retcode"] == 3


def test_silent_hosts_and_none_at_all():
    view = clones.compare({"a", "b"}, {"a": facts()})
    assert view["unanswered"] == ["b"] and view["retcode"] == 3
    assert clones.compare((), {}, "no match")["retcode"] == 3


def test_the_table():
    view = compare(
        a=facts("m1", "e1", sdb=volume("sha256:" + "1" * 64, "u1", "m1")),
        b=facts("m2", "e2", sdc=volume("sha256:" + "1" * 64, "u2", "m1")),
        c="bad\x1b[31m",
    )
    said = cloneview.text(view, columns=160)
    assert "LUKS volume key  sha256:111111111111…  a /dev/sdb" in said
    assert "b /dev/sdc" in said and "can read all of them" in said
    assert "2 hosts compared: 1 shared · 1 from elsewhere" in said
    assert "\x1b" not in said
    assert json.loads(json.dumps(view)) == view
    narrow = cloneview.text(view, columns=60)
    assert "LUKS volume key" in narrow
    assert max(map(len, narrow.splitlines())) <= 60
    assert cloneview.text(compare(a=facts())) == "1 host compared: nothing shared"


def test_keys_of_ssh_and_of_the_minion():
    one, two = facts("m1"), facts("m2")
    for data in (one, two):
        data["guest"]["identity"] = {"machine": None, "ssh": {"/etc/ssh/k.pub": "SHA256:k"}}
    two["guest"]["identity"]["machine"] = "m3"
    view = clones.compare("ab", {"a": one, "b": two}, keys=lambda name: "sha256:key")
    assert kinds(view) == {
        "ssh-host-key": {"a": ["/etc/ssh/k.pub"], "b": ["/etc/ssh/k.pub"]},
        "minion-key": {"a": ["its accepted key"], "b": ["its accepted key"]},
    }
    assert clones.compare("ab", {"a": one, "b": two}, keys=lambda name: None)["shared"] == [
        view["shared"][0]
    ]


def test_a_store_that_can_not_be_read():
    view = clones.failed("no library")
    assert view["retcode"] == 3 and cloneview.text(view) == "no library"
