"""Passes and rounds over a small tree of a guest, with the real families."""

import time

import pytest

from inguestlib import policy
from inguestlib.families import all_families
from inguestlib.watch import memory, sentry, watcher

from ..families.services.guestbox import Box

pytestmark = pytest.mark.functional

GOOD, BAD = "nameserver 10.0.0.53\n", "nameserver 8.8.8.8\n"


class Watched:
    """A guest's tree with its beacon, whose rounds run at once."""

    def __init__(self, folder):
        self.box = Box(folder / "root", "debian", {"/etc/resolv.conf": GOOD})
        self.folder = str(folder / "state")
        self.pillar = {"dns": {"servers": ["10.0.0.53"]}, "mode": "audit"}
        self.delivered = []
        self.start()

    def start(self):
        """The minion starts: what it held in its memory is gone."""
        self.watcher = watcher.Watcher(self.folder, str(self.box.root))

    def look(self, now=None):
        """One pass of the beacon, and its round: ``(Due or None, Told or None)``."""
        due = self.watcher.due(self.pillar, now)
        if due is None:
            return None, None
        self.watcher.began(now)
        loaded = policy.load(self.pillar, families=all_families())
        return due, watcher.work(
            self.folder, str(self.box.root), "web1", self.pillar, loaded, due, self.deliver
        )

    def deliver(self, done, _policy):
        self.delivered.append(done)
        return {"message": len(self.delivered)}

    def told(self):
        """``(drifted, cured)`` controls of all rounds until nothing moves any more."""
        drift, cured = set(), set()
        for _ in range(5):
            _due, told = self.look()
            if told is None:
                break
            drift |= {f["control"] for f in told.drift}
            cured |= {f["control"] for f in told.cured}
            time.sleep(0.08)  # a tick of the file system's clock
        else:
            raise AssertionError("it never comes to rest")
        return drift, cured

    def rests(self):
        """The first round, after which nothing moves."""
        time.sleep(0.08)
        assert self.told() == (set(), set())
        return self


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


@pytest.fixture
def resting(watched):
    return watched.rests()


def test_the_first_round_judges_all_and_tells_nothing(watched):
    due, told = watched.look()
    assert (due.why, due.families) == ("start", None)
    assert set(told.families) == set(all_families())
    assert (told.drift, told.cured, told.message) == ([], [], None)


def test_a_drift_is_told_once_and_so_is_its_cure(resting):
    resting.box.write("/etc/resolv.conf", BAD)
    drift, cured = resting.told()
    assert "dns-servers-approved" in drift
    assert "dns-servers-approved" not in cured
    assert resting.told() == (set(), set())
    resting.box.write("/etc/resolv.conf", GOOD)
    drift, cured = resting.told()
    assert "dns-servers-approved" in cured
    assert not drift
    assert len(resting.delivered) == 2


def test_only_the_families_concerned_are_judged(resting):
    resting.box.write("/etc/resolv.conf", BAD)
    _due, told = resting.look()
    assert "dns" in told.families
    assert not {"crypt", "tpm", "drivers", "tools"} & set(told.families)
    (done,) = resting.delivered
    assert {f["family"] for f in done.findings} == set(told.families)


@pytest.mark.parametrize(
    "family, path",
    [
        ("dns", "/etc/nsswitch.conf"),
        ("dns", "/etc/systemd/resolved.conf.d/x.conf"),
        ("dns", "/run/systemd/resolved.conf.d/x.conf"),
        ("services", "/etc/sysctl.d/x.conf"),
        ("services", "/etc/systemd/system.conf.d/x.conf"),
        ("proxy", "/etc/environment"),
        ("proxy", "/etc/apt/apt.conf.d/99x"),
        ("drivers", "/etc/modprobe.d/x.conf"),
        ("drivers", "/usr/lib/modprobe.d/x.conf"),
        ("crypt", "/etc/crypttab"),
        ("crypt", "/etc/fstab"),
        ("tools", "/etc/vmware-tools/tools.conf"),
        ("tools", "/var/lib/dpkg/status"),
    ],
)
def test_files_and_their_families(resting, family, path):
    resting.box.write(path, "x = y\n")
    due, _told = resting.look()
    assert family in due.families, due


def test_drift_made_while_the_minion_was_down_is_told_after_its_start(resting):
    resting.box.write("/etc/resolv.conf", BAD)
    resting.start()
    drift, _cured = resting.told()
    assert "dns-servers-approved" in drift
    resting.start()
    assert resting.told() == (set(), set())


def test_a_round_that_was_killed_is_done_again(resting):
    resting.box.write("/etc/resolv.conf", BAD)
    assert resting.watcher.due(resting.pillar)
    resting.watcher.began()  # and never ends
    assert resting.look() == (None, None), "one round at a time"
    drift, _cured = (resting.start(), resting.told())[1]
    assert "dns-servers-approved" in drift


def test_a_round_that_failed_is_tried_again_later(resting):
    resting.box.write("/etc/resolv.conf", BAD)
    assert resting.watcher.due(resting.pillar)
    resting.watcher.began()
    _due, told = resting.look(now=time.time() + watcher.PAUSE_LIMIT + 1)
    assert told.drift


def test_another_policy_is_judged_by(resting):
    resting.pillar = {"dns": {"servers": ["10.9.9.9"]}, "mode": "audit"}
    due, told = resting.look()
    assert due.why == "policy"
    assert "dns-servers-approved" in {f["control"] for f in told.drift}
    resting.pillar = dict(resting.pillar)  # read anew, the same
    assert resting.told() == (set(), set())


def test_a_family_that_is_off_cures_nothing(resting):
    resting.box.write("/etc/resolv.conf", BAD)
    resting.told()
    resting.pillar = {**resting.pillar, "dns": {**resting.pillar["dns"], "mode": "off"}}
    assert resting.told() == (set(), set())


def test_a_waiver_that_ends(resting):
    resting.box.write("/etc/resolv.conf", BAD)
    ends = time.time() + 3600
    waiver = {
        "control": "dns-servers-approved",
        "reason": "migration",
        "approver": "ops",
        "expires": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends)),
    }
    resting.pillar = {**resting.pillar, "waivers": [waiver]}
    drift, cured = resting.told()
    assert "dns-servers-approved" not in drift | cured
    assert resting.look() == (None, None)
    due, _told = resting.look(now=ends + 2)
    assert due.why == "waiver"


def test_another_release_judges_all(resting, monkeypatch):
    monkeypatch.setattr(watcher, "LIBRARY", "another")
    resting.start()
    due, told = resting.look()
    assert (due.why, due.families) == ("code", None)
    assert told.drift == []
    assert resting.told() == (set(), set())


def test_what_moves_all_the_time_costs_little(resting):
    """Rounds that change nothing, each right after the other, are followed by a pause."""
    rounds = 0
    for _ in range(10):
        resting.box.write("/etc/resolv.conf", GOOD)
        rounds += resting.look()[1] is not None
    assert rounds < 5
    rest = memory.load(resting.folder)["rest"]
    assert time.time() < rest <= time.time() + watcher.PAUSE_LIMIT
    resting.box.write("/etc/resolv.conf", BAD)
    _due, told = resting.look(now=rest + 1)
    assert told.drift


def test_an_edit_of_a_vendors_file_takes_some_passes(resting):
    path = "/usr/lib/systemd/system/multi-user.target"
    before = resting.box.read(path)
    resting.box.write(path, before + "# edited\n")
    assert any(resting.look()[0] for _ in range(sentry.TURNS))
