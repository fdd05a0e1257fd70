"""Which units are up: what is compared when systemd noted a start or a stop."""

import pytest

from inguestlib.systemd.runtime import Runtime, State
from inguestlib.watch import marks, sentry

pytestmark = pytest.mark.unit


def state(**units):
    found = {
        name.replace("__", "@").replace("_", "."): Runtime(name, "loaded", active, "")
        for name, active in units.items()
    }
    return State({k: v._replace(name=k) for k, v in found.items()}, "running", "bus")


SOME = {"ssh_service": "active", "cron_service": "active", "x_timer": "inactive"}


@pytest.mark.parametrize(
    "more",
    [
        {"session-4_scope": "active"},
        {"user-1000_slice": "active"},
        {"user__1000_service": "active"},
        {"run-u7_service": "active"},
        {"dev-sda_device": "active"},
        {"backup_service": "inactive"},
    ],
)
def test_what_comes_and_goes_all_day_is_no_difference(more):
    assert marks.running(state(**SOME)) == marks.running(state(**SOME, **more))


@pytest.mark.parametrize(
    "other",
    [
        {**SOME, "ssh_service": "failed"},
        {**SOME, "ssh_service": "inactive"},
        {**SOME, "telnet_socket": "active"},
    ],
)
def test_a_unit_that_is_up_or_down_otherwise_is(other):
    assert marks.running(state(**SOME)) != marks.running(state(**other))


def test_a_start_is_seen_at_the_directory_where_systemd_notes_it(tmp_path):
    folder = tmp_path / marks.UNITS[1:]
    folder.mkdir(parents=True)
    sign = marks.full(marks.look(folder))
    known = {"services": {"units": {marks.UNITS: [list(sign), "digest"]}}}
    watched = sentry.Sentry(str(tmp_path), known)
    assert watched.moved() == []
    (folder / "invocation:ssh.service").symlink_to("0123")
    assert watched.moved() == [("units", marks.UNITS)]
    assert watched.concerned(watched.moved()) == {"services"}
