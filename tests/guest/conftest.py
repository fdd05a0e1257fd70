"""Fixtures of virtual machines. ``tests/README.md`` tells how the rig works."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.qemu.farm import Farm


def pytest_collection_modifyitems(config, items):
    """``INGUEST_GUEST_SHARE=2/3`` runs each third file, from the second on; the rest is told."""
    share = os.environ.get("INGUEST_GUEST_SHARE")
    if not share:
        return
    number, of = map(int, share.split("/"))
    here = Path(__file__).parent
    chosen = set(sorted(here.glob("test_*.py"))[number - 1 :: of])
    left = [item for item in items if here in item.path.parents and item.path not in chosen]
    items[:] = [item for item in items if item not in set(left)]
    config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="session")
def farm(wire, tmp_path_factory):
    """The session's :class:`support.qemu.farm.Farm`: where machines come from."""
    with Farm(wire, tmp_path_factory.mktemp("machines")) as farm:
        yield farm


@pytest.fixture(scope="session")
def master(wire, tmp_path_factory):
    """The session's master, with the keys that saved minions know."""
    from support import salt_rig
    from support.qemu.salted import master_keys

    directory = tmp_path_factory.mktemp("master") / "salt"
    master = salt_rig.Master(directory, wire.master, keys=master_keys())
    try:
        yield master.start()
    finally:
        master.stop()


@pytest.fixture
def guest_machine(farm):
    """``guest_machine("bookworm", firmware="uefi", tpm=True)`` gives a booted machine.

    It goes on from a state saved right after a boot, with disks of its own, in a second;
    ``cold=True`` boots it. Other keywords: those of :class:`support.qemu.image.Image` and
    :class:`support.qemu.hardware.Hardware`.
    """
    with ExitStack() as stack:
        yield lambda suite, **wanted: stack.enter_context(farm.machine(suite, **wanted))


@pytest.fixture(scope="session")
def salted_machine(farm, master):
    """``with salted_machine("bookworm") as minion:`` gives a :class:`GuestMinion`.

    Booted, its minion accepted and synced with the checkout, once for the session; each use
    goes on from there with disks of its own. Keywords as for ``guest_machine``.
    """
    return lambda suite, **wanted: farm.salted(master, suite, **wanted)


@pytest.fixture
def salted_guest(salted_machine):
    """``salted_guest("bookworm")``: as ``salted_machine``, until the test's end."""
    with ExitStack() as stack:
        yield lambda suite, **wanted: stack.enter_context(salted_machine(suite, **wanted))
