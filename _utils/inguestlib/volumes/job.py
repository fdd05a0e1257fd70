"""What a step needs to do its work on one volume of one guest."""

import contextlib
from functools import cached_property

from inguestlib.effects import Effects
from inguestlib.guest import Guest
from inguestlib.volumes import VolumeError, backup, keyplan, keyslots, network, observed
from inguestlib.volumes.cryptsetup import Cryptsetup
from inguestlib.volumes.keys import Keys
from inguestlib.volumes.record import HOME, Record


class Job:
    """One run on one volume.

    name, declared
        The volume: :data:`inguestlib.volumes.declared.VOLUME`, its secrets bound.
    minion
        This minion's id, for the escrow.
    salt
        Salt's execution functions, a mapping.
    root
        ``/``, or an offline tree; its volumes are images.
    device
        The real path of a device or of an image, a regular file, in place of the declared name:
        for an offline tree, whose disks have no names here.
    step
        Called with a label before and after everything that lasts; a test kills there.
    progress
        Called with ``{"done": bytes, "of": bytes, "eta": seconds}`` during long runs.
    """

    def __init__(
        self,
        name,
        declared,
        *,
        minion="minion",
        salt=None,
        root="/",
        device=None,
        step=lambda label: None,
        progress=None,
    ):
        self.name, self.declared, self.minion = name, declared, minion
        self.salt = {} if salt is None else salt
        self.root = root
        self.image = device
        self.passed = 0  # how many labels: what has passed one may have changed something
        self._step = step
        self.tool = Cryptsetup(progress=progress)
        self.effects = Effects(self.salt)
        self._tried = None, None

    def step(self, label):
        """Called by a step before and after everything that lasts."""
        self.passed += 1
        self._step(label)

    def guest(self):
        """A guest that has seen nothing yet."""
        return Guest(self.root)

    def look(self, anew=False):
        """What stands there now: :func:`inguestlib.volumes.observed.observe`, and its ``keys``.

        anew
            Try the keys again, though the header is as it was when they were tried, and read all
            of its copy.
        """
        if anew:
            self._tried = None, None
            self.__dict__.pop("keys", None)
        seen = observed.observe(
            self.guest(), self.name, self.declared, image=self.image, record=self.record.data
        )
        if anew and seen["backup"]:
            found = self.guest(), seen["record"], seen["path"], seen["header"]
            seen["backup"] = backup.state(*found, whole=True)
        seen["keys"] = self._keys(seen["path"], seen["header"])
        seen["network"] = network.look(self.guest(), self.name, self.salt)
        return seen

    def _keys(self, path, header):
        """Which keys open the device; tried once for each state of its header."""
        if not keyplan.manageable(header):
            return {"roles": {}, "tokens": {}}
        state = backup.fingerprint(path, header)
        if self._tried[0] != state:
            self._tried = state, keyslots.observe(self, header)
        return self._tried[1]

    def path(self):
        """The real path of the device. Raises :class:`VolumeError` if it isn't there."""
        device, _fitting = observed.find(self.guest(), self.declared, self.image)
        if device is None:
            raise VolumeError(f"{self.declared['device']}: no such device (any more)")
        return device["path"]

    @cached_property
    def record(self):
        """The volume's :class:`Record`."""
        return Record(self.guest().path(f"{HOME}/{self.name}"))

    @cached_property
    def keys(self):
        """The volume's :class:`inguestlib.volumes.keys.Keys`."""
        return Keys(
            self.name,
            self.declared,
            minion=self.minion,
            salt=self.salt,
            guest=self.guest(),
            tool=self.tool,
        )

    @contextlib.contextmanager
    def lock(self):
        """Hold the volume; programs that are started meanwhile hold it to their own end."""
        with self.record.lock() as fd:
            self.tool.held = (fd,)
            try:
                yield
            finally:
                self.tool.held = ()

    def call(self, function, *args, **kwargs):
        """One of Salt's functions. Raises :class:`VolumeError` where it isn't there."""
        if function not in self.salt:
            raise VolumeError(f"Salt's {function} is not available on this guest")
        return self.salt[function](*args, **kwargs)

    def run(self, *argv, timeout=600):
        """A program that needs no secret, by Salt. Raises :class:`VolumeError` if it fails."""
        done = self.call("cmd.run_all", list(argv), python_shell=False, timeout=timeout)
        if done["retcode"]:
            said = (done.get("stderr") or done.get("stdout") or "").strip()
            raise VolumeError(f"{' '.join(argv)}: exit status {done['retcode']}: {said}")
        return done["stdout"]
