"""Where a test's machines come from: booted once, saved, and thawed for each test."""

import functools
import hashlib
import itertools
import json
import shutil
import subprocess
from contextlib import contextmanager

from support import trees
from support.qemu.hardware import Hardware
from support.qemu.image import Image
from support.qemu.machine import COMMAND_LINE, Machine, Snapshot
from support.qemu.salted import GuestMinion, checkout

CHECKOUT = "checkout"  # file of a saved minion: the digest of what it has synced


class Farm:
    """Machines on one wire.

    States right after a boot, and with a minion that is up, are kept in the cache from run to run.
    """

    def __init__(self, wire, directory):
        self._wire = wire
        self._directory = directory
        self._numbers = itertools.count(1)
        self._synced = {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self._directory, ignore_errors=True)  # gigabytes; pytest keeps three runs

    @contextmanager
    def machine(self, suite, cold=False, **wanted):
        """A booted :class:`Machine`; its power is cut at the end.

        :param cold: boot it now, rather than go on from a saved state.
        :param wanted: fields of :class:`Image` and :class:`Hardware`.
        """
        image, hardware = _parts(suite, wanted)
        if cold:
            machine = self._new(suite, image, hardware)
            start = machine.boot
        else:
            machine = Machine.thaw(self._booted(image, hardware), *self._place())
            start = _nothing
        with _off_at_the_end(machine):
            start()
            yield machine

    @contextmanager
    def thawed(self, snapshot):
        """A machine that goes on from a :class:`Snapshot` of a test's own."""
        machine = Machine.thaw(snapshot, *self._place())
        with _off_at_the_end(machine):
            yield machine

    @contextmanager
    def salted(self, master, suite, **wanted):
        """A :class:`GuestMinion` that is connected to ``master`` and holds its checkout."""
        key = _parts(suite, wanted)
        if key not in self._synced:
            self._synced[key] = self._sync(master, *key)
        machine = Machine.thaw(self._synced[key], *self._place())
        with _off_at_the_end(machine):
            yield GuestMinion(machine, master).back()

    def _sync(self, master, image, hardware):
        """The saved minion; one that holds the checkout, when that is another by now."""
        kept = self._minion(master, image, hardware)
        if (kept.directory / CHECKOUT).read_text() == _digest(master.served):
            return kept
        machine = Machine.thaw(kept, *self._place())
        with _off_at_the_end(machine):
            minion = GuestMinion(machine, master)
            minion.hold(checkout(master.served))
            minion.back().salt("saltutil.refresh_modules", timeout=300)
            return machine.freeze()

    def _minion(self, master, image, hardware):
        """A minion that is up, from the cache; a master with the same keys finds it again."""

        def make(target):
            machine = Machine.thaw(booted, target, self._wire.plug())
            with _off_at_the_end(machine):
                minion = GuestMinion(machine, master)
                minion.install(checkout(master.served))
                minion.wait().salt("inguest.controls", timeout=600)  # in memory, once
                machine.freeze()
            (target / CHECKOUT).write_text(_digest(master.served))

        booted = self._booted(image, hardware)
        made_of = [booted.directory.name, str(GuestMinion(booted, master).configuration())]
        digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:12]
        saved = trees.once(f"{image.suite}-minion-{digest}", make)
        return Snapshot(saved, booted.name, image, hardware)

    def _booted(self, image, hardware):
        disk = image.made()
        made_of = [disk.name, _qemu(), COMMAND_LINE, hardware.arguments(), hardware.disks]
        digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:12]

        def make(target):
            machine = Machine(_name(image.suite), target, self._wire.plug(), image, hardware)
            with _off_at_the_end(machine):
                machine.boot()
                machine.freeze()

        saved = trees.once(f"{image.suite}-booted-{digest}", make)
        return Snapshot(saved, _name(image.suite), image, hardware)

    def _new(self, suite, image, hardware):
        return Machine(_name(suite), *self._place(), image, hardware)

    def _place(self):
        return self._directory / f"machine-{next(self._numbers)}", self._wire.plug()


def _name(suite):
    return f"{suite}-guest"


def _parts(suite, wanted):
    of_hardware = {key: wanted[key] for key in wanted if key in Hardware._fields}
    of_image = {key: wanted[key] for key in wanted if key not in Hardware._fields}
    hardware = Hardware(**of_hardware)
    hardware.need()
    return Image(suite, **of_image), hardware


def _digest(directory):
    """A digest of all files below."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*.py")):
        digest.update(f"{path.relative_to(directory)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _off_at_the_end(machine):
    try:
        yield machine
    finally:
        machine.cut()


def _nothing():
    pass


@functools.cache
def _qemu():
    """A saved state is for the QEMU that saved it."""
    said = subprocess.run(
        ["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True
    )
    return said.stdout.splitlines()[0]
