"""The life cycle of encrypted volumes: from a blank disk, or a filled one, to its retirement.

What a policy declares (:mod:`inguestlib.volumes.declared`) and what stands on the guest give a
plan, which is pure; its steps are done one at a time, and after each one the guest is looked at
again. So a run that was cut goes on where the guest is: nothing here is undone by a journal,
because what a cipher has done to a disk can only be carried on, or put back from a copy.

A step is plain data, and a module that owns a part of a volume's life exports

``planned(declared, observed) -> list[Step]``
    pure: what is left to do of its part. It is called for a volume that isn't formatted yet,
    too (``observed["header"]`` is ``None``), for ``test=True`` shows the whole way.
``STEPS = {kind: function(job, step)}``
    how each of its steps is done. A function looks again itself at what its safety hangs on,
    survives a kill anywhere, and is run again if the next look still finds the step to do.
"""

from typing import NamedTuple


class VolumeError(Exception):
    """For people: names the key or the device, and the mend. Nothing was changed."""


class Step(NamedTuple):
    """One thing to do to a volume. Plain data; never a secret."""

    kind: str
    volume: str
    args: dict = {}  # noqa: RUF012 - nobody writes into it
    why: str = ""

    def to_dict(self):
        """``{"do", "volume", "why", …}`` for people and for a state's ``changes``."""
        return {"do": self.kind, "volume": self.volume, **self.args, "why": self.why}


class Tried(NamedTuple):
    """Whether a key or a token opens a device now, and what was seen of it. True if it does."""

    ok: bool
    evidence: str

    def __bool__(self):
        return self.ok
