"""A secret of the policy reaches the file that it is for, and nothing else that inguest leaves."""

import json
import logging
import os

import pytest

from inguestlib import apply as core_apply
from inguestlib import policy
from inguestlib.effects import Effects
from inguestlib.families import all_families
from inguestlib.guest import Guest
from support.cases import write

SECRET = "s3nt1nel/%:x"
SPELLED = ("s3nt1nel",)  # in whatever encoding it stands
APT = "/etc/apt/auth.conf.d/zz-inguest-proxy.conf"
UNIT = "/etc/systemd/system/docker.service.d/zz-inguest-proxy.env"
TREE = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/etc/hostname": "web1\n",
    "/usr/lib/systemd/systemd": "",
    "/sbin/init": ("->", "/usr/lib/systemd/systemd"),
    "/usr/lib/systemd/system/docker.service": "[Service]\nExecStart=/bin/true\n",
    # what a password change leaves behind
    APT: "machine http://proxy.corp.example:3128\nlogin joe\npassword older-s3nt1nel\n",
}


def pillar(password):
    login = {"user": "joe", "consumers": ["apt"], "units": ["docker.service"]}
    return {
        "mode": "off",
        "proxy": {
            "mode": "enforce",
            "url": "http://proxy.corp.example:3128",
            "credentials": {**login, "password": password},
        },
    }


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "tree", TREE)
    return tmp_path / "tree"


def holding(root):
    """The guest paths of all files that hold the secret."""
    found = set()
    for folder, _names, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                with open(path, "rb") as file:
                    if b"s3nt1nel" in file.read():
                        found.add(path[len(str(root)) :])
    return found


def silent(*told):
    return not any(secret in json.dumps(told) for secret in SPELLED)


def test_it_is_written_into_roots_files_and_told_to_nobody(loaded, root, caplog):
    with caplog.at_level(logging.DEBUG):
        functions, states = loaded(pillar(SECRET))
        told = [functions[f"inguest.{name}"](root=str(root)) for name in ("facts", "audit", "plan")]
        told.append(functions["inguest.policy"]())
        ret = states["inguest.enforced"](name="x", root=str(root))
        told += [ret, functions["inguest.audit"](root=str(root))]
    assert ret["result"] is True, ret
    assert silent(told) and not any(secret in caplog.text for secret in SPELLED)
    assert f"password {SECRET}\n" in (root / APT[1:]).read_text()
    assert "joe:s3nt1nel%2F%25%3Ax@proxy" in (root / UNIT[1:]).read_text()
    assert holding(root) == {APT, UNIT}
    for path in (APT, UNIT):
        info = os.stat(root / path[1:])
        assert (info.st_mode & 0o7777, info.st_uid) == (0o600, 0)
    assert "***" in json.dumps(told[2]["families"]["proxy"]["plan"])


def test_a_password_that_was_changed_is_noticed(loaded, root):
    functions, _ = loaded(pillar(SECRET))
    assert functions["inguest.apply"](root=str(root))["families"]["proxy"]["result"] == "applied"
    functions, _ = loaded(pillar("another"))
    done = functions["inguest.apply"](root=str(root))
    assert done["families"]["proxy"]["result"] == "applied"
    assert holding(root) == set()
    assert "password another\n" in (root / APT[1:]).read_text()


def test_sdb_resolves_it(loaded, root, monkeypatch):
    monkeypatch.setenv("INGUEST_TEST_LOGIN", SECRET)
    functions, _ = loaded(pillar("sdb://fromenv/INGUEST_TEST_LOGIN"), fromenv={"driver": "env"})
    done = functions["inguest.apply"](root=str(root))
    assert done["families"]["proxy"]["result"] == "applied", done["families"]
    assert f"password {SECRET}\n" in (root / APT[1:]).read_text()
    assert silent(done)


def test_what_can_not_be_resolved_is_one_error_and_nothing_is_changed(loaded, root):
    functions, states = loaded(pillar("sdb://nowhere/x"))
    before = holding(root)
    ret = states["inguest.enforced"](name="x", root=str(root))
    assert ret["result"] is False and ret["changes"] == {}
    (line,) = [line for line in ret["comment"].splitlines() if "could not be" in line]
    assert "inguest:proxy:credentials:password" in line and "nowhere" in line
    assert holding(root) == before and not (root / UNIT[1:]).exists()


def test_what_its_file_can_not_hold_is_an_error_that_names_the_key(loaded, root):
    functions, _ = loaded(pillar("s3nt1nel with blanks"))
    done = functions["inguest.apply"](root=str(root))["families"]["proxy"]
    assert done["result"] == "reverted" and "inguest:proxy:credentials:password" in done["comment"]
    assert "blank" in done["comment"] and silent(done)


class Killed(BaseException):
    """The power goes."""


def _apply(functions, root, step):
    loaded = policy.load(pillar(SECRET), families=all_families(), needed=["proxy"])
    core_apply.apply(str(root), loaded, Effects(functions), ["proxy"], step=step)


def test_what_a_power_cut_leaves_is_roots_alone(loaded, tmp_path):
    functions, _ = loaded(pillar(SECRET))
    labels = []
    write(tmp_path / "whole", TREE)
    _apply(functions, tmp_path / "whole", labels.append)
    for number in range(0, len(labels), 3):  # what lasts at each step: tests of the core
        root = tmp_path / f"cut{number}"
        write(root, TREE)
        seen = []

        def step(label, number=number, seen=seen):
            if len(seen) == number:
                raise Killed
            seen.append(label)

        with pytest.raises(Killed):
            _apply(functions, root, step)
        for path in holding(root) - {APT, UNIT}:
            assert path.startswith("/var/lib/inguest/"), path
            assert os.stat(root / path[1:]).st_mode & 0o077 == 0
            assert os.stat(root / "var/lib/inguest").st_mode & 0o077 == 0
        guest = Guest(root)
        kept = [k for e in core_apply.recover(guest.root, Effects(functions)) for k in e["kept"]]
        assert kept == [], "what we have written ourselves is no work of a person's"
        assert holding(root) - {UNIT} == {APT}
