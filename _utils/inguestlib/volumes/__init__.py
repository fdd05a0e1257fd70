"""The life cycle of encrypted volumes: from a blank disk, or a filled one, to its retirement.

What a policy declares (:mod:`inguestlib.volumes.declared`) and what stands on the guest give a
plan, which is pure; its steps are done one at a time, and after each one the guest is looked at
again. So a run that was cut goes on where the guest is: nothing here is undone by a journal,
because what a cipher has done to a disk can only be carried on, or put back from a copy.
"""


class VolumeError(Exception):
    """What can't be done with a volume, for people: it names the key or the device, and the mend.

    Nothing was changed by what raises it.
    """
