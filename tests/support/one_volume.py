"""One declared volume in an image file, worked on by Salt's loaded functions and states."""

import json

from support.safe import DRIVERS
from support.volumes import CHEAP, Images


class OneVolume:
    """The volume ``data``, of 64 MiB, in an offline tree.

    :param loaded: the fixture: Salt's loader on the checkout.
    :param directory: a scratch folder.
    :param safe: :class:`support.safe.Safe`; it keeps the recovery key.
    """

    def __init__(self, loaded, directory, safe):
        self.images = Images(directory)
        self.safe = safe
        self._loaded, self._known = loaded, {}
        self.declared = {
            "device": "/dev/disk/by-id/scsi-one",
            "filesystem": "none",
            "recovery": {"escrow": "sdb://safe/{minion}/{volume}"},
            "luks": dict(CHEAP),
        }
        self.mode = "enforce"

    @property
    def image(self):
        """The path of the image."""
        return self.images.image

    @property
    def recovery(self):
        """The recovery key that lies in the safe."""
        return self.safe.kept["web1/data"]

    def load(self, test=False):
        """``(functions, states)`` for the declaration as it is now."""
        pillar = {"mode": "off", "crypt": {"mode": self.mode, "volumes": {"data": self.declared}}}
        key = json.dumps([pillar, test])
        if key not in self._known:  # Salt's loader is slow, and most tests ask the same again
            more = {"sdb_dirs": [str(DRIVERS)], "safe": self.safe.profile, "id": "web1"}
            self._known[key] = self._loaded(json.loads(key)[0], test=test, **more)
        return self._known[key]

    def call(self, name, *arguments, **keywords):
        """``inguest_luks.<name> data`` on the image: the volume's part of the answer."""
        where = {"root": str(self.images.root), "image": str(self.image)}
        functions, _states = self.load()
        answer = functions[f"inguest_luks.{name}"]("data", *arguments, **where, **keywords)
        assert set(answer) == {"data"}
        return answer["data"]

    def state(self, name, test=False, **keywords):
        """The state ``inguest_luks.<name>`` of ``data`` on the image."""
        where = {"root": str(self.images.root), "image": str(self.image)}
        _functions, states = self.load(test)
        return states[f"inguest_luks.{name}"](name="data", **where, **keywords)

    def header(self):
        """The image's header."""
        functions, _states = self.load()
        return functions["inguest_luks.header"](str(self.image))
