"""Volumes in image files: all that cryptsetup does without a device mapper, on any machine."""

import subprocess

from inguestlib.volumes import declared
from inguestlib.volumes.job import Job

# As cheap as cryptsetup allows: what is tested is not how long guessing takes.
CHEAP = {"pbkdf": "pbkdf2", "iterations": 1000}
ESCROW = "sdb://store/{minion}/{volume}"


def declare(**given):
    """A declaration as the policy's schema makes it; a recovery key unless told otherwise."""
    problems = []
    told = {"device": "/dev/disk/by-id/one", "luks": CHEAP, "recovery": {"escrow": ESCROW}, **given}
    volume = declared.VOLUME.check(told, "inguest:crypt:volumes:data", problems)
    assert not problems, problems
    return volume


class Store(dict):
    """An sdb store: ``{uri: value}``."""

    def functions(self):
        """Its functions, as Salt's loader names them."""
        return {
            "sdb.get": lambda uri, strict=False: self.get(uri),
            "sdb.set": self._set,
            "sdb.delete": lambda uri: self.pop(uri, None),
        }

    def _set(self, uri, value):
        self[uri] = value
        return True


def run_all(argv, python_shell=False, timeout=60, **unused):
    """``cmd.run_all`` of a list."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    return {"retcode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


class Images:
    """An offline tree, a store, and one image.

    :param directory: a folder for all of them.
    :param size: of the image, in bytes.
    """

    def __init__(self, directory, size=64 << 20):
        self.root = directory / "root"
        self.image = directory / "image"
        self.store = Store()
        (self.root / "etc").mkdir(parents=True)
        (self.root / "etc/machine-id").write_text("0" * 31 + "1\n")
        with open(self.image, "wb") as file:
            file.truncate(size)

    def job(self, volume=None, name="data", **more):
        """A :class:`Job` on the image."""
        salt = {"cmd.run_all": run_all, **self.store.functions(), **more.pop("salt", {})}
        told = {"root": str(self.root), "device": str(self.image), **more}
        return Job(name, volume or declare(), minion="one", salt=salt, **told)

    @classmethod
    def like(cls, other, directory):
        """A copy of all that another one holds, holes and all."""
        command = ["cp", "--archive", "--sparse=always", f"{other.root.parent}/.", str(directory)]
        subprocess.run(command, check=True)
        copy = cls.__new__(cls)
        copy.root, copy.image = directory / "root", directory / "image"
        copy.store = Store(other.store)
        return copy

    @property
    def record(self):
        """The folder of the volume's record."""
        return self.root / "var/lib/inguest/volumes/data"

    @property
    def headers(self):
        """The copies of the volume's header."""
        return sorted(self.root.glob("var/lib/inguest/headers/data/*"))

    def bytes(self):
        """All of the image."""
        return self.image.read_bytes()
