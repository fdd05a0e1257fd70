"""The engine listens to the bus of a real master."""

import os
import tempfile
import threading
import time

import pytest
import salt.config
import salt.loader
import salt.utils.event

from support import salt_rig

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def master():
    with tempfile.TemporaryDirectory(prefix="b-") as base:  # sockets lie in it
        master = salt_rig.Master(f"{base}/m", f"127.39.{os.getpid() % 250}.1")
        (master.directory / "cache/proc").mkdir(parents=True)
        master.start()
        yield master
        master.stop()


@pytest.fixture
def opts(master):
    return salt.config.master_config(str(master.config))


@pytest.fixture
def bus(opts):
    """The engine's own way to listen, listening."""
    opts = {**opts, "__role": "master", "engines_dirs": [str(salt_rig.CHECKOUT / "_engines")]}
    loader = salt.loader.engines(opts, {}, {}, {})
    with loader["inguest.start"].__globals__["Bus"](opts) as bus:
        bus.wait(0.1, 10)
        yield bus


def fire(opts, *tags):
    with salt.utils.event.get_master_event(opts, opts["sock_dir"], listen=False) as event:
        for tag in tags:
            assert event.fire_event({"tag": tag}, tag)


def received(bus, wanted, timeout=20):
    """The tags of our events, when the wanted number is there."""
    found = []
    deadline = time.monotonic() + timeout
    while len(found) < wanted and time.monotonic() < deadline:
        for raw in bus.wait(0.5, 100):
            tag, data = salt.utils.event.SaltEvent.unpack(raw)
            if tag.startswith("inguest/"):
                assert data["tag"] == tag
                found.append(tag)
    return found


def test_the_bus_gives_the_raw_bytes_of_what_is_fired(bus, opts):
    tags = [f"inguest/{number}" for number in range(20)]
    fire(opts, *tags)
    assert received(bus, len(tags)) == tags


def test_the_bus_waits_no_longer_than_it_may(bus):
    begun = time.monotonic()
    while bus.wait(0.5, 10):  # whatever the master says
        begun = time.monotonic()
    assert 0.3 < time.monotonic() - begun < 5


def test_the_bus_gives_no_more_at_once_than_is_enough(bus, opts):
    fire(opts, *[f"inguest/{number}" for number in range(20)])
    time.sleep(0.5)
    assert all(len(bus.wait(0.5, 5)) <= 5 for _ in range(6))


def test_a_master_that_was_started_again_is_heard_again(bus, opts, master):
    master.stop()
    bus.wait(0.2, 10)
    master.start()
    stop = threading.Event()

    def keep_firing():
        while not stop.wait(0.3):
            fire(opts, "inguest/again")

    thread = threading.Thread(target=keep_firing)
    thread.start()
    try:
        assert received(bus, 1)[0] == "inguest/again"
    finally:
        stop.set()
        thread.join()
