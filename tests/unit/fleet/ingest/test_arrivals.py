"""Which events of the bus are ours."""

import pytest

from inguestlib.fleet.ingest import arrivals

ENVELOPE = {"v": 1}


@pytest.mark.parametrize(
    "tag",
    [
        "inguest/report",
        "inguest/heartbeat",
        "salt/beacon/web1/inguest/drift",
        "salt/beacon/web1.example.com/inguest/cured",
    ],
)
def test_ours(tag):
    assert arrivals.ours(tag.encode() + b"\n\n\x81")


@pytest.mark.parametrize(
    "tag",
    [
        "salt/job/20261123/ret/web1",
        "inguest/reports",
        "inguest/report/x",
        "salt/beacon/web1/inotify/",
        "salt/beacon/inguest/load/",
        "syndic/s1/inguest/report",
        "minion_start",
        "",
    ],
)
def test_not_ours(tag):
    assert not arrivals.ours(tag.encode() + b"\n\n\x81")


def test_an_event_without_an_end_of_its_tag():
    assert not arrivals.ours(b"salt/beacon/web1/inguest/" + b"x" * 1000 + b"\n\n")
    assert not arrivals.ours(b"salt/beacon/web1/inguest/drift")


def read(tag, data):
    return arrivals.read(b"raw", lambda raw: (tag, data))


def test_a_report_names_its_sender_and_holds_an_envelope():
    data = {"id": "web1", "cmd": "_minion_event", "data": {"message": ENVELOPE}}
    assert read("inguest/report", data)[:2] == ("web1", ENVELOPE)


def test_a_beacons_event_is_of_whom_its_tag_names():
    data = {"id": "other", "findings": [], "message": ENVELOPE}
    assert read("salt/beacon/web1/inguest/drift", data)[:2] == ("web1", ENVELOPE)


def test_a_beacons_event_that_a_process_of_its_own_sent():
    data = {"id": "web1", "cmd": "_minion_event", "data": {"findings": [], "message": ENVELOPE}}
    assert read("salt/beacon/web1/inguest/cured", data)[:2] == ("web1", ENVELOPE)


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"id": "web1"}, {"id": "web1", "data": []}, {"id": 1, "data": {"message": 1}}],
)
def test_an_event_without_a_message(data):
    assert read("inguest/report", data) is None


def test_the_second_of_a_beacons_events_carries_none():
    assert read("salt/beacon/web1/inguest/cured", {"id": "web1", "findings": []}) is None
