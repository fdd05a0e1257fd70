"""
Encrypted volumes as the policy declares them
=============================================

.. code-block:: yaml

    data:
      inguest_luks.volume:
        - mount: /srv/data

    postgresql:
      service.running:
        - require:
          - inguest_luks: data

The volumes are declared in the pillar ``inguest:crypt:volumes``; a state's arguments lay over that.
Two things are the pillar's alone: what is given up (``replace``), and secrets, for Salt logs
what stands in an SLS file. With ``test=True`` the states show exactly the steps that the real run
takes. A volume that is as it should be is only looked at.

A long step, such as the encryption of a file system in place, tells how far it has come: in the
minion's log, and as events ``inguest/volume/<name>/progress``. Interrupted, it goes on with the
next run.
"""

import inguestlib

inguestlib = inguestlib.refresh()

from salt.exceptions import CommandExecutionError, SaltInvocationError
from salt.state import STATE_INTERNAL_KEYWORDS

INTERFACE = 1

__virtualname__ = "inguest_luks"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def volume(name, root=None, image=None, **params):
    """
    The volume is as the policy declares it: formatted, opened, mounted, its keys in place.

    name
        The volume's name in the policy, and of its mapping below ``/dev/mapper``.
    root, image
        An offline tree in place of the machine, and the image file of the volume.
    params
        Keys of the pillar ``inguest:crypt:volumes:<name>``, laid over it; see the reference of the
        policy. Neither ``replace`` nor a secret can be one of them.

    What the mode of the family ``crypt`` says counts: ``enforce`` does it, ``audit`` only
    warns of what is left to do.
    """
    given = {
        key: value
        for key, value in params.items()
        if not key.startswith("__") and key not in STATE_INTERNAL_KEYWORDS
    }
    return _applied(name, name, {name: given} if given else None, root=root, image=image)


def volumes(name, names=None, root=None):
    """
    All volumes that the policy declares are as it wants them.

    name
        Free.
    names
        Only these volumes.
    root
        An offline tree in place of the machine.

    They are taken in an order in which a key file on another volume is there when it is needed. A
    volume that fails does not keep the others from being done; the state then fails.
    """
    return _applied(name, names, None, root=root)


def header_backed_up(name, root=None, image=None):
    """
    A copy of the volume's header as it is now lies where the policy wants it, and was verified.

    name
        The volume's name in the policy.
    root, image
        An offline tree in place of the machine, and the image file of the volume.
    """
    return _done(name, "backup_header", name, root=root, image=image)


def key_rotated(name, generation=None, role="recovery", root=None, image=None):
    """
    The volume's key is of the given generation, or of a later one.

    .. code-block:: yaml

        data:
          inguest_luks.key_rotated:
            - generation: 2

    name
        The volume's name in the policy.
    generation
        A number that is raised whenever a new key is wanted. An older key is replaced: the new one
        opens the volume, and lies in the escrow, before the old one goes.
    role
        Whose key: ``recovery`` by default. For ``key`` and ``keyfile``, which have no generation, a
        keyslot of the key that the policy now leads to takes the place of the old one.
    root, image
        An offline tree in place of the machine, and the image file of the volume.
    """
    if role == "recovery" and generation is None:
        comment = "generation is missing: without it, each run would make another key"
        return {"name": name, "changes": {}, "result": False, "comment": comment}
    kwargs = {"role": role, "generation": generation, "root": root, "image": image}
    return _done(name, "rotate_key", name, **kwargs)


def retired(name, root=None, image=None):
    """
    Nothing opens the volume any more: all its keyslots were destroyed.

    name
        The volume's name in the policy, which has to say ``intent: retired`` and to name the
        UUID that stands on the device under ``replace``.
    root, image
        An offline tree in place of the machine, and the image file of the volume.
    """
    return _done(name, "retire", name, root=root, image=image)


# ---- beneath -----------------------------------------------------------------------------------


def _applied(name, volumes_, overlay, **where):
    test = bool(__opts__.get("test"))
    return _shown(name, "apply", test, volumes_, policy=overlay, **where)


def _done(name, function, *args, **kwargs):
    test = bool(__opts__.get("test"))
    return _shown(name, function, test, *args, **kwargs)


def _shown(state, function, test, *args, **kwargs):
    try:
        out = __salt__[f"inguest_luks.{function}"](*args, test=test, **kwargs)
    except (SaltInvocationError, CommandExecutionError) as exc:
        # It is written for people already; Salt would put a traceback around it.
        return {"name": state, "changes": {}, "result": False, "comment": str(exc)}
    changes = {volume: _changes(part) for volume, part in out.items() if _changes(part)}
    failed = any(part["result"] in ("failed", "refused") for part in out.values())
    result = False if failed else (None if test and changes else True)
    ret = {
        "name": state,
        "changes": changes,
        "result": result,
        "comment": "\n".join(map(_line, out, out.values())) or "no volume is declared",
    }
    warnings = [f"{volume}: {note}" for volume, part in out.items() for note in part["notes"]]
    if warnings:
        ret["warnings"] = warnings
    return ret


def _changes(part):
    """The steps that were taken, or would be."""
    steps = part["left"] if part["result"] == "planned" else part["steps"]
    return [{key: step[key] for key in step if key != "volume"} for step in steps]


_SAID = {
    "planned": "would be changed",
    "changed": "changed and proved",
    "clean": "is as it should be",
    "audited": "audited only",
    "refused": "nothing was changed",
    "failed": "could not be done",
}


def _line(volume, part):
    steps = ", ".join(step["do"] for step in _changes(part))
    line = f"{volume}: {_SAID[part['result']]}" + (f": {steps}" if steps else "")
    return line + (f": {part['comment']}" if part["comment"] else "")
