"""What can't be seen on a device: what a run is about to do to it, and where its backups are.

One JSON file for each volume, below :data:`HOME` of the guest (0700, root; the file 0600). It is
written before a thing is done, survives a power cut, and holds no secret.
"""

import contextlib
import fcntl
import json
import os
import time

from inguestlib import images
from inguestlib.volumes import VolumeError

HOME = "/var/lib/inguest/volumes"


class Record:
    """The record of one volume.

    folder
        The real path of its own folder; made when something is first kept.
    """

    def __init__(self, folder):
        self.folder = folder
        self._path = os.path.join(folder, "record.json")

    @property
    def data(self):
        """All that is kept, as it is on the disk now: ``{key: plain data}``."""
        try:
            with open(self._path, encoding="utf-8") as file:
                return json.load(file)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except ValueError as exc:
            raise VolumeError(f"{self._path}: is no record of ours: {exc}") from exc

    def get(self, key, default=None):
        """What is kept under a key."""
        return self.data.get(key, default)

    def set(self, key, value):
        """Keep plain data; it is durable when this returns."""
        self._write({**self.data, key: value})

    def drop(self, *keys):
        """Forget keys, if they are there."""
        data = self.data
        if data.keys() & set(keys):
            self._write({key: data[key] for key in data if key not in keys})

    def _write(self, data):
        self.make()
        new = self._path + ".new"
        images.write(new, (json.dumps(data, indent=1, sort_keys=True) + "\n").encode())
        os.replace(new, self._path)
        images.sync_dir(self.folder)

    def make(self):
        """Make the folder, for root alone. Returns it."""
        return private(self.folder)

    @contextlib.contextmanager
    def lock(self, wait=5.0):
        """Hold the volume: gives the lock's descriptor, for children to keep it held.

        wait
            Seconds to wait for another run. Raises :class:`VolumeError` after that.
        """
        path = os.path.join(self.folder, "lock")
        deadline = time.monotonic() + wait
        while (fd := self._locked(path)) is None:
            if time.monotonic() > deadline:
                name = os.path.basename(self.folder)
                raise VolumeError(f"another run is at work on volume {name}")
            time.sleep(0.1)
        try:
            yield fd
        finally:
            self._clean(path)
            os.close(fd)

    def _locked(self, path):
        """The descriptor of the lock, or ``None`` where another run holds it."""
        self.make()
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # the holder before us may have removed the file that we opened
            if os.fstat(fd).st_ino == os.stat(path).st_ino:
                return fd
        except OSError:
            pass
        os.close(fd)
        return None

    def _clean(self, path):
        """A run that kept nothing leaves nothing: an image stays as it was."""
        if os.listdir(self.folder) != ["lock"]:
            return
        os.unlink(path)
        folder = self.folder
        with contextlib.suppress(OSError):
            for _above in range(3):  # the volume's own, all volumes', inguest's
                os.rmdir(folder)
                folder = os.path.dirname(folder)


def private(folder):
    """Make a folder, and those above it, for root alone; durable. Returns it."""
    missing, above = [], folder
    while not os.path.isdir(above):
        missing.append(above)
        above = os.path.dirname(above)
    for made in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(made, 0o700)
        images.sync_dir(os.path.dirname(made))
    return folder
