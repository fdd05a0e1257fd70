"""A master's engine without Salt: a bus, a clock and a way to answer of the test's own."""

import datetime as dt
import shutil
from collections import deque

import pytest

from inguestlib import messages
from inguestlib.fleet import store
from inguestlib.fleet.ingest import loop
from support import speakers


class Clock:
    """Stands still until somebody waits."""

    def __init__(self):
        self.passed = 0.0

    def now(self):
        return speakers.START + dt.timedelta(seconds=60 + self.passed)

    def seconds(self):
        return self.passed


class Bus:
    """Events as pairs of a tag and data; waiting makes the clock go on."""

    def __init__(self, clock):
        self._clock = clock
        self.events = deque()

    def wait(self, seconds, enough):
        if not self.events:
            self._clock.passed += max(seconds, 0.01)
        return [self.events.popleft() for _ in range(min(enough, len(self.events)))]

    def put(self, sender, made, tag=None):
        """A message as Salt's bus carries it."""
        kind = messages.unpack(made[0]).body["kind"]
        tag = tag or (messages.HEARTBEAT_TAG if kind == "heartbeat" else messages.REPORT_TAG)
        data = {"message": made[0]}
        if not tag.startswith("salt/beacon/"):
            data = {"id": sender, "cmd": "_minion_event", "data": data}
        self.events.append(Raw(tag, data))


class Raw(bytes):
    """The bytes of an event, and what they stand for."""

    def __new__(cls, tag, data):
        self = super().__new__(cls, tag.encode() + b"\n\n" + repr(data).encode())
        self.content = (tag, data)
        return self


class Place:
    """A master: its store outlives its engines."""

    def __init__(self, url):
        self.url, self.clock, self.keys, self.said = url, Clock(), {}, []
        self.bus = Bus(self.clock)
        self.away = False  # whether the store can't be reached
        self.engine = None

    def start(self, **more):
        """A new engine; what an old one held is gone."""
        limits = more.pop("limits", loop.Limits(batch=10, flush=2.0))
        self.engine = loop.Engine(
            self.bus,
            lambda raw: raw.content,
            self.connect,
            self.keys.get,
            self.answer,
            "master1",
            self.clock,
            limits,
            **more,
        )
        return self.engine

    def connect(self):
        if self.away:
            raise store.StoreUnavailable("it is away")
        return store.open_store(self.url)

    def answer(self, function, hosts, **arguments):
        self.said.append((function, hosts, arguments))

    def answers(self, function):
        """What was said by this function, oldest first."""
        return [arguments for name, _hosts, arguments in self.said if name == function]

    def turns(self, seconds=5):
        """Let the engine run for some of its seconds."""
        until = self.clock.passed + seconds
        while self.clock.passed < until or self.bus.events:
            self.engine.turn()

    def read(self, question):
        """What a reader of the store answers."""
        kept = store.open_store(self.url)
        try:
            with kept.read() as r:
                return question(r)
        finally:
            kept.close()

    def links(self, host):
        """The numbers of a host's stored links, in order."""
        return sorted(link.seq for link in self.read(lambda r: list(r.links(host))))


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """A store without hosts: making one takes longer than most tests here."""
    path = tmp_path_factory.mktemp("store") / "store.sqlite"
    store.open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def place(tmp_path, empty):
    shutil.copyfile(empty, tmp_path / "store.sqlite")
    return Place(f"sqlite:///{tmp_path}/store.sqlite")


@pytest.fixture(scope="session")
def pems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return [speakers.private_key(folder / name) for name in ("one.pem", "two.pem")]


@pytest.fixture
def web1(place, pems):
    """A guest whose key the master accepted."""
    guest = speakers.Speaker("web1", pems[0])
    place.keys["web1"] = guest.public
    return guest


@pytest.fixture
def web2(place, pems):
    guest = speakers.Speaker("web2", pems[1])
    place.keys["web2"] = guest.public
    return guest
