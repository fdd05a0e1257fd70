"""The beacon and the function that it calls, with Salt's loader; rounds run in this process."""

import time

import pytest
import salt.loader

from ..families.services.guestbox import Box

pytestmark = pytest.mark.functional

PILLAR = {"mode": "audit", "dns": {"servers": ["10.0.0.53"]}}
CONFIG = [{"interval": 10}, {"_beacon_name": "inguest"}]


@pytest.fixture
def box(tmp_path):
    return Box(tmp_path / "root", "debian", {"/etc/resolv.conf": "nameserver 10.0.0.53\n"})


@pytest.fixture
def started(minion_opts, pytestconfig, tmp_path, box):
    """``started(pillar, …)``: the beacons, as a minion loads them; it has no master."""

    def start(pillar=PILLAR, **options):
        opts = {
            **minion_opts,
            "pillar": {"inguest": pillar},
            "cachedir": str(tmp_path / "cache"),
            "inguest.root": str(box.root),
            "multiprocessing": False,
            "beacons_dirs": [str(pytestconfig.rootpath / "_beacons")],
            **options,
        }
        return salt.loader.beacons(opts, salt.loader.minion_mods(opts))

    return start


def rests(beacons):
    """Pass until nothing moves; all events."""
    events = []
    for _ in range(6):
        time.sleep(0.08)  # a tick of the file system's clock
        events += beacons["inguest.beacon"](CONFIG)
    return events


def test_events_as_salt_wants_them(started, box):
    beacons = started()
    assert rests(beacons) == []
    box.write("/etc/resolv.conf", "nameserver 8.8.8.8\n")
    (event,) = rests(beacons)
    assert event["tag"] == "drift"
    assert event["host"] == "web1"
    found = {finding["control"]: finding for finding in event["findings"]}
    assert "/etc/resolv.conf:1" in found["dns-servers-approved"]["evidence"]
    assert "changes" not in found["dns-servers-approved"]
    assert rests(beacons) == []
    box.write("/etc/resolv.conf", "nameserver 10.0.0.53\n")
    (event,) = rests(beacons)
    assert event["tag"] == "cured"


def test_a_mistake_in_the_policy_is_told_once(started):
    beacons = started({"dns": {"severs": []}})
    (event,) = rests(beacons)
    assert event["tag"] == "error"
    (finding,) = event["findings"]
    assert finding["verdict"] == "error"
    assert "inguest:dns:severs" in finding["comment"]
    assert rests(started({"dns": {"severs": []}})) == [], "nor after the next start"


def test_a_state_that_cannot_be_kept_is_told_once(started, tmp_path, caplog):
    (tmp_path / "cache").write_text("a file where the directory would be")
    beacons = started()
    (event,) = rests(beacons)
    assert event["tag"] == "error"
    assert "cache" in event["findings"][0]["comment"]
    assert caplog.text.count("inguest beacon failed") == 1


def test_by_hand_a_pass_says_what_it_found(loaded, box, tmp_path):
    options = {"cachedir": str(tmp_path / "cache"), "inguest.root": str(box.root)}
    functions, _states = loaded(PILLAR, **options)
    first = functions["inguest.watch"]()
    assert (first["why"], first["drift"]) == ("start", [])
    assert functions["inguest.watched"](path="/etc/resolv.conf")["dns"] == {
        "file": ["/etc/resolv.conf"]
    }
    assert set(functions["inguest.watched"](family="dns")) == {"dns"}
    box.write("/etc/resolv.conf", "nameserver 8.8.8.8\n")
    found = functions["inguest.watch"]()
    assert found["why"] == "moved"
    assert "/etc/resolv.conf" in found["moved"]
    assert "dns-servers-approved" in {finding["control"] for finding in found["drift"]}


@pytest.mark.parametrize(
    "config, words",
    [
        ({"interval": 10}, "must be a list"),
        (["interval"], "is not a mapping"),
        ([{"intervall": 10}], "does not know intervall"),
        ([{"interval": 0}], "greater than 0"),
        ([{"interval": "10"}], "greater than 0"),
    ],
)
def test_a_configuration_with_mistakes(started, config, words):
    valid, comment = started()["inguest.validate"](config)
    assert not valid
    assert words in comment


def test_a_configuration_without(started):
    config = [{"interval": 10}, {"enabled": True}, {"disable_during_state_run": True}]
    assert started()["inguest.validate"](config)[0]
