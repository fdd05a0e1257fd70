"""What unlocks a volume: bindings as declared, the password agent, and the unit for a key."""

import os
import socket
import subprocess
import sys
import threading

import pytest

from inguestlib.guest import Guest
from inguestlib.volumes import network, tang, tpm2
from inguestlib.volumes.material import Key
from support.volumes import declare

THUMB = {c: c * 43 for c in "ab"}


def servers(*names, threshold=1):
    asked = [{"url": f"http://{n}", "thumbprint": THUMB[n]} for n in names]
    return declare(unlock={"by": ["tang"], "tang": {"servers": asked, "threshold": threshold}})


def pin(name, thumbprint=None):
    return {"pin": "tang", "url": f"http://{name}", "thumbprint": thumbprint or THUMB[name]}


def sss(*pins, threshold=1):
    return {"pin": "sss", "threshold": threshold, "pins": list(pins)}


@pytest.mark.parametrize(
    "declared, pins, fits",
    [
        (servers("a"), [pin("a")], True),
        (servers("a"), [pin("b")], False),
        (servers("a"), [pin("a", "z" * 43)], False),
        (servers("a"), [{**pin("a", "z" * 43), "thumbprints": ["z" * 43, THUMB["a"]]}], True),
        (servers("a"), [sss(pin("a"))], False),
        (servers("a"), [], False),
        (servers("a", "b"), [sss(pin("b"), pin("a"))], True),
        (servers("a", "b"), [sss(pin("a"))], False),
        (servers("a", "b"), [sss(pin("a"), pin("a"))], False),
        (servers("a", "b", threshold=2), [sss(pin("a"), pin("b"))], False),
        (servers("a", "b", threshold=2), [sss(pin("a"), pin("b"), threshold=2)], True),
        (servers("a"), [{"pin": "tpm2"}], False),
    ],
)
def test_tang_as_declared(declared, pins, fits):
    assert tang.fits(declared, {"pins": pins}) is fits


def test_the_configuration_of_clevis_always_names_the_thumbprint():
    assert tang.config(servers("a")["unlock"]["tang"]) == (
        "tang",
        {"url": "http://a", "thp": THUMB["a"]},
    )
    pin_, about = tang.config(servers("a", "b", threshold=2)["unlock"]["tang"])
    assert (pin_, about["t"]) == ("sss", 2)
    assert all(server["thp"] for server in about["pins"]["tang"])


@pytest.mark.parametrize(
    "token, fits",
    [
        ({"pcrs": [7, 0], "bank": "sha256", "pin": False}, True),
        ({"pcrs": [7], "bank": "sha256", "pin": False}, False),
        ({"pcrs": [0, 7], "bank": "sha1", "pin": False}, False),
        ({"pcrs": [0, 7], "bank": "sha256", "pin": True}, False),
    ],
)
def test_a_tpm_as_declared(token, fits):
    declared = declare(unlock={"by": ["tpm2"], "tpm2": {"pcrs": [0, 7]}})
    assert tpm2.fits(declared, token) is fits


@pytest.mark.parametrize(
    "values, binds",
    [
        ({7: "0" * 64}, False),
        ({7: "F" * 64}, False),
        ({0: "0" * 64, 7: "F" * 64}, False),
        ({0: "0" * 64, 7: "65CAF8DD" * 8}, True),
        ({7: None}, True),  # an older kernel does not tell
    ],
)
def test_pcrs_that_hold_no_measurement_bind_nothing(tmp_path, values, binds):
    folder = tmp_path / "sys/class/tpm/tpm0/pcr-sha256"
    folder.mkdir(parents=True)
    for pcr, value in values.items():
        if value:
            (folder / str(pcr)).write_text(value + "\n")
    why = tpm2.unmeasured(Guest(str(tmp_path)), {"bank": "sha256", "pcrs": list(values)})
    assert why is None if binds else "never measured" in why


ASK = """
import os, socket, sys
folder, number = sys.argv[1:]
path = f"{folder}/sck.{number}"
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.bind(path)
    with open(f"{folder}/tmp.{number}", "w") as file:
        file.write(f"[Ask]\\nPID={os.getpid()}\\nSocket={path}\\nId=tpm2-pin\\n")
    os.rename(f"{folder}/tmp.{number}", f"{folder}/ask.{number}")
    s.settimeout(20)
    print(s.recv(100).decode(), end="")
    os.unlink(f"{folder}/ask.{number}")
"""


def test_the_agent_answers_our_own_programs(tmp_path):
    with tpm2.agent(Key(b"123456"), str(tmp_path)):
        for number in "12":  # a PIN is asked for twice
            said = subprocess.run(
                [sys.executable, "-c", ASK, tmp_path, number], capture_output=True, text=True
            )
            assert said.stdout == "+123456", said.stderr


def test_the_agent_answers_nobody_else(tmp_path):
    path = tmp_path / "sck"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asker:
        asker.bind(str(path))
        asker.settimeout(0.5)
        for number, pid in enumerate((1, os.getpid(), "", "no")):
            question = f"[Ask]\nPID={pid}\nSocket={path}\n"
            (tmp_path / f"ask.{number}").write_text(question)
        with tpm2.agent(Key(b"123456"), str(tmp_path)), pytest.raises(TimeoutError):
            asker.recv(100)
    assert threading.active_count() < 20


# ---- the unit -------------------------------------------------------------------------------


def by_network(*ways, **more):
    return declare(unlock={"by": list(ways or ["key"]), "key": "sdb://s/k"}, **more)


def observed(name="data", files=None, enabled=False, live=True):
    paths = network.paths(name)
    return {
        "name": name,
        "network": {
            "live": live,
            "systemd": True,
            "files": {path: (files or {}).get(path) for path in paths},
            "enabled": enabled,
            "command": ["salt-call", "inguest_luks.open", name],
        },
    }


def test_a_unit_takes_the_place_of_systemds_own():
    (step,) = network.planned(by_network(), observed("my-data"))
    unit, dropin, reload, enable = step.args["changes"]
    assert unit["path"] == r"/etc/systemd/system/systemd-cryptsetup@my\x2ddata.service"
    assert dropin["path"].endswith(r"/dev-mapper-my\x2ddata.device.d/zz-inguest.conf")
    assert (reload["action"], enable["action"]) == ("daemon-reload", "enable")
    text = unit["content"]
    assert 'ExecStart=/bin/sh -c "until salt-call inguest_luks.open my-data; do sleep 10;' in text
    assert "After=network-online.target" in text and "Wants=network-online.target" in text


def test_a_unit_as_it_should_be_is_left():
    paths = network.paths("data")
    files = dict(zip(paths, (network.unit("data", observed()["network"]["command"]), None)))
    files[paths[1]] = network.dropin()
    there = observed(files=files, enabled=True)
    assert network.planned(by_network(), there) == []
    # where the boot itself can open the volume, it goes
    (step,) = network.planned(by_network("key", "tpm2"), there)
    gone = [change.get("path") for change in step.args["changes"] if change["kind"] == "file"]
    assert sorted(gone) == sorted(paths)
    # and what somebody else has written there is left
    foreign = observed(files={paths[0]: "[Unit]\n"}, enabled=True)
    assert network.planned(by_network("key", "tpm2"), foreign) == []


def test_no_unit_without_systemd():
    seen = observed()
    seen["network"]["systemd"] = False
    assert network.planned(by_network(), seen) == []
