"""The units that the policy declares, and the one drop-in that inguest owns for each of them.

Restart, ordering and stop settings of a unit stand together in
``/etc/systemd/system/UNIT.d/zz-inguest.conf``. It holds a setting only if the control that
asks for it is in force, and only if the unit is not right by itself.
"""

from inguestlib import changes
from inguestlib.changes import File
from inguestlib.systemd import names, unitfile

NAME = "zz-inguest.conf"


def declared(params):
    """``{name as the policy writes it: its options}``, whether it is a list or a mapping."""
    required = params["required"]
    if isinstance(required, dict):
        return required
    return {name: {} for name in required}


def path(unit_id):
    """Where our drop-in for a unit lies."""
    return f"/etc/systemd/system/{unit_id}.d/{NAME}"


def ours(place):
    """Whether a path is a drop-in of ours."""
    return place.endswith("/" + NAME)


def values(unit, key, own=True):
    """``[[value, path, line], …]`` of ``Section.Key``; ``own=False`` leaves out our drop-in's."""
    return [one for one in unit.get("settings", {}).get(key, ()) if own or not ours(one[1])]


def last(unit, keys, own=True):
    """The assignment in force of one setting under its names: ``[value, path, line]`` or ``None``.

    With several names (old and new spelling) the one of the file read last counts.
    """
    found = [one for key in keys for one in values(unit, key, own)]
    order = [unit.get("path"), *unit.get("dropins", ())]
    return max(found, key=lambda one: (_position(order, one[1]), one[2]), default=None)


def _position(order, place):
    return order.index(place) if place in order else -1


def words(unit, keys, own=True):
    """All words of list settings."""
    return {
        word for key in keys for value, _, _ in values(unit, key, own) for word in value.split()
    }


def shadowed(unit, keys):
    """A drop-in that is read after ours and sets the same thing: ours would not count."""
    for key in keys:
        for _, place, _ in values(unit, key, own=False):
            if place in unit.get("dropins", ()) and place.rpartition("/")[2] > NAME:
                return place
    return ""


def where(assignment, key):
    """``path:line key=value``: the evidence of a setting."""
    value, place, line = assignment
    return f"{place}:{line} {key}={value}" if line else f"{place} {key}={value}"


def change(unit_id, settings):
    """The :class:`File` of our drop-in.

    settings
        ``[(section, key, value), …]``; an empty list removes the file.
    """
    if not settings:
        return File(path(unit_id), absent=True)
    lines = [changes.HEADER]
    for section in dict.fromkeys(section for section, _, _ in settings):
        lines += ["", f"[{section}]"]
        lines += [f"{key}={value}" for s, key, value in settings if s == section]
    return File(path(unit_id), content="\n".join(lines) + "\n", mode="0644")


def span(value):
    """Seconds of a setting, ``None`` when it is no time span."""
    return unitfile.seconds(value)


def full(name):
    """The unit's name; one without suffix is a service."""
    return names.full(name)
